"""Outputs that stand still while an entry moves: what their roundoff may hide.

An output that does not move has moved by less than its roundoff. That is no smaller than the roundoff of what it
becomes at other steps, since terms of that size may cancel in it (|x| + sin x at x < 0); and its first move may be
nothing but a step of roundoff, that of something larger which cancels in it everywhere (1 - cos x near 0).
"""

from itertools import pairwise

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.groups import REACH_DISTANCE
from scratchcnn.gradcheck.numerical.noise import (
    EPS,
    FLOOR_ROUNDOFFS,
    NOISE_COVERAGE,
    STRIDE_PLACES,
    difference_noise,
    noise_at,
    outputs_at,
)
from scratchcnn.gradcheck.numerical.probe import Probe

# Distances at which outputs are looked for that stand still near the point, as parts of the farthest: the nearest
# first, where they have grown least.
LOOK_SHARES = (1 / 16, 1 / 4, 1)
# Points close to each other are this share of their distance apart, at least and at most.
NEIGHBOUR_SHARES = (2.0**-45, 2.0**-8)
# Outputs that move evenly from one to the next do so to a quarter.
UNEVEN_FACTOR = 4.0
# A smooth output is seen to move by so many roundoffs.
MOVED_ROUNDOFFS = 64.0


def shown_roundoff(probe: Probe, entries: Array | int, unit: Array, wanted: Array) -> tuple[Array, Array]:
    """(outputs,) the roundoff that outputs show farther away, where they move, and their size there.

    What stands still near the point may have steps coarser than any roundoff of its own: those of something larger that
    cancels in it (1 - cos x near 0). Where it is first seen to move, points close by tell: past a kink (a relu that
    wakes) it moves evenly, to the nearest in proportion to the others. What does not has jumped, or taken some steps of
    a staircase. Where an output moves nowhere, the roundoff is infinite: nobody has seen it.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    entries, unit
        (entries,) which move together, or one; and the scale of each entry of the input.
    wanted
        (outputs,) bool: which outputs are asked for.
    """
    eps = np.finfo(probe.dtype).eps
    found, there = np.full((2, probe.outputs), np.inf, probe.dtype)
    y = np.empty((3, 2, probe.outputs), probe.dtype)

    def move(row: Array, distance: float) -> None:
        for side, out in zip((-REACH_DISTANCE, REACH_DISTANCE), row, strict=True):
            probe.move(entries, probe.base[entries] + side * distance * unit[entries], out)

    for part in LOOK_SHARES:
        move(y[0], part)
        height, size = np.abs(y[0] - probe.y0), np.abs(y[0])
        # So close that steps would show, and so far that what moves evenly does so by more than its roundoff.
        least = FLOOR_ROUNDOFFS * eps * np.fmax(size, np.abs(probe.y0))
        seen = (height > 0) & np.isfinite(height) & wanted
        share = np.clip(MOVED_ROUNDOFFS * np.max(least[seen] / height[seen], initial=0), *NEIGHBOUR_SHARES)
        move(y[1], part * (1 - share))
        move(y[2], part * (1 - NEIGHBOUR_SHARES[1]))
        near, far = (y[0] - y[1]) / share, (y[0] - y[2]) / NEIGHBOUR_SHARES[1]
        evenly = (near != 0) & (UNEVEN_FACTOR * np.abs(near - far) <= np.abs(far))
        shown = np.where(evenly, 0, highest_step(height, size, probe.y0))
        shown = np.fmin(*np.where(height > 0, np.maximum(shown, least), np.inf))
        there = np.where(np.isinf(found) & np.isfinite(shown), size.max(axis=0), there)
        found = np.where(np.isinf(found), shown, found)
        if np.isfinite(found[wanted]).all():
            break
    return found, np.where(np.isfinite(there), there, np.abs(probe.y0))


def highest_step(height: Array, size: Array, y0: Array) -> Array:
    """(outputs,) the roundoff in moves of this `height`, where outputs of these sizes are seen.

    It is that of the largest output, or of one, since terms of that size may cancel in outputs of any size; in float64,
    through which a forward pass in longdouble may go. And no more than a couple of what may be a single step.
    """
    largest = max(np.max(a[np.isfinite(a)], initial=1.0) for a in (size, np.abs(y0)))
    highest: Array = FLOOR_ROUNDOFFS * np.minimum(height, EPS * largest)
    return highest


def first_move(y: Array, y0: Array) -> Array:
    """(outputs,) the number of the smallest step at which outputs `y` (rungs, 2, outputs) move; the last if none."""
    moving = ((y != y0) & np.isfinite(y)).any(axis=1)
    first: Array = len(y) - 1 - moving[::-1].argmax(axis=0)
    return first


def first_seen(y: Array, y0: Array) -> Array:
    """(2, outputs) the size of outputs `y` (rungs, 2, outputs) at the smallest step at which they move; or at the next.

    The first may have met a kink just so, and be small.
    """
    first = first_move(y, y0)
    size = np.fmax(*np.moveaxis(np.abs(y), 1, 0))
    here, above = (np.take_along_axis(size, k[None], 0)[0] for k in (first, np.maximum(first - 1, 0)))
    seen = np.stack([here, np.fmax(here, above)])
    return np.fmax(np.abs(y0), np.where(np.isfinite(seen), seen, 0))


def noise_at_steps(y: Array, y0: Array, noise: Array) -> Array:
    """(rungs, 2, outputs) the noise of outputs at their steps.

    Where an output stands still, it may have moved by its roundoff; and that is no smaller than the roundoff of what it
    is seen to become, since terms of that size may cancel in it.
    """
    return noise_at(np.where(y == y0, first_seen(y, y0)[1], y), y0, noise)


def roundoff_step(
    probe: Probe,
    entries: Array,
    direction: Array,
    moves: tuple[Array, Array],
    outputs: Array,
    noise: Array,
    rung: Array,
    slope: Array,
) -> Array:
    """The height of the steps of roundoff by which outputs may have left their line; 0 where they do so gradually.

    At a kink, or by curvature, an output leaves its line the more the farther it goes. Where it does so by as much at
    points close by it has jumped, or taken some steps of roundoff (a sigmoid, made of a tanh, at -40; x times a rounded
    factor).

    Parameters
    ----------
    moves
        (rungs,) steps and (rungs, 2, outputs) the outputs at these.
    rung, slope
        (outputs,) the number of the step at which each has left the line, and the slope of that.
    """
    (h, y), y0, sides = moves, probe.y0[outputs], np.array([-1, 1], moves[1].dtype)[:, None]
    left = np.take_along_axis(y, rung[None, None], 0)[0] - y0 - slope * h[rung] * sides
    height: Array = np.abs(left).max(axis=0)
    # Close by, but so far that a smooth output would move by more than its roundoff.
    share = np.exp2(np.ceil(np.log2(np.clip(MOVED_ROUNDOFFS * noise / np.where(height > 0, height, 1), 2.0**-26, 0.5))))
    asked = height > MOVED_ROUNDOFFS / 4 * noise
    found: Array = np.zeros(len(outputs), y.dtype)
    highest = highest_step(height, np.abs(y), probe.y0)
    close = np.empty((2, probe.outputs), y.dtype)
    for k, part in {(int(k), float(part)) for k, part in zip(rung[asked], share[asked], strict=True)}:
        step = (1 - part) * h[k] * direction
        for side, row in zip((-1, 1), close, strict=True):
            probe.move(entries, probe.base[entries] + side * step, row)
        change = np.abs(close[:, outputs] - y0 - slope * (1 - part) * h[k] * sides - left)
        flat = ((UNEVEN_FACTOR * change <= part * np.abs(left)) | (np.abs(left) < height / 2)).all(axis=0)
        found = np.where(asked & (rung == k) & (share == part) & flat, highest, found)
    return found


def later_stairs(
    probe: Probe,
    entries: Array,
    direction: Array,
    h: Array,
    y: Array,
    outputs: Array,
    stopped: Array,
) -> Array:
    """The noise of outputs that move in stairs, 0 where they do not.

    Where an output stands still at all steps below the one that ended its walk, it may be a staircase that is coarser
    than any roundoff of the output (`exp(x) - 1` at 1e-12), and its derivative is no more zero than that of a rounded
    line; or a plain jump or kink lies there. Stairs leave the same noise in uneven points at two strides, a single
    jump or kink leaves none.
    """
    height: Array = np.zeros(len(outputs), y.dtype)
    y0 = probe.y0[outputs]
    still = ((y == y0).all(axis=1) | (np.arange(len(h)) <= stopped[:, None]).T).all(axis=0) & (stopped >= 0)
    for rung in np.unique(stopped[still]):
        measured: list[Array] = []
        for stride in h[rung] * 4.0 ** np.arange(1, 10):
            if stride > h[0] / 256:  # an eighth of the unit
                break
            table = outputs_at(probe, entries, direction * stride, STRIDE_PLACES - STRIDE_PLACES.mean())
            measured.append(NOISE_COVERAGE * difference_noise(table[:, outputs]))
        here = still & (stopped == rung)
        for fine, coarse in pairwise(measured):
            plateau = here & (fine > coarse / 4) & (coarse > fine / 4)
            height = np.where(plateau, np.maximum(height, np.maximum(fine, coarse)), height)
    return height
