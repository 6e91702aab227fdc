"""A climb along a line, on functions of one number whose derivatives are known."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.ladder import climb, climb_each
from scratchcnn.gradcheck.numerical.noise import least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Line, Probe

EPS = float(np.finfo(float).eps)


def climbed(*functions, at=0.0, unit=1.0, cotangent=None, noise=None, depend=None):
    """The climb of some functions of one number, each an output."""
    probe = Probe(lambda x: np.array([f(x[0]) for f in functions]), [np.array([at])], 0)
    count = len(functions)
    contraction = Contraction(
        probe,
        np.ones(count) if cotangent is None else np.array(cotangent),
        least_noise(probe) if noise is None else np.full(count, noise),
    )
    line = Line(probe, np.array([0]), np.ones(1))
    with quiet():
        return climb(contraction, line, unit, np.ones(count, bool) if depend is None else np.array(depend))


def holds(interval, k, value):
    return bool(interval.low[k] <= value <= interval.high[k])


def test_a_smooth_function_has_one_derivative():
    found = climbed(np.sin, lambda x: x**3 - 2 * x, at=0.5)
    assert found.outputs.tolist() == [0, 1]
    for k, slope in enumerate((np.cos(0.5), -1.25)):
        for side in (found.walk.both, found.walk.right, found.walk.left):
            assert holds(side, k, slope)
        assert found.walk.both.high[k] - found.walk.both.low[k] < 1e-9
    assert not (found.walk.kink | found.jumps | found.drifts).any()
    assert found.rest == 0


def test_at_a_kink_both_sides_have_theirs():
    found = climbed(np.abs, lambda x: max(x, 0), lambda x: x)
    assert found.walk.kink.tolist() == [True, True, False]
    for k, (left, right) in enumerate(((-1, 1), (0, 1), (1, 1))):
        assert holds(found.walk.left, k, left)
        assert holds(found.walk.right, k, right)


@pytest.mark.parametrize("height", [1.0, 1e-9])
def test_a_jump_shows_at_the_smallest_steps(height):
    found = climbed(lambda x: x + height * (x > 0), lambda x: x + height * (x >= 0), lambda x: x, lambda x: abs(x))
    assert found.jumps.tolist() == [True, True, False, False]


def test_what_is_below_the_noise_is_no_jump():
    assert not climbed(lambda x: 1 + x + 1e-9 * (x > 0), at=0.0, noise=1e-8).jumps.any()


@pytest.mark.parametrize("power", [1 / 3, 0.5, 0.95, 1.01])
def test_a_slope_without_end_or_that_is_far_from_its_end_drifts(power):
    found = climbed(lambda x: abs(x) ** power, lambda x: 3 * x)
    assert found.drifts.tolist() == [True, False]
    assert np.isinf([found.walk.both.low[0], found.walk.both.high[0]]).all()
    assert holds(found.walk.both, 1, 3)
    assert found.walk.both.high[1] < 3 + 1e-9


def test_a_drift_that_is_too_small_to_matter_is_in_the_bound():
    """The slope of |x|^1.9 at 0 is 0, and its quotients fall to 2^-40."""
    found = climbed(lambda x: abs(x) ** 1.9)
    assert not found.drifts.any()
    assert holds(found.walk.both, 0, 0)


class TestRest:
    """What outputs that never moved may hide: their noise over the largest step, 32 units."""

    def test_it_is_that_of_the_outputs_which_depend(self):
        still = (lambda x: x, lambda x: 7.0, lambda x: 5.0)
        found = climbed(*still, cotangent=[1.0, -2.0, 4.0], noise=0.25, depend=[True, True, False])
        assert found.outputs.tolist() == [0]
        assert found.rest == pytest.approx(2 * 0.25 / 32, rel=0.5)
        assert climbed(*still, noise=0.25, depend=[False] * 3).rest == 0

    def test_where_nothing_moved_it_is_that_of_all(self):
        found = climbed(lambda x: 7.0, lambda x: 5.0, cotangent=[-2.0, 4.0], noise=0.25, depend=[False, False])
        assert found.outputs.size == 0
        assert found.rest == pytest.approx(6 * 0.25 / 32, rel=0.5)

    def test_an_output_that_moves_to_one_side_alone_moved(self):
        assert climbed(lambda x: max(x, 0), lambda x: min(x, 0), lambda x: max(x - 3, 0)).outputs.tolist() == [0, 1, 2]


def test_the_size_where_an_output_is_first_seen_to_move():
    found = climbed(lambda x: 7.0, lambda x: x, lambda x: 100 * (x > 1), lambda x: 5 + 0 * x)
    assert found.reached[[0, 3]].tolist() == [7, 5]
    assert found.reached[1] < 1e-12
    assert found.reached[2] == 100


class TestSteepest:
    def test_it_is_the_steepest_quotient_within_a_unit(self):
        found = climbed(lambda x: -3 * x, lambda x: x + 100 * max(x - 2, 0), lambda x: x + 100 * max(x - 0.1, 0))
        assert found.steepest[0] == pytest.approx(3)
        assert found.steepest[1] == pytest.approx(1)
        assert 50 < found.steepest[2] < 101

    def test_the_unit_counts(self):
        assert climbed(lambda x: x + 100 * max(x - 2, 0), unit=16.0).steepest[0] > 50

    def test_noise_is_taken_off_and_what_is_not_finite_left_out(self):
        assert climbed(lambda x: 1 + 1e-3 * (x > 0), noise=1e-3).steepest.tolist() == [0]
        assert 1.5 < climbed(lambda x: 3 * x, noise=0.5).steepest[0] < 2  # 3 less 2 * 0.5 over a step of at most 1
        assert climbed(lambda x: 3 * x if x < 1e-3 else np.nan).steepest[0] == pytest.approx(3)


class TestLower:
    """Entries that are much smaller than their unit, and outputs that still change at the smallest steps."""

    @pytest.mark.parametrize("scale", [1e-20, 1e-100])
    def test_a_second_ladder_is_looked_at_for_the_outputs_that_need_it(self, scale):
        found = climbed(lambda x: 3 * x, lambda x: np.tanh(x / scale), abs)
        assert found.walk.kink.tolist() == [False, False, True]
        assert holds(found.walk.both, 0, 3)
        assert holds(found.walk.both, 1, 1 / scale)
        assert found.walk.both.high[1] - found.walk.both.low[1] < 1e-6 / scale
        assert not found.drifts.any()

    def test_not_where_nobody_asks_for_the_output(self):
        found = climbed(lambda x: 3 * x, lambda x: np.tanh(x / 1e-20), cotangent=[1.0, 0.0])
        assert not holds(found.walk.both, 1, 1e20) or np.isinf(found.walk.both.high[1])

    def test_curvature_that_was_taken_for_noise_is_none_at_the_smallest_steps(self):
        found = climbed(lambda x: np.tanh(x / 1e-20), noise=100.0)
        assert holds(found.walk.both, 0, 1e20)
        assert found.walk.both.high[0] - found.walk.both.low[0] < 1e14

    def test_not_where_x_has_no_finer_steps(self):
        found = climbed(lambda x: np.sqrt(abs(x - 1)), at=1.0)
        assert found.drifts.all()


class TestStairs:
    """Noise that nobody measured before the climb: it must not make a bound too small."""

    @pytest.mark.parametrize("at", [0.3, 0.7, 1.9])
    def test_a_function_that_moves_in_stairs(self, at):
        found = climbed(lambda x: float(np.sin(np.float32(x))), lambda x: np.round(np.exp(x) * 2**20) / 2**20, at=at)
        for k, slope in enumerate((np.cos(at), np.exp(at))):
            assert holds(found.walk.both, k, slope)
            assert found.walk.both.high[k] - found.walk.both.low[k] < 0.02

    def test_a_function_that_trembles_along_this_line_alone(self):
        found = climbed(lambda x: np.sin(x) + 1e-9 * np.sin(1e15 * x), at=0.5)
        assert holds(found.walk.both, 0, np.cos(0.5))
        assert 1e-9 < found.walk.both.high[0] - found.walk.both.low[0] < 1e-4


def test_a_climb_for_each_entry_alone():
    probe = Probe(lambda x: np.array([2 * x[0], x[1] ** 2, 7.0]), [np.array([1.0, 3.0])], 0)
    cotangent, noise = np.array([1.0, -1.0, 1.0]), np.full(3, 1e-14)
    with quiet():
        one, other = climb_each(probe, np.array([1, 0]), np.array([4.0, 1.0]), cotangent=cotangent, noise=noise)
    assert (one.outputs.tolist(), other.outputs.tolist()) == ([1], [0])
    assert holds(one.walk.both, 0, 6)
    assert holds(other.walk.both, 0, 2)
    assert one.rest == other.rest == 0
    assert one.steepest[0] == pytest.approx(6 + 4, rel=0.1)  # at a step of the unit
