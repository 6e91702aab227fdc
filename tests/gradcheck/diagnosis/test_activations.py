"""Derivatives of activations are what differences of these show."""

from math import erf, sqrt

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.activations import DERIVATIVES

FORWARD = {
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "gelu": lambda z: z / 2 * np.array([1 + erf(each / sqrt(2)) for each in z]),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_the_derivative_of_each_activation_is_known(name):
    z, step = np.linspace(-3, 3, 8), 1e-6
    difference = (FORWARD[name](z + step) - FORWARD[name](z - step)) / (2 * step)
    np.testing.assert_allclose(DERIVATIVES[name](z), difference, atol=1e-9)
