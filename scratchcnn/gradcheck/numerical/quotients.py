"""Difference quotients of entries that move by halving steps, contracted with the cotangent, and what they tell."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.groups import Group, depends
from scratchcnn.gradcheck.numerical.hidden_roundoff import MOVED_ROUNDOFFS, shown_roundoff
from scratchcnn.gradcheck.numerical.noise import FLOOR_ROUNDOFFS, noise_at
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.numerical.spreading import spread
from scratchcnn.gradcheck.numerical.steps import symmetric
from scratchcnn.gradcheck.numerical.tableau import extrapolate, tightest

# How many leading terms of the truncation error a tableau removes at most.
TABLEAU_LEVELS = 5
# How many evaluations a look at an output that stands still takes, about.
HIDDEN_EVALUATIONS = 8


@dataclass(frozen=True)
class Moves:
    """Outputs where the entries of a group move to either side, the largest step first.

    Attributes
    ----------
    y
        (steps, 2, outputs) where they move together, (steps, 2, entries, outputs) where they move alone.
    h
        (steps, entries) the steps actually taken.
    """

    y: Array
    h: Array

    def of(self, which: Array) -> "Moves":
        """The same of some entries that move alone."""
        return Moves(self.y[:, :, which], self.h[:, which])

    def merged(self, others: "Moves") -> "Moves":
        """These moves and others as one."""
        y, h = np.concatenate([self.y, others.y]), np.concatenate([self.h, others.h])
        order = np.argsort(-h[:, 0])
        return Moves(y[order], h[order])


@dataclass(frozen=True)
class Quotients:
    """What the moves of some entries tell, contracted with the cotangent.

    Attributes
    ----------
    h
        (steps, entries) the steps actually taken; so are the next three.
    central
        `(f(x+h) - f(x-h)) / 2h`.
    noise
        The roundoff of `central`.
    bend
        The right quotient less the left one.
    rest
        (entries,) a bound for what outputs that never moved may hide; so are the next five.
    roundoff
        The roundoff of the sum `scale`.
    scale
        Σ|c||y| over the outputs that moved, or over all where none did, by the largest |y| that the steps reach.
    unmoved
        Whether no output moved.
    in_steps
        Whether outputs that never moved do so by steps of roundoff farther away.
    still
        Whether an output stands still at the tiny step and moves at another.
    """

    h: Array
    central: Array
    noise: Array
    bend: Array
    rest: Array
    roundoff: Array
    scale: Array
    unmoved: Array
    in_steps: Array
    still: Array


def evaluate(probe: Probe, group: Group, unit: Array, steps: Array) -> Moves:
    """Outputs when the entries of a group move to the left and right by some steps, in units."""
    entries = group.entries
    below, above, h = symmetric(probe.base[entries], unit[entries] * steps[:, None])
    points = np.stack([below, above], axis=1)
    if group.outputs is None:
        pieces = spread(probe, _outputs_at, entries, np.moveaxis(points, -1, 0), evaluations=2 * len(steps))
        return Moves(np.concatenate(pieces, axis=2) if len(pieces) > 1 else pieces[0], h)
    y = np.empty((len(steps), 2, probe.outputs), probe.dtype)
    for rows, sides in zip(y, points, strict=True):
        for row, there in zip(rows, sides, strict=True):
            probe.move(entries, there, row)
    return Moves(y, h)


def _outputs_at(probe: Probe, entries: Array, points: Array) -> Array:
    """(steps, 2, entries, outputs): the outputs with each entry alone at its `points` (entries, steps, 2)."""
    y = np.empty((*points.shape[1:], len(entries), probe.outputs), probe.dtype)
    for place in np.ndindex(*points.shape[1:]):
        for row, entry, point in zip(y[place], entries, points[:, *place], strict=True):
            probe.move(entry, point, row)
    return y


def contracted(contraction: Contraction, group: Group, unit: Array | None, moves: Moves) -> Quotients | None:
    """Quotients of the moves of a group; None where an output moved that none of its entries owns.

    Parameters
    ----------
    contraction
        The number that is differenced.
    group
        The entries that moved.
    unit
        (size of the input,) the scale of each entry; None: every output is taken to depend on the move.
    moves
        What `evaluate` gave, the tiny step last.
    """
    probe, cotangent, noise = contraction.probe, contraction.cotangent, contraction.noise
    h, left, right = moves.h, moves.y[:, 0], moves.y[:, 1]
    still = (left == probe.y0) & (right == probe.y0)
    moved = ~still.all(axis=0)
    if group.strays(moved):
        return None
    weight = np.abs(cotangent)
    hidden, far = _hidden(contraction, group, unit, ~moved & (weight > 0))
    own = moved | (hidden > 0)
    unmoved = ~group.share(own).astype(bool)
    stepped = np.maximum(np.abs(left), np.abs(right))
    error, size = _error_and_size(contraction, stepped, moved, far)
    roundoff, scale = (
        np.where(unmoved, total.sum(axis=-1), group.share(np.where(own, total, 0))) for total in (error, size)
    )
    local = noise_at(stepped, probe.y0, noise)
    local[:-1] = np.fmax(local, _stairs(moves, probe.y0, still & moved))[:-1]
    return Quotients(
        h=h,
        central=group.share(cotangent * (right - left)) / (2 * h),
        noise=group.share(np.where(moved, weight * local, 0)) / h,
        bend=group.share(cotangent * ((right - probe.y0) - (probe.y0 - left))) / h,
        # Where an entry moves nothing at all, any output may depend on it below its roundoff.
        rest=np.where(unmoved, (weight * noise).sum(), group.share(hidden)) / h.max(axis=0),
        roundoff=roundoff,
        scale=scale,
        unmoved=unmoved,
        in_steps=group.share(hidden > MOVED_ROUNDOFFS * error).astype(bool),
        still=group.share(still[-1] & moved).astype(bool),
    )


def _stairs(moves: Moves, y0: Array, rests: Array) -> Array:
    """(steps, ..., outputs) the height of a staircase, at steps at which an output rests that moves at others.

    The tiny step says nothing: a smooth function stands still there only if its roundoff is large.
    """
    return np.where(rests, np.abs(moves.y - y0).max(axis=(0, 1)), 0)


def _error_and_size(contraction: Contraction, stepped: Array, moved: Array, far: Array) -> tuple[Array, Array]:
    """(..., outputs) twice, weighted: one roundoff of each output, and its size, where the steps lead.

    `stepped` (steps, ..., outputs) is the size of the outputs at each step.
    """
    y0, weight = contraction.probe.y0, np.abs(contraction.cotangent)
    reached = largest(stepped, y0)
    size = np.where(moved, weight * reached, np.fmax(weight * np.abs(y0), far))
    roundoff = weight * noise_at(reached, y0, contraction.noise) / FLOOR_ROUNDOFFS
    return np.fmax(roundoff, np.finfo(contraction.probe.dtype).eps * size), size


def _hidden(contraction: Contraction, group: Group, unit: Array | None, still: Array) -> tuple[Array, Array]:
    """What outputs that never moved may hide below their roundoff (a sigmoid at 40), and their size: both weighted.

    The roundoff is the one that they show farther away, where the entry moves them, and so is the size.
    """
    probe, weight, noise = contraction.probe, np.abs(contraction.cotangent), contraction.noise
    if unit is None:
        return np.where(still, weight * noise, 0), np.where(still, weight * np.abs(probe.y0), 0)
    if group.outputs is not None:
        asked = np.zeros(probe.outputs, bool)
        asked[group.outputs] = still[group.outputs]
        hidden, size = _roundoff_and_size(probe, group.entries, unit[group.entries], asked, weight, noise)
        return hidden, size
    found = np.zeros((2, *still.shape), probe.dtype)
    waiting = np.flatnonzero(still.any(axis=-1))
    if waiting.size:
        entries = group.entries[waiting]
        look = partial(_hidden_by_each, weight=weight, noise=noise)
        pieces = spread(probe, look, entries, unit[entries], still[waiting], evaluations=HIDDEN_EVALUATIONS)
        found[:, waiting] = np.concatenate(pieces, axis=1)
    return found[0], found[1]


def _hidden_by_each(probe: Probe, entries: Array, units: Array, still: Array, *, weight: Array, noise: Array) -> Array:
    """(2, entries, outputs): what each entry alone may hide, and the size of these outputs."""
    found = np.empty((2, *still.shape), probe.dtype)
    for k, (entry, unit) in enumerate(zip(entries, units, strict=True)):
        asked = still[k] & depends(probe, entry, unit)
        found[:, k] = _roundoff_and_size(probe, entry, unit, asked, weight, noise)
    return found


def _roundoff_and_size(
    probe: Probe, entries: Array | int, unit: Array | float, asked: Array, weight: Array, noise: Array
) -> Array:
    """(2, outputs), weighted: the roundoff that the outputs asked for show farther away, and their size there."""
    if not asked.any():
        return np.zeros((2, probe.outputs), probe.dtype)
    shown, there = shown_roundoff(probe, entries, unit, asked)
    found: Array = np.where(asked, weight * np.stack([np.fmax(noise, shown), there]), 0)
    return found


def largest(size: Array, y0: Array) -> Array:
    """(..., outputs) the largest finite |y|: of `size` (steps, ..., outputs), and at the point."""
    reached: Array = np.where(np.isfinite(size), size, 0).max(axis=0, initial=0)
    return np.maximum(reached, np.abs(y0))


def settle(q: Quotients) -> tuple[Array, Array, Array]:
    """(entries,) each: the derivative, its bound, and whether the tiny step agrees with them."""
    value, error = tightest(*extrapolate(q.central[:-1], q.noise[:-1], 2, TABLEAU_LEVELS))
    bound = error + q.rest
    # A smooth function is a line at the tiny step: the curvature of the last steps shrinks with h.
    shrink = q.h[-1] / q.h[-2]
    curve = np.maximum(np.abs(q.bend[-2]), np.abs(q.bend[-3]) / 2)
    straight = np.abs(q.bend[-1]) <= 4 * q.noise[-1] + 4 * shrink * curve
    # The truncation error of the central quotient shrinks with h^2; this finds two tableaus that agree by chance.
    lean = 4 * shrink**2 * np.abs(q.central[-2] - value)
    same = np.abs(q.central[-1] - value) <= bound + 2 * q.noise[-1] + lean
    return value, bound, straight & same & np.isfinite(bound)
