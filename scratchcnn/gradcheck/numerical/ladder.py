"""The ladder: an entry that central differences did not settle is looked at over all scales, output by output.

Right, left and central quotients are taken at steps from 32 units down to 256 roundoffs of one, and each of the three
is extrapolated in windows of five steps. The windows are walked from the smallest step upwards. While the function is
smooth, the three intervals of a window hold the same derivative, as do those of all smaller windows: they are
intersected until one misses the others. Then the step has outgrown the neighbourhood, and the walk ends; or right and
left part and keep apart, each true to itself, over several steps: a kink.

What one side says alone is not trusted where the other is wild: a saturated function looks flat on one side over
hundreds of units, while its derivative is that of its other side.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.drift import VISIBLE_ROUNDOFFS, changes, finer_unit, rest_of, still_changing
from scratchcnn.gradcheck.numerical.hidden_roundoff import (
    first_move,
    first_seen,
    later_stairs,
    noise_at_steps,
    roundoff_step,
)
from scratchcnn.gradcheck.numerical.noise import STRIDES, noise_along
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.steps import SMALLEST_ROUNDOFFS, UNEVEN_STEP
from scratchcnn.gradcheck.numerical.tableau import extrapolate

# The largest step is two to this power, in units of the entry.
TOP_EXPONENT = 5
WINDOW_STEPS = 5
# Over so many steps right and left must keep apart for a kink.
KINK_STEPS = 4
# Below this share of the unit no curvature ends a walk where the unit is right: it may be noise that was not known.
SUSPECT_SHARE = 2.0**-8
# An interval so many times wider than the narrowest before it shows that the step has outgrown the neighbourhood.
WILD_FACTOR = 4.0
# What quotients may still change by below all steps counts up to this share of the steepest of them.
NEGLIGIBLE_DRIFT = 1e-6


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
        """What both hold, at some places; unchanged at the others."""
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

    def widened(self, right_and_left: Array) -> "Walk":
        """The same with wider intervals on either side (2, outputs), and on both by the wider."""
        left, right = right_and_left
        sides = self.both.widened(np.maximum(left, right)), self.right.widened(right), self.left.widened(left)
        return replace(self, both=sides[0], right=sides[1], left=sides[2])


@dataclass(frozen=True)
class Climb:
    """What the ladder tells of some direction, for the outputs (flat indices) that moved.

    `jumps` says where the smallest steps see a difference that does not shrink with them, `drifts` where the quotients
    go on changing at these, so that nobody knows where they end. `rest` bounds what the outputs that never moved may
    hide. `reached` is the size of each output (all,) where it is first seen to move, or at the point where it is not,
    and `steepest` the steepest quotient of those that moved, at steps of at most a unit.
    """

    outputs: Array
    walk: Walk
    jumps: Array
    drifts: Array
    rest: float
    reached: Array
    steepest: Array


def climb(
    probe: Probe, entries: Array, direction: Array, unit: float, depend: Array, cotangent: Array, noise: Array
) -> Climb:
    """Looks along `direction`: `x[entries] + h direction`, for h from 32 units down to 256 roundoffs (2^-44) of one.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    entries, direction
        (entries,) flat indices that move together, and how far each moves for h = 1.
    unit
        The scale of h.
    depend
        (outputs,) bool: which outputs depend on these entries.
    cotangent, noise
        (outputs,) weights of the outputs, and a bound for their roundoff.
    """
    h, y = _moves(probe, entries, direction, unit)
    moved = (y != probe.y0).any(axis=(0, 1))
    still = np.abs(cotangent) * noise
    hidden = ~moved & depend if moved.any() else ~moved  # what nothing moves may depend on it below its roundoff
    rest = float(still[hidden].sum() / h[0])
    outputs = np.flatnonzero(moved)
    reached = np.abs(probe.y0)
    reached[outputs] = first_seen(y[:, :, outputs], probe.y0[outputs])[0]
    steepest = _steepest(y[:, :, outputs], probe.y0[outputs], h, unit, noise[outputs])
    look = _look(probe, entries, direction, unit, (h, y[:, :, outputs]), outputs, noise[outputs], steepest)
    # What still moves evenly below its noise has none: that was its curvature.
    last = np.abs(y[-2:, :, outputs] - probe.y0[outputs])
    fine = ~(last * VISIBLE_ROUNDOFFS >= noise[outputs]).any(axis=(0, 1)) & (last > 0).any(axis=1).all(axis=0)
    lower = np.flatnonzero((look.changing | look.drifts | fine) & (cotangent[outputs] != 0))
    if lower.size:
        finer = finer_unit(probe, entries, direction, float(h[-1]), outputs[lower], noise[outputs[lower]])
        if finer is not None:
            look = _replaced(
                look, lower, _lower(probe, entries, direction, finer, outputs[lower], noise, steepest[lower])
            )
    return Climb(outputs, look.walk, look.jumps, look.drifts, rest, reached, steepest)


@dataclass(frozen=True)
class _Look:
    """What a ladder tells of some outputs. `changing` says where their quotients still change at its smallest step."""

    walk: Walk
    jumps: Array
    drifts: Array
    changing: Array


def _lower(
    probe: Probe, entries: Array, direction: Array, unit: float, outputs: Array, noise: Array, steepest: Array
) -> _Look:
    """What a ladder of a smaller unit tells of some outputs."""
    h, y = _moves(probe, entries, direction, unit)
    # What looked like noise at large steps may be curvature.
    noise = np.minimum(noise, noise_along(probe, entries, direction * unit, STRIDES[:1]))
    return _look(probe, entries, direction, unit, (h, y[:, :, outputs]), outputs, noise[outputs], steepest)


def _look(
    probe: Probe,
    entries: Array,
    direction: Array,
    unit: float,
    moves: tuple[Array, Array],
    outputs: Array,
    noise: Array,
    steepest: Array,
) -> _Look:
    (h, y), y0 = moves, probe.y0[outputs]
    local = noise_at_steps(y, y0, noise)
    walked = walk(y, y0, h, local)
    stairs = later_stairs(probe, entries, direction, h, y, outputs, walked.stopped)
    still = (y[-1] == y0).all(axis=0)
    rung = np.where(still, first_move(y, y0), walked.stopped)
    slope = np.where(still | (rung < 0), 0, walked.both.middle)
    step = roundoff_step(probe, entries, direction, moves, outputs, noise, np.maximum(rung, 0), slope)
    stairs = np.maximum(stairs, np.where(rung < 0, 0, step))
    if (h[walked.stopped] < SUSPECT_SHARE * unit)[walked.stopped >= 0].any():
        # What trembles along this direction may be still along the one that noise was measured along.
        stairs = np.maximum(stairs, noise_along(probe, entries, direction * unit)[outputs])
    if (stairs > noise).any():
        local = noise_at_steps(y, y0, np.maximum(noise, stairs))
        walked = walk(y, y0, h, local)
    change, roundoff = changes(y, y0, h, local)
    below = rest_of(change, roundoff)
    drifts: Array = np.any(below > NEGLIGIBLE_DRIFT * steepest, axis=0)
    return _Look(
        walked.widened(np.where(drifts, np.inf, below)),
        jumping(y, y0, local),
        drifts,
        still_changing(change, roundoff),
    )


def _steepest(y: Array, y0: Array, h: Array, unit: float, noise: Array) -> Array:
    """(outputs,) the steepest quotient at steps of at most a unit, less what noise may have added to it."""
    quotient = np.maximum(np.abs(y - y0) - 2 * noise, 0)[h <= unit] / h[h <= unit, None, None]
    steepest: Array = np.where(np.isfinite(quotient), quotient, 0).max(axis=(0, 1))
    return steepest


def _replaced(look: _Look, which: Array, other: _Look) -> _Look:
    """A look with what another one tells of some outputs."""

    def merged(a: Any, b: Any) -> Any:
        if isinstance(a, np.ndarray):
            a = a.copy()
            a[which] = b
            return a
        return type(a)(*(merged(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)))

    found: _Look = merged(look, other)
    return found


def _moves(probe: Probe, entries: Array, direction: Array, unit: float) -> tuple[Array, Array]:
    """(rungs,) steps and (rungs, 2, outputs) outputs, left and right, without the steps that x rounds away."""
    x, size = probe.base[entries], np.abs(direction)
    h: list[Any] = []
    rungs = UNEVEN_STEP * 2.0 ** np.arange(
        TOP_EXPONENT, np.log2(SMALLEST_ROUNDOFFS * np.finfo(probe.dtype).eps) - 1, -1
    )
    y: Array = np.empty((len(rungs), 2, probe.outputs), probe.dtype)
    for rung in rungs:
        # A multiple of the coarsest spacing, so that all entries move by exactly the same (sizes are powers of two).
        spacing = (np.spacing(np.abs(x) + size * (unit * rung)) / size).max()
        length = np.rint(unit * rung / spacing) * spacing
        if length == 0:
            break
        probe.move(entries, x - direction * length, y[len(h), 0])
        probe.move(entries, x + direction * length, y[len(h), 1])
        h.append(length)
    return np.array(h, probe.dtype), y[: len(h)]


def walk(y: Array, y0: Array, h: Array, noise: Array) -> Walk:
    """Walks the windows of the quotients that outputs `y` (rungs, 2, outputs) at steps `h` give, smallest first."""
    step = h[:, None]
    sides = [
        _windows((y[:, 1] - y0) / step, 2 * noise[:, 1] / step, 1),
        _windows((y0 - y[:, 0]) / step, 2 * noise[:, 0] / step, 1),
        _windows((y[:, 1] - y[:, 0]) / (2 * step), noise.max(axis=1) / step, 2),
    ]
    everywhere = Interval(np.full(y0.shape, -np.inf, y.dtype), np.full(y0.shape, np.inf, y.dtype))
    both = right = left = everywhere
    # A side that has no value at any step is outside the domain: the other one speaks alone.
    absent = [~window.bounded.any(axis=0) for window in sides]
    walking = np.ones(y0.shape, bool)
    narrowest = [np.full(y0.shape, np.inf, y.dtype) for _ in sides]
    parted = np.zeros(y0.shape, np.intp)  # over how many steps right and left have kept apart
    stopped = np.full(y0.shape, -1)
    for k in range(len(h) - 3, -1, -1):
        r, l, c = (Interval(w.low[k], w.high[k]) for w in sides)  # noqa: E741
        known = np.ones(y0.shape, bool)
        for side, (window, gone) in enumerate(zip((r, l, c), absent, strict=True)):
            width = window.high - window.low
            tame = width <= WILD_FACTOR * narrowest[side]
            known &= (window.bounded & tame) | gone
            narrowest[side] = np.fmin(narrowest[side], width)
        apart = ~r.meets(l) & r.bounded & l.bounded
        agree = known & r.meets(l) & r.meets(c) & l.meets(c) & both.meets(r) & both.meets(l) & both.meets(c)
        joint = walking & (parted == 0)
        both = both.narrowed(r, joint & agree).narrowed(l, joint & agree).narrowed(c, joint & agree)
        # What each side said by itself, while noise still hid a kink: the central quotient lies between the two there.
        goes_on = walking & known & (apart | (parted > 0)) & right.meets(r) & left.meets(l) & ~(joint & agree)
        right = right.narrowed(r, goes_on | (joint & agree))
        left = left.narrowed(l, goes_on | (joint & agree))
        parted += goes_on
        ends = walking & ~(joint & agree) & ~goes_on
        stopped[ends] = k
        walking &= ~ends
        if not walking.any():
            break
    return Walk(both, right, left, parted >= KINK_STEPS, stopped)


def _windows(quotients: Array, noise: Array, power: int) -> Interval:
    """(rungs, outputs) intervals: the best result of those that use steps k .. k + 4 stands at k."""
    value, error = extrapolate(quotients, noise, power, WINDOW_STEPS - 1)
    best = error.argmin(axis=0)[None]
    v, e = np.take_along_axis(value, best, 0)[0], np.take_along_axis(error, best, 0)[0]
    return Interval(v - e, v + e)


def jumping(y: Array, y0: Array, local: Array) -> Array:
    """Where the smallest steps still see a difference that does not shrink with them: the point sits on a jump."""
    tail = np.abs(y[-6:] - y0)
    stays: Array = ((tail > 8 * local[-6:]) & (tail > 0.9 * tail[0])).all(axis=0).any(axis=0)
    return stays
