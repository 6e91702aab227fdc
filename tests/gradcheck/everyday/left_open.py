"""What had been left open: exact gelu far out, ties in what sorts, saturation, and functions that mislead."""

import math

import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, WRONG, Everyday, normal, softmax


# Exact gelu. Far out, 1 + erf cancels, erfc does not.
def of_numbers(function):
    return lambda x: np.array([function(v) for v in np.ravel(x).tolist()]).reshape(np.shape(x)).astype(x.dtype)


erf, erfc, ROOT = of_numbers(math.erf), of_numbers(math.erfc), math.sqrt(2)


def density(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def gelu(x):
    return x * 0.5 * (1 + erf(x / ROOT))


def gelu_backward(g, x):
    return g * (0.5 * (1 + erf(x / ROOT)) + x * density(x))


def gelu_by_complement(x):
    return 0.5 * x * erfc(-x / ROOT)


def gelu_by_complement_backward(g, x):
    return g * (0.5 * erfc(-x / ROOT) + x * density(x))


FAR, AMONG, ALONE = np.array([-8.0, -9.5, -7.2]), np.array([-8.0, -1, 0.5, 2]), np.array([-8.0])
GELU = [
    Everyday("gelu at -8 among others", gelu, gelu_backward, (AMONG,), NOT_WRONG),
    Everyday("gelu at -8 alone", gelu, gelu_backward, (ALONE,), NOT_WRONG),
    Everyday("gelu by erfc at -8 among others", gelu_by_complement, gelu_by_complement_backward, (AMONG,)),
    Everyday("gelu by erfc far out", gelu_by_complement, gelu_by_complement_backward, (FAR,), NOT_WRONG),
    Everyday("gelu at -8 among others, the density forgotten", gelu, lambda g, x: g * 0.5 * (1 + erf(x / ROOT)),
             (AMONG,), WRONG),
    Everyday("gelu by erfc far out, x forgotten", gelu_by_complement,
             lambda g, x: g * (0.5 * erfc(-x / ROOT) + density(x)), (FAR,), NOT_RIGHT),
]  # fmt: skip


# Ties in what sorts. One of the equal entries gets the gradient of its place.
def sorted_backward(g, x):
    gradient = np.zeros_like(x)
    np.put_along_axis(gradient, np.argsort(x, axis=-1, kind="stable"), g, axis=-1)
    return gradient


def median_backward(g, x):
    """Of an even number, the mean of the middle two."""
    order, n = np.argsort(x, kind="stable"), len(x)
    gradient = np.zeros_like(x)
    gradient[order[(n - 1) // 2]] += g / 2
    gradient[order[n // 2]] += g / 2
    return gradient


def largest(count):
    return lambda x: np.sort(x, axis=-1)[..., ::-1][..., :count]


def largest_backward(count):
    def backward(g, x):
        gradient = np.zeros_like(x)
        places = np.argsort(-x, axis=-1, kind="stable")[..., :count]
        np.put_along_axis(gradient, places, g, axis=-1)
        return gradient

    return backward


def sum_of_largest(x):
    return largest(2)(x).sum(axis=-1)


def sum_of_largest_backward(g, x):
    return largest_backward(2)(np.stack([g, g], axis=-1), x)


def quantile(share):
    return lambda x: np.quantile(x, share)


def quantile_backward(share):
    def backward(g, x):
        order, place = np.argsort(x, kind="stable"), share * (len(x) - 1)
        low = int(place)
        gradient = np.zeros_like(x)
        gradient[order[low]] += g * (1 - (place - low))
        gradient[order[low + 1]] += g * (place - low)
        return gradient

    return backward


TRIPLE = np.array([2.0, 0.5, 2.0, -1.0, 2.0])
TIED_ROWS = np.array([[3.0, 1, 1, 2, 0], [4, 4, 0, 1, 4], [1, 2, 3, 4, 5]])
TIES = [
    Everyday("sort with a triple tie", np.sort, sorted_backward, (TRIPLE,), NOT_WRONG),
    Everyday("sort of rows with ties", lambda x: np.sort(x, axis=1), sorted_backward, (TIED_ROWS,), NOT_WRONG),
    Everyday("sort with a triple tie, gathered for scattered", np.sort, lambda g, x: g[np.argsort(x, kind="stable")],
             (np.array([2.0, 2.0, 0.5, 2.0, -1.0, 7.0]),), WRONG),
    Everyday("median with a triple tie", np.median, median_backward, (np.array([1.0, 2, 2, 2, 5]),), NOT_WRONG),
    Everyday("median of an even number, a triple tie", np.median, median_backward, (np.array([2.0, 1, 2, 2, 5, 7]),),
             NOT_WRONG),
    Everyday("median with a triple tie, shared", np.median,
             lambda g, x: g * (x == np.median(x)) / (x == np.median(x)).sum(), (np.array([1.0, 2, 2, 2, 5]),),
             NOT_WRONG),
    Everyday("median with a triple tie, each gets all", np.median, lambda g, x: g * (x == np.median(x)),
             (np.array([1.0, 2, 2, 2, 5]),), NOT_RIGHT),
    Everyday("the three largest, a tie among them", largest(3), largest_backward(3), (np.array([5.0, 1, 5, 3, 0]),),
             NOT_WRONG),
    Everyday("the two largest, a tie at the threshold", largest(2), largest_backward(2), (TIED_ROWS,), NOT_WRONG),
    Everyday("the sum of the two largest, a tie", sum_of_largest, sum_of_largest_backward, (TIED_ROWS,)),
    Everyday("the sum of the two largest, each tie gets all", sum_of_largest,
             lambda g, x: g[:, None] * (x >= largest(2)(x)[:, -1:]), (TIED_ROWS,), WRONG),
    *[Everyday(f"quantile {share} with ties", quantile(share), quantile_backward(share),
               (np.array([1.0, 3, 3, 3, 0, 3, 8]),), NOT_WRONG) for share in (0.3, 0.5, 0.75)],
    Everyday("quantile 0.3 with ties, counted from above", quantile(0.3), quantile_backward(0.7),
             (np.array([1.0, 3, 3, 3, 0, 3, 8]),), WRONG),
]  # fmt: skip


# Saturated in float32.
def sharp(z):
    return softmax(1000 * z)


def sharp_backward(g, z):
    s = sharp(z)
    return 1000 * s * (g - (g * s).sum(axis=1, keepdims=True))


SHARP = np.array([[0.5, -0.3, 0.1], [0.2, 0.2, -1], [1, 1.001, 0.999]], np.float32)
SATURATED = [
    Everyday("sharp softmax, float32", sharp, sharp_backward, (SHARP,), NOT_WRONG),
    Everyday("sharp softmax, float32, all saturated", sharp, sharp_backward, (SHARP[:1],), NOT_WRONG),
    Everyday("softmax of logits 1000 large, float32", lambda z: softmax(z),
             lambda g, z: softmax(z) * (g - (g * softmax(z)).sum(axis=1, keepdims=True)),
             (normal(250, 4, 5, scale=1000).astype(np.float32),), NOT_WRONG),
    Everyday("sharp softmax, float32, the sum forgotten", sharp, lambda g, z: 1000 * sharp(z) * g, (SHARP,), WRONG),
    Everyday("sharp softmax, float32, 1000 forgotten", sharp, lambda g, z: sharp_backward(g, z) / 1000, (SHARP,),
             WRONG),
]  # fmt: skip


# The lower incomplete gamma function, regularised, by its series.
def lower_gamma(a):
    def forward(x):
        term = np.ones_like(x) / a
        total = term.copy()
        for n in range(1, 60):
            term = term * x / (a + n)
            total = total + term
        return x**a * np.exp(-x) * total / math.gamma(a)

    return forward


def lower_gamma_backward(a, factor=1.0):
    return lambda g, x: factor * g * x ** (a - 1) * np.exp(-x) / math.gamma(a)


GAMMA = [
    *[Everyday(f"lower gamma of {a} at 0", lower_gamma(a), lower_gamma_backward(a), (np.array([0.0, 0.5, 2.0]),),
               NOT_WRONG)
      for a in (1.5, 2.5, 3.0, 1.1)],
    Everyday("lower gamma of 2.5 at 0, float32", lower_gamma(2.5), lower_gamma_backward(2.5),
             (np.array([0.0, 0.5, 2.0], np.float32),), NOT_WRONG),
    Everyday("lower gamma of 2.5 at 0, not regularised", lower_gamma(2.5), lower_gamma_backward(2.5, math.gamma(2.5)),
             (np.array([0.0, 0.5, 2.0]),), WRONG),
]  # fmt: skip


# Stairs on a slope.
def float16(x):
    return x.astype(np.float16).astype(np.float64)


def stairs_on_slope(x):
    return np.sin(x) + 0.1 * float16(x)


def stairs_within(x):
    return x + np.tanh(float16(x)) * x


def stairs_within_backward(g, x):
    t = np.tanh(float16(x))
    return g * (1 + t + (1 - t * t) * x)


def residual(x, w):
    return x + np.tanh(float16(x) @ float16(w))


def residual_backward(g, x, w):
    grad = g * (1 - np.tanh(float16(x) @ float16(w)) ** 2)
    return g + grad @ w.T, x.T @ grad


RESIDUAL = (normal(251, 3, 4), normal(252, 4, 4, scale=0.5))
STAIRS = [
    Everyday("float16 inside and a sine", stairs_on_slope, lambda g, x: g * (np.cos(x) + 0.1), (normal(253, 3, 4),),
             NOT_WRONG),
    Everyday("float16 inside and a sine, the stairs forgotten", stairs_on_slope, lambda g, x: g * np.cos(x),
             (normal(253, 3, 4),), NOT_RIGHT),
    Everyday("float16 inside and a sine, a factor 2", stairs_on_slope, lambda g, x: 2 * g * (np.cos(x) + 0.1),
             (normal(253, 3, 4),), NOT_RIGHT),
    Everyday("float16 within a product", stairs_within, stairs_within_backward, (normal(254, 5),), NOT_WRONG),
    Everyday("float16 within a product, a factor 2", stairs_within, lambda g, x: 2 * stairs_within_backward(g, x),
             (normal(254, 5),), NOT_RIGHT),
    Everyday("float16 inside a residual layer", residual, residual_backward, RESIDUAL, NOT_WRONG),
    Everyday("float16 inside a residual layer, the short cut forgotten", residual,
             lambda g, x, w: (residual_backward(g, x, w)[0] - g, residual_backward(g, x, w)[1]), RESIDUAL, NOT_RIGHT),
]  # fmt: skip


# Faster and faster towards 0: chance agreement is no evidence.
def wave(x):
    return np.sin(1 / x)


def wave_backward(factor=1.0):
    return lambda g, x: -factor * g * np.cos(1 / x) / x**2


WAVES = [
    Everyday("sin(1/x)", wave, wave_backward(), (np.array([0.05, 0.11, 0.3, -0.7]),), NOT_WRONG),
    Everyday("sin(1/x) near 0", wave, wave_backward(), (np.array([1.3e-3, -4.1e-3, 0.011]),), NOT_WRONG),
    Everyday("sin(1/x) very near 0", wave, wave_backward(), (np.array([1.7e-6, 3.1e-5]),), NOT_WRONG),
    *[Everyday(f"sin(1/x) near 0, a factor {factor}, seed {seed}", wave, wave_backward(factor),
               (np.random.default_rng(seed).uniform(1e-3, 2e-2, 4),), NOT_RIGHT, {"seed": seed})
      for factor, seed in [(-1, 255), (2, 256), (1.01, 257), (1.0001, 258)]],
    Everyday("x^2 sin(1/x) near 0", lambda x: x * x * np.sin(1 / x),
             lambda g, x: g * (2 * x * np.sin(1 / x) - np.cos(1 / x)), (np.array([1.3e-3, -4.1e-3, 0.3]),), NOT_WRONG),
    Everyday("x^2 sin(1/x) near 0, a term forgotten", lambda x: x * x * np.sin(1 / x),
             lambda g, x: g * 2 * x * np.sin(1 / x), (np.array([1.3e-3, -4.1e-3, 0.3]),), NOT_RIGHT),
]  # fmt: skip

CASES = [*GELU, *TIES, *SATURATED, *GAMMA, *STAIRS, *WAVES]
