"""Written after the rules were fixed: ties in what sorts, series, special functions, and functions that mislead."""

import math

import mpmath as mp
import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, WRONG, Everyday, normal, sigmoid, softmax


def trimmed_mean(x):
    return np.sort(x)[1:-1].mean()


def trimmed_mean_backward(g, x):
    grad = np.zeros_like(x)
    grad[np.argsort(x, kind="stable")[1:-1]] = g / (len(x) - 2)
    return grad


RANKS = np.array([5.0, -1, 2, 0.5, 3])


def ranked(x):
    return np.sort(x) @ RANKS


def ranked_backward(weights):
    def backward(g, x):
        grad = np.empty_like(x)
        grad[np.argsort(x, kind="stable")] = g * weights
        return grad

    return backward


def span(x):
    return x.max() - x.min()


def span_backward(g, x):
    grad = np.zeros_like(x)
    grad[x.argmax()] += g
    grad[x.argmin()] -= g
    return grad


def running_largest(x):
    return np.maximum.accumulate(x)


def running_largest_backward(g, x):
    grad, best = np.zeros_like(x), 0
    for i, value in enumerate(x):
        best = i if value > x[best] else best
        grad[best] += g[i]
    return grad


def gated(x):
    """A softmax of the two largest of each row; the others get 0."""
    keep = np.argsort(np.argsort(-x, axis=1, kind="stable"), axis=1) < 2
    return softmax(np.where(keep, x, -np.inf))


def gated_backward(g, x):
    p = gated(x)
    return p * (g - (g * p).sum(axis=1, keepdims=True))


def peaks(x):
    """What is as large as both its neighbours; the rest is suppressed."""
    padded = np.concatenate([[-np.inf], x, [-np.inf]])
    return x * ((x >= padded[:-2]) & (x >= padded[2:]))


def sparsemax(z):
    s = -np.sort(-z)
    k = np.arange(1, len(z) + 1)
    size = k[1 + k * s > np.cumsum(s)].max()
    return np.maximum(z - (s[:size].sum() - 1) / size, 0)


def sparsemax_backward(g, z):
    on = sparsemax(z) > 0
    return on * (g - g[on].mean())


TIES = np.array([0.5, 2, 0.5, -1, 0.5])
SORTS = [
    Everyday("a trimmed mean with a triple tie", trimmed_mean, trimmed_mean_backward, (TIES,)),
    Everyday("a trimmed mean, all get a share", trimmed_mean, lambda g, x: np.full_like(x, g / 5), (TIES,), WRONG),
    Everyday("weights of ranks with a triple tie", ranked, ranked_backward(RANKS), (TIES,), NOT_WRONG),
    Everyday("weights of ranks, turned round", ranked, ranked_backward(RANKS[::-1]), (TIES,), WRONG),
    Everyday("span of a row, largest thrice", span, span_backward, (np.array([1.0, 2, 2, -1, 2]),), NOT_WRONG),
    Everyday(
        "span of a row, added", span, lambda g, x: np.abs(span_backward(g, x)), (np.array([1.0, 2, 2, -1, 2]),), WRONG
    ),
    Everyday(
        "running largest with ties", running_largest, running_largest_backward, (TIES[[0, 2, 3, 1, 4]],), NOT_WRONG
    ),
    Everyday(
        "running largest, passed through", running_largest, lambda g, x: g, (np.array([0.5, -1, 0.2, 2, 1]),), WRONG
    ),
    Everyday("gates of the two largest", gated, gated_backward, (normal(591, 2, 5),)),
    Everyday(
        "gates of the two largest, a tie at the threshold",
        gated,
        gated_backward,
        (np.array([[1.0, 0.5, 0.5, -1]]),),
        NOT_WRONG,
    ),
    Everyday(
        "gates of the two largest, the sum forgotten", gated, lambda g, x: g * gated(x), (normal(591, 2, 5),), WRONG
    ),
    Everyday("peaks that suppress their neighbours", peaks, lambda g, x: g * (peaks(x) != 0), (normal(592, 7),)),
    Everyday("peaks, the suppressed get theirs too", peaks, lambda g, x: g, (normal(592, 7),), WRONG),
    Everyday("sparsemax", sparsemax, sparsemax_backward, (np.array([0.5, 1.0, -0.3, 0.8, -2]),)),
    Everyday(
        "sparsemax, the mean of all",
        sparsemax,
        lambda g, z: (sparsemax(z) > 0) * (g - g.mean()),
        (np.array([0.5, 1.0, -0.3, 0.8, -2]),),
        WRONG,
    ),
]


# Series and special functions.
def erf_by_series(x):
    term, total = x.copy(), x.copy()
    for n in range(1, 120):
        term = -term * x * x / n
        total = total + term / (2 * n + 1)
    return 2 / np.sqrt(np.pi) * total


def bell(x):
    return np.exp(-x * x) * 2 / np.sqrt(np.pi)


log_gamma = np.vectorize(math.lgamma, otypes=[float])
digamma = np.vectorize(lambda x: float(mp.digamma(x)), otypes=[float])


def lower_gamma_3(x):
    return 1 - np.exp(-x) * (1 + x + x * x / 2)


def log_beta(a, b):
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)


def products(x):
    return x.cumprod()


def products_backward(g, x):
    """Without a division, so that zeros do no harm."""
    grad = np.zeros_like(x)
    for i in range(len(x)):
        others = x.copy()
        others[i] = 1
        grad[i] = g[i:] @ others.cumprod()[i:]
    return grad


def half_and_swish(x):
    return x.astype(np.float16).astype(float) * 2 + x * sigmoid(x)


def half_and_swish_backward(smooth):
    return lambda g, x: g * (2 + smooth * sigmoid(x) * (1 + x * sigmoid(-x)))


SHAPES = (np.array([0.5, 3, 20]), np.array([2.0, 0.7, 5]))
FUNCTIONS = [
    Everyday("erf by its series", erf_by_series, lambda g, x: g * bell(x), (np.array([0.5, -1, 3]),)),
    Everyday("erf by its series, far out", erf_by_series, lambda g, x: g * bell(x), (np.array([0.5, 5]),), NOT_WRONG),
    Everyday(
        "erf by its series, half its constant",
        erf_by_series,
        lambda g, x: g * bell(x) / 2,
        (np.array([0.5, -1, 3]),),
        WRONG,
    ),
    Everyday(
        "logarithm of beta",
        log_beta,
        lambda g, a, b: (g * (digamma(a) - digamma(a + b)), g * (digamma(b) - digamma(a + b))),
        SHAPES,
    ),
    Everyday(
        "logarithm of beta, a logarithm for digamma",
        log_beta,
        lambda g, a, b: (g * (np.log(a) - np.log(a + b)), g * (digamma(b) - digamma(a + b))),
        SHAPES,
        WRONG,
    ),
    Everyday(
        "lower gamma of 3 beside 0", lower_gamma_3, lambda g, x: g * x * x * np.exp(-x) / 2, (np.array([1e-3, 0.5, 4]),)
    ),
    Everyday(
        "lower gamma of 3, its constant forgotten",
        lower_gamma_3,
        lambda g, x: g * x * x * np.exp(-x),
        (np.array([1e-3, 0.5, 4]),),
        WRONG,
    ),
    Everyday("running products, one factor 0", products, products_backward, (np.array([2, -1.5, 0, 0.7, 3]),)),
    Everyday(
        "running products, divided by the factor",
        products,
        lambda g, x: (g * x.cumprod())[::-1].cumsum()[::-1] / np.where(x == 0, 1, x),
        (np.array([2, -1.5, 0, 0.7, 3]),),
        WRONG,
    ),
    Everyday("a fast sine", lambda x: np.sin(200 * x), lambda g, x: 200 * g * np.cos(200 * x), (normal(593, 5),)),
    Everyday(
        "a fast sine, a factor 1.1",
        lambda x: np.sin(200 * x),
        lambda g, x: 220 * g * np.cos(200 * x),
        (normal(593, 5),),
        WRONG,
    ),
    Everyday("float16 inside and swish", half_and_swish, half_and_swish_backward(1), (normal(594, 6),), NOT_WRONG),
    Everyday(
        "float16 inside and swish, swish forgotten",
        half_and_swish,
        half_and_swish_backward(0),
        (normal(594, 6),),
        NOT_RIGHT,
    ),
]
CASES = SORTS + FUNCTIONS
