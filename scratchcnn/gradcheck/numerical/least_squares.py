"""The slope at a point of what others show nearby, each of them off by the rounding of a low precision.

Polynomials are fitted to the values at many points, by least squares: odd powers to half the difference of right and
left, even ones to half their sum. The first coefficient of the odd part is the slope. The points' distance from the fit
says how large the roundings are; how much the slope changes with one power more, what the polynomial leaves out. Of the
even part, the coefficient of |h| is half of what the slope turns by at the point: at a kink it is not zero.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.tableau import SAFETY

# The points to either side, in units: from two units down to 2^-9. Their ratio is uneven, since about zero all points
# x 2^k share one rounding.
FIT_POINTS, POINT_RATIO = 18, 0.6703
FIT_PLACES = 2 * POINT_RATIO ** np.arange(FIT_POINTS)
# The fits leave out so many of the farthest points, and have so many odd powers.
FIT_STARTS, ODD_TERMS = range(12), (1, 2, 3)
# What a coefficient may be off by: so many deviations, where the deviation may be larger than the residual says by as
# much as so many deviations of its own (of its square's cube root, which is nearly normal: Wilson and Hilferty 1931).
COVERED_DEVIATIONS, LIKELY_DEVIATIONS = 4.0, 3.0
# An output that moves by fewer steps than so many to a side does not show in the residual how high they are.
FEW_STEPS = 4
# A line moves as far to either side; where one is so many times farther, the other is flat: beyond a kink.
ONE_SIDED_FACTOR = 4
# Where points are this many times farther from a fit than from fits to smaller moves, there is more than roundings.
STRAY_FACTOR = 3.0


@dataclass(frozen=True)
class Fit:
    """Derivatives with bounds, each (n,); `agrees` says that no kink is seen: right and left have one slope."""

    value: Array
    bound: Array
    agrees: Array

    def at(self, which: Array) -> "Fit":
        """Those of some entries."""
        return Fit(self.value[which], self.bound[which], self.agrees[which])


def fitted(series: Array, coarse: Array) -> Fit:
    """The slopes at 0 of (points, 2, n) values at `FIT_PLACES` to the left and right, less that at 0.

    Parameters
    ----------
    series
        The values.
    coarse
        (points, n) how high the steps are, in sum, of outputs that move by few of them up to a point.
    """
    count = series.shape[2]
    low, high, least = np.full(count, -np.inf), np.full(count, np.inf), np.full(count, np.inf)
    found = Fit(np.zeros(count), np.full(count, np.inf), np.zeros(count, bool))
    walking = np.ones(count, bool)
    # From the nearest points on, as long as a fit agrees with all before: then no kink has come into sight.
    for start in reversed(FIT_STARTS):
        fits = np.array([_fit(start, terms, series[start:], coarse[start]) for terms in ODD_TERMS])
        best = np.where(np.isfinite(fits[:, 1]), fits[:, 1], np.inf).argmin(axis=0)[None, None]
        value, bound, deviation, turn, by_chance = np.take_along_axis(fits, best, 0)[0]
        # From half of what chance makes of it, a turn may be that of a kink: the slope lies between right and left.
        bound = bound + np.where(turn > by_chance / 2, turn, 0)
        reach = np.abs(series[start:]).max(axis=0)
        one_sided = (reach.max(axis=0) > ONE_SIDED_FACTOR * reach.min(axis=0)) & (
            reach.max(axis=0) > FEW_STEPS * coarse[start]
        )
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


def _fit(start: int, terms: int, series: Array, coarse: Array) -> tuple[Array, ...]:
    """One fit: slope, bound, the deviation of a part at a point, the turn, and what chance makes of it: each (n,)."""
    parts = (series[:, 1] - series[:, 0]) / 2, (series[:, 1] + series[:, 0]) / 2
    models = _models(start, terms)
    squares = [model.residual(part) for model, part in zip(models, parts, strict=True)]
    free = sum(model.free for model in models)
    coverage = COVERED_DEVIATIONS * (1 - 2 / (9 * free) - LIKELY_DEVIATIONS * np.sqrt(2 / (9 * free))) ** -1.5
    coefficients, errors, deviations = [], [], []
    for model, part, square in zip(models, parts, squares, strict=True):
        # Both parts have one deviation; but where the point is itself a number of the low precision, roundings to the
        # left and right are opposite, and all is in the odd part.
        deviation = np.sqrt(np.maximum(sum(squares) / free, square / model.free))
        # Of few steps the residual says nothing: each value may be off by half of one.
        errors.append(coverage * deviation * np.linalg.norm(model.row) + coarse / 2 * np.abs(model.row).sum())
        coefficients.append(model.row @ part)
        deviations.append(np.hypot(deviation, coarse / np.sqrt(24)))  # even roundings, in half a sum of two
    slope, turn = coefficients[0], np.abs(coefficients[1])
    rest = SAFETY * np.abs(_models(start, terms + 1)[0].row @ parts[0] - slope)
    return slope, errors[0] + rest, deviations[0], turn, errors[1]


@dataclass(frozen=True)
class _Model:
    """A basis (points, terms), its inverse, and the row of this that gives the coefficient which is asked for."""

    basis: Array
    inverse: Array
    row: Array

    @property
    def free(self) -> int:
        """How many points there are to say how large the roundings are."""
        points, terms = self.basis.shape
        return int(points - terms)

    def residual(self, part: Array) -> Array:
        """(n,) the sum of squares that the fit leaves."""
        squares: Array = ((part - self.basis @ (self.inverse @ part)) ** 2).sum(axis=0)
        return squares


@cache
def _models(start: int, terms: int) -> tuple[_Model, _Model]:
    """The odd powers, with the slope; and a level, |h| and the even powers, with the turn."""
    h = FIT_PLACES[start:, None]
    models = []
    for asked, power in ((0, np.arange(1, 2 * terms, 2)), (1, np.array([0, 1, *range(2, 2 * terms + 1, 2)]))):
        basis, scale = (h / h[0]) ** power, h[0] ** power  # by the farthest point, so that all powers are of one size
        inverse = np.linalg.pinv(basis) / scale[:, None]
        models.append(_Model(basis * scale, inverse, inverse[asked]))
    return models[0], models[1]
