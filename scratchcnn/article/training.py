"""Gradient descent on the article's network: one step per epoch, along the derivative or the published gradient."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from scratchcnn.article.network import Parameters, convolution_layer, draw_parameters, gradients, output_layer
from scratchcnn.operations import Array
from scratchcnn.operations.gradient_descent import gradient_descent
from scratchcnn.operations.losses import squared_error

EPOCHS = 60  # enough to classify 95 % of the 200 digits correctly
RATE = 0.68  # per unit of ∂E/∂W, summed over 200 digits: steps as long as those of the article's code

Gradient = Callable[[Parameters, Array, Array], Parameters]  # of the parameters, the images and the targets


def exact(parameters: Parameters, x: Array, y: Array) -> Parameters:
    """Differentiate E of the standardized network by each of the parameters.

    Parameters
    ----------
    parameters : Parameters
        f, W and b.
    x : (N, 1, 28, 28) array
        The images.
    y : (N, 1) array
        The targets, 0 or 1.

    Returns
    -------
    a `Parameters`
        ∂E/∂f, ∂E/∂W and ∂E/∂b.
    """
    return gradients(parameters, x, y, standardized=True)


def descend(parameters: Parameters, gradient: Parameters, rate: float) -> Parameters:
    """Take one step of gradient descent: W - rate · ∂E/∂W, and likewise for f and b.

    Parameters
    ----------
    parameters : Parameters
        f, W and b; they are not changed.
    gradient : Parameters
        The gradient by each of them.
    rate : float
        The learning rate, above 0.

    Returns
    -------
    a `Parameters`
        The new parameters.
    """
    return Parameters(
        filters=gradient_descent(parameters.filters, gradient.filters, rate=rate),
        weight=gradient_descent(parameters.weight, gradient.weight, rate=rate),
        bias=gradient_descent(parameters.bias, gradient.bias, rate=rate),
    )


@dataclass(frozen=True, eq=False)
class Epoch:
    """The state of the training after an epoch.

    Attributes
    ----------
    number : int
        The number of the epoch, from 1.
    error : float
        E.
    accuracy : float
        The fraction of the digits whose output is on the correct side of 1/2.
    parameters : Parameters
        The parameters as learnt so far.
    """

    number: int
    error: float
    accuracy: float
    parameters: Parameters


def train(
    x: Array, y: Array, *, epochs: int = EPOCHS, rate: float = RATE, seed: int = 0, gradient: Gradient = exact
) -> Iterator[Epoch]:
    """Train the standardized network by gradient descent on the full batch, one step per epoch.

    The gradient is that of the *summed* error, so that the rate must be smaller for more digits.

    Parameters
    ----------
    x : (N, 1, 28, 28) array
        The images, scaled to [0, 1]. Nothing can be learnt from two images, whose Ẑ2 are 1 and -1 for every W.
    y : (N, 1) array
        The targets, 0 or 1.
    epochs : int
        The number of epochs, at least 1.
    rate : float
        The learning rate, above 0.
    seed : int
        The seed of the first parameters, at least 0.
    gradient : function of the parameters, x and y
        The gradient to descend along. The default is the derivative.

    Returns
    -------
    iterator of Epoch
        The state after each epoch.

    Raises
    ------
    ValueError
        At once, if a number is out of its range, or there are fewer than two images (standardizing needs a spread);
        during an epoch, if the Z2 have no spread, or the error is not finite.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    if not 0 < rate < np.inf:
        raise ValueError(f"rate must be a finite number above 0, got {rate}")
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    if len(x) < 2:
        raise ValueError(f"training standardizes over the batch and needs at least 2 digits, got {len(x)}")
    return _epochs(x, y, epochs, rate, gradient, draw_parameters(np.random.default_rng(seed)))


def _epochs(
    x: Array, y: Array, epochs: int, rate: float, gradient: Gradient, parameters: Parameters
) -> Iterator[Epoch]:
    """Run the epochs; `train` has checked the arguments."""
    for number in range(1, epochs + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # reported below
            parameters = descend(parameters, gradient(parameters, x, y), rate)
            epoch = evaluate(number, parameters, x, y)
        if not np.isfinite(epoch.error):
            raise ValueError(f"the error is not finite any more after epoch {number}: the rate {rate} is too large")
        yield epoch


def evaluate(number: int, parameters: Parameters, x: Array, y: Array) -> Epoch:
    """Compute E and the accuracy of the standardized network.

    Parameters
    ----------
    number : int
        The number of the epoch.
    parameters : Parameters
        f, W and b.
    x : (N, 1, 28, 28) array
        The images.
    y : (N, 1) array
        The targets, 0 or 1.

    Returns
    -------
    Epoch
        The state with these parameters.
    """
    a1 = convolution_layer(parameters.filters, x=x)
    output = output_layer(a1, parameters.weight, parameters.bias, standardized=True)
    right = (output > 0.5) == (y > 0.5)
    return Epoch(number, float(squared_error(output, y)), float(right.mean()), parameters)
