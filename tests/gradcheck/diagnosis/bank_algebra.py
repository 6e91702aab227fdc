"""Linear algebra, distances and regression."""

from functools import partial

import numpy as np
from numpy.linalg import inv

from tests.gradcheck.diagnosis.labelled import changed, instead
from tests.gradcheck.draws import normal
from tests.gradcheck.mistakes.planting import but, rounded
from tests.gradcheck.operations import Operation


def well_conditioned(*others, count=3):
    """A square matrix that can be inverted, neither symmetric nor near to it, and other arrays."""
    rest = normal(*others)
    return lambda rng: (rng.standard_normal((count, count)) + 4 * np.eye(count), *rest(rng))


def inverse_backward(g, a):
    return (-inv(a).T @ g @ inv(a).T,)


INVERSE = Operation("inverse", inv, inverse_backward, well_conditioned())
INVERSE_MISTAKES = [
    changed(INVERSE, "sign", "minus forgotten", 0, lambda d, *_: -d),
    changed(INVERSE, "transposed", "inverses not transposed", 0, lambda d, g, a: -inv(a) @ g @ inv(a)),
    changed(INVERSE, "transposed", "cotangent transposed", 0, lambda d, g, a: -inv(a).T @ g.T @ inv(a).T),
    changed(INVERSE, "missing-factor", "one inverse forgotten", 0, lambda d, g, a: -inv(a).T @ g),
    changed(INVERSE, "operand", "entry by entry, as of 1 / a", 0, lambda d, g, a: -g * inv(a) ** 2),
    changed(INVERSE, "operand", "the matrix in place of its inverse", 0, lambda d, g, a: -a.T @ g @ a.T),
]  # fmt: skip


def solve_backward(g, a, b):
    grad_b = inv(a).T @ g
    return -grad_b @ (inv(a) @ b).T, grad_b


SOLVE = Operation("solve", lambda a, b: inv(a) @ b, solve_backward, well_conditioned((3, 3)))
SOLVE_MISTAKES = [
    changed(SOLVE, "transposed", "right side with the matrix not transposed", 1, lambda d, g, a, b: inv(a) @ g),
    changed(SOLVE, "sign", "matrix's minus forgotten", 0, lambda d, *_: -d),
    changed(SOLVE, "operand", "right side in place of the solution", 0,
            lambda d, g, a, b: -inv(a).T @ g @ b.T),
    changed(SOLVE, "missing-factor", "matrix's gradient from the raw cotangent", 0,
            lambda d, g, a, b: -g @ (inv(a) @ b).T),
    changed(SOLVE, "transposed", "solution not transposed", 0, lambda d, g, a, b: -inv(a).T @ g @ inv(a) @ b),
    changed(SOLVE, "zero-gradient", "matrix taken for a constant", 0, lambda d, *_: np.zeros_like(d)),
    changed(SOLVE, "small-relative", "1e-7 added to the diagonal", 1,
            lambda d, g, a, b: inv(a + 1e-7 * np.eye(3)).T @ g),
]  # fmt: skip


# Bilinear form of each row of x and of y, one matrix for all.
def bilinear(x, w, y):
    return ((x @ w) * y).sum(axis=1)


def bilinear_backward(g, x, w, y):
    g = g[:, None]
    return g * (y @ w.T), x.T @ (g * y), g * (x @ w)


BILINEAR = Operation("bilinear form", bilinear, bilinear_backward, normal((4, 3), (3, 3), (4, 3)))
BILINEAR_MISTAKES = [
    changed(BILINEAR, "transposed", "matrix not transposed", 0, lambda d, g, x, w, y: g[:, None] * (y @ w)),
    changed(BILINEAR, "transposed", "matrix's gradient transposed", 1, lambda d, *_: d.T.copy()),
    changed(BILINEAR, "operand", "twice the first factor, as of a square", 0,
            lambda d, g, x, w, y: g[:, None] * (x @ w.T)),
    changed(BILINEAR, "missing-factor ignores-cotangent", "matrix's gradient without the cotangent", 1,
            lambda d, g, x, w, y: x.T @ y),
    changed(BILINEAR, "batch", "matrix's gradient of the first row", 1,
            lambda d, g, x, w, y: g[0] * np.outer(x[0], y[0])),
    instead(BILINEAR, "swapped", "gradients of the rows exchanged",
            lambda g, *inputs: bilinear_backward(g, *inputs)[::-1]),
    changed(BILINEAR, "constant-factor", "matrix's gradient averaged over the rows", 1, lambda d, *_: d / 4),
]  # fmt: skip


OUTER = Operation(
    "outer product", np.multiply.outer, lambda g, a, b: (g @ b, a @ g), normal((4,), (4,))
)  # fmt: skip
OUTER_MISTAKES = [
    changed(OUTER, "transposed", "cotangent transposed", 0, lambda d, g, a, b: b @ g),
    changed(OUTER, "swapped operand", "first with itself", 0, lambda d, g, a, b: g @ a),
    changed(OUTER, "broadcast", "summed before it is multiplied", 1, lambda d, g, a, b: a * g.sum(axis=0)),
    changed(OUTER, "missing-factor", "second without the first", 1, lambda d, g, a, b: g.sum(axis=0)),
    changed(OUTER, "single-entry", "loop ends one early", 0, lambda d, *_: but(d, -1, lambda v: 0 * v)),
    changed(OUTER, "permuted", "second in reverse", 1, lambda d, *_: d[::-1].copy()),
    instead(OUTER, "swapped", "gradients exchanged", lambda g, a, b: (a @ g, g @ b)),
]  # fmt: skip


# Distances of each row of x from each row of y.
def distances(x, y):
    return np.sqrt(((x[:, None] - y) ** 2).sum(axis=-1))


def pull(g, x, y):
    """How each row of y pulls at each row of x."""
    return g[:, :, None] * (x[:, None] - y)


def distances_backward(g, x, y):
    pulls = pull(g / distances(x, y), x, y)
    return pulls.sum(axis=1), -pulls.sum(axis=0)


def within(rng):
    """Points of which one is in both sets."""
    x, y = rng.standard_normal((2, 4, 2))
    y[1] = x[2]
    return x, y


DISTANCES = Operation("distances", distances, distances_backward, normal((3, 2), (3, 2)))
SQUARES = Operation(
    "squared distances", lambda x, y: ((x[:, None] - y) ** 2).sum(axis=-1),
    lambda g, x, y: (2 * pull(g, x, y).sum(axis=1), -2 * pull(g, x, y).sum(axis=0)), normal((4, 2), (4, 2)),
)  # fmt: skip
DISTANCES_MISTAKES = [
    changed(DISTANCES, "missing-factor", "not divided by the distance", 0,
            lambda d, g, x, y: pull(g, x, y).sum(axis=1)),
    changed(DISTANCES, "broadcast", "summed over the wrong set", 0,
            lambda d, g, x, y: pull(g / distances(x, y), x, y).sum(axis=0)),
    changed(DISTANCES, "sign", "second set pulled the same way", 1, lambda d, *_: -d),
    changed(DISTANCES, "constant-factor missing-factor", "twice, as of a square", 0,
            lambda d, g, x, y: 2 * pull(g, x, y).sum(axis=1)),
    changed(DISTANCES, "small-relative", "1e-7 added to the distance", 1,
            lambda d, g, x, y: -pull(g / (distances(x, y) + 1e-7), x, y).sum(axis=0)),
    changed(SQUARES, "transposed", "cotangent transposed", 0, lambda d, g, x, y: 2 * pull(g.T, x, y).sum(axis=1)),
    changed(SQUARES, "constant-factor", "factor 2 forgotten", 0, lambda d, *_: d / 2),
    changed(SQUARES, "missing-term", "x alone, without what is taken off", 0,
            lambda d, g, x, y: 2 * g.sum(axis=1)[:, None] * x),
    changed(SQUARES, "not-finite", "through the root of the square, where points meet", 0,
            lambda d, g, x, y: (2 * pull(g, x, y) * (distances(x, y) / distances(x, y))[:, :, None]).sum(axis=1),
            draw=within),
    changed(SQUARES, "dtype", "second set in float32", 1, lambda d, *_: d.astype(np.float32)),
]  # fmt: skip


# Cosine of the angle between rows.
def lengths(a):
    return np.sqrt((a * a).sum(axis=1, keepdims=True))


def cosine(a, b):
    return ((a / lengths(a)) * (b / lengths(b))).sum(axis=1)


def cosine_backward(g, a, b, *, turning=True):
    """`turning`: what lies along a row changes its length alone, and is taken off."""
    c, g = cosine(a, b)[:, None] * turning, g[:, None]
    unit_a, unit_b = a / lengths(a), b / lengths(b)
    return g * (unit_b - c * unit_a) / lengths(a), g * (unit_a - c * unit_b) / lengths(b)


COSINE = Operation("cosine similarity", cosine, cosine_backward, normal((3, 4), (3, 4)))
COSINE_MISTAKES = [
    instead(COSINE, "missing-term", "lengths taken for constants", partial(cosine_backward, turning=False)),
    changed(COSINE, "missing-factor", "not divided by the length", 0, lambda d, g, a, b: d * lengths(a)),
    changed(COSINE, "operand", "divided by the other's length", 1, lambda d, g, a, b: d * lengths(b) / lengths(a)),
    changed(COSINE, "operand", "second term with the cosine's square", 0, lambda d, g, a, b:
            g[:, None] * (b / lengths(b) - cosine(a, b)[:, None] ** 2 * a / lengths(a)) / lengths(a)),
    instead(COSINE, "swapped", "gradients exchanged", lambda g, a, b: cosine_backward(g, a, b)[::-1]),
    changed(COSINE, "batch", "first pair alone", 0, lambda d, *_: but(d, slice(1, None), lambda v: 0 * v)),
    changed(COSINE, "mutation", "rows normalised in place", 0, lambda d, g, a, b: normalise_in_place(d, a)),
]  # fmt: skip


def normalise_in_place(d, a):
    a /= lengths(a)
    return d


# Mean of the squared errors of a linear regression and a penalty of the weights; the bias is not penalised.
def ridge(x, w, b, y, *, penalty):
    return ((x @ w + b - y) ** 2).mean() + penalty * (w * w).sum()


def ridge_backward(g, x, w, b, y, *, penalty):
    error = 2 * g * (x @ w + b - y) / y.size
    return error @ w.T, x.T @ error + 2 * g * penalty * w, error.sum(axis=0), -error


def unpenalised(g, x, w, b, y, *, penalty):
    return ridge_backward(g, x, w, b, y, penalty=0)


RIDGE = Operation(
    "ridge regression", partial(ridge, penalty=0.3), partial(ridge_backward, penalty=0.3),
    normal((4, 3), (3, 2), (2,), (4, 2)),
)  # fmt: skip
RIDGE_MISTAKES = [
    instead(RIDGE, "missing-term option-ignored", "penalty forgotten in backward", unpenalised),
    changed(RIDGE, "missing-term constant-factor", "penalty without its factor 2", 1,
            lambda d, g, x, w, b, y: d - g * 0.3 * w),
    changed(RIDGE, "missing-term constant-factor", "penalty divided by the batch", 1,
            lambda d, g, x, w, b, y: d - 2 * g * 0.3 * w * 3 / 4),
    changed(RIDGE, "constant-factor", "factor 2 forgotten for the bias", 2, lambda d, *_: d / 2),
    changed(RIDGE, "constant-factor", "bias averaged over the batch once more", 2, lambda d, *_: d / 4),
    changed(RIDGE, "sign", "target's gradient as the output's", 3, lambda d, *_: -d),
    changed(RIDGE, "missing-factor ignores-cotangent", "penalty and error without the cotangent", 1,
            lambda d, g, *_: d / g),
    changed(RIDGE, "precision", "weights' gradient kept in float16", 1, lambda d, *_: rounded(d, np.float16)),
]  # fmt: skip

ALGEBRA = [
    *INVERSE_MISTAKES, *SOLVE_MISTAKES, *BILINEAR_MISTAKES, *OUTER_MISTAKES, *DISTANCES_MISTAKES, *COSINE_MISTAKES,
    *RIDGE_MISTAKES,
]  # fmt: skip
