"""Standardizing to mean 0 and standard deviation 1, as the article's code does before the last sigmoid."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import ArrayLike

from scratchcnn.operations._rings import apply, roundoff
from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like
from scratchcnn.operations.geometry import MOST


def standardize(z: ArrayLike, *, axis: int | Sequence[int] | None = None) -> Array:
    """Subtract the mean and divide by the standard deviation: ẑ = (z - μ) / s, s² = the mean of (z - μ)².

    Source: the article's code, "CNN from Scratch using NumPy". The article derives nothing for it.

    Parameters
    ----------
    z : array of any shape
        Z.
    axis : int, tuple of int, or None
        The axes that μ and s are taken over. None: all.

    Returns
    -------
    array shaped like `z`
        ẑ.

    Raises
    ------
    TypeError
        If `z` does not hold numbers, or `axis` is not made of integers.
    ValueError
        If there is nothing to average, an axis is out of bounds (NumPy's `AxisError`) or given twice, or the spread of
        `z` is not above the roundoff of its mean, so that (z - μ) / s would be noise.
    """
    z = as_array("z", z)
    return _standardize(z, _averaged_axes(z, axis))[0]


def standardize_backward(
    grad_output: ArrayLike, z: ArrayLike, *, axis: int | Sequence[int] | None = None
) -> tuple[Array]:
    """Pass the gradient of E from the output of `standardize` to its input, also through the mean and the deviation.

        ∂E/∂z = (g - mean(g) - ẑ mean(g ẑ)) / s, where g = ∂E/∂ẑ

    For n averaged entries, ∂μ/∂z_j = 1/n gives the term mean(g), and ∂s/∂z_j = ẑ_j / n gives the term ẑ mean(g ẑ).
    ∂E/∂z adds up to zero, since a constant added to all of z does not change ẑ.

    Source: the chain rule; the same is derived for a batch by Ioffe and Szegedy, "Batch Normalization" (2015), section
    3. The article's code has ∂E/∂z = g.

    Parameters
    ----------
    grad_output : array shaped like `z`
        ∂E/∂ẑ.
    z, axis
        As in `standardize`.

    Returns
    -------
    tuple of one array
        ∂E/∂z, shaped like `z`.

    Raises
    ------
    TypeError, ValueError
        As `standardize`; `ValueError` also if `grad_output` is not shaped like `z`.
    """
    z = as_array("z", z)
    axes = _averaged_axes(z, axis)
    output, deviation = _standardize(z, axes)
    grad_output = as_cotangent(grad_output, output.shape)
    grad_z = grad_output - _mean(grad_output, axes) - output * _mean(grad_output * output, axes)
    return gradients_like((output,), grad_z / deviation)


def _standardize(z: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Return ẑ and s."""
    centred = z - _mean(z, axes)
    centred = centred - _mean(centred, axes)  # removes the roundoff of the first mean
    deviation = apply(np.sqrt, _mean(centred * centred, axes))
    least = np.asanyarray(roundoff(z) * np.asanyarray(np.abs(z)).max(axis=axes, keepdims=True))
    constant = np.asanyarray(np.abs(deviation) <= least)
    if constant.any():
        raise ValueError(
            f"z must have a spread above the roundoff of its mean, got shape {z.shape} and, over axes {axes}, "
            f"a standard deviation of {float(abs(deviation[constant][0])):.3g} beside a roundoff of "
            f"{float(least[constant][0]):.3g}"
        )
    return centred / deviation, deviation


def _mean(values: Array, axes: tuple[int, ...]) -> Array:
    # NumPy returns a bare number, not an array, for an object array without axes.
    return np.asanyarray(np.asanyarray(values).mean(axis=axes, keepdims=True))


def _integers(axis: Any) -> tuple[int, ...]:
    """Spell out one axis or several as integers that NumPy can hold."""
    try:
        several = tuple(axis) if isinstance(axis, Sequence | np.ndarray) and np.ndim(axis) == 1 else (axis,)
        axes = tuple(map(operator.index, several))
    except (TypeError, ValueError):
        raise TypeError(f"axis must be an integer, several of them or None, got {axis!r}") from None
    return tuple(max(-MOST, min(each, MOST)) for each in axes)  # beyond any number of axes


def _averaged_axes(z: Array, axis: int | Sequence[int] | None) -> tuple[int, ...]:
    """List the averaged axes; a `ValueError` where they hold no entries."""
    axes = tuple(range(z.ndim)) if axis is None else normalize_axis_tuple(_integers(axis), z.ndim, "axis")
    if math.prod(z.shape[k] for k in axes) == 0:
        raise ValueError(f"z must have something to average over axes {axes}, got shape {z.shape}")
    return axes
