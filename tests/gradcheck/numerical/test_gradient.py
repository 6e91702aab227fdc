"""Which method decides an entry, and what is kept of it."""

import numpy as np
import pytest

from scratchcnn.gradcheck import numerical_gradient
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.gradient import LOOSE_BOUND, MANY_ENTRIES, Derivatives, derivatives
from scratchcnn.gradcheck.numerical.noise import measure_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe

MIX = np.random.default_rng(0).standard_normal((3, MANY_ENTRIES))


def contraction_of(forward, x, cotangent=None, **options):
    with quiet():
        probe = Probe(forward, [np.array(x, float)], 0, **options)
        noise = measure_noise(probe, np.random.default_rng(0))
    return Contraction(probe, np.ones(probe.outputs) if cotangent is None else np.array(cotangent, float), noise)


def found_of(forward, x, cotangent=None, entries=None, *, fresh=False, **options) -> Derivatives:
    contraction = contraction_of(forward, x, cotangent, fresh=fresh)
    with quiet():
        return derivatives(contraction, np.arange(np.size(x)) if entries is None else np.array(entries), **options)


def float16(a):
    return np.asarray(a).astype(np.float16).astype(float)


class TestMethods:
    @pytest.mark.parametrize(
        ("forward", "at", "status", "method", "slope"),
        [
            (np.sin, 0.5, "ok", "differences", np.cos(0.5)),
            (lambda x: (1e6 + np.sin(x)) - 1e6, 0.5, "ok", "complex step", np.cos(0.5)),
            (np.abs, 0.0, "kink", "one-sided", 0.0),
            (lambda x: np.sqrt(np.abs(x)), 0.0, "drifting", "ladder", None),
            (np.floor, 1.0, "jump", "ladder", None),
            (np.log, 0.0, "not finite", "differences", None),
            (lambda x: float16(np.sin(float16(x))), 0.5, "ok", "steps", np.cos(0.5)),
        ],
    )
    def test_each_kind_of_point_has_one(self, forward, at, status, method, slope):
        found = found_of(forward, [at, 0.25], [-2.0, 1.0])
        assert (found.status[0], found.method[0]) == (status, method)
        assert found.status[1] == "ok"
        assert slope is None or abs(found.value[0] + 2 * slope) <= found.bound[0]

    def test_the_arrays_have_the_input_s_shape(self):
        found = numerical_gradient(lambda x: x**2, [np.arange(6.0).reshape(2, 3)], 0, np.ones((2, 3)))
        assert {getattr(found, name).shape for name in ("value", "bound", "method", "status")} == {(2, 3)}
        assert found.value == pytest.approx(2 * np.arange(6.0).reshape(2, 3))

    def test_of_an_input_without_entries_nothing_is_asked(self):
        found = numerical_gradient(lambda x: x, [np.empty((0, 2))], 0, np.empty((0, 2)))
        assert {a.shape for a in (found.value, found.bound, found.method, found.status)} == {(0, 2)}

    def test_a_point_where_forward_raises_is_none_and_what_it_says_there_is_not_heard(self):
        def forward(x):
            if (x < 0).any():
                raise ValueError("a logarithm of these")
            return np.log(x)

        found = numerical_gradient(forward, [[1e-9, 1.0]], 0, [1.0, 1.0])
        assert found.value == pytest.approx([1e9, 1])
        with np.errstate(all="raise"):
            assert numerical_gradient(np.log, [[1e-9, 1.0]], 0, [1.0, 1.0]).value == pytest.approx([1e9, 1])

    def test_an_entry_too_small_for_its_unit_is_known_by_a_wider_one(self):
        """Beside 1, the entry of 1e-20 has a unit of its own in which nothing moves."""
        found = found_of(lambda x: 1 + x**2 + x, [1e-20, 1.0, 2.0**-9])
        assert found.status.tolist() == ["ok", "ok", "ok"]
        assert found.unit[0] > 1e-15
        assert found.unit[1:].tolist() == found.probe.unit[1:].tolist()
        assert found.value == pytest.approx([1, 3, 1 + 2.0**-8])

    def test_only_some_entries(self):
        found = found_of(lambda x: x**3, [1.0, 2.0, 3.0], entries=[2, 0])
        assert found.value == pytest.approx([27, 3])
        assert (found.unit.size, found.entries.tolist()) == (3, [2, 0])
        assert (found.attempt.shape, found.attempt.dtype) == ((2,), np.intp)


class TestNotFinite:
    def test_the_other_entries_are_decided_by_the_finite_outputs(self):
        found = found_of(lambda x: np.append(np.log(x[:1]), np.abs(x[1:])), [-1.0, 0.0, 2.0], [1.0, 2.0, -3.0])
        assert found.lost.tolist() == [True, False, False]
        assert found.status.tolist() == ["not finite", "kink", "ok"]
        assert found.value[2] == pytest.approx(-3)

    def test_what_was_seen_at_a_kink_names_outputs_of_the_whole(self):
        found = found_of(lambda x: np.append(np.log(x[:1]), np.abs(x[1:])), [-1.0, 0.0], [1.0, 2.0])
        assert list(found.turns) == [1]
        assert found.turns[1].outputs.tolist() == [1]
        assert found.turns[1].sides.value.ravel() == pytest.approx([1, -1])

    def test_where_no_output_is_finite_nothing_is_asked(self):
        assert found_of(lambda x: np.full(2, np.nan) + x[0], [1.0]).status.tolist() == ["not finite"]


class TestTime:
    """Entries on kinks, of which each would be climbed at."""

    forward = staticmethod(lambda x: np.array([np.abs(x).sum(), x[0]]))

    def test_so_many_are_climbed_at_and_the_farthest_from_what_is_expected_first(self):
        expected = np.array([0.0, 0.1, 5.0, -0.2, -7.0, 0.3])
        found = found_of(self.forward, np.zeros(6), climbs=2, expected=expected)
        assert np.flatnonzero(found.status == "kink").tolist() == [2, 4]
        assert found.skipped.tolist() == [0, 1, 3, 5]
        assert (found.status[found.skipped] == "noise").all()

    def test_of_equals_the_first_come_first(self):
        found = found_of(self.forward, np.zeros(40), climbs=3, expected=np.ones(40))
        assert np.flatnonzero(found.status == "kink").tolist() == [0, 1, 2]

    def test_what_the_fits_had_no_time_for_is_not_climbed_at(self):
        def stairs(x):
            return float16(np.array([[2.0, -1.0], [0.5, 3.0]])[:, np.arange(x.size) % 2] @ float16(x))

        found = found_of(stairs, np.linspace(0.3, 1.7, 16), climbs=1)
        assert found.skipped.size == 12
        assert not np.isin(found.method[found.skipped], ["ladder", "one-sided", "steps"]).any()

    def test_nan_is_the_farthest(self):
        found = found_of(self.forward, np.zeros(3), climbs=1, expected=np.array([9.0, np.nan, 8.0]))
        assert np.flatnonzero(found.status == "kink").tolist() == [1]

    def test_without_a_limit_all_are(self):
        found = found_of(self.forward, np.zeros(6), expected=np.ones(6))
        assert (found.status == "kink").all()
        assert found.skipped.size == 0
        assert found_of(self.forward, np.zeros(6), climbs=6, expected=np.ones(6)).skipped.size == 0

    def test_without_expectations_the_first_are(self):
        found = found_of(self.forward, np.zeros(4), climbs=3)
        assert np.flatnonzero(found.status == "kink").tolist() == [0, 1, 2]

    def test_no_climb_at_all(self):
        assert set(found_of(self.forward, np.zeros(3), climbs=0).status) == {"noise"}


class TestComplexStep:
    @staticmethod
    def mixed(x):
        return np.sin(MIX[:, : x.size] @ x)

    POINT = np.linspace(-1, 1, MANY_ENTRIES)

    def test_it_decides_many_entries_that_do_not_move_together(self):
        found = found_of(self.mixed, self.POINT, [1.0, -2.0, 0.5], rng=np.random.default_rng(0))
        assert set(found.method) == {"complex step"}
        assert set(found.status) == {"ok"}
        exact = (np.array([1.0, -2.0, 0.5]) * np.cos(MIX @ self.POINT)) @ MIX
        assert (np.abs(found.value - exact) <= found.bound).all()
        assert (found.roundoff > 0).all()
        assert (found.scale > 0).all()
        assert not found.dropped

    @pytest.mark.parametrize(
        ("forward", "point", "options"),
        [
            (mixed, POINT, {}),  # nobody draws directions
            (mixed, POINT[1:], {"rng": np.random.default_rng(0)}),  # too few entries
            (mixed, POINT, {"rng": np.random.default_rng(0), "fresh": True}),
            (np.sin, POINT, {"rng": np.random.default_rng(0)}),  # they move together
            (lambda x: MIX @ x.astype(float), POINT, {"rng": np.random.default_rng(0)}),  # it refuses complex numbers
        ],
    )
    def test_else_differences_do(self, forward, point, options):
        found = found_of(forward, point, **options)
        assert set(found.method) == {"differences"}
        assert set(found.status) == {"ok"}
        assert not found.dropped

    def test_it_is_dropped_where_directions_disagree(self):
        found = found_of(lambda x: MIX @ (x * x.real), self.POINT, rng=np.random.default_rng(0))
        assert found.dropped
        assert set(found.method) == {"differences"}
        assert found.value == pytest.approx(2 * self.POINT * MIX.sum(axis=0))

    def test_it_tightens_a_loose_bound_alone_and_only_where_it_agrees(self):
        def offset(x):
            return np.append((1e6 + np.sin(x[:1])) - 1e6, np.cos(x[1:]))

        found = found_of(offset, [0.5, 0.25])
        assert found.method.tolist() == ["complex step", "differences"]
        assert found.bound[0] < LOOSE_BOUND * found.value[0]
        assert not found.dropped
        broken = found_of(lambda x: offset(x + 0j).real + 1j * np.imag(x) * 7, [0.5, 0.25])
        assert broken.dropped
        assert "complex step" not in broken.method


class TestSteps:
    @pytest.mark.parametrize("forward", [float16, lambda x: float16(np.array([[2.0, -1.0], [0.5, 3.0]]) @ float16(x))])
    def test_fits_see_beyond_them(self, forward):
        found = found_of(forward, [0.3, 1.7])
        assert found.method.tolist() == ["steps", "steps"]
        assert found.status.tolist() == ["ok", "ok"]
        assert found.stepped.all()
        assert not found.flat.any()
        assert found.precision == 2.0**-10
        assert 0 < found.step < 0.01
        exact = [1, 1] if forward is float16 else [2.5, 2]
        assert (np.abs(found.value - exact) <= found.bound).all()
        assert found.bound.max() < 0.05

    def test_an_input_of_zeros_has_the_unit_of_what_is_rounded(self):
        found = found_of(lambda x: float16(1 + x), np.zeros(2))
        assert found.method.tolist() == ["steps", "steps"]
        assert (np.abs(found.value - 1) <= found.bound).all()
        assert 0 < found.bound.max() < 0.1

    def test_an_entry_on_a_kink_among_steps_is_undecided(self):
        found = found_of(lambda x: float16(np.abs(x)), [0.0, 1.7])
        assert found.status.tolist() != ["ok", "ok"]
        assert abs(found.value[1] - 1) <= found.bound[1]

    def test_steps_wider_than_the_unit_are_no_slope(self):
        found = found_of(lambda x: np.round(x / 4) * 4, [0.3, 1.7])
        assert found.flat.all()
        assert not found.stepped.any()

    def test_a_smooth_function_has_none(self):
        found = found_of(np.exp, [0.3, 1.7])
        assert (found.step, found.stepped.any(), found.precision) == (0.0, False, float(np.finfo(float).eps))

    def test_suspects_are_loose_or_known_and_perhaps_on_a_step(self):
        found = Derivatives(contraction_of(np.sin, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]), np.arange(6))
        found.status[:] = ["ok", "noise", "ok", "ok", "ok", "ok"]
        found.value[:] = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0]
        found.bound[:] = [1e-12, 1e-12, 1e-5, 1e-12, 1e-12, 1e-12]
        found.doubtful[4] = True
        loose, resting = found._suspects()
        assert loose.tolist() == [False, True, True, False, True, False]
        assert resting.tolist() == [False, False, False, True, False, True]


def test_what_would_matter_is_the_size_where_an_output_first_moves_if_nothing_else_is_known():
    for before, after in ((0.0, 100.0), (7.0, 7.0)):
        found = Derivatives(contraction_of(lambda x: 100.0 * (x > 2), [0.0], [-1.0]), np.arange(1))
        found.scale[:] = before
        with quiet():
            found.by_ladder(np.arange(1))
        assert found.scale[0] == after / (found.unit[0] if not before else 1)
        assert found.roundoff[0] == np.finfo(float).eps * (100 / found.unit[0] if not before else 0)
