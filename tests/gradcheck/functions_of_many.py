"""Functions of many variables, with their gradients in closed form."""

import mpmath as mp
import numpy as np

from tests.gradcheck.draws import between, decades, normal
from tests.gradcheck.known import (
    Known,
    cos,
    determinant,
    exact,
    exp,
    inverse,
    log,
    over,
    sin,
    sqrt,
    tanh,
)

# 10^5 numbers of size 1e6 whose sum is far below.
TERMS = 1e6 * np.random.default_rng(7).standard_normal(10**5)
BUMP = 1e8


def log_sum_exp(z):
    top = z.max(axis=-1, keepdims=True)
    return np.log(np.exp(z - top).sum(axis=-1)) + top[..., 0]


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def shares(z):
    """The softmax, in mpmath."""
    e = exp(z)
    return e / e.sum(axis=-1, keepdims=True)


def log_sum_exp_gradient(g, z):
    return (g[..., None] * shares(z),)


def softmax_gradient(g, z):
    p = shares(z)
    return (p * (g - (g * p).sum(axis=-1, keepdims=True)),)


def matmul_gradient(g, x, w):
    return g @ w.T, x.T @ g


def length(x):
    return np.sqrt((x * x).sum(axis=-1))


def length_gradient(g, x):
    return ((g / sqrt((x * x).sum(axis=-1)))[..., None] * x,)


def quadratic(x, a):
    return np.einsum("ni,ij,nj->n", x, a, x)


def quadratic_gradient(g, x, a):
    return g[:, None] * (x @ (a + a.T)), (g[:, None] * x).T @ x


def standardize(z):
    return (z - z.mean(axis=0)) / z.std(axis=0)


def standardize_gradient(g, z):
    centred = z - z.sum(axis=0) / len(z)
    s = sqrt((centred**2).sum(axis=0) / len(z))
    y = centred / s
    return ((g - g.sum(axis=0) / len(z) - y * (g * y).sum(axis=0) / len(z)) / s,)


def logistic_loss(x, w):
    """The mean loss of a classifier whose margins are x w."""
    return np.logaddexp(0, -(x @ w)).mean()


def logistic_loss_gradient(g, x, w):
    slope = -g / (1 + exp(x @ w)) / len(x)
    return np.outer(slope, w), slope @ x


def cumulative_product_gradient(g, x):
    d = np.zeros_like(x)
    for j in range(x.shape[1]):
        rest = np.delete(x, j, axis=1).cumprod(axis=1)  # the product of the first k + 1 others
        before = np.ones(len(x), object) if j == 0 else rest[:, j - 1]
        d[:, j] = g[:, j] * before + (g[:, j + 1 :] * rest[:, j:]).sum(axis=1)
    return (d,)


def network(x, first, bias, second):
    return np.tanh(x @ first + bias) @ second


def network_gradient(g, x, first, bias, second):
    hidden = tanh(x @ first + bias)
    back = (g @ second.T) * (1 - hidden**2)
    return back @ first.T, x.T @ back, back.sum(axis=0), hidden.T @ g


def relu_network(x, first, bias, second):
    return np.maximum(x @ first + bias, 0) @ second


def relu_network_gradient(g, x, first, bias, second):
    before = x @ first + bias
    back = (g @ second.T) * (before > 0)
    return back @ first.T, x.T @ back, back.sum(axis=0), (before * (before > 0)).T @ g


def determinant_gradient(g, a):
    return (np.array([c * determinant(m) * inverse(m).T for c, m in zip(g, a, strict=True)]),)


def inverse_gradient(g, a):
    b = inverse(a).T
    return (-b @ g @ b,)


def log_determinant(a):
    return np.linalg.slogdet(a)[1]


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def rosenbrock_gradient(g, x):
    d = np.zeros_like(x)
    d[1:] = 200 * (x[1:] - x[:-1] ** 2)
    d[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    return (g * d,)


def convolve_gradient(g, x, w):
    return (
        np.array([(g[k : k + len(w)] * w).sum() for k in range(len(x))]),
        np.array([(g[k : k + len(x)] * x).sum() for k in range(len(w))]),
    )


def cosine(a, b):
    return (a * b).sum(axis=-1) / (length(a) * length(b))


def cosine_gradient(g, a, b):
    g, p, q = g[:, None], sqrt((a * a).sum(axis=-1))[:, None], sqrt((b * b).sum(axis=-1))[:, None]
    c = (a * b).sum(axis=-1)[:, None] / (p * q)
    return g * (b / q - c * a / p) / p, g * (a / p - c * b / q) / q


def angle_gradient(g, a, b):
    c = (a * b).sum(axis=-1) / sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return cosine_gradient(-g / sqrt(1 - c * c), a, b)


def power_gradient(g, x, y):
    return g * y * x ** (y - 1), g * log(x) * x**y


def attention(q, k, v):
    return softmax(q @ k.T) @ v


def attention_gradient(g, q, k, v):
    p = shares(q @ k.T)
    (back,) = softmax_gradient(g @ v.T, q @ k.T)
    return back @ k, back.T @ q, p.T @ g


def spectrum(x):
    return np.abs(np.fft.rfft(x)) ** 2


def spectrum_gradient(g, x):
    turn = 2 * mp.pi / len(x) * np.outer(np.arange(len(g)), np.arange(len(x)))
    wave = cos(turn), sin(turn)
    return (sum(2 * g * (w @ x) @ w for w in wave),)


def among_terms(x):
    """x among 10^5 others that cancel it out of the first ten digits of the sum."""
    return np.concatenate([TERMS, np.sin(x), -TERMS]).sum()


def weighted_terms(x):
    """Every tenth of 10^5 terms depends on x: Σ t (1 + x) over these, Σ t over the others."""
    return (TERMS.reshape(-1, 10) @ np.append(1 + x, np.ones(10 - x.size))).sum()


def weighted_terms_gradient(g, x):
    return (g * exact(TERMS.reshape(-1, 10)[:, : x.size]).sum(axis=0),)


def expanded_variance(x):
    return (x * x).mean() - x.mean() ** 2


def variance_gradient(g, x):
    return (2 * g * (x - x.sum() / len(x)) / len(x),)


def entropy(p):
    return -(p * np.log(p)).sum()


def close_pairs(rng):
    """Vectors at small angles."""
    a = rng.standard_normal((6, 4))
    return a, a + 10.0 ** rng.uniform(-5, 0, (6, 1)) * rng.standard_normal((6, 4))


def inside(rng):
    """A point inside the half spaces a x < b, some borders of which are close by."""
    x, a = rng.standard_normal(5), rng.standard_normal((12, 5))
    return x, a, a @ x + 10.0 ** rng.uniform(-6, 0, 12)


def barrier(x, a, b):
    return -np.log(b - a @ x).sum()


def barrier_gradient(g, x, a, b):
    slope = g / (b - a @ x)
    return slope @ a, np.outer(slope, x), -slope


def place_of_largest(x, axis=-1):
    return (x == x.max(axis=axis, keepdims=True)).astype(object)


def sort_gradient(g, x):
    d = np.empty_like(x)
    np.put_along_axis(d, np.argsort(x.astype(float), axis=-1), g, axis=-1)
    return (d,)


def margins(x, w):
    return np.maximum(0, 1 - x @ w).mean()


def margins_gradient(g, x, w):
    slope = -g * (x @ w < 1) / len(x)
    return np.outer(slope, w), slope @ x


def with_winners(*shape):
    return normal(shape, scale=30)


OF_MANY = [
    Known("log-sum-exp", "smooth", log_sum_exp, log_sum_exp_gradient, normal((8, 12))),
    Known("softmax", "smooth", softmax, softmax_gradient, normal((8, 8))),
    Known("matrix product", "smooth", np.matmul, matmul_gradient, normal((9, 7), (7, 6))),
    Known("length", "smooth", length, length_gradient, normal((12, 8))),
    Known("quadratic form", "smooth", quadratic, quadratic_gradient, normal((12, 5), (5, 5))),
    Known("standardize", "smooth", standardize, standardize_gradient, normal((12, 6), scale=2)),
    Known("logistic loss", "smooth", logistic_loss, logistic_loss_gradient, normal((16, 5), (5,))),
    Known("cumulative product", "smooth", lambda x: x.cumprod(axis=1), cumulative_product_gradient,
          between(0.5, 2, (12, 6))),
    Known("network", "smooth", network, network_gradient, normal((6, 4), (4, 5), (5,), (5, 3))),
    Known("determinant", "smooth", np.linalg.det, determinant_gradient, normal((5, 4, 4))),
    Known("log determinant", "smooth", log_determinant, lambda g, a: (g * inverse(a).T,), normal((6, 6))),
    Known("inverse", "smooth", np.linalg.inv, inverse_gradient, normal((6, 6))),
    Known("Rosenbrock", "smooth", rosenbrock, rosenbrock_gradient, normal((60,))),
    Known("convolution", "smooth", np.convolve, convolve_gradient, normal((60,), (7,))),
    Known("cosine similarity", "smooth", cosine, cosine_gradient, normal((8, 5), (8, 5))),
    Known("power", "smooth", np.power, power_gradient, between(0.5, 3, (40,), (40,))),
    Known("attention", "smooth", attention, attention_gradient, normal((5, 4), (6, 4), (6, 3))),
    Known("power spectrum", "smooth", spectrum, spectrum_gradient, normal((40,))),
    Known("direction in the plane", "smooth", np.arctan2,
          lambda g, y, x: (g * x / (x * x + y * y), -g * y / (x * x + y * y)), normal((50,), (50,))),
    # Stiff, saturated.
    Known("softmax with winners", "hard", softmax, softmax_gradient, with_winners(8, 8)),
    Known("log-sum-exp with winners", "hard", log_sum_exp, log_sum_exp_gradient, with_winners(8, 8)),
    Known("logistic loss far out", "hard", logistic_loss, logistic_loss_gradient, normal((12, 5), (5,), scale=5)),
    Known("saturated network", "hard", network, network_gradient, normal((5, 4), (4, 5), (5,), (5, 3), scale=3)),
    Known("Rosenbrock far out", "hard", rosenbrock, rosenbrock_gradient, normal((60,), scale=1e3)),
    # Cancelling, offset.
    Known("among 1e5 terms", "hard", among_terms, lambda g, x: (g * cos(x),), normal((10,))),
    Known("in 1e5 terms", "hard", weighted_terms, weighted_terms_gradient, normal((8,))),
    Known("variance by its expansion", "hard", expanded_variance, variance_gradient, normal((60,), shift=1e3)),
    Known("standardize far from zero", "hard", standardize, standardize_gradient, normal((12, 4), shift=1e5)),
    Known("offset before a product", "hard", lambda x, w: BUMP + x @ w, matmul_gradient, normal((6, 4), (4, 5))),
    # Scales.
    Known("product of 1e150 and 1e-150", "hard", lambda x, w: (1e150 * x) @ (1e-150 * w), matmul_gradient,
          normal((6, 5), (5, 6))),
    Known("length of 1e-150", "hard", length, length_gradient, normal((12, 5), scale=1e-150)),
    Known("length of 1e150", "hard", length, length_gradient, normal((12, 5), scale=1e150)),
    Known("quadratic form of 1e100", "hard", quadratic, quadratic_gradient, normal((8, 5), (5, 5), scale=1e100)),
    Known("matrix product at 1e-150", "hard", np.matmul, matmul_gradient, normal((6, 5), (5, 6), scale=1e-150)),
    Known("determinant of 1e-75", "hard", np.linalg.det, determinant_gradient, normal((4, 4, 4), scale=1e-75)),
    Known("cumulative product over decades", "hard", lambda x: x.cumprod(axis=1), cumulative_product_gradient,
          lambda rng: (10.0 ** rng.uniform(-20, 20, (12, 6)),)),
    # Edges of a domain.
    Known("entropy", "hard", entropy, lambda g, p: (-g * (log(p) + 1),), decades(-6, 0, 60)),
    Known("angle of close vectors", "hard", lambda a, b: np.arccos(cosine(a, b)), angle_gradient, close_pairs),
    Known("barrier close to its walls", "hard", barrier, barrier_gradient, inside),
    # Through float32 inside.
    Known("matrix product in float32", "hard",
          lambda x, w: (x.astype(np.float32) @ w.astype(np.float32)).astype(np.float64), matmul_gradient,
          normal((4, 4), (4, 4))),
    # Kinks and jumps, not at the point.
    Known("largest of a row", "broken", lambda x: x.max(axis=1), lambda g, x: (g[:, None] * place_of_largest(x),),
          normal((16, 6))),
    Known("sort", "broken", lambda x: np.sort(x, axis=1), sort_gradient, normal((8, 6))),
    Known("relu network", "broken", relu_network, relu_network_gradient, normal((6, 4), (4, 5), (5,), (5, 3))),
    Known("hinge loss", "broken", margins, margins_gradient, normal((16, 5), (5,))),
    Known("sum of sizes", "broken", lambda x: np.abs(x).sum(), lambda g, x: (g * over(mp.sign)(x),),
          normal((60,))),
    Known("product and floor", "broken", lambda x, w: x @ w + np.floor(x @ w), matmul_gradient, normal((6, 4), (4, 5))),
]  # fmt: skip
