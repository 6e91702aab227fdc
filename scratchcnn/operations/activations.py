"""The activations: functions that a neuron applies to its input, entry by entry."""

from numbers import Rational
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._masking import keep
from scratchcnn.operations._rings import apply
from scratchcnn.operations._validate import (
    Array,
    any_ring,
    as_array,
    as_cotangent,
    as_real,
    finite,
    gradients_like,
)


def sigmoid(z: ArrayLike) -> Array:
    """Squash every number into [0, 1]: σ(z) = 1 / (1 + e^-z).

    For negative z it is computed as e^z / (1 + e^z), which is the same number. The power never exceeds 1, so that
    nothing overflows, and small values of σ keep their digits.

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

    The article's O (1 - O) is the same, since 1 - σ(z) = σ(-z). But the subtraction cancels where O is close to 1: at
    z = 40 it gives 0, while the derivative is 4e-18. σ(-z) keeps its digits.

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
    slope: Array = np.asanyarray(sigmoid(z) * sigmoid(-z))  # a single number of another ring comes bare
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

    It is computed as 1 / cosh²(z), which is the same number, with 1 / cosh(z) = 2 e^-|z| / (1 + e^-2|z|). The
    subtraction 1 - O² cancels where |O| is close to 1.

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
    slope: Array = np.asanyarray(inverse_cosh * inverse_cosh)  # a single number of another ring comes bare
    return gradients_like((slope,), as_cotangent(grad_output, slope.shape) * slope)


def relu(z: ArrayLike) -> Array:
    """Set negative numbers to zero: relu(z) = max(z, 0).

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

    The function has a kink at z = 0. Any slope from 0 to 1 is a subgradient there; this one returns 0.

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
    positive = ~(z <= 0)  # true of NaN, too, so that a NaN does not hide behind a zero gradient
    return gradients_like((z,), keep(as_cotangent(grad_output, z.shape), positive))


def leaky_relu(z: ArrayLike, *, alpha: float = 0.01) -> Array:
    """Scale negative numbers by α: leaky_relu(z) = max(z, 0) + α min(z, 0).

    Source: Maas, Hannun and Ng, "Rectifier Nonlinearities Improve Neural Network Acoustic Models" (2013), section 2.

    Parameters
    ----------
    z : array of any shape
        Z, real.
    alpha : float
        α, the slope below 0. With a `z` of fractions, a fraction keeps the output exact.

    Returns
    -------
    array shaped like `z`
        O. A NaN stays one.

    Raises
    ------
    TypeError
        If `z` does not hold real numbers, or `alpha` is no real number.
    ValueError
        If `alpha` is not finite in the dtype of `z`.
    """
    z = as_real("z", z)
    alpha = _slope(alpha, z)
    output: Array = np.maximum(z, 0) + alpha * np.minimum(z, 0)
    return output


def leaky_relu_backward(grad_output: ArrayLike, z: ArrayLike, *, alpha: float = 0.01) -> tuple[Array]:
    """Pass the gradient of E from the output of `leaky_relu` to its input.

        ∂E/∂z = ∂E/∂O where z > 0, else α ∂E/∂O

    The function has a kink at z = 0. Any slope from α to 1 is a subgradient there; this one returns α.

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
    """Check that α is one finite number; a fraction stays a fraction beside an object array."""
    if not isinstance(alpha, int | float | np.integer | np.floating | Rational):
        raise TypeError(f"alpha must be a number, got {alpha!r}")
    if any_ring(z) and isinstance(alpha, Rational):
        return alpha
    # An infinite slope would make positive numbers NaN, since their negative part is 0.
    return finite("alpha", alpha, z)
