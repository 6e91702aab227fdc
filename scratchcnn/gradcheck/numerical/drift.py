"""Quotients that go on changing at the smallest steps: the point is one where the function is not Lipschitz.

The one-sided quotients of x^p at 0 are h^(p-1). When the step is halved, the quotients of a smooth function change by
half as much or less; these change by r = 2^(1-p) > 1/2 times as much. The changes form a geometric series: if the last
change is d, the changes below all steps add up to d r / (1 - r). A tableau claims an error of `SAFETY` times a change,
which covers the rest as long as r / (1 - r) <= `SAFETY`.
"""

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.noise import STRIDES, noise_along, noise_at
from scratchcnn.gradcheck.numerical.probe import Line
from scratchcnn.gradcheck.numerical.rungs import Rungs
from scratchcnn.gradcheck.numerical.steps import SMALLEST_ROUNDOFFS
from scratchcnn.gradcheck.numerical.tableau import SAFETY

# The ratio of changes up to which the error of a tableau covers the rest of the series.
COVERED_RATIO = SAFETY / (1 + SAFETY)
# In roundoffs: a larger change is a real one, and its ratio to the next is known to a few per cent.
VISIBLE_ROUNDOFFS = 64.0
# How many changes in a row, of one sign and in a steady ratio, show the series.
SERIES_LENGTH = 4
# The largest ratio of a power is at most this many times its least. The ratios of a function that only has not settled
# yet (a saturated one) vary more.
STEADY_FACTOR = 1.1
# The rest of the series is taken to be this many times what its last ratio says, since the ratio may still grow.
SERIES_FACTOR = 2.0


def changes(rungs: Rungs, noise: Array) -> tuple[Array, Array]:
    """How much one-sided quotients change from step to step, and the roundoff of that: (2, rungs - 1, outputs).

    Parameters
    ----------
    rungs
        The outputs at halving steps.
    noise
        (rungs, 2, outputs) a bound for their roundoff.
    """
    y, h = rungs.y, rungs.h
    quotient: Array = (y - rungs.y0) / h[:, None, None] * np.array([-1, 1], y.dtype)[:, None]
    roundoff = 2 * noise / h[:, None, None]
    return np.moveaxis(quotient[:-1] - quotient[1:], 1, 0), np.moveaxis(roundoff[:-1] + roundoff[1:], 1, 0)


def still_changing(change: Array, roundoff: Array) -> Array:
    """(outputs,) where the quotients of either side change by more than roundoff at the smallest step."""
    last: Array = np.any(np.abs(change[:, -1]) > VISIBLE_ROUNDOFFS * roundoff[:, -1], axis=0)
    return last


def rest_of(change: Array, roundoff: Array) -> Array:
    """(2, outputs) by how much the quotients of either side may still change below all steps.

    It is 0 where the error of a tableau covers that, and infinite where the changes do not shrink.
    """
    rest = _of_each(np.concatenate(list(change), axis=-1), np.concatenate(list(roundoff), axis=-1))
    return rest.reshape(2, -1)


def _of_each(change: Array, roundoff: Array) -> Array:
    """The same of changes (rungs - 1, outputs)."""
    count, outputs = change.shape
    visible = np.abs(change) > VISIBLE_ROUNDOFFS * roundoff
    last = count - 1 - visible[::-1].argmax(axis=0)
    here = np.arange(outputs)
    end = change[last, here]
    ratios = np.empty((SERIES_LENGTH - 1, outputs), change.dtype)
    drifts = visible.any(axis=0) & (last >= SERIES_LENGTH - 1)
    for k, row in enumerate(ratios, 1):
        row[...] = change[last - k + 1, here] / change[last - k, here]
        drifts &= visible[last - k, here]
    drifts &= (ratios > COVERED_RATIO).all(axis=0) & (ratios.max(axis=0) < STEADY_FACTOR * ratios.min(axis=0))
    ratio = np.abs(end / change[last - SERIES_LENGTH + 1, here]) ** (1 / (SERIES_LENGTH - 1))
    drifts &= _goes_on(change, roundoff, last, ratio)
    rest = np.where(ratio < 1, SERIES_FACTOR * np.abs(end) * ratio / (1 - ratio), np.inf)
    return np.where(drifts, rest, 0)


def _goes_on(change: Array, roundoff: Array, last: Array, ratio: Array) -> Array:
    """(outputs,) whether the series may go on below its last visible change, hidden by roundoff.

    It does not if a later change, roundoff included, is smaller than the series would have it.
    """
    count, outputs = change.shape
    here = np.arange(outputs)
    end = change[last, here]
    least = np.maximum(ratio / STEADY_FACTOR, COVERED_RATIO)
    hidden = np.ones(outputs, bool)
    for k in (1, 2):
        below = np.minimum(last + k, count - 1)
        left = change[below, here] * np.sign(end) + roundoff[below, here]
        hidden &= ~(left < least**k * np.abs(end)) | (last + k >= count)
    return hidden


def finer_unit(line: Line, smallest: float, outputs: Array, noise: Array) -> float | None:
    """The unit of a second ladder, for quotients that still change at the `smallest` step of the first.

    An entry may be much smaller than its array, and 0 has no spacing that ends a ladder (tanh at [2e15, 0]). The
    exponent of the smallest step at which the quotients change by more than roundoff is found by bisection. The unit
    lies some steps above it, so that a drift would show. It is None where x has no finer steps, or nothing changes.

    Parameters
    ----------
    line
        How the entries move.
    smallest
        The smallest step of the first ladder.
    outputs, noise
        (n,) the outputs that are looked at, and a bound for their roundoff.
    """
    probe, x, size = line.probe, line.x, np.abs(line.direction)
    info = np.finfo(probe.dtype)
    least = np.where(x == 0, info.smallest_normal, SMALLEST_ROUNDOFFS * np.spacing(np.abs(x)))
    low, high = float(np.ceil(np.log2((least / size).max()))), float(np.log2(smallest)) - 1
    if high - low < SERIES_LENGTH:
        return None
    lowest, highest = low - float(np.log2(SMALLEST_ROUNDOFFS * info.eps)), high
    # What looked like noise at large steps may be curvature, and there is none at the smallest.
    noise = np.minimum(noise, noise_along(line.scaled(2.0**lowest), STRIDES[:1])[outputs])
    if not _change_at(line, high, outputs, noise):
        return None
    if not _change_at(line, low, outputs, noise):
        while high - low > 2:
            middle = (low + high) // 2
            low, high = (low, middle) if _change_at(line, middle, outputs, noise) else (middle, high)
    return float(2.0 ** min(max(low + 2 * SERIES_LENGTH, lowest), highest))


def _change_at(line: Line, exponent: float, outputs: Array, noise: Array) -> bool:
    """Whether the quotients of some outputs change between the steps 2^(exponent + 1) and 2^exponent."""
    probe = line.probe
    steps = 2.0**exponent * np.array([2, 1], probe.dtype)
    y = np.empty((2, 2, probe.outputs), probe.dtype)
    for row, step in zip(y, steps, strict=True):
        line.move(-step, row[0])
        line.move(step, row[1])
    rungs = Rungs(steps, y[:, :, outputs], probe.y0[outputs], outputs)
    return bool(still_changing(*changes(rungs, noise_at(rungs.y, rungs.y0, noise))).any())
