"""What the caller's code finds in place of `numpy` and `math`: the same, but it makes and takes balls.

Attributes are those of the real modules. Functions that make arrays of floats make arrays of balls. Ufuncs on floats
follow the rules, so that `np.sqrt(2.0)` is a ball that encloses the root.
"""

import math
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.balls import functions, statistics  # noqa: F401  # they fill INSTEAD
from scratchcnn.gradcheck.proof.balls.arrays import Balls, Whole, as_balls, full, holds, lift, objects, whole, wrapped
from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, constant, integer
from scratchcnn.gradcheck.proof.balls.of_scipy import SCIPY
from scratchcnn.gradcheck.proof.balls.rules import FUNCTIONS, RULES
from scratchcnn.gradcheck.proof.balls.scalar import nominal
from scratchcnn.gradcheck.proof.balls.special import MATH, SPECIAL, SPECIAL_RULES
from scratchcnn.gradcheck.proof.balls.ufuncs import on_balls
from scratchcnn.gradcheck.proof.world.kinds import STAND_INS, Kind, has_balls

# The functions whose results for plain numbers are enclosed by balls. The results of the others are exact, or integers.
ENCLOSED = {*RULES, *SPECIAL_RULES, "hypot", "arctan2", "logaddexp", "power", "pow", "lgamma", "float_power"}
ENCLOSED |= {"acos", "acosh", "asin", "asinh", "atan", "atanh", "atan2", "degrees", "radians"}


def settled(x: Any) -> Any:
    """A constant whose ball holds a single integer becomes that integer: `math.log2(8)` is 3, and may be a size."""
    if type(x) is Ball and x.slope is None and not x.value.is_exact():
        near = integer(x.value)
        if near is not None:
            return constant(near)
    return x


class Ufunc:
    """A stand-in for a ufunc: it also takes lists of balls, and makes balls of floats."""

    def __init__(self, real: np.ufunc) -> None:
        self.real = real
        self.__name__ = real.__name__
        for method in ("reduce", "accumulate", "outer", "reduceat", "at"):
            setattr(self, method, self._method(method))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Calls the ufunc."""
        return self._apply("__call__", inputs, options)

    def _method(self, method: str) -> Callable[..., Any]:
        return lambda *inputs, **options: self._apply(method, inputs, options)

    def _apply(self, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
        inputs = tuple(as_balls(x) if isinstance(x, list | tuple) and has_balls(x) else x for x in inputs)
        if any(isinstance(x, Ball | Balls | Whole) for x in inputs):
            return getattr(self.real, method)(*inputs, **options)
        if method == "__call__" and self.__name__ in ENCLOSED and not options:
            return self._enclosed(inputs)
        with np.errstate(all="ignore"):
            result = getattr(self.real, method)(*inputs, **options)
        return result if options.get("out") is not None else wrapped(result)

    def _enclosed(self, inputs: tuple[Any, ...]) -> Any:
        """The result for plain numbers, enclosed by a ball."""
        kinds = {np.asarray(x).dtype.kind for x in inputs}
        if not kinds <= set("fiub"):
            return self.real(*inputs)
        if self.__name__ == "power" and "f" not in kinds:
            return wrapped(self.real(*inputs))
        result = on_balls(self.real, "__call__", *(as_balls(x) for x in inputs))
        return settled(result)


def creator(real: Callable[..., Any], dtype_at: int) -> Callable[..., Any]:
    """A stand-in for a function that makes an array: of balls if the dtype is the nominal one, or wider.

    Parameters
    ----------
    real
        The function.
    dtype_at
        The position of its argument `dtype`.
    """

    @wraps(real)
    def made(*arguments: Any, **options: Any) -> Any:
        asked = options.get("dtype", arguments[dtype_at] if len(arguments) > dtype_at else None)
        if asked is not None:
            holds(asked)
        return wrapped(real(*arguments, **options))

    return made


def _array(real: Callable[..., Any]) -> Callable[..., Any]:
    """A stand-in for `np.array` and its relatives: balls and floats become balls."""

    @wraps(real)
    def made(value: Any, dtype: Any = None, *arguments: Any, **options: Any) -> Any:
        if not isinstance(value, Balls) and not has_balls(value):
            plain = real(value, dtype, *arguments, **options)
            if plain.dtype.kind == "O":
                # The value is a list of lists of arrays of balls.
                return wrapped(plain)
            if dtype is not None and plain.dtype.kind == "f":
                holds(dtype)
            return plain if _is_view(plain, [value]) else wrapped(plain)
        found = full((), value) if isinstance(value, Ball) else as_balls(value)
        if dtype is not None and np.dtype(dtype) != object:
            found = found.astype(dtype, copy=False)
        copies = real is np.array and options.get("copy", True)
        found = found.copy() if copies and found is value else found
        return found.reshape((1,) * max(0, options.get("ndmin", 0) - found.ndim) + found.shape)

    return made


def general(real: Callable[..., Any]) -> Callable[..., Any]:
    """A stand-in for any other function: lists of balls become arrays of them, and so do floats in the result."""

    @wraps(real)
    def applied(*arguments: Any, **options: Any) -> Any:
        taken = [as_balls(a) if isinstance(a, list) and a and all(type(x) is Ball for x in a) else a for a in arguments]
        found = real(*taken, **options)
        if isinstance(found, DRAWING):
            return Drawing(found)
        # A view of floats stays a view: a write into a copy would be lost.
        return found if _is_view(found, taken) else wrapped(found)

    return applied


def _is_view(found: Any, arguments: Any) -> bool:
    """Whether an array of floats shares the memory of an argument."""
    if not isinstance(found, np.ndarray) or found.dtype.kind != "f" or isinstance(found, Balls):
        return False
    return any(isinstance(a, np.ndarray) and np.may_share_memory(found, a) for a in arguments)


# Generators of random numbers.
DRAWING = (np.random.Generator, np.random.RandomState)


class Drawing:
    """A stand-in for a generator of random numbers, whose arrays can hold balls."""

    def __init__(self, real: Any) -> None:
        self.__dict__["real"] = real

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(self.real)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.real, name)
        return general(value) if callable(value) else value


def _arange(*arguments: Any, **options: Any) -> Any:
    """A stand-in for `np.arange`: multiples of an exact step."""
    numbers = [a for a in arguments if a is not None]
    if not any(isinstance(a, Ball) for a in numbers):
        return creator(np.arange, 3)(*arguments, **options)
    start, stop, step = (0, *numbers, 1) if len(numbers) == 1 else (*numbers, 1)[:3]
    count = max(0, -whole(FUNCTIONS["floor"](constant(start - stop) / step)))
    return lift(np.arange(count)) * constant(step) + constant(start)


def _linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, *arguments: Any, **options: Any) -> Any:
    """A stand-in for `np.linspace`: points at equal distances, without rounding."""
    if arguments or options or np.ndim(start) or np.ndim(stop):
        return general(np.linspace)(start, stop, num, endpoint, *arguments, **options)
    parts = max(num - 1 if endpoint else num, 1)
    start, stop = constant(start), constant(stop)
    return lift(np.arange(int(num))) * (stop - start) / parts + start


def _nditer(operand: Any, flags: Any = (), *arguments: Any, **options: Any) -> Any:
    return np.nditer(operand, [*flags, "refs_ok"], *arguments, **options)


class Vectorized:
    """A stand-in for `np.vectorize`, of a function of numbers."""

    def __init__(self, pyfunc: Callable[..., Any], *arguments: Any, **options: Any) -> None:
        if {"signature", "excluded"} & set(options):
            raise NotHeld("vectorizes more than a function of numbers")
        self.pyfunc = pyfunc

    def __call__(self, *arguments: Any) -> Any:
        """The results of the function for each element."""
        arrays = np.broadcast_arrays(*(np.asarray(as_balls(a)) for a in arguments))
        found = [self.pyfunc(*items) for items in zip(*(a.reshape(-1).tolist() for a in arrays), strict=True)]
        if not arrays[0].ndim:
            return found[0]
        plain = objects(found, arrays[0].shape)
        return wrapped(plain if any(type(x) is Ball for x in found) else np.array(found).reshape(plain.shape))


def _filled(real: Callable[..., Any], value: float) -> Callable[..., Any]:
    """A stand-in for `np.zeros` and its relatives: one constant everywhere."""
    plain = creator(real, 1)

    @wraps(real)
    def made(shape: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
        if dtype is None or holds(dtype):
            return full(shape, value, order)
        return plain(shape, dtype, order, **options)

    return made


# The stand-ins for those of NumPy's functions that make arrays, and some others.
CREATORS: dict[Any, Callable[..., Any]] = {
    **{f: _filled(f, value) for f, value in ((np.zeros, 0), (np.ones, 1), (np.empty, 0))},
    np.identity: creator(np.identity, 1),
    **{f: creator(f, 2) for f in (np.full,)},
    **{f: creator(f, 3) for f in (np.eye, np.tri)},
    **{f: creator(f, 1) for f in (np.zeros_like, np.ones_like, np.empty_like)},
    np.full_like: creator(np.full_like, 2),
    **{f: _array(f) for f in (np.array, np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray)},
    np.arange: _arange,
    np.linspace: _linspace,
    np.nditer: _nditer,
    np.vectorize: Vectorized,
    np.lib.stride_tricks.as_strided: lambda x, *a, **o: functions.as_strided(x, *a, **o),
    np.lib.stride_tricks.sliding_window_view: lambda x, *a, **o: wrapped(functions.sliding_window_view(x, *a, **o)),
    np.isscalar: lambda x: isinstance(x, Ball) or np.isscalar(x),
}


def _issubdtype(one: Any, other: Any) -> bool:
    return np.issubdtype(*(getattr(t, "real", t) if isinstance(t, Kind) else t for t in (one, other)))


CREATORS[np.issubdtype] = _issubdtype
CREATORS[np.finfo] = lambda dtype: np.finfo(nominal.get() if isinstance(dtype, Ball | Balls) else dtype)


def of_math(name: str) -> Any:
    """A stand-in for a function of `math`: it follows the rules for balls, and for numbers if it would round."""
    real = getattr(math, name)
    rule = MATH.get(name)
    if rule is None:
        return real

    @wraps(real)
    def function(*arguments: Any, **options: Any) -> Any:
        taken = [a.item() if isinstance(a, np.ndarray) and a.size == 1 else a for a in arguments]
        taken = [list(a) if hasattr(a, "__iter__") else a for a in taken]
        if name in ENCLOSED or any(has_balls(a) for a in taken):
            return settled(rule(*taken, **options))
        return real(*taken, **options)

    return function


class Module(ModuleType):
    """A module of NumPy, SciPy or `math`, whose members are stand-ins where they have one."""

    def __init__(self, real: ModuleType, translated: Callable[[Any], Any]) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__["_real"], self.__dict__["_translated"] = real, translated

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        found = of_math(name) if self._real is math else self._translated(value)
        self.__dict__[name] = found
        return found


def numeric(value: Any, translated: Callable[[Any], Any]) -> Any:
    """The stand-in for something of NumPy's, SciPy's or `math`; the same thing if it needs none."""
    if isinstance(value, ModuleType):
        return Module(value, translated)
    if isinstance(value, np.ufunc):
        known = value.__name__ in SPECIAL or hasattr(np, value.__name__)
        return Ufunc(value) if known else value
    if isinstance(value, type):
        return STAND_INS.get(value) or CREATORS.get(value, value)
    try:
        instead = CREATORS.get(value)
    except TypeError:
        return value
    if instead is not None:
        return instead
    name = getattr(value, "__name__", "")
    module = getattr(value, "__module__", "") or ""
    if module.startswith("scipy."):
        instead = SCIPY.get((module.split(".")[1], name))
        return value if instead is None else general(instead)
    if module == "math" and name:
        return of_math(name)
    if callable(value) and module.startswith("numpy"):
        return general(value)
    return value
