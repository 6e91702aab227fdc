"""Stand-ins for the types of numbers (`float`, `int`, `np.float64`, ...): the same as dtypes, but calls take balls."""

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.balls.arrays import Balls, as_balls, full, holds, whole, wrapped
from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld


def has_balls(value: Any) -> bool:
    """Whether a number, an array or a list of such holds balls."""
    if isinstance(value, list | tuple):
        return any(has_balls(v) for v in value[:1]) or any(type(v) in (Ball, Balls) for v in value)
    return isinstance(value, Ball | Balls)


class Kind(type):
    """The class of the stand-ins. Balls are instances of a float, and calls take balls."""

    real: type

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, cls.real) or (type(value) is Ball and cls.of_balls)

    def __subclasscheck__(cls, kind: Any) -> bool:
        return issubclass(getattr(kind, "real", kind), cls.real)

    def __call__(cls, *arguments: Any, **options: Any) -> Any:
        """A number, or a ball."""
        return cls.made(*arguments, **options)

    def __eq__(cls, other: Any) -> bool:
        # A dtype decides itself what it is equal to.
        return other is cls or other is cls.real if isinstance(other, type) else NotImplemented

    def __hash__(cls) -> int:
        return hash(cls.real)

    def __getattr__(cls, name: str) -> Any:
        return getattr(cls.real, name)

    def __repr__(cls) -> str:
        return repr(cls.real)

    def __getitem__(cls, of: Any) -> Any:
        return cls.real[of]  # type: ignore[index]


def kind(real: type, of_balls: bool, made: Callable[..., Any]) -> Any:
    """A stand-in for a type of numbers.

    `of_balls` says whether balls are instances of it; `made` is the function behind calls of it.
    """
    body: dict[str, Any] = {"real": real, "of_balls": of_balls, "made": staticmethod(made), "__doc__": real.__doc__}
    if real not in (np.floating, np.inexact, np.number, np.generic, np.ndarray):  # these are no dtypes
        body["dtype"] = np.dtype(real)
    return Kind(real.__name__, (), body)


def _ndarray(shape: Any, dtype: Any = float, *arguments: Any, **options: Any) -> Any:
    """`np.ndarray` as a function: an array with memory of its own holds balls, one in given memory does not."""
    if not holds(dtype):
        return wrapped(np.ndarray(shape, dtype, *arguments, **options))
    if arguments or options:
        raise NotHeld("cannot hold it")
    return full(shape, 0)


def _float(real: type) -> Any:
    """The function behind calls of `np.float64` and other floats: numbers stay numbers, balls stay balls."""

    def made(value: Any = 0.0) -> Any:
        if not has_balls(value):
            return real(value)
        holds(real, f"rounds to {np.dtype(real)}, which a ball cannot")
        found = as_balls(value)
        return found[()] if isinstance(found, Balls) and not found.ndim else found

    return made


def _scalar_float(value: Any = 0.0) -> Any:
    """The function behind calls of `float`, which takes a single number."""
    if isinstance(value, Balls):
        if value.size != 1:
            raise TypeError("only arrays of size 1 can be converted to Python scalars")
        return value.item()
    return value if isinstance(value, Ball) else builtins.float(value)


def _int(real: type) -> Any:
    """The function behind calls of `int`, `np.int64` and other integers: a ball is cut off to an integer."""

    def made(value: Any = 0, *arguments: Any, **options: Any) -> Any:
        if isinstance(value, Balls) and value.size == 1:
            value = value.item()
        if isinstance(value, Balls):
            return value.astype(real)
        if not isinstance(value, Ball):
            return real(value, *arguments, **options)
        cut = whole(value)
        return cut if isinstance(cut, Ball) else real(cut)

    return made


# The types of floats that balls may stand for.
FLOATS: tuple[type, ...] = (np.float16, np.float32, np.float64, np.longdouble)
# The stand-ins, by the type they stand for.
STAND_INS: dict[type, Any] = {
    float: kind(float, True, _scalar_float),
    np.ndarray: kind(np.ndarray, False, _ndarray),
    int: kind(int, False, _int(int)),
    **{f: kind(f, True, _float(f)) for f in FLOATS},
    **{i: kind(i, False, _int(i)) for i in (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32)},
    **{a: kind(a, True, a) for a in (np.floating, np.inexact, np.number, np.generic)},
}
