"""Staircases: a forward pass that rounds to fewer digits inside, so that its outputs move in steps.

f(x) = g(rd(x)), where rd rounds the input, or something made of it, to bfloat16, float16, float32 or a grid. Strictly,
the slope of f is zero or infinite; what people ask for is the slope of g. Each output differs from g by half the height
of a step at most. Over many steps f is therefore g and some noise, and `least_squares` finds the slope of that.

Other outputs that stand still are no staircases. Beside a kink, or in saturation, an output is flat on one side and
moves at every point on the other. A single jump has two levels. A staircase keeps one value over several points, jumps
to another, keeps that, and so on. A smooth part may be added to it: then it keeps to a line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.groups import REACH_DISTANCE, Group, depends
from scratchcnn.gradcheck.numerical.least_squares import FEW_STEPS, FIT_PLACES, FIT_POINTS, Fit, fitted
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Line, Probe
from scratchcnn.gradcheck.numerical.spreading import spread
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# As a power of two, in units: the narrowest step that is looked for (a part of one of float32).
FINEST_EXPONENT = -28
# As powers of two, in units: how wide a step may be. The widest is for an output that stands still at all others: an
# iteration may never end so far away.
WIDE_EXPONENTS = (0, 5, 22)
# In units: wider steps are too few within the unit to fit anything to.
RESOLVED_WIDTH = 0.25
# How many entries can be fitted in the time of one look over all scales.
ENTRIES_PER_CLIMB = 4
# Among how many entries steps are looked for one by one, at first.
SAMPLES = 4
# Among how many entries they are looked for where all entries together seem to move in steps.
MORE_SAMPLES = 32
# In units: the place within the unit at which steps are looked at.
NEAR_DISTANCE = UNEVEN_STEP / 2
# In units: the places beyond it, for an input of zeros, which has no unit of its own.
FAR_DISTANCES = (4 * UNEVEN_STEP, REACH_DISTANCE, 2.0**10 * UNEVEN_STEP, 2.0**20 * UNEVEN_STEP)
# All these places, in their order.
LOOK_DISTANCES = (NEAR_DISTANCE, -NEAR_DISTANCE, *FAR_DISTANCES)
# How many points a look at the steps takes to the width of one.
POINTS_PER_WIDTH = 6
# Over how many widths it goes.
LOOK_WIDTHS = 6
# How many jumps, each between two levels, make a staircase.
LEAST_JUMPS = 3
# As a share of the move that a line predicts: an output that is farther from the line has left it.
LINE_SHARE = 0.0625
# A ratio: at twice the distance a smooth function is four times as far from its tangent, or eight times where it does
# not bend. An output that is farther by more has jumped.
BEND_FACTOR = 16.0


@dataclass(frozen=True)
class Steps:
    """The steps in which an output moves along an entry; all are 0 where it does not.

    Attributes
    ----------
    width
        In units of the entry.
    height
        In the output's unit.
    of_output, of_entry
        The height as a share of the output's size, and the width as a share of the entry's.
    """

    width: float = 0.0
    height: float = 0.0
    of_output: float = 0.0
    of_entry: float = 0.0


def find(contraction: Contraction, unit: Array, unknown: Array, resting: Array) -> list[Steps]:
    """The steps in which forward moves, as some entries show them: those that are fine enough, or else any.

    Parameters
    ----------
    contraction
        The number whose derivatives are sought.
    unit
        (size of the input,) the scale of each entry.
    unknown
        Flat indices of the entries whose derivatives are not known.
    resting
        Those whose derivatives seem to be known, but which may stand on a step: they moved nothing, or are near zero.
    """
    found = _sampled(contraction, unit, unknown, SAMPLES)
    for entries in (unknown, resting):
        if not found and entries.size and _stand_still(contraction, unit, entries):
            found = _sampled(contraction, unit, entries, MORE_SAMPLES)
    return [steps for steps in found if steps.width <= RESOLVED_WIDTH] or found


def precision(found: Sequence[Steps]) -> float:
    """The eps of the format that forward rounds to: a power of two.

    Either entries are rounded or outputs: those of which the steps are a constant share. A step is eps times a power of
    two, and half of that times a number just below the next one.
    """
    shares = np.log2([(steps.of_entry, steps.of_output) for steps in found])
    spread = shares.max(axis=0) - shares.min(axis=0)
    return float(np.clip(np.exp2(np.ceil(_median(shares[:, spread.argmin()]))), EPS, 1))


def _median(values: Sequence[float] | Array) -> float:
    """The middle value, or the upper of two. (np.median would load masked arrays first.)"""
    return float(np.sort(values)[len(values) // 2])


def usual_width(found: Sequence[Steps]) -> float:
    """How wide steps are, in units; 0 if there are none."""
    return _median([steps.width for steps in found]) if found else 0.0


def in_natural_units(found: Sequence[Steps]) -> tuple[float, list[Steps]]:
    """How many times wider the unit is in which the steps have the width of eps, and the steps in that unit.

    A move of one such unit is as large as the number that is rounded.
    """
    wider = max(1.0, usual_width(found) / precision(found))
    return wider, [replace(steps, width=steps.width / wider) for steps in found]


def _sampled(contraction: Contraction, unit: Array, entries: Array, most: int) -> list[Steps]:
    """The steps of up to `SAMPLES` entries, out of `most` that are looked at."""
    found: list[Steps] = []
    for entry in entries[:: max(1, len(entries) // most)][:most]:
        steps = _steps_of(contraction, unit, entry)
        found += [steps] if steps.width else []
        if len(found) == SAMPLES:
            break
    return found


def _steps_of(contraction: Contraction, unit: Array, entry: int) -> Steps:
    """The steps of an entry that moves alone. They may be wider than its unit: then nothing moves nearby."""
    path = _Path(contraction, unit, np.array([entry]))
    nothing = True
    for way in LOOK_DISTANCES:
        steps = path.steps() if path.leaves_for(way) else Steps()
        nothing &= path.nothing
        if steps.width or (way != NEAR_DISTANCE and not nothing):
            return steps
    return Steps()


def _stand_still(contraction: Contraction, unit: Array, entries: Array) -> bool:
    """Whether an output moves with `entries`, all moved far, but does not move at a tiny step from there."""
    path = _Path(contraction, unit, entries)
    for way in LOOK_DISTANCES:
        found = path.leaves_for(way)
        if not path.nothing:
            return found and path.slope == 0
    return False


class _Path:
    """One output as some entries move: its level above the line that has the slope of a tiny step.

    The entries move away from zero, and are looked at some way from where they are: near zero the steps are finer than
    an entry's unit. The output is the one whose slope over the whole move and slope over a tiny step at its end differ
    most.
    """

    def __init__(self, contraction: Contraction, unit: Array, entries: Array) -> None:
        probe = self.probe = contraction.probe
        self.line = Line(probe, entries, np.where(probe.base[entries] < 0, -unit[entries], unit[entries]))
        self.weight = np.abs(contraction.cotangent)
        self.y = np.empty((2, probe.outputs), probe.dtype)
        self.start = self.slope = self.first = self.noise = 0.0
        self.output, self.nothing = 0, True

    def leaves_for(self, start: float) -> bool:
        """Goes to `start`, and says whether an output may have moved there in steps."""
        probe, tiny = self.probe, 2.0**FINEST_EXPONENT
        for row, t in zip(self.y, (start, start + tiny), strict=True):
            self.line.move(t, row)
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
        """How far the output is above its line at `t` from the start."""
        self.line.move(self.start + t, self.y[0])
        return float(self.y[0, self.output] - self.first - self.slope * t)

    def steps(self) -> Steps:
        """The steps at the start, if there are any."""
        reach = 0.0
        for side in (-1.0, 1.0):
            move = self._first_move(side)
            if not move:
                return Steps()
            reach += move
        wide = 0.75 * reach  # the level at the start ends between half of `reach` and all of it
        found = self._between_jumps(wide)
        return found if found.width else self._between_jumps(4 * wide)  # that level may be an exceptionally narrow one

    def _first_move(self, side: float) -> float:
        """The power of two within which the output jumps off its level to a side; 0 if it stays or leaves gradually."""
        low, before = FINEST_EXPONENT, 0.0
        for high in WIDE_EXPONENTS:
            after = self.level(side * 2.0**high)
            if self._leaves(after, 2.0**high):
                break
            low, before = high, after
        else:
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
        return float(self.line.x[0] + self.start * self.line.direction[0])

    def _leaves(self, level: float, t: float) -> bool:
        # A point outside the domain is off the level, too.
        return not abs(level) <= self.noise + LINE_SHARE * abs(self.slope * t)

    def _between_jumps(self, wide: float) -> Steps:
        """The mean distance and usual height of the jumps, if there are enough, from points `wide` / 6 apart."""
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
        of_entry = width * abs(self.line.direction[0]) / entry
        return Steps(float(width), float(height), float(height / output), float(of_entry))


def along(contraction: Contraction, direction: Array, width: float) -> Fit:
    """The derivative along a direction that moves all entries.

    Parameters
    ----------
    contraction
        The number whose derivative is sought.
    direction
        (size of the input,) how far each entry moves: some part of its unit, with a sign.
    width
        The width of the steps, in units.
    """
    changes = _swept(Line(contraction.probe, slice(None), direction))
    own = _smallest(changes)
    coarse = np.where(_farthest(changes) < FEW_STEPS * own, own, 0) @ np.abs(contraction.cotangent)
    found = fitted((changes @ contraction.cotangent)[:, :, None], coarse[:, None])
    return Fit(found.value, found.bound, found.agrees & (width <= RESOLVED_WIDTH))


def moves(contraction: Contraction, unit: Array, entry: int) -> bool:
    """Whether a tiny move of an entry moves an output: then it does not stand on a step."""
    probe = contraction.probe
    y = np.empty((2, probe.outputs), probe.dtype)
    for side, row in zip((-1, 1), y, strict=True):
        probe.move(entry, probe.base[entry] + side * 2.0**FINEST_EXPONENT * unit[entry], row)
    return bool(((y != probe.y0) & (contraction.cotangent != 0)).any())


def beyond(
    contraction: Contraction, unit: Array, groups: Iterable[Group], entries: Array, steps: Sequence[Steps]
) -> Fit:
    """The derivatives of the contracted output by each of `entries`.

    Parameters
    ----------
    contraction
        The number whose derivatives are sought.
    unit
        (size of the input,) the scale of each entry.
    groups
        The entries, as they are moved; there may be others among them.
    entries
        (n,) flat indices.
    steps
        The steps in which forward moves.
    """
    probe, width = contraction.probe, usual_width(steps)
    usual = np.maximum(_median([s.height for s in steps]), precision(steps) * np.abs(probe.y0))
    series, coarse = _series(contraction, unit, groups, width, usual)
    found, unit = fitted(series[:, :, entries], coarse[:, entries]), unit[entries]
    # Near zero a rounding takes the same share of every move. Where it rounds towards zero, it does so everywhere, and
    # the fit does not see that. It is a whole step at most.
    share = width / (NEAR_DISTANCE + np.abs(probe.base[entries]) / unit)
    bound = found.bound + 2 * share * np.abs(found.value)
    return Fit(found.value / unit, bound / unit, found.agrees)


def _series(
    contraction: Contraction, unit: Array, groups: Iterable[Group], width: float, usual: Array
) -> tuple[Array, Array]:
    """(points, 2, size of the input) contracted changes, and (points, size) the height of coarse steps in sum."""
    probe, cotangent = contraction.probe, contraction.cotangent
    series, coarse = np.zeros((FIT_POINTS, 2, probe.base.size)), np.zeros((FIT_POINTS, probe.base.size))
    weight = np.abs(cotangent)
    for group in groups:
        where = group.entries
        if group.outputs is not None:
            changes = _swept(Line(probe, where, unit[where]))
            if not group.strays((changes != 0).any(axis=(0, 1))):
                series[:, :, where] = group.share(cotangent * changes)
                coarse[:, where] = group.share(weight * _coarse(changes, width, usual))
                continue
        each = partial(_series_of_each, cotangent=cotangent, width=width, usual=usual)
        pieces = spread(probe, each, where, unit[where], evaluations=2 * FIT_POINTS)
        series[:, :, where], coarse[:, where] = (np.concatenate(parts, axis=-1) for parts in zip(*pieces, strict=True))
    return series, coarse


def _series_of_each(
    probe: Probe, entries: Array, units: Array, *, cotangent: Array, width: float, usual: Array
) -> tuple[Array, Array]:
    """The same of entries that move alone: (points, 2, entries) and (points, entries)."""
    series, coarse = np.empty((FIT_POINTS, 2, len(entries))), np.empty((FIT_POINTS, len(entries)))
    weight = np.abs(cotangent)
    for k, (entry, unit) in enumerate(zip(entries, units, strict=True)):
        changes = _swept(Line(probe, entry, unit))
        depend = changes.any(axis=(0, 1)) | (weight == 0)
        if not depend.all():
            depend |= depends(probe, entry, unit)
        series[:, :, k] = changes @ cotangent
        coarse[:, k] = _coarse(changes, width, usual) @ (weight * depend)
    return series, coarse


def _swept(line: Line) -> Array:
    """(points, 2, outputs) changes at `FIT_PLACES` to the left and right."""
    y = np.empty((FIT_POINTS, 2, line.probe.outputs), line.probe.dtype)
    for t, (left, right) in zip(FIT_PLACES, y, strict=True):
        line.move(-t, left)
        line.move(t, right)
    changes: Array = y - line.probe.y0
    return changes


def _smallest(changes: Array) -> Array:
    """(outputs,) the smallest change that is not 0, which is a step or more; infinite where an output never moves."""
    smallest: Array = np.where((changes != 0) & np.isfinite(changes), np.abs(changes), np.inf).min(axis=(0, 1))
    return smallest


def _farthest(changes: Array) -> Array:
    """(points, outputs) the largest change up to each point, within the domain."""
    size = np.where(np.isfinite(changes), np.abs(changes), 0).max(axis=1)
    farthest: Array = np.maximum.accumulate(size[::-1], axis=0)[::-1]
    return farthest


def _coarse(changes: Array, width: float, usual: Array) -> Array:
    """(points, outputs) the height of the steps of outputs that move by few of them up to a point; 0 for the others.

    A step is at most as high as the smallest change. That may be the change at a kink: so it is also at most twice the
    usual height, or twice the part of the farthest change that belongs to the width of a step.
    """
    farthest = _farthest(changes)
    height = np.minimum(_smallest(changes), 2 * np.maximum(usual, width * farthest[0]))
    few: Array = np.where(farthest < FEW_STEPS * height, height, 0)
    return few
