"""What every operation asks of its arguments, so that a mistake is named where it is made."""

from numbers import Complex, Number, Real
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Arrays = TypeVar("Arrays", bound=tuple[Array, ...])
_dtype = np.ndarray.dtype.__get__


def as_array(name: str, value: ArrayLike, axes: str = "") -> Array:
    """Take an argument as an array of floating-point or complex numbers, copying only what has to change.

    Integers and booleans become float64: their gradient would not fit into their own dtype. Arrays of objects may hold
    numbers of any ring: fractions, mpmath's numbers, intervals.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : array_like
        What the caller gave.
    axes : str
        One letter an axis, "NCHW" for images; empty: any number of axes.

    Raises
    ------
    TypeError
        If it does not hold numbers.
    ValueError
        If it is ragged, or has another number of axes.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array, but its rows differ in length ({error})") from None
    if array.dtype.kind in "biu":
        array = array.astype(np.float64)
    elif any_ring(array):
        strangers = sorted(kind.__name__ for kind in _kinds(array) if not issubclass(kind, Number))
        if strangers:
            raise TypeError(f"{name} must hold numbers, got an array of {', '.join(strangers)}")
    elif array.dtype.kind not in "fc":
        raise TypeError(f"{name} must hold numbers, got dtype {array.dtype}")
    if axes and array.ndim != len(axes):
        count = "1 axis" if len(axes) == 1 else f"{len(axes)} axes"
        raise ValueError(f"{name} must have {count} ({', '.join(axes)}), got shape {array.shape}")
    return array


def any_ring(array: Array) -> bool:
    """Whether an array holds objects, numbers of whatever ring; a subclass of it may show another dtype."""
    return bool(_dtype(array).kind == "O")


def _kinds(array: Array) -> set[type]:
    return set(map(type, array.reshape(-1).tolist()))


def as_real(name: str, value: ArrayLike, axes: str = "") -> Array:
    """Take an argument as `as_array` does, of real numbers only: for what compares them.

    Raises
    ------
    TypeError, ValueError
        As `as_array`; `TypeError` also if it is complex.
    """
    array = as_array(name, value, axes)
    not_real = any_ring(array) and any(issubclass(k, Complex) and not issubclass(k, Real) for k in _kinds(array))
    if array.dtype.kind == "c" or not_real:
        raise TypeError(f"{name} must be real, since complex numbers are neither larger nor smaller, got {array.dtype}")
    return array


def as_cotangent(value: ArrayLike, shape: tuple[int, ...]) -> Array:
    """Take `grad_output`, the gradient of E with respect to an operation's output: it has that output's shape.

    Raises
    ------
    TypeError
        If it does not hold numbers.
    ValueError
        If it has another shape.
    """
    grad_output = as_array("grad_output", value)
    if grad_output.shape != shape:
        raise ValueError(f"grad_output must have the shape of the output, {shape}, got shape {grad_output.shape}")
    return grad_output


def gradients_like(inputs: Arrays, *gradients: Array) -> Arrays:
    """Give each gradient the dtype of its input (another one where the inputs, or the cotangent, were mixed).

    Numbers of another ring than the floats stay what they are.

    Raises
    ------
    TypeError
        If a gradient is complex and its input real: half of it would be lost.
    """
    pairs = zip(gradients, inputs, strict=True)
    return cast(Arrays, tuple(_like(g, x) for g, x in pairs))


def _like(gradient: Array, x: Array) -> Array:
    gradient = np.asarray(gradient)  # a single fraction is no array
    return gradient if any_ring(gradient) else gradient.astype(x.dtype, casting="same_kind", copy=False)
