"""Whether what stands in the place of an expression's value fits there: a change must not take all memory."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

# Numbers in an array.
MOST_NUMBERS = 4_000_000


def of_bounded_size(value: Any, other: Any, axes: int) -> Any:
    """What stands in a value's place, if it fits there; a function whose results fit.

    The sum of a row and a column has as many numbers as the product of their lengths; and in a loop, where a state is
    made a column in each round, it has more axes after each.

    Parameters
    ----------
    axes
        How many the expression has where nothing is changed: one more is the most.

    Raises
    ------
    ValueError
        It does not fit.
    """
    if isinstance(other, np.ndarray):
        if other.ndim > axes + 1:
            raise ValueError(f"{other.ndim} axes in place of {axes}")
        _refuse_large(np.shape(value), other.shape)
    elif other is not value and callable(other) and callable(value):
        return _of_fitting_results(value, other)
    return other


def _of_fitting_results(function: Callable[..., Any], other: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        result = other(*arguments, **options)
        if np.size(result) ** 2 > MOST_NUMBERS:
            _refuse_large(np.shape(function(*arguments, **options)), np.shape(result))
        return result

    return called


def _refuse_large(shape: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Raise `ValueError` where arrays of both shapes make a very large one together."""
    try:
        together = math.prod(np.broadcast_shapes(shape, other))
    except ValueError:  # they make none
        return
    if together > max(MOST_NUMBERS, math.prod(shape), math.prod(other)):
        raise ValueError(f"an array of shape {other} in place of {shape}")
