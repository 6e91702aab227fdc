"""Central differences with a bound, for everything smooth.

Each entry is moved by halving steps to both sides. Outputs are differenced before they are contracted with the
cotangent, so that what does not move adds no roundoff, and divided by the steps actually taken; a Richardson tableau
gives the value and its error. A pair of tiny steps must then agree with the result, and its right half with its left:
that is what sees a kink or a staircase between the steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.groups import REACH_DISTANCE, Group, depends, disjoint
from scratchcnn.gradcheck.numerical.hidden_roundoff import MOVED_ROUNDOFFS, shown_roundoff
from scratchcnn.gradcheck.numerical.noise import EPS, FLOOR_ROUNDOFFS, noise_at
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP, symmetric
from scratchcnn.gradcheck.numerical.tableau import extrapolate, tightest

TABLEAU_LEVELS = 5
# In units of the entry; the tiny step comes last. Most entries are settled by the first steps, and others by all.
TINY_EXPONENT = 20
FIRST_STEPS = UNEVEN_STEP * 2.0 ** -np.array([5, 6, 7, TINY_EXPONENT])
ALL_STEPS = UNEVEN_STEP * 2.0 ** -np.array([2, 3, 4, 5, 6, 7, TINY_EXPONENT])
LATER_STEPS = ALL_STEPS[~np.isin(ALL_STEPS, FIRST_STEPS)]
# What is not settled is tried with more steps, and then with small ones: (steps, share of the unit).
ATTEMPTS = ((FIRST_STEPS, 1.0), (ALL_STEPS, 1.0), (FIRST_STEPS, 2.0**-6))
# The relative bound at which an entry is settled.
SETTLED_BOUND = 1e-9
# A bound below this share of the largest derivative is good enough where only roundoff is left in it.
LIMITED_BOUND = 1e-7
# What a few steps of roundoff add up to: so many roundoffs of the largest output, or of one.
LOW_ROUNDOFFS = 2.0**20
# An entry whose unit is below this share of a wider one may be too small for what moves.
NARROW_SHARE, WIDEST_FACTOR = 2.0**-10, 2.0**30
# Numbers that one block of entries may keep at a time.
BLOCK_NUMBERS = 2**22


@dataclass
class Quotients:
    """What the moves of some entries tell, contracted with the cotangent: each (steps, entries).

    `central` is `(f(x+h) - f(x-h)) / 2h`, `noise` its roundoff, `bend` the right quotient less the left one. `rest`
    (entries,) bounds what outputs that never moved may hide; `none` (entries,) says that all are such, and `steps`
    (entries,) that they move by steps of roundoff where they do. `scale`
    (entries,) is Σ|c||y| over those that did move, or over all where none did, by the largest |y| that the steps reach,
    and `roundoff` (entries,) the roundoff of that sum. `still` (entries,) says whether an output stands still at the
    tiny step that others move.
    """

    h: Array
    central: Array
    noise: Array
    bend: Array
    rest: Array
    roundoff: Array
    scale: Array
    none: Array
    steps: Array
    still: Array


def evaluate(probe: Probe, group: Group, unit: Array, steps: Array) -> tuple[Array, Array]:
    """Outputs when the entries of a group move to the left and right, and their steps (steps, entries).

    (steps, 2, outputs), or (steps, 2, entries, outputs) where they move alone.
    """
    entries = group.entries
    below, above, h = symmetric(probe.base[entries], unit[entries] * steps[:, None])
    alone = group.outputs is None
    y = np.empty((len(steps), 2, *((len(entries),) if alone else ()), probe.outputs), probe.dtype)
    for k in range(len(steps)):
        for side, points in enumerate((below[k], above[k])):
            if alone:
                for row, entry, point in zip(y[k, side], entries, points, strict=True):
                    probe.move(entry, point, row)
            else:
                probe.move(entries, points, y[k, side])
    return y, h


def contracted(
    probe: Probe, group: Group, unit: Array | None, y: Array, h: Array, cotangent: Array, noise: Array
) -> Quotients | None:
    """Quotients of the outputs `y` that `evaluate` gave, moved by `h` (steps, entries); None where strays moved.

    Without units, every output is taken to depend on the move.
    """
    left, right = y[:, 0], y[:, 1]
    still = (left == probe.y0) & (right == probe.y0)
    moved = ~still.all(axis=0)
    if group.strays(moved):
        return None
    weight = np.abs(cotangent)
    size = np.maximum(np.abs(left), np.abs(right))
    reached = largest(size, probe.y0)
    local = noise_at(size, probe.y0, noise)
    # Where an output stands still at some steps and moves at others, its moves may be the steps of a staircase. (At the
    # tiny step a smooth function stands still only if its roundoff is large.)
    stairs = np.where(still & moved, np.abs(y - probe.y0).max(axis=(0, 1)), 0)
    local[:-1] = np.fmax(local, stairs)[:-1]
    hidden, far = _hidden(probe, group, unit, ~moved & (weight > 0), weight, noise)
    own = moved | (hidden > 0)
    none = ~group.share(own).astype(bool)
    size = np.where(moved, weight * reached, np.fmax(weight * np.abs(probe.y0), far))
    error = np.fmax(weight * noise_at(reached, probe.y0, noise) / FLOOR_ROUNDOFFS, np.finfo(y.dtype).eps * size)
    roundoff, scale = (
        np.where(none, total.sum(axis=-1), group.share(np.where(own, total, 0))) for total in (error, size)
    )
    return Quotients(
        h,
        group.share(cotangent * (right - left)) / (2 * h),
        group.share(np.where(moved, weight * local, 0)) / h,
        group.share(cotangent * ((right - probe.y0) - (probe.y0 - left))) / h,
        # Where an entry moves nothing at all, any output may depend on it below its roundoff.
        np.where(none, (weight * noise).sum(), group.share(hidden)) / h.max(axis=0),
        roundoff,
        scale,
        none,
        group.share(hidden > MOVED_ROUNDOFFS * error).astype(bool),
        group.share(still[-1] & moved).astype(bool),
    )


def _hidden(
    probe: Probe, group: Group, unit: Array | None, still: Array, weight: Array, noise: Array
) -> tuple[Array, Array]:
    """What outputs that never moved may hide below their roundoff (a sigmoid at 40), and their size: both weighted.

    It is the roundoff that they show where the entry moves them, and the size that they have there.
    """
    if unit is None:
        return np.where(still, weight * noise, 0), np.where(still, weight * np.abs(probe.y0), 0)
    hidden, size = np.zeros((2, *still.shape), probe.dtype)
    if group.outputs is not None:
        asked = np.zeros(probe.outputs, bool)
        asked[group.outputs] = still[group.outputs]
        looks: list[tuple[Any, Array, Array]] = [(..., group.entries, asked)]
    else:
        waiting = np.flatnonzero(still.any(axis=-1))
        looks = [(k, group.entries[k], still[k] & depends(probe, group.entries[k], unit)) for k in waiting]
    for row, entries, asked in looks:
        if asked.any():
            shown, there = shown_roundoff(probe, entries, unit, asked)
            hidden[row] = np.where(asked, weight * np.fmax(noise, shown), 0)
            size[row] = np.where(asked, weight * there, 0)
    return hidden, size


def largest(size: Array, y0: Array) -> Array:
    """(..., outputs) the largest of |y| at the point and of `size` (steps, ..., outputs), of what is finite."""
    reached: Array = np.where(np.isfinite(size), size, 0).max(axis=0, initial=0)
    return np.maximum(reached, np.abs(y0))


@dataclass
class Estimate:
    """Derivatives of some entries: each (entries,). `settled` says that no other method need look at the entry.

    `doubtful` are those of them that small steps alone settled, or where an output stands still at the tiny step: they
    may stand on a staircase. `narrow` are those whose unit is too small: nothing moves within it, or by roundoff only.
    """

    value: Array
    bound: Array
    roundoff: Array
    scale: Array
    settled: Array
    doubtful: Array
    narrow: Array


def central_differences(
    probe: Probe,
    groups: Sequence[Group],
    entries: Array,
    unit: Array,
    cotangent: Array,
    noise: Array,
) -> Estimate:
    """Derivatives of the contracted output with respect to `entries`.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    groups
        All entries, as they are moved.
    entries
        (entries,) flat indices into that input.
    unit
        (size of the input,) the scale of each entry.
    cotangent, noise
        (outputs,) the weights of the outputs, and a bound for their roundoff.
    """
    # Groups with the attempt that is theirs, and the outputs and steps of the one before.
    waiting: list[tuple[Group, int, tuple[Array, Array] | None]]
    waiting = [(group, 0, None) for group in groups]
    value, bound, roundoff, scale = np.zeros((4, probe.base.size), probe.dtype)
    settled, doubtful, none, narrow = np.zeros((4, probe.base.size), bool)
    steepest = 0.0
    while waiting:
        group, attempt, before = waiting.pop()
        steps, closer = ATTEMPTS[attempt]
        chosen = group.entries
        if steps is ALL_STEPS and before is not None:
            y, h = _merged(before, evaluate(probe, group, unit, LATER_STEPS))
        else:
            y, h = evaluate(probe, group, unit * closer, steps)
        quotient = contracted(probe, group, unit, y, h, cotangent, noise)
        if quotient is None:
            waiting.extend((alone, 0, None) for alone in group.apart(_rows(probe)))
            continue
        v, b, agrees = settle(quotient)
        if not attempt:
            roundoff[chosen] = quotient.roundoff / unit[chosen]
            scale[chosen], none[chosen] = quotient.scale / unit[chosen], quotient.none
        steepest = max(steepest, float((np.abs(v) - b)[agrees].max(initial=0)))
        enough = np.maximum(np.maximum(SETTLED_BOUND * np.abs(v), 8 * EPS * steepest), 16 * roundoff[chosen])
        enough = np.where(
            v == 0, np.maximum(enough, SETTLED_BOUND * steepest), enough
        )  # nothing moved, or all by the same
        if steps is ALL_STEPS:  # where little but roundoff is left by now, other steps would say no more
            limited = b <= 100 * quotient.noise[:-1].min(axis=0)
            enough = np.where(limited, np.maximum(enough, LIMITED_BOUND * np.maximum(np.abs(v), steepest)), enough)
        if closer < 1 and before is not None:
            agrees &= ~_by_roundoff(probe, group, before, v, cotangent, noise)
        better = chosen[fine := agrees & (b <= enough) & ~settled[chosen]]
        value[better], bound[better], settled[better] = v[fine], b[fine], True
        narrow[chosen] = quotient.steps & ~settled[chosen]
        doubtful[better] = quotient.still[fine] | (closer < 1)
        if attempt + 1 < len(ATTEMPTS) and not settled[chosen].all():
            if group.outputs is None:  # entries that move alone go on without those that are done
                left = ~settled[chosen]
                group, y, h = Group(chosen[left]), y[:, :, left], h[:, left]
            waiting.append((group, attempt + 1, (y, h)))
    narrow |= _moved_by_wider(probe, none, unit)
    settled &= ~narrow
    return Estimate(*(of_all[entries] for of_all in (value, bound, roundoff, scale, settled, doubtful, narrow)))


def _by_roundoff(
    probe: Probe, group: Group, larger: tuple[Array, Array], slope: Array, cotangent: Array, noise: Array
) -> Array:
    """(entries,) which leave the line, of a slope that small steps found, by what may be steps of roundoff.

    Past a kink they leave it by much more; by curvature they leave it out of the noise, and four times less whenever
    the step is halved. What is rounded inside (x times a rounded factor) leaves it at once, by little, and by half.
    """
    y, h = larger[0][:-1], larger[1][:-1]  # without the tiny step
    leaves = np.abs(group.share(cotangent * (y - probe.y0)) - slope * np.stack([-h, h], axis=1)).max(axis=1)
    blur = MOVED_ROUNDOFFS * group.share(np.abs(cotangent) * noise)
    seen = leaves > blur
    smallest = len(h) - 1 - seen[::-1].argmax(axis=0)
    here, above, twice = (np.take_along_axis(leaves, np.maximum(smallest - k, 0)[None], 0)[0] for k in range(3))
    gradual = np.where(smallest < len(h) - 1, here <= 8 * blur, (above > 3 * here) & (twice > 3 * above))
    largest = np.max(np.abs(y), where=np.isfinite(y), initial=1.0)
    low = here <= LOW_ROUNDOFFS * np.finfo(y.dtype).eps * largest
    stairs: Array = low & seen.any(axis=0) & ~gradual
    return stairs


def _moved_by_wider(probe: Probe, none: Array, unit: Array) -> Array:
    """(size of the input,) those of some entries that may move outputs, none of which they move within their unit."""
    wider = wide_unit(unit)
    narrow = none & (unit < NARROW_SHARE * wider)
    if narrow.any():
        y = np.empty((2, probe.outputs), probe.dtype)
        for side, row in zip((-REACH_DISTANCE, REACH_DISTANCE), y, strict=True):
            probe.move(narrow, probe.base[narrow] + side * wider[narrow], row)
        narrow &= bool((y != probe.y0).any())
    return narrow


def wide_unit(unit: Array) -> Array:
    """(entries,) the largest unit that an entry may have: that of its array, or one, of which a ladder sees it yet."""
    widest: Array = np.maximum(unit, np.minimum(unit * WIDEST_FACTOR, max(1.0, unit.max())))
    return widest


def _merged(some: tuple[Array, Array], others: tuple[Array, Array]) -> tuple[Array, Array]:
    """The outputs and steps of two sets of moves as one, the largest step first."""
    y, h = np.concatenate([some[0], others[0]]), np.concatenate([some[1], others[1]])
    order = np.argsort(-h[:, 0])
    return y[order], h[order]


def _rows(probe: Probe) -> int:
    """How many entries that move alone may be looked at together."""
    return max(1, BLOCK_NUMBERS // (2 * len(ALL_STEPS) * max(probe.outputs, 1)))


def separate(probe: Probe, entries: Array, unit: Array) -> list[Group]:
    """Groups of entries that move together, where few outputs overlap; else each entry alone."""
    apart = Group(entries).apart(_rows(probe))
    if probe.outputs < 2 or len(entries) < 2:
        return apart
    if len(entries) * probe.outputs > BLOCK_NUMBERS:
        return apart
    depend = np.empty((len(entries), probe.outputs), bool)
    for k, entry in enumerate(entries):
        depend[k] = depends(probe, entry, unit)
        if k == 1 and depend[:2].all():
            return apart
    groups = disjoint(entries, depend)
    return groups if len(groups) < len(entries) / 2 else apart


def settle(q: Quotients) -> tuple[Array, Array, Array]:
    """Value, bound, and whether the tiny step agrees with them, of (steps, entries) quotients."""
    value, error = tightest(*extrapolate(q.central[:-1], q.noise[:-1], 2, TABLEAU_LEVELS))
    bound = error + q.rest
    # At the tiny step a smooth function is a line: what is left there of the last steps' curvature shrinks with h.
    shrink = q.h[-1] / q.h[-2]
    curve = np.maximum(np.abs(q.bend[-2]), np.abs(q.bend[-3]) / 2)
    straight = np.abs(q.bend[-1]) <= 4 * q.noise[-1] + 4 * shrink * curve
    # The central quotient's curvature shrinks with h^2, and two tableaus that agree by chance are found out.
    lean = 4 * shrink**2 * np.abs(q.central[-2] - value)
    same = np.abs(q.central[-1] - value) <= bound + 2 * q.noise[-1] + lean
    return value, bound, straight & same & np.isfinite(bound)
