"""Quotients that go on changing at the smallest steps: the slope at a point where it is no Lipschitz function.

The one-sided quotients of x^p at 0 are h^(p-1). Those of a smooth function change by half as much whenever the step is
halved, or by less; these by r = 2^(1-p) > 1/2. The changes are a geometric series, so that what lies below the last of
them, d, is d r / (1 - r). The error of a tableau, `SAFETY` times a change, covers that as long as r / (1 - r) is no
more than `SAFETY`.
"""

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.noise import STRIDES, noise_along, noise_at
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.steps import SMALLEST_ROUNDOFFS
from scratchcnn.gradcheck.numerical.tableau import SAFETY

# The ratio of changes up to which the tableaus cover what lies below.
COVERED_RATIO = SAFETY / (1 + SAFETY)
# A change of so many roundoffs is one, and its ratio to the next is known to a few per cent.
VISIBLE_ROUNDOFFS = 64.0
# So many changes in a row of one sign, each this large against the one before it, show the series.
SERIES_LENGTH = 4
# Of a power the ratio is always the same; of what only has not settled yet (a saturated function) it changes.
STEADY_FACTOR = 1.1
# The rest of the series is taken to be so many times what its last ratio says: the ratio may still grow.
SERIES_FACTOR = 2.0


def changes(y: Array, y0: Array, h: Array, noise: Array) -> tuple[Array, Array]:
    """By how much one-sided quotients change from step to step, and the roundoff of that: (2, rungs - 1, outputs).

    Parameters
    ----------
    y, noise
        (rungs, 2, outputs) the outputs to the left and right, and a bound for their roundoff.
    y0
        (outputs,) those at the point.
    h
        (rungs,) halving steps.
    """
    quotient: Array = (y - y0) / h[:, None, None] * np.array([-1, 1], y.dtype)[:, None]
    roundoff = 2 * noise / h[:, None, None]
    return np.moveaxis(quotient[:-1] - quotient[1:], 1, 0), np.moveaxis(roundoff[:-1] + roundoff[1:], 1, 0)


def still_changing(change: Array, roundoff: Array) -> Array:
    """(outputs,) where the quotients of either side change by more than roundoff at the smallest step."""
    last: Array = np.any(np.abs(change[:, -1]) > VISIBLE_ROUNDOFFS * roundoff[:, -1], axis=0)
    return last


def rest_of(change: Array, roundoff: Array) -> Array:
    """(2, outputs) what the quotients of either side may still change by below all steps; 0 where tableaus cover it.

    Infinite where the changes do not even shrink.
    """
    return np.stack([_one_side(c, n) for c, n in zip(change, roundoff, strict=True)])


def _one_side(change: Array, roundoff: Array) -> Array:
    count, outputs = change.shape
    visible = np.abs(change) > VISIBLE_ROUNDOFFS * roundoff
    last = count - 1 - visible[::-1].argmax(axis=0)
    drifts = visible.any(axis=0) & (last >= SERIES_LENGTH - 1)
    here = np.arange(outputs)
    end = change[last, here]
    ratios = np.empty((SERIES_LENGTH - 1, outputs), change.dtype)
    for k, row in enumerate(ratios, 1):
        row[...] = change[last - k + 1, here] / change[last - k, here]
        drifts &= visible[last - k, here]
    drifts &= (ratios > COVERED_RATIO).all(axis=0) & (ratios.max(axis=0) < STEADY_FACTOR * ratios.min(axis=0))
    ratio = np.abs(end / change[last - SERIES_LENGTH + 1, here]) ** (1 / (SERIES_LENGTH - 1))
    # Below the last change roundoff hides the series. It does not, where less is left of the change than would be.
    least = np.maximum(ratio / STEADY_FACTOR, COVERED_RATIO)
    for k in (1, 2):
        below = np.minimum(last + k, count - 1)
        left = change[below, here] * np.sign(end) + roundoff[below, here]
        drifts &= ~(left < least**k * np.abs(end)) | (last + k >= count)
    rest = np.where(ratio < 1, SERIES_FACTOR * np.abs(end) * ratio / (1 - ratio), np.inf)
    return np.where(drifts, rest, 0)


def finer_unit(
    probe: Probe, entries: Array, direction: Array, smallest: float, outputs: Array, noise: Array
) -> float | None:
    """The unit of a ladder that goes on below its `smallest` step, where quotients still change; None where x ends it.

    An entry may be much smaller than its array, and 0 has no spacing that ends a ladder (tanh at [2e15, 0]). The
    smallest step at which the quotients change by more than roundoff is found by bisecting its exponent; the unit lies
    some steps above it, so that a drift would show.
    """
    y = np.empty((2, 2, probe.outputs), probe.dtype)
    x, size, y0 = probe.base[entries], np.abs(direction), probe.y0[outputs]
    info = np.finfo(probe.dtype)
    least = np.where(x == 0, info.smallest_normal, SMALLEST_ROUNDOFFS * np.spacing(np.abs(x)))
    low, high = float(np.ceil(np.log2((least / size).max()))), float(np.log2(smallest)) - 1
    if high - low < SERIES_LENGTH:
        return None
    lowest, highest = low - float(np.log2(SMALLEST_ROUNDOFFS * info.eps)), high
    # What looked like noise at large steps may be curvature: there is none at the smallest.
    noise = np.minimum(noise, noise_along(probe, entries, direction * 2.0**lowest, STRIDES[:1])[outputs])

    def changes_at(exponent: float) -> bool:
        steps = 2.0**exponent * np.array([2, 1], probe.dtype)
        for row, step in zip(y, steps, strict=True):
            probe.move(entries, x - direction * step, row[0])
            probe.move(entries, x + direction * step, row[1])
        seen = y[:, :, outputs]
        return bool(still_changing(*changes(seen, y0, steps, noise_at(seen, y0, noise))).any())

    if not changes_at(high):
        return None
    if not changes_at(low):
        while high - low > 2:
            middle = (low + high) // 2
            low, high = (low, middle) if changes_at(middle) else (middle, high)
    return float(2.0 ** min(max(low + 2 * SERIES_LENGTH, lowest), highest))
