"""The gradient as the article's code has it, and the four causes that make it another one than the derivative.

The code that goes with the article ("CNN from Scratch using NumPy") standardizes Z2, and then computes for its two
kinds of parameters something else than ∂E/∂W and ∂E/∂f. Each cause is a `Cause`; `published` takes those that are
wanted. With all of them it is what the article's code descends along, with none of them the derivative.
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
    """What the article's code does in place of the derivative; the value says so to a reader."""

    JACOBIAN = "standardizing left out of the chain"
    MEANS = "mean(X) mean(∂E/∂Z1) for mean(X ∂E/∂Z1)"
    ORDER = "∂E/∂Z1, filter by filter, read place by place"
    AVERAGE = "∂E/∂f a mean over the digits, not a sum"


ALL = frozenset(Cause)


def published(parameters: Parameters, x: Array, y: Array, *, causes: Set[Cause] = ALL) -> Parameters:
    """What the article's code takes for the gradient of E by each of the parameters.

    Parameters
    ----------
    parameters
        f, W and b, as in `article.Parameters`. The article's code has no bias: what is given for it here is ∂E/∂b of
        the chain as it stands.
    x
        The images, (N, 1, 28, 28).
    y
        The targets, 0 or 1, (N, 1).
    causes
        Which of the four are there; none: the derivative of the standardized network.

    Raises
    ------
    TypeError, ValueError
        As `article.error`.
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
        grad_z1 = _read_by_places(grad_z1)
    if Cause.MEANS in causes:
        # The sum of N products is N times their mean; here it is N times the product of the means.
        x, grad_z1 = x.mean(axis=0, keepdims=True), count * grad_z1.mean(axis=0, keepdims=True)
    grad_filters = conv2d_grad_filters(grad_z1, x, filters.shape[2:])
    if Cause.AVERAGE in causes:
        grad_filters = grad_filters / count
    return Parameters(grad_filters, grad_weight, grad_bias)


def _read_by_places(maps: Array) -> Array:
    """Take maps (N, K, P, Q), whose numbers lie filter by filter, for maps that lie place by place."""
    count, filters, rows, columns = maps.shape
    return maps.reshape(count, rows, columns, filters).transpose(0, 3, 1, 2)


class Descent(NamedTuple):
    """What is descended along, and the rate that goes with it."""

    gradient: Gradient
    rate: float


# By the weights the published gradient is 68 times as long as the derivative: at these rates the steps are as long.
DESCENTS = {"exact": Descent(exact, RATE), "published": Descent(published, 0.01)}


def draw_as_published(seed: int) -> Parameters:
    """Draw filters and weights as the article's code does, number for number; it transposes the filters."""
    drawn = draw_parameters(np.random.RandomState(seed))
    return replace(drawn, filters=drawn.filters.transpose(0, 1, 3, 2))


def images_as_published(digits: Digits) -> Array:
    """Give the images, (N, 1, 28, 28), as the article's code has them: each transposed, scaled to [0, 1]."""
    return digits.x().transpose(0, 1, 3, 2)
