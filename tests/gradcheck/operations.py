"""Right pairs: operations that the catalogues check as they are, and plant mistakes in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from scratchcnn import (
    conv2d,
    conv2d_backward,
    dense,
    dense_backward,
    flatten,
    flatten_backward,
    patches,
    patches_backward,
    sigmoid,
    sigmoid_backward,
    squared_error,
    squared_error_backward,
    standardize,
    standardize_backward,
)
from tests.gradcheck.draws import Draw, normal, with_a_zero, with_zeros


def relu(x):
    return np.maximum(x, 0)


def relu_backward(g, x):
    return (g * (x > 0),)


def leaky_relu(x):
    return np.where(x > 0, x, x / 8)


def leaky_relu_backward(g, x):
    return (np.where(x > 0, g, g / 8),)


def tanh_backward(g, x):
    return (g * (1 - np.tanh(x) ** 2),)


WINDOWS = {"window": (2, 3), "stride": (1, 2)}


def max_pool(x):
    return patches(x, **WINDOWS).max(axis=(4, 5))


def max_pool_backward(g, x, *, ties="first"):
    seen = patches(x, **WINDOWS)
    best = seen == seen.max(axis=(4, 5), keepdims=True)
    if ties == "first":
        flat = best.reshape(*g.shape, -1)
        best = (np.arange(flat.shape[-1]) == flat.argmax(axis=-1)[..., None]).reshape(seen.shape)
    share = best / best.sum(axis=(4, 5), keepdims=True) if ties == "shared" else best
    return patches_backward(share.astype(x.dtype) * g[..., None, None], x, **WINDOWS)


def average_pool(x):
    return patches(x, **WINDOWS).mean(axis=(4, 5))


def average_pool_backward(g, x):
    seen = patches(x, **WINDOWS)
    return patches_backward(np.broadcast_to(g[..., None, None] / 6, seen.shape), x, **WINDOWS)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(g, z):
    p = softmax(z)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return (np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]).mean()


def one_hot(logits, labels):
    return np.eye(logits.shape[1], dtype=logits.dtype)[labels]


def cross_entropy_backward(g, logits, labels):
    return g * (softmax(logits) - one_hot(logits, labels)) / len(labels), None


def batch_norm(x, gamma, beta):
    return gamma * standardize(x, axis=0) + beta


def batch_norm_backward(g, x, gamma, beta):
    normed = standardize(x, axis=0)
    return *standardize_backward(g * gamma, x, axis=0), (g * normed).sum(axis=0), g.sum(axis=0)


IDS = np.array([1, 3, 1, 0])


def embed_backward(g, table):
    d = np.zeros_like(table)
    np.add.at(d, IDS, g)
    return (d,)


def recurrent(x, w):
    """h = tanh(h w + x), step after step."""
    h = np.zeros_like(x[0])
    for step in x:
        h = np.tanh(h @ w + step)
    return h


def recurrent_backward(g, x, w, *, reach=9, stop=False):
    """`reach`: how many of the last steps count for w; `stop`: nothing flows back from a step to the one before."""
    hidden = [np.zeros_like(x[0])]
    for step in x:
        hidden.append(np.tanh(hidden[-1] @ w + step))
    grad_x, grad_w = np.zeros_like(x), np.zeros_like(w)
    for k in reversed(range(len(x))):
        g = g * (1 - hidden[k + 1] ** 2)
        grad_x[k] = g
        grad_w += hidden[k].T @ g * (len(x) - k <= reach)
        g = g @ w.T * (not stop)
    return grad_x, grad_w


def network(x, first, second):
    return sigmoid(sigmoid(x @ first) @ second)


def network_backward(g, x, first, second, *, slope=lambda h: h * (1 - h), rate=0.0):
    """`slope`: the hidden layer's derivative; `rate`: how far the second layer descends before it passes back."""
    hidden = sigmoid(x @ first)
    output = sigmoid(hidden @ second)
    g = g * output * (1 - output)
    grad_second = hidden.T @ g
    back = g @ (second - rate * grad_second).T * slope(hidden)
    return back @ first.T, x.T @ back, grad_second


def unit_backward(g, x):
    length = np.sqrt((x * x).sum())
    y = x / length
    return ((g - y * (g * y).sum()) / length,)


def pad(x):
    return np.pad(x, ((0, 0), (0, 0), (1, 2), (2, 1)))


def scale_backward(g, x, s):
    return g * s[:, None, None], (g * x).sum(axis=(0, 2, 3))


def without_one(x):
    """For each entry the product of the others."""
    return np.array([np.delete(x, k).prod() for k in range(x.size)])


@dataclass(frozen=True)
class Operation:
    """A right pair, what it is drawn at, and the options of its check."""

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    draw: Draw
    options: dict[str, Any] = field(default_factory=dict)


# The article's operations, and what a network has beside them.
PADDED = {"stride": (1, 2), "padding": ((1, 0), (2, 1))}
CONV = Operation(
    "conv2d", partial(conv2d, **PADDED), partial(conv2d_backward, **PADDED), normal((2, 2, 3, 3), (2, 2, 2, 2), (2,))
)
EXACT_CONV = Operation("exact conv2d", conv2d, conv2d_backward, normal((1, 2, 3, 3), (2, 2, 2, 2)), {"degree": 1})
DENSE = Operation("dense", dense, dense_backward, normal((3, 4), (4, 2), (2,)))
EXACT_DENSE = Operation("exact dense", dense, dense_backward, DENSE.draw, {"degree": 1})
SIGMOID = Operation("sigmoid", sigmoid, sigmoid_backward, normal((3, 2), scale=2))
RELU = Operation("relu", relu, relu_backward, with_zeros)
LEAKY = Operation("leaky relu", leaky_relu, leaky_relu_backward, normal((6,)))
TANH = Operation("tanh", np.tanh, tanh_backward, normal((2, 4)))
MAX_POOL = Operation("max pool", max_pool, max_pool_backward, normal((2, 1, 3, 5)))
AVERAGE_POOL = Operation("average pool", average_pool, average_pool_backward, normal((2, 1, 3, 5)))
PATCHES = Operation("patches", partial(patches, **WINDOWS), partial(patches_backward, **WINDOWS), normal((2, 1, 3, 5)))
STANDARDIZE = Operation(
    "standardize", partial(standardize, axis=0), partial(standardize_backward, axis=0), normal((4, 3), scale=2)
)
SQUARED_ERROR = Operation("squared error", squared_error, squared_error_backward, normal((3, 2), (3, 2)))
FLATTEN = Operation("flatten", flatten, flatten_backward, normal((2, 2, 2, 3)))
PRODUCT = Operation("product", np.multiply, lambda g, a, b: (g * b, g * a), normal((2, 3), (2, 3)))

# Others.
MASK = np.array([1, 0, 1, 1, 0, 1])
SHARED = Operation(
    "shared weight", np.matmul, lambda g, x, w: (g @ w.T, np.einsum("bnm,bnk->mk", x, g)), normal((3, 2, 2), (2, 3))
)
CROSS_ENTROPY = Operation(
    "cross-entropy", cross_entropy, cross_entropy_backward,
    lambda rng: (rng.standard_normal((3, 4)), rng.integers(0, 4, 3)),
)  # fmt: skip
SOFTMAX = Operation("softmax", softmax, softmax_backward, normal((3, 3)))
BATCH_NORM = Operation("batch norm", batch_norm, batch_norm_backward, normal((4, 3), (3,), (3,)))
EMBEDDING = Operation("embedding", lambda table: table[IDS], embed_backward, normal((5, 2)))
DROPOUT = Operation("dropout", lambda x: x * MASK / 0.75, lambda g, x: g * MASK / 0.75, normal((2, 6)))
RECURRENT = Operation("recurrent", recurrent, recurrent_backward, normal((3, 2, 2), (2, 2)))
NETWORK = Operation("network", network, network_backward, normal((2, 3), (3, 3), (3, 2)))
QUOTIENT = Operation(
    "quotient", np.divide, lambda g, a, b: (g / b, -g * a / b**2),
    lambda rng: (rng.standard_normal(5), rng.uniform(0.5, 3, 5) * rng.choice([-1, 1], 5)),
)  # fmt: skip
UNIT = Operation("unit length", lambda x: x / np.sqrt((x * x).sum()), unit_backward, normal((5,)))
PAD = Operation("pad", pad, lambda g, x: (g[:, :, 1:-2, 2:-1],), normal((1, 2, 2, 3)))
SCALE = Operation("scale", lambda x, s: x * s[:, None, None], scale_backward, normal((3, 3, 2, 1), (3,)))
BROADCAST = Operation("broadcast", np.add, lambda g, a, b: (g, g.sum(axis=0)), normal((3, 2), (2,)))
CLIP = Operation(
    "clip", lambda x: np.clip(x, -1, 1), lambda g, x: g * (np.abs(x) <= 1),
    lambda rng: (rng.permutation(np.append([1.0, -1.0, 3.0], rng.standard_normal(3))),),
)  # fmt: skip
CUMULATIVE = Operation("cumulative sum", np.cumsum, lambda g, x: g[::-1].cumsum()[::-1].copy(), normal((6,)))
UPSAMPLE = Operation(
    "upsample", lambda x: x.repeat(2, axis=1), lambda g, x: g.reshape(*x.shape, 2).sum(axis=2), normal((2, 3))
)
RIDGE = Operation(
    "ridge", lambda x, w: ((x @ w) ** 2).sum() + (w * w).sum() / 10,
    lambda g, x, w: (2 * g * np.outer(x @ w, w), g * (2 * x.T @ (x @ w) + w / 5)), normal((3, 2), (2,)),
)  # fmt: skip
OTHERS = Operation(
    "product of the others", lambda x: x.prod(), lambda g, x: g * without_one(x), with_a_zero
)  # fmt: skip
HINGE = Operation(
    "hinge", lambda s: np.maximum(0, 1 - s).mean(), lambda g, s: -g * (s < 1) / s.size,
    lambda rng: (rng.permutation(np.append([1.0, 1.0], rng.standard_normal(4))),),
)  # fmt: skip
NARROW_DENSE = Operation(
    "dense in float32", dense, dense_backward, lambda rng: tuple(a.astype(np.float32) for a in DENSE.draw(rng))
)
