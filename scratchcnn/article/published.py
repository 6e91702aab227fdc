"""The gradient of the article's code, and the four causes by which it differs from the derivative.

The article's code ("CNN from Scratch using NumPy") standardizes Z2, but what it computes for W and f is not ∂E/∂W and
∂E/∂f. The function `published` applies any set of the four causes: with all of them it gives the direction in which the
article's code descends, with none of them the derivative.
"""

from collections.abc import Set
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

import numpy as np

from scratchcnn.article.network import Parameters, draw_parameters
from scratchcnn.article.training import RATE, Gradient, exact
from scratchcnn.digits.mnist import Digits
from scratchcnn.operations import Array
from scratchcnn.operations.activations import sigmoid, sigmoid_backward
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_grad_filters
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.flatten import flatten, flatten_backward
from scratchcnn.operations.losses import squared_error_backward
from scratchcnn.operations.standardize import standardize, standardize_backward


class Cause(Enum):
    """A mistake of the article's code; the value is its name in the trial's table."""

    JACOBIAN = "standardizing left out of the chain"
    MEANS = "mean(X) mean(∂E/∂Z1) for mean(X ∂E/∂Z1)"
    ORDER = "∂E/∂Z1, filter by filter, read place by place"
    AVERAGE = "∂E/∂f a mean over the digits, not a sum"


ALL = frozenset(Cause)  # the article's code makes all four mistakes


def published(parameters: Parameters, x: Array, y: Array, *, causes: Set[Cause] = ALL) -> Parameters:
    """Compute the gradient of E as the article's code does, with some or all of its mistakes.

    Parameters
    ----------
    parameters : Parameters
        f, W and b.
    x : (N, 1, 28, 28) array
        The images.
    y : (N, 1) array
        The targets, 0 or 1.
    causes : set of Cause
        The mistakes to make. The empty set gives the derivative of the standardized network.

    Returns
    -------
    a `Parameters`
        The gradient by f, W and b. The article's code has no bias; its gradient follows from the same chain.

    Raises
    ------
    TypeError, ValueError
        As `article.network.error`.
    """
    filters, weight, bias = parameters.filters, parameters.weight, parameters.bias
    z1 = conv2d(x, filters)
    maps = sigmoid(z1)
    a1 = flatten(maps)
    z2 = dense(a1, weight, bias)
    z2_hat = standardize(z2, axis=0)

    grad_o, _ = squared_error_backward(np.ones((), weight.dtype), sigmoid(z2_hat), y)
    (grad_z2,) = sigmoid_backward(grad_o, z2_hat)
    if Cause.JACOBIAN not in causes:
        (grad_z2,) = standardize_backward(grad_z2, z2, axis=0)
    grad_a1, grad_weight, grad_bias = dense_backward(grad_z2, a1, weight, bias)
    (grad_maps,) = flatten_backward(grad_a1, maps)
    (grad_z1,) = sigmoid_backward(grad_maps, z1)

    count = len(x)
    if Cause.ORDER in causes:
        grad_z1 = _in_wrong_order(grad_z1)
    if Cause.MEANS in causes:
        # The sum of N products is N times their mean. The mistake is to take N times the product of the means.
        x, grad_z1 = x.mean(axis=0, keepdims=True), count * grad_z1.mean(axis=0, keepdims=True)
    grad_filters = conv2d_grad_filters(grad_z1, x, filters.shape[2:])
    if Cause.AVERAGE in causes:
        grad_filters = grad_filters / count
    return Parameters(grad_filters, grad_weight, grad_bias)


def _in_wrong_order(maps: Array) -> Array:
    """Read the numbers of maps (N, K, P, Q) as if they lay in the order (N, P, Q, K)."""
    count, filters, rows, columns = maps.shape
    return maps.reshape(count, rows, columns, filters).transpose(0, 3, 1, 2)


class Descent(NamedTuple):
    """A gradient to descend along, and its learning rate."""

    gradient: Gradient
    rate: float


# The published gradient by W is 68 times as long as the derivative. With these rates both make steps of equal length.
DESCENTS = {"exact": Descent(exact, RATE), "published": Descent(published, 0.01)}


def draw_as_published(seed: int) -> Parameters:
    """Draw filters and weights with the generator of the article's code, which also transposes the filters.

    Parameters
    ----------
    seed : int
        The seed of `numpy.random.RandomState`.

    Returns
    -------
    a `Parameters`
        The same numbers as in the article's code; the bias is 0.
    """
    drawn = draw_parameters(np.random.RandomState(seed))
    return replace(drawn, filters=drawn.filters.transpose(0, 1, 3, 2))


def images_as_published(digits: Digits) -> Array:
    """Transpose each image, and scale it to [0, 1], as the article's code does.

    Parameters
    ----------
    digits : Digits
        N digits.

    Returns
    -------
    (N, 1, 28, 28) array
        The images.
    """
    return digits.x().transpose(0, 1, 3, 2)
