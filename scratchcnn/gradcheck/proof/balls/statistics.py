"""Means, variances, quantiles and counts of balls; numbers of elements are exact."""

from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.balls.arrays import INSTEAD, Balls, as_balls, full, unrounded
from scratchcnn.gradcheck.proof.balls.ball import NotHeld
from scratchcnn.gradcheck.proof.balls.functions import given, instead_of, placed, refuse
from scratchcnn.gradcheck.proof.balls.rules import FUNCTIONS


def _count(a: Any, axis: Any, where: Any) -> Any:
    """The exact number of elements that a mean is taken over."""
    if given(where):
        counted = np.sum(np.broadcast_to(np.asarray(where, bool), a.shape), axis=axis, keepdims=True)
        return np.asarray(counted)
    axes = range(a.ndim) if axis is None else [axis] if isinstance(axis, int | np.integer) else axis
    return int(np.prod([a.shape[i] for i in axes], dtype=int))


def _sum(a: Any, axis: Any, keepdims: Any, where: Any) -> Any:
    masked = np.where(where, a, 0) if given(where) else a
    return np.add.reduce(masked, axis=axis, keepdims=keepdims)


@instead_of(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None
) -> Any:
    """The sum divided by the number of elements."""
    a, keepdims = _array(a), keepdims is True
    unrounded(dtype)
    total, count = _sum(a, axis, True, where), _count(a, axis, where)
    return placed(_without(total / count if np.all(count) else total * np.nan, axis, keepdims), out)


@instead_of(np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """The mean square of the distances to the mean."""
    a, keepdims = _array(a), keepdims is True
    unrounded(dtype)
    count, lost = _count(a, axis, where), correction if given(correction) else ddof
    middle = mean if given(mean) else _sum(a, axis, True, where) / count
    total = _sum((a - middle) ** 2, axis, True, where)
    return placed(_without(total / np.maximum(count - lost, 0), axis, keepdims), out)


@instead_of(np.std)
def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, *arguments: Any, **options: Any) -> Any:
    """The root of the variance."""
    return placed(np.sqrt(var(a, axis, dtype, None, *arguments, **options)), out)


def _array(a: Any) -> Any:
    return a if isinstance(a, np.ndarray) else np.atleast_1d(as_balls(a)).view(Balls)


def _without(a: Any, axis: Any, keepdims: bool) -> Any:
    """A reduced array without the reduced axes, which have length 1, unless they are kept."""
    if keepdims or not isinstance(a, np.ndarray):
        return a
    axes = tuple(range(a.ndim)) if axis is None else axis
    left = np.squeeze(a, axes)
    return left if left.ndim else left[()]


@instead_of(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    """The sum of weight times value, divided by the sum of the weights."""
    a = _array(a)
    if weights is None:
        share, total = mean(a, axis, keepdims=keepdims), _count(a, axis, None)
    else:
        weights = as_balls(weights)
        if weights.ndim == 1 and a.ndim > 1:
            weights = weights.reshape([-1 if i == axis % a.ndim else 1 for i in range(a.ndim)])
        weights = np.broadcast_to(weights, a.shape, subok=True)
        total = _sum(weights, axis, keepdims is True, None)
        share = _sum(a * weights, axis, keepdims is True, None) / total
    return (share, np.broadcast_to(as_balls(total), np.shape(share), subok=True)) if returned else share


# Sums and maxima without NaN.


def _instead_of_nan(a: Any, value: float) -> Any:
    a = _array(a)
    return np.where(np.isnan(a), value, a)


@instead_of(np.nansum)
def nansum(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Any:
    """The sum of the numbers that are not NaN."""
    refuse(options)
    unrounded(dtype)
    return placed(_sum(_instead_of_nan(a, 0.0), axis, keepdims is True, None), out)


@instead_of(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Any:
    """The mean of the numbers that are not NaN."""
    refuse(options)
    return mean(_instead_of_nan(a, 0.0), axis, dtype, out, keepdims, where=~np.isnan(_array(a)))


@instead_of(np.nanvar)
def nanvar(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    """The variance of the numbers that are not NaN."""
    return var(_instead_of_nan(a, 0.0), axis, dtype, out, ddof, keepdims, where=~np.isnan(_array(a)))


INSTEAD[np.nanstd] = lambda *arguments, **options: np.sqrt(nanvar(*arguments, **options))
INSTEAD[np.nanmax] = lambda a, *arguments, **options: np.max(_instead_of_nan(a, -np.inf), *arguments, **options)
INSTEAD[np.nanmin] = lambda a, *arguments, **options: np.min(_instead_of_nan(a, np.inf), *arguments, **options)


@instead_of(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    *arguments: Any,
    **options: Any,
) -> Any:
    """The covariances of variables."""
    if arguments or options.keys() - {"dtype"}:
        raise NotHeld("asks for weighted covariances, which balls have no rule for")
    unrounded(options.get("dtype"))
    rows = [np.atleast_2d(as_balls(a)) for a in (m, y) if a is not None]
    x = np.concatenate([r if rowvar or len(r) == 1 else r.T for r in rows])
    lost = ddof if ddof is not None else 0 if bias else 1
    x = x - mean(x, 1, keepdims=True)
    found = (x @ x.T) / (x.shape[1] - lost)
    return np.squeeze(found)[()]


@instead_of(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The middle number, or the mean of the two middle ones."""
    return quantile(a, 0.5, axis, out, keepdims=keepdims)


@instead_of(np.quantile)
def quantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: bool = False, **options: Any,
) -> Any:  # fmt: skip
    """The value at the place q (n - 1) of the sorted numbers, between two of them."""
    if method != "linear" or not (axis is None or isinstance(axis, int | np.integer)):
        raise NotHeld("asks for a quantile that balls have no rule for")
    refuse(options)
    a = _array(a)
    along = np.sort(a.reshape(-1) if axis is None else np.moveaxis(a, axis, 0), axis=0)
    places = [_between(along, share) for share in np.asarray(as_balls(q)).reshape(-1).tolist()]
    if keepdims:
        shape = [1] * a.ndim if axis is None else [1 if i == axis % a.ndim else n for i, n in enumerate(a.shape)]
        places = [np.reshape(as_balls(p), shape) for p in places]
    return placed(places[0] if np.ndim(q) == 0 else np.stack([as_balls(p) for p in places]), out)


def _between(along: Any, share: Any) -> Any:
    place = share * (len(along) - 1)
    low = int(FUNCTIONS["floor"](place))
    rest = place - low
    if low + 1 >= len(along) or (rest.slope is None and rest.value.is_zero()):
        return along[low]
    return along[low] + (along[low + 1] - along[low]) * rest


INSTEAD[np.percentile] = lambda a, q, *arguments, **options: quantile(a, as_balls(q) / 100, *arguments, **options)


@instead_of(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, **options: Any) -> Any:
    """The correlations of variables."""
    refuse(options)
    found = cov(x, y, rowvar)
    deviation = np.sqrt(np.diag(found))
    return found / deviation[:, None] / deviation[None, :]


@instead_of(np.bincount)
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """The sum of the weights of each integer."""
    sums = full(max(minlength, int(np.max(x, initial=-1)) + 1), 0)
    np.add.at(sums, np.asarray(x), as_balls(weights))
    return sums
