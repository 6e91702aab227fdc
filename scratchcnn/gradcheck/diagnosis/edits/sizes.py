"""Whether what stands in the place of an expression's value fits there: a change must not take all memory."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array

# Numbers in an array.
MOST_NUMBERS = 4_000_000


def of_bounded_size(value: Any, other: Any, axes: int, longest: int = 1) -> Any:
    """What stands in a value's place, if it fits there; a function whose results fit.

    The sum of a row and a column has as many numbers as the product of their lengths; and in a loop, where a state is
    made a column in each round, it has more axes after each. A whole number may be the length of an array.

    Parameters
    ----------
    axes
        How many the expression has where nothing is changed: one more is the most.
    longest
        The longest axis of the arrays that it may be combined with.

    Raises
    ------
    ValueError
        It does not fit.
    """
    if isinstance(other, np.ndarray):
        if other.ndim > axes + 1:
            raise ValueError(f"{other.ndim} axes in place of {axes}")
        _refuse_large(np.shape(value), other.shape, longest)
        _refuse_long(value, other)
    elif other is not value and callable(other) and callable(value):
        return _of_fitting_results(value, other, longest)
    return other


def _of_fitting_results(function: Callable[..., Any], other: Callable[..., Any], longest: int) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        result = other(*arguments, **options)
        if np.size(result) * max(np.size(result), longest) > MOST_NUMBERS:
            _refuse_large(np.shape(function(*arguments, **options)), np.shape(result), longest)
        return result

    return called


def _refuse_long(value: Any, other: Array) -> None:
    """Raise `ValueError` where whole numbers became so large that arrays as long as they are take all memory."""
    if other.dtype.kind in "iu" and other.size:
        most = max(MOST_NUMBERS, int(np.abs(value).max(initial=0)) if np.asarray(value).dtype.kind in "iu" else 0)
        if int(np.abs(other).max()) > most:
            raise ValueError(f"positions beyond {most}")


def _refuse_large(shape: tuple[int, ...], other: tuple[int, ...], longest: int) -> None:
    """Raise `ValueError` where one of both shapes makes a very large array with the other, or with a long row."""
    columns = max(other.count(1) - shape.count(1), 0)  # along these, a row may be combined with it
    try:
        together = math.prod(np.broadcast_shapes(shape, other))
    except ValueError:  # they make none
        together = 0
    if max(together, math.prod(other) * longest**columns) > max(MOST_NUMBERS, math.prod(shape), math.prod(other)):
        raise ValueError(f"an array of shape {other} in place of {shape}")
