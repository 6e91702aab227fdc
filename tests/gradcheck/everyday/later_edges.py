"""Written after the rules were fixed: zeros that are one, flat functions, extreme values, and edges."""

import math

import mpmath as mp
import numpy as np

from tests.gradcheck.everyday.case import (
    ELSEWHERE,
    NOT_RIGHT,
    NOT_WRONG,
    WRONG,
    Everyday,
    log_softmax,
    normal,
    sigmoid,
    softmax,
)
from tests.gradcheck.everyday.edges import Edge, zero


def divergence(mu, lv):
    return -(1 + lv - mu**2 - np.exp(lv)).sum() / 2


def divergence_of_logits(a, b):
    return (softmax(a) * (log_softmax(a) - log_softmax(b))).sum()


def divergence_of_logits_backward(g, a, b):
    p, d = softmax(a), log_softmax(a) - log_softmax(b)
    return g * p * (d - (p * d).sum(axis=1, keepdims=True)), g * (softmax(b) - p)


def charbonnier(o, t):
    return np.sqrt((o - t) ** 2 + 1e-4).sum()


def charbonnier_backward(g, o, t):
    d = g * (o - t) / np.sqrt((o - t) ** 2 + 1e-4)
    return d, -d


def not_orthogonal(a):
    return ((a.T @ a - np.eye(a.shape[1])) ** 2).sum()


def log_sum_exp(z):
    return np.logaddexp.reduce(z, axis=1)


def bits_loss(z, y):
    return (np.logaddexp(0, z) - y * z).sum()


def mish(x):
    return x * np.tanh(np.logaddexp(0, x))


def mish_slope(x):
    t = np.tanh(np.logaddexp(0, x))
    return t + x * sigmoid(x) * (1 - t * t)


erf = np.vectorize(math.erf, otypes=[float])


def bell(x):
    return 2 / np.sqrt(np.pi) * np.exp(-x * x)


ZEROS, LOGITS = np.zeros((2, 3)), normal(571, 2, 4)
FIT = normal(572, 2, 3)
HALF_FIT = FIT + np.array([0, 0, 0.5])
TURN = np.array([[0, 1.0, 0], [0, 0, -1], [1, 0, 0]])
EXTREME = np.array([[1000.0, -1000, 0], [-1e4, -1e4, 1 - 1e4]])
CASES = [
    Everyday(
        "divergence of a latent from itself",
        divergence,
        lambda g, mu, lv: (g * mu, g * (np.exp(lv) - 1) / 2),
        (ZEROS, ZEROS),
    ),
    Everyday(
        "divergence of a latent from itself, a sum for the difference",
        divergence,
        lambda g, mu, lv: (g * mu, g * (np.exp(lv) + 1) / 2),
        (ZEROS, ZEROS),
        WRONG,
    ),
    Everyday(
        "divergence of a latent from itself, the mean forgotten",
        divergence,
        lambda g, mu, lv: (0 * mu, g * (np.exp(lv) - 1) / 2),
        (ZEROS, ZEROS),
        WRONG,
        kinds=ELSEWHERE,
    ),
    Everyday(
        "divergence of equal logits", divergence_of_logits, divergence_of_logits_backward, (LOGITS, LOGITS.copy())
    ),
    Everyday(
        "divergence of equal logits, p forgotten",
        divergence_of_logits,
        lambda g, a, b: (divergence_of_logits_backward(g, a, b)[0], g * softmax(b)),
        (LOGITS, LOGITS.copy()),
        WRONG,
    ),
    Everyday("Charbonnier at its minimum", charbonnier, charbonnier_backward, (FIT, FIT.copy())),
    Everyday(
        "Charbonnier, some at their minimum, the square for the root",
        charbonnier,
        lambda g, o, t: (g * (o - t) / ((o - t) ** 2 + 1e-4), charbonnier_backward(g, o, t)[1]),
        (HALF_FIT, FIT),
        WRONG,
    ),
    Everyday(
        "a penalty on what is not orthogonal, a turn",
        not_orthogonal,
        lambda g, a: 4 * g * a @ (a.T @ a - np.eye(3)),
        (TURN,),
    ),
    Everyday(
        "a penalty on what is not orthogonal, half as steep",
        not_orthogonal,
        lambda g, a: 2 * g * a @ (a.T @ a - np.eye(3)),
        (TURN + 0.1,),
        WRONG,
    ),
    Everyday("log-sum-exp at 1000 and -10000", log_sum_exp, lambda g, z: g[:, None] * softmax(z), (EXTREME,)),
    Everyday(
        "log-sum-exp at 1000 and -10000, not normalised",
        log_sum_exp,
        lambda g, z: g[:, None] * np.exp(z - z.max(axis=1, keepdims=True)),
        (EXTREME,),
        WRONG,
    ),
    Everyday(
        "softplus at 700 and -700",
        lambda x: np.logaddexp(0, x),
        lambda g, x: g * sigmoid(x),
        (np.array([700.0, -700, 0]),),
    ),
    Everyday(
        "softplus at 700 and -700, turned",
        lambda x: np.logaddexp(0, x),
        lambda g, x: g * sigmoid(-x),
        (np.array([700.0, -700, 0]),),
        WRONG,
    ),
    Everyday(
        "loss of bits at 100",
        bits_loss,
        lambda g, z, y: (g * (sigmoid(z) - y), None),
        (np.array([100.0, -100, 100, 0.1]), np.array([1, 0, 0, 1])),
    ),
    Everyday("mish at -40 and 40", mish, lambda g, x: g * mish_slope(x), (np.array([-40.0, 40, 0.2]),)),
    Everyday(
        "mish at -40 and 40, a term forgotten",
        mish,
        lambda g, x: g * np.tanh(np.logaddexp(0, x)),
        (np.array([-40.0, 40, 0.2]),),
        WRONG,
    ),
    Everyday("erf at 6", erf, lambda g, x: g * bell(x), (np.array([6, 0.5, -1.2]),)),
    Everyday(
        "erf at 6, its constant forgotten", erf, lambda g, x: g * np.exp(-x * x), (np.array([6, 0.5, -1.2]),), WRONG
    ),
    Everyday(
        "softsign at 1e8 and 0",
        lambda x: x / (1 + np.abs(x)),
        lambda g, x: g / (1 + np.abs(x)) ** 2,
        (np.array([1e8, 0, -0.5]),),
    ),
    Everyday(
        "a power of -2 and 2", lambda x: x**1.5, lambda g, x: 1.5 * g * np.sqrt(x), (np.array([-2.0, 2]),), NOT_WRONG
    ),
    Everyday(
        "a power of -2 and 2, twice as steep",
        lambda x: x**1.5,
        lambda g, x: 3 * g * np.sqrt(x),
        (np.array([-2.0, 2]),),
        NOT_RIGHT,
    ),
]

EDGES = [
    Edge("later: x^1.3 at 0", lambda x: x**1.3, (0.0, 0.5), zero),
    Edge("later: (x - 2)^1.1 at 2", lambda x: (x - 2) ** 1.1, (2.0, 3.0), zero),
    Edge("later: 2x - x^1.15 at 0", lambda x: 2 * x - x**1.15, (0.0, 0.5), lambda x: mp.mpf(2)),
    Edge(
        "later: x^1.5 log x beside 0",
        lambda x: x**1.5 * np.log(x),
        (1e-12, 0.5),
        lambda x: mp.sqrt(x) * (1.5 * mp.log(x) + 1),
    ),
    Edge("later: softplus at -36", lambda x: np.logaddexp(0, x), (-36.0, 0.3), lambda x: 1 / (1 + mp.exp(-x))),
    Edge("later: sin^2 of a root at 0", lambda x: np.sin(np.sqrt(x)) ** 2, (0.0, 0.5), lambda x: mp.mpf(1)),
    Edge("later: arcsin beside -1", np.arcsin, (-1 + 1e-12, 0.3), lambda x: 1 / mp.sqrt(1 - x * x)),
    Edge("later: cube root at 1e-9", np.cbrt, (1e-9, 0.5), lambda x: mp.cbrt(x) / (3 * x)),
    Edge("later: |x - 1| + x below 1", lambda x: np.abs(x - 1) + x, (1 - 1e-9, 0.2), zero),
    Edge(
        "later: a sharp softplus",
        lambda x: np.logaddexp(0, 1e6 * x) / 1e6,
        (1e-7, 0.2),
        lambda x: 1 / (1 + mp.exp(-1000000 * x)),
    ),
    Edge("later: x |x|^0.1 at 0", lambda x: x * np.abs(x) ** 0.1, (0.0, 0.5), zero),
    Edge("later: exp(-1/x) at 0.01", lambda x: np.exp(-1 / x), (0.01, 0.5), lambda x: mp.exp(-1 / x) / x**2),
    Edge("later: a steep tanh", lambda x: np.tanh(1000 * x), (5e-3, 1e-4), lambda x: 1000 * mp.sech(1000 * x) ** 2),
    Edge("later: arctan far out", np.arctan, (3e7, 0.5), lambda x: 1 / (1 + x * x)),
]
