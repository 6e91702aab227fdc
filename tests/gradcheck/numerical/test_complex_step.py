"""Complex steps by themselves: values, bounds, what refuses them, and how directions hold them."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.complex_step import complex_step, held_to_directions
from scratchcnn.gradcheck.numerical.noise import least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe

EPS = float(np.finfo(float).eps)
W = np.array([[2.0, -1.0, 0.5], [0.25, 3.0, -4.0]])
X = np.array([0.5, -1.5, 1000.0])
C = np.array([1.0, -2.0])


def contraction_of(forward, *inputs, index=0, cotangent=C, noise=None):
    probe = Probe(forward, [np.array(a) for a in inputs], index)
    return Contraction(probe, np.array(cotangent, float), least_noise(probe) if noise is None else np.array(noise))


def stepped(forward, *inputs, entries=None, unit=None, **options):
    contraction = contraction_of(forward, *inputs, **options)
    size = contraction.probe.base.size
    entries = np.arange(size) if entries is None else np.array(entries)
    return complex_step(contraction, entries, np.ones(size) if unit is None else np.array(unit))


class TestOneByOne:
    @pytest.mark.parametrize("unit", [[1.0, 1.0, 1.0], [2.0, 0.5, 1024.0]])
    def test_it_is_right_to_roundoff(self, unit):
        value, bound = stepped(lambda x: 1e9 + W @ np.sin(x), X, unit=unit)
        exact = (C @ W) * np.cos(X)
        assert (np.abs(value - exact) <= bound).all()
        assert (bound <= 1e-12 * np.abs(W.T @ np.abs(C))).all()
        assert (bound >= 64 * EPS * np.abs(exact)).all()

    def test_of_some_entries_in_the_order_of_asking(self):
        value, bound = stepped(lambda x: W @ x**2, X, entries=[2, 0])
        assert value == pytest.approx(((C @ W) * 2 * X)[[2, 0]])
        assert bound.shape == (2,)

    def test_of_one_of_several_inputs(self):
        value, _ = stepped(lambda n, x, y: n * (W @ x) * y, np.array([2]), X, np.array([1.5, 1.0]), index=1)
        assert value == pytest.approx((C * 2 * [1.5, 1.0]) @ W)

    def test_where_nothing_moves_the_bound_is_the_noise_of_the_outputs(self):
        value, bound = stepped(lambda x: W[:, :2] @ x[:2], X, noise=[0.5, 0.25], unit=[1.0, 1.0, 4.0])
        assert value[2] == 0
        assert bound[2] == (0.5 + 2 * 0.25) / 4
        assert bound[:2].max() < 1e-12

    def test_roundoff_shows_in_the_distance_to_the_twin(self):
        def cancelling(x):
            return (1e10 * x[:2] + x[:2] ** 2) - 1e10 * x[:2]

        value, bound = stepped(cancelling, X)
        exact = C * 2 * X[:2]
        assert (np.abs(value[:2] - exact) <= bound[:2]).all()
        assert bound[:2].max() > 1e-9

    def test_at_the_end_of_a_domain_the_result_depends_on_the_step(self):
        value, bound = stepped(lambda x: np.sqrt(x[:2]), [0.0, 1.0, 1.0])
        assert not np.isfinite(bound[0]) or bound[0] >= abs(value[0])
        assert abs(value[1] + 1) <= bound[1] < 1e-12

    @pytest.mark.parametrize(
        "forward",
        [
            lambda x: W @ x.real,  # real outputs
            lambda x: W @ x.astype(float),  # drops the imaginary parts, with a warning
            lambda x: (W @ x)[:1] if np.iscomplexobj(x) else W @ x,
            lambda x: (W @ x).astype(np.complex64) if np.iscomplexobj(x) else W @ x,
            lambda x: int("complex") if np.iscomplexobj(x) else W @ x,
        ],
    )
    def test_what_refuses_complex_numbers_has_none(self, forward):
        assert stepped(forward, X) is None

    def test_without_complex_longdoubles_the_twin_takes_a_smaller_step(self):
        def narrow(x):
            if x.dtype == np.clongdouble and x.dtype != np.complex128:
                raise TypeError("no longdouble here")
            return W @ np.exp(x / 1000)

        value, bound = stepped(narrow, X)
        assert (np.abs(value - (C @ W) * np.exp(X / 1000) / 1000) <= bound).all()
        assert bound.max() < 1e-12

    def test_the_others_have_the_precision_of_the_step_and_integers_stay(self):
        seen = []

        def forward(n, x, y):
            seen.append((n.dtype.kind, x.dtype, y.dtype))
            return n * (W @ x) * y

        stepped(forward, np.array([2]), X.reshape(3), np.array([1.5, 1.0]), index=1)
        pairs = {(np.dtype(np.complex128), np.dtype(float)), (np.dtype(np.clongdouble), np.dtype(np.longdouble))}
        assert {(x, y) for kind, x, y in seen if x.kind == "c"} == pairs
        assert {kind for kind, _, _ in seen} == {"i"}

    def test_inputs_and_outputs_of_two_axes_in_any_order(self):
        x = np.asfortranarray(X[:2, None] * [1.0, 2.0])
        value, bound = complex_step(
            contraction_of(lambda x: W[:, :2] @ x, x, cotangent=[1.0, -2.0, 4.0, 3.0]), np.arange(4), np.ones(4)
        )
        assert (np.abs(value - (W[:, :2].T @ [[1.0, -2.0], [4.0, 3.0]]).ravel()) <= bound).all()

    def test_the_point_is_left_as_it_was(self):
        contraction = contraction_of(lambda x: W @ x, X)
        complex_step(contraction, np.arange(3), np.ones(3))
        assert contraction.probe.x.tolist() == X.tolist()


def held(forward, x=X, unit=(1.0, 1.0, 1.0), seed=0, **options):
    contraction = contraction_of(forward, x, **options)
    return held_to_directions(contraction, np.arange(x.size), np.array(unit), np.random.default_rng(seed))


class TestHeld:
    def test_they_agree_where_forward_is_holomorphic(self):
        x = np.array([0.5, -1.5, 2.0])
        found = held(lambda x: W @ np.sin(x / 4), x)
        exact = (C @ W) * np.cos(x / 4) / 4
        assert found.agree
        assert found.known.all()
        assert (np.abs(found.value - exact) <= found.bound).all()
        assert found.bound.max() < 1e-10

    @pytest.mark.parametrize("share", [1.0, 1e-3, 1e-6])
    @pytest.mark.parametrize("seed", range(3))
    def test_they_disagree_where_one_entry_alone_is_broken(self, seed, share):
        def broken(x):
            y = W @ x
            return y + 1j * share * y.imag if np.iscomplexobj(x) else y

        found = held(broken, seed=seed)
        assert not found.agree
        assert not found.known.any()
        assert found.value.shape == found.bound.shape == (3,)

    def test_they_disagree_at_a_kink(self):
        assert not held(lambda x: np.where(x.real > 0, x, 3 * x) * [1, 2], np.array([0.0]), [1.0]).agree

    @pytest.mark.parametrize("forward", [lambda x: W @ x.real, lambda x: W @ x.astype(float)])
    def test_what_refuses_complex_numbers_has_none(self, forward):
        assert held(forward) is None

    def test_what_is_small_beside_roundoff_is_no_disagreement(self):
        """The derivative is lost in the roundoff of the terms, which the directions show."""
        x = np.array([0.5, -1.5, 2.0])
        found = held(lambda x: (1e7 * x + W[0] * x**2)[:2] - 1e7 * x[:2], x, noise=[1e-7, 1e-7])
        assert found.agree
        exact = C * 2 * W[0, :2] * x[:2]
        assert (np.abs(found.value[:2] - exact) <= found.bound[:2]).all()

    def test_a_derivative_of_zero_along_a_direction_is_compared_too(self):
        assert held(lambda x: W @ (0 * x), np.array([0.5, -1.5, 2.0])).agree
        assert not held(lambda x: W @ (x - x.real), np.array([0.5, -1.5, 2.0])).agree

    def test_roundoff_and_scale_are_those_of_the_outputs_that_the_entry_moves(self):
        found = held(lambda x: np.array([4096 + x[0], 16 + x[1]]), np.array([1.0, 1.0, 1.0]), (1.0, 4.0, 2.0))
        assert found.scale == pytest.approx([4096, 2 * 16 / 4, (4096 + 32) / 2], rel=0.3)
        assert found.roundoff == pytest.approx(EPS * found.scale, rel=0.5)

    def test_an_entry_is_known_only_where_an_error_that_is_missed_would_be_small(self):
        found = held(lambda x: W @ x, noise=[1e-2, 1e-2])
        assert found.agree
        assert not found.known.any()
