"""A caller's module: layers as people write them, with what they import, remember and write into."""

import math
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property, partial, reduce, wraps
from typing import NamedTuple

import numpy as np
from numpy import exp as e
from numpy import zeros
from numpy.lib.stride_tricks import as_strided

from tests.gradcheck.proof import helpers
from tests.gradcheck.proof.helpers import scaled

CACHE = {}
BUFFER = np.zeros((2, 3))
COUNT = 0


def conv_by_loops(x, w):
    n, _, height, width = x.shape
    k, _, r, s = w.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="constant")
    p, q = int(height + 2 - r) + 1, int(np.floor((width + 2 - s) / 1)) + 1
    out = np.zeros((n, k, p, q))
    for i in range(n):
        for f in range(k):
            for y in range(p):
                for z in range(q):
                    out[i, f, y, z] = np.sum(padded[i, :, y : y + r, z : z + s] * w[f])
    return out


def conv_by_windows(x, w):
    n, c, height, width = x.shape
    r, s = w.shape[2:]
    _, _, a, b = x.strides
    seen = as_strided(x, (n, c, height - r + 1, width - s + 1, r, s), (*x.strides[:2], a, b, a, b))
    return np.einsum("nchwrs,kcrs->nkhw", seen, w)


def batch_norm(x, gamma, beta):
    CACHE["x"], CACHE["deviation"] = x, np.std(x, axis=0)
    return gamma * (x - x.mean(axis=0)) / np.sqrt(np.var(x, axis=0) + 1e-5) + beta


def batch_norm_backward(g):
    hat = (CACHE["x"] - CACHE["x"].mean(0)) / CACHE["deviation"]
    return g * hat


def cross_entropy(z, y):
    p = e(z - np.max(z, axis=1, keepdims=True))
    p /= np.sum(p, axis=1, keepdims=True)
    return float(-np.mean(np.log(p[np.arange(len(y)), y])))


def cross_entropy_backward(g, z, y):
    p = e(z - np.max(z, axis=1, keepdims=True))
    p /= np.sum(p, axis=1, keepdims=True)
    p[np.arange(z.shape[0]), y] -= 1
    return g * p / len(y)


def max_pool(x):
    n, c, height, width = x.shape
    out, mask = zeros((n, c, height // 2, width // 2)), np.zeros_like(x, dtype=bool)
    for i in range(height // 2):
        for j in range(width // 2):
            window = x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            out[:, :, i, j] = np.max(window, axis=(2, 3))
            mask[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = window == out[:, :, i, j][:, :, None, None]
    scattered = mask.astype(float)
    scattered *= np.repeat(np.repeat(out, 2, 2), 2, 3)
    return scattered


def pool_by_index(x):
    rows = x.reshape(-1, 4)
    best = rows.argmax(axis=1)
    out = np.zeros_like(rows)
    np.put_along_axis(out, best[:, None], np.take_along_axis(rows, best[:, None], 1), 1)
    return out


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, w, u):
    n, steps, _ = x.shape
    h, c, states = np.zeros((n, len(u))), np.zeros((n, len(u))), np.empty((n, steps, len(u)), dtype=x.dtype)
    for t in range(steps):
        i, f, o, g = np.split(x[:, t].dot(w) + h.dot(u), 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        states[:, t, :] = h
    return states


def attention(q, k, v):
    scores = np.einsum("bqd,bkd->bqk", q, k) / math.sqrt(q.shape[-1])
    scores = np.where(np.tril(np.ones(scores.shape[-2:])) == 0, -1e9, scores)
    a = np.exp(scores - scores.max(-1, keepdims=True))
    return (a / a.sum(-1, keepdims=True)) @ v


def gelu(x):
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * np.power(x, 3))))


def number_by_number(x):
    total = 0.0
    for v in x.flatten():
        total += max(v, 0) * math.exp(-v) if v > 0 else min(v, 0.0)
    return np.float64(total) + float(np.sum(x)) + abs(total) + (1 if isinstance(x[0], float) else 0)


def into_a_buffer(x):
    global COUNT
    COUNT += 1
    BUFFER[...] = x
    BUFFER[0] *= 2
    return BUFFER.sum(axis=1) + COUNT


def of_masks(x):
    slope = (x > 0) * 1.0
    slope[slope == 0] = 0.1
    slope *= x
    picked = np.where(x > 0, 1.0, 0.0)
    picked *= x
    shares = np.arange(x.size) / x.size
    shares[np.argsort(x.ravel())] += x.ravel()
    return np.concatenate([slope.ravel(), picked.ravel(), shares, np.array([2 * v for v in x.ravel()])])


def embedding_backward(g, ids):
    table = np.zeros((4, g.shape[1]))
    np.add.at(table, ids, g)
    return table


class Layer:
    total = np.zeros(2)

    def __init__(self, w):
        self.w, self.x = w, None

    def forward(self, x):
        self.x = x
        return x @ self.w

    @property
    def size(self):
        return self.w.size

    @staticmethod
    def act(x):
        return np.maximum(0, x)

    @classmethod
    def of_ones(cls, n):
        return cls(np.ones((n, n)))


class Deep(Layer):
    __slots__ = ("extra",)

    def __init__(self, w):
        super().__init__(w)
        self.extra = Layer.of_ones(len(w))
        self.layers = [Layer(w), self.extra]

    @cached_property
    def root(self):
        return np.sqrt(self.size)

    def forward(self, x):
        for layer in self.layers:
            x = self.act(layer.forward(x))
        self.total[:] = x[0, :2]
        return x + super().forward(x).sum() / self.root

    def backward(self, g):
        return g * self.extra.x + self.total.sum()


@dataclass(frozen=True)
class Settings:
    count: int
    scale: float
    weights: object


class Pair(NamedTuple):
    weights: object
    count: int


SETTINGS, PAIR = Settings(3, 0.25, np.arange(3.0)), Pair(np.arange(3.0), 2)


def with_settings(x):
    made = Pair(x, 2)
    return x * SETTINGS.weights * SETTINGS.scale + PAIR.weights * made.count


@cache
def table(n):
    return np.sqrt(np.arange(n) + 1)


def counted(function):
    @wraps(function)
    def counting(*arguments):
        counting.calls = getattr(counting, "calls", 0) + 1
        return function(*arguments)

    return counting


@counted
def decorated(x):
    return x / table(x.shape[-1]) + helpers.scaled(x) + scaled(x)


def importing(x):
    import numpy as other
    from numpy import tanh

    from tests.gradcheck.proof.helpers import scaled as again

    out = other.zeros(x.shape, float)
    out += tanh(again(x))
    return out


def dropout(x, *, mask):
    return x * mask / 0.8


DROPOUT = partial(dropout, mask=np.array([1, 0, 1.0]))
LEAKY = np.vectorize(lambda v: v if v > 0 else 0.1 * v)


def doubled(x):
    """In a buffer, which only a translated function can make."""
    out = np.zeros(x.shape)
    for i in range(len(x)):
        out[i] = x[i]
    out += x
    return out


class Doubling:
    by_default = staticmethod(doubled)

    def method(self, x):
        out = np.zeros(x.shape)
        out += 2 * x
        return out

    @classmethod
    def of_class(cls, x):
        return cls().method(x)

    def __call__(self, x):
        return self.by_default(x)


class Table(dict):
    """A dict of functions with a method."""

    def of(self, x):
        return self["doubled"](x)


DOUBLINGS = {
    "itself": doubled,
    "a default": lambda x, f=doubled: f(x),
    "a keyword's default": lambda x, *, f=doubled: f(x),
    "bound by position": partial(lambda f, x: f(x), doubled),
    "bound by keyword": partial(lambda x, f: f(x), f=doubled),
    "cached": cache(doubled),
    "decorated by the library": lambda x: in_a_context(x),
    "called by the library": lambda x: reduce(lambda a, f: f(a), [doubled], x),
    "an attribute": lambda x: counted_doubled.inner(x),
    "a method": Doubling().method,
    "a class method": Doubling.of_class,
    "an object": Doubling(),
    "in a list": lambda x: [doubled][0](x),
    "in a dict of its own": Table(doubled=doubled).of,
    "by a name": lambda x: globals()["doubled"](x),
    "by a module": lambda x: helpers.doubled(x),
    "vectorized": np.vectorize(lambda v: doubled(np.array([v]))[0]),
}


@contextmanager
def context(x):
    yield doubled(x)


def in_a_context(x):
    with context(x) as y:
        return y


def counted_doubled(x):
    return x


counted_doubled.inner = doubled


def in_single(x):
    out = np.zeros(x.shape, dtype=np.float32)
    out[:] = x
    return out


def rounded_to_single(x):
    return x.astype(np.float32) * 2


def singular_values(x):
    return np.linalg.svd(x)[1]


def sixteen_sums(x):
    total = np.zeros(1)
    for _ in range(10**9):
        total[0] = total[0] + x[0]
    return total
