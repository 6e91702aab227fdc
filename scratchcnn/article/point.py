"""The article's network at a point: E as a function of one of its parameters, and the derivative.

The forward functions do not recompute what their parameter cannot change: those of the weights and the bias start at
A1, and that of the filters recomputes only the features of the filters that moved. The derivative is always that of the
whole network.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property, partial
from threading import Lock
from typing import Any

import numpy as np

from scratchcnn.article import network as article
from scratchcnn.digits.mnist import load_digits
from scratchcnn.gradcheck import Proved, prove_gradient
from scratchcnn.operations import Array
from scratchcnn.operations.activations import sigmoid
from scratchcnn.operations.convolution.conv2d import conv2d
from scratchcnn.operations.dense import dense

FunctionPair = tuple[Callable[..., Array], Callable[..., Any]]  # a function and its derivative

PROVED_IMAGES = 12  # images at which the whole chain is proved, which takes about 0.7 s for each variant


class Point:
    """A point at which the article's network is differentiated.

    Parameters
    ----------
    seed : int
        The seed of the checks and proofs at this point.
    x : (N, 1, 28, 28) array
        The images.
    y : (N, 1) array
        The targets, 0 or 1.
    parameters : Parameters
        f, W and b.
    """

    def __init__(self, seed: int, x: Array, y: Array, parameters: article.Parameters) -> None:
        self.seed, self.x, self.y = seed, x, y
        self.filters, self.weight, self.bias = parameters.filters, parameters.weight, parameters.bias
        self._proved: dict[bool, Proved] = {}  # by `standardized`; one proof covers all parameters
        self._lock = Lock()

    def __reduce__(self) -> Any:
        """Another process computes what is kept here anew."""
        return Point, (self.seed, self.x, self.y, article.Parameters(self.filters, self.weight, self.bias))

    @cached_property
    def z1(self) -> Array:
        """Z1, (N, 3, 24, 24)."""
        return conv2d(self.x, self.filters)

    @cached_property
    def a1(self) -> Array:
        """A1, (N, 1728)."""
        return article.convolution_layer(self.filters, x=self.x)

    @cached_property
    def z2(self) -> Array:
        """Z2, (N, 1)."""
        return dense(self.a1, self.weight, self.bias)

    @cached_property
    def o(self) -> Array:
        """O without standardizing, (N, 1)."""
        return sigmoid(self.z2)

    def by_bias(self, *, standardized: bool) -> FunctionPair:
        """Give E as a function of b, computed from A1, and its derivative.

        Parameters
        ----------
        standardized : bool
            Whether Z2 is standardized over the batch.

        Returns
        -------
        tuple of two functions
            `forward(bias)` and `backward(grad_output, bias)`.
        """
        given: dict[str, Any] = {"y": self.y, "standardized": standardized}

        def forward(bias: Array) -> Array:
            return article.error_from_a1(self.a1, self.weight, bias, **given)

        def backward(grad_output: Array, bias: Array) -> tuple[Array]:
            return article.error_from_a1_backward(grad_output, self.a1, self.weight, bias, **given)[2:]

        return forward, backward

    def by_weights(self, block: slice, *, standardized: bool) -> FunctionPair:
        """Give E as a function of a block of the weights, computed from A1, and its derivative.

        The forward function adds up once what the other weights and b contribute to Z2, and takes the sum as one more
        feature with the weight 1.

        Parameters
        ----------
        block : slice
            The rows of W in the block.
        standardized : bool
            Whether Z2 is standardized over the batch.

        Returns
        -------
        tuple of two functions
            `forward(weight)` and `backward(grad_output, weight)`, with the block's weights.
        """
        given: dict[str, Any] = {"y": self.y, "standardized": standardized}
        others = self.weight.copy()
        others[block] = 0
        features = np.hstack([self.a1[:, block], dense(self.a1, others, self.bias)])

        def forward(weight: Array) -> Array:
            return article.error_from_a1(features, np.vstack([weight, [[1.0]]]), np.zeros(1), **given)

        def backward(grad_output: Array, weight: Array) -> tuple[Array]:
            whole = others.astype(weight.dtype)
            whole[block] = weight
            return (article.error_from_a1_backward(grad_output, self.a1, whole, self.bias, **given)[1][block],)

        return forward, backward

    def by_filters(self, *, standardized: bool) -> FunctionPair:
        """Give E as a function of f, and its derivative. The features of an unchanged filter are not recomputed.

        Parameters
        ----------
        standardized : bool
            Whether Z2 is standardized over the batch.

        Returns
        -------
        tuple of two functions
            `forward(filters)` and `backward(grad_output, filters)`.
        """
        given: dict[str, Any] = {"y": self.y, "standardized": standardized}

        def features(k: int, filters: Array) -> Array:
            if filters.dtype == self.filters.dtype and np.array_equal(filters[k], self.filters[k]):
                return self.a1[:, k * article.MAP**2 : (k + 1) * article.MAP**2]
            return article.convolution_layer(filters[k : k + 1], x=self.x)

        def forward(filters: Array) -> Array:
            a1 = np.hstack([features(k, filters) for k in range(article.FILTERS)])
            return article.error_from_a1(a1, self.weight, self.bias, **given)

        def backward(grad_output: Array, filters: Array) -> tuple[Array]:
            return article.error_backward(grad_output, filters, self.weight, self.bias, x=self.x, **given)[:1]

        return forward, backward

    def proofs_by(self, parameter: str, *, standardized: bool) -> tuple[Proved]:
        """Prove the derivative of the whole chain by one of the parameters, at the first `PROVED_IMAGES` images.

        Parameters
        ----------
        parameter : str
            "filters", "weight" or "bias".
        standardized : bool
            Whether Z2 is standardized over the batch.

        Returns
        -------
        tuple of one Proved
            The proof, with the parameter as its only input.
        """
        with self._lock:
            if standardized not in self._proved:
                given: dict[str, Any] = {
                    "x": self.x[:PROVED_IMAGES],
                    "y": self.y[:PROVED_IMAGES],
                    "standardized": standardized,
                }
                pair = partial(article.error, **given), partial(article.error_backward, **given)
                parameters = self.filters, self.weight, self.bias
                names = "filters", "weight", "bias"
                self._proved[standardized] = prove_gradient(*pair, *parameters, names=names, seed=self.seed)
            proved = self._proved[standardized]
        return (replace(proved, inputs=tuple(each for each in proved.inputs if each.name == parameter)),)


def unsaturated_point(seed: int) -> Point:
    """Draw a point at the 200 digits where no sigmoid is saturated, so that the derivatives are not zero.

    At the article's own draw (uniform, all above 0) Z2 is near 616, so that every O rounds to 1 and every derivative to
    0. Here the filters have both signs, so that Z1 is of order 1. The weights add up to 0, so that the blank parts of
    the images, where A1 is 1/2, contribute nothing, and Z2 is of order 1.

    Parameters
    ----------
    seed : int
        The seed of the draw, and of the checks and proofs at the point.

    Returns
    -------
    Point
        The point.
    """
    rng, digits = np.random.default_rng(seed), load_digits()
    filters = rng.uniform(-1, 1, (article.FILTERS, 1, article.WINDOW, article.WINDOW))
    weight = rng.normal(0, 4 / math.sqrt(article.FEATURES), (article.FEATURES, 1))
    parameters = article.Parameters(filters, weight - weight.mean(), rng.uniform(-1, 1, 1))
    return Point(seed, digits.x(), digits.y(), parameters)
