"""What all strategies are made of: numbers that Hypothesis draws, shapes, and arguments that are validated.

An example is the smaller for Hypothesis the fewer choices it has, and then the smaller these are, from the first on. So
the entries of an array are a single choice, a string of bytes: a layer with more entries is not a larger example. The
options and the shape, which are drawn first, shrink before the entries do.
"""

import math
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.tracing import untraced

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
Shape = tuple[int, ...]
Shapes = int | tuple[int, ...] | SearchStrategy[Any]

# How many numbers are drawn at most. The others of a large array are sums of these, so that they shrink with them.
DRAWN = 32
# Numbers below this fit in one byte.
BYTE = 256


def composite(
    function: Callable[Concatenate[DrawFn, Parameters], Result],
) -> Callable[Parameters, SearchStrategy[Result]]:
    """`hypothesis.strategies.composite`, of a function whose lines are no explanation of a failure."""
    return st.composite(untraced(function))


@composite
def numbers(draw: DrawFn, count: int, below: int = BYTE) -> Array:
    """(count,) integers from 0 on, less than `below`. They are one choice, and shrink to zeros."""
    width = 1 if below <= BYTE else 4
    drawn = min(count, DRAWN)
    data = draw(st.binary(min_size=drawn * width, max_size=drawn * width))
    first = np.frombuffer(data, f">u{width}").astype(np.int64)
    # Always the same pairs, so that a smaller array has the same first entries.
    pairs = np.random.default_rng(0).integers(0, DRAWN, (count - drawn, 2))
    return np.concatenate([first, first[pairs].sum(axis=1)]) % below


def one_of_these(choice: Any) -> SearchStrategy[Any]:
    """The strategy that an argument is, or that of its only value."""
    return choice if isinstance(choice, SearchStrategy) else st.just(choice)


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
        raise ValueError(f"shape must have at least {axes} axes, got {shape!r}")
    return tuple(int(n) for n in lengths)


def floating(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype of an array that has a gradient.

    Raises
    ------
    TypeError
        It holds neither real nor complex floats.
    """
    found: np.dtype[Any] = np.dtype(dtype)
    # The formats of fewer bits that other packages add to NumPy's are of the kind "V", or of "f".
    if found.kind not in "fcV" or found.names is not None or found.itemsize == 0:
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


def integer(name: str, value: Any, least: int) -> int:
    """An integer of Python's.

    Raises
    ------
    TypeError, ValueError
        It is none, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}")
    return int(value)


def finite(name: str, values: Any) -> tuple[float, ...]:
    """A number, or some, as floats.

    Raises
    ------
    TypeError, ValueError
        One is no number, or not finite.
    """
    some = tuple(values) if isinstance(values, Iterable) and not isinstance(values, str) else (values,)
    strange = [value for value in some if not isinstance(value, Real) or isinstance(value, bool)]
    if strange:
        raise TypeError(f"{name} must be a number, or some numbers, got {strange[0]!r}")
    if not all(map(math.isfinite, some)):
        raise ValueError(f"{name} must be finite, got {values!r}")
    return tuple(map(float, some))


def one_word(name: str, value: Any, words: Iterable[str]) -> str:
    """One of several words.

    Raises
    ------
    ValueError
        It is another one.
    """
    known = list(words)
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}; got {value!r}")
    return str(value)
