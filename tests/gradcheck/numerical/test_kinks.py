"""One line of the ladder: its status, and the interval of its derivative."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.kinks import Sides, sides, slope
from scratchcnn.gradcheck.numerical.ladder import Climb
from scratchcnn.gradcheck.numerical.walk import KINK_STEPS, Interval, Walk

EPS = float(np.finfo(float).eps)
INF = np.inf


def interval(ends, dtype):
    low, high = np.array(ends, dtype).T
    return Interval(low, high)


def climbed(both, right=None, left=None, *, kink=(), jumps=(), rest=0.0, outputs=None, dtype=float):
    """What the ladder tells of some outputs, each by the ends of its intervals."""
    count = len(both)
    marked = [np.isin(np.arange(count), which) for which in (kink, jumps)]
    intervals = (interval(ends, dtype) for ends in (both, right or both, left or both))
    walk = Walk(*intervals, KINK_STEPS * marked[0], np.full(count, -1))
    nothing = np.zeros(count, bool)
    return Climb(
        np.arange(count) if outputs is None else np.array(outputs),
        walk,
        jumps=marked[1],
        drifts=nothing,
        rest=rest,
        reached=np.ones(count),
        steepest=np.ones(count),
    )


def pair(right, left, room=(0.0, 0.0)):
    return Sides(np.array([[right], [left]], float), np.array([[room[0]], [room[1]]], float))


class TestSides:
    def test_the_turn_is_what_both_bounds_do_not_explain(self):
        assert pair(3.0, 1.0, (0.5, 0.25)).turn == 2
        assert pair(1.0, 3.0, (0.5, 0.25)).turn == -2
        assert pair(3.0, 1.0, (1.5, 0.5)).turn == 0

    def test_sums_and_differences_have_the_bounds_of_both(self):
        one, other = pair(3.0, 1.0, (0.5, 0.25)), pair(10.0, 20.0, (1.0, 2.0))
        for found, values in ((one + other, [13, 21]), (one - other, [-7, -19])):
            assert found.value.ravel().tolist() == values
            assert found.bound.ravel().tolist() == [1.5, 2.25]

    def test_along_a_negative_multiple_right_and_left_change_places(self):
        one = pair(3.0, 1.0, (0.5, 0.25))
        for share, values, bounds in (
            (2.0, [6, 2], [1, 0.5]),
            (0.5, [1.5, 0.5], [0.25, 0.125]),
            (-2.0, [-2, -6], [0.5, 1]),
        ):
            assert one.times(share).value.ravel().tolist() == values
            assert one.times(share).bound.ravel().tolist() == bounds

    def test_some_of_the_outputs(self):
        three = Sides(np.arange(6.0).reshape(2, 3), np.arange(6.0, 12).reshape(2, 3))
        assert three.of(np.array([2, 0])).value.tolist() == [[2, 0], [5, 3]]
        assert three.of(np.array([2, 0])).bound.tolist() == [[8, 6], [11, 9]]

    @pytest.mark.parametrize("weight", [2.0, -2.0])
    def test_the_interval_holds_both_sides_with_their_bounds_whatever_the_sign_of_the_weight(self, weight):
        low, high = pair(3.0, 1.0, (0.5, 0.25)).interval(np.array([weight]))
        assert sorted([low[0] / weight, high[0] / weight]) == [0.75, 3.5]
        assert low < high

    def test_smooth_outputs_have_one_derivative_on_both_sides_and_kinks_have_two(self):
        found = sides(climbed([(1, 3), (0, 9)], right=[(0, 9), (5, 7)], left=[(0, 9), (-3, -2)], kink=[1]))
        assert found.value.tolist() == [[2, 6], [2, -2.5]]
        assert found.bound.tolist() == [[1 + 2 * EPS, 1 + 6 * EPS], [1 + 2 * EPS, 0.5 + 2.5 * EPS]]

    def test_what_is_not_bounded_or_jumps_is_unknown(self):
        found = sides(climbed([(-INF, 3), (1, INF), (1, 3), (1, 3)], jumps=[2]))
        assert found.value.tolist() == [[0, 0, 0, 2]] * 2
        assert found.bound[0].tolist() == [INF, INF, INF, 1 + 2 * EPS]

    def test_they_are_in_float64_also_where_the_ladder_was_not(self):
        assert sides(climbed([(np.longdouble(1), np.longdouble(3))], dtype=np.longdouble)).value.dtype == np.float64


class TestSlope:
    def test_a_smooth_line_is_the_middle_of_its_intervals_contracted(self):
        found = slope(climbed([(1, 3), (-8, -4)], rest=0.125), np.array([2.0, -0.5]))
        assert (found.value, found.status, found.method) == (4 + 3, "ok", "ladder")
        rounding = EPS * (2 * 3 + 0.5 * 8)
        assert found.bound == 2 + 1 + 0.125 + rounding

    def test_a_kink_is_the_hull_of_both_sides(self):
        found = slope(climbed([(-9, 9)], right=[(1, 1)], left=[(0, 0)], kink=[0]), np.array([2.0]))
        assert (found.value, found.status, found.method) == (1, "kink", "one-sided")
        # The ends are rounded products: a subgradient at an end may be off by a roundoff of the larger end.
        assert found.bound == 1 + EPS * 2

    def test_at_a_kink_the_roundoff_is_that_of_the_larger_end_and_of_every_output(self):
        sided = climbed([(-9, 9)] * 2, right=[(4, 4), (1, 1)], left=[(-8, -8), (2, 2)], kink=[0, 1])
        found = slope(sided, np.array([1.0, 16.0]))
        assert found.value == -2 + 24
        assert found.bound - (6 + 8) == pytest.approx(EPS * (8 + 32), abs=4 * EPS)

    def test_opposite_cotangents_do_not_cancel_the_intervals(self):
        """Each output takes its own value between its sides: |x| - |x| has the slopes -2 to 2 in the general case."""
        found = slope(climbed([(-9, 9)] * 2, right=[(1, 1)] * 2, left=[(-1, -1)] * 2, kink=[0, 1]), np.array([1.0, -1]))
        assert found.value == 0
        assert found.bound == 2 + 2 * EPS

    def test_outputs_that_the_cotangent_leaves_out_say_nothing(self):
        both = [(1, 3), (-INF, INF), (1, 3), (0, 9)]
        with np.errstate(invalid="ignore"):  # 0 times infinity
            found = slope(climbed(both, jumps=[2], kink=[3]), np.array([1.0, 0, 0, 0]))
        assert (found.value, found.status) == (2, "ok")
        assert found.bound == 1 + 3 * EPS

    def test_the_cotangent_is_that_of_the_outputs_that_moved(self):
        found = slope(climbed([(1, 3)], outputs=[2]), np.array([10.0, 100.0, 2.0]))
        assert found.value == 4
        assert found.outputs.tolist() == [2]

    def test_a_jump_comes_before_a_domain_and_this_before_a_kink(self):
        weight = np.array([1.0, 1.0])
        assert slope(climbed([(0, INF), (1, 1)], kink=[1], jumps=[1]), weight).status == "jump"
        assert slope(climbed([(0, INF), (1, 1)], kink=[1]), weight).status == "domain"
        assert slope(climbed([(0, 1), (1, 1)], kink=[1]), weight).status == "kink"
        assert slope(climbed([(0, INF)]), weight[:1]).method == "ladder"

    def test_the_roundoff_is_that_of_the_cotangent_s_precision(self):
        found = slope(climbed([(1, 1)]), np.array([1.0], np.float32))
        assert found.bound == float(np.finfo(np.float32).eps)

    def test_it_knows_the_sides_of_what_it_is_made_of(self):
        found = slope(climbed([(-9, 9)], right=[(1, 1)], left=[(0, 0)], kink=[0]), np.array([2.0]))
        assert found.sides.value.tolist() == [[1], [0]]
