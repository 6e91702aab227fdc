"""A running error analysis of the article's network: it bounds the difference between two correct computations.

A `Bounded` is a value with a first-order bound for its roundoff, in units of the unit roundoff u. The rules of Higham,
"Accuracy and Stability of Numerical Algorithms" (2002), section 3.3, carry it through the forward pass and the chain
rule: the derivative multiplies the errors of the operands, and every rounding adds u times the result.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_grad_filters

# The roundings in a sigmoid: a power, an addition, a division, and one more for a library's rational approximation.
SIGMOID = 4


@dataclass(frozen=True)
class Bounded:
    value: np.ndarray
    error: np.ndarray

    def __add__(self, other: "Bounded") -> "Bounded":
        value = self.value + other.value
        return Bounded(value, self.error + other.error + abs(value))

    def __neg__(self) -> "Bounded":
        return Bounded(-self.value, self.error)

    def __sub__(self, other: "Bounded") -> "Bounded":
        return self + -other

    def __mul__(self, other: "Bounded") -> "Bounded":
        return bilinear(np.multiply, self, other, roundings=1)

    def __truediv__(self, other: "Bounded") -> "Bounded":
        value = self.value / other.value
        return Bounded(value, (self.error + abs(value) * other.error) / abs(other.value) + abs(value))

    def mean(self) -> "Bounded":
        """Average over axis 0, with as many roundings as terms."""
        n = len(self.value)
        absolute = abs(self.value).mean(axis=0, keepdims=True)
        return Bounded(self.value.mean(axis=0, keepdims=True), self.error.mean(axis=0, keepdims=True) + n * absolute)

    def sqrt(self) -> "Bounded":
        value = np.sqrt(self.value)
        return Bounded(value, self.error / (2 * value) + value)

    def reshape(self, *shape: int) -> "Bounded":
        return Bounded(self.value.reshape(shape), self.error.reshape(shape))

    @property
    def T(self) -> "Bounded":
        return Bounded(self.value.T, self.error.T)


def given(value: Any) -> Bounded:
    """Give an input of both computations, which has no error."""
    value = np.asarray(value, np.float64)
    return Bounded(value, np.zeros_like(value))


def bilinear(f: Callable[..., Any], a: Bounded, b: Bounded, roundings: int) -> Bounded:
    """Apply a bilinear function, whose result is made of products of entries of `a` and `b`.

    `roundings` bounds the number of roundings that affect each product.
    """
    absolute = f(abs(a.value), b.error) + f(a.error, abs(b.value)) + roundings * f(abs(a.value), abs(b.value))
    return Bounded(f(a.value, b.value), absolute)


def sigmoid(z: Bounded) -> Bounded:
    value = 1 / (1 + np.exp(-z.value))
    return Bounded(value, value * (1 - value) * z.error + SIGMOID * value)


def article_network(
    filters: Any, weight: Any, bias: Any, x: Any, y: Any, standardized: bool
) -> tuple[Bounded, Bounded, Bounded, Bounded]:
    """Compute E, ∂E/∂f, ∂E/∂W and ∂E/∂b, each with its bound."""
    f, w, b, x, y = (given(a) for a in (filters, weight, bias, x, y))
    z1 = bilinear(conv2d, x, f, roundings=f.value[0].size)
    maps = sigmoid(z1)
    a1 = maps.reshape(len(x.value), len(w.value))
    z2 = bilinear(np.matmul, a1, w, roundings=len(w.value)) + b
    centred = z2 - z2.mean()
    deviation = (centred * centred).mean().sqrt()
    z2_hat = centred / deviation if standardized else z2
    o = sigmoid(z2_hat)
    residual = o - y
    half = (residual * residual).mean()
    n = len(x.value)
    error = Bounded(half.value.reshape(()) * n / 2, half.error.reshape(()) * n / 2)

    one = given(np.ones(o.value.shape))
    grad_z2 = residual * (o * (one - o))
    if standardized:
        grad_z2 = (grad_z2 - grad_z2.mean() - z2_hat * (grad_z2 * z2_hat).mean()) / deviation
    grad_w = bilinear(np.matmul, a1.T, grad_z2, roundings=n)
    grad_b = bilinear(np.matmul, given(np.ones((1, n))), grad_z2, roundings=n).reshape(1)
    grad_maps = bilinear(np.matmul, grad_z2, w.T, roundings=1).reshape(*maps.value.shape)
    grad_z1 = grad_maps * (maps * (given(np.ones(maps.value.shape)) - maps))
    window = f.value.shape[2:]
    grad_f = bilinear(
        lambda g, image: conv2d_grad_filters(g, image, window), grad_z1, x, roundings=n * maps.value[0, 0].size
    )
    return error, grad_f, grad_w, grad_b
