"""Checks that ask each method for single entries, for the tests of executors."""

from concurrent.futures import Executor, Future
from functools import cache

import numpy as np

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_cache, from_layer

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(3, 8)), RNG.normal(size=(8, 5))
# So many entries that complex steps are held to directions.
MANY = RNG.normal(size=(8, 40))
# Entries at zero: the kink of the modulus.
AT_ZERO = np.where(np.arange(60) % 12 == 0, 0, RNG.normal(size=60))


def rectified(x, w):
    return np.maximum(x @ w, 0).sum()


def rectified_backward(g, x, w):
    g = g * (x @ w > 0)
    return g @ w.T, x.T @ g


def product(x, w):
    return np.tanh(x @ w)


def product_backward(g, x, w):
    g = g * (1 - np.tanh(x @ w) ** 2)
    return g @ w.T, x.T @ g


def wrong_backward(g, x, w):
    grad_x, grad_w = product_backward(g, x, w)
    grad_w[3, 4] *= 1 + 1e-6
    return grad_x, grad_w


def in_float32(x, w):
    return (x.astype(np.float32) @ w.astype(np.float32)).astype(float)


def linear_backward(g, x, w):
    return g @ w.T, x.T @ g


def modulus(x):
    return np.abs(x).sum()


def running_sum(x):
    """An entry leaves the outputs before it alone."""
    return np.cumsum(np.maximum(x, 0))


def running_sum_backward(g, x):
    return np.cumsum(g[::-1])[::-1] * (x > 0)


def in_place(x, w):
    """It writes into its input."""
    z = np.maximum(x @ w, 0)
    x *= 1
    return z.sum()


def lost(x, w):
    """One output is infinite here, and depends on the first entry alone."""
    return np.array([np.maximum(x @ w, 0).sum(), np.inf if x[0, 0] > 0 else 1.0])


def lost_backward(g, x, w):
    return rectified_backward(g[0], x, w)


def of_a_tree(layer, x):
    return {"out": np.maximum(x @ layer["w"] + layer["b"], 0)}


def of_a_tree_backward(g, layer, x):
    g = g["out"] * (x @ layer["w"] + layer["b"] > 0)
    return {"w": x.T @ g, "b": g.sum(axis=0)}, g @ layer["w"].T


def only_float32(x, w):
    """A kernel that refuses other precisions."""
    if x.dtype != np.float32:
        raise TypeError("float32 alone")
    return np.maximum(x @ w, 0).sum()


def with_a_cache(x, w):
    z = x @ w
    return np.maximum(z, 0), (x, w, z)


def with_a_cache_backward(dout, cache):
    x, w, z = cache
    g = dout * (z > 0)
    return g @ w.T, x.T @ g


class Layer:
    def __init__(self):
        self.w = W

    def forward(self, x):
        self.x = x
        return np.maximum(x @ self.w, 0).sum()

    def backward(self, g):
        g = g * (self.x @ self.w > 0)
        self.dw = self.x.T @ g
        return g @ self.w.T


# The functions and the inputs. Each answers the same whenever it is asked.
CASES = {
    "a rectifier": (rectified, rectified_backward, X, W),
    "a product": (product, product_backward, X, W),
    "a larger product": (product, product_backward, X, MANY),
    "a wrong product": (product, wrong_backward, X, W),
    "float32 inside": (in_float32, linear_backward, X, W),
    "at a kink": (modulus, lambda g, x: g * np.sign(x), AT_ZERO),
    "elementwise": (lambda x: np.abs(x) + np.sqrt(x**2), lambda g, x: 2 * g * np.sign(x), AT_ZERO[:20] + 1e-3),
    "a running sum": (running_sum, running_sum_backward, X[0]),
    "written into": (in_place, rectified_backward, X, W),
    "not finite": (lost, lost_backward, X, W),
    "a tree": (of_a_tree, of_a_tree_backward, {"w": W, "b": np.ones(5)}, X),
    "a cache": from_cache(with_a_cache, with_a_cache_backward, X, W),
    "a layer": from_layer(Layer(), X),
    "a kernel": (only_float32, rectified_backward, X.astype(np.float32), W.astype(np.float32)),
}


@cache
def report_alone(name):
    """The report on every entry of a case, without an executor."""
    return report_of(name)


def report_of(name, **options):
    """The report on every entry of a case."""
    return check_gradient(*CASES[name], max_entries=None, proof=False, **options)


class Here(Executor):
    """An executor that does the work at once, in the thread that asks for it. It keeps what it was asked."""

    def __init__(self):
        self.loads = []

    def submit(self, function, /, *arguments):
        future = Future()
        if function is int:
            return future
        self.loads.append(arguments[0])
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future
