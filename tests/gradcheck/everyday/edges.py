"""A zero that is one, functions that are flat, and what depends on an output that is not finite."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from tests.gradcheck.everyday.case import (
    ELSEWHERE,
    NOT_RIGHT,
    NOT_WRONG,
    UNDECIDED,
    WRONG,
    Everyday,
    normal,
    sigmoid,
    softmax,
)


# Losses at their minimum.
def half_squares(o, t):
    return ((o - t) ** 2).sum() / 2


def mean_squares(o, t):
    return ((o - t) ** 2).mean(axis=1)


def mean_squares_backward(g, o, t):
    d = 2 * g[:, None] * (o - t) / o.shape[1]
    return d, -d


def huber(o, t):
    d = np.abs(o - t)
    return np.where(d < 1, d * d / 2, d - 0.5).sum()


def huber_backward(g, o, t):
    d = g * np.clip(o - t, -1, 1)
    return d, -d


def log_cosh(o, t):
    d = np.abs(o - t)
    return d + np.log1p(np.exp(-2 * d)) - np.log(2)


def cosine_loss(x, y):
    return 1 - x @ y / np.sqrt((x @ x) * (y @ y))


def cosine_loss_backward(g, x, y):
    cosine, nx, ny = 1 - cosine_loss(x, y), np.sqrt(x @ x), np.sqrt(y @ y)
    return -g * (y / ny - cosine * x / nx) / nx, -g * (x / nx - cosine * y / ny) / ny


def hinge(s, y):
    return np.maximum(0, 1 - y * s)


def hinge_backward(g, s, y):
    return -g * y * (y * s < 1), None


def triplet(a, p, n):
    return np.maximum(0, ((a - p) ** 2).sum(axis=1) - ((a - n) ** 2).sum(axis=1) + 0.5)


def triplet_backward(g, a, p, n):
    active = 2 * (g * (triplet(a, p, n) > 0))[:, None]
    return active * (n - p), active * (p - a), active * (a - n)


def logit_loss(z, t):
    """From the entropy of t, so that its minimum is 0."""
    return (np.logaddexp(0, z) - t * z + t * np.log(t) + (1 - t) * np.log(1 - t)).sum()


def fit(x, w, y):
    return ((x @ w - y) ** 2).sum()


def fit_backward(g, x, w, y):
    r = 2 * g * (x @ w - y)
    return np.outer(r, w), x.T @ r, -r


T, ROWS = normal(220, 3, 4), normal(221, 4, 3)
LOGITS = normal(222, 5)
CLEAR = np.array([2.0, -3, 1.5, -1.2]), np.array([1, -1, 1, -1])
ANCHORS = normal(223, 3, 2)
FITTED = (np.array([[1.0, 2, 0], [0, 1, -1], [3, 0, 1], [1, 1, 1]]), np.array([2.0, -1, 0.5]))
MINIMA = [
    Everyday("mean squares at their minimum", mean_squares, mean_squares_backward, (T, T.copy())),
    Everyday("mean squares at their minimum, some rows", mean_squares, mean_squares_backward,
             (T, T + [[0], [0], [1]] * normal(224, 3, 4))),
    Everyday("mean squares at their minimum, some rows, their mean forgotten", mean_squares,
             lambda g, o, t: (2 * g[:, None] * (o - t), 2 * g[:, None] * (t - o)),
             (T, T + [[0], [0], [1]] * normal(224, 3, 4)), WRONG),
    Everyday("half squares at their minimum, twice as steep", half_squares,
             lambda g, o, t: (2 * g * (o - t), 2 * g * (t - o)), (T, T.copy()), WRONG, kinds=ELSEWHERE),
    Everyday("half squares at their minimum, the sum for the difference", half_squares,
             lambda g, o, t: (g * (o + t), g * (t - o)), (T, T.copy()), WRONG),
    Everyday("half squares at their minimum, float32", half_squares, lambda g, o, t: (g * (o - t), g * (t - o)),
             (T.astype(np.float32), T.astype(np.float32))),
    Everyday("half squares at their minimum, 1e6 large", half_squares, lambda g, o, t: (g * (o - t), g * (t - o)),
             (1e6 * T, 1e6 * T)),
    Everyday("Huber at its minimum", huber, huber_backward, (T, T.copy())),
    Everyday("Huber, some at their minimum", huber, huber_backward, (T, T + np.array([0, 0, 0.4, 2.5]))),
    Everyday("Huber, some at their minimum, not clipped", huber, lambda g, o, t: (g * (o - t), g * (t - o)),
             (T, T + np.array([0, 0, 0.4, 2.5])), WRONG),
    Everyday("log cosh at its minimum", log_cosh, lambda g, o, t: (g * np.tanh(o - t), g * np.tanh(t - o)),
             (T, T.copy()), NOT_WRONG),
    Everyday("cosine of equal vectors", cosine_loss, cosine_loss_backward, (T[0], T[0].copy())),
    Everyday("cosine of parallel vectors", cosine_loss, cosine_loss_backward, (T[0], 3 * T[0])),
    Everyday("cosine of equal vectors, the projection forgotten", cosine_loss,
             lambda g, x, y: (-g * y / np.sqrt((x @ x) * (y @ y)), cosine_loss_backward(g, x, y)[1]),
             (T[0], T[0].copy()), WRONG),
    Everyday("hinge, all margins kept", hinge, hinge_backward, CLEAR),
    Everyday("hinge, all margins kept, pulled on", hinge, lambda g, s, y: (-g * y, None), CLEAR, WRONG),
    Everyday("triplets, all far enough", triplet, triplet_backward, (ANCHORS, ANCHORS + 0.1, ANCHORS - 3)),
    Everyday("triplets, one too near", triplet, triplet_backward,
             (ANCHORS, ANCHORS + 0.1, ANCHORS - [[3], [0.2], [3]])),
    Everyday("logistic loss at its minimum", logit_loss, lambda g, z, t: (g * (sigmoid(z) - t), None),
             (LOGITS, sigmoid(LOGITS)), options={"wrt": [0]}),
    Everyday("an exact fit", fit, fit_backward, (*FITTED, FITTED[0] @ FITTED[1])),
    Everyday("an exact fit, no residual in backward", fit, lambda g, x, w, y: (0 * x, 2 * g * x.T @ (x @ w), 0 * y),
             (*FITTED, FITTED[0] @ FITTED[1]), WRONG),
]  # fmt: skip


# Flat.
def stable_sigmoid_backward(g, x):
    e = np.exp(-np.abs(x))
    return g * e / (1 + e) ** 2


def article_sigmoid_backward(g, x):
    return g * sigmoid(x) * (1 - sigmoid(x))


def gauss(x):
    return np.exp(-x * x / 2)


FLAT = [
    Everyday("sigmoid at 40 and -40", sigmoid, stable_sigmoid_backward, (np.array([40.0, -40, 0.5, -2]),)),
    Everyday("sigmoid at 40 and -40, O (1 - O)", sigmoid, article_sigmoid_backward, (np.array([40.0, -40, 0.5, -2]),)),
    Everyday("sigmoid at 40 alone", sigmoid, stable_sigmoid_backward, (np.array([40.0, 41.5]),), NOT_WRONG),
    Everyday("sigmoid at 40 and -40, O for O (1 - O)", sigmoid, lambda g, x: g * sigmoid(x),
             (np.array([40.0, -40, 0.5, -2]),), WRONG),
    Everyday("sigmoid at 40 alone, slope 0.1", sigmoid, lambda g, x: 0.1 * g, (np.array([40.0, 41.5]),), WRONG),
    Everyday("a bell far out", gauss, lambda g, x: -g * x * gauss(x), (np.array([0.0, 1, -40, 7]),)),
    Everyday("a bell far out, all of it", gauss, lambda g, x: -g * x * gauss(x), (np.array([-45.0, 50, 60]),),
             NOT_WRONG),
    Everyday("a bell far out, one sign wrong", gauss, lambda g, x: g * x * gauss(x), (np.array([0.0, 1, -40, 7]),),
             WRONG),
    Everyday("tanh at 2e15 and 0", np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2), (np.array([2e15, 0]),), NOT_WRONG),
    Everyday("tanh at 2e15 and 0, half as steep", np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2) / 2,
             (np.array([2e15, 0]),), NOT_RIGHT),
    Everyday("tanh at 2e15 and 0.3, twice as steep", np.tanh, lambda g, x: 2 * g * (1 - np.tanh(x) ** 2),
             (np.array([2e15, 0.3, -0.2, 0.1]),), NOT_RIGHT),
    Everyday("softmax of one winner", lambda z: softmax(z),
             lambda g, z: softmax(z) * (g - (g * softmax(z)).sum(axis=1, keepdims=True)),
             (np.array([[800.0, 0, -3], [1, 0.5, 0]]),)),
    Everyday("elu far below 0", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
             lambda g, x: g * np.where(x > 0, 1, np.exp(np.minimum(x, 0))), (np.array([-50.0, -800, -1, 2]),)),
]  # fmt: skip


# Not finite in part: what does not depend on it is judged.
PARTLY = [
    Everyday("log at -1 and 1", np.log, lambda g, x: g / x, (np.array([-1.0, 1]),), UNDECIDED),
    Everyday("log at -1 and 1, twice as steep", np.log, lambda g, x: 2 * g / x, (np.array([-1.0, 1]),), WRONG),
    Everyday("root at -4 and 4", np.sqrt, lambda g, x: g / (2 * np.sqrt(x)), (np.array([4.0, -4, 9]),), NOT_WRONG),
    Everyday("arcsin at 2 and 0.5", np.arcsin, lambda g, x: g / np.sqrt(1 - x * x), (np.array([0.5, 2, -0.1]),),
             NOT_WRONG),
    Everyday("arcsin at 2 and 0.5, its root forgotten", np.arcsin, lambda g, x: g / (1 - x * x),
             (np.array([0.5, 2, -0.1]),), WRONG),
    Everyday("a quotient by 0", lambda x, y: x / y, lambda g, x, y: (g / y, -g * x / y**2),
             (np.array([1.0, 2, 3]), np.array([0.0, 4, -1])), NOT_WRONG),
    Everyday("a quotient by 0, one sign wrong", lambda x, y: x / y, lambda g, x, y: (g / y, g * x / y**2),
             (np.array([1.0, 2, 3]), np.array([0.0, 4, -1])), WRONG),
    Everyday("log of sums, one of them negative", lambda x, w: np.log(x @ w),
             lambda g, x, w: (np.outer(g / (x @ w), w), x.T @ (g / (x @ w))),
             (np.array([[1.0, 2], [-1, -2], [3, 0.5]]), np.array([1.0, 0.7])), UNDECIDED),
]  # fmt: skip

CASES = [*MINIMA, *FLAT, *PARTLY]


# Edges where `numerical_gradient` has to hold the derivative within its bound, or to say that it does not know.
@dataclass(frozen=True)
class Edge:
    """`truth` is the derivative at the entry `place` of `point`, a number or, in mpmath, a function of that entry."""

    name: str
    forward: Callable[[Any], Any]
    point: tuple[float, ...]
    truth: Callable[[Any], Any]
    place: int = 0


def zero(x):
    return mp.mpf(0)


def logistic_slope(x):
    e = mp.exp(-abs(x))
    return e / (1 + e) ** 2


def log_of(x):
    return np.log(np.where(x > 0, x, 1))


EDGES = [
    *[Edge(f"x^{p} at 0", lambda x, p=p: x**p, (0.0, 0.5), zero) for p in (1.05, 1.1, 1.25, 4 / 3, 1.5, 1.75)],
    *[Edge(f"max(x, 0)^{p} at 0", lambda x, p=p: np.maximum(x, 0) ** p, (0.3, 0.0), zero, 1) for p in (1.05, 1.2, 1.4)],
    *[Edge(f"|x|^{p} at 0", lambda x, p=p: np.abs(x) ** p, (0.0, 2.0, -1.0), zero) for p in (1.1, 1.3, 1.5)],
    Edge("(1 - x)^1.1 at 1", lambda x: (1 - x) ** 1.1, (1.0, 0.5), zero),
    Edge("(1 - x^2)^1.2 at -1", lambda x: (1 - x * x) ** 1.2, (-1.0, 0.5), zero),
    Edge("(1000 - x)^1.2 at 1000", lambda x: (1000 - x) ** 1.2, (1000.0, 700.0), zero),
    Edge("x log x at 1e-300", lambda x: x * log_of(x), (1e-300, 0.5), lambda x: 1 + mp.log(x)),
    Edge("x^2 log x at 0", lambda x: x * x * log_of(x), (0.0, 0.5), zero),
    Edge("x / log x at 0", lambda x: np.where(x > 0, x / np.log(np.where(x > 0, x, 0.5)), 0), (0.0, 0.5), zero),
    Edge("root at 1e-20", np.sqrt, (1e-20, 0.5), lambda x: 1 / (2 * mp.sqrt(x))),
    Edge("root of a cube at 0", lambda x: np.sqrt(x) ** 3, (0.0, 1.0), zero),
    Edge("x^1.1 + 3x at 0", lambda x: x**1.1 + 3 * x, (0.0, 0.5), lambda x: mp.mpf(3)),
    Edge("x^1.1 at 1e-12", lambda x: x**1.1, (1e-12, 0.5), lambda x: mp.mpf(1.1) * x ** (mp.mpf(1.1) - 1)),
    Edge("arccos beside 1", np.arccos, (1 - 2.0**-40, 0.3), lambda x: -1 / mp.sqrt(1 - x * x)),
    Edge("log1p beside -1", np.log1p, (-1 + 2.0**-40, 0.3), lambda x: 1 / (1 + x)),
    Edge("|x| + sin x at -1e-9", lambda x: np.abs(x) + np.sin(x), (-1e-9, 0.7), lambda x: mp.cos(x) - 1),
    Edge("|x| + sin x at -3e-5", lambda x: np.abs(x) + np.sin(x), (-3e-5, 0.7), lambda x: mp.cos(x) - 1),
    Edge("|x| + tanh x at -1e-7", lambda x: np.abs(x) + np.tanh(x), (0.7, -1e-7), lambda x: mp.sech(x) ** 2 - 1, 1),
    Edge("relu(x) - expm1(x) at 1e-8", lambda x: np.maximum(x, 0) - np.expm1(x), (1e-8, 0.7), lambda x: 1 - mp.exp(x)),
    *[Edge(f"sigmoid at {x:g}", sigmoid, (x, 0.7), logistic_slope) for x in (-32.0, -40.0, 32.0, 37.0, 40.0, 700.0)],
    *[Edge(f"tanh at {x:g}", np.tanh, (x, 0.0), lambda x: mp.sech(x) ** 2) for x in (15.0, 19.5, 25.0, 2e15)],
    Edge("tanh at 0 beside 2e15", np.tanh, (2e15, 0.0), lambda x: mp.mpf(1), 1),
    Edge("exp at -744", np.exp, (-744.0, 0.7), mp.exp),
    Edge("a bell at 38.5", gauss, (38.5, 0.7), lambda x: -x * mp.exp(-x * x / 2)),
    Edge("half a square at 0", lambda x: x * x / 2, (0.0, 0.7), zero),
    Edge("half a square beside a large one", lambda x: x * x / 2, (0.0, 1e9), zero),
]  # fmt: skip
