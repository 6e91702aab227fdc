"""The walk up a ladder: intervals of the derivative, from the smallest step to the one that misses the others."""

from collections.abc import Sequence
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

    def narrowed(self, other: "Interval", where: Array) -> "Interval":
        """The intersection of both at some places; unchanged at the others."""
        return Interval(
            np.where(where, np.maximum(self.low, other.low), self.low),
            np.where(where, np.minimum(self.high, other.high), self.high),
        )

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

    `stopped` is the number of the rung at which it ended, -1 where it reached the top.
    """

    both: Interval
    right: Interval
    left: Interval
    kink: Array
    stopped: Array

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
    walker = _Walker(_right_left_central(rungs, noise))
    for k in range(len(rungs.h) - 3, -1, -1):
        walker.step(k)
        if not walker.walking.any():
            break
    return Walk(walker.both, walker.right, walker.left, walker.parted >= KINK_STEPS, walker.stopped)


def _right_left_central(rungs: Rungs, noise: Array) -> list[Interval]:
    """(rungs, outputs) the intervals of the right, left and central quotients."""
    y, y0, step = rungs.y, rungs.y0, rungs.h[:, None]
    return [
        _windows((y[:, 1] - y0) / step, 2 * noise[:, 1] / step, 1),
        _windows((y0 - y[:, 0]) / step, 2 * noise[:, 0] / step, 1),
        _windows((y[:, 1] - y[:, 0]) / (2 * step), noise.max(axis=1) / step, 2),
    ]


def _windows(quotients: Array, noise: Array, power: int) -> Interval:
    """(rungs, outputs) intervals: at k stands the best result that uses steps k .. k + 4."""
    value, error = extrapolate(quotients, noise, power, WINDOW_STEPS - 1)
    best = error.argmin(axis=0)[None]
    v, e = np.take_along_axis(value, best, 0)[0], np.take_along_axis(error, best, 0)[0]
    return Interval(v - e, v + e)


class _Walker:
    """The state of a walk, each (outputs,).

    `both` is the intersection of all intervals so far, `right` and `left` those of either side. `walking` says where
    the walk goes on, `parted` over how many steps right and left have kept apart, `stopped` at which rung it ended.
    """

    def __init__(self, windows: Sequence[Interval]) -> None:
        self.windows = windows
        shape, dtype = windows[0].low.shape[1:], windows[0].low.dtype
        self.both = self.right = self.left = Interval(np.full(shape, -np.inf, dtype), np.full(shape, np.inf, dtype))
        # A side that has no value at any step is outside the domain: the other one speaks alone.
        self.absent = [~window.bounded.any(axis=0) for window in windows]
        self.narrowest = [np.full(shape, np.inf, dtype) for _ in windows]
        self.walking = np.ones(shape, bool)
        self.parted = np.zeros(shape, np.intp)
        self.stopped = np.full(shape, -1)

    def step(self, k: int) -> None:
        """Takes in the windows that start at rung k."""
        right, left, central = quotients = [Interval(w.low[k], w.high[k]) for w in self.windows]
        known = self._known(quotients)
        apart = ~right.meets(left) & right.bounded & left.bounded
        agree = known & right.meets(left) & right.meets(central) & left.meets(central)
        for quotient in quotients:
            agree &= self.both.meets(quotient)
        joint = self.walking & (self.parted == 0) & agree
        # Each side is true to itself, as it was while noise still hid a kink; the central quotient lies between them.
        goes_on = self.walking & known & (apart | (self.parted > 0)) & ~joint
        goes_on &= self.right.meets(right) & self.left.meets(left)
        for quotient in quotients:
            self.both = self.both.narrowed(quotient, joint)
        self.right = self.right.narrowed(right, goes_on | joint)
        self.left = self.left.narrowed(left, goes_on | joint)
        self.parted += goes_on
        ends = self.walking & ~joint & ~goes_on
        self.stopped[ends] = k
        self.walking &= ~ends

    def _known(self, quotients: Sequence[Interval]) -> Array:
        """Where each quotient is bounded, and not much wider than before, or outside the domain."""
        known = np.ones(self.walking.shape, bool)
        for side, (quotient, gone) in enumerate(zip(quotients, self.absent, strict=True)):
            width = quotient.high - quotient.low
            known &= (quotient.bounded & (width <= WILD_FACTOR * self.narrowest[side])) | gone
            self.narrowest[side] = np.fmin(self.narrowest[side], width)
        return known
