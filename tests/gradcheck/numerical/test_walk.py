"""The walk up a ladder, on functions whose one-sided derivatives are known."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.rungs import Rungs
from scratchcnn.gradcheck.numerical.walk import KINK_STEPS, Interval, Walk, walk

STEPS = 2.0 ** -np.arange(24)
SILENT = 2.0**-60


def interval(*ends):
    low, high = np.array(ends, float).T
    return Interval(low, high)


def ends(found):
    return list(zip(found.low.tolist(), found.high.tolist(), strict=True))


def walked(*functions, at=0.0, steps=STEPS, noise=SILENT):
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

    def test_narrowed_is_the_intersection_where_it_is_wanted(self):
        found = interval((0, 3), (0, 3)).narrowed(interval((1, 2), (1, 2)), np.array([True, False]))
        assert ends(found) == [(1, 2), (0, 3)]

    def test_the_middle_and_room_at_both_ends(self):
        assert interval((1, 4)).middle.tolist() == [2.5]
        assert ends(interval((1, 4)).widened(np.array([0.5]))) == [(0.5, 4.5)]

    def test_bounded_is_what_has_two_ends(self):
        found = interval((0, 1), (-np.inf, 1), (0, np.inf), (-np.inf, np.inf))
        assert found.bounded.tolist() == [True, False, False, False]


def test_a_walk_is_widened_on_each_side_and_in_common_by_the_wider():
    found = Walk(*(interval((0, 1)) for _ in range(3)), np.zeros(1, bool), np.full(1, -1))
    wider = found.widened(np.array([[2.0], [3.0]]))
    assert (ends(wider.left), ends(wider.right), ends(wider.both)) == ([(-2, 3)], [(-3, 4)], [(-3, 4)])
    assert wider.kink is found.kink
    assert ends(found.widened(np.array([[3.0], [2.0]])).both) == [(-3, 4)]


@pytest.mark.parametrize(
    ("function", "at", "slope"),
    [(np.sin, 0.5, np.cos(0.5)), (np.exp, 0.0, 1.0), (lambda x: x**3, 0.0, 0.0), (lambda x: 3 * x, 2.0, 3.0)],
)
def test_a_smooth_function_has_one_derivative_and_the_walk_knows_it_well(function, at, slope):
    found = walked(function, at=at)
    assert not found.kink.any()
    assert holds(found.both, slope)
    assert found.both.high - found.both.low < 1e-9
    assert holds(found.right, slope)
    assert holds(found.left, slope)


def test_a_line_is_walked_to_the_top():
    assert walked(lambda x: 3 * x).stopped.tolist() == [-1]


def test_a_kink_has_two():
    found = walked(lambda x: abs(x) + np.sin(x), lambda x: max(x, 0.0))
    assert found.kink.tolist() == [True, True]
    for k, (right, left) in enumerate(((2, 0), (1, 0))):
        assert holds(found.right, right, k)
        assert holds(found.left, left, k)
        assert found.right.high[k] - found.right.low[k] < 1e-9
        assert found.left.high[k] - found.left.low[k] < 1e-9


def test_beside_a_kink_the_steps_that_reach_it_are_left_out():
    """The kink of |x| is 2^-10 away: the walk ends at the rungs that step over it."""
    found = walked(abs, at=2.0**-10)
    assert not found.kink.any()
    assert holds(found.both, 1.0)
    assert found.both.high - found.both.low < 1e-9
    assert STEPS[found.stopped[0]] >= 2.0**-10


def test_each_output_walks_by_itself():
    both = walked(np.sin, abs)
    for k, function in enumerate((np.sin, abs)):
        alone = walked(function)
        assert ends(alone.both) == ends(both.both)[k : k + 1]
        assert (both.kink[k], both.stopped[k]) == (alone.kink[0], alone.stopped[0])


def test_outside_the_domain_the_other_side_speaks_alone():
    def root(x):
        return x**1.5 + 2 * x if x >= 0 else np.nan

    with np.errstate(invalid="ignore"):
        found = walked(root)
    assert not found.kink.any()
    assert holds(found.both, 2.0) or not found.both.bounded.any()
    assert holds(found.right, 2.0)


def test_few_steps_apart_make_no_kink():
    """Sides that part at the last steps of a short ladder may part by noise."""
    for count, kink in ((KINK_STEPS + 1, False), (KINK_STEPS + 2, True)):
        assert walked(abs, steps=STEPS[:count]).kink.tolist() == [kink]


def test_noise_widens_what_is_known():
    loud = walked(np.sin, noise=2.0**-30)
    assert holds(loud.both, 1.0)
    width = loud.both.high - loud.both.low
    assert width > (walked(np.sin).both.high - walked(np.sin).both.low)
    # Two values, each off by the noise, over the largest steps: little more than that is left.
    assert 2.0**-31 < width < 2.0**-20
