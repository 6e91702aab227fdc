"""What all strategies are made of: numbers that Hypothesis draws, shapes, and arguments that are validated.

An example is the smaller for Hypothesis the fewer choices it has, and then the smaller these are, from the first on. So
the entries of an array are a single choice, a string of bytes: a layer with more entries is not a larger example. The
options and the shape, which are drawn first, shrink before the entries do.
"""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

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
