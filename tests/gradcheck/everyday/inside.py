"""A low precision inside forward: its stairs are no derivative of 0, and a mistake that they allow to see is found.

What is asked for is the derivative of what forward rounds, to the precision that it rounds to.
"""

import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, RIGHT, WRONG, Everyday, normal, sigmoid, softmax


def float16(x):
    return x.astype(np.float16).astype(np.float64)


def float32(x):
    return x.astype(np.float32).astype(np.float64)


def bfloat16(x):
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).view(np.float32).astype(np.float64)


def in_steps(count):
    return lambda x: np.round(x * count) / count


# Layers: each with its gradients, on inputs of ordinary size.
def dense(x, w, b):
    return x @ w + b


def dense_backward(g, x, w, b):
    return g @ w.T, x.T @ g, g.sum(axis=0)


def product_of_entries(x, y):
    return x * y


def convolution(x, w):
    return sum(w[k] * x[:, k : x.shape[1] - len(w) + 1 + k] for k in range(len(w)))


def convolution_backward(g, x, w):
    grad_x, grad_w = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(w)):
        grad_x[:, k : k + g.shape[1]] += w[k] * g
        grad_w[k] = (g * x[:, k : k + g.shape[1]]).sum()
    return grad_x, grad_w


def layer_norm(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-3)


def layer_norm_backward(g, x):
    hat = layer_norm(x)
    g = g - g.mean(axis=1, keepdims=True) - hat * (g * hat).mean(axis=1, keepdims=True)
    return (g / np.sqrt(x.var(axis=1, keepdims=True) + 1e-3),)


def softmax_backward(g, z):
    s = softmax(z)
    return (s * (g - (g * s).sum(axis=-1, keepdims=True)),)


def mean(x):
    return x.mean(axis=0)


LAYERS = {
    "dense": (dense, dense_backward, (normal(230, 4, 5), normal(231, 5, 3), normal(232, 3))),
    "convolution": (convolution, convolution_backward, (normal(233, 2, 9), normal(234, 3))),
    "tanh": (np.tanh, lambda g, x: (g * (1 - np.tanh(x) ** 2),), (normal(235, 4, 4),)),
    "sigmoid": (sigmoid, lambda g, x: (g * sigmoid(x) * (1 - sigmoid(x)),), (normal(236, 3, 5, scale=1.5),)),
    "layer norm": (layer_norm, layer_norm_backward, (normal(237, 3, 6),)),
    "softmax": (softmax, softmax_backward, (normal(238, 3, 5),)),
    "product of entries": (product_of_entries, lambda g, x, y: (g * y, g * x), (normal(239, 3, 4), normal(240, 3, 4))),
    "mean": (mean, lambda g, x: (np.broadcast_to(g / len(x), x.shape).copy(),), (normal(241, 5, 3),)),
    "squares": (lambda x: (x * x).sum(axis=0), lambda g, x: (2 * g * x,), (normal(242, 4, 3),)),
}  # fmt: skip


def rounding(layer, to, factor=1.0, rounded_backward=True):
    """Forward rounds its inputs; backward does too, or goes straight through."""
    function, slopes, inputs = LAYERS[layer]

    def forward(*x):
        return function(*map(to, x))

    def backward(g, *x):
        return tuple(factor * d for d in slopes(g, *map(to, x) if rounded_backward else x))

    return forward, backward, inputs


def rounding_out(layer, to, factor=1.0):
    """Forward rounds what it gives, as a kernel does that computes in a low precision."""
    function, slopes, inputs = LAYERS[layer]
    return lambda *x: to(function(*x)), lambda g, *x: tuple(factor * d for d in slopes(g, *x)), inputs


def blank_first(layer, to):
    """The gradient of the first input forgotten."""
    forward, backward, inputs = rounding(layer, to)
    return forward, lambda g, *x: (np.zeros_like(x[0]), *backward(g, *x)[1:]), inputs


def several(kind, build, to, layers, expect, **how):
    return [Everyday(f"{layer}, {kind}", *build(layer, to, **how), expect) for layer in layers]


STRAIGHT = {"rounded_backward": False}
ALL = tuple(LAYERS)
CASES = [
    *several("bfloat16 inside", rounding, bfloat16, ALL, NOT_WRONG),
    *several("float16 inside", rounding, float16, ALL, NOT_WRONG),
    *several("float32 inside", rounding, float32, ALL, RIGHT),
    *several("bfloat16 inside, straight through", rounding, bfloat16, ("dense", "sigmoid", "softmax"), NOT_WRONG,
              **STRAIGHT),
    *several("steps of 1/256, straight through", rounding, in_steps(256), ("dense", "tanh", "convolution", "mean"),
              NOT_WRONG,
             **STRAIGHT),
    *several("steps of 1/1000, straight through", rounding, in_steps(1000), ("sigmoid", "layer norm", "squares"),
              NOT_WRONG,
             **STRAIGHT),
    *several("bfloat16 outside", rounding_out, bfloat16, ("dense", "tanh", "softmax"), NOT_WRONG),
    *several("float16 outside", rounding_out, float16, ("dense", "sigmoid"), NOT_WRONG),
    *several("float32 outside", rounding_out, float32, ("dense", "layer norm", "mean"), RIGHT),
    # Mistakes.
    *several("bfloat16 inside, a factor 2", rounding, bfloat16, ("dense", "convolution", "tanh", "squares"), WRONG,
              factor=2),
    *several("float16 inside, a factor 1.05", rounding, float16, ("dense", "sigmoid", "product of entries", "softmax"),
              WRONG,
             factor=1.05),
    *several("float32 inside, a factor 1.001", rounding, float32,
              ("dense", "convolution", "tanh", "layer norm", "mean"), WRONG,
             factor=1.001),
    *several("float32 outside, a factor 1.001", rounding_out, float32, ("dense", "sigmoid"), WRONG, factor=1.001),
    *several("steps of 1/256, a factor 2", rounding, in_steps(256), ("dense", "sigmoid"), NOT_RIGHT, factor=2),
    *several("steps of 1/1000, a factor 1.5", rounding, in_steps(1000), ("tanh", "mean"), NOT_RIGHT, factor=1.5),
    *several("bfloat16 inside, one gradient forgotten", blank_first, bfloat16, ("dense", "tanh", "mean"), NOT_RIGHT),
    *several("float16 inside, one gradient forgotten", blank_first, float16, ("softmax", "squares"), NOT_RIGHT),
    *several("steps of 1/256, one gradient forgotten", blank_first, in_steps(256), ("dense", "convolution"), NOT_RIGHT),
    Everyday("a square product, bfloat16 inside, transposed", lambda x, w: bfloat16(x) @ bfloat16(w),
             lambda g, x, w: (g @ bfloat16(w), bfloat16(x).T @ g), (normal(243, 3, 3), normal(244, 3, 3)), NOT_RIGHT),
    Everyday("a square product, float16 inside, transposed", lambda x, w: float16(x) @ float16(w),
             lambda g, x, w: (g @ float16(w), float16(x).T @ g), (normal(243, 3, 3), normal(244, 3, 3)), NOT_RIGHT),
    Everyday("layer norm, bfloat16 inside, the mean forgotten", lambda x: layer_norm(bfloat16(x)),
             lambda g, x: layer_norm_backward(g, bfloat16(x))[0] + (g.mean(axis=1) / x.std(axis=1))[:, None],
             (normal(245, 3, 6),), NOT_RIGHT),
]  # fmt: skip
