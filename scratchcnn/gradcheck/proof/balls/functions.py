"""Those of NumPy's functions that arrays of objects do not have, for balls."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.balls.arrays import INSTEAD, Balls, as_balls, each, full, objects, wrapped
from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, constant
from scratchcnn.gradcheck.proof.balls.linalg import LINALG
from scratchcnn.gradcheck.proof.balls.products import dot, einsum, tensordot
from scratchcnn.gradcheck.proof.balls.rules import FUNCTIONS
from scratchcnn.gradcheck.proof.balls.ufuncs import bare


def instead_of(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: the function stands in for these functions of NumPy."""

    def registered(function: Callable[..., Any]) -> Callable[..., Any]:
        INSTEAD.update(dict.fromkeys(functions, function))
        return function

    return registered


def refuse(options: dict[str, Any]) -> None:
    """Refuses options that would change what a function gives.

    Raises
    ------
    NotHeld
        One of them is given.
    """
    for name, value in options.items():
        if given(value):
            raise NotHeld(f"asks for {name}, which balls have no rule for")


def given(value: Any) -> bool:
    """Whether an argument was given."""
    return value is not None and value is not np._NoValue


INSTEAD[int] = FUNCTIONS["trunc"]
INSTEAD[np.dot] = lambda a, b, out=None: placed(dot(a, b), out)
INSTEAD[np.tensordot] = tensordot
INSTEAD[np.einsum] = einsum

INSTEAD.update({getattr(np.linalg, name): function for name, function in LINALG.items() if hasattr(np.linalg, name)})


def _complex(*arguments: Any, **options: Any) -> Any:
    raise NotHeld("needs complex numbers, which balls are not")


INSTEAD.update(dict.fromkeys([getattr(np.fft, name) for name in np.fft.__all__ if "fft" in name], _complex))
for _name in ("fftfreq", "rfftfreq", "fftshift", "ifftshift"):
    INSTEAD.pop(getattr(np.fft, _name), None)


def placed(result: Any, out: Any) -> Any:
    """The result; written to `out` if that was given."""
    if not given(out):
        return result
    if isinstance(out, np.ndarray) and type(out) is not Balls:
        raise NotHeld(f"writes into an array of {out.dtype}, which cannot hold balls")
    out[...] = result
    return out


# Element by element.


@instead_of(np.clip)
def clip(
    a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None, **options: Any
) -> Any:
    """The values limited by two bounds, each of which may be missing."""
    refuse(options)
    low, high = (x if given(x) else y if given(y) else None for x, y in ((a_min, min), (a_max, max)))
    result = as_balls(a) if low is None else np.maximum(as_balls(a), low)
    return placed(result if high is None else np.minimum(result, high), out)


@instead_of(np.round, np.around)
def rounded(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """The values rounded to some decimals."""
    return placed(wrapped(each(lambda x: FUNCTIONS["round"](x, decimals), as_balls(a))), out)


@instead_of(np.nan_to_num)
def nan_to_num(x: Any, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """The values, with numbers in place of NaN and infinities."""
    found = wrapped(each(lambda v: FUNCTIONS["nan_to_num"](v, True, nan, posinf, neginf), as_balls(x)))
    return found if copy else placed(found, x)


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
    # Infinities are close to themselves alone.
    near = np.logical_and(np.isfinite(b), np.abs(a - b) <= atol + rtol * np.abs(b))
    found = np.logical_or(np.equal(a, b), near)
    return np.logical_or(found, np.logical_and(np.isnan(a), np.isnan(b))) if equal_nan else found


INSTEAD[np.allclose] = lambda *arguments, **options: bool(np.all(isclose(*arguments, **options)))
INSTEAD[np.real] = lambda x: x
INSTEAD[np.imag] = lambda x: x.imag
INSTEAD[np.isreal] = lambda x: full(np.shape(x), 0) == 0
INSTEAD[np.iscomplexobj] = lambda x: False
INSTEAD[np.isrealobj] = lambda x: True
INSTEAD[np.real_if_close] = lambda x, tol=100: x


# Order.


@instead_of(np.partition)
def partition(a: Any, kth: Any, axis: Any = -1, *arguments: Any, **options: Any) -> Any:
    """The values sorted, which is more than is asked for."""
    return np.sort(a, axis=axis)


@instead_of(np.argpartition)
def argpartition(a: Any, kth: Any, axis: Any = -1, *arguments: Any, **options: Any) -> Any:
    """The values sorted, which is more than is asked for."""
    return np.argsort(a, axis=axis)


@instead_of(np.searchsorted)
def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    """Where numbers belong in a sorted array."""
    a = as_balls(a) if sorter is None else as_balls(a)[sorter]
    v = as_balls(v)
    before = np.less if side == "left" else np.less_equal
    return np.asarray(before(a, v[..., None] if np.ndim(v) else v)).sum(axis=-1)


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
    return where(x < xp[0], low, where(x > xp[-1], high, inside))


# Sums of products along windows.


def known(mode: Any) -> Any:
    """The mode of a convolution.

    Raises
    ------
    NotHeld
        It is none of the three names; NumPy also takes numbers and first letters.
    """
    if mode not in ("full", "same", "valid"):
        raise NotHeld(f"asks for the mode {mode!r} of a convolution, which balls have no rule for")
    return mode


@instead_of(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    """As `np.correlate`, for vectors."""
    return convolve(a, as_balls(v)[::-1], mode)


@instead_of(np.convolve)
def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """As `np.convolve`, for vectors."""
    a, v = as_balls(a), as_balls(v)
    a, v = (v, a) if len(v) > len(a) else (a, v)
    around = np.pad(a, len(v) - 1)
    whole = np.lib.stride_tricks.sliding_window_view(around, len(v)) @ v[::-1]
    if known(mode) == "full":
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
def zeros_like(
    a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any
) -> Any:
    """Zeros. They can hold balls if `a` can, or if `dtype` is a float."""
    return full_like(a, 0, dtype, shape=shape)


@instead_of(np.ones_like)
def ones_like(a: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any) -> Any:
    """Ones, otherwise as `zeros_like`."""
    return full_like(a, 1, dtype, shape=shape)


@instead_of(np.full_like)
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any
) -> Any:
    """The same number everywhere, otherwise as `zeros_like`."""
    shape = np.shape(a) if shape is None else shape
    asked = dtype if dtype is not None else np.float64 if isinstance(a, Ball) else a.dtype
    values = as_balls(fill_value)
    if isinstance(values, Ball):
        return full(shape, values).astype(asked, copy=False)
    return np.broadcast_to(values, shape, subok=True).astype(asked)


@instead_of(np.diag)
def diag(v: Any, k: int = 0) -> Any:
    """A diagonal, or the matrix that has it."""
    if v.ndim != 1:
        return np.diagonal(v, k)
    n = len(v) + abs(k)
    made = full((n, n), 0)
    rows = np.arange(len(v)) + max(-k, 0)
    made[rows, rows + k] = v
    return made


@instead_of(np.apply_along_axis)
def apply_along_axis(func1d: Any, axis: int, arr: Any, *arguments: Any, **options: Any) -> Any:
    """The results of a function for each line along an axis."""
    lines = np.moveaxis(arr, axis, -1)
    found = [as_balls(func1d(lines[i], *arguments, **options)) for i in np.ndindex(*lines.shape[:-1])]
    inside = np.shape(found[0])
    items = [x for f in found for x in (np.asarray(f).reshape(-1).tolist() if inside else [f])]
    result = objects(items, (*lines.shape[:-1], *inside)).view(Balls)
    return np.moveaxis(result, range(-len(inside), 0), range(axis % arr.ndim, axis % arr.ndim + len(inside)))


# Views.


@instead_of(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x: Any, *arguments: Any, **options: Any) -> Any:
    """A view of all windows of a shape."""
    options.pop("subok", None)
    return np.lib.stride_tricks.sliding_window_view(bare(x), *arguments, **options)


@instead_of(np.lib.stride_tricks.as_strided)
def as_strided(
    x: Any, shape: Any = None, strides: Any = None, subok: bool = False, writeable: bool = True, **more: Any
) -> Any:
    """A view with these strides, which the caller's code took from the array itself."""
    return wrapped(np.lib.stride_tricks.as_strided(bare(x), shape, strides, writeable=writeable, **more))
