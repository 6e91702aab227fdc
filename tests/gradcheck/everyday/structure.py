"""What an input has to be (a distribution, symmetric, sorted, of one sign) holds at the second point too."""

import numpy as np

from tests.gradcheck.everyday.case import (
    ELSEWHERE,
    NOT_WRONG,
    WRONG,
    Everyday,
    batch_norm,
    batch_norm_backward,
    log_softmax,
    normal,
    softmax,
    uniform,
)

# Labels: integers, booleans, and floats that are not asked for.
CLASSES = np.array([2, 0, 3, 3, 1, 0])


def mean_loss_of_classes(z, y):
    return -log_softmax(z)[np.arange(len(y)), y].mean()


def mean_loss_of_classes_backward(g, z, y):
    p = softmax(z)
    p[np.arange(len(y)), y] -= 1
    return g * p / len(y), None


def smoothed_loss(z, y):
    return -((0.9 * y + 0.1 / y.shape[1]) * log_softmax(z)).sum(axis=1)


def smoothed_loss_backward(g, z, y):
    return g[:, None] * (softmax(z) - (0.9 * y + 0.1 / y.shape[1])), None


def loss_in_columns(z, y):
    return -(y * log_softmax(z, axis=0)).sum(axis=0)


def with_loss_of_labels(axis):
    """Soft labels that are checked themselves: softmax(z) - y is right because they sum to 1."""

    def forward(z, y):
        return -(y * log_softmax(z, axis)).sum(axis=axis)

    def backward(g, z, y):
        g = np.expand_dims(g, axis)
        return g * (softmax(z, axis) - y), -g * log_softmax(z, axis)

    return forward, backward


HOT = np.eye(4)[CLASSES]
LABELS = [
    Everyday("classes as integers", mean_loss_of_classes, mean_loss_of_classes_backward, (normal(1, 6, 4), CLASSES)),
    Everyday("classes as integers, the mean forgotten", mean_loss_of_classes,
             lambda g, z, y: (6 * mean_loss_of_classes_backward(g, z, y)[0], None), (normal(1, 6, 4), CLASSES), WRONG),
    Everyday("one-hot booleans, smoothed", smoothed_loss, smoothed_loss_backward, (normal(2, 6, 4), HOT == 1)),
    Everyday("one-hot booleans, the smoothing forgotten", smoothed_loss,
             lambda g, z, y: (g[:, None] * (softmax(z) - y), None), (normal(2, 6, 4), HOT == 1), WRONG),
    Everyday("one-hot floats in columns, not asked for", loss_in_columns,
             lambda g, z, y: (g * (softmax(z, 0) - y), None), (normal(3, 4, 6), HOT.T.copy()), options={"wrt": [0]}),
    Everyday("one-hot floats in columns, softmax of the rows", loss_in_columns,
             lambda g, z, y: (g * (softmax(z, 1) - y), None), (normal(3, 4, 6), HOT.T.copy()), WRONG, {"wrt": [0]}),
    Everyday("one-hot floats in rows, asked for", *with_loss_of_labels(1), (normal(4, 6, 4), HOT)),
    Everyday("soft labels in rows", *with_loss_of_labels(1),
             (normal(5, 5, 3), np.random.default_rng(5).dirichlet([1, 2, 3], 5))),
    Everyday("soft labels in rows, p for log p", with_loss_of_labels(1)[0],
             lambda g, z, y: (g[:, None] * (softmax(z) - y), -g[:, None] * softmax(z)),
             (normal(5, 5, 3), np.random.default_rng(5).dirichlet([1, 2, 3], 5)), WRONG),
    Everyday("soft labels in columns", *with_loss_of_labels(0), (normal(6, 3, 7), softmax(normal(7, 3, 7), 0))),
    Everyday("soft labels in columns, one sign wrong", with_loss_of_labels(0)[0],
             lambda g, z, y: (g * (y - softmax(z, 0)), -g * log_softmax(z, 0)),
             (normal(6, 3, 7), softmax(normal(7, 3, 7), 0)), WRONG),
]  # fmt: skip


# Distributions.
def divergence(p, z):
    return (p * (np.log(p) - log_softmax(z))).sum(axis=1)


def divergence_backward(g, p, z):
    return g[:, None] * (np.log(p) + 1 - log_softmax(z)), g[:, None] * (softmax(z) - p)


def jensen_shannon(p, q):
    m = (p + q) / 2
    return (p * np.log(p / m) + q * np.log(q / m)).sum() / 2


def weighted_average(a, v):
    return (a / a.sum(axis=1, keepdims=True)) @ v


def weighted_average_backward(g, a, v):
    return g @ v.T - (g * (a @ v)).sum(axis=1, keepdims=True), a.T @ g


def mixture(w, likelihood):
    return -np.log(likelihood @ w / w.sum())


def mixture_backward(g, w, likelihood):
    density = (likelihood @ w)[:, None]
    return (g[:, None] * (1 - likelihood / density)).sum(axis=0), -g[:, None] * w / density


P, Q = softmax(normal(8, 4, 5)), softmax(normal(9, 4, 5))
MIXED = (np.array([0.5, 0.2, 0.3]), uniform(10, 0.1, 2, 6, 3))
DISTRIBUTIONS = [
    Everyday("divergence from a softmax", divergence, divergence_backward, (P, normal(11, 4, 5))),
    Everyday("divergence from a softmax, its 1 forgotten", divergence,
             lambda g, p, z: (g[:, None] * (np.log(p) - log_softmax(z)), g[:, None] * (softmax(z) - p)),
             (P, normal(11, 4, 5)), WRONG),
    Everyday("Jensen-Shannon", jensen_shannon,
             lambda g, p, q: (g * np.log(2 * p / (p + q)) / 2, g * np.log(2 * q / (p + q)) / 2), (P, Q)),
    Everyday("Jensen-Shannon, q for the mean", jensen_shannon,
             lambda g, p, q: (g * np.log(p / q) / 2, g * np.log(q / p) / 2), (P, Q), WRONG),
    Everyday("attention weights, normalised again", weighted_average, weighted_average_backward,
             (softmax(normal(12, 3, 5)), normal(13, 5, 4))),
    Everyday("attention weights, the normalisation forgotten", weighted_average,
             lambda g, a, v: (g @ v.T, a.T @ g), (softmax(normal(12, 3, 5)), normal(13, 5, 4)), WRONG),
    Everyday("weights of a mixture", mixture, mixture_backward, MIXED),
    Everyday("weights of a mixture, their sum forgotten", mixture,
             lambda g, w, p: (-(g[:, None] * p / (p @ w)[:, None]).sum(axis=0), mixture_backward(g, w, p)[1]),
             MIXED, WRONG),
]  # fmt: skip


# Matrices: symmetric, antisymmetric, orthogonal, triangular.
def symmetric(seed, *shape):
    a = normal(seed, *shape)
    return (a + np.swapaxes(a, -1, -2)) / 2


def antisymmetric(seed, size):
    a = normal(seed, size, size)
    return a - a.T


def orthogonal(seed, size):
    return np.linalg.qr(normal(seed, size, size))[0]


def covariance(seed, size):
    a = normal(seed, size, size + 2)
    return (a @ a.T + (a @ a.T).T) / 2 + np.eye(size)


def trace_of_product(a, b):
    return np.einsum("...ij,...ji->...", a, b)


def trace_of_product_backward(g, a, b):
    return g[..., None, None] * b, g[..., None, None] * a


def quadratic_form(a, x):
    return x @ a @ x


def distance(a, x):
    return x @ np.linalg.solve(a, x)


def distance_backward(g, a, x):
    y = np.linalg.solve(a, x)
    return -g * np.outer(y, y), 2 * g * y


def largest_eigenvalue(a):
    return np.linalg.eigvals(a).real.max()


def largest_eigenvalue_backward(g, a):
    v = np.linalg.eigh(a)[1][:, -1]
    return g * np.outer(v, v)


def eigenvalues_backward(g, a):
    """eigvalsh reads the lower triangle alone."""
    v = np.linalg.eigh(a)[1]
    full = (v * g) @ v.T
    return np.tril(2 * full) - np.diag(np.diag(full))


def roughness(w, x):
    return (w * (x[:, None] - x) ** 2).sum() / 2


def roughness_backward(g, w, x):
    return g * (x[:, None] - x) ** 2 / 2, 2 * g * (w.sum(axis=1) * x - w @ x)


def graph_layer(a, x, w):
    return a @ x @ w


def graph_layer_backward(g, a, x, w):
    return g @ (x @ w).T, a @ g @ w.T, (a @ x).T @ g


def solved(q, x):
    return np.linalg.solve(q, x)


def solved_backward(g, q, x):
    return -np.outer(q @ g, q.T @ x), q @ g


ADJACENCY = np.array([[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 0, 0]], float)
MATRICES = [
    Everyday("trace of a product, symmetric", trace_of_product, trace_of_product_backward,
             (symmetric(20, 4, 4), symmetric(21, 4, 4))),
    Everyday("trace of a product, any matrices", trace_of_product, trace_of_product_backward,
             (normal(20, 4, 4), normal(21, 4, 4)), WRONG),
    Everyday("trace of a product, a stack of symmetric ones", trace_of_product, trace_of_product_backward,
             (symmetric(22, 3, 4, 4), symmetric(23, 3, 4, 4))),
    Everyday("quadratic form, 2 A x", quadratic_form, lambda g, a, x: (g * np.outer(x, x), 2 * g * (a @ x)),
             (symmetric(24, 5, 5), normal(25, 5))),
    Everyday("quadratic form, A x", quadratic_form, lambda g, a, x: (g * np.outer(x, x), g * (a @ x)),
             (symmetric(24, 5, 5), normal(25, 5)), WRONG),
    Everyday("Mahalanobis distance", distance, distance_backward, (covariance(26, 4), normal(27, 4))),
    Everyday("Mahalanobis distance, one sign wrong", distance,
             lambda g, a, x: (-distance_backward(g, a, x)[0], distance_backward(g, a, x)[1]),
             (covariance(26, 4), normal(27, 4)), WRONG),
    Everyday("largest eigenvalue", largest_eigenvalue, largest_eigenvalue_backward, (symmetric(28, 4, 4),)),
    Everyday("largest eigenvalue of any matrix, the same", largest_eigenvalue, largest_eigenvalue_backward,
             (np.diag([4.0, 1, -1, -2]) + normal(28, 4, 4, scale=0.3),), WRONG),
    Everyday("eigenvalues of the lower triangle", np.linalg.eigvalsh, eigenvalues_backward, (symmetric(29, 4, 4),)),
    Everyday("eigenvalues of the lower triangle, halves in both", np.linalg.eigvalsh,
             lambda g, a: (np.linalg.eigh(a)[1] * g) @ np.linalg.eigh(a)[1].T, (symmetric(29, 4, 4),)),
    Everyday("eigenvalues of the lower triangle, half of it", np.linalg.eigvalsh,
             lambda g, a: np.tril((np.linalg.eigh(a)[1] * g) @ np.linalg.eigh(a)[1].T), (symmetric(29, 4, 4),), WRONG),
    Everyday("Laplacian of a graph with weights", roughness, roughness_backward,
             (np.abs(symmetric(30, 5, 5)), normal(31, 5))),
    Everyday("Laplacian of a graph, the degrees forgotten", roughness,
             lambda g, w, x: (roughness_backward(g, w, x)[0], -2 * g * (w @ x)),
             (np.abs(symmetric(30, 5, 5)), normal(31, 5)), WRONG),
    Everyday("Laplacian of an adjacency, not asked for", roughness,
             lambda g, w, x: (None, roughness_backward(g, w, x)[1]), (ADJACENCY, normal(32, 4)), options={"wrt": [1]}),
    Everyday("graph convolution", graph_layer, graph_layer_backward,
             (symmetric(33, 4, 4), normal(34, 4, 3), normal(35, 3, 2))),
    Everyday("graph convolution, A forgotten in one", graph_layer,
             lambda g, a, x, w: (*graph_layer_backward(g, a, x, w)[:2], x.T @ g),
             (symmetric(33, 4, 4), normal(34, 4, 3), normal(35, 3, 2)), WRONG),
    Everyday("antisymmetric, -A for its transpose", lambda a, x: a @ x, lambda g, a, x: (np.outer(g, x), -a @ g),
             (antisymmetric(36, 4), normal(37, 4))),
    Everyday("antisymmetric, A for its transpose", lambda a, x: a @ x, lambda g, a, x: (np.outer(g, x), a @ g),
             (antisymmetric(36, 4), normal(37, 4)), WRONG),
    Everyday("antisymmetric, a form that is 0", quadratic_form, lambda g, a, x: (g * np.outer(x, x), 0 * x),
             (antisymmetric(38, 3), normal(39, 3)), NOT_WRONG),
    Everyday("antisymmetric, a form that is 0, 2 A x", quadratic_form,
             lambda g, a, x: (g * np.outer(x, x), 2 * g * (a @ x)), (antisymmetric(38, 3), normal(39, 3)), WRONG),
    Everyday("orthogonal, its transpose for the inverse", solved, solved_backward, (orthogonal(40, 4), normal(41, 4))),
    Everyday("orthogonal, transposed once too often", solved,
             lambda g, q, x: (-np.outer(q @ g, q.T @ x), q.T @ g), (orthogonal(40, 4), normal(41, 4)), WRONG),
    Everyday("orthogonal, its log-determinant", lambda q: np.linalg.slogdet(q)[1], lambda g, q: g * q,
             (orthogonal(42, 5),)),
    Everyday("orthogonal, its log-determinant, transposed", lambda q: np.linalg.slogdet(q)[1], lambda g, q: g * q.T,
             (orthogonal(42, 5),), WRONG),
    Everyday("orthogonal, lengths stay", lambda q, x: ((q @ x) ** 2).sum(),
             lambda g, q, x: (2 * g * np.outer(q @ x, x), 2 * g * x), (orthogonal(43, 3), normal(44, 3))),
    Everyday("lower triangular, masked in backward", lambda a, v: a @ v, lambda g, a, v: (g @ v.T, np.tril(a).T @ g),
             (np.tril(normal(45, 4, 4)), normal(46, 4, 2))),
    Everyday("lower triangular, the diagonal masked too", lambda a, v: a @ v,
             lambda g, a, v: (g @ v.T, np.tril(a, -1).T @ g), (np.tril(normal(45, 4, 4)), normal(46, 4, 2)), WRONG),
    Everyday("upper triangular, masked in backward", lambda a, v: a @ v,
             lambda g, a, v: (np.outer(g, v), g @ np.triu(a)), (np.triu(normal(47, 5, 5)), normal(48, 5))),
]  # fmt: skip


# Sorted.
def interpolated(x, knots, values):
    return np.interp(x, knots, values)


def interpolated_backward(g, x, knots, values):
    k = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    width = knots[k + 1] - knots[k]
    t = np.clip((x - knots[k]) / width, 0, 1)
    slope = np.where((x > knots[0]) & (x < knots[-1]), (values[k + 1] - values[k]) / width, 0)
    grad_knots, grad_values = np.zeros_like(knots), np.zeros_like(values)
    np.add.at(grad_knots, k, -g * slope * (1 - t))
    np.add.at(grad_knots, k + 1, -g * slope * t)
    np.add.at(grad_values, k, g * (1 - t))
    np.add.at(grad_values, k + 1, g * t)
    return g * slope, grad_knots, grad_values


def interpolated_the_other_way(g, x, knots, values):
    """The two ends of each piece swapped."""
    grad_x, grad_knots, _ = interpolated_backward(g, x, knots, values)
    k = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    t = (x - knots[k]) / (knots[k + 1] - knots[k])
    grad_values = np.zeros_like(values)
    np.add.at(grad_values, k, g * t)
    np.add.at(grad_values, k + 1, g * (1 - t))
    return grad_x, grad_knots, grad_values


def variation(x):
    return np.abs(np.diff(x, axis=1)).sum(axis=1)


def variation_of_falling_rows_backward(g, x):
    gradient = np.zeros_like(x)
    gradient[:, 0], gradient[:, -1] = g, -g
    return gradient


def gini(x):
    return np.abs(x[:, None] - x).sum() / (2 * len(x) * x.sum())


def gini_backward(g, x):
    """For sorted incomes."""
    n = len(x)
    return g * ((2 * np.arange(1, n + 1) - n - 1) / n - gini(x)) / x.sum()


def soft_count(x, edges):
    """How many of x lie between neighbouring edges, each edge a sigmoid wide: the edges must rise."""
    below = 1 / (1 + np.exp(4 * (x[:, None] - edges)))
    return np.log(np.diff(below, axis=1).sum(axis=0))


def soft_count_backward(g, x, edges):
    below = 1 / (1 + np.exp(4 * (x[:, None] - edges)))
    weight = g / np.diff(below, axis=1).sum(axis=0)
    grad_below = np.zeros(below.shape)
    grad_below[:, 1:] += weight
    grad_below[:, :-1] -= weight
    slope = 4 * below * (1 - below) * grad_below
    return -slope.sum(axis=1), slope.sum(axis=0)


KNOTS, FALLING = np.array([-2.0, -0.7, 0.1, 1.3, 2.5]), np.sort(normal(50, 3, 5), axis=1)[:, ::-1].copy()
INCOMES = np.sort(uniform(51, 1, 9, 7))
SORTED = [
    Everyday("interpolation", interpolated, interpolated_backward, (uniform(52, -1.9, 2.4, 6), KNOTS, normal(53, 5))),
    Everyday("interpolation, the ends of a piece swapped", interpolated, interpolated_the_other_way,
             (uniform(52, -1.9, 2.4, 6), KNOTS, normal(53, 5)), WRONG),
    Everyday("variation of falling rows", variation, variation_of_falling_rows_backward, (FALLING,)),
    Everyday("variation of falling rows, as if they rose", variation,
             lambda g, x: -variation_of_falling_rows_backward(g, x), (FALLING,), WRONG),
    Everyday("Gini of sorted incomes", gini, gini_backward, (INCOMES,)),
    Everyday("Gini of sorted incomes, ranks from 0", gini,
             lambda g, x: g * ((2 * np.arange(7) - 8) / 7 - gini(x)) / x.sum(), (INCOMES,), WRONG),
    Everyday("counts between rising edges", soft_count, soft_count_backward,
             (normal(54, 8), np.array([-3.0, -1, 0.2, 1, 3.5]))),
    Everyday("counts between rising edges, an edge off", soft_count,
             lambda g, x, e: (soft_count_backward(g, x, e)[0], np.roll(soft_count_backward(g, x, e)[1], 1)),
             (normal(54, 8), np.array([-3.0, -1, 0.2, 1, 3.5])), WRONG),
]  # fmt: skip


# Between 0 and 1, and of one sign.
def binary_entropy(p):
    return -p * np.log(p) - (1 - p) * np.log(1 - p)


def binary_loss(p, y):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()


def binary_loss_backward(g, p, y):
    return g * (p - y) / (p * (1 - p)) / p.size, None


def gamma_loss(x, rate):
    return rate * x - 2.5 * np.log(rate) - 1.5 * np.log(x)


def hellinger(p, q):
    return ((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=1)


PROBABILITIES, COUNTS = uniform(60, 0.05, 0.95, 4, 3), np.random.default_rng(61).poisson(3.0, (4, 3))
RANGES = [
    Everyday("binary entropy", binary_entropy, lambda g, p: g * np.log((1 - p) / p), (PROBABILITIES,)),
    Everyday("binary entropy, turned", binary_entropy, lambda g, p: g * np.log(p / (1 - p)), (PROBABILITIES,), WRONG),
    Everyday("binary loss", binary_loss, binary_loss_backward, (PROBABILITIES, COUNTS % 2)),
    Everyday("binary loss, p - y", binary_loss, lambda g, p, y: (g * (p - y) / p.size, None),
             (PROBABILITIES, COUNTS % 2), WRONG),
    Everyday("pixels clipped to [0, 1], the clip not in backward", lambda x: np.clip(x, 0, 1) ** 2,
             lambda g, x: 2 * g * x, (uniform(62, 0.02, 0.98, 5, 5),)),
    Everyday("pixels clipped to [0, 1], the same outside", lambda x: np.clip(x, 0, 1) ** 2,
             lambda g, x: 2 * g * x, (uniform(62, -0.5, 1.5, 5, 5),), WRONG),
    Everyday("absolute value of positive numbers", lambda x: np.abs(x).sum(axis=0), lambda g, x: g + 0 * x,
             (uniform(63, 0.3, 4, 3, 4),)),
    Everyday("absolute value of any numbers, the same", lambda x: np.abs(x).sum(axis=0), lambda g, x: g + 0 * x,
             (normal(63, 3, 4),), WRONG),
    Everyday("root of a square of negative numbers", lambda x: np.sqrt(x * x), lambda g, x: -g,
             (-uniform(64, 0.3, 4, 5),)),
    Everyday("log of the size of losses", lambda x: np.log(-x), lambda g, x: g / x, (-uniform(65, 1e-3, 9, 6),)),
    Everyday("log of the size of losses, one sign wrong", lambda x: np.log(-x), lambda g, x: -g / x,
             (-uniform(65, 1e-3, 9, 6),), WRONG),
    Everyday("Poisson", lambda rate, k: (rate - k * np.log(rate)).sum(), lambda g, rate, k: (g * (1 - k / rate), None),
             (uniform(66, 0.5, 6, 4, 3), COUNTS)),
    Everyday("Poisson, the rate of the log", lambda rate, k: (rate - k * np.log(rate)).sum(),
             lambda g, rate, k: (g * (rate - k), None), (uniform(66, 0.5, 6, 4, 3), COUNTS), WRONG),
    Everyday("gamma", gamma_loss, lambda g, x, rate: (g * (rate - 1.5 / x), g * (x - 2.5 / rate)),
             (uniform(67, 0.1, 5, 6), uniform(68, 0.5, 2, 6))),
    Everyday("gamma, a shape for the other", gamma_loss,
             lambda g, x, rate: (g * (rate - 2.5 / x), g * (x - 2.5 / rate)),
             (uniform(67, 0.1, 5, 6), uniform(68, 0.5, 2, 6)), WRONG),
    Everyday("Hellinger", hellinger,
             lambda g, p, q: (g[:, None] * (1 - np.sqrt(q / p)), g[:, None] * (1 - np.sqrt(p / q))), (P, Q)),
    Everyday("relu of positive data, without its mask", lambda x, w: np.maximum(x, 0) @ w,
             lambda g, x, w: (g @ w.T, x.T @ g), (uniform(69, 0.2, 3, 4, 5), normal(70, 5, 2))),
]  # fmt: skip


# The gradient that arrives from above.
def softmax_backward_for_one(g, z):
    """Right where each row of g has one entry that is not 0."""
    s, rows, k = softmax(z), np.arange(len(z)), np.abs(g).argmax(axis=1)
    gradient = -s * s[rows, k][:, None]
    gradient[rows, k] += s[rows, k]
    return g[rows, k][:, None] * gradient


def states(x, w, u):
    h, all_of_them = np.zeros(w.shape[1]), []
    for row in x:
        h = np.tanh(row @ w + h @ u)
        all_of_them.append(h)
    return np.array(all_of_them)


def states_backward_of_the_last(g, x, w, u):
    """Right where only the last state has a gradient."""
    h = states(x, w, u)
    grads, grad_h = [np.zeros_like(a) for a in (x, w, u)], g[-1]
    for t in range(len(x) - 1, -1, -1):
        grad_z = grad_h * (1 - h[t] ** 2)
        grads[0][t] = w @ grad_z
        grads[1] += np.outer(x[t], grad_z)
        grads[2] += np.outer(h[t - 1], grad_z) if t else 0
        grad_h = u @ grad_z
    return tuple(grads)


def guided_backward(g, x):
    return g * (g > 0) * (x > 0)


CHOSEN = np.array([[0, 0, 1.0, 0], [1, 0, 0, 0], [0, 1, 0, 0]])
SEQUENCE = (normal(80, 4, 3), normal(81, 3, 2), normal(82, 2, 2))
COTANGENTS = [
    Everyday("softmax for one-hot gradients", lambda z: softmax(z), softmax_backward_for_one, (normal(83, 3, 4),),
             options={"grad_output": CHOSEN}),
    Everyday("softmax for one-hot gradients, signs and sizes", lambda z: softmax(z), softmax_backward_for_one,
             (normal(84, 3, 4),), options={"grad_output": CHOSEN * [[-0.4], [2.0], [-7.0]]}),
    Everyday("softmax for one-hot gradients, all given", lambda z: softmax(z), softmax_backward_for_one,
             (normal(83, 3, 4),), WRONG),
    Everyday("softmax for one-hot gradients, the diagonal alone", lambda z: softmax(z),
             lambda g, z: g * softmax(z) * (1 - softmax(z)), (normal(83, 3, 4),), WRONG, {"grad_output": CHOSEN}),
    Everyday("the last state of a sequence", states, states_backward_of_the_last, SEQUENCE,
             options={"grad_output": np.array([[0, 0], [0, 0], [0, 0], [1.5, -0.5]])}),
    Everyday("the last state of a sequence, all given", states, states_backward_of_the_last, SEQUENCE, WRONG),
    Everyday("guided relu, no negative gradient", lambda x: np.maximum(x, 0), guided_backward, (normal(85, 4, 3),),
             options={"grad_output": uniform(86, 0.2, 2, 4, 3)}),
    Everyday("guided relu, gradients of both signs", lambda x: np.maximum(x, 0), guided_backward, (normal(85, 4, 3),),
             WRONG),
]  # fmt: skip


# Right at the given point alone.
def layer(x, w, b):
    return np.tanh(x @ w + b)


def layer_backward_without_bias(g, x, w, b):
    z = g * (1 - np.tanh(x @ w) ** 2)
    return z @ w.T, x.T @ z, z.sum(axis=0)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def batch_norm_backward_without_gamma(g, x, gamma, beta):
    return batch_norm_backward(g, x, np.ones_like(gamma), beta)


SAME_ROWS = np.tile(normal(90, 1, 4), (3, 1))
ONLY_HERE = [
    Everyday("batch normalisation, gamma of ones forgotten", batch_norm, batch_norm_backward_without_gamma,
             (normal(91, 6, 3), np.ones(3), np.zeros(3)), WRONG, kinds=ELSEWHERE),
    Everyday("batch normalisation, gamma forgotten", batch_norm, batch_norm_backward_without_gamma,
             (normal(91, 6, 3), np.array([0.5, 1.5, 2.0]), np.zeros(3)), WRONG),
    Everyday("a bias of zeros forgotten", layer, layer_backward_without_bias,
             (normal(92, 4, 3), normal(93, 3, 2), np.zeros(2)), WRONG, kinds=ELSEWHERE),
    Everyday("a bias forgotten", layer, layer_backward_without_bias,
             (normal(92, 4, 3), normal(93, 3, 2), np.array([0.3, -0.5])), WRONG),
    Everyday("a scale of 1 forgotten", lambda x, s: x * s, lambda g, x, s: (g, (g * x).sum()),
             (normal(94, 3, 4), np.array(1.0)), WRONG, kinds=ELSEWHERE),
    Everyday("a divisor of ones, not squared", lambda x, d: x / d, lambda g, x, d: (g / d, -(g * x).sum(axis=0)),
             (normal(95, 5, 3), np.ones(3)), WRONG, kinds=ELSEWHERE),
    Everyday("squares of ones", lambda x: x**2, lambda g, x: 2 * g, (np.ones((3, 4)),), WRONG, kinds=ELSEWHERE),
    Everyday("equal rows, the first for all", np.tanh, lambda g, x: g * (1 - np.tanh(x[0]) ** 2), (SAME_ROWS,), WRONG,
             kinds=ELSEWHERE),
    Everyday("a gradient of ones, its mean", lambda x: x**2, lambda g, x: 2 * g.mean() * x, (normal(96, 4, 3),), WRONG,
             {"grad_output": np.ones((4, 3))}, kinds=ELSEWHERE),
    Everyday("rows of length 1, waived", unit, lambda g, x: g - (g * x).sum(axis=1, keepdims=True) * x,
             (unit(normal(97, 4, 3)),), options={"allow": ELSEWHERE}),
    Everyday("rows of any length, waived", unit, lambda g, x: g - (g * x).sum(axis=1, keepdims=True) * x,
             (normal(97, 4, 3),), WRONG, {"allow": ELSEWHERE}),
]  # fmt: skip

CASES = [*LABELS, *DISTRIBUTIONS, *MATRICES, *SORTED, *RANGES, *COTANGENTS, *ONLY_HERE]
