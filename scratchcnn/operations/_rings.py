"""Object arrays, whose numbers are of any ring: fractions, mpmath's numbers, intervals.

NumPy adds, multiplies and compares such numbers as it does floats. This file has the other functions that the
operations apply to them.
"""

import operator
from typing import Any

import numpy as np

from scratchcnn.operations._validate import Array, any_ring


def apply(function: np.ufunc, values: Array) -> Array:
    """Apply a ufunc such as `np.exp` to each entry; a number that has no such function is a `TypeError`.

    For an object, the function is a method of the number or of its mpmath context. A fraction has no exponential.
    """
    if not any_ring(values) or type(values) is not np.ndarray:  # a subclass defines its own ufuncs
        result: Array = function(values)
        return result
    return np.array([_apply_to_number(function, number) for number in values.flat], object).reshape(values.shape)


def _apply_to_number(function: np.ufunc, number: Any) -> Any:
    name = function.__name__
    if type(number) is int and number == 0:  # an operation has set this entry to zero
        return int(function(0))
    if hasattr(number, "context"):
        return getattr(number.context, name)(number)
    if hasattr(number, name):
        return getattr(number, name)()
    raise TypeError(f"a {type(number).__name__} has no {name}")


def contract(a: Array, b: Array, axes: Any) -> Array:
    """`np.tensordot`; numbers that do not multiply are the `TypeError` that they raise.

    Its loops over objects go on after an exception, which then ends as a `SystemError`: the first two go before them.
    """
    if any_ring(a) or any_ring(b):
        for one, other in zip(a.flat[:1], b.flat[:1], strict=False):
            operator.mul(one, other)
    contracted: Array = np.tensordot(a, b, axes)
    return contracted


def all_finite(values: Array) -> bool:
    """Whether 0 times each value is 0: true of finite floats, unknown of numbers of another ring."""
    return not any_ring(values) and bool(np.isfinite(values).all())


def is_nan(values: Array) -> Array:
    """Mark the entries that are NaN; NaN differs from itself in every ring."""
    nan: Array = values != values if any_ring(values) else np.isnan(values)
    return nan


def roundoff(values: Array) -> float:
    """The relative spacing of the numbers at 1 (machine epsilon); 0 for object arrays, taken as exact."""
    return 0.0 if any_ring(values) else float(np.finfo(values.dtype).eps)
