"""Outputs that stand still while an entry moves, and what their roundoff may hide.

An output that does not move has moved by less than its roundoff. That roundoff is at least the roundoff of what the
output becomes at other steps, since terms of that size may cancel in it (|x| + sin x at x < 0). And the first move of
an output may be a single step of roundoff, of something larger that cancels in it everywhere (1 - cos x near 0).
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
from scratchcnn.gradcheck.numerical.probe import Line, Probe
from scratchcnn.gradcheck.numerical.rungs import Rungs

# As shares of the farthest distance: where outputs are looked at that stand still near the point. The nearest comes
# first, since they have grown least there.
LOOK_SHARES = (1 / 16, 1 / 4, 1)
# As shares of that distance: how far apart neighbouring points are, at least and at most.
NEIGHBOUR_SHARES = (2.0**-45, 2.0**-8)
# An output moves evenly if its slopes to a near and to a far neighbour differ by less than one part in this many.
UNEVEN_FACTOR = 4.0
# In roundoffs: an output has visibly moved if it moved by more.
MOVED_ROUNDOFFS = 64.0


def shown_roundoff(probe: Probe, entries: Array | int, unit: Array | float, wanted: Array) -> tuple[Array, Array]:
    """(outputs,) the roundoff that outputs show farther away, where they move, and their size there.

    An output that stands still near the point may move in steps coarser than its own roundoff: those of something
    larger that cancels in it (1 - cos x near 0). Neighbouring points tell, at the distance where it first moves. Past a
    kink (a relu that wakes) the output moves evenly, in proportion to the distance of the neighbour. Otherwise it has
    jumped, or taken some steps of a staircase. The roundoff of an output that moves nowhere is infinite: nobody has
    seen it.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    entries
        Which entries move together, or a single one.
    unit
        The scale of each of them.
    wanted
        (outputs,) bool: which outputs are asked for.
    """
    eps = np.finfo(probe.dtype).eps
    found, there = np.full((2, probe.outputs), np.inf, probe.dtype)
    y = np.empty((3, 2, probe.outputs), probe.dtype)

    def move(row: Array, distance: float) -> None:
        for side, out in zip((-REACH_DISTANCE, REACH_DISTANCE), row, strict=True):
            probe.move(entries, probe.base[entries] + side * distance * unit, out)

    for part in LOOK_SHARES:
        move(y[0], part)
        height, size = np.abs(y[0] - probe.y0), np.abs(y[0])
        # The neighbour is so close that steps show, and so far that an even move exceeds its roundoff.
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
    """(outputs,) how high a step of roundoff may be in outputs that moved by `height` and are as large as `size`.

    It is at most the roundoff of the largest output, or of 1, since terms of that size may cancel in outputs of any
    size. That is the roundoff of float64, which a forward pass in longdouble may go through. It is also at most some
    times `height`, which may be a single step.
    """
    largest = max(np.max(a[np.isfinite(a)], initial=1.0) for a in (size, np.abs(y0)))
    highest: Array = FLOOR_ROUNDOFFS * np.minimum(height, EPS * largest)
    return highest


def first_move(rungs: Rungs) -> Array:
    """(outputs,) the number of the smallest step at which each output moves; the last if it moves at none."""
    moving = ((rungs.y != rungs.y0) & np.isfinite(rungs.y)).any(axis=1)
    first: Array = len(rungs.h) - 1 - moving[::-1].argmax(axis=0)
    return first


def first_seen(rungs: Rungs) -> Array:
    """(2, outputs) the size of each output at the smallest step at which it moves, and at that or the next.

    At the first one it may be small by chance, where it has only just met a kink.
    """
    first = first_move(rungs)
    size = np.fmax(*np.moveaxis(np.abs(rungs.y), 1, 0))
    here, above = (np.take_along_axis(size, k[None], 0)[0] for k in (first, np.maximum(first - 1, 0)))
    seen = np.stack([here, np.fmax(here, above)])
    return np.fmax(np.abs(rungs.y0), np.where(np.isfinite(seen), seen, 0))


def noise_at_steps(rungs: Rungs, noise: Array) -> Array:
    """(rungs, 2, outputs) the noise of outputs at their steps, from that at the point (outputs,).

    An output that stands still may have moved by its roundoff, which is at least that of what it later becomes.
    """
    still = rungs.y == rungs.y0
    return noise_at(np.where(still, first_seen(rungs)[1], rungs.y), rungs.y0, noise)


def roundoff_step(line: Line, rungs: Rungs, noise: Array, rung: Array, slope: Array) -> Array:
    """(outputs,) the height of the steps of roundoff by which outputs left their tangent; 0 if they left it gradually.

    At a kink, or by curvature, an output leaves its tangent the more the farther it goes. If it has left the tangent by
    just as much at a neighbouring point, it has jumped, or taken some steps of roundoff (a sigmoid, made of a tanh, at
    -40; x times a rounded factor).

    Parameters
    ----------
    line
        How the entries move.
    rungs
        What a ladder saw of some outputs.
    noise
        (outputs,) a bound for their roundoff.
    rung, slope
        (outputs,) the number of the step at which each has left its tangent, and the slope of that.
    """
    h, y0, y = rungs.h, rungs.y0, rungs.y
    sides = np.array([-1, 1], h.dtype)[:, None]
    left = np.take_along_axis(y, rung[None, None], 0)[0] - y0 - slope * h[rung] * sides
    height: Array = np.abs(left).max(axis=0)
    # The neighbour is close, but so far that a smooth output would move by more than its roundoff.
    share = MOVED_ROUNDOFFS * noise / np.where(height > 0, height, 1)
    share = np.exp2(np.ceil(np.log2(np.clip(share, 2.0**-26, 0.5))))
    asked = height > MOVED_ROUNDOFFS / 4 * noise
    found: Array = np.zeros(len(y0), y.dtype)
    highest = highest_step(height, np.abs(y), line.probe.y0)
    close = np.empty((2, line.probe.outputs), y.dtype)
    for k, part in {(int(k), float(part)) for k, part in zip(rung[asked], share[asked], strict=True)}:
        neighbour = line.scaled((1 - part) * h[k])
        for side, row in zip((-1, 1), close, strict=True):
            neighbour.move(side, row)
        change = np.abs(close[:, rungs.outputs] - y0 - slope * (1 - part) * h[k] * sides - left)
        flat = ((UNEVEN_FACTOR * change <= part * np.abs(left)) | (np.abs(left) < height / 2)).all(axis=0)
        found = np.where(asked & (rung == k) & (share == part) & flat, highest, found)
    return found


def later_stairs(line: Line, rungs: Rungs, stopped: Array) -> Array:
    """(outputs,) the noise of outputs that stand still at first and move in stairs later; 0 where they do not.

    Some outputs stand still at all steps below the one that ended their walk. Such an output may be a staircase that is
    coarser than its roundoff (`exp(x) - 1` at 1e-12): its derivative is then no more zero than that of a rounded line.
    Or there is a single jump or kink. Stairs leave the same noise in uneven points at two strides; a single jump or
    kink leaves none.

    Parameters
    ----------
    line, rungs
        As in `roundoff_step`.
    stopped
        (outputs,) the number of the step that ended each walk, -1 if none did.
    """
    h = rungs.h
    height: Array = np.zeros(len(rungs.outputs), rungs.y.dtype)
    still = ((rungs.y == rungs.y0).all(axis=1) | (np.arange(len(h)) <= stopped[:, None]).T).all(axis=0) & (stopped >= 0)
    for rung in np.unique(stopped[still]):
        measured: list[Array] = []
        for stride in h[rung] * 4.0 ** np.arange(1, 10):
            if stride > h[0] / 256:  # an eighth of the unit
                break
            table = outputs_at(line.scaled(stride), STRIDE_PLACES - STRIDE_PLACES.mean())
            measured.append(NOISE_COVERAGE * difference_noise(table[:, rungs.outputs]))
        here = still & (stopped == rung)
        for fine, coarse in pairwise(measured):
            plateau = here & (fine > coarse / 4) & (coarse > fine / 4)
            height = np.where(plateau, np.maximum(height, np.maximum(fine, coarse)), height)
    return height
