"""Arrays of balls, which the caller's code gets in place of arrays of floats.

Underneath they are object arrays: indexing, views, broadcasting and NumPy's own loops over objects work. Their `dtype`
is the nominal one, that of the floats they stand for, so that `np.zeros(s, dtype=x.dtype)` and `np.finfo(x.dtype)` in
the caller's code mean what they say. NumPy itself looks at the C structure, and sees objects. Arrays of integers and
booleans that come from balls are `Whole`: an operation that makes floats of them makes balls.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, constant
from scratchcnn.gradcheck.proof.balls.scalar import UFUNC, as_integer, nominal

# In seconds of `time.thread_time`: when a run is stopped.
stop_at: ContextVar[float] = ContextVar("stop_at", default=float("inf"))
# How many more operations on single balls a run may begin.
operations_left: ContextVar[float] = ContextVar("operations_left", default=float("inf"))
# In seconds: how long one operation on one ball takes at least. A step that cannot end in time is not begun.
OPERATION_SECONDS = 3e-7
# In numbers: how many are computed between two looks at the clock.
PIECE = 2**14

# What stands in for those of NumPy's functions that object arrays do not have; `functions` fills it.
INSTEAD: dict[Any, Callable[..., Any]] = {}


class TooLong(Exception):
    """The run has used up its time, or its operations."""


@contextmanager
def running(dtype: DTypeLike, seconds: float, operations: float = float("inf")) -> Iterator[None]:
    """A block in which balls show this dtype, and operations on arrays are stopped after some time or number."""
    shown = nominal.set(np.dtype(dtype))
    stopped, left = stop_at.set(time.thread_time() + seconds), operations_left.set(operations)
    try:
        yield
    finally:
        nominal.reset(shown)
        stop_at.reset(stopped)
        operations_left.reset(left)


def spend(operations: int = 0) -> None:
    """Counts some operations on single balls before they begin, and looks at the clock.

    Raises
    ------
    TooLong
        They are too many; or the time is over, or it would be before they end.
    """
    left = operations_left.get() - operations
    operations_left.set(left)
    if left < 0 or time.thread_time() + OPERATION_SECONDS * operations > stop_at.get():
        raise TooLong


def holds(dtype: DTypeLike, what: str = "cannot hold it") -> bool:
    """Whether an array of this dtype in the caller's code is an array of balls.

    Raises
    ------
    NotHeld
        The dtype is a float less precise than those of the inputs, or complex: a ball cannot be rounded.
    """
    asked, shown = np.dtype(dtype), nominal.get()
    if asked.kind == "f" and asked.itemsize >= shown.itemsize:
        return True
    if asked.kind in "fc":
        raise NotHeld(what)
    return False


def unrounded(dtype: Any) -> None:
    """Does nothing, unless a result is asked for in a dtype that it would be rounded to.

    Raises
    ------
    NotHeld
        As in `holds`.
    """
    if dtype is not None and dtype is not np._NoValue:
        holds(dtype, f"rounds to {np.dtype(dtype)}, which a ball cannot")


class Whole(np.ndarray):
    """Integers or booleans among balls: together with floats, and by division, they make balls."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return UFUNC[0](ufunc, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        if Balls in types or any(type(x) is Ball for x in (*arguments, *options.values())):
            return applied(function, arguments, options)
        return wrapped(function._implementation(*arguments, **options))

    def astype(self, dtype: Any, *arguments: Any, **options: Any) -> Any:
        """A copy: of balls if `dtype` is the nominal one or wider. Less precise floats hold integers well enough."""
        plain = np.asarray(self).astype(dtype, *arguments, **options)
        return wrapped(plain)

    def view(self, *kinds: Any, **options: Any) -> Any:
        """As of ndarray, but bytes that are read as floats cannot hold balls."""
        kind = next(iter((*kinds, *options.values())), None)
        if kind is not None and not (isinstance(kind, type) and issubclass(kind, np.ndarray)):
            holds(kind, f"makes {np.dtype(kind)} of bytes, which cannot hold it")
            if np.dtype(kind).kind == "f":
                raise NotHeld(f"makes {np.dtype(kind)} of bytes, which cannot hold it")
        return super().view(*kinds, **options)


# The dtype of the C structure, which `Balls.dtype` hides, and that of objects.
_DTYPE, _OBJECT = np.ndarray.dtype.__get__, np.dtype(object)


class Balls(np.ndarray):
    """An array whose elements are balls (plain numbers may be among them)."""

    @property
    def dtype(self) -> Any:
        """The nominal dtype; an array of something else that NumPy made of balls, such as indices, has its own."""
        own = _DTYPE(self)
        return nominal.get() if own is _OBJECT else own

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return UFUNC[0](ufunc, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return applied(function, arguments, options)

    def __getitem__(self, key: Any) -> Any:
        if time.thread_time() > stop_at.get():
            raise TooLong
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        if time.thread_time() > stop_at.get():
            raise TooLong
        super().__setitem__(key, value if type(value) is Ball else element(value))

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    def __repr__(self) -> str:
        return repr(np.asarray(self)).replace("array", "Balls", 1)

    def __str__(self) -> str:
        return str(np.asarray(self))

    @property  # type: ignore[misc]
    def real(self) -> Any:
        """Balls are real."""
        return self

    @property  # type: ignore[misc]
    def imag(self) -> Any:
        """Zeros."""
        return full(self.shape, 0)

    def astype(  # type: ignore[override]
        self, dtype: Any, order: Any = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Any:
        """A copy: of integers or booleans if `dtype` is such, of balls if it is a float precise enough.

        Raises
        ------
        NotHeld
            Less precise floats are asked for.
        """
        asked = np.dtype(dtype)
        if asked.kind == "O" or holds(asked, f"rounds to {asked}, which a ball cannot"):
            return self.copy(order) if copy else self
        if asked.kind == "b":
            return np.not_equal(self, 0)
        if asked.kind in "iu":
            cut = each(whole, self)
            return cut.view(Balls) if any(type(x) is Ball for x in cut.flat) else cut.astype(asked).view(Whole)
        raise NotHeld(f"makes {asked} of balls")

    def view(self, *kinds: Any, **options: Any) -> Any:
        """As of ndarray, but the bits of a ball are not those of a float."""
        kind = next(iter((*kinds, *options.values())), None)
        if kind is None or (isinstance(kind, type) and issubclass(kind, np.ndarray)):
            return super().view(*kinds, **options)
        if np.dtype(kind) == self.dtype:
            return self
        raise NotHeld("looks at the bits of floats")

    def fill(self, value: Any) -> None:
        """Sets all elements."""
        super().fill(constant(value))

    def put(self, indices: Any, values: Any, mode: Any = "raise") -> None:
        """Sets elements of the flattened array."""
        super().put(indices, np.asarray(as_balls(values)), mode)

    def mean(self, *arguments: Any, **options: Any) -> Any:
        """The sum divided by the exact number of elements."""
        return INSTEAD[np.mean](self, *arguments, **options)

    def var(self, *arguments: Any, **options: Any) -> Any:
        """The mean square of the distances to the mean."""
        return INSTEAD[np.var](self, *arguments, **options)

    def std(self, *arguments: Any, **options: Any) -> Any:
        """The root of the variance."""
        return INSTEAD[np.std](self, *arguments, **options)

    def dot(self, other: Any, out: Any = None) -> Any:
        """As `np.dot`."""
        return INSTEAD[np.dot](self, other, out)

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **options: Any) -> Any:
        """As `np.clip`."""
        return INSTEAD[np.clip](self, min, max, out, **options)

    def round(self, decimals: Any = 0, out: Any = None) -> Any:
        """As `np.round`."""
        return INSTEAD[np.round](self, decimals, out)

    def partition(self, kth: Any, axis: Any = -1, *arguments: Any, **options: Any) -> None:
        """Sorts, which is more than is asked for."""
        self.sort(axis)

    def argpartition(self, kth: Any, axis: Any = -1, *arguments: Any, **options: Any) -> Any:
        """Sorts, which is more than is asked for."""
        return self.argsort(axis)

    def argsort(self, *arguments: Any, **options: Any) -> Any:
        """The indices of the sorted elements."""
        return wrapped(super().argsort(*arguments, **options))

    def argmax(self, *arguments: Any, **options: Any) -> Any:
        """The indices of the largest."""
        return wrapped(super().argmax(*arguments, **options))

    def argmin(self, *arguments: Any, **options: Any) -> Any:
        """The indices of the smallest."""
        return wrapped(super().argmin(*arguments, **options))

    def nonzero(self) -> Any:
        """The indices of what is not zero."""
        return np.asarray(self != 0).nonzero()

    def conj(self) -> Any:
        """Balls are real."""
        return self.copy()

    conjugate = conj


def lift(array: Any, slopes: Any = None) -> Balls:
    """An array of balls that are exactly the given numbers.

    Parameters
    ----------
    slopes
        An array of the same shape, of numbers or of `flint.arb`; None for constants.
    """
    plain = np.asarray(array)
    items = plain.reshape(-1).tolist()
    if slopes is None:
        found = one_by_one(constant, items)
    else:
        spend(plain.size)
        moves = np.asarray(slopes, object).reshape(-1)
        found = [Ball(constant(x).value, constant(s).value) for x, s in zip(items, moves, strict=True)]
    made: Balls = objects(found, plain.shape).view(Balls)
    return made


def objects(items: list[Any], shape: tuple[int, ...]) -> Any:
    """An object array of these items."""
    return np.fromiter(items, object, len(items)).reshape(shape)


def full(shape: Any, value: Any, order: Any = "C") -> Balls:
    """An array that holds the same number everywhere."""
    return np.full(shape, constant(value), object, order=order).view(Balls)


def each(function: Callable[[Any], Any], array: Any) -> Any:
    """An object array of the function's results for each element; a single result if `array` is none."""
    if not isinstance(array, np.ndarray):
        return function(array)
    plain = np.asarray(array)
    return objects(one_by_one(function, plain.reshape(-1).tolist()), plain.shape)


def one_by_one(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    """The function's results for many items.

    Raises
    ------
    TooLong
        The time is over before all are done.
    """
    spend(len(items))
    found: list[Any] = []
    for start in range(0, len(items), PIECE):
        spend()
        found.extend(map(function, items[start : start + PIECE]))
    return found


def whole(x: Any) -> Any:
    """A number cut off to an integer, as by `int`; a ball where a rounding keeps the slope (`Rounding`).

    Raises
    ------
    NotHeld
        The number is not finite.
    """
    if type(x) is not Ball:
        return int(x)
    cut = INSTEAD[int](x)
    if not cut.value.is_finite():
        raise NotHeld("makes an integer of a number that is not finite")
    return as_integer(cut)


def element(value: Any) -> Any:
    """A value as an array of balls stores it: floats, arrays of floats and lists of them become balls."""
    kind = type(value)
    if kind is Ball or kind is Balls:
        return value
    if kind in (float, int, bool):
        return constant(value)
    return as_balls(value)


def as_balls(value: Any) -> Any:
    """A number, or anything that NumPy makes an array of, as balls; integers too.

    Raises
    ------
    NotHeld
        The value holds no real numbers.
    """
    if isinstance(value, Balls):
        return value
    if isinstance(value, Ball) or np.isscalar(value):
        return constant(value)
    plain = np.asarray(value)
    if plain.dtype.kind == "O":
        if set(map(type, plain.reshape(-1).tolist())) <= {Ball}:
            return plain.view(Balls)
        return each(lambda x: constant(x.item() if isinstance(x, np.ndarray) and x.size == 1 else x), plain).view(Balls)
    if plain.dtype.kind not in "fiub":
        raise NotHeld(f"holds {plain.dtype}")
    return lift(plain)


def wrapped(result: Any) -> Any:
    """A result of NumPy among balls: objects and floats as balls, integers and booleans as `Whole`; also in lists."""
    if isinstance(result, np.ndarray):
        kind = _DTYPE(result).kind
        if type(result) is Whole or (type(result) is Balls and kind == "O"):
            return result
        if kind == "O":
            return _numbers(result)
        if kind == "f":
            return lift(result) if result.dtype.itemsize >= nominal.get().itemsize else result
        return result.view(Whole) if kind in "iub" else result
    if type(result) in (tuple, list):
        return type(result)(wrapped(r) for r in result)
    if isinstance(result, tuple) and hasattr(result, "_make"):
        return result._make(wrapped(r) for r in result)
    return result


def _numbers(result: Any) -> Any:
    """An object array as balls if it holds numbers, else as it is."""
    try:
        return as_balls(result)
    except NotHeld:
        return result


def applied(function: Any, arguments: Any, options: Any) -> Any:
    """Calls one of NumPy's functions among balls: what stands in for it, or the function itself."""
    spend()
    instead = INSTEAD.get(function)
    if instead is not None:
        return wrapped(instead(*arguments, **options))
    return wrapped(function._implementation(*arguments, **options))
