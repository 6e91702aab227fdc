"""The walk up a ladder: intervals of the derivative, from the smallest step to the one that misses the others."""

from dataclasses import dataclass, replace
from typing import Any

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

    def narrow(self, other: "Interval", where: Array) -> None:
        """Makes this the intersection of both at some places."""
        np.maximum(self.low, other.low, out=self.low, where=where)
        np.minimum(self.high, other.high, out=self.high, where=where)

    def at(self, k: int) -> "Interval":
        """The intervals of one rung, where there are (rungs, outputs)."""
        return Interval(self.low[k], self.high[k])

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
    walker = _Walker(*_right_left_central(rungs, noise))
    for k in range(len(rungs.h) - 3, -1, -1):
        walker.step(k)
        if not walker.walking.any():
            break
    return Walk(walker.both, walker.right, walker.left, walker.parted >= KINK_STEPS, walker.stopped)


def _right_left_central(rungs: Rungs, noise: Array) -> tuple[Interval, Interval, Interval]:
    """(rungs, outputs) the intervals of the right, left and central quotients."""
    y, y0, step = rungs.y, rungs.y0, rungs.h[:, None]
    return (
        _windows((y[:, 1] - y0) / step, 2 * noise[:, 1] / step, 1),
        _windows((y0 - y[:, 0]) / step, 2 * noise[:, 0] / step, 1),
        _windows((y[:, 1] - y[:, 0]) / (2 * step), noise.max(axis=1) / step, 2),
    )


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

    def __init__(self, right: Interval, left: Interval, central: Interval) -> None:
        self.right_windows, self.left_windows = right, left
        # (rungs, outputs) what holds of the windows at each step, wherever the walk is.
        known = _known(right) & _known(left) & _known(central)
        self.all_windows = right.common(left).common(central)
        self.agree = known & right.meets(left) & right.meets(central) & left.meets(central)
        self.known, self.apart = known, ~right.meets(left) & right.bounded & left.bounded
        shape = known.shape[1:]
        self.both, self.right, self.left = (_unbounded(shape, right.low.dtype) for _ in range(3))
        self.walking = np.ones(shape, bool)
        self.parted = np.zeros(shape, np.intp)
        self.stopped = np.full(shape, -1)

    def step(self, k: int) -> None:
        """Takes in the windows that start at rung k."""
        everything, right, left = self.all_windows.at(k), self.right_windows.at(k), self.left_windows.at(k)
        joint = self.walking & (self.parted == 0) & self.agree[k] & self.both.meets(everything)
        # Each side is true to itself, as it was while noise still hid a kink; the central quotient lies between them.
        aside = self.walking & self.known[k] & (self.apart[k] | (self.parted > 0)) & ~joint
        aside &= self.right.meets(right) & self.left.meets(left)
        goes_on = joint | aside
        self.both.narrow(everything, joint)
        self.right.narrow(right, goes_on)
        self.left.narrow(left, goes_on)
        self.parted += aside
        self.stopped[self.walking & ~goes_on] = k
        self.walking = goes_on


def _unbounded(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Interval:
    return Interval(np.full(shape, -np.inf, dtype), np.full(shape, np.inf, dtype))


def _known(windows: Interval) -> Array:
    """(rungs, outputs) where a window is bounded, and not much wider than those of smaller steps.

    A side that has no value at any step is outside the domain: the other one speaks alone.
    """
    width, bounded = windows.high - windows.low, windows.bounded
    smaller_steps = np.concatenate([width[1:], np.full_like(width[:1], np.inf)])
    narrowest = np.fmin.accumulate(smaller_steps[::-1], axis=0)[::-1]
    known: Array = bounded & (width <= WILD_FACTOR * narrowest) | ~bounded.any(axis=0)
    return known
