"""The ladder: an entry that central differences did not settle is looked at over all scales, output by output.

Right, left and central quotients are taken at steps from 32 units down to 256 roundoffs of one, and each of the three
is extrapolated in windows of five steps. The windows are walked from the smallest step upwards. While the function is
smooth, the three intervals of a window hold the same derivative, and so do those of all smaller windows. They are
intersected until one misses the others. Then there are two cases. The step has outgrown the neighbourhood, and the walk
ends. Or right and left part and keep apart over several steps, each true to itself: a kink.

One side alone is not trusted while the other is wild: a saturated function looks flat on one side over hundreds of
units, and its derivative is that of the other side.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.drift import VISIBLE_ROUNDOFFS, changes, finer_unit, rest_of, still_changing
from scratchcnn.gradcheck.numerical.groups import depends
from scratchcnn.gradcheck.numerical.hidden_roundoff import (
    first_move,
    first_seen,
    later_stairs,
    noise_at_steps,
    roundoff_step,
)
from scratchcnn.gradcheck.numerical.noise import STRIDES, noise_along
from scratchcnn.gradcheck.numerical.probe import Contraction, Line, Probe
from scratchcnn.gradcheck.numerical.rungs import Rungs, take_rungs
from scratchcnn.gradcheck.numerical.walk import Walk, walk

# In units: a walk that ends at a smaller step makes the noise suspect. No curvature shows so far below a right unit.
SUSPECT_SHARE = 2.0**-8
# As a share of the steepest quotient: a drift below all steps that is smaller than this is added to the bound.
NEGLIGIBLE_DRIFT = 1e-6
# How many of the smallest steps a jump must show at.
JUMP_STEPS = 6
# How many evaluations of forward a climb takes, about.
CLIMB_EVALUATIONS = 100


@dataclass(frozen=True)
class Climb:
    """What the ladder tells of a line.

    Attributes
    ----------
    outputs
        Flat indices of the outputs that moved; the next three are of these.
    walk
        The intervals of their derivatives.
    jumps
        Where the smallest steps see a difference that does not shrink with them.
    drifts
        Where the quotients go on changing at the smallest steps, so that nobody knows their limit.
    rest
        A bound for what the outputs that never moved may hide, contracted.
    reached
        (all outputs,) the size of each where it is first seen to move, or at the point where it never moves.
    steepest
        (outputs,) the steepest quotient at steps of at most a unit.
    """

    outputs: Array
    walk: Walk
    jumps: Array
    drifts: Array
    rest: float
    reached: Array
    steepest: Array


def climb(contraction: Contraction, line: Line, unit: float, depend: Array) -> Climb:
    """Looks along a line at steps from 32 units down to 256 roundoffs (2^-44) of one.

    Parameters
    ----------
    contraction
        The number whose derivative is sought.
    line
        How the entries move.
    unit
        The scale of the steps.
    depend
        (outputs,) bool: which outputs depend on these entries.
    """
    cotangent, noise = contraction.cotangent, contraction.noise
    everything = take_rungs(line, unit)
    moved = (everything.y != everything.y0).any(axis=(0, 1))
    hidden = ~moved & depend if moved.any() else ~moved  # an output that stands still may depend on x below its noise
    rest = float((np.abs(cotangent) * noise)[hidden].sum() / everything.h[0])
    outputs = np.flatnonzero(moved)
    rungs = everything.of(outputs)
    reached = np.abs(everything.y0)
    reached[outputs] = first_seen(rungs)[0]
    steepest = _steepest(rungs, unit, noise[outputs])
    look = _look(line, unit, rungs, noise[outputs], steepest)
    lower = np.flatnonzero((look.changing | look.drifts | _finer(rungs, noise[outputs])) & (cotangent[outputs] != 0))
    if lower.size:
        below = _look_lower(line, float(everything.h[-1]), outputs[lower], noise, steepest[lower])
        look = look if below is None else _replaced(look, lower, below)
    return Climb(outputs, look.walk, look.jumps, look.drifts, rest, reached, steepest)


def climb_each(probe: Probe, entries: Array, units: Array, *, cotangent: Array, noise: Array) -> list[Climb]:
    """A climb for each entry alone, from its unit.

    Parameters
    ----------
    probe, cotangent, noise
        As in `Contraction`.
    entries, units
        (entries,) flat indices into the input, and the scale of each.
    """
    climbs = []
    for entry, unit in zip(entries, units, strict=True):
        line = Line(probe, np.array([entry]), np.ones(1, probe.dtype))
        contraction = Contraction(probe, cotangent, noise)
        climbs.append(climb(contraction, line, float(unit), depends(probe, int(entry), unit)))
    return climbs


def _finer(rungs: Rungs, noise: Array) -> Array:
    """(outputs,) which still move evenly below their noise: it was curvature, and there is none."""
    last = np.abs(rungs.y[-2:] - rungs.y0)
    finer: Array = ~(last * VISIBLE_ROUNDOFFS >= noise).any(axis=(0, 1)) & (last > 0).any(axis=1).all(axis=0)
    return finer


@dataclass(frozen=True)
class _Look:
    """What a ladder tells of some outputs. `changing` says where their quotients still change at its smallest step."""

    walk: Walk
    jumps: Array
    drifts: Array
    changing: Array


def _look_lower(line: Line, smallest: float, outputs: Array, noise: Array, steepest: Array) -> _Look | None:
    """What a second ladder, of a smaller unit, tells of some outputs; None where there are no smaller steps."""
    unit = finer_unit(line, smallest, outputs, noise[outputs])
    if unit is None:
        return None
    rungs = take_rungs(line, unit).of(outputs)
    # What looked like noise at large steps may be curvature.
    noise = np.minimum(noise, noise_along(line.scaled(unit), STRIDES[:1]))
    return _look(line, unit, rungs, noise[outputs], steepest)


def _look(line: Line, unit: float, rungs: Rungs, noise: Array, steepest: Array) -> _Look:
    """Walks the rungs, again if the first walk shows that outputs have more noise than was measured."""
    local = noise_at_steps(rungs, noise)
    walked = walk(rungs, local)
    stairs = _stairs(line, unit, rungs, noise, walked)
    if (stairs > noise).any():
        local = noise_at_steps(rungs, np.maximum(noise, stairs))
        walked = walk(rungs, local)
    change, roundoff = changes(rungs, local)
    below = rest_of(change, roundoff)
    drifts: Array = np.any(below > NEGLIGIBLE_DRIFT * steepest, axis=0)
    return _Look(
        walked.widened(np.where(drifts, np.inf, below)),
        _jumping(rungs, local),
        drifts,
        still_changing(change, roundoff),
    )


def _stairs(line: Line, unit: float, rungs: Rungs, noise: Array, walked: Walk) -> Array:
    """(outputs,) the noise of outputs that move in stairs, as a first walk shows it; 0 where they do not."""
    stopped = walked.stopped
    stairs = later_stairs(line, rungs, stopped)
    still = (rungs.y[-1] == rungs.y0).all(axis=0)
    rung = np.where(still, first_move(rungs), stopped)
    slope = np.where(still | (rung < 0), 0, walked.both.middle)
    step = roundoff_step(line, rungs, noise, np.maximum(rung, 0), slope)
    stairs = np.maximum(stairs, np.where(rung < 0, 0, step))
    if (rungs.h[stopped] < SUSPECT_SHARE * unit)[stopped >= 0].any():
        # An output may tremble along this line, and be still along the one that its noise was measured on.
        stairs = np.maximum(stairs, noise_along(line.scaled(unit))[rungs.outputs])
    return stairs


def _steepest(rungs: Rungs, unit: float, noise: Array) -> Array:
    """(outputs,) the steepest quotient at steps of at most a unit, less what noise may have added to it."""
    h = rungs.h
    quotient = np.maximum(np.abs(rungs.y - rungs.y0) - 2 * noise, 0)[h <= unit] / h[h <= unit, None, None]
    steepest: Array = np.where(np.isfinite(quotient), quotient, 0).max(axis=(0, 1))
    return steepest


def _replaced(look: _Look, which: Array, other: _Look) -> _Look:
    """A look, with what another one tells of some outputs in place of its own."""

    def merged(a: Any, b: Any) -> Any:
        if isinstance(a, np.ndarray):
            a = a.copy()
            a[which] = b
            return a
        return type(a)(*(merged(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)))

    found: _Look = merged(look, other)
    return found


def _jumping(rungs: Rungs, noise: Array) -> Array:
    """(outputs,) where the smallest steps see a difference that does not shrink with them: the point is a jump."""
    tail = np.abs(rungs.y[-JUMP_STEPS:] - rungs.y0)
    stays: Array = ((tail > 8 * noise[-JUMP_STEPS:]) & (tail > 0.9 * tail[0])).all(axis=0).any(axis=0)
    return stays
