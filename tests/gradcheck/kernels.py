"""Kernels in a small number format, as accelerators have them: float32 inside, the format outside; and mistakes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

EPS = 1e-5


def attention(q, k, v):
    return softmax(q @ k.T / np.sqrt(np.float32(q.shape[1]))) @ v


def attention_backward(g, q, k, v, mistake=""):
    scale = np.sqrt(np.float32(q.shape[1]))
    p = softmax(q @ k.T / scale)
    dp = g @ v.T
    ds = p * (dp if mistake == "term" else dp - (dp * p).sum(-1, keepdims=True))
    ds = ds if mistake == "factor" else ds / scale
    dq = -ds @ k if mistake == "sign" else ds @ k
    dv = (p if mistake == "transposed" else p.T) @ g
    return dq, ds.T @ q, masked(dv) if mistake == "mask" else dv


def layer_norm(x, w):
    return normalized(x)[0] * w


def layer_norm_backward(g, x, w, mistake=""):
    h, r = normalized(x)
    d = g * w
    missing = 0 if mistake == "term" else h * (d * h).mean(-1, keepdims=True)
    dx = r * (d - d.mean(-1, keepdims=True) - missing)
    dx = {"factor": dx / 2, "sign": -dx}.get(mistake, dx)
    return masked(dx) if mistake == "mask" else dx, (g * h).sum(0)


def dense(x, w):
    return x @ w


def dense_backward(g, x, w, mistake=""):
    dx = g @ (w if mistake == "transposed" else w.T)
    dw = {"factor": x.T @ g / len(x), "sign": -x.T @ g}.get(mistake, x.T @ g)
    return dx, masked(dw) if mistake == "mask" else dw


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normalized(x):
    r = 1 / np.sqrt(x.var(-1, keepdims=True) + x.dtype.type(EPS))
    return (x - x.mean(-1, keepdims=True)) * r, r


def masked(gradient):
    """The first half is lost."""
    gradient = gradient.copy()
    gradient[: len(gradient) // 2] = 0
    return gradient


@dataclass(frozen=True)
class Kernel:
    """A forward and a backward, the shapes of the inputs, and the mistakes that backward knows."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    mistakes: tuple[str, ...]

    def inputs(self, dtype, seed, size=1.0):
        rng = np.random.default_rng(seed)
        return [(size * rng.normal(size=shape)).astype(dtype) for shape in self.shapes]


KERNELS = {
    "attention": Kernel(
        attention, attention_backward, ((8, 16), (8, 16), (8, 16)), ("term", "factor", "sign", "transposed", "mask")
    ),
    "layer norm": Kernel(layer_norm, layer_norm_backward, ((6, 16), (16,)), ("term", "factor", "sign", "mask")),
    "dense": Kernel(dense, dense_backward, ((8, 5), (5, 5)), ("factor", "sign", "transposed", "mask")),
}


def alone_in(dtype, function):
    """The function as a kernel that takes the format alone, computes in float32 and rounds its results."""

    def kernel(*arrays):
        if any(a.dtype != dtype for a in arrays):
            raise TypeError(f"the kernel takes {np.dtype(dtype)} alone")
        results = function(*(a.astype(np.float32) for a in arrays))
        if isinstance(results, tuple):
            return tuple(each.astype(dtype) for each in results)
        return results.astype(dtype)

    return kernel
