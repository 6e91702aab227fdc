"""The functions on which the gradient checkers are timed: NumPy functions with hand-written derivatives.

Every checker gets the same forward, the same backward and the same float64 inputs.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from scratchcnn import conv2d, conv2d_backward, dense, dense_backward, sigmoid, sigmoid_backward
from scratchcnn.article.network import FILTERS, MAP, draw_parameters, error, error_backward
from scratchcnn.digits.mnist import SIDE, load_digits

DIGITS = 10  # images in the batch of the article's network


@dataclass(frozen=True, eq=False)
class Function:
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    degree: int | None = None  # an option of `scratchcnn` alone
    rounds: int = 15  # timed checks per checker

    @property
    def entries(self):
        return sum(x.size for x in self.inputs)

    def with_mistake(self, rank):
        """Double one entry of the gradient: at rank 0 the largest, at rank 1 the next."""
        grad_output = np.random.default_rng(1).uniform(0.5, 2, np.shape(self.forward(*self.inputs)))
        sizes = [np.abs(gradient) for gradient in self.backward(grad_output, *self.inputs)]
        place = np.argsort(-np.concatenate([size.ravel() for size in sizes]), kind="stable")[rank]
        factors = np.ones(self.entries)
        factors[place] = 2
        ends = np.cumsum([size.size for size in sizes])[:-1]
        shaped = [f.reshape(size.shape) for f, size in zip(np.split(factors, ends), sizes, strict=True)]

        def backward(grad_output, *inputs):
            return tuple(f * g for f, g in zip(shaped, self.backward(grad_output, *inputs), strict=True))

        return replace(self, backward=backward)


def softmax_cross_entropy(logits, *, labels):
    """Compute the mean of -log softmax(logits)[label] over the batch."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.mean(np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels])


def softmax_cross_entropy_backward(grad_output, logits, *, labels):
    """Compute (softmax - one-hot) / N."""
    grad_logits = np.exp(logits - logits.max(axis=1, keepdims=True))
    grad_logits /= grad_logits.sum(axis=1, keepdims=True)
    grad_logits[np.arange(len(labels)), labels] -= 1
    return (grad_output * grad_logits / len(labels),)


def both(forward, backward, **options):
    return partial(forward, **options), partial(backward, **options)


def functions(quick):
    """Give the functions by name; with `quick`, the network sees only the middle of the digits.

    The network is that of the article as trained. As printed, it is saturated, and its gradient is zero.
    """
    rng = np.random.default_rng(0)
    convolution = Function(conv2d, conv2d_backward, (rng.normal(size=(2, 2, 6, 6)), rng.normal(size=(3, 2, 3, 3))))
    layer = Function(dense, dense_backward, (rng.normal(size=(8, 16)), rng.normal(size=(16, 4)), rng.normal(size=4)))
    return {
        "conv2d, degree=1": replace(convolution, degree=1),
        "conv2d": convolution,
        "dense, degree=1": replace(layer, degree=1),
        "dense": layer,
        "sigmoid": Function(sigmoid, sigmoid_backward, (3 * rng.normal(size=64),)),
        "softmax cross-entropy": Function(
            *both(softmax_cross_entropy, softmax_cross_entropy_backward, labels=rng.integers(0, 10, 8)),
            (rng.normal(size=(8, 10)),),
        ),
        "article's network": article_network(rng, margin=9 if quick else 0),
    }


def article_network(rng, margin):
    digits, drawn = load_digits(DIGITS), draw_parameters(rng)
    seen = slice(margin, SIDE - margin)
    features = FILTERS * (MAP - 2 * margin) ** 2
    return Function(
        *both(error, error_backward, x=digits.x()[:, :, seen, seen], y=digits.y(), standardized=True),
        (drawn.filters, drawn.weight[:features], drawn.bias),
        rounds=3,
    )
