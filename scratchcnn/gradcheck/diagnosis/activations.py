"""Activations, and their derivatives by what they are applied to."""

from collections.abc import Callable
from math import erf, pi, sqrt

import numpy as np

from scratchcnn.gradcheck.arrays import Array


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z))."""
    values: Array = 1 / (1 + np.exp(-z))
    return values


def _normal(z: Array) -> Array:
    """The distribution function of a normal variable."""
    values: Array = (1 + np.vectorize(erf, otypes=[float])(z / sqrt(2))) / 2
    return values


# By the input of an activation, its derivative.
DERIVATIVES: dict[str, Callable[[Array], Array]] = {
    "sigmoid": lambda z: sigmoid(z) * sigmoid(-z),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "relu": lambda z: (z > 0).astype(z.dtype),
    "silu": lambda z: sigmoid(z) * (1 + z * sigmoid(-z)),
    "softplus": sigmoid,
    "gelu": lambda z: _normal(z) + z * np.exp(-z * z / 2) / sqrt(2 * pi),
}
