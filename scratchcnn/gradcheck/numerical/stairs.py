"""Staircases: a forward pass that rounds to fewer digits inside, so that its outputs move in steps.

f(x) = g(rd(x)), rd a rounding to bfloat16, float16, float32 or a grid, of the input or of what is made of it. Strictly
the slope of f is zero wherever it is not infinite; what people ask for is that of g. Each output is off from g by half
the height of a step at most, so over a width of many steps the differences of f are those of g and some noise. A
polynomial is fitted to many points, whose residual says how large that noise is, and the slope of the fit is the
derivative, with a bound from both.

What also stands still is no staircase: beside a kink, or in saturation, an output is flat on one side and moves at
every point on the other; a single jump has two levels. Stairs keep one value over several points, jump to another, keep
that, again and again. A smooth part may be added to them: then a line is what they keep to.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from scratchcnn.gradcheck.numerical.noise import COVERAGE, EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Array, Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN
from scratchcnn.gradcheck.numerical.structure import REACH, Group, depends
from scratchcnn.gradcheck.numerical.tableau import SAFETY

# Powers of two, in units of the entry: the narrowest step that is looked for (a part of float32's), and the widest.
FINEST, WIDEST = -28, 5
# Steps wider than this share of the unit are too few within it to fit anything to.
RESOLVED = 0.25
# An entry takes this share of what a look over all scales does.
PER_CLIMB = 4
# Among so many entries steps are looked for one by one.
SAMPLES = 4
# How far from the point steps are looked at, in units: within the unit, and beyond it.
NEAR, BEYOND = UNEVEN / 2, (4 * UNEVEN, REACH)
# Points of a look at the steps: so many to a width, over so many widths.
TO_A_WIDTH, WIDTHS = 6, 6
# So many jumps, each between two levels, make a staircase.
JUMPS = 3
# What differs from a line by this share of what the line says is no part of it.
PART = 0.125
# At twice the distance a smooth function is off its tangent by four times as much, or by eight where it does not bend.
BEND = 16.0

# Points to either side that a polynomial is fitted to, in units: from two units down to 2^-9. The ratio is uneven,
# since about zero all points x 2^k share one rounding.
POINTS, RATIO = 18, 0.6703
SPAN = 2 * RATIO ** np.arange(POINTS)
# The fits leave out so many of the largest points, and have so many odd terms (h, h^3, ...).
STARTS, TERMS = range(12), (1, 2, 3)
# What is fitted spans so many steps and shows so many levels, or its residual says nothing of the steps.
STEPS, LEVELS = 8, 8
# Of a line both sides show as many levels; where one shows so many times more, the other is flat: beyond a kink.
ONE_SIDED = 4
# Where the points are this many times farther from a fit than from fits to smaller moves, there is more than steps.
STRAY = 3.0


def find(probe: Probe, open_: Array, quiet: Array, unit: Array, cotangent: Array) -> float:
    """How wide the steps are in which forward moves: a share of an entry's unit, 0 where it does not move in steps.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    open_
        Flat indices of the entries whose derivatives are not known.
    quiet
        Those that seem to be known but may stand on a step: nothing moved them, or they are zero.
    unit
        (size of the input,) the scale of each entry.
    cotangent
        (outputs,) the weights of the outputs.
    """
    widest = 0.0
    for entries in (open_, quiet):
        if entries is quiet and (not quiet.size or not _stand_still(probe, quiet, unit, cotangent)):
            break
        for entry in entries[:: max(1, len(entries) // SAMPLES)][:SAMPLES]:
            step = width(probe, entry, unit, cotangent)
            if 0 < step <= RESOLVED:
                return step
            widest = max(widest, step)
    return widest


def width(probe: Probe, entry: int, unit: Array, cotangent: Array) -> float:
    """The width of the steps that `entry` makes, moved alone; 0 without steps."""
    path = _Path(probe, np.array([entry]), unit, cotangent)
    nothing = True
    for away in (NEAR, -NEAR, *BEYOND):
        step = path.width() if path.leaves_for(away) else 0.0
        nothing &= path.nothing
        # Steps may be wider than the unit: farther only where nothing moves nearby.
        if step or (away != NEAR and not nothing):
            return step
    return 0.0


def _stand_still(probe: Probe, entries: Array, unit: Array, cotangent: Array) -> bool:
    """Whether an output moves with `entries`, all moved far, but does not move at a tiny step from there."""
    path = _Path(probe, entries, unit, cotangent)
    for away in (NEAR, -NEAR, *BEYOND):
        found = path.leaves_for(away)
        if not path.nothing:
            return found and path.slope == 0
    return False


class _Path:
    """One output as some entries move: its level, less what a line says that has the slope of a tiny step.

    The entries move away from zero, and are looked at half a unit away from where they are: near zero steps are finer
    than an entry's unit says. Of all outputs it is the one whose slope on the way, and over a tiny step at its end,
    differ most.
    """

    def __init__(self, probe: Probe, entries: Array, unit: Array, cotangent: Array) -> None:
        self.probe, self.entries = probe, entries
        self.direction = np.where(probe.base[entries] < 0, -unit[entries], unit[entries])
        self.weight = np.abs(cotangent)
        self.y = np.empty((2, probe.outputs), probe.dtype)
        self.start = self.slope = self.first = self.noise = 0.0
        self.output, self.nothing = 0, True

    def leaves_for(self, start: float) -> bool:
        """Goes to `start`, and says whether an output may have moved in steps till there."""
        probe, tiny = self.probe, 2.0**FINEST
        for row, t in zip(self.y, (start, start + tiny), strict=True):
            probe.move(self.entries, probe.base[self.entries] + t * self.direction, row)
        least = least_noise(probe)
        wide, slope = (self.y[0] - probe.y0) / start, (self.y[1] - self.y[0]) / tiny
        moved = (np.abs(self.y[0] - probe.y0) > 2 * least) & (self.weight > 0) & np.isfinite(self.y).all(axis=0)
        self.nothing = not moved.any()
        apart = np.where(moved, np.abs(wide - slope), 0)
        self.output = k = int((self.weight * apart).argmax())
        self.start, self.first, self.slope = start, self.y[0, k], slope[k]
        self.noise = 2 * max(least[k], float(np.finfo(probe.dtype).eps) * abs(self.first))
        return bool(apart[k] > PART * abs(wide[k]))

    def level(self, t: float) -> float:
        """What the output has moved by at `t` from the start, but for its slope."""
        where = self.entries
        self.probe.move(where, self.probe.base[where] + (self.start + t) * self.direction, self.y[0])
        return float(self.y[0, self.output] - self.first - self.slope * t)

    def width(self) -> float:
        """The mean width of the steps; 0 where they are none."""
        reach = 0.0
        for side in (-1.0, 1.0):
            found = self._first_move(side)
            if not found:
                return 0.0
            reach += found
        wide = 0.75 * reach  # the level at the start ends between half of `reach` and the whole
        return self._between_jumps(wide) or self._between_jumps(4 * wide)  # it may be an exceptionally narrow one

    def _first_move(self, side: float) -> float:
        """Within which power of two to a side the output jumps off its level; 0 where it does not, or bends off it."""
        low, high = FINEST, WIDEST
        before, after = 0.0, self.level(side * 2.0**high)
        if not self._leaves(after, 2.0**high):
            return 0.0
        while high - low > 1:
            middle = (low + high) // 2
            level = self.level(side * 2.0**middle)
            if self._leaves(level, 2.0**middle):
                high, after = middle, level
            else:
                low, before = middle, level
        return 2.0**high if not abs(after) <= BEND * abs(before) else 0.0

    def _leaves(self, level: float, t: float) -> bool:
        # What is outside the domain is no level of it either.
        return not abs(level) <= self.noise + PART * abs(self.slope * t)

    def _between_jumps(self, wide: float) -> float:
        """The mean distance of jumps that join two levels, among points six to `wide`; 0 where they are too few."""
        gap = wide / TO_A_WIDTH
        half = TO_A_WIDTH * WIDTHS // 2
        levels = np.array([self.level(k * gap) for k in range(-half, half + 1)])
        change = np.diff(levels) / gap + self.slope
        usual = np.median(change)
        jump = ~(np.abs(change - usual) <= PART * abs(usual) + 2 * self.noise / gap)
        alone = jump[1:-1] & ~jump[:-2] & ~jump[2:]
        if not np.isfinite(levels).all() or jump.mean() > 0.5 or alone.sum() < JUMPS:
            return 0.0
        return float(2 * half * gap / jump.sum())


@dataclass(frozen=True)
class Fit:
    """Derivatives with bounds, each (n,), the deviation of a point from the fit, and how far its points reach.

    `agrees` says that no kink is seen: right and left have one slope.
    """

    value: Array
    bound: Array
    deviation: Array
    reach: Array
    agrees: Array

    def at(self, which: Array) -> "Fit":
        """Those of some entries."""
        return Fit(*(getattr(self, f.name)[which] for f in fields(self)))


def along(probe: Probe, direction: Array, cotangent: Array, step: float) -> Fit:
    """The derivative along a direction (size of the input,) that moves all entries, each by some part of its unit."""
    changes, height = _swept(probe, slice(None), direction, lambda change: change @ cotangent)
    return _fitted(changes, np.atleast_1d(np.abs(cotangent) @ height), step)


def precision(found: "Fit", size: Array) -> float:
    """The eps of the roundings that leave such deviations from a line: the height of a step by what is rounded.

    That is an entry of this `size` (n,), or what it was moved by where that is larger. Roundings spread evenly from
    half a step down to half a step up. Taken at the entries that show it best: at others a kink, or the steps of what
    hardly depends on them, add to the deviation.
    """
    change = np.where(found.agrees, np.abs(found.value), 0) * np.maximum(size, found.reach)
    share = np.sqrt(12) * found.deviation / np.where(change > 0, change, np.inf)
    return float(np.clip(np.quantile(share[change > 0], 0.25), EPS, 1)) if change.any() else 1.0


def beyond(probe: Probe, groups: Iterable[Group], entries: Array, unit: Array, cotangent: Array, step: float) -> Fit:
    """The derivatives of the contracted output by each of `entries`.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    groups
        The entries, as they are moved; there may be others among them.
    entries
        (n,) flat indices.
    unit
        (size of the input,) the scale of each entry.
    cotangent
        (outputs,) the weights of the outputs.
    step
        The width of the steps, by the unit.
    """
    series, height = np.zeros((POINTS, 2, probe.base.size)), np.zeros(probe.base.size)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], probe.base.size)
    _, usual = _swept(probe, slice(None), signs * probe.unit, np.sum)
    usual = np.where(usual > 0, usual, usual.max())  # what never moves has steps as high as others at most
    weight = np.abs(cotangent)
    for group in groups:
        owned = group.outputs is not None
        if owned:
            where = group.entries
            changes, own = _swept(probe, where, unit[where], lambda d, g=group: g.share(cotangent * d))
            series[:, :, where] = changes
            height[where] = group.share(weight * np.where(own > 0, own, usual))
        for entry in () if owned and not group.strays(own > 0) else group.entries:
            changes, own = _swept(probe, entry, unit[entry], lambda d: d @ cotangent)
            series[:, :, entry] = changes[:, :, 0]
            hidden = (own == 0) & (weight > 0)
            if hidden.any():
                own = np.where(hidden & depends(probe, entry, unit), usual, own)
            height[entry] = weight @ own
    found, unit = _fitted(series[:, :, entries], height[entries], step), unit[entries]
    # Near zero a rounding takes the same share of every move, and where it is towards zero it does so everywhere: the
    # fit does not see that. It is a whole step at most.
    share = step / (NEAR + np.abs(probe.base[entries]) / unit)
    bound = found.bound + 2 * share * np.abs(found.value)
    return Fit(found.value / unit, bound / unit, found.deviation, found.reach * unit, found.agrees)


def _swept(
    probe: Probe, where: Array | int | slice, direction: Array, contract: Callable[[Array], Array]
) -> tuple[Array, Array]:
    """(points, 2, n) changes, contracted, at `SPAN` to the left and right; and (outputs,) the smallest of each output.

    The smallest change that is not 0 is a step or more; it is 0 where an output never moved.
    """
    y = np.empty(probe.outputs, probe.dtype)
    smallest = np.full(probe.outputs, np.inf)
    changes = []
    for t in SPAN:
        for side in (-t, t):
            probe.move(where, probe.base[where] + side * direction, y)
            change = y - probe.y0
            smallest = np.fmin(smallest, np.where(change != 0, np.abs(change), np.inf))
            changes.append(contract(change))
    return np.reshape(changes, (POINTS, 2, -1)), np.where(np.isfinite(smallest), smallest, 0)


def _fitted(series: Array, height: Array, step: float) -> Fit:
    """The slopes at 0 of (points, 2, n) values at `SPAN` to the left and right, less that at 0.

    `height` (n,) is that of the steps, and `step` the width of some.
    """
    odd, even = (series[:, 1] - series[:, 0]) / 2, (series[:, 1] + series[:, 0]) / 2
    count = series.shape[2]
    low, high, least = np.full(count, -np.inf), np.full(count, np.inf), np.full(count, np.inf)
    found = Fit(*np.zeros((4, count)), np.zeros(count, bool))
    found.bound[:] = np.inf
    walking = np.ones(count, bool)
    # Where no two points share a level there is a smooth part, and fits to less than a few steps see that alone.
    smooth = _levels(series).sum(axis=0) == 2 * POINTS + 2
    # From the smallest moves on, as long as a fit agrees with all before: then no kink has come into sight.
    for start in reversed(STARTS):
        fits = np.array([_fit(start, terms, odd[start:], even[start:]) for terms in TERMS])
        best = np.where(np.isfinite(fits[:, 1]), fits[:, 1], np.inf).argmin(axis=0)[None, None]
        v, b, s, turn = np.take_along_axis(fits, best, 0)[0]
        sides = _levels(series[start:])
        still = (sides == 1).all(axis=0)  # what stands still moves by less than the height of a step
        b = np.where(still, height / (2 * SPAN[start]), b)
        enough = (sides.sum(axis=0) > LEVELS) & (~smooth | (2 * SPAN[start] >= STEPS * step)) | (start == 0)
        fitting = enough & (sides.min(axis=0) * ONE_SIDED >= sides.max(axis=0))
        known = np.isfinite(b) & (still | fitting)
        walking &= ~known | ((v - b <= high) & (v + b >= low) & (s <= STRAY * least))
        least = np.where(known & ~still, np.minimum(least, s), least)
        low, high = np.where(known, np.maximum(low, v - b), low), np.where(known, np.minimum(high, v + b), high)
        better = walking & known & (b < found.bound)
        fit = Fit(v, b, s, np.full(count, SPAN[start]), turn <= 1)
        for name in (f.name for f in fields(Fit)):
            getattr(found, name)[better] = getattr(fit, name)[better]
    return found


def _levels(series: Array) -> Array:
    """(2, n) how many different values there are to either side, with that at 0."""
    values = np.sort(np.concatenate([series, np.zeros_like(series[:1])]), axis=0)
    count: Array = 1 + (np.diff(values, axis=0) != 0).sum(axis=0)
    return count


def _fit(start: int, terms: int, odd: Array, even: Array) -> tuple[Array, Array, Array, Array]:
    """Slope, its bound, the deviation of a point, and the turn at 0 by what noise makes of it: each (n,)."""
    (slope, to_slope), (turn, to_turn) = (_weights(start, terms)[which] for which in (0, 1))
    square, free = 0.0, 0
    for part, inverse, basis in ((odd, to_slope, slope), (even, to_turn, turn)):
        square = square + ((part - basis @ (inverse @ part)) ** 2).sum(axis=0)
        free += basis.shape[0] - basis.shape[1]
    deviation = np.sqrt(2 * square / free)  # a part is half the sum of two points
    noise = [COVERAGE * deviation / np.sqrt(2) * np.linalg.norm(row) for row in (to_slope[0], to_turn[1])]
    value = to_slope[0] @ odd
    finer = _weights(start, terms + 1)[0][1][0] @ odd
    with np.errstate(all="ignore"):
        turned = np.where(to_turn[1] @ even == 0, 0, np.abs(to_turn[1] @ even) / noise[1])
    return value, noise[0] + SAFETY * np.abs(finer - value), deviation, turned


@cache
def _weights(start: int, terms: int) -> Sequence[tuple[Array, Array]]:
    """Bases, and their inverses, at the points of a fit: odd powers; and a level, a kink and even powers."""
    h = SPAN[start:, None]
    powers = np.arange(1, 2 * terms, 2), np.array([0, 1, *range(2, 2 * terms + 1, 2)])
    # In parts of the largest point, so that the powers are of one size.
    bases = [(h / h[0]) ** power for power in powers]
    scales = [h[0] ** power for power in powers]
    return [(b * s, np.linalg.pinv(b) / s[:, None]) for b, s in zip(bases, scales, strict=True)]
