"""The activations: what a neuron makes of its input, entry by entry."""

import math
from numbers import Rational
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._masking import keep
from scratchcnn.operations._rings import apply
from scratchcnn.operations._validate import Array, any_ring, as_array, as_cotangent, as_real, gradients_like


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
    power = apply(np.exp, np.where(negative, z, -z))
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


def tanh(z: ArrayLike) -> Array:
    """Squash every number into [-1, 1]: tanh(z) = (e^z - e^-z) / (e^z + e^-z) = 2 σ(2z) - 1.

    Source: LeCun, Bottou, Orr and Müller, "Efficient BackProp" (1998), section 4.4.

    Parameters
    ----------
    z : array of any shape
        Z.

    Returns
    -------
    array shaped like `z`
        O, in [-1, 1].

    Raises
    ------
    TypeError
        If `z` does not hold numbers.
    """
    return apply(np.tanh, as_array("z", z))


def tanh_backward(grad_output: ArrayLike, z: ArrayLike) -> tuple[Array]:
    """Pass the gradient of E from the output of `tanh` to its input: ∂E/∂z = ∂E/∂O (1 - O²).

    It is computed as 1 / cosh²(z), the same number, with 1 / cosh(z) = 2 e^-|z| / (1 + e^-2|z|): where O is close to 1,
    1 - O² has no digits left.

    Source: LeCun, Bottou, Orr and Müller (1998).

    Parameters
    ----------
    grad_output : array shaped like `z`
        ∂E/∂O.
    z : array of any shape
        As in `tanh`.

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
    power = apply(np.exp, np.where(z.real < 0, z, -z))
    inverse_cosh = 2 * power / (1 + power * power)
    slope: Array = inverse_cosh * inverse_cosh
    return gradients_like((slope,), as_cotangent(grad_output, slope.shape) * slope)


def relu(z: ArrayLike) -> Array:
    """Cut off what is negative: relu(z) = max(z, 0).

    Source: Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines" (2010).

    Parameters
    ----------
    z : array of any shape
        Z, real.

    Returns
    -------
    array shaped like `z`
        O. A NaN stays one.

    Raises
    ------
    TypeError
        If `z` does not hold real numbers.
    """
    z = as_real("z", z)
    output: Array = np.maximum(z, 0)
    return output


def relu_backward(grad_output: ArrayLike, z: ArrayLike) -> tuple[Array]:
    """Pass the gradient of E from the output of `relu` to its input: ∂E/∂z = ∂E/∂O where z > 0, else 0.

    At z = 0 the function has a kink, where any slope from 0 to 1 is a subgradient; here it is 0.

    Source: Nair and Hinton (2010).

    Parameters
    ----------
    grad_output : array shaped like `z`
        ∂E/∂O.
    z : array of any shape
        As in `relu`.

    Returns
    -------
    tuple of one array
        ∂E/∂z, shaped like `z`.

    Raises
    ------
    TypeError, ValueError
        As `relu`; `ValueError` also if `grad_output` is not shaped like `z`.
    """
    z = as_real("z", z)
    positive = ~(z <= 0)  # or NaN: a gradient is not lost where the output was
    return gradients_like((z,), keep(as_cotangent(grad_output, z.shape), positive))


def leaky_relu(z: ArrayLike, *, alpha: float = 0.01) -> Array:
    """Flatten what is negative: leaky_relu(z) = max(z, 0) + α min(z, 0).

    Source: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models" (2013), section 2.

    Parameters
    ----------
    z : array of any shape
        Z, real.
    alpha : float
        α, the slope below 0; it may be a fraction, which `z` of fractions needs to stay so.

    Returns
    -------
    array shaped like `z`
        O. A NaN stays one.

    Raises
    ------
    TypeError
        If `z` does not hold real numbers, or `alpha` is no real number.
    ValueError
        If `alpha` is not finite.
    """
    z = as_real("z", z)
    alpha = _slope(alpha, z)
    output: Array = np.maximum(z, 0) + alpha * np.minimum(z, 0)
    return output


def leaky_relu_backward(grad_output: ArrayLike, z: ArrayLike, *, alpha: float = 0.01) -> tuple[Array]:
    """Pass the gradient of E from the output of `leaky_relu` to its input.

        ∂E/∂z = ∂E/∂O where z > 0, else α ∂E/∂O

    At z = 0 the function has a kink, where any slope from α to 1 is a subgradient; here it is α.

    Source: Maas, Hannun and Ng (2013).

    Parameters
    ----------
    grad_output : array shaped like `z`
        ∂E/∂O.
    z, alpha
        As in `leaky_relu`.

    Returns
    -------
    tuple of one array
        ∂E/∂z, shaped like `z`.

    Raises
    ------
    TypeError, ValueError
        As `leaky_relu`; `ValueError` also if `grad_output` is not shaped like `z`.
    """
    z = as_real("z", z)
    alpha = _slope(alpha, z)
    flat, grad_output = z <= 0, as_cotangent(grad_output, z.shape)
    return gradients_like((z,), keep(grad_output, ~flat) + alpha * keep(grad_output, flat))


def _slope(alpha: Any, z: Array) -> Any:
    """Take one finite number; among numbers of another ring than the floats a fraction stays what it is."""
    if not isinstance(alpha, int | float | np.integer | np.floating | Rational):
        raise TypeError(f"alpha must be a number, got {alpha!r}")
    if not math.isfinite(alpha):
        raise ValueError(f"alpha must be finite, got {alpha!r}")
    return alpha if any_ring(z) and isinstance(alpha, Rational) else float(alpha)
