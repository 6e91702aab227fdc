"""The slope at a point from values nearby, each with the rounding error of a low precision.

Polynomials are fitted to the values at many points, by least squares: odd powers to half the difference of right and
left, even powers to half their sum. The first coefficient of the odd part is the slope. The distance of the points from
the fit shows the size of the roundings, and the change of the slope with one power more shows the truncation error. The
coefficient of |h| in the even part is half the turn of the slope at the point: at a kink it is not zero.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.tableau import SAFETY

# How many points there are to either side.
FIT_POINTS = 18
# The ratio of their distances. It is no power of two, since about zero all points x 2^k share one rounding.
POINT_RATIO = 0.6703
# In units: the distances, from two units down to 2^-9.
FIT_PLACES = 2 * POINT_RATIO ** np.arange(FIT_POINTS)
# How many of the farthest points a fit leaves out.
FIT_STARTS = range(12)
# How many odd powers a fit has.
ODD_TERMS = (1, 2, 3)
# In standard deviations: the error of a coefficient.
COVERED_DEVIATIONS = 4.0
# In its own standard deviations: how far the deviation may be above the residual. (The cube root of its square is
# nearly normal: Wilson and Hilferty 1931.)
LIKELY_DEVIATIONS = 3.0
# An output that moves by fewer steps to a side does not show their height in the residual.
FEW_STEPS = 4
# A ratio: where a function moves so many times farther to one side, the other is flat, beyond a kink.
ONE_SIDED_FACTOR = 4
# A ratio: where points are so many times farther from a fit than from fits to smaller moves, it does not fit.
STRAY_FACTOR = 3.0


@dataclass(frozen=True)
class Fit:
    """Derivatives with bounds, each (n,); `agrees` says that right and left have one slope: no kink is seen."""

    value: Array
    bound: Array
    agrees: Array

    def at(self, which: Array) -> "Fit":
        """The derivatives of some entries."""
        return Fit(self.value[which], self.bound[which], self.agrees[which])


def fitted(series: Array, coarse: Array) -> Fit:
    """The slopes at 0.

    Parameters
    ----------
    series
        (points, 2, n) values at `FIT_PLACES` to the left and right, less the value at 0.
    coarse
        (points, n) the sum of the heights of the steps, over outputs that move by few of them up to a point.
    """
    count = series.shape[2]
    low, high, least = np.full(count, -np.inf), np.full(count, np.inf), np.full(count, np.inf)
    found = Fit(np.zeros(count), np.full(count, np.inf), np.zeros(count, bool))
    walking = np.ones(count, bool)
    # From the nearest points outwards, as long as a fit agrees with all before it: then no kink has come into sight.
    for start in reversed(FIT_STARTS):
        fits = np.array([_fit(start, terms, series[start:], coarse[start]) for terms in ODD_TERMS])
        best = np.where(np.isfinite(fits[:, 1]), fits[:, 1], np.inf).argmin(axis=0)[None, None]
        value, bound, deviation, turn, by_chance = np.take_along_axis(fits, best, 0)[0]
        # A turn above half of what chance can make may be that of a kink: the slope lies between right and left.
        bound = bound + np.where(turn > by_chance / 2, turn, 0)
        reach = np.abs(series[start:]).max(axis=0)
        shorter, longer = reach.min(axis=0), reach.max(axis=0)
        one_sided = (longer > ONE_SIDED_FACTOR * shorter) & (longer > FEW_STEPS * coarse[start])
        known = np.isfinite(bound) & ~one_sided
        meets = (value - bound <= high) & (value + bound >= low)
        walking &= ~known | (meets & (deviation <= STRAY_FACTOR * least))
        least = np.where(known, np.minimum(least, deviation), least)
        low = np.where(known, np.maximum(low, value - bound), low)
        high = np.where(known, np.minimum(high, value + bound), high)
        better = walking & known & (bound < found.bound)
        found.value[better], found.bound[better] = value[better], bound[better]
        found.agrees[better] = (turn <= by_chance)[better]
    return found


def likely_growth(free: int) -> float:
    """How many times the deviation may be that of residuals with so many degrees of freedom."""
    return float((1 - 2 / (9 * free) - LIKELY_DEVIATIONS * np.sqrt(2 / (9 * free))) ** -1.5)


def _fit(start: int, terms: int, series: Array, coarse: Array) -> tuple[Array, ...]:
    """One fit, each (n,): slope, bound, the standard deviation of a point, the turn, and what chance can make of it."""
    parts = (series[:, 1] - series[:, 0]) / 2, (series[:, 1] + series[:, 0]) / 2
    models = _models(start, terms)
    squares = [model.residual(part) for model, part in zip(models, parts, strict=True)]
    free = sum(model.free for model in models)
    coverage = COVERED_DEVIATIONS * likely_growth(free)
    coefficients, errors, deviations = [], [], []
    for model, part, square in zip(models, parts, squares, strict=True):
        # Both parts have one deviation, as a rule. But if the point itself is a number of the low precision, roundings
        # to the left and right are opposite, and they are all in the odd part.
        deviation = np.sqrt(np.maximum(sum(squares) / free, square / model.free))
        # The residual does not show few steps: each value may be off by half of one.
        errors.append(coverage * deviation * np.linalg.norm(model.row) + coarse / 2 * np.abs(model.row).sum())
        coefficients.append(model.row @ part)
        deviations.append(np.hypot(deviation, coarse / np.sqrt(24)))  # uniform roundings, in half a sum of two
    slope, turn = coefficients[0], np.abs(coefficients[1])
    rest = SAFETY * np.abs(_models(start, terms + 1)[0].row @ parts[0] - slope)
    return slope, errors[0] + rest, deviations[0], turn, errors[1]


@dataclass(frozen=True)
class _Model:
    """A basis (points, terms), its inverse, and the row of the inverse that gives the wanted coefficient."""

    basis: Array
    inverse: Array
    row: Array

    @property
    def free(self) -> int:
        """Degrees of freedom: how many points more than terms there are."""
        points, terms = self.basis.shape
        return int(points - terms)

    def residual(self, part: Array) -> Array:
        """(n,) the sum of squares of the distances from the fit."""
        squares: Array = ((part - self.basis @ (self.inverse @ part)) ** 2).sum(axis=0)
        return squares


@cache
def _models(start: int, terms: int) -> tuple[_Model, _Model]:
    """The model of the odd part (odd powers; the slope), and of the even part (a level, |h|, even powers; the turn)."""
    h = FIT_PLACES[start:, None]
    models = []
    for asked, power in ((0, np.arange(1, 2 * terms, 2)), (1, np.array([0, 1, *range(2, 2 * terms + 1, 2)]))):
        basis, scale = (
            (h / h[0]) ** power,
            h[0] ** power,
        )  # scaled by the farthest point, so that all powers have one size
        inverse = np.linalg.pinv(basis) / scale[:, None]
        models.append(_Model(basis * scale, inverse, inverse[asked]))
    return models[0], models[1]
