"""Gradient descent: one step of a parameter against its gradient."""

import math

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._validate import Array, as_array, finite, gradients_like


def gradient_descent(parameter: ArrayLike, gradient: ArrayLike, *, rate: float) -> Array:
    """Take one step against the gradient: W - rate ∂E/∂W.

    Source: the article, "Introduction to Neural Networks: Backward Propagation".

    Parameters
    ----------
    parameter : array of any shape
        W. It is not changed.
    gradient : array of the same shape
        ∂E/∂W.
    rate : float
        The learning rate, above 0.

    Returns
    -------
    array shaped like `parameter`, of its dtype
        The new W.

    Raises
    ------
    TypeError
        If an argument does not hold numbers.
    ValueError
        If the shapes differ, or the rate is not positive, or not finite in the dtype of the gradient.
    """
    parameter, gradient = as_array("parameter", parameter), as_array("gradient", gradient)
    if parameter.shape != gradient.shape:
        raise ValueError(
            f"gradient must have the shape of the parameter, {parameter.shape}, got shape {gradient.shape}"
        )
    if not isinstance(rate, int | float | np.integer | np.floating):
        raise TypeError(f"rate must be a number, got {rate!r}")
    if not 0 < rate < math.inf:
        raise ValueError(f"rate must be positive and finite, got {rate!r}")
    finite("rate", rate, gradient)
    (moved,) = gradients_like((parameter,), parameter - rate * gradient)
    return moved
