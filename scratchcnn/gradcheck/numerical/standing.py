"""Outputs that stand still while an entry moves: what their roundoff may hide.

An output that does not move has moved by less than its roundoff. That is no smaller than the roundoff of what it
becomes at other steps, since terms of that size may cancel in it (|x| + sin x at x < 0); and its first move may be
nothing but a step of roundoff, that of something larger which cancels in it everywhere (1 - cos x near 0).
"""

from itertools import pairwise

import numpy as np

from scratchcnn.gradcheck.numerical.noise import (
    COVERAGE,
    FLOOR,
    PLACES,
    difference_noise,
    noise_at,
    outputs_at,
)
from scratchcnn.gradcheck.numerical.probe import Array, Probe
from scratchcnn.gradcheck.numerical.structure import REACH

# Distances at which outputs are looked for that stand still near the point, as parts of the farthest: the nearest
# first, where they have grown least.
PARTS = (1 / 16, 1 / 4, 1)
# Three points close to each other: so close that curvature does not show between them.
CLOSE_BY = 1 - 2.0**-26 * np.arange(3)
# Outputs that move evenly from one to the next do so to a quarter.
UNEVENLY = 4.0
# A smooth output is seen to move by so many roundoffs.
SEEN = 64.0
# A step below so many roundoffs, of one or of the largest output, may be one of roundoff; a higher one is a jump. (Terms
# of size one may cancel in outputs of any size. A jump as low as that is taken for roundoff too: it costs little.)
STEP = 2.0**20


def fineness(probe: Probe, entries: Array | int, unit: Array, wanted: Array) -> Array:
    """(outputs,) the roundoff that outputs show farther away, where they move: at least that of their size there.

    What stands still near the point may have steps coarser than any roundoff of its own: those of something larger that
    cancels in it (1 - cos x near 0). Where it is first seen to move, three points close by tell: past a kink (a relu
    that wakes) it moves evenly from one to the next; a staircase does not move, or by its height. Then, and where it
    moves nowhere, the roundoff is infinite: nobody has seen it. What stands still again after a move too high for that
    has jumped.

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
    found = np.full(probe.outputs, np.inf, probe.dtype)
    y = np.empty((2, 3, probe.outputs), probe.dtype)
    for part in PARTS:
        for side, rows in zip((-REACH, REACH), y, strict=True):
            for row, distance in zip(rows, CLOSE_BY, strict=True):
                probe.move(entries, probe.base[entries] + side * part * distance * unit[entries], row)
        first, second = y[:, 0] - y[:, 1], y[:, 1] - y[:, 2]
        size, uneven = np.abs(y[:, 0]), np.abs(first - second)
        evenly = (first != 0) & (UNEVENLY * uneven <= np.abs(first))
        jumped = (first == 0) & (np.abs(y[:, 0] - probe.y0) > lowest_jump(size, probe.y0))
        seen = np.where(evenly | jumped, np.maximum(UNEVENLY * uneven, FLOOR * eps * size), np.inf)
        found = np.where(np.isinf(found), np.fmin(*seen), found)
        if np.isfinite(found[wanted]).all():
            break
    return found


def lowest_jump(size: Array, y0: Array) -> float:
    """The height from which on a step is no step of roundoff, where outputs of these sizes are seen."""
    largest = max(np.max(a[np.isfinite(a)], initial=1.0) for a in (size, np.abs(y0)))
    return float(STEP * np.finfo(y0.dtype).eps * largest)


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


def first_stairs(
    probe: Probe, entries: Array, direction: Array, h: Array, y: Array, outputs: Array, noise: Array
) -> Array:
    """The height of the first step that outputs take, where it is a step of roundoff; 0 where it is none.

    An output that stands still at small steps, moves, and then stands still again at points close by has met a jump, or
    a step of roundoff, which is lower (a sigmoid, made of a tanh, at -40).
    """
    first = first_move(y, probe.y0[outputs])
    here = np.take_along_axis(y, first[None, None], 0)[0]
    height: Array = np.abs(here - probe.y0[outputs]).max(axis=0)
    # Close by, but so far that a smooth output would move by more than its roundoff.
    share = np.exp2(np.ceil(np.log2(np.maximum(SEEN * noise / np.where(height > 0, height, 1), 1 - CLOSE_BY[1]))))
    asked = (height > 0) & (first < len(h) - 1) & (share < 0.25) & (height <= lowest_jump(np.abs(y), probe.y0))
    stands = np.zeros(len(outputs), bool)
    close = np.empty((2, probe.outputs), y.dtype)
    for k, part in {(int(k), float(part)) for k, part in zip(first[asked], share[asked], strict=True)}:
        for side, row in zip((-1, 1), close, strict=True):
            probe.move(entries, probe.base[entries] + side * (1 - part) * h[k] * direction, row)
        stands |= (first == k) & (share == part) & (close[:, outputs] == y[k]).all(axis=0)
    return np.where(asked & stands, height, 0)


def later_stairs(
    probe: Probe, entries: Array, direction: Array, h: Array, y: Array, outputs: Array, stopped: Array
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
            table = outputs_at(probe, entries, direction * stride, PLACES - PLACES.mean())
            measured.append(COVERAGE * difference_noise(table[:, outputs]))
        here = still & (stopped == rung)
        for fine, coarse in pairwise(measured):
            plateau = here & (fine > coarse / 4) & (coarse > fine / 4)
            height = np.where(plateau, np.maximum(height, np.maximum(fine, coarse)), height)
    return height
