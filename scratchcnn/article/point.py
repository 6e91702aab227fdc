"""The article's network at a point: the error as a function of one kind of its parameters, and its derivative.

What an entry cannot move is not computed again: the weights and the bias start at A1, and a filter recomputes its own
576 features of each image, not those of the other two. The derivative is that of the whole network.
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

Pair = tuple[Callable[..., Array], Callable[..., Any]]  # a function and its derivative

PROVED = 12  # images at which the whole chain is proved: as many as there is time for, 0.7 s a chain


class Point:
    """Where the article's network is differentiated: images and targets, parameters, and the values up to O."""

    def __init__(self, seed: int, x: Array, y: Array, parameters: article.Parameters) -> None:
        self.seed, self.x, self.y = seed, x, y
        self.filters, self.weight, self.bias = parameters.filters, parameters.weight, parameters.bias
        self._proved: dict[bool, Proved] = {}  # one proof serves the rows of all parameters
        self._lock = Lock()

    @cached_property
    def z1(self) -> Array:
        """(N, 3, 24, 24)."""
        return conv2d(self.x, self.filters)

    @cached_property
    def a1(self) -> Array:
        """(N, 1728)."""
        return article.convolution_layer(self.filters, x=self.x)

    @cached_property
    def z2(self) -> Array:
        """(N, 1)."""
        return dense(self.a1, self.weight, self.bias)

    @cached_property
    def o(self) -> Array:
        """(N, 1), not standardized."""
        return sigmoid(self.z2)

    def by_bias(self, *, standardized: bool) -> Pair:
        """E as a function of b, and its derivative, from A1 on."""
        given: dict[str, Any] = {"y": self.y, "standardized": standardized}

        def forward(bias: Array) -> Array:
            return article.error_from_a1(self.a1, self.weight, bias, **given)

        def backward(grad_output: Array, bias: Array) -> tuple[Array]:
            return article.error_from_a1_backward(grad_output, self.a1, self.weight, bias, **given)[2:]

        return forward, backward

    def by_weights(self, block: slice, *, standardized: bool) -> Pair:
        """E as a function of some of the weights, from A1 on, and its derivative.

        What the other weights and b add to Z2 is computed once, and comes in as one more feature, of weight 1. The
        derivative is that of the whole network.
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

    def by_filters(self, *, standardized: bool) -> Pair:
        """E as a function of f, and its derivative. A filter that has not moved keeps its features."""
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
        """The proof of the whole chain, as `article` has it, of the first digits, by one of the parameters."""
        with self._lock:
            if standardized not in self._proved:
                given: dict[str, Any] = {"x": self.x[:PROVED], "y": self.y[:PROVED], "standardized": standardized}
                pair = partial(article.error, **given), partial(article.error_backward, **given)
                parameters = self.filters, self.weight, self.bias
                names = "filters", "weight", "bias"
                self._proved[standardized] = prove_gradient(*pair, *parameters, names=names, seed=self.seed)
            proved = self._proved[standardized]
        return (replace(proved, inputs=tuple(each for each in proved.inputs if each.name == parameter)),)


def unsaturated(seed: int) -> Point:
    """Draw a point at the 200 digits where the network has derivatives to speak of, also as printed.

    At the article's own draw (uniform, all above 0) Z2 is near 616, every O is 1 to the last digit and every derivative
    0. Here the filters have both signs, and the weights add up to 0, so that the paper of the images, where A1 is 1/2,
    adds nothing: Z1 and Z2 are of order 1.
    """
    rng, digits = np.random.default_rng(seed), load_digits()
    filters = rng.uniform(-1, 1, (article.FILTERS, 1, article.WINDOW, article.WINDOW))
    weight = rng.normal(0, 4 / math.sqrt(article.FEATURES), (article.FEATURES, 1))
    parameters = article.Parameters(filters, weight - weight.mean(), rng.uniform(-1, 1, 1))
    return Point(seed, digits.x(), digits.y(), parameters)
