"""The walk up a ladder, on functions whose one-sided derivatives are known."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.rungs import Rungs
from scratchcnn.gradcheck.numerical.walk import KINK_STEPS, Interval, Walk, _right_left_central, walk, walked

STEPS = 2.0 ** -np.arange(24)
SILENT = 2.0**-60
NOWHERE = (-np.inf, np.inf)


def interval(*ends):
    low, high = np.array(ends, float).T
    return Interval(low, high)


def ends(found):
    return list(zip(found.low.tolist(), found.high.tolist(), strict=True))


def walk_of(*functions, at=0.0, steps=STEPS, noise=SILENT):
    """The walk of some functions of one number, each an output."""
    y = np.array([[[f(at - h) for f in functions], [f(at + h) for f in functions]] for h in steps])
    y0 = np.array([f(at) for f in functions])
    return walk(Rungs(steps, y, y0, np.arange(len(functions))), np.full(y.shape, noise))


def holds(found, value, k=0):
    return bool(found.low[k] <= value <= found.high[k])


class TestInterval:
    def test_intervals_meet_up_to_their_ends(self):
        here = interval((0, 1), (0, 1), (0, 1), (0, 1))
        assert here.meets(interval((1, 2), (-2, 0), (1.5, 2), (-2, -0.5))).tolist() == [True, True, False, False]

    def test_the_hull_holds_both(self):
        assert ends(interval((0, 1), (5, 6)).hull(interval((3, 4), (-1, 7)))) == [(0, 4), (-1, 7)]

    def test_the_intersection_of_both_and_of_the_first_rungs(self):
        assert ends(interval((0, 3), (0, 3)).common(interval((1, 2), (-1, 4)))) == [(1, 2), (0, 3)]
        rungs = Interval(np.array([[0.0, 0.0], [1.0, -1.0]]), np.array([[3.0, 3.0], [2.0, 4.0]])).so_far()
        assert [ends(rungs.at(np.full(2, k))) for k in range(3)] == [[NOWHERE] * 2, [(0, 3)] * 2, [(1, 2), (0, 3)]]

    def test_the_intervals_of_one_rung(self):
        rungs = Interval(np.arange(6.0).reshape(3, 2), np.arange(6.0, 12).reshape(3, 2))
        assert ends(rungs.at(np.array([1, 1]))) == [(2, 8), (3, 9)]
        assert ends(rungs.at(np.array([2, 0]))) == [(4, 10), (1, 7)]
        assert rungs.at(slice(1, None)).low.tolist() == [[2, 3], [4, 5]]

    def test_the_middle_and_room_at_both_ends(self):
        assert interval((1, 4)).middle.tolist() == [2.5]
        assert ends(interval((1, 4)).widened(np.array([0.5]))) == [(0.5, 4.5)]

    def test_bounded_is_what_has_two_ends(self):
        found = interval((0, 1), (-np.inf, 1), (0, np.inf), (-np.inf, np.inf))
        assert found.bounded.tolist() == [True, False, False, False]


def test_a_walk_is_widened_on_each_side_and_in_common_by_the_wider():
    found = Walk(*(interval((0, 1)) for _ in range(3)), np.zeros(1, int), np.full(1, -1))
    wider = found.widened(np.array([[2.0], [3.0]]))
    assert (ends(wider.left), ends(wider.right), ends(wider.both)) == ([(-2, 3)], [(-3, 4)], [(-3, 4)])
    assert wider.parted is found.parted
    assert ends(found.widened(np.array([[3.0], [2.0]])).both) == [(-3, 4)]


@pytest.mark.parametrize(
    ("function", "at", "slope"),
    [(np.sin, 0.5, np.cos(0.5)), (np.exp, 0.0, 1.0), (lambda x: x**3, 0.0, 0.0), (lambda x: 3 * x, 2.0, 3.0)],
)
def test_a_smooth_function_has_one_derivative_and_the_walk_knows_it_well(function, at, slope):
    found = walk_of(function, at=at)
    assert not found.kink.any()
    assert holds(found.both, slope)
    assert found.both.high - found.both.low < 1e-9
    assert holds(found.right, slope)
    assert holds(found.left, slope)


def test_a_line_is_walked_to_the_top():
    assert walk_of(lambda x: 3 * x).stopped.tolist() == [-1]


def test_a_kink_has_two():
    found = walk_of(lambda x: abs(x) + np.sin(x), lambda x: max(x, 0.0))
    assert found.kink.tolist() == [True, True]
    for k, (right, left) in enumerate(((2, 0), (1, 0))):
        assert holds(found.right, right, k)
        assert holds(found.left, left, k)
        assert found.right.high[k] - found.right.low[k] < 1e-9
        assert found.left.high[k] - found.left.low[k] < 1e-9


def test_beside_a_kink_the_steps_that_reach_it_are_left_out():
    """The kink of |x| is 2^-10 away: the walk ends at the rungs that step over it."""
    found = walk_of(abs, at=2.0**-10)
    assert not found.kink.any()
    assert holds(found.both, 1.0)
    assert found.both.high - found.both.low < 1e-9
    assert STEPS[found.stopped[0]] >= 2.0**-10


def test_each_output_walks_by_itself():
    both = walk_of(np.sin, abs)
    for k, function in enumerate((np.sin, abs)):
        alone = walk_of(function)
        assert ends(alone.both) == ends(both.both)[k : k + 1]
        assert (both.kink[k], both.stopped[k]) == (alone.kink[0], alone.stopped[0])


def test_the_noise_of_one_output_is_no_measure_of_another_s():
    y = np.stack([np.stack([3 * sign * STEPS] * 2, axis=1) for sign in (-1, 1)], axis=1)
    noise = np.broadcast_to(np.array([0.0, 2.0**-40]), y.shape)
    found = walk(Rungs(STEPS, y, np.zeros(2), np.arange(2)), noise)
    assert found.stopped.tolist() == [-1, -1]
    assert ends(found.both)[0] == (3, 3)
    assert holds(found.both, 3.0, 1)


def test_a_walk_in_longdouble_keeps_its_digits():
    slope = 1 + np.finfo(np.longdouble).eps
    found = walk_of(lambda x: slope * x, steps=STEPS.astype(np.longdouble), noise=0.0)
    assert found.both.low == found.right.low == found.left.low == slope
    assert found.both.high == found.right.high == found.left.high == slope


def test_outside_the_domain_the_other_side_speaks_alone():
    def root(x):
        return x**1.5 + 2 * x if x >= 0 else np.nan

    with np.errstate(invalid="ignore"):
        found = walk_of(root, np.sin)
    assert not found.kink.any()
    assert holds(found.both, 2.0)
    assert holds(found.right, 2.0)
    assert found.both.high[0] - found.both.low[0] < 0.01
    assert found.both.high[1] - found.both.low[1] < 1e-9


def test_few_steps_apart_make_no_kink():
    """Sides that part at the last steps of a short ladder may part by noise."""
    for count, kink in ((KINK_STEPS + 1, False), (KINK_STEPS + 2, True)):
        assert walk_of(abs, steps=STEPS[:count]).kink.tolist() == [kink]


def test_noise_widens_what_is_known():
    loud = walk_of(np.sin, noise=2.0**-30)
    assert holds(loud.both, 1.0)
    width = loud.both.high - loud.both.low
    assert width > (walk_of(np.sin).both.high - walk_of(np.sin).both.low)
    # Two values, each off by the noise, over the largest steps: little more than that is left.
    assert 2.0**-31 < width < 2.0**-20


class TestQuotients:
    """Of three steps, the first result of the tableau takes the first two; its noise is that of the quotients."""

    H = np.array([1.0, 0.5, 0.25])

    def intervals(self, function, noise, at=5.0):
        y = np.array([[[function(at - h)], [function(at + h)]] for h in self.H])
        found = _right_left_central(Rungs(self.H, y, np.array([function(at)]), np.array([0])), noise[..., None])
        return [ends(Interval(side.low[0], side.high[0]))[0] for side in found]

    def test_each_side_has_the_noise_of_its_own_two_outputs_and_the_central_one_the_larger(self):
        noise = np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]) / 64
        right, left, central = self.intervals(lambda x: 3 * x, noise)
        # One-sided: 2 (2 n / h) of the half step and 2 n / h of the whole one; central: (4 n / h + n / h) / 3.
        assert right == (3 - 20 / 64, 3 + 20 / 64)
        assert left == (3 - 10 / 64, 3 + 10 / 64)
        assert central == (3 - 6 / 64, 3 + 6 / 64)

    def test_the_noise_is_that_of_the_rung(self):
        noise = np.array([[4.0, 4.0], [1.0, 1.0], [1.0, 1.0]]) / 64
        _, _, (low, high) = self.intervals(lambda x: 3 * x, noise)
        assert (low, high) == (3 - 4 / 64, 3 + 4 / 64)

    def test_one_sided_quotients_of_a_parabola_are_exact_after_one_level(self):
        """They are f' + h f'' / 2, and central ones f' itself: two levels agree, and there is no noise."""
        for low, high in self.intervals(lambda x: x**2, np.zeros((3, 2))):
            assert low == high == 10


def crafted(*rungs):
    """The walk over intervals of right, left and central quotients, the smallest step first."""
    sides = [Interval(*np.array([rung[k] for rung in reversed(rungs)], float).T[..., None]) for k in range(3)]
    return walked(*sides)


ONE, TWO, WIDE, MISS = (0.9, 1.1), (1.9, 2.1), (0.5, 1.5), (5.0, 5.2)


class TestWalked:
    def test_what_agrees_is_intersected_to_the_top(self):
        found = crafted((ONE, ONE, ONE), ((1.0, 1.2), ONE, ONE), (ONE, (0.8, 1.05), ONE))
        assert ends(found.both) == [(1.0, 1.05)]
        assert (found.stopped.tolist(), found.parted.tolist()) == ([-1], [0])

    @pytest.mark.parametrize("side", [0, 1, 2])
    def test_a_side_that_becomes_wild_ends_the_walk(self, side):
        wild = [ONE, ONE, ONE]
        wild[side] = WIDE
        found = crafted((ONE, ONE, ONE), wild)
        assert found.stopped.tolist() == [0]
        assert ends(found.both) == [ONE]

    def test_a_side_that_becomes_wild_by_and_by_ends_the_walk(self):
        found = crafted((ONE, ONE, ONE), ((0.65, 1.35), ONE, ONE), ((0.0, 2.0), ONE, ONE))
        assert (found.stopped.tolist(), ends(found.right)) == ([0], [ONE])

    def test_what_agrees_with_nothing_before_ends_the_walk(self):
        found = crafted((ONE, ONE, ONE), (MISS, MISS, MISS))
        assert (found.stopped.tolist(), ends(found.both)) == ([0], [ONE])

    @pytest.mark.parametrize("apart", [0, 1])
    def test_a_central_quotient_that_misses_one_side_ends_the_walk(self, apart):
        sides = [(0.9, 2.1), (0.9, 2.1)]
        sides[apart] = ONE
        assert crafted((*sides, TWO)).stopped.tolist() == [0]

    @pytest.mark.parametrize("side", [0, 1, 2])
    def test_a_side_without_a_value_ends_the_walk_unless_it_never_had_one(self, side):
        gone = [ONE, ONE, ONE]
        gone[side] = NOWHERE
        assert crafted((ONE, ONE, ONE), gone).stopped.tolist() == [0]
        assert crafted(gone, gone).stopped.tolist() == [-1]

    def test_sides_that_keep_apart_are_a_kink(self):
        for central in ((1.4, 1.6), ONE, TWO):
            found = crafted(*[(TWO, ONE, central)] * 5)
            assert (found.parted.tolist(), found.stopped.tolist()) == ([5], [-1])
            assert (ends(found.right), ends(found.left), ends(found.both)) == ([TWO], [ONE], [NOWHERE])

    def test_a_central_quotient_that_misses_both_sides_is_no_kink(self):
        found = crafted((ONE, ONE, ONE), *[(ONE, ONE, MISS)] * 5)
        assert (found.parted.tolist(), found.stopped.tolist()) == ([0], [4])

    def test_sides_that_were_apart_once_may_meet_in_noise(self):
        meet = ((1.05, 2.2), ONE, MISS)
        found = crafted((TWO, ONE, (1.4, 1.6)), ((1.8, 2.2), ONE, (1.4, 1.6)), (TWO, (0.8, 1.95), (1.4, 1.6)))
        assert found.stopped.tolist() == [0]  # the left one is wild
        found = crafted(((1.5, 2.5), (0.5, 1.4), (1.4, 1.6)), ((1.3, 2.4), (0.4, 1.4), (1.4, 1.6)))
        assert (found.parted.tolist(), found.stopped.tolist()) == ([2], [-1])
        assert crafted((ONE, ONE, ONE), meet).stopped.tolist() == [0]

    @pytest.mark.parametrize("side", [0, 1])
    def test_a_side_that_is_not_true_to_itself_ends_the_walk(self, side):
        later = [TWO, ONE, (1.4, 1.6)]
        later[side] = MISS if side == 0 else (-6.0, -5.9)
        found = crafted((TWO, ONE, (1.4, 1.6)), later)
        assert (found.parted.tolist(), found.stopped.tolist()) == ([1], [0])

    def test_a_walk_that_ended_does_not_go_on(self):
        found = crafted((ONE, ONE, ONE), (MISS, ONE, ONE), ((0.99, 1.01), ONE, ONE))
        assert ends(found.both) == [ONE]
        assert found.stopped.tolist() != [-1]
