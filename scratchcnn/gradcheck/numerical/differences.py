"""Central differences with a bound, for everything smooth.

Each entry is moved by halving steps to both sides. Outputs are differenced before they are contracted with the
cotangent, so that what does not move adds no roundoff, and divided by the steps actually taken; a Richardson tableau
gives the value and its error. A pair of tiny steps must then agree with the result, and its right half with its left:
that is what sees a kink or a staircase between the steps.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.numerical.noise import EPS, noise_at
from scratchcnn.gradcheck.numerical.probe import Array, Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN, symmetric
from scratchcnn.gradcheck.numerical.structure import Group, depends, disjoint, elementwise
from scratchcnn.gradcheck.numerical.tableau import extrapolate, tightest

LEVELS = 5
# In units of the entry; the tiny step comes last. Most entries are settled by the first steps, and others by all.
FIRST = UNEVEN * 2.0 ** -np.array([5, 6, 7, 20])
STEPS = UNEVEN * 2.0 ** -np.array([2, 3, 4, 5, 6, 7, 20])
# What is not settled at its unit is tried once at this share of it.
CLOSER = 2.0**-6
# A bound below this share of the largest derivative is good enough where only roundoff is left in it.
LIMITED = 1e-7
# Numbers that one block of entries may keep at a time.
BLOCK = 2**22


@dataclass
class Quotients:
    """What the moves of some entries tell, contracted with the cotangent: each (steps, entries).

    `central` is `(f(x+h) - f(x-h)) / 2h`, `noise` its roundoff, `bend` the right quotient less the left one. `rest`
    (entries,) bounds what outputs that never moved may hide, and `roundoff` (entries,) is eps Σ|c||y| over those
    that did, or over all where none did.
    """

    h: Array
    central: Array
    noise: Array
    bend: Array
    rest: Array
    roundoff: Array


def evaluate(probe: Probe, group: Group, unit: Array, steps: Array) -> tuple[Array, Array]:
    """Outputs (steps, 2, outputs) when the entries of a group move together, to the left and right, and their steps."""
    below, above, h = symmetric(probe.base[group.entries], unit[group.entries] * steps[:, None])
    y = np.empty((len(steps), 2, probe.outputs), probe.dtype)
    for k in range(len(steps)):
        probe.move(group.entries, below[k], y[k, 0])
        probe.move(group.entries, above[k], y[k, 1])
    return y, h


def contract(
    probe: Probe, group: Group, unit: Array | None, y: Array, h: Array, cotangent: Array, noise: Array
) -> Quotients | None:
    """Quotients of the outputs `y` (steps, 2, outputs) that the moves by `h` (steps, entries) gave.

    Without units, every output is taken to depend on the move.
    """
    left, right = y[:, 0], y[:, 1]
    moved = ((left != probe.y0) | (right != probe.y0)).any(axis=0)
    if group.strays(moved):
        return None
    weight = np.abs(cotangent)
    eps = np.finfo(probe.dtype).eps
    local = np.maximum(noise_at(left, probe.y0, noise), noise_at(right, probe.y0, noise))
    still = weight * np.maximum(noise, eps * np.abs(probe.y0))
    # An output that never moved may still depend on the entry, below its roundoff (a sigmoid at 40).
    hidden = np.where(moved, 0, still)
    if unit is not None and group.outputs is None and hidden.any():
        hidden = np.where(depends(probe, group.entries[0], unit), hidden, 0)
    size = weight * np.abs(probe.y0)
    seen = group.share(np.where(moved, size, 0))
    return Quotients(
        h,
        group.share(cotangent * (right - left)) / (2 * h),
        group.share(np.where(moved, weight * local, 0)) / h,
        group.share(cotangent * ((right - probe.y0) - (probe.y0 - left))) / h,
        group.share(hidden) / h.max(axis=0),
        eps * np.where(seen > 0, seen, group.share(size)),
    )


@dataclass
class Estimate:
    """Derivatives of some entries: each (entries,). `settled` says that no other method need look at the entry."""

    value: Array
    bound: Array
    roundoff: Array
    settled: Array


def central_differences(
    probe: Probe, entries: Array, unit: Array, cotangent: Array, noise: Array, wanted: float = 1e-9
) -> Estimate:
    """Derivatives of the contracted output with respect to `entries`.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    entries
        (entries,) flat indices into that input.
    unit
        (size of the input,) the scale of each entry.
    cotangent, noise
        (outputs,) the weights of the outputs, and a bound for their roundoff.
    wanted
        The relative bound at which an entry is settled.
    """
    groups = _groups(probe, entries, unit)
    value, bound, roundoff = np.zeros((3, probe.base.size), probe.dtype)
    settled = np.zeros(probe.base.size, bool)
    largest = 0.0
    while groups:
        group = groups.pop()
        chosen = group.entries
        for attempt, (y, h) in enumerate(_attempts(probe, group, unit)):
            quotient = contract(probe, group, unit, y, h, cotangent, noise)
            if quotient is None:
                groups.extend(Group(chosen[[k]]) for k in range(len(chosen)))
                break
            v, b, agrees = settle(quotient)
            if not attempt:
                roundoff[chosen] = quotient.roundoff / unit[chosen]
            largest = max(largest, float((np.abs(v) - b)[agrees].max(initial=0)))
            enough = np.maximum(np.maximum(wanted * np.abs(v), 8 * EPS * largest), 16 * roundoff[chosen])
            if attempt == 1:  # where little but roundoff is left by now, other steps would say no more
                limited = b <= 100 * quotient.noise[:-1].min(axis=0)
                enough = np.where(limited, np.maximum(enough, LIMITED * np.maximum(np.abs(v), largest)), enough)
            better = chosen[fine := agrees & (b <= enough) & ~settled[chosen]]
            value[better], bound[better], settled[better] = v[fine], b[fine], True
            if settled[chosen].all():
                break
    return Estimate(value[entries], bound[entries], roundoff[entries], settled[entries])


def _attempts(probe: Probe, group: Group, unit: Array) -> Iterator[tuple[Array, Array]]:
    """Outputs and steps of a few moves, then of more, then of a few much smaller ones."""
    y, h = evaluate(probe, group, unit, FIRST)
    yield y, h
    more_y, more_h = evaluate(probe, group, unit, STEPS[~np.isin(STEPS, FIRST)])
    y, h = np.concatenate([y, more_y]), np.concatenate([h, more_h])
    order = np.argsort(-h[:, 0])
    yield y[order], h[order]
    yield evaluate(probe, group, unit * CLOSER, FIRST)


def _groups(probe: Probe, entries: Array, unit: Array) -> list[Group]:
    alone = [Group(entries[[k]]) for k in range(len(entries))]
    if probe.outputs < 2 or len(entries) < 2:
        return alone
    together = elementwise(probe, entries, unit)
    if together is not None:
        return [together]
    rows = min(len(entries), max(1, BLOCK // probe.outputs))
    if rows < len(entries):
        return alone
    depend = np.empty((len(entries), probe.outputs), bool)
    for k, entry in enumerate(entries):
        depend[k] = depends(probe, entry, unit)
        if k == 1 and depend[:2].all():
            return alone
    return disjoint(entries, depend)


def settle(q: Quotients) -> tuple[Array, Array, Array]:
    """Value, bound, and whether the tiny step agrees with them, of (steps, entries) quotients."""
    value, error = tightest(*extrapolate(q.central[:-1], q.noise[:-1], 2, LEVELS))
    bound = error + q.rest
    # At the tiny step a smooth function is a line: what is left there of the last steps' curvature shrinks with h.
    shrink = q.h[-1] / q.h[-2]
    curve = np.maximum(np.abs(q.bend[-2]), np.abs(q.bend[-3]) / 2)
    straight = np.abs(q.bend[-1]) <= 4 * q.noise[-1] + 4 * shrink * curve
    same = np.abs(q.central[-1] - value) <= bound + 2 * q.noise[-1] + shrink * np.abs(q.central[-2] - value)
    return value, bound, straight & same & np.isfinite(bound)
