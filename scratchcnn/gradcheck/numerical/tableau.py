"""Richardson's extrapolation with an error for each of its results.

A difference quotient at step h is `f' + a h^p + b h^2p + ...` (p = 2 for central quotients, 1 for one-sided ones).
Quotients at halving steps therefore combine into ones that lack the leading terms:

    T[m, k] = T[m-1, k+1] + (T[m-1, k+1] - T[m-1, k]) / (2^(p m) - 1)

Row k starts at step k and uses m + 1 steps; steps are in falling order. (Ridders 1982; Press et al., section 5.7.)
"""

import numpy as np

from scratchcnn.gradcheck.arrays import Array

# The error of a result is this many times the largest of three distances: to the two results it was made from, and to
# the result of the same level at half the steps. One distance is not enough: it may vanish by chance, where two terms
# of the series cancel. The factor covers steps at which the tableau only begins to converge. The last result of a level
# has no like at half the steps, and is held to the one at twice the steps.
SAFETY = 5.0


def extrapolate(quotients: Array, noise: Array, power: int, levels: int) -> tuple[Array, Array]:
    """All results of the tableau, with their errors.

    Parameters
    ----------
    quotients
        (steps, ...) difference quotients at halving steps, the largest step first.
    noise
        The same shape: a bound for the roundoff of each quotient.
    power
        2 for central quotients, 1 for one-sided ones.
    levels
        How many leading terms are removed at most.

    Returns
    -------
    value, error
        (levels, steps, ...): the result of level m that starts at step k stands at `[m - 1, k]`. Places that the
        tableau does not have, and results that are not finite, have an infinite error.
    """
    steps = len(quotients)
    value = np.zeros((levels, *quotients.shape), quotients.dtype)
    error = np.full(value.shape, np.inf, quotients.dtype)
    row, carried = quotients, noise
    for m in range(1, min(levels, steps - 1) + 1):
        shrink = 2.0 ** (power * m)
        coarse, fine = row[:-1], row[1:]
        row = fine + (fine - coarse) / (shrink - 1)
        carried = (shrink * carried[1:] + carried[:-1]) / (shrink - 1)
        distance = np.maximum(np.abs(row - fine), np.abs(row - coarse))
        distance[:-1] = np.maximum(distance[:-1], np.abs(row[:-1] - row[1:]))
        if m == 1:
            distance[-1] = np.inf  # a single difference may vanish by chance
        elif len(row) > 1:  # the next term is larger there by this power of two
            distance[-1] = np.fmax(distance[-1], np.abs(row[-1] - row[-2]) / 2.0 ** (power * (m + 1)))
        bound = SAFETY * distance + carried
        finite = np.isfinite(bound) & np.isfinite(row)
        value[m - 1, : steps - m] = np.where(finite, row, 0)
        error[m - 1, : steps - m] = np.where(finite, bound, np.inf)
    return value, error


def tightest(value: Array, error: Array) -> tuple[Array, Array]:
    """The result with the smallest error, over the first two axes."""
    flat_value = value.reshape(-1, *value.shape[2:])
    flat_error = error.reshape(-1, *error.shape[2:])
    best = flat_error.argmin(axis=0)[None]
    return np.take_along_axis(flat_value, best, 0)[0], np.take_along_axis(flat_error, best, 0)[0]
