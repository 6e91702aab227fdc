"""Planted mistakes in padding, pooling, tanh, relu, leaky relu and the cross-entropy."""

from functools import partial

import numpy as np

from scratchcnn import (
    avg_pool2d,
    avg_pool2d_backward,
    leaky_relu,
    leaky_relu_backward,
    max_pool2d,
    max_pool2d_backward,
    pad2d,
    pad2d_backward,
    relu,
    relu_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    tanh,
    tanh_backward,
)
from tests.gradcheck.draws import normal, with_zeros
from tests.gradcheck.mistakes.planting import but, plant, rounded
from tests.gradcheck.operations import Operation

FRAME = ((1, 2), (2, 1))
POOLED = {"window": (2, 3), "stride": (1, 2), "padding": ((1, 0), (1, 2))}


def negative(rng):
    """Images of negative pixels: what takes the padding for pixels finds its zeros larger."""
    return (-rng.uniform(1, 2, (2, 1, 3, 5)),)


def with_equal_maxima(rng):
    (x,) = negative(rng)
    x[:, 0, 1, [0, 1, 3]] = x.max()
    return (x,)


def some_positive(rng):
    """Of nine numbers five above zero, two of them in the first row, three in the last."""
    return (np.array([[1, -1, 1], [-1, -1, -1], [1, 1, 1]]) * rng.uniform(0.1, 3, (3, 3)),)


def sure(rng):
    """Logits of a thousand: the power of one overflows."""
    return 1e3 * rng.standard_normal((3, 4)), rng.integers(0, 4, 3)


PAD = Operation(
    "pad2d", partial(pad2d, padding=FRAME), partial(pad2d_backward, padding=FRAME), normal((2, 2, 3, 3)), {"degree": 1}
)
MAX_POOL = Operation(
    "max_pool2d", partial(max_pool2d, **POOLED), partial(max_pool2d_backward, **POOLED), normal((2, 1, 3, 5))
)
AVERAGE = Operation(
    "avg_pool2d", partial(avg_pool2d, **POOLED), partial(avg_pool2d_backward, **POOLED), normal((2, 1, 3, 5))
)
EXACT_AVERAGE = Operation(
    "exact avg_pool2d", AVERAGE.forward, AVERAGE.backward, AVERAGE.draw, {"degree": 1, "factor": 12}
)
TANH = Operation("scratchcnn's tanh", tanh, tanh_backward, normal((3, 3), scale=2))
RELU = Operation("scratchcnn's relu", relu, relu_backward, normal((3, 3)))
LEAKY = Operation("scratchcnn's leaky_relu", leaky_relu, leaky_relu_backward, normal((3, 3)))
CROSS_ENTROPY = Operation(
    "softmax_cross_entropy", softmax_cross_entropy, softmax_cross_entropy_backward,
    lambda rng: (rng.standard_normal((4, 4)), rng.integers(0, 4, 4)),
)  # fmt: skip


def windows(shape):
    """Where each window of `POOLED` stands in an image of such a shape: its place, and the part of it that is there."""
    places = avg_pool2d(np.empty(shape), **POOLED).shape[2:]
    for p, q in np.ndindex(places):
        top, left = p - 1, 2 * q - 1
        yield (..., p, q), np.s_[:, :, max(top, 0) : top + 2, max(left, 0) : left + 3]


def first_of(seen):
    """1 at the first maximum of each window (N, C, R, S), else 0."""
    flat = seen.reshape(*seen.shape[:2], -1)
    return (np.arange(flat.shape[2]) == flat.argmax(axis=2)[..., None]).reshape(seen.shape)


def all_of(seen):
    return seen == seen.max(axis=(2, 3), keepdims=True)


def pool(g, x, share, *, added=True):
    """The gradient with `share` of each window's going to its pixels; those of another window are kept or lost."""
    d = np.zeros_like(x)
    for place, pixels in windows(x.shape):
        part = g[place][..., None, None] * share(x[pixels])
        d[pixels] = d[pixels] + part if added else part
    return d


def at_stride_1(backward, g, x):
    """The cotangent laid out as if the windows stood one pixel apart."""
    options = {**POOLED, "stride": 1}
    full = np.zeros(avg_pool2d(x, **options).shape)
    full[:, :, : g.shape[2], : g.shape[3]] = g
    return backward(full, x, **options)[0]


def not_cropped(backward, g, x):
    """The corner of the padded image's gradient."""
    padded = pad2d(x, POOLED["padding"])
    return backward(g, padded, window=(2, 3), stride=(1, 2))[0][:, :, : x.shape[2], : x.shape[3]].copy()


def zeros_win(d, g, x):
    """The maxima of an image padded with zeros, which are larger than all that is negative."""
    return max_pool2d_backward(g, pad2d(x, POOLED["padding"]), (2, 3), stride=(1, 2))[0][:, :, 1:, 1:-2].copy()


def frame_cleared(d, g, x):
    g[:, :, 0] = 0
    return d


def softmax(z, axis=1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def overflowing(d, g, z, y):
    e = np.exp(z)
    return g * (e / e.sum(axis=1, keepdims=True) - np.eye(4)[y]) / len(y)


LAYERS = [
    # pad2d
    plant(PAD, "padding-not-cropped", "the corner", 0, lambda d, g, x: g[:, :, :3, :3].copy()),
    plant(PAD, "shifted", "top and left exchanged", 0, lambda d, g, x: g[:, :, 2:-1, 1:-2].copy()),
    plant(PAD, "shifted", "top and bottom exchanged", 0, lambda d, g, x: g[:, :, 2:-1, 2:-1].copy()),
    plant(PAD, "transposed", "rows and columns exchanged", 0, lambda d, *_: d.swapaxes(2, 3).copy()),
    plant(PAD, "border", "the last column forgotten", 0, lambda d, *_: but(d, np.s_[..., -1], lambda v: 0 * v)),
    plant(PAD, "shape", "the frame left on", 0, lambda d, g, x: g.copy()),
    plant(PAD, "mutation", "the frame of the cotangent cleared", 0, frame_cleared),
    # max_pool2d
    plant(MAX_POOL, "kink", "to every maximum", 0, lambda d, g, x: pool(g, x, all_of), with_equal_maxima),
    plant(MAX_POOL, "overlap", "windows overwrite each other", 0, lambda d, g, x: pool(g, x, first_of, added=False)),
    plant(MAX_POOL, "stride-ignored", "stride 1", 0, lambda d, g, x: at_stride_1(max_pool2d_backward, g, x)),
    plant(MAX_POOL, "padding-not-cropped", "the padded image's corner", 0,
          lambda d, g, x: not_cropped(max_pool2d_backward, g, x)),
    plant(MAX_POOL, "border", "the padding's zeros win", 0, zeros_win, negative),
    plant(MAX_POOL, "batch", "the maxima of the first sample", 0,
          lambda d, g, x: max_pool2d_backward(g, np.broadcast_to(x[:1], x.shape), **POOLED)[0]),
    plant(MAX_POOL, "operand", "to the smallest", 0, lambda d, g, x: pool(g, x, lambda seen: first_of(-seen))),
    plant(MAX_POOL, "constant-factor", "divided among the window", 0, lambda d, *_: d / 6),
    plant(MAX_POOL, "missing-factor", "the cotangent's mean", 0,
          lambda d, g, x: max_pool2d_backward(np.full_like(g, g.mean()), x, **POOLED)[0]),
    plant(MAX_POOL, "single-entry", "one pixel twice", 0,
          lambda d, *_: but(d, np.unravel_index(np.abs(d).argmax(), d.shape), lambda v: 2 * v)),
    # avg_pool2d
    plant(AVERAGE, "constant-factor", "not divided", 0, lambda d, *_: 6 * d),
    plant(AVERAGE, "border", "the padding counted", 0, lambda d, g, x: pool(g, x, lambda seen: np.ones_like(seen) / 6)),
    plant(AVERAGE, "stride-ignored", "stride 1", 0, lambda d, g, x: at_stride_1(avg_pool2d_backward, g, x)),
    plant(AVERAGE, "overlap", "windows overwrite each other", 0,
          lambda d, g, x: pool(g, x, lambda seen: np.ones_like(seen) / seen[0, 0].size, added=False)),
    plant(AVERAGE, "missing-factor", "to the maximum alone", 0, lambda d, g, x: max_pool2d_backward(g, x, **POOLED)[0]),
    plant(AVERAGE, "precision", "through float16", 0, lambda d, *_: rounded(d, np.float16)),
    plant(EXACT_AVERAGE, "small-relative", "1 + 1e-14", 0, lambda d, *_: d * (1 + 1e-14)),
    # tanh
    plant(TANH, "missing-factor", "no derivative", 0, lambda d, g, z: g.copy()),
    plant(TANH, "other", "a sigmoid's O (1 - O)", 0, lambda d, g, z: g * np.tanh(z) * (1 - np.tanh(z))),
    plant(TANH, "operand", "tanh applied twice", 0, lambda d, g, z: g * (1 - np.tanh(np.tanh(z)) ** 2)),
    plant(TANH, "sign", "O² - 1", 0, lambda d, *_: -d),
    plant(TANH, "transposed", "transposed", 0, lambda d, *_: d.T.copy()),
    plant(TANH, "small-relative", "1 + 1e-8 everywhere", 0, lambda d, *_: d * (1 + 1e-8)),
    # relu
    plant(RELU, "subset", "clipped above, too", 0, lambda d, g, z: d * (z < z.max()), some_positive),
    plant(RELU, "missing-factor", "masked by another sample", 0, lambda d, g, z: g * (z[::-1] > 0), some_positive),
    plant(RELU, "missing-factor", "z for the slope", 0, lambda d, g, z: g * relu(z)),
    plant(RELU, "ignores-cotangent", "the mask alone", 0, lambda d, g, z: (z > 0).astype(float)),
    plant(RELU, "kink", "a slope of -1 at zero", 0, lambda d, g, z: d - g * (z == 0), with_zeros),
    plant(RELU, "zero-gradient", "dead", 0, lambda d, *_: 0 * d, some_positive),
    # leaky_relu
    plant(LEAKY, "subset", "the default of another library", 0, lambda d, g, z: np.where(z > 0, g, 0.2 * g)),
    plant(LEAKY, "operand", "the slopes exchanged", 0, lambda d, g, z: np.where(z > 0, 0.01 * g, g)),
    plant(LEAKY, "kink", "a slope of 0 at zero", 0, lambda d, g, z: d * (z != 0), with_zeros),
    plant(LEAKY, "small-relative", "alpha through float32", 0,
          lambda d, g, z: np.where(z > 0, g, float(np.float32(0.01)) * g)),
    # softmax_cross_entropy
    plant(CROSS_ENTROPY, "constant-factor", "not averaged", 0, lambda d, g, z, y: len(z) * d),
    plant(CROSS_ENTROPY, "constant-factor", "averaged over the classes, too", 0, lambda d, g, z, y: d / z.shape[1]),
    plant(CROSS_ENTROPY, "sign", "truth less prediction", 0, lambda d, *_: -d),
    plant(CROSS_ENTROPY, "missing-term", "the true class forgotten", 0, lambda d, g, z, y: g * softmax(z) / len(z)),
    plant(CROSS_ENTROPY, "missing-term", "the true class alone", 0, lambda d, g, z, y: d * np.eye(4)[y]),
    plant(CROSS_ENTROPY, "broadcast", "softmax over the samples", 0,
          lambda d, g, z, y: g * (softmax(z, axis=0) - np.eye(4)[y]) / len(z)),
    plant(CROSS_ENTROPY, "shifted", "labels a sample off", 0,
          lambda d, g, z, y: g * (softmax(z) - np.eye(4)[np.roll(y, 1)]) / len(z),
          lambda rng: (rng.standard_normal((4, 4)), rng.permutation(4))),
    plant(CROSS_ENTROPY, "batch", "the first sample only", 0,
          lambda d, *_: but(d, np.s_[1:], lambda v: 0 * v)),
    plant(CROSS_ENTROPY, "ignores-cotangent", "a loss is the end", 0,
          lambda d, g, z, y: (softmax(z) - np.eye(4)[y]) / len(z)),
    plant(CROSS_ENTROPY, "not-finite", "the largest logit not taken off", 0, overflowing, sure),
    plant(CROSS_ENTROPY, "dtype", "float32", 0, lambda d, *_: d.astype(np.float32)),
]  # fmt: skip
