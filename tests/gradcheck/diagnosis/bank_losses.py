"""Losses, and the normalised exponentials that they are made of."""

from functools import partial

import numpy as np

from scratchcnn import sigmoid
from tests.gradcheck.diagnosis.labelled import changed, instead, remembering
from tests.gradcheck.draws import normal
from tests.gradcheck.mistakes.planting import but, rounded
from tests.gradcheck.operations import Operation, one_hot, softmax


# Softmax and its logarithm along an axis; the axis is bound with partial.
def softmax_along(z, *, axis):
    return np.moveaxis(softmax(np.moveaxis(z, axis, -1)), -1, axis)


def softmax_along_backward(g, z, *, axis, competition=True):
    p = softmax_along(z, axis=axis)
    return (p * (g - competition * (g * p).sum(axis=axis, keepdims=True)),)


def wrong_axis(g, z, *, axis):
    return softmax_along_backward(g, z, axis=-1)


SOFTMAX = Operation(
    "softmax along an axis", partial(softmax_along, axis=0), partial(softmax_along_backward, axis=0), normal((3, 4))
)
SOFTMAX_MISTAKES = [
    instead(SOFTMAX, "missing-term", "derivative taken for its diagonal",
            partial(softmax_along_backward, competition=False)),
    instead(SOFTMAX, "option-ignored broadcast", "last axis in backward", wrong_axis),
    changed(SOFTMAX, "operand missing-term", "sigmoid's derivative", 0,
            lambda d, g, z: g * softmax_along(z, axis=0) * (1 - softmax_along(z, axis=0))),
    changed(SOFTMAX, "missing-factor", "without its own output", 0,
            lambda d, g, z: d / softmax_along(z, axis=0)),
]  # fmt: skip


def log_softmax(z):
    return z - log_sum_exp(z, axis=1)[:, None]


def log_softmax_backward(g, z):
    return (g - softmax(z) * g.sum(axis=1, keepdims=True),)


LOG_SOFTMAX = Operation("log-softmax", log_softmax, log_softmax_backward, normal((4, 4)))
LOG_SOFTMAX_MISTAKES = [
    changed(LOG_SOFTMAX, "missing-term", "normaliser taken for a constant", 0, lambda d, g, z: g.copy()),
    changed(LOG_SOFTMAX, "missing-factor ignores-cotangent", "cotangent not summed", 0,
            lambda d, g, z: g - softmax(z)),
    changed(LOG_SOFTMAX, "broadcast", "cotangent summed over the batch", 0,
            lambda d, g, z: g - softmax(z) * g.sum(axis=0)),
    changed(LOG_SOFTMAX, "operand", "softmax of the output twice", 0,
            lambda d, g, z: g - softmax(softmax(z)) * g.sum(axis=1, keepdims=True)),
]  # fmt: skip


def log_sum_exp(z, *, axis):
    largest = z.max(axis=axis, keepdims=True)
    return np.log(np.exp(z - largest).sum(axis=axis)) + largest.squeeze(axis)


def log_sum_exp_backward(g, z, *, axis):
    return (np.expand_dims(g, axis) * softmax_along(z, axis=axis),)


LOG_SUM_EXP = Operation(
    "log-sum-exp", partial(log_sum_exp, axis=0), partial(log_sum_exp_backward, axis=0), normal((3, 3))
)
LOG_SUM_EXP_MISTAKES = [
    changed(LOG_SUM_EXP, "broadcast", "cotangent along the wrong axis", 0,
            lambda d, g, z: g[:, None] * softmax_along(z, axis=0)),
    changed(LOG_SUM_EXP, "option-ignored broadcast", "softmax along the last axis", 0,
            lambda d, g, z: g * softmax(z)),
    changed(LOG_SUM_EXP, "missing-factor", "exponentials not divided by their sum", 0, lambda d, g, z: g * np.exp(z)),
    changed(LOG_SUM_EXP, "not-finite", "exponentials without the largest taken off", 0,
            lambda d, g, z: g * np.exp(z) / np.exp(z).sum(axis=0), draw=normal((3, 3), shift=800)),
    changed(LOG_SUM_EXP, "ignores-cotangent", "softmax returned as it is", 0,
            lambda d, g, z: softmax_along(z, axis=0)),
]  # fmt: skip


# Cross-entropy with smoothed labels, class weights (a weighted mean) or a temperature.
def with_labels(shape):
    """Logits of such a shape, and labels among which every class is: where all are alike, weights cancel."""
    return lambda rng: (rng.standard_normal(shape), rng.permutation(np.arange(shape[0]) % shape[1]))


def smoothed(logits, labels, smoothing):
    return (1 - smoothing) * one_hot(logits, labels) + smoothing / logits.shape[1]


def smooth_cross_entropy(logits, labels, *, smoothing):
    return -(smoothed(logits, labels, smoothing) * log_softmax(logits)).sum() / len(labels)


def smooth_cross_entropy_backward(g, logits, labels, *, smoothing):
    return g * (softmax(logits) - smoothed(logits, labels, smoothing)) / len(labels), None


def without_smoothing(g, logits, labels, *, smoothing):
    return smooth_cross_entropy_backward(g, logits, labels, smoothing=0)


def stabilised_in_place(g, logits, labels, *, smoothing):
    logits -= logits.max(axis=1, keepdims=True)
    return smooth_cross_entropy_backward(g, logits, labels, smoothing=smoothing)


SMOOTH = Operation(
    "smoothed cross-entropy", partial(smooth_cross_entropy, smoothing=0.1),
    partial(smooth_cross_entropy_backward, smoothing=0.1), with_labels((4, 3)),
)  # fmt: skip
SMOOTH_MISTAKES = [
    instead(SMOOTH, "option-ignored", "smoothing forgotten in backward", without_smoothing),
    instead(SMOOTH, "mutation", "largest logit taken off in place", stabilised_in_place),
    changed(SMOOTH, "constant-factor", "not averaged over the batch", 0, lambda d, g, z, labels: d * len(z)),
    changed(SMOOTH, "constant-factor", "averaged over the classes as well", 0, lambda d, *_: d / d.shape[1]),
    changed(SMOOTH, "sign", "target minus output", 0, lambda d, *_: -d),
    changed(SMOOTH, "ignores-cotangent", "taken for the last of all layers", 0, lambda d, g, z, labels: d / g),
    changed(SMOOTH, "missing-term", "label's class left out", 0, lambda d, g, z, labels: g * softmax(z) / len(z)),
    changed(SMOOTH, "shifted", "labels counted from one", 0, lambda d, g, z, labels:
            smooth_cross_entropy_backward(g, z, (labels + 1) % 3, smoothing=0.1)[0]),
    changed(SMOOTH, "operand", "softmax of the softmax", 0, lambda d, g, z, labels:
            smooth_cross_entropy_backward(g, softmax(z), labels, smoothing=0.1)[0]),
    changed(SMOOTH, "batch", "first sample alone", 0, lambda d, *_: but(d, slice(1, None), lambda v: 0 * v)),
]  # fmt: skip


def weighted_cross_entropy(class_weights):
    def forward(logits, labels):
        w = class_weights[labels]
        return -(w * log_softmax(logits)[np.arange(len(labels)), labels]).sum() / w.sum()

    def backward(g, logits, labels, normalised=True):
        w = class_weights[labels]
        d = w[:, None] * (softmax(logits) - one_hot(logits, labels))
        return g * d / (w.sum() if normalised else len(labels)), None

    return Operation("weighted cross-entropy", forward, backward, with_labels((3, 3)))


CLASS_WEIGHTS = np.array([0.5, 1.0, 3.0])
WEIGHTED = weighted_cross_entropy(CLASS_WEIGHTS)
WEIGHTED_MISTAKES = [
    instead(WEIGHTED, "option-ignored missing-factor", "class weights forgotten in backward",
            weighted_cross_entropy(np.ones(3)).backward),
    instead(WEIGHTED, "constant-factor", "divided by the batch, not by the sum of the weights",
            partial(WEIGHTED.backward, normalised=False)),
    changed(WEIGHTED, "broadcast", "weights along the classes", 0, lambda d, g, z, labels:
            g * CLASS_WEIGHTS * (softmax(z) - one_hot(z, labels)) / CLASS_WEIGHTS[labels].sum()),
    changed(WEIGHTED, "permuted", "weights of the classes in reverse", 0,
            lambda d, g, z, labels: weighted_cross_entropy(CLASS_WEIGHTS[::-1]).backward(g, z, labels)[0]),
]  # fmt: skip


# The student learns the teacher's probabilities, both softened by a temperature.
def distillation(student, teacher, *, temperature):
    p = softmax(teacher / temperature)
    return (p * (np.log(p) - log_softmax(student / temperature))).sum() * temperature**2 / len(p)


def distillation_backward(g, student, teacher, *, temperature, power=1):
    p, q = softmax(teacher / temperature), softmax(student / temperature)
    g = g * temperature**power / len(p)
    ratio = np.log(p / q)
    return g * (q - p), g * p * (ratio - (p * ratio).sum(axis=1, keepdims=True))


def cold(g, student, teacher, *, temperature):
    return distillation_backward(g, student, teacher, temperature=1)


DISTILLATION = Operation(
    "distillation", partial(distillation, temperature=3), partial(distillation_backward, temperature=3),
    normal((3, 4), (3, 4), scale=2),
)  # fmt: skip
DISTILLATION_MISTAKES = [
    instead(DISTILLATION, "option-ignored", "temperature 1 in backward", cold),
    instead(DISTILLATION, "constant-factor missing-factor", "temperature's chain factor forgotten",
            partial(distillation_backward, power=2)),
    instead(DISTILLATION, "constant-factor missing-factor option-ignored", "temperature's square not multiplied in",
            partial(distillation_backward, power=-1)),
    changed(DISTILLATION, "sign", "target minus output", 0, lambda d, *_: -d),
    changed(DISTILLATION, "zero-gradient", "teacher taken for a constant", 1, lambda d, *_: np.zeros_like(d)),
    changed(DISTILLATION, "missing-term", "teacher's normaliser taken for a constant", 1,
            lambda d, g, student, teacher: g * softmax(teacher / 3) * np.log(softmax(teacher / 3)
                                                                        / softmax(student / 3))),
]  # fmt: skip


# Kullback-Leibler divergence of rows of positive numbers, which need not sum to 1.
def rows(rng):
    return rng.uniform(0.2, 2, (3, 4)), rng.uniform(0.2, 2, (3, 4))


DIVERGENCE = Operation(
    "kl divergence", lambda p, q: (p * np.log(p / q)).sum(axis=1),
    lambda g, p, q: (g[:, None] * (np.log(p / q) + 1), -g[:, None] * p / q), rows,
)  # fmt: skip
DIVERGENCE_MISTAKES = [
    changed(DIVERGENCE, "missing-term", "logarithm taken for a constant", 0,
            lambda d, g, p, q: g[:, None] * np.log(p / q)),
    changed(DIVERGENCE, "sign", "second argument's sign forgotten", 1, lambda d, *_: -d),
    changed(DIVERGENCE, "missing-factor", "second argument without the first", 1, lambda d, g, p, q: -g[:, None] / q),
    changed(DIVERGENCE, "operand", "quotient upside down", 1, lambda d, g, p, q: -g[:, None] * q / p),
    changed(DIVERGENCE, "small-relative", "1e-7 added to the denominator", 1,
            lambda d, g, p, q: -g[:, None] * p / (q + 1e-7)),
    instead(DIVERGENCE, "swapped", "gradients exchanged",
            lambda g, *inputs: DIVERGENCE.backward(g, *inputs)[::-1]),
]  # fmt: skip


# Binary cross-entropy with logits, the target a number between 0 and 1.
def binary(z, target):
    return (np.maximum(z, 0) - z * target + np.log1p(np.exp(-np.abs(z)))).mean()


def binary_that_keeps_its_output():
    kept = []

    def backward(g, z, target):
        kept.append(sigmoid(z))
        return g * (kept[0] - target) / z.size, -g * z / z.size

    return binary, backward


BINARY = Operation(
    "binary cross-entropy", binary, lambda g, z, target: (g * (sigmoid(z) - target) / z.size, -g * z / z.size),
    lambda rng: (2 * rng.standard_normal((3, 2)), rng.uniform(0, 1, (3, 2))),
)  # fmt: skip
BINARY_MISTAKES = [
    changed(BINARY, "missing-factor", "sigmoid's derivative multiplied in once more", 0,
            lambda d, g, z, target: d * sigmoid(z) * (1 - sigmoid(z))),
    changed(BINARY, "constant-factor missing-factor", "not averaged", 0, lambda d, *_: 6 * d),
    changed(BINARY, "constant-factor", "averaged over the rows alone", 0, lambda d, *_: 2 * d),
    changed(BINARY, "missing-term", "target left out", 0, lambda d, g, z, target: g * sigmoid(z) / z.size),
    changed(BINARY, "operand", "target's gradient by the probability", 1,
            lambda d, g, z, target: -g * sigmoid(z) / z.size),
    remembering(BINARY, "stale", "output kept from the first call", binary_that_keeps_its_output),
]  # fmt: skip


# Huber: square within delta, linear beyond.
def huber(output, target, *, delta):
    error = np.abs(output - target)
    return np.where(error < delta, error**2 / 2, delta * (error - delta / 2)).sum()


def huber_backward(g, output, target, *, delta):
    d = g * np.clip(output - target, -delta, delta)
    return d, -d


def beyond(output, target):
    return np.abs(output - target) > 0.5


def default_delta(g, output, target, *, delta):
    return huber_backward(g, output, target, delta=1)


HUBER = Operation(
    "huber", partial(huber, delta=0.5), partial(huber_backward, delta=0.5), normal((4, 3), (4, 3))
)  # fmt: skip
HUBER_MISTAKES = [
    instead(HUBER, "option-ignored", "delta 1 in backward", default_delta),
    changed(HUBER, "subset", "linear branch forgotten", 0, lambda d, g, output, target: g * (output - target)),
    changed(HUBER, "subset missing-factor", "linear branch without delta", 0, lambda d, g, output, target:
            np.where(beyond(output, target), g * np.sign(output - target), d)),
    changed(HUBER, "subset zero-gradient", "linear branch taken for a constant", 0,
            lambda d, g, output, target: d * ~beyond(output, target)),
    changed(HUBER, "sign", "target's gradient as the output's", 1, lambda d, *_: -d),
    changed(HUBER, "precision", "target's gradient kept in float16", 1, lambda d, *_: rounded(d, np.float16)),
]  # fmt: skip

LOSSES = [
    *SOFTMAX_MISTAKES, *LOG_SOFTMAX_MISTAKES, *LOG_SUM_EXP_MISTAKES, *SMOOTH_MISTAKES, *WEIGHTED_MISTAKES,
    *DISTILLATION_MISTAKES, *DIVERGENCE_MISTAKES, *BINARY_MISTAKES, *HUBER_MISTAKES,
]  # fmt: skip
