"""NumPy's functions that arrays of objects cannot do as they are, for balls."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.arrays import INSTEAD, Balls, as_balls, each, full, lift, objects, wrapped
from scratchcnn.gradcheck.proof.ball import Ball, NotHeld, constant
from scratchcnn.gradcheck.proof.linalg import LINALG
from scratchcnn.gradcheck.proof.products import dot, einsum, tensordot
from scratchcnn.gradcheck.proof.rules import FUNCTIONS
from scratchcnn.gradcheck.proof.ufuncs import bare


def instead_of(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What follows stands in for these functions of NumPy."""

    def registered(function: Callable[..., Any]) -> Callable[..., Any]:
        INSTEAD.update(dict.fromkeys(functions, function))
        return function

    return registered


def _given(value: Any) -> bool:
    return value is not None and value is not np._NoValue


INSTEAD[int] = FUNCTIONS["trunc"]
INSTEAD[np.dot] = lambda a, b, out=None: _placed(dot(a, b), out)
INSTEAD[np.tensordot] = tensordot
INSTEAD[np.einsum] = einsum

INSTEAD.update({getattr(np.linalg, name): function for name, function in LINALG.items() if hasattr(np.linalg, name)})


def _placed(result: Any, out: Any) -> Any:
    """The result, in its place where one is given."""
    if not _given(out):
        return result
    if isinstance(out, np.ndarray) and type(out) is not Balls:
        raise NotHeld(f"writes into an array of {out.dtype}, which cannot hold balls")
    out[...] = result
    return out


# Means and variances.


def _count(a: Any, axis: Any, where: Any) -> Any:
    """How many numbers a mean is over: exact."""
    if _given(where):
        counted = np.sum(np.broadcast_to(np.asarray(where, bool), a.shape), axis=axis, keepdims=True)
        return np.asarray(counted)
    axes = range(a.ndim) if axis is None else [axis] if isinstance(axis, int | np.integer) else axis
    return int(np.prod([a.shape[i] for i in axes], dtype=int))


def _sum(a: Any, axis: Any, keepdims: Any, where: Any) -> Any:
    masked = np.where(where, a, 0) if _given(where) else a
    return np.add.reduce(masked, axis=axis, keepdims=keepdims)


@instead_of(np.mean)
def mean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = None) -> Any:
    """The sum by the number of elements."""
    a, keepdims = _array(a), keepdims is True
    _lowered(dtype)
    total, count = _sum(a, axis, True, where), _count(a, axis, where)
    return _placed(_without(total / count if np.all(count) else total * np.nan, axis, keepdims), out)


@instead_of(np.var)
def var(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False, *,
    where: Any = None, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """The mean square of the distances to the mean."""
    a, keepdims = _array(a), keepdims is True
    _lowered(dtype)
    count, lost = _count(a, axis, where), correction if _given(correction) else ddof
    middle = mean if _given(mean) else _sum(a, axis, True, where) / count
    total = _sum((a - middle) ** 2, axis, True, where)
    return _placed(_without(total / np.maximum(count - lost, 0), axis, keepdims), out)


@instead_of(np.std)
def std(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, *arguments: Any, **options: Any) -> Any:
    """The root of the variance."""
    return _placed(np.sqrt(var(a, axis, dtype, None, *arguments, **options)), out)


def _lowered(dtype: Any) -> None:
    """A precision that is asked for must be one that balls have."""
    if _given(dtype):
        full((), 0).astype(dtype)


def _array(a: Any) -> Any:
    return a if isinstance(a, np.ndarray) else np.atleast_1d(as_balls(a)).view(Balls)


def _without(a: Any, axis: Any, keepdims: bool) -> Any:
    """A reduced array without the axes of length 1 that were reduced, if so it is wanted."""
    if keepdims or not isinstance(a, np.ndarray):
        return a
    axes = tuple(range(a.ndim)) if axis is None else axis
    left = np.squeeze(a, axes)
    return left if left.ndim else left[()]


@instead_of(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False) -> Any:
    """The sum of weight times value by the sum of the weights."""
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
    """The sum of what is not NaN."""
    return _placed(_sum(_instead_of_nan(a, 0.0), axis, keepdims is True, None), out)


@instead_of(np.nanmean)
def nanmean(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any) -> Any:
    """The mean of what is not NaN."""
    return mean(_instead_of_nan(a, 0.0), axis, dtype, out, keepdims, where=~np.isnan(_array(a)))


@instead_of(np.nanvar)
def nanvar(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: Any = 0, keepdims: Any = False) -> Any:
    """The variance of what is not NaN."""
    return var(_instead_of_nan(a, 0.0), axis, dtype, out, ddof, keepdims, where=~np.isnan(_array(a)))


INSTEAD[np.nanstd] = lambda *arguments, **options: np.sqrt(nanvar(*arguments, **options))
INSTEAD[np.nanmax] = lambda a, *arguments, **options: np.max(_instead_of_nan(a, -np.inf), *arguments, **options)
INSTEAD[np.nanmin] = lambda a, *arguments, **options: np.min(_instead_of_nan(a, np.inf), *arguments, **options)


@instead_of(np.cov)
def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, *arguments: Any, **options: Any
) -> Any:
    """The covariances of variables."""
    if arguments or options.keys() - {"dtype"}:
        raise NotHeld("asks for weighted covariances, which balls have no rule for")
    rows = [np.atleast_2d(as_balls(a)) for a in (m, y) if a is not None]
    x = np.concatenate([r if rowvar or len(r) == 1 else r.T for r in rows])
    lost = ddof if ddof is not None else 0 if bias else 1
    x = x - mean(x, 1, keepdims=True)
    found = (x @ x.T) / (x.shape[1] - lost)
    return np.squeeze(found)[()]


# Element by element.


@instead_of(np.clip)
def clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None, **options: Any  # noqa: A002
) -> Any:
    """Between two bounds, each of which may be missing."""
    low, high = (x if _given(x) else y if _given(y) else None for x, y in ((a_min, min), (a_max, max)))
    result = as_balls(a) if low is None else np.maximum(as_balls(a), low)
    return _placed(result if high is None else np.minimum(result, high), out)


@instead_of(np.round, np.around)
def rounded(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """To so many decimals."""
    return _placed(wrapped(each(lambda x: FUNCTIONS["round"](x, decimals), as_balls(a))), out)


@instead_of(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """Numbers in place of NaN and infinities."""
    found = wrapped(each(lambda v: FUNCTIONS["nan_to_num"](v, True, nan, posinf, neginf), as_balls(x)))
    return found if copy else _placed(found, x)


@instead_of(np.sinc)
def sinc(x: Any) -> Any:
    """sin(pi x) / (pi x)."""
    return wrapped(each(FUNCTIONS["sinc"], as_balls(x)))


@instead_of(np.where)
def where(condition: Any, *choices: Any) -> Any:
    """One of two numbers for each element."""
    decided = np.asarray(np.not_equal(condition, 0)) if isinstance(condition, Balls) else condition
    if not choices:
        return np.nonzero(np.asarray(decided))
    if isinstance(decided, Ball):
        decided = bool(decided)
    return np.where(np.asarray(decided), *(bare(as_balls(c) if isinstance(c, Ball | Balls) else c) for c in choices))


@instead_of(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False) -> Any:
    """Whether numbers are close."""
    a, b = as_balls(a), as_balls(b)
    # Infinities are close to themselves.
    return np.logical_or(np.equal(a, b), np.abs(a - b) <= atol + rtol * np.abs(b))


INSTEAD[np.allclose] = lambda *arguments, **options: bool(np.all(isclose(*arguments, **options)))
INSTEAD[np.real] = lambda x: x
INSTEAD[np.imag] = lambda x: x.imag
INSTEAD[np.isreal] = lambda x: full(np.shape(x), 0) == 0
INSTEAD[np.iscomplexobj] = lambda x: False
INSTEAD[np.isrealobj] = lambda x: True
INSTEAD[np.real_if_close] = lambda x, tol=100: x


@instead_of(np.bincount)
def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    """The sums of the weights of each integer."""
    sums = full(max(minlength, int(np.max(x, initial=-1)) + 1), 0)
    np.add.at(sums, np.asarray(x), as_balls(weights))
    return sums


# Order.


@instead_of(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, *arguments: Any, **options: Any) -> Any:
    """Sorted, which is more than is asked for."""
    return np.sort(a, axis=axis)


@instead_of(np.argpartition)
def argpartition(a: Any, kth: Any, axis: Any = -1, *arguments: Any, **options: Any) -> Any:
    """Sorted, which is more than is asked for."""
    return np.argsort(a, axis=axis)


@instead_of(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
    """The middle number, or the mean of the two."""
    return quantile(a, 0.5, axis, out, keepdims=keepdims)


@instead_of(np.quantile)
def quantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: bool = False, **options: Any,
) -> Any:  # fmt: skip
    """Between two of the sorted numbers, at the place q (n - 1)."""
    if method != "linear" or not (axis is None or isinstance(axis, int | np.integer)):
        raise NotHeld("asks for a quantile that balls have no rule for")
    a = _array(a)
    along = np.sort(a.reshape(-1) if axis is None else np.moveaxis(a, axis, 0), axis=0)
    places = [_between(along, share) for share in np.asarray(as_balls(q)).reshape(-1).tolist()]
    if keepdims:
        shape = [1] * a.ndim if axis is None else [1 if i == axis % a.ndim else n for i, n in enumerate(a.shape)]
        places = [np.reshape(as_balls(p), shape) for p in places]
    return _placed(places[0] if np.ndim(q) == 0 else np.stack([as_balls(p) for p in places]), out)


def _between(along: Any, share: Any) -> Any:
    place = share * (len(along) - 1)
    low = int(FUNCTIONS["floor"](place))
    rest = place - low
    if low + 1 >= len(along) or (rest.slope is None and rest.value.is_zero()):
        return along[low]
    return along[low] + (along[low + 1] - along[low]) * rest


INSTEAD[np.percentile] = lambda a, q, *arguments, **options: quantile(a, as_balls(q) / 100, *arguments, **options)


@instead_of(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where numbers belong in a sorted array."""
    a = as_balls(a) if sorter is None else as_balls(a)[sorter]
    v = as_balls(v)
    before = np.less(a, v[..., None] if np.ndim(v) else v) if side == "left" else np.less_equal(
        a, v[..., None] if np.ndim(v) else v
    )
    return np.asarray(before).sum(axis=-1)


@instead_of(np.digitize)
def digitize(x: Any, bins: Any, right: bool = False) -> Any:
    """The bin of each number."""
    if bool(bins[0] > bins[-1]):
        return len(bins) - searchsorted(bins[::-1], x, "right" if right else "left")
    return searchsorted(bins, x, "left" if right else "right")


@instead_of(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Along the lines between knots."""
    if period is not None:
        raise NotHeld("interpolates with a period, which balls have no rule for")
    x, xp, fp = as_balls(x), as_balls(xp), as_balls(fp)
    at = np.clip(searchsorted(xp, x, "right") - 1, 0, len(xp) - 2)
    inside = fp[at] + (x - xp[at]) * ((fp[at + 1] - fp[at]) / (xp[at + 1] - xp[at]))
    low, high = (constant(side) if side is not None else fp[end] for side, end in ((left, 0), (right, -1)))
    return np.where(x < xp[0], low, np.where(x > xp[-1], high, inside))


# Sums of products along windows.


@instead_of(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """As `np.correlate`: of vectors."""
    return np.convolve(a, as_balls(v)[::-1], mode)


@instead_of(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """As `np.convolve`: of vectors."""
    a, v = as_balls(a), as_balls(v)
    a, v = (v, a) if len(v) > len(a) else (a, v)
    around = np.pad(a, len(v) - 1)
    whole = np.lib.stride_tricks.sliding_window_view(around, len(v)) @ v[::-1]
    if mode == "full":
        return whole
    cut = (len(v) - 1) // 2 if mode == "same" else len(v) - 1
    length = len(a) if mode == "same" else len(a) - len(v) + 1
    return whole[cut : cut + length]


INSTEAD[np.inner] = lambda a, b: (
    as_balls(a) * as_balls(b) if not (np.ndim(a) and np.ndim(b)) else tensordot(a, b, ([-1], [-1]))
)
INSTEAD[np.vdot] = lambda a, b: dot(as_balls(a).reshape(-1), as_balls(b).reshape(-1))


# Arrays of the same kind as another.


@instead_of(np.zeros_like, np.empty_like)
def zeros_like(a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any) -> Any:
    """Zeros, that can hold balls where those of `a` can, or floats are asked for."""
    return full_like(a, 0, dtype, shape=shape)


@instead_of(np.ones_like)
def ones_like(a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any) -> Any:
    """Ones, as `zeros_like`."""
    return full_like(a, 1, dtype, shape=shape)


@instead_of(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any
) -> Any:
    """The same number everywhere, as `zeros_like`."""
    shape = np.shape(a) if shape is None else shape
    asked = dtype if dtype is not None else np.float64 if isinstance(a, Ball) else a.dtype
    values = as_balls(fill_value)
    if isinstance(values, Ball):
        return full(shape, values).astype(asked, copy=False)
    return np.broadcast_to(values, shape, subok=True).astype(asked)


@instead_of(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *arguments: Any, **options: Any) -> Any:
    """What a function makes of each line along an axis."""
    lines = np.moveaxis(arr, axis, -1)
    found = [as_balls(func1d(lines[i], *arguments, **options)) for i in np.ndindex(*lines.shape[:-1])]
    inside = np.shape(found[0])
    items = [x for f in found for x in (np.asarray(f).reshape(-1).tolist() if inside else [f])]
    result = objects(items, (*lines.shape[:-1], *inside)).view(Balls)
    return np.moveaxis(result, range(-len(inside), 0), range(axis % arr.ndim, axis % arr.ndim + len(inside)))


# Views: of the objects themselves, which have no bits to look at.


@instead_of(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, *arguments: Any, **options: Any) -> Any:
    """A view of all windows of a shape."""
    options.pop("subok", None)
    return np.lib.stride_tricks.sliding_window_view(bare(x), *arguments, **options)


@instead_of(np.lib.stride_tricks.as_strided)
def as_strided(x: Any, shape: Any = None, strides: Any = None, subok: bool = False, writeable: bool = True, **more: Any) -> Any:
    """A view with these strides, which the caller's code has from the array itself."""
    return wrapped(np.lib.stride_tricks.as_strided(bare(x), shape, strides, writeable=writeable, **more))
