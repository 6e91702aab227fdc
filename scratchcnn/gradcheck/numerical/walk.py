"""The walk up a ladder: intervals of the derivative, from the smallest step to the one that misses the others."""

from dataclasses import dataclass, replace

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.rungs import Rungs
from scratchcnn.gradcheck.numerical.tableau import extrapolate

# How many steps are extrapolated together.
WINDOW_STEPS = 5
# How many steps right and left must keep apart for a kink.
KINK_STEPS = 4
# A ratio: an interval that is wider than the narrowest before it by more has outgrown the neighbourhood.
WILD_FACTOR = 4.0


@dataclass(frozen=True)
class Interval:
    """Lower and upper ends, each (outputs,). An end that nothing bounds is infinite."""

    low: Array
    high: Array

    def meets(self, other: "Interval") -> Array:
        """Where the two have a point in common."""
        return (self.low <= other.high) & (other.low <= self.high)

    def hull(self, other: "Interval") -> "Interval":
        """The smallest interval that holds both."""
        return Interval(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def common(self, other: "Interval") -> "Interval":
        """The intersection of both."""
        return Interval(np.maximum(self.low, other.low), np.minimum(self.high, other.high))

    def so_far(self) -> "Interval":
        """(rungs + 1, outputs) at k the intersection of the first k rungs, where there are (rungs, outputs)."""
        nothing = np.full((1, *self.low.shape[1:]), np.inf)
        low, high = np.concatenate([-nothing, self.low]), np.concatenate([nothing, self.high])
        return Interval(np.maximum.accumulate(low), np.minimum.accumulate(high))

    def at(self, k: Array | slice) -> "Interval":
        """The intervals of some rungs, or of one rung for each output (outputs,), where there are (rungs, outputs)."""
        if isinstance(k, slice):
            return Interval(self.low[k], self.high[k])
        each = np.arange(len(k))
        return Interval(self.low[k, each], self.high[k, each])

    @property
    def middle(self) -> Array:
        """The middle of each."""
        return (self.low + self.high) / 2

    def widened(self, room: Array) -> "Interval":
        """The same with room added at both ends."""
        return Interval(self.low - room, self.high + room)

    @property
    def bounded(self) -> Array:
        """Where both ends are finite."""
        return np.isfinite(self.low) & np.isfinite(self.high)


@dataclass(frozen=True)
class Walk:
    """Where the walk led, each (outputs,): the derivative's interval, and at a kink that of either side.

    `parted` says over how many steps right and left have kept apart. `stopped` is the number of the rung at which the
    walk ended, -1 where it reached the top.
    """

    both: Interval
    right: Interval
    left: Interval
    parted: Array
    stopped: Array

    @property
    def kink(self) -> Array:
        """Where right and left have kept apart for long enough."""
        return self.parted >= KINK_STEPS

    def widened(self, left_and_right: Array) -> "Walk":
        """The same with wider intervals on either side (2, outputs); the common one is widened by the wider."""
        left, right = left_and_right
        sides = self.both.widened(np.maximum(left, right)), self.right.widened(right), self.left.widened(left)
        return replace(self, both=sides[0], right=sides[1], left=sides[2])


def walk(rungs: Rungs, noise: Array) -> Walk:
    """Walks the windows of a ladder, from the smallest step upwards.

    Parameters
    ----------
    rungs
        The outputs at halving steps.
    noise
        (rungs, 2, outputs) a bound for their roundoff.
    """
    return walked(*_right_left_central(rungs, noise))


def _right_left_central(rungs: Rungs, noise: Array) -> tuple[Interval, Interval, Interval]:
    """(rungs - 2, outputs) the intervals of the right, left and central quotients, the largest step first."""
    y, y0, step = rungs.y, rungs.y0, rungs.h[:, None]
    return (
        _windows((y[:, 1] - y0) / step, 2 * noise[:, 1] / step, 1),
        _windows((y0 - y[:, 0]) / step, 2 * noise[:, 0] / step, 1),
        _windows((y[:, 1] - y[:, 0]) / (2 * step), noise.max(axis=1) / step, 2),
    )


def _windows(quotients: Array, noise: Array, power: int) -> Interval:
    """(rungs - 2, outputs) intervals: at k stands the best result that uses steps k .. k + 4, or three at least."""
    value, error = extrapolate(quotients, noise, power, WINDOW_STEPS - 1)
    value, error = value[:, :-2], error[:, :-2]
    best = error.argmin(axis=0)[None]
    v, e = np.take_along_axis(value, best, 0)[0], np.take_along_axis(error, best, 0)[0]
    return Interval(v - e, v + e)


def walked(right: Interval, left: Interval, central: Interval) -> Walk:
    """Walks windows of right, left and central quotients, each (rungs, outputs), the largest step first.

    First all three agree, with each other and with what they said before. Then right and left may part and keep apart,
    each true to itself, as it was while noise still hid a kink; the central quotient lies between them.
    """
    upwards, before = slice(None, None, -1), slice(-1)
    right, left, central = (side.at(upwards) for side in (right, left, central))
    known = _known(right) & _known(left) & _known(central)
    both = right.common(left).common(central)
    earlier, on_right, on_left = both.so_far(), right.so_far(), left.so_far()
    agree = known & right.meets(left) & right.meets(central) & left.meets(central)
    joint = _first_run(agree & earlier.at(before).meets(both))
    # At the first rung after these, right and left must have parted. At later ones they may meet again in noise.
    count, number = len(known), np.arange(len(known))[:, None]
    parted = ~right.meets(left) & right.bounded & left.bounded | (number > joint)
    true = known & on_right.at(before).meets(right) & on_left.at(before).meets(left)
    end = _first_run((number < joint) | parted & true)
    return Walk(
        both=earlier.at(joint),
        right=on_right.at(end),
        left=on_left.at(end),
        parted=end - joint,
        stopped=np.where(end < count, count - 1 - end, -1),
    )


def _first_run(holds: Array) -> Array:
    """(outputs,) at how many of the first rungs (rungs, outputs) it holds, without a gap."""
    run: Array = np.logical_and.accumulate(holds).sum(axis=0)
    return run


def _known(windows: Interval) -> Array:
    """(rungs, outputs) where a window is bounded, and not much wider than those of smaller steps, which come first.

    A side that has no value at any step is outside the domain: the other one speaks alone.
    """
    width, bounded = windows.high - windows.low, windows.bounded
    known: Array = bounded & (width <= WILD_FACTOR * np.fmin.accumulate(width)) | ~bounded.any(axis=0)
    return known
