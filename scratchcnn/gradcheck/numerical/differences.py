"""Central differences with a bound, for everything smooth.

Each entry is moved by halving steps to both sides. Outputs are differenced before they are contracted with the
cotangent, so that what does not move adds no roundoff, and divided by the steps actually taken; a Richardson tableau
gives the value and its error. A pair of tiny steps must then agree with the result, and its right half with its left:
that is what sees a kink or a staircase between the steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.numerical.noise import EPS, FLOOR, noise_at
from scratchcnn.gradcheck.numerical.probe import Array, Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN, symmetric
from scratchcnn.gradcheck.numerical.structure import Group, depends, disjoint
from scratchcnn.gradcheck.numerical.tableau import extrapolate, tightest

LEVELS = 5
# In units of the entry; the tiny step comes last. Most entries are settled by the first steps, and others by all.
TINY = 20
FIRST = UNEVEN * 2.0 ** -np.array([5, 6, 7, TINY])
STEPS = UNEVEN * 2.0 ** -np.array([2, 3, 4, 5, 6, 7, TINY])
MORE = STEPS[~np.isin(STEPS, FIRST)]
# What is not settled is tried with more steps, and then with small ones: (steps, share of the unit).
ATTEMPTS = ((FIRST, 1.0), (STEPS, 1.0), (FIRST, 2.0**-6))
# The relative bound at which an entry is settled.
WANTED = 1e-9
# A bound below this share of the largest derivative is good enough where only roundoff is left in it.
LIMITED = 1e-7
# Numbers that one block of entries may keep at a time.
BLOCK = 2**22


@dataclass
class Quotients:
    """What the moves of some entries tell, contracted with the cotangent: each (steps, entries).

    `central` is `(f(x+h) - f(x-h)) / 2h`, `noise` its roundoff, `bend` the right quotient less the left one. `rest`
    (entries,) bounds what outputs that never moved may hide, and `roundoff` (entries,) is that of Σ|c||y| over
    those that did, as measured, or over all where none did.
    """

    h: Array
    central: Array
    noise: Array
    bend: Array
    rest: Array
    roundoff: Array


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


def contract(
    probe: Probe, group: Group, unit: Array | None, y: Array, h: Array, cotangent: Array, noise: Array
) -> Quotients | None:
    """Quotients of the outputs `y` that `evaluate` gave, moved by `h` (steps, entries); None where strays moved.

    Without units, every output is taken to depend on the move.
    """
    left, right = y[:, 0], y[:, 1]
    moved = ((left != probe.y0) | (right != probe.y0)).any(axis=0)
    if group.strays(moved):
        return None
    weight = np.abs(cotangent)
    local = noise_at(np.maximum(np.abs(left), np.abs(right)), probe.y0, noise)
    still = weight * noise
    # An output that never moved may still depend on the entry, below its roundoff (a sigmoid at 40).
    hidden = np.where(moved, 0, still)
    if unit is not None and group.outputs is None:
        for k in np.flatnonzero(hidden.any(axis=-1)):
            hidden[k] = np.where(depends(probe, group.entries[k], unit), hidden[k], 0)
    size = weight * noise / FLOOR
    seen = group.share(np.where(moved | (hidden > 0), size, 0))
    return Quotients(
        h,
        group.share(cotangent * (right - left)) / (2 * h),
        group.share(np.where(moved, weight * local, 0)) / h,
        group.share(cotangent * ((right - probe.y0) - (probe.y0 - left))) / h,
        # Where an entry moves nothing at all, any output may depend on it below its roundoff.
        np.where(group.share(moved) > 0, group.share(hidden), still.sum(axis=-1)) / h.max(axis=0),
        np.where(seen > 0, seen, size.sum()),
    )


@dataclass
class Estimate:
    """Derivatives of some entries: each (entries,). `settled` says that no other method need look at the entry."""

    value: Array
    bound: Array
    roundoff: Array
    settled: Array


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
    value, bound, roundoff = np.zeros((3, probe.base.size), probe.dtype)
    settled = np.zeros(probe.base.size, bool)
    largest = 0.0
    while waiting:
        group, attempt, before = waiting.pop()
        steps, closer = ATTEMPTS[attempt]
        chosen = group.entries
        if steps is STEPS and before is not None:
            y, h = _merged(before, evaluate(probe, group, unit, MORE))
        else:
            y, h = evaluate(probe, group, unit * closer, steps)
        quotient = contract(probe, group, unit, y, h, cotangent, noise)
        if quotient is None:
            waiting.extend((alone, 0, None) for alone in group.apart(_rows(probe)))
            continue
        v, b, agrees = settle(quotient)
        if not attempt:
            roundoff[chosen] = quotient.roundoff / unit[chosen]
        largest = max(largest, float((np.abs(v) - b)[agrees].max(initial=0)))
        enough = np.maximum(np.maximum(WANTED * np.abs(v), 8 * EPS * largest), 16 * roundoff[chosen])
        enough = np.where(v == 0, np.maximum(enough, WANTED * largest), enough)  # nothing moved, or all by the same
        if steps is STEPS:  # where little but roundoff is left by now, other steps would say no more
            limited = b <= 100 * quotient.noise[:-1].min(axis=0)
            enough = np.where(limited, np.maximum(enough, LIMITED * np.maximum(np.abs(v), largest)), enough)
        better = chosen[fine := agrees & (b <= enough) & ~settled[chosen]]
        value[better], bound[better], settled[better] = v[fine], b[fine], True
        if attempt + 1 < len(ATTEMPTS) and not settled[chosen].all():
            if group.outputs is None:  # entries that move alone go on without those that are done
                left = ~settled[chosen]
                group, y, h = Group(chosen[left]), y[:, :, left], h[:, left]
            waiting.append((group, attempt + 1, (y, h)))
    return Estimate(value[entries], bound[entries], roundoff[entries], settled[entries])


def _merged(some: tuple[Array, Array], others: tuple[Array, Array]) -> tuple[Array, Array]:
    """The outputs and steps of two sets of moves as one, the largest step first."""
    y, h = np.concatenate([some[0], others[0]]), np.concatenate([some[1], others[1]])
    order = np.argsort(-h[:, 0])
    return y[order], h[order]


def _rows(probe: Probe) -> int:
    """How many entries that move alone may be looked at together."""
    return max(1, BLOCK // (2 * len(STEPS) * max(probe.outputs, 1)))


def separate(probe: Probe, entries: Array, unit: Array) -> list[Group]:
    """Groups of entries that move together, where few outputs overlap; else each entry alone."""
    apart = Group(entries).apart(_rows(probe))
    if probe.outputs < 2 or len(entries) < 2:
        return apart
    if len(entries) * probe.outputs > BLOCK:
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
    value, error = tightest(*extrapolate(q.central[:-1], q.noise[:-1], 2, LEVELS))
    bound = error + q.rest
    # At the tiny step a smooth function is a line: what is left there of the last steps' curvature shrinks with h.
    shrink = q.h[-1] / q.h[-2]
    curve = np.maximum(np.abs(q.bend[-2]), np.abs(q.bend[-3]) / 2)
    straight = np.abs(q.bend[-1]) <= 4 * q.noise[-1] + 4 * shrink * curve
    # The central quotient's curvature shrinks with h^2, and two tableaus that agree by chance are found out.
    lean = 4 * shrink**2 * np.abs(q.central[-2] - value)
    same = np.abs(q.central[-1] - value) <= bound + 2 * q.noise[-1] + lean
    return value, bound, straight & same & np.isfinite(bound)
