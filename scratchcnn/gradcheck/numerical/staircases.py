"""Staircases: a forward pass that rounds to fewer digits inside, so that its outputs move in steps.

f(x) = g(rd(x)), rd a rounding to bfloat16, float16, float32 or a grid, of the input or of what is made of it. Strictly
the slope of f is zero wherever it is not infinite; what people ask for is that of g. Each output is off from g by half
the height of a step at most, so that over many steps f is g and some noise: `fits` finds the slope of that.

What else stands still is no staircase: beside a kink, or in saturation, an output is flat on one side and moves at
every point on the other; a single jump has two levels. Stairs keep one value over several points, jump to another, keep
that, again and again. A smooth part may be added to them: then a line is what they keep to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.groups import REACH_DISTANCE, Group, depends
from scratchcnn.gradcheck.numerical.least_squares import FEW_STEPS, FIT_PLACES, FIT_POINTS, Fit, fitted
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# Powers of two, in units of the entry: the narrowest step that is looked for (a part of float32's), and the widest.
FINEST_EXPONENT, WIDEST_EXPONENT = -28, 22
# Steps wider than this share of the unit are too few within it to fit anything to.
RESOLVED_WIDTH = 0.25
# An entry takes this share of what a look over all scales does.
ENTRIES_PER_CLIMB = 4
# Among so many entries steps are looked for one by one; and where all together seem to move in steps, among so many.
SAMPLES, MORE_SAMPLES = 4, 32
# How far from the point steps are looked at, in units: within the unit, and beyond it; zeros say nothing of their unit.
NEAR_DISTANCE, FAR_DISTANCES = (
    UNEVEN_STEP / 2,
    (4 * UNEVEN_STEP, REACH_DISTANCE, 2.0**10 * UNEVEN_STEP, 2.0**20 * UNEVEN_STEP),
)
LOOK_DISTANCES = (NEAR_DISTANCE, -NEAR_DISTANCE, *FAR_DISTANCES)
# Points of a look at the steps: so many to a width, over so many widths.
POINTS_PER_WIDTH, LOOK_WIDTHS = 6, 6
# So many jumps, each between two levels, make a staircase.
LEAST_JUMPS = 3
# What differs from a line by this share of what the line says is no part of it.
LINE_SHARE = 0.0625
# At twice the distance a smooth function is off its tangent by four times as much, or by eight where it does not bend.
BEND_FACTOR = 16.0


@dataclass(frozen=True)
class Steps:
    """The steps in which an output moves along an entry.

    Their width, by the unit of the entry, and their height; what it is of the output's size, and what the width is of
    the entry's. All are 0 where it does not move in steps.
    """

    width: float = 0.0
    height: float = 0.0
    of_output: float = 0.0
    of_entry: float = 0.0


def find(probe: Probe, open_: Array, quiet: Array, unit: Array, cotangent: Array) -> list[Steps]:
    """The steps in which forward moves, as some entries show them: those that are fine enough, or else any.

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
    found = _sampled(probe, open_, SAMPLES, unit, cotangent)
    for entries in (open_, quiet):
        if not found and entries.size and _stand_still(probe, entries, unit, cotangent):
            found = _sampled(probe, entries, MORE_SAMPLES, unit, cotangent)
    return [steps for steps in found if steps.width <= RESOLVED_WIDTH] or found


def precision(found: Sequence[Steps]) -> float:
    """The eps of the format that is rounded to: a power of two.

    Entries are rounded, or outputs: that of which the steps keep a share. Of a power of two it is eps, of what is
    nearly the next one half of it.
    """
    shares = np.log2([(steps.of_entry, steps.of_output) for steps in found])
    spread = shares.max(axis=0) - shares.min(axis=0)
    return float(np.clip(np.exp2(np.ceil(_median(shares[:, spread.argmin()]))), EPS, 1))


def _median(values: Sequence[float] | Array) -> float:
    """The middle one, or the upper of two: np.median loads masked arrays first."""
    return float(np.sort(values)[len(values) // 2])


def usual_width(found: Sequence[Steps]) -> float:
    """How wide steps are, by the unit; 0 without any."""
    return _median([steps.width for steps in found]) if found else 0.0


def in_natural_units(found: Sequence[Steps]) -> tuple[float, list[Steps]]:
    """How many times wider the unit is in which the steps have the width of eps, and the steps in that unit.

    By such a unit what is rounded moves by its own size.
    """
    wider = max(1.0, usual_width(found) / precision(found))
    return wider, [replace(steps, width=steps.width / wider) for steps in found]


def _sampled(probe: Probe, entries: Array, most: int, unit: Array, cotangent: Array) -> list[Steps]:
    """The steps of `SAMPLES` entries, where as many move in steps of the first so many that are looked at."""
    found: list[Steps] = []
    for entry in entries[:: max(1, len(entries) // most)][:most]:
        steps = _steps_of(probe, entry, unit, cotangent)
        found += [steps] if steps.width else []
        if len(found) == SAMPLES:
            break
    return found


def _steps_of(probe: Probe, entry: int, unit: Array, cotangent: Array) -> Steps:
    """The steps that `entry` makes, moved alone; where nothing moves nearby they may be wider than the unit."""
    path = _Path(probe, np.array([entry]), unit, cotangent)
    nothing = True
    for way in LOOK_DISTANCES:
        steps = path.steps() if path.leaves_for(way) else Steps()
        nothing &= path.nothing
        if steps.width or (way != NEAR_DISTANCE and not nothing):
            return steps
    return Steps()


def _stand_still(probe: Probe, entries: Array, unit: Array, cotangent: Array) -> bool:
    """Whether an output moves with `entries`, all moved far, but does not move at a tiny step from there."""
    path = _Path(probe, entries, unit, cotangent)
    for way in LOOK_DISTANCES:
        found = path.leaves_for(way)
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
        probe, tiny = self.probe, 2.0**FINEST_EXPONENT
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
        return bool(apart[k] > LINE_SHARE * abs(wide[k]))

    def level(self, t: float) -> float:
        """What the output has moved by at `t` from the start, but for its slope."""
        where = self.entries
        self.probe.move(where, self.probe.base[where] + (self.start + t) * self.direction, self.y[0])
        return float(self.y[0, self.output] - self.first - self.slope * t)

    def steps(self) -> Steps:
        """The steps, if they are any."""
        reach = 0.0
        for side in (-1.0, 1.0):
            move = self._first_move(side)
            if not move:
                return Steps()
            reach += move
        wide = 0.75 * reach  # the level at the start ends between half of `reach` and the whole
        found = self._between_jumps(wide)
        return found if found.width else self._between_jumps(4 * wide)  # it may be an exceptionally narrow one

    def _first_move(self, side: float) -> float:
        """Within which power of two to a side the output jumps off its level; 0 where it does not, or bends off it."""
        low, high = FINEST_EXPONENT, WIDEST_EXPONENT
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
        return 2.0**high if not abs(after) <= BEND_FACTOR * abs(before) else 0.0

    def _entry(self) -> float:
        return float(self.probe.base[self.entries[0]] + self.start * self.direction[0])

    def _leaves(self, level: float, t: float) -> bool:
        # What is outside the domain is no level of it either.
        return not abs(level) <= self.noise + LINE_SHARE * abs(self.slope * t)

    def _between_jumps(self, wide: float) -> Steps:
        """Where enough jumps join two levels, among points six to `wide`: their mean distance and usual height."""
        gap = wide / POINTS_PER_WIDTH
        half = POINTS_PER_WIDTH * LOOK_WIDTHS // 2
        levels = np.array([self.level(k * gap) for k in range(-half, half + 1)])
        change = np.diff(levels) / gap + self.slope
        usual = _median(change)
        jump = ~(np.abs(change - usual) <= LINE_SHARE * abs(usual) + 2 * self.noise / gap)
        alone = jump[1:-1] & ~jump[:-2] & ~jump[2:]
        if not np.isfinite(levels).all() or alone.sum() < LEAST_JUMPS:
            return Steps()
        height = _median(np.abs(change - usual)[jump]) * gap
        width = 2 * half * gap / jump.sum()
        output, entry = (max(abs(float(z)), np.finfo(float).tiny) for z in (self.first, self._entry()))
        return Steps(float(width), float(height), float(height / output), float(width * abs(self.direction[0]) / entry))


def along(probe: Probe, direction: Array, cotangent: Array, step: float) -> Fit:
    """The derivative along a direction (size of the input,) that moves all entries, each by some part of its unit."""
    changes = _swept(probe, slice(None), direction)
    own = _smallest(changes)
    coarse = np.where(_farthest(changes) < FEW_STEPS * own, own, 0) @ np.abs(cotangent)
    found = fitted((changes @ cotangent)[:, :, None], coarse[:, None])
    return Fit(found.value, found.bound, found.agrees & (step <= RESOLVED_WIDTH))


def moves(probe: Probe, entry: int, unit: Array, cotangent: Array) -> bool:
    """Whether a tiny move of `entry` moves an output: then it does not stand on a step."""
    y = np.empty((2, probe.outputs), probe.dtype)
    for side, row in zip((-1, 1), y, strict=True):
        probe.move(entry, probe.base[entry] + side * 2.0**FINEST_EXPONENT * unit[entry], row)
    return bool(((y != probe.y0) & (cotangent != 0)).any())


def beyond(
    probe: Probe, groups: Iterable[Group], entries: Array, unit: Array, cotangent: Array, steps: Sequence[Steps]
) -> Fit:
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
    steps
        The steps in which forward moves.
    """
    series, coarse = np.zeros((FIT_POINTS, 2, probe.base.size)), np.zeros((FIT_POINTS, probe.base.size))
    weight, step = np.abs(cotangent), usual_width(steps)
    usual = np.maximum(_median([s.height for s in steps]), precision(steps) * np.abs(probe.y0))
    for group in groups:
        where = group.entries
        if group.outputs is not None:
            changes = _swept(probe, where, unit[where])
            if not group.strays((changes != 0).any(axis=(0, 1))):
                series[:, :, where] = group.share(cotangent * changes)
                coarse[:, where] = group.share(weight * _coarse(changes, step, usual))
                continue
        for entry in where:
            changes = _swept(probe, entry, unit[entry])
            depend = changes.any(axis=(0, 1)) | (weight == 0)
            if not depend.all():
                depend |= depends(probe, entry, unit)
            series[:, :, entry] = changes @ cotangent
            coarse[:, entry] = _coarse(changes, step, usual) @ (weight * depend)
    found, unit = fitted(series[:, :, entries], coarse[:, entries]), unit[entries]
    # Near zero a rounding takes the same share of every move, and where it is towards zero it does so everywhere: the
    # fit does not see that. It is a whole step at most.
    share = step / (NEAR_DISTANCE + np.abs(probe.base[entries]) / unit)
    bound = found.bound + 2 * share * np.abs(found.value)
    return Fit(found.value / unit, bound / unit, found.agrees)


def _swept(probe: Probe, where: Array | int | slice, direction: Array) -> Array:
    """(points, 2, outputs) changes at `SPAN` to the left and right."""
    y = np.empty((FIT_POINTS, 2, probe.outputs), probe.dtype)
    for t, (left, right) in zip(FIT_PLACES, y, strict=True):
        probe.move(where, probe.base[where] - t * direction, left)
        probe.move(where, probe.base[where] + t * direction, right)
    changes: Array = y - probe.y0
    return changes


def _smallest(changes: Array) -> Array:
    """(outputs,) the smallest change that is not 0: a step or more. Infinite where an output never moves."""
    smallest: Array = np.where((changes != 0) & np.isfinite(changes), np.abs(changes), np.inf).min(axis=(0, 1))
    return smallest


def _farthest(changes: Array) -> Array:
    """(points, outputs) the largest change up to each point, within the domain."""
    size = np.where(np.isfinite(changes), np.abs(changes), 0).max(axis=1)
    farthest: Array = np.maximum.accumulate(size[::-1], axis=0)[::-1]
    return farthest


def _coarse(changes: Array, width: float, usual: Array) -> Array:
    """(points, outputs) how high the steps are of outputs that move by few of them up to a point, 0 for others.

    A step is no higher than the smallest change; and, if that was a kink's, than twice what is usual, or twice what the
    farthest change makes of the steps' width: roundings are of outputs, or of entries.
    """
    farthest = _farthest(changes)
    height = np.minimum(_smallest(changes), 2 * np.maximum(usual, width * farthest[0]))
    few: Array = np.where(farthest < FEW_STEPS * height, height, 0)
    return few
