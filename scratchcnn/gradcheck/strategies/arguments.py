"""The arguments of the strategies, validated: each gives what it stands for, or an error that names it."""

import math
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array

Shape = tuple[int, ...]
Shapes = int | tuple[int, ...] | SearchStrategy[Any]
Pair = tuple[int, int]
# Of an array: enough for any test, and what a machine can hold.
MOST_ENTRIES = 2**24
MOST_AXES = 32  # of an array, in all versions of NumPy
# From which an index is drawn; four bytes hold it.
MOST_INDICES = 2**31
# Of an axis, where options bound it: four such axes have 2^24 entries.
LONGEST = 64


def each_of(name: str, value: Any, valid: Callable[[str, Any], Any]) -> SearchStrategy[Any]:
    """A strategy whose values are valid, or that of the only value, which is.

    An argument that is wrong is refused at once; what a strategy gives, when it is drawn.
    """
    if isinstance(value, SearchStrategy):
        return value.map(lambda drawn: valid(name, drawn))
    return st.just(valid(name, value))


def flags(name: str, value: Any) -> SearchStrategy[bool]:
    """True, False, or a strategy of these; either, if it is None.

    Raises
    ------
    TypeError
        It is something else.
    """
    return st.booleans() if value is None else each_of(name, value, flag)


def flag(name: str, value: Any) -> bool:
    """True or False.

    Raises
    ------
    TypeError
        It is something else.
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def maker(entries: Any, dtype: np.dtype[Any]) -> Callable[[Shape], SearchStrategy[Array]]:
    """What makes arrays of a shape: `entries`, in the dtype of the others.

    Raises
    ------
    TypeError
        `entries` cannot be called with a shape and a dtype, or gives no strategy.
    ValueError
        It refuses the shape (1,).
    """
    expected = "entries must be a function of a shape and dtype= that gives a strategy, as `arrays` is"
    try:
        found = entries((1,), dtype=dtype)
    except TypeError as error:
        raise TypeError(f"{expected}; got {entries!r}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{expected}; {entries!r} refuses the shape (1,): {error}") from error
    if not isinstance(found, SearchStrategy):
        raise TypeError(f"{expected}; {entries!r} gives {found!r}")
    return lambda shape: entries(shape, dtype=dtype)


def shapes_of(shape: Shapes, axes: int = 0) -> SearchStrategy[Shape]:
    """The shapes that an argument stands for: a number, a tuple, or a strategy of either.

    Raises
    ------
    TypeError, ValueError
        It is nothing of these, or has fewer than `axes` axes. Of a strategy, that is found when it is drawn from.
    """
    if isinstance(shape, SearchStrategy):
        return shape.map(lambda drawn: _shape(drawn, axes))
    return st.just(_shape(shape, axes))


def _shape(shape: Any, axes: int) -> Shape:
    lengths = (shape,) if isinstance(shape, int | np.integer) else shape
    expected = "an integer, a tuple of integers, or a strategy of these"
    if not isinstance(lengths, tuple) or not all(isinstance(n, int | np.integer) for n in lengths):
        raise TypeError(f"shape must be {expected}, got {shape!r}")
    if any(n < 0 for n in lengths):
        raise ValueError(f"shape must have no negative length, got {shape!r}")
    if len(lengths) < axes:
        raise ValueError(f"shape must have at least {axes} {'axis' if axes == 1 else 'axes'}, got {shape!r}")
    if len(lengths) > MOST_AXES or math.prod(map(int, lengths)) > MOST_ENTRIES:
        raise ValueError(f"shape must have at most {MOST_AXES} axes and {MOST_ENTRIES:,} entries, got {shape!r}")
    return tuple(int(n) for n in lengths)


def dtype_of(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype that an argument names.

    Raises
    ------
    TypeError
        It names none.
    """
    try:
        return np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise TypeError(f"dtype must name a dtype of NumPy, got {dtype!r}") from error


def floating(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype of an array that has a gradient.

    Raises
    ------
    TypeError
        It holds neither real nor complex floats.
    """
    found = dtype_of(dtype)
    # The formats of fewer bits that other packages add to NumPy's are of the kind "V", or of "f".
    if found.kind not in "fcV" or found.type is np.void:
        raise TypeError(f"dtype must be that of floats or complex numbers, got {found}")
    return found


def real_floating(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype of an array of real floats.

    Raises
    ------
    TypeError
        It holds something else.
    """
    found = floating(dtype)
    if found.kind == "c":
        raise TypeError(f"dtype must be that of floats, got {found}")
    return found


def integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """An integer of Python's.

    Raises
    ------
    TypeError, ValueError
        It is none, or less than `least`, or greater than `most`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}, got {value}")
    return int(value)


def pixels(name: str, value: Any, least: int = 1) -> int:
    """The length of an axis, a step or an edge.

    Raises
    ------
    TypeError, ValueError
        It is no integer, or not from `least` to 64.
    """
    return integer(name, value, least, LONGEST)


def finite(name: str, values: Any) -> tuple[float, ...]:
    """A number, or some, as floats.

    Raises
    ------
    TypeError, ValueError
        One is no number, or not finite.
    """
    some = (values,) if _is_one(values) else tuple(values)
    strange = [value for value in some if not isinstance(value, Real) or isinstance(value, bool)]
    if strange:
        raise TypeError(f"{name} must be a number, or some numbers, got {strange[0]!r}")
    if not all(map(math.isfinite, some)):
        unfit = next(value for value in some if not math.isfinite(value))
        raise ValueError(f"{name} must be finite, got {unfit!r}")
    return tuple(map(float, some))


def _is_one(values: Any) -> bool:
    """Whether an argument is a single value; an array without axes cannot be iterated over either."""
    return isinstance(values, str) or not isinstance(values, Iterable) or getattr(values, "ndim", 1) == 0


def words_of(name: str, values: Any, words: Iterable[str]) -> list[str]:
    """Some of several words.

    Raises
    ------
    TypeError, ValueError
        There is none, or one is another.
    """
    some = [] if _is_one(values) else list(values)
    if not some:
        raise TypeError(f"{name} must be some of {', '.join(map(repr, words))}; got {values!r}")
    return [one_word(name, value, words) for value in some]


def one_word(name: str, value: Any, words: Iterable[str]) -> str:
    """One of several words.

    Raises
    ------
    ValueError
        It is another one.
    """
    known = list(words)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}")
    return str(value)


def steps_of(name: str, value: Any) -> int | Pair:
    """A number of pixels from 1 on, or one for each axis.

    Raises
    ------
    TypeError, ValueError
        It is none of these.
    """
    if isinstance(value, tuple) and len(value) == 2:
        return pixels(name, value[0]), pixels(name, value[1])
    _refuse_other(name, value, "an integer, or a pair of them")
    return pixels(name, value)


def _refuse_other(name: str, value: Any, expected: str) -> None:
    """Refuses what is no integer, in words that name all forms."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be {expected}; got {value!r}")


def padding_of(name: str, value: Any) -> Any:
    """A padding: "valid", "same", a number of pixels, one for each axis, or one for each side of each axis.

    Raises
    ------
    TypeError, ValueError
        It is none of these.
    """
    if isinstance(value, str) and value in ("valid", "same"):
        return value
    if not isinstance(value, tuple):
        _refuse_other(name, value, "'valid', 'same', an integer, a pair of them, or a pair of such pairs")
        return pixels(name, value, 0)
    if len(value) != 2:
        raise ValueError(f"{name} must have one number, or two, for each of two axes; got {value!r}")
    return tuple(_edge(name, each) for each in value)


def _edge(name: str, value: Any) -> int | Pair:
    """A number of pixels from 0 on, or one for each side."""
    if isinstance(value, tuple) and len(value) == 2:
        return pixels(name, value[0], 0), pixels(name, value[1], 0)
    return pixels(name, value, 0)


def positive_or_none(name: str, value: Any) -> float | None:
    """A positive number, or None.

    Raises
    ------
    TypeError, ValueError
        It is none of these.
    """
    if value is None:
        return None
    (number,) = finite(name, [value])
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return number
