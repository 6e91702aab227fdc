"""Numbers of any ring: object arrays of fractions, of mpmath's numbers, of intervals.

NumPy adds, multiplies and compares them as it does floats. What else an operation needs of them is here.
"""

from typing import Any

import numpy as np

from scratchcnn.operations._validate import Array, any_ring


def apply(function: np.ufunc, values: Array) -> Array:
    """Apply a function such as np.exp, entry by entry: a method of the number, or a function of its mpmath context.

    Raises
    ------
    TypeError
        If a number has no such function: e to a fraction is none.
    """
    if not any_ring(values) or type(values) is not np.ndarray:  # a subclass has functions of its own
        result: Array = function(values)
        return result
    return np.array([_apply(function, number) for number in values.flat], object).reshape(values.shape)


def _apply(function: np.ufunc, number: Any) -> Any:
    name = function.__name__
    if type(number) is int and number == 0:  # one that an operation has put among the others
        return int(function(0))
    if hasattr(number, "context"):
        return getattr(number.context, name)(number)
    if hasattr(number, name):
        return getattr(number, name)()
    raise TypeError(f"a {type(number).__name__} has no {name}")


def all_finite(values: Array) -> bool:
    """Whether a product with 0 is 0: of other rings than the floats nobody knows."""
    return not any_ring(values) and bool(np.isfinite(values).all())


def is_nan(values: Array) -> Array:
    """Where there is NaN, which is no number and equals none."""
    nan: Array = values != values if any_ring(values) else np.isnan(values)
    return nan


def roundoff(values: Array) -> float:
    """How far a number may be from what was meant, relatively: 0 in a ring that is exact."""
    return 0.0 if any_ring(values) else float(np.finfo(values.dtype).eps)
