"""Checks of the operations' arguments, so that a mistake is reported where it is made."""

import math
import sys
from numbers import Complex, Number, Real
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Arrays = TypeVar("Arrays", bound=tuple[Array, ...])
_stored_dtype = np.ndarray.dtype.__get__  # the dtype in memory, which a subclass of np.ndarray may hide


def as_array(name: str, value: ArrayLike, axes: str = "") -> Array:
    """Convert an argument to an array of floating-point or complex numbers, copied only if its dtype changes.

    Integers and booleans become float64, since a gradient does not fit into their dtype. Object arrays may hold numbers
    of any ring: fractions, mpmath's numbers, intervals. What their own arithmetic raises is passed on.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like
        The argument.
    axes : str
        One letter per axis, such as "NCHW" for images. Empty: any number of axes.

    Returns
    -------
    array
        Of a floating-point, complex or object dtype.

    Raises
    ------
    TypeError
        If `value` does not hold numbers, or masks some of them: no operation knows masks.
    ValueError
        If `value` is ragged, or has another number of axes.
    """
    if type(value) is not np.ndarray and is_masked(value):
        raise TypeError(f"{name} must not be masked: an operation would ignore its mask, fill it with numbers before")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array, but its rows differ in length ({error})") from None
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    elif any_ring(array):
        no_numbers = sorted(kind.__name__ for kind in _types(array) if not issubclass(kind, Number))
        if no_numbers:
            raise TypeError(f"{name} must hold numbers, got an array of {', '.join(no_numbers)}")
    elif array.dtype.kind not in "fc":
        raise TypeError(f"{name} must hold numbers, got dtype {array.dtype}")
    if axes and array.ndim != len(axes):
        raise ValueError(
            f"{name} must have {len(axes)} {'axis' if len(axes) == 1 else 'axes'} ({', '.join(axes)}), "
            f"got shape {array.shape}"
        )
    return array


def is_masked(value: Any) -> bool:
    """Whether `value` is a masked array. Then `numpy.ma`, which takes time to import, was imported as a whole."""
    return isinstance(value, getattr(sys.modules.get("numpy.ma"), "MaskedArray", ()))


def any_ring(array: Array) -> bool:
    """Whether an array holds objects, which are numbers of any ring; its subclass may show another dtype."""
    return bool(_stored_dtype(array).kind == "O")


def _types(array: Array) -> set[type]:
    """The types of the objects in an array."""
    return set(map(type, array.reshape(-1).tolist()))


def as_real(name: str, value: ArrayLike, axes: str = "") -> Array:
    """Convert an argument as `as_array` does, for an operation that compares; complex numbers are a `TypeError`."""
    array = as_array(name, value, axes)
    has_complex = any_ring(array) and any(issubclass(k, Complex) and not issubclass(k, Real) for k in _types(array))
    if array.dtype.kind == "c" or has_complex:
        raise TypeError(f"{name} must be real, since complex numbers are neither larger nor smaller, got {array.dtype}")
    return array


def finite(name: str, value: Any, beside: Array) -> float:
    """Convert a number to a float; a `ValueError` unless it is finite in the dtype of the array that it multiplies."""
    try:
        number = float(value)
    except OverflowError:  # an integer or a fraction
        number = math.inf
    largest = float(np.finfo(np.float64 if any_ring(beside) else beside.dtype).max)
    if not math.isfinite(number) or abs(number) > largest:
        raise ValueError(f"{name} must be finite, got {value!r} beside numbers of {beside.dtype}")
    return number


def as_cotangent(value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Convert `grad_output`, the gradient of E with respect to the output; another shape is a `ValueError`."""
    grad_output = as_array("grad_output", value)
    if grad_output.shape != shape:
        raise ValueError(f"grad_output must have the shape of the output, {shape}, got shape {grad_output.shape}")
    return grad_output


def gradients_like(inputs: Arrays, *gradients: Array) -> Arrays:
    """Cast each gradient to the dtype of its input: the dtypes differ where those of the arguments are mixed.

    Object arrays stay as they are. A complex gradient of a real input is a `TypeError`: the cast would lose its
    imaginary part.
    """
    pairs = zip(gradients, inputs, strict=True)
    return cast(Arrays, tuple(_cast_like(x, gradient) for gradient, x in pairs))


def _cast_like(x: Array, gradient: Array) -> Array:
    gradient = np.asarray(gradient)  # NumPy returns a single fraction bare, not as an array
    if gradient.dtype.kind == "c" and x.dtype.kind == "f":
        raise TypeError(
            "grad_output and the inputs must be all real or all complex: a part of the gradient would be lost"
        )
    return gradient if any_ring(gradient) else gradient.astype(x.dtype, casting="same_kind", copy=False)
