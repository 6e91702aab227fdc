"""The steps in which outputs move, and the derivatives beyond them."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.groups import Group, elementwise
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.numerical.staircases import (
    RESOLVED_WIDTH,
    Steps,
    along,
    beyond,
    find,
    in_natural_units,
    moves,
    precision,
    usual_width,
)

NOBODY = np.empty(0, np.intp)


def contraction_of(forward, x, cotangent=None):
    probe = Probe(forward, [np.array(x, float)], 0)
    weights = np.ones(probe.outputs) if cotangent is None else np.array(cotangent, float)
    return Contraction(probe, weights, least_noise(probe))


def grid(step, at=0.0):
    """Round to multiples of a step."""
    return lambda x: np.floor((x - at) / step) * step + at


def found(forward, x, unknown=None, resting=NOBODY, unit=1.0, **options):
    contraction = contraction_of(forward, x, **options)
    size = contraction.probe.base.size
    with quiet():
        return find(contraction, np.full(size, unit), np.arange(size) if unknown is None else unknown, resting)


class TestFind:
    @pytest.mark.parametrize("x", [0.3, -1.7])
    @pytest.mark.parametrize("step", [2.0**-6, 2.0**-12])
    def test_width_height_and_their_shares(self, step, x):
        (steps,) = found(lambda x: 5 * grid(step)(x), [x])
        assert steps.width == pytest.approx(step, rel=0.2)
        assert steps.height == pytest.approx(5 * step)
        assert steps.of_output == pytest.approx(step / (abs(x) + 0.4), rel=0.5)
        assert steps.of_entry == pytest.approx(step / (abs(x) + 0.4), rel=0.5)

    def test_the_width_is_in_units(self):
        (steps,) = found(grid(2.0**-8), [0.3], unit=4.0)
        assert steps.width == pytest.approx(2.0**-10, rel=0.2)

    @pytest.mark.parametrize(
        "forward",
        [
            np.sin,
            lambda x: np.maximum(x - 0.5, 0),
            lambda x: 1.0 * (x > 0.4),
            lambda x: 3.0 + 0 * x,
            lambda x: np.where(x > 0.5, np.nan, 1.0),
        ],
    )
    def test_what_is_smooth_or_jumps_once_has_none(self, forward):
        assert found(forward, [0.3]) == []

    def test_a_smooth_part_may_be_added(self):
        (steps,) = found(lambda x: grid(2.0**-8)(x) + 7 * np.sin(x), [0.3])
        assert steps.width == pytest.approx(2.0**-8, rel=0.2)
        assert steps.height == pytest.approx(2.0**-8, rel=0.2)

    def test_outputs_that_do_not_count_are_not_looked_at(self):
        def forward(x):
            return np.append(grid(2.0**-8)(x), np.sin(x))

        assert found(forward, [0.3], cotangent=[0, 1]) == []
        assert len(found(forward, [0.3], cotangent=[-1, 0])) == 1

    def test_a_few_of_the_unknown_entries_tell(self):
        assert len(found(grid(2.0**-8), np.linspace(0.1, 0.9, 40))) == 4

    def test_where_they_all_stand_still_more_are_asked_and_then_those_that_rest(self):
        def one_of_many(x):
            return np.append(grid(2.0**-8)(x[20:21]), x[:20] + 0.0)

        x = np.linspace(0.1, 0.9, 40)
        assert len(found(one_of_many, x, unknown=np.arange(21, 40))) == 0
        rested = found(lambda x: grid(2.0**-8)(x), x, unknown=NOBODY, resting=np.arange(40))
        assert len(rested) == 4

    def test_those_that_are_fine_enough_or_else_any(self):
        def mixed(x):
            return np.array([grid(2.0**-8)(x[0]), grid(8.0)(x[1])])

        assert [steps.width < 0.01 for steps in found(mixed, [0.3, 0.4])] == [True]
        (wide,) = found(grid(8.0), [0.3])
        assert wide.width > RESOLVED_WIDTH


class TestPrecision:
    def test_it_is_the_share_that_is_constant_rounded_up_to_a_power_of_two(self):
        outputs = [Steps(1, 1, of_output=0.9 * 2.0**-10, of_entry=k) for k in (1.0, 0.1, 0.01)]
        assert precision(outputs) == 2.0**-10
        entries = [Steps(1, 1, of_output=k, of_entry=0.6 * 2.0**-7) for k in (1.0, 0.1, 0.01)]
        assert precision(entries) == 2.0**-7

    def test_it_is_between_eps_and_one(self):
        assert precision([Steps(1, 1, 2.0**-60, 2.0**-60)]) == EPS
        assert precision([Steps(1, 1, 8.0, 8.0)]) == 1

    def test_the_usual_width_is_the_middle_one(self):
        assert usual_width([]) == 0
        assert usual_width([Steps(width=w) for w in (4.0, 1.0, 2.0)]) == 2

    def test_in_natural_units_steps_have_the_width_of_eps(self):
        steps = [Steps(width=8.0, height=1, of_output=2.0**-7, of_entry=2.0**-7)]
        wider, there = in_natural_units(steps)
        assert (wider, there[0].width) == (8 * 2.0**7, 2.0**-7)
        assert (there[0].height, there[0].of_entry) == (1, 2.0**-7)
        fine = [Steps(width=2.0**-9, height=1, of_output=2.0**-7, of_entry=2.0**-7)]
        assert in_natural_units(fine) == (1.0, fine)


def test_a_tiny_move_moves_an_output_that_counts_unless_it_stands_on_a_step():
    contraction = contraction_of(lambda x: np.array([grid(0.5)(x[0]), x[1], x[2]]), [0.3, 1.0, 1.0], [1.0, 1.0, 0.0])
    assert [moves(contraction, np.ones(3), k) for k in range(3)] == [False, True, False]
    for one_sided in (np.maximum, np.minimum):
        assert moves(contraction_of(lambda x, f=one_sided: f(x, 0), [0.0]), np.ones(1), 0)


STEP = 2.0**-9


def fit(forward, x, cotangent=None, groups=None, unit=1.0, entries=None):
    contraction = contraction_of(forward, x, cotangent)
    size = contraction.probe.base.size
    entries = np.arange(size) if entries is None else np.array(entries)
    with quiet():
        steps = found(forward, x, unit=unit)
        return beyond(contraction, np.full(size, unit), groups or [Group(entries)], entries, steps)


class TestBeyond:
    MIX = np.array([[2.0, -1.0, 0.5], [0.25, 3.0, -4.0]])
    X = (0.3, -1.7, 0.9)

    @pytest.mark.parametrize("unit", [1.0, 0.5])
    @pytest.mark.parametrize("rounded", ["inputs", "outputs"])
    def test_the_slope_is_that_of_the_smooth_function(self, rounded, unit):
        def smooth(x):
            return self.MIX @ np.sin(x)

        forward = (lambda x: smooth(grid(STEP)(x))) if rounded == "inputs" else lambda x: grid(STEP)(smooth(x))
        found = fit(forward, self.X, [1.0, -2.0], unit=unit)
        exact = ([1.0, -2.0] @ self.MIX) * np.cos(self.X)
        assert found.agrees.all()
        assert (np.abs(found.value - exact) <= found.bound).all()
        assert found.bound.max() < 0.5

    def test_entries_that_move_together_are_as_good(self):
        def forward(x):
            return grid(STEP)(np.sin(x))

        apart = fit(forward, self.X, [1.0, -2.0, 3.0])
        contraction = contraction_of(forward, self.X)
        group = elementwise(contraction.probe, np.arange(3), np.ones(3))
        together = fit(forward, self.X, [1.0, -2.0, 3.0], groups=[group])
        assert together.value == pytest.approx(apart.value, rel=1e-9)
        assert together.bound == pytest.approx(apart.bound, rel=1e-6)

    def test_near_zero_a_whole_step_may_be_lost(self):
        near, far = fit(grid(STEP), [0.0]), fit(grid(STEP), [8.0])
        assert near.bound[0] > far.bound[0] > 0
        assert abs(near.value[0] - 1) <= near.bound[0]

    def test_of_some_entries(self):
        def forward(x):
            return grid(STEP)(np.sin(x))

        some = fit(forward, self.X, entries=[2, 0])
        assert (np.abs(some.value - np.cos([0.9, 0.3])) <= some.bound).all()


class TestAlong:
    def test_the_derivative_along_a_direction(self):
        contraction = contraction_of(lambda x: grid(STEP)(np.sin(x)), [0.3, -1.7], [1.0, -2.0])
        direction = np.array([0.5, -0.25])
        told = along(contraction, direction, STEP)
        exact = np.array([1.0, -2.0]) * np.cos([0.3, -1.7]) @ direction
        assert abs(told.value[0] - exact) <= told.bound[0] < 0.1
        assert told.agrees.tolist() == [True]

    def test_steps_too_wide_to_see_beyond_never_agree(self):
        contraction = contraction_of(np.sin, [0.3])
        assert along(contraction, np.ones(1), RESOLVED_WIDTH).agrees.tolist() == [True]
        assert along(contraction, np.ones(1), 2 * RESOLVED_WIDTH).agrees.tolist() == [False]

    def test_few_steps_widen_the_bound_by_their_height(self):
        fine, coarse = (along(contraction_of(grid(step), [0.3]), np.ones(1), step) for step in (2.0**-12, 0.75))
        assert fine.bound[0] < 0.01
        assert coarse.bound[0] > 0.1
