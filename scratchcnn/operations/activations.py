"""The activations: what a neuron makes of its input, entry by entry."""

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like


def sigmoid(z: ArrayLike) -> Array:
    """Squash every number into [0, 1]: σ(z) = 1 / (1 + e^-z).

    Where z is negative it is written e^z / (1 + e^z), the same number: the power never exceeds 1, so nothing
    overflows, and neither tail is rounded away.

    Source: the article, "Forward Propagation in CNNs: Non-linear Transformation".

    Parameters
    ----------
    z : array of any shape
        Z.

    Returns
    -------
    array shaped like `z`
        O, in [0, 1].

    Raises
    ------
    TypeError
        If `z` does not hold numbers.
    """
    z = as_array("z", z)
    negative = z.real < 0
    power = np.exp(np.where(negative, z, -z))
    squashed: Array = np.where(negative, power, 1) / (1 + power)
    return squashed


def sigmoid_backward(grad_output: ArrayLike, z: ArrayLike) -> tuple[Array]:
    """Pass the gradient of E from the output of `sigmoid` to its input: ∂E/∂z = ∂E/∂O σ(z) σ(-z).

    The article's O (1 - O) is the same, since 1 - σ(z) = σ(-z). But where O is close to 1 the subtraction has nothing
    left to subtract from: at z = 40 it gives 0, and the derivative is 4e-18. σ(-z) keeps its digits.

    Source: the article, "Backward Propagation in CNNs: Fully Connected Layer" (its ∂O/∂Z2).

    Parameters
    ----------
    grad_output : array shaped like `z`
        ∂E/∂O.
    z : array of any shape
        As in `sigmoid`.

    Returns
    -------
    tuple of one array
        ∂E/∂z, shaped like `z`.

    Raises
    ------
    TypeError
        If an argument does not hold numbers.
    ValueError
        If `grad_output` is not shaped like `z`.
    """
    z = as_array("z", z)
    slope = sigmoid(z) * sigmoid(-z)
    return gradients_like((slope,), as_cotangent(grad_output, slope.shape) * slope)
