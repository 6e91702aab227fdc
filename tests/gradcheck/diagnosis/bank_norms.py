"""Normalisations: batch, layer, group, instance and root mean square, each with a learnt scale (and shift)."""

from functools import partial

import numpy as np

from tests.gradcheck.diagnosis.labelled import changed, instead, remembering
from tests.gradcheck.draws import normal
from tests.gradcheck.mistakes.planting import but, rounded
from tests.gradcheck.operations import Operation


def statistics(x, axis, eps):
    """The normalised array, and the standard deviation it was divided by."""
    centred = x - x.mean(axis=axis, keepdims=True)
    deviation = np.sqrt((centred * centred).mean(axis=axis, keepdims=True) + eps)
    return centred / deviation, deviation


def normalise_backward(g, x, axis, eps, *, mean_moves=True, deviation_moves=True):
    normed, deviation = statistics(x, axis, eps)
    d = g
    if mean_moves:
        d = d - g.mean(axis=axis, keepdims=True)
    if deviation_moves:
        d = d - normed * (g * normed).mean(axis=axis, keepdims=True)
    return d / deviation


# Batch norm of vectors, (N, C); the option is bound with partial.
def batch_norm(x, gamma, beta, *, eps):
    return gamma * statistics(x, 0, eps)[0] + beta


def batch_norm_backward(g, x, gamma, beta, *, eps, **constants):
    normed, _ = statistics(x, 0, eps)
    return normalise_backward(g * gamma, x, 0, eps, **constants), (g * normed).sum(axis=0), g.sum(axis=0)


BATCH_NORM = Operation(
    "batch norm 1d", partial(batch_norm, eps=0.1), partial(batch_norm_backward, eps=0.1), normal((4, 4), (4,), (4,))
)


def batch_norm_that_keeps_statistics():
    kept = []

    def backward(g, x, gamma, beta, *, eps):
        kept.append(x.copy())
        normed, _ = statistics(kept[0], 0, eps)
        return normalise_backward(g * gamma, x, 0, eps), (g * normed).sum(axis=0), g.sum(axis=0)

    return BATCH_NORM.forward, partial(backward, eps=0.1)


def without_eps(g, x, gamma, beta, *, eps):
    return batch_norm_backward(g, x, gamma, beta, eps=0.0)


def batch_norm_backward_in_place(g, x, gamma, beta, *, eps):
    grad_beta, grad_gamma = g.sum(axis=0), (g * statistics(x, 0, eps)[0]).sum(axis=0)
    g *= gamma
    return normalise_backward(g, x, 0, eps), grad_gamma, grad_beta


BATCH_NORM_MISTAKES = [
    instead(BATCH_NORM, "missing-term", "mean taken for a constant",
            partial(batch_norm_backward, mean_moves=False)),
    instead(BATCH_NORM, "missing-term", "deviation taken for a constant",
            partial(batch_norm_backward, deviation_moves=False)),
    instead(BATCH_NORM, "option-ignored", "eps left out in backward", without_eps),
    instead(BATCH_NORM, "mutation", "cotangent scaled in place", batch_norm_backward_in_place),
    remembering(BATCH_NORM, "stale", "scale's gradient from the first batch", batch_norm_that_keeps_statistics),
    changed(BATCH_NORM, "missing-factor", "x without the scale", 0,
            lambda d, g, x, gamma, beta: normalise_backward(g, x, 0, 0.1)),
    changed(BATCH_NORM, "missing-factor", "x not divided by the deviation", 0,
            lambda d, g, x, gamma, beta: d * statistics(x, 0, 0.1)[1]),
    changed(BATCH_NORM, "broadcast", "scale's gradient summed over the features", 1,
            lambda d, g, x, gamma, beta: (g * statistics(x, 0, 0.1)[0]).sum(axis=1)),
    changed(BATCH_NORM, "operand", "scale's gradient with the raw input", 1,
            lambda d, g, x, gamma, beta: (g * x).sum(axis=0)),
    changed(BATCH_NORM, "constant-factor", "shift's gradient averaged over the batch", 2,
            lambda d, g, x, gamma, beta: d / len(x)),
    changed(BATCH_NORM, "zero-gradient", "scale's gradient never filled in", 1,
            lambda d, g, x, gamma, beta: np.zeros_like(d)),
    changed(BATCH_NORM, "ignores-cotangent", "shift's gradient counts the batch", 2,
            lambda d, g, x, gamma, beta: np.full_like(d, len(x))),
]  # fmt: skip


# Batch norm of images, (N, C, H, W); eps is in the closure.
def batch_norm_of_images(eps=1e-3):
    axis = (0, 2, 3)

    def forward(x, gamma, beta):
        return gamma[:, None, None] * statistics(x, axis, eps)[0] + beta[:, None, None]

    def backward(g, x, gamma, beta):
        normed, _ = statistics(x, axis, eps)
        grad_x = normalise_backward(g * gamma[:, None, None], x, axis, eps)
        return grad_x, (g * normed).sum(axis=axis), g.sum(axis=axis)

    return Operation("batch norm 2d", forward, backward, normal((2, 3, 2, 3), (3,), (3,)))


IMAGES = batch_norm_of_images()
IMAGE_MISTAKES = [
    changed(IMAGES, "broadcast", "shift's gradient summed over the channels, not the width", 2,
            lambda d, g, x, gamma, beta: g.sum(axis=(0, 1, 2))),
    changed(IMAGES, "broadcast operand", "x with the statistics of each pixel", 0,
            lambda d, g, x, gamma, beta: normalise_backward(g * gamma[:, None, None], x, 0, 1e-3)),
    changed(IMAGES, "broadcast", "x with the scale along the width", 0,
            lambda d, g, x, gamma, beta: normalise_backward(g * gamma, x, (0, 2, 3), 1e-3)),
    changed(IMAGES, "constant-factor", "x averaged over the batch", 0,
            lambda d, g, x, gamma, beta: d / len(x)),
    changed(IMAGES, "constant-factor", "x with the unbiased deviation", 0,
            lambda d, g, x, gamma, beta: d * np.sqrt(11 / 12)),
    changed(IMAGES, "batch", "scale's gradient of the first image", 1,
            lambda d, g, x, gamma, beta: (g * statistics(x, (0, 2, 3), 1e-3)[0])[0].sum(axis=(1, 2))),
    instead(IMAGES, "swapped", "scale's and shift's gradients exchanged",
            lambda g, *inputs: tuple(IMAGES.backward(g, *inputs)[k] for k in (0, 2, 1))),
    changed(IMAGES, "missing-term", "mean taken for a constant", 0,
            lambda d, g, x, gamma, beta: normalise_backward(
                g * gamma[:, None, None], x, (0, 2, 3), 1e-3, mean_moves=False)),
    changed(IMAGES, "shape", "shift's gradient keeps its axes", 2,
            lambda d, g, x, gamma, beta: g.sum(axis=(0, 2, 3), keepdims=True)),
]  # fmt: skip


# Layer norm, (N, D).
def layer_norm(x, gamma, beta, *, eps=1e-5):
    return gamma * statistics(x, -1, eps)[0] + beta


def layer_norm_backward(g, x, gamma, beta, *, eps=1e-5):
    return normalise_backward(g * gamma, x, -1, eps), (g * statistics(x, -1, eps)[0]).sum(axis=0), g.sum(axis=0)


LAYER_NORM = Operation("layer norm", layer_norm, layer_norm_backward, normal((4, 3), (3,), (3,)))
SQUARE = normal((4, 4), (4,), (4,))
LAYER_NORM_MISTAKES = [
    changed(LAYER_NORM, "missing-term", "mean taken for a constant", 0,
            lambda d, g, x, gamma, beta: normalise_backward(g * gamma, x, -1, 1e-5, mean_moves=False)),
    changed(LAYER_NORM, "missing-term", "deviation taken for a constant", 0,
            lambda d, g, x, gamma, beta: normalise_backward(g * gamma, x, -1, 1e-5, deviation_moves=False)),
    changed(LAYER_NORM, "constant-factor", "scale's gradient averaged over the batch", 1,
            lambda d, g, x, gamma, beta: d / len(x)),
    changed(LAYER_NORM, "broadcast operand", "x with the statistics of the batch", 0,
            lambda d, g, x, gamma, beta: normalise_backward(g * gamma, x, 0, 1e-5)),
    changed(LAYER_NORM, "broadcast", "shift's gradient summed over the features", 2,
            lambda d, g, x, gamma, beta: g.sum(axis=1), draw=SQUARE),
    changed(LAYER_NORM, "batch", "shift's gradient of the first row", 2, lambda d, g, x, gamma, beta: g[0].copy()),
    changed(LAYER_NORM, "small-relative", "x divided by the deviation plus 1e-7", 0,
            lambda d, g, x, gamma, beta: d / (1 + 1e-7 / statistics(x, -1, 1e-5)[1])),
    changed(LAYER_NORM, "precision", "shift's gradient summed in float32", 2,
            lambda d, g, x, gamma, beta: rounded(d, np.float32)),
    changed(LAYER_NORM, "single-entry subset", "the last feature of the scale is not counted", 1,
            lambda d, *_: but(d, -1, lambda v: 0 * v)),
]  # fmt: skip


# Group norm, (N, C, H, W), and instance norm, (N, C, L): one group for each channel.
def grouped(x, groups):
    return x.reshape(len(x), groups, -1)


def group_norm(x, gamma, beta, *, groups):
    normed = statistics(grouped(x, groups), 2, 1e-5)[0].reshape(x.shape)
    return over_channels(gamma, x) * normed + over_channels(beta, x)


def over_channels(a, x):
    """One number for each channel, broadcast over what comes after the channels."""
    return a.reshape(-1, *[1] * (x.ndim - 2))


def group_norm_backward(g, x, gamma, beta, *, groups):
    rest = (0, *range(2, x.ndim))
    normed = statistics(grouped(x, groups), 2, 1e-5)[0].reshape(x.shape)
    d = normalise_backward(grouped(g * over_channels(gamma, x), groups), grouped(x, groups), 2, 1e-5)
    return d.reshape(x.shape), (g * normed).sum(axis=rest), g.sum(axis=rest)


GROUP_NORM = Operation(
    "group norm", partial(group_norm, groups=2), partial(group_norm_backward, groups=2),
    normal((2, 4, 2, 2), (4,), (4,)),
)  # fmt: skip
INSTANCE_NORM = Operation(
    "instance norm", lambda x, gamma, beta: group_norm(x, gamma, beta, groups=3),
    lambda g, x, gamma, beta: group_norm_backward(g, x, gamma, beta, groups=3), normal((2, 3, 4), (3,), (3,)),
)  # fmt: skip


def group_norm_backward_of_one_group(g, x, gamma, beta, *, groups):
    return group_norm_backward(g, x, gamma, beta, groups=1)


GROUP_MISTAKES = [
    instead(GROUP_NORM, "option-ignored", "one group in backward", group_norm_backward_of_one_group),
    changed(GROUP_NORM, "permuted", "channels read group by group in the wrong order", 0,
            lambda d, g, x, gamma, beta: d[:, [0, 2, 1, 3]]),
    changed(GROUP_NORM, "batch", "shift's gradient of the first image", 2,
            lambda d, g, x, gamma, beta: g[0].sum(axis=(1, 2))),
    changed(GROUP_NORM, "sign", "shift's gradient subtracted", 2, lambda d, *_: -d),
    changed(INSTANCE_NORM, "missing-factor", "x without the scale", 0,
            lambda d, g, x, gamma, beta: group_norm_backward(g, x, np.ones(3), beta, groups=3)[0]),
    changed(INSTANCE_NORM, "broadcast operand", "x with the statistics of the batch", 0,
            lambda d, g, x, gamma, beta: normalise_backward(g * gamma[:, None], x, (0, 2), 1e-5)),
    changed(INSTANCE_NORM, "shifted", "scale's gradient one channel late", 1, lambda d, *_: np.roll(d, 1)),
]  # fmt: skip


# Root mean square norm, (N, D).
def rms(x):
    return np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-6)


def rms_norm_backward(g, x, gamma):
    normed, d = x / rms(x), g * gamma
    return (d - normed * (d * normed).mean(axis=-1, keepdims=True)) / rms(x), (g * normed).sum(axis=0)


RMS_NORM = Operation("rms norm", lambda x, gamma: gamma * x / rms(x), rms_norm_backward, normal((3, 3), (3,)))
RMS_MISTAKES = [
    changed(RMS_NORM, "missing-term", "root mean square taken for a constant", 0,
            lambda d, g, x, gamma: g * gamma / rms(x)),
    changed(RMS_NORM, "missing-factor", "x not divided by the root mean square", 0,
            lambda d, g, x, gamma: d * rms(x)),
    changed(RMS_NORM, "missing-factor operand", "scale's gradient with the raw input", 1,
            lambda d, g, x, gamma: (g * x).sum(axis=0)),
    changed(RMS_NORM, "broadcast", "scale's gradient summed over the features", 1,
            lambda d, g, x, gamma: (g * x / rms(x)).sum(axis=1)),
    changed(RMS_NORM, "transposed", "x transposed on the way back", 0, lambda d, *_: d.T.copy()),
    changed(RMS_NORM, "dtype", "scale's gradient in float32", 1, lambda d, *_: d.astype(np.float32)),
]  # fmt: skip

NORMS = [*BATCH_NORM_MISTAKES, *IMAGE_MISTAKES, *LAYER_NORM_MISTAKES, *GROUP_MISTAKES, *RMS_MISTAKES]
