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

# Distances at which outputs are looked for that stand still near the point, as parts of the farthest: at some of them
# they may stand still again (a clip on its other side).
NEARER = (1, 1 / 4, 1 / 16)
# Three points close to each other: so close that curvature does not show between them.
CLOSE_BY = 1 - 2.0**-26 * np.arange(3)
# Outputs that move evenly from one to the next do so to a quarter.
UNEVENLY = 4.0
# A smooth output is seen to move by so many roundoffs.
SEEN = 64.0
# A first move below so many roundoffs of what follows may be a step of these: twice as far out a sigmoid at -40 has
# grown a thousandfold. A jump as low as that is taken for one, too; so low it costs little.
STEP = 2.0**20


def fineness(probe: Probe, entries: Array | int, unit: Array, wanted: Array) -> Array:
    """(outputs,) the roundoff that outputs show far away, where they move: at least that of their size there.

    What stands still near the point may have steps coarser than any roundoff of its own: those of something larger that
    cancels in it (1 - cos x near 0). Where it is first seen to move, three points close by tell: past a kink (a relu
    that wakes) it moves evenly from one to the next; a staircase does not move, or by its height. Then, and where it
    moves nowhere, the roundoff is infinite: nobody has seen it.

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
    for part in NEARER:
        for side, rows in zip((-REACH, REACH), y, strict=True):
            for row, distance in zip(rows, CLOSE_BY, strict=True):
                probe.move(entries, probe.base[entries] + side * part * distance * unit[entries], row)
        first, second = y[:, 0] - y[:, 1], y[:, 1] - y[:, 2]
        uneven = np.abs(first - second)
        seen = np.maximum(UNEVENLY * uneven, FLOOR * eps * np.abs(y[:, 0]))
        seen = np.where((first != 0) & (UNEVENLY * uneven <= np.abs(first)), seen, np.inf)
        found = np.where(np.isinf(found), np.fmin(*seen), found)
        if np.isfinite(found[wanted]).all():
            break
    return found


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
    the first step of a staircase. It is a staircase if it goes on so, or if the step is small against what the output
    becomes farther away (a sigmoid, made of a tanh, at -40).
    """
    y0 = probe.y0[outputs]
    first = first_move(y, y0)
    here = np.take_along_axis(y, first[None, None], 0)[0]
    height: Array = np.abs(here - y0).max(axis=0)
    size = np.where(np.isfinite(y), np.abs(y), 0).max(axis=(0, 1))
    # Close by, but so far that a smooth output would move by more than its roundoff.
    share = np.exp2(np.ceil(np.log2(np.maximum(SEEN * noise / np.where(height > 0, height, 1), 1 - CLOSE_BY[1]))))
    again = (height > 0) & (share < 0.25)
    again &= _stands_at(probe, entries, direction, h, y, outputs, first, share, again)
    low = height <= STEP * np.finfo(y.dtype).eps * size
    second = first_move(np.where(np.arange(len(h))[:, None, None] < first, y, here), here)
    goes_on = again & ~low & (second < first)
    goes_on &= _stands_at(probe, entries, direction, h, y, outputs, second, share, goes_on)
    return np.where(again & (low | goes_on), height, 0)


def _stands_at(
    probe: Probe,
    entries: Array,
    direction: Array,
    h: Array,
    y: Array,
    outputs: Array,
    rung: Array,
    share: Array,
    asked: Array,
) -> Array:
    """(outputs,) which of those asked for do not move if the step of their `rung` is shorter by a `share`."""
    stands = np.zeros(len(outputs), bool)
    close = np.empty((2, probe.outputs), y.dtype)
    for k, part in {(int(k), float(part)) for k, part in zip(rung[asked], share[asked], strict=True)}:
        for side, row in zip((-1, 1), close, strict=True):
            probe.move(entries, probe.base[entries] + side * (1 - part) * h[k] * direction, row)
        stands |= (rung == k) & (share == part) & (close[:, outputs] == y[k]).all(axis=0)
    return stands & asked


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
