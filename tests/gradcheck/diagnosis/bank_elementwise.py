"""Functions that work entry by entry: activations, gates, a mask."""

from functools import partial

import numpy as np

from scratchcnn import sigmoid
from tests.gradcheck.diagnosis.labelled import changed, instead, remembering
from tests.gradcheck.draws import normal
from tests.gradcheck.mistakes.planting import but, rounded
from tests.gradcheck.operations import Operation

# Gelu in its form with tanh.
ROOT = np.sqrt(2 / np.pi)


def inner(x):
    return ROOT * (x + 0.044715 * x**3)


def gelu_backward(g, x, *, root=ROOT, cubic=3 * 0.044715, outer=True):
    t = np.tanh(inner(x))
    return (g * (0.5 * (1 + t) + outer * 0.5 * x * (1 - t * t) * root * (1 + cubic * x * x)),)


GELU = Operation("gelu", lambda x: 0.5 * x * (1 + np.tanh(inner(x))), gelu_backward, normal((3, 3), scale=2))
GELU_MISTAKES = [
    instead(GELU, "missing-term", "tanh taken for a constant", partial(gelu_backward, outer=False)),
    instead(GELU, "missing-term", "cube not differentiated", partial(gelu_backward, cubic=0)),
    instead(GELU, "constant-factor missing-term", "cube without its factor 3", partial(gelu_backward, cubic=0.044715)),
    instead(GELU, "small-relative", "root of 2/π typed with six digits", partial(gelu_backward, root=0.797885)),
    changed(GELU, "operand", "derivative of the form with sigmoid", 0, lambda d, g, x:
            g * (sigmoid(1.702 * x) + 1.702 * x * sigmoid(1.702 * x) * sigmoid(-1.702 * x))),
    changed(GELU, "ignores-cotangent", "slope returned as it is", 0, lambda d, g, x: d / g),
]  # fmt: skip


# Silu with a slope that is learnt, x σ(βx).
def silu(x, beta):
    return x * sigmoid(beta * x)


def silu_backward(g, x, beta):
    s = sigmoid(beta * x)
    return g * (s + beta * x * s * (1 - s)), (g * x * x * s * (1 - s)).sum(axis=0)


SILU = Operation("silu", silu, silu_backward, normal((3, 3), (3,)))
SILU_MISTAKES = [
    changed(SILU, "missing-term", "sigmoid taken for a constant", 0, lambda d, g, x, beta: g * sigmoid(beta * x)),
    changed(SILU, "operand", "derivative taken at the output", 0,
            lambda d, g, x, beta: silu_backward(g, silu(x, beta), beta)[0]),
    changed(SILU, "missing-factor missing-term", "slope left out of the second term", 0,
            lambda d, g, x, beta: g * sigmoid(beta * x) * (1 + x * sigmoid(-beta * x))),
    changed(SILU, "missing-factor", "slope's gradient without the outer x", 1,
            lambda d, g, x, beta: (g * x * sigmoid(beta * x) * sigmoid(-beta * x)).sum(axis=0)),
    changed(SILU, "broadcast", "slope's gradient summed over the features", 1,
            lambda d, g, x, beta: (g * x * x * sigmoid(beta * x) * sigmoid(-beta * x)).sum(axis=1)),
    changed(SILU, "broadcast shape", "slope's gradient not summed", 1,
            lambda d, g, x, beta: g * x * x * sigmoid(beta * x) * sigmoid(-beta * x)),
    changed(SILU, "zero-gradient", "slope never filled in", 1, lambda d, *_: np.zeros_like(d)),
]  # fmt: skip


def softplus(x, *, beta):
    return np.logaddexp(0, beta * x) / beta


def softplus_backward(g, x, *, beta):
    return (g * sigmoid(beta * x),)


def softplus_of_slope_one(g, x, *, beta):
    return softplus_backward(g, x, beta=1)


SOFTPLUS = Operation("softplus", partial(softplus, beta=2), partial(softplus_backward, beta=2), normal((4, 2)))
SOFTPLUS_MISTAKES = [
    instead(SOFTPLUS, "option-ignored", "slope 1 in backward", softplus_of_slope_one),
    changed(SOFTPLUS, "operand", "derivative taken at the output", 0,
            lambda d, g, x: g * sigmoid(2 * softplus(x, beta=2))),
    changed(SOFTPLUS, "constant-factor missing-factor option-ignored", "division by the slope forgotten", 0,
            lambda d, *_: 2 * d),
    changed(SOFTPLUS, "sign operand", "sigmoid of minus x", 0, lambda d, g, x: g * sigmoid(-2 * x)),
    changed(SOFTPLUS, "precision", "slope kept in float16", 0,
            lambda d, g, x: g * rounded(sigmoid(2 * x), np.float16)),
    changed(SOFTPLUS, "not-finite", "exponentials divided", 0,
            lambda d, g, x: g * np.exp(2 * x) / (1 + np.exp(2 * x)), draw=normal((4, 2), scale=2, shift=400)),
    changed(SOFTPLUS, "subset", "large x taken for saturated", 0, lambda d, g, x: np.where(x > 0.4, g, d)),
]  # fmt: skip


# Elu and leaky relu, both with a kink at zero, where some of the inputs are.
def with_zeros(rng):
    return (rng.permutation(np.append(np.zeros(2), rng.uniform(0.3, 2, 7) * rng.choice([-1, 1], 7))).reshape(3, 3),)


def elu(x, *, alpha):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_backward(g, x, *, alpha):
    return (g * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0))),)


def elu_of_slope_one(g, x, *, alpha):
    return elu_backward(g, x, alpha=1)


ELU = Operation("elu", partial(elu, alpha=1.5), partial(elu_backward, alpha=1.5), with_zeros)
ELU_MISTAKES = [
    instead(ELU, "option-ignored subset", "alpha 1 in backward", elu_of_slope_one),
    changed(ELU, "kink", "zero belongs to neither branch", 0, lambda d, g, x: d * (x != 0)),
    changed(ELU, "subset missing-term", "negative branch by the output, alpha forgotten", 0,
            lambda d, g, x: np.where(x < 0, g * elu(x, alpha=1.5), d)),
    changed(ELU, "subset", "negative branch not taken", 0, lambda d, g, x: np.where(x < 0, 0, d)),
    changed(ELU, "operand", "negative branch at the output", 0,
            lambda d, g, x: np.where(x < 0, g * 1.5 * np.exp(elu(x, alpha=1.5)), d)),
]  # fmt: skip


# Prelu: the slope below zero is learnt, one for each column.
def prelu_backward(g, x, slope):
    return np.where(x > 0, g, g * slope), (g * np.minimum(x, 0)).sum(axis=0)


def with_zeros_and_slopes(rng):
    return *with_zeros(rng), rng.uniform(0.2, 0.6, 3)


PRELU = Operation("prelu", lambda x, slope: np.where(x > 0, x, slope * x), prelu_backward, with_zeros_and_slopes)
PRELU_MISTAKES = [
    changed(PRELU, "kink", "zero belongs to neither branch", 0, lambda d, g, x, slope: d * (x != 0)),
    changed(PRELU, "kink", "both branches added at zero", 0,
            lambda d, g, x, slope: g * (x >= 0) + g * slope * (x <= 0)),
    changed(PRELU, "subset", "slope's gradient from all entries", 1, lambda d, g, x, slope: (g * x).sum(axis=0)),
    changed(PRELU, "broadcast", "slope's gradient summed over the columns", 1,
            lambda d, g, x, slope: (g * np.minimum(x, 0)).sum(axis=1)),
    changed(PRELU, "batch", "slope's gradient of the first row", 1, lambda d, g, x, slope: (g * np.minimum(x, 0))[0]),
    changed(PRELU, "operand subset", "branches by the sign of the cotangent", 0,
            lambda d, g, x, slope: np.where(g > 0, g, g * slope)),
]  # fmt: skip


# Gated linear unit: the first half of the columns times the sigmoid of the second.
def gated(x):
    a, b = np.split(x, 2, axis=1)
    return a * sigmoid(b)


def gated_backward(g, x):
    a, b = np.split(x, 2, axis=1)
    s = sigmoid(b)
    return (np.concatenate([g * s, g * a * s * (1 - s)], axis=1),)


def halves(d):
    return np.split(d, 2, axis=1)


GATED = Operation("gated linear unit", gated, gated_backward, normal((4, 4)))
GATED_MISTAKES = [
    changed(GATED, "permuted swapped", "halves joined the wrong way round", 0,
            lambda d, *_: np.concatenate(halves(d)[::-1], axis=1)),
    changed(GATED, "missing-factor", "gate's half without the sigmoid's derivative", 0,
            lambda d, g, x: np.concatenate([halves(d)[0], g * halves(x)[0]], axis=1)),
    changed(GATED, "zero-gradient subset", "gate detached", 0,
            lambda d, g, x: np.concatenate([halves(d)[0], 0 * g], axis=1)),
    changed(GATED, "shape", "gate's half not returned", 0, lambda d, *_: halves(d)[0]),
]  # fmt: skip


# Dropout with a fixed mask; what is kept is divided by its share.
MASK = np.array([[1, 0, 1, 1], [0, 1, 1, 0], [1, 1, 1, 0]])


def dropout(x, *, keep):
    return x * MASK / keep


def dropout_backward(g, x, *, keep):
    return (g * MASK / keep,)


def dropout_with_a_fresh_mask():
    rng = np.random.default_rng(0)

    def backward(g, x, *, keep):
        return (g * (rng.random(x.shape) < keep) / keep,)

    return DROPOUT.forward, partial(backward, keep=0.8)


DROPOUT = Operation("dropout", partial(dropout, keep=0.8), partial(dropout_backward, keep=0.8), normal((3, 4)))
DROPOUT_MISTAKES = [
    remembering(DROPOUT, "nondeterministic", "mask drawn anew", dropout_with_a_fresh_mask),
    changed(DROPOUT, "constant-factor missing-factor option-ignored", "share forgotten", 0, lambda d, *_: d * 0.8),
    changed(DROPOUT, "missing-factor option-ignored", "mask forgotten", 0, lambda d, g, x: g / 0.8),
    changed(DROPOUT, "rotated permuted", "mask turned round", 0, lambda d, g, x: g * MASK[::-1, ::-1] / 0.8),
    changed(DROPOUT, "single-entry", "loop starts at the second entry", 0,
            lambda d, *_: but(d, (0, 0), lambda v: 0 * v)),
    changed(DROPOUT, "mutation", "cotangent masked in place", 0, lambda d, g, x: np.multiply(g, MASK / 0.8, out=g)),
]  # fmt: skip

ELEMENTWISE = [
    *GELU_MISTAKES, *SILU_MISTAKES, *SOFTPLUS_MISTAKES, *ELU_MISTAKES, *PRELU_MISTAKES, *GATED_MISTAKES,
    *DROPOUT_MISTAKES,
]  # fmt: skip
