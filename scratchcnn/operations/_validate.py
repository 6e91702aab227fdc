"""Checks of the operations' arguments, so that a mistake is reported where it is made."""

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
    of any ring: fractions, mpmath's numbers, intervals.

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
        If `value` does not hold numbers.
    ValueError
        If `value` is ragged, or has another number of axes.
    """
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
    return gradient if any_ring(gradient) else gradient.astype(x.dtype, casting="same_kind", copy=False)
