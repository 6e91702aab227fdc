"""Gradient descent on the article's network: one step an epoch, along the derivative or what is taken for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from scratchcnn.article.network import Parameters, convolution_layer, draw_parameters, gradients, output_layer
from scratchcnn.operations import Array
from scratchcnn.operations.gradient_descent import gradient_descent
from scratchcnn.operations.losses import squared_error

EPOCHS, RATE = 60, 0.68

Gradient = Callable[[Parameters, Array, Array], Parameters]  # from the parameters, the images and the targets


def exact(parameters: Parameters, x: Array, y: Array) -> Parameters:
    """Differentiate the E of the network that is trained, with Z2 standardized, by each of the parameters."""
    return gradients(parameters, x, y, standardized=True)


def descend(parameters: Parameters, gradient: Parameters, rate: float) -> Parameters:
    """One step of gradient descent, W - rate · ∂E/∂W and so for f and b: the new parameters."""
    return Parameters(
        filters=gradient_descent(parameters.filters, gradient.filters, rate=rate),
        weight=gradient_descent(parameters.weight, gradient.weight, rate=rate),
        bias=gradient_descent(parameters.bias, gradient.bias, rate=rate),
    )


@dataclass(frozen=True, eq=False)
class Epoch:
    """Where the training stands after an epoch.

    Attributes
    ----------
    number
        Of the epoch, from 1.
    error
        E.
    accuracy
        The share of digits on the right side of 1/2.
    parameters
        As learnt so far.
    """

    number: int
    error: float
    accuracy: float
    parameters: Parameters


def train(
    x: Array, y: Array, *, epochs: int = EPOCHS, rate: float = RATE, seed: int = 0, gradient: Gradient = exact
) -> Iterator[Epoch]:
    """Learn the standardized network by gradient descent on the full batch, one step an epoch.

    The step follows the gradient of the *summed* error, hence a rate that suits 200 digits does not suit a million.

    Parameters
    ----------
    x
        The images, scaled to [0, 1], (N, 1, 28, 28). Of two images nothing is learnt: Ẑ2 is 1 and -1 whatever W is.
    y
        The targets, 0 or 1, (N, 1).
    epochs
        How many, at least 1.
    rate
        The length of a step in units of the gradient, above 0.
    seed
        Seeds the draw of the first parameters, at least 0.
    gradient
        What is descended along, from the parameters, x and y: the derivative, unless it is to be seen what another
        one leads to.

    Returns
    -------
    An iterator: each epoch as it is done.

    Raises
    ------
    ValueError
        At once, if a number is out of its range or there are fewer than two images (standardizing needs a spread);
        while training, if the Z2 do not differ any more, or the error is not finite.
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
    for number in range(1, epochs + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # said below, in words
            parameters = descend(parameters, gradient(parameters, x, y), rate)
            epoch = evaluate(number, parameters, x, y)
        if not np.isfinite(epoch.error):
            raise ValueError(f"the error is not finite any more after epoch {number}: the rate {rate} is too large")
        yield epoch


def evaluate(number: int, parameters: Parameters, x: Array, y: Array) -> Epoch:
    """Say where the standardized network stands with these parameters."""
    a1 = convolution_layer(parameters.filters, x=x)
    output = output_layer(a1, parameters.weight, parameters.bias, standardized=True)
    right = (output > 0.5) == (y > 0.5)
    return Epoch(number, float(squared_error(output, y)), float(right.mean()), parameters)
