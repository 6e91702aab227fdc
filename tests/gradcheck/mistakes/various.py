"""Planted mistakes in operations of all kinds, some of them with options, ties or a memory.

The last third of the table was written when the harness's thresholds were fixed, without a look at its answers.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn import (
    conv2d,
    conv2d_grad_filters,
    conv2d_grad_input,
    patches,
    patches_backward,
    sigmoid,
    sigmoid_backward,
    standardize,
    standardize_backward,
)
from tests.gradcheck.draws import normal, with_ties
from tests.gradcheck.mistakes.planting import but, plant, remembering, rounded
from tests.gradcheck.operations import (
    AVERAGE_POOL,
    BATCH_NORM,
    BROADCAST,
    CLIP,
    CONV,
    CROSS_ENTROPY,
    CUMULATIVE,
    DENSE,
    DROPOUT,
    EMBEDDING,
    EXACT_CONV,
    EXACT_DENSE,
    FLATTEN,
    HINGE,
    IDS,
    LEAKY,
    MASK,
    MAX_POOL,
    NARROW_DENSE,
    NETWORK,
    OTHERS,
    PAD,
    PADDED,
    PATCHES,
    PRODUCT,
    QUOTIENT,
    RECURRENT,
    RELU,
    RIDGE,
    SCALE,
    SHARED,
    SIGMOID,
    SOFTMAX,
    SQUARED_ERROR,
    STANDARDIZE,
    TANH,
    UNIT,
    UPSAMPLE,
    WINDOWS,
    max_pool_backward,
    network_backward,
    one_hot,
    recurrent_backward,
    softmax,
    softmax_backward,
)


def assigned(parts, image, stride):
    """What `patches_backward` gives if each window overwrites what others left: the last one wins."""
    d = np.zeros(image, parts.dtype)
    rows, columns = parts.shape[4:]
    for p in range(parts.shape[2]):
        for q in range(parts.shape[3]):
            top, left = p * stride[0], q * stride[1]
            d[:, :, top : top + rows, left : left + columns] = parts[:, :, p, q]
    return d


SQUARE = normal((3, 3), (3, 3), (3,))


def conv_stride_1(d, g, x, f, b):
    """The cotangent laid out as if the windows stood one pixel apart."""
    full = np.zeros(conv2d(x, f, padding=PADDED["padding"]).shape)
    full[:, :, : g.shape[2], : g.shape[3]] = g
    return conv2d_grad_input(full, f, x.shape[2:], padding=PADDED["padding"])


def conv_not_cropped(d, g, x, f, b):
    """The corner of the padded image's gradient."""
    padded = (x.shape[2] + 1, x.shape[3] + 3)
    return conv2d_grad_input(g, f, padded, stride=(1, 2))[:, :, : x.shape[2], : x.shape[3]]


def conv_overwritten(d, g, x, f, b):
    parts = np.einsum("nkpq,kcrs->ncpqrs", g, f)
    return assigned(parts, (2, 2, x.shape[2] + 1, x.shape[3] + 3), (1, 2))[:, :, 1:, 2:-1]


def pool_to_every_maximum(d, g, x):
    return max_pool_backward(g, x, ties="all")[0]


def pool_overwritten(d, g, x):
    seen = patches(x, **WINDOWS)
    best = seen == seen.max(axis=(4, 5), keepdims=True)
    return assigned(best * g[..., None, None], x.shape, WINDOWS["stride"])


def pool_by_the_first_sample(d, g, x):
    """The places of the maxima found in the first sample, and used for all."""
    return max_pool_backward(g, np.broadcast_to(x[:1], x.shape))[0]


def average_with_holes(d, g, x):
    full = np.zeros(patches(x, (2, 3)).shape[:4])
    full[:, :, : g.shape[2], : g.shape[3]] = g / 6
    parts = np.broadcast_to(full[..., None, None], (*full.shape, 2, 3))
    return patches_backward(parts, x, (2, 3))[0]


def mean_constant(d, g, z):
    output, s = standardize(z, axis=0), z.std(axis=0)
    return (g - output * (g * output).mean(axis=0)) / s


def deviation_constant(d, g, z):
    return (g - g.mean(axis=0)) / z.std(axis=0)


class LastForward:
    """A layer that keeps the output of its last forward pass."""

    def forward(self, z):
        self.output = sigmoid(z)
        return self.output.copy()

    def backward(self, g, z):
        return g * self.output * (1 - self.output)


class FirstForward(LastForward):
    """One that keeps the first."""

    def forward(self, z):
        if not hasattr(self, "output"):
            self.output = sigmoid(z)
        return sigmoid(z)


class EverySeventh:
    """A gradient that is wrong in every seventh call."""

    calls = 0

    def backward(self, g, z):
        self.calls += 1
        return sigmoid_backward(g, z)[0] * (2 if self.calls % 7 == 0 else 1)


def layer(make: Callable[[], Any]) -> Callable[[], Any]:
    def pair():
        made = make()
        return made.forward, made.backward

    return pair


def shaken() -> Any:
    rng = np.random.default_rng(0)
    return sigmoid, lambda g, z: sigmoid_backward(g, z)[0] * (1 + 1e-6 * rng.standard_normal(z.shape))


def writes_cotangent(d, g, x, w, b):
    g *= 0.5
    return d


def writes_input(d, g, z):
    z -= z.mean(axis=0)
    return d


# The last third's operations, and what goes wrong in them.


def embed_assigned(d, g, table):
    d = np.zeros_like(table)
    d[IDS] += g
    return d


def soft_in_place():
    def forward(x):
        x -= x.max(axis=-1, keepdims=True)
        return softmax(x)

    return forward, softmax_backward


def fresh_mask():
    rng = np.random.default_rng(1)
    return DROPOUT.forward, lambda g, x: g * rng.permutation(MASK) / 0.75


def hit_once(rng):
    """Outputs, and targets one of which they are equal to."""
    output, target = rng.standard_normal((2, 3, 2))
    target[1, 0] = output[1, 0]
    return output, target


VARIOUS = [
    # conv2d
    plant(CONV, "rotated", "filters not turned", 0,
          lambda d, g, x, f, b: conv2d_grad_input(g, f[..., ::-1, ::-1], x.shape[2:], **PADDED)),
    plant(CONV, "rotated", "filters' gradient turned", 1, lambda d, *_: d[..., ::-1, ::-1].copy()),
    plant(CONV, "transposed", "filters transposed", 0,
          lambda d, g, x, f, b: conv2d_grad_input(g, f.swapaxes(2, 3), x.shape[2:], **PADDED)),
    plant(CONV, "transposed", "filters' gradient with inputs and outputs exchanged", 1,
          lambda d, *_: d.swapaxes(0, 1).copy()),
    plant(CONV, "permuted", "channels in reverse", 0, lambda d, *_: d[:, ::-1].copy()),
    plant(CONV, "shifted", "a row too low", 0, lambda d, *_: np.roll(d, 1, axis=2)),
    plant(CONV, "stride-ignored", "stride 1", 0, conv_stride_1),
    plant(CONV, "padding-not-cropped", "the padded image's corner", 0, conv_not_cropped),
    plant(CONV, "border", "last row forgotten", 0, lambda d, *_: but(d, np.s_[:, :, -1], lambda v: 0 * v)),
    plant(CONV, "batch", "filters of the first sample", 1,
          lambda d, g, x, f, b: conv2d_grad_filters(g[:1], x[:1], f.shape[2:], **PADDED)),
    plant(CONV, "constant-factor", "bias as a mean", 2, lambda d, g, *_: g.mean(axis=(0, 2, 3))),
    plant(CONV, "broadcast", "bias summed over filters", 2, lambda d, g, *_: g.sum(axis=(1, 2, 3))),
    plant(CONV, "overlap", "windows overwrite each other", 0, conv_overwritten),
    plant(CONV, "sign", "descent built in", 1, lambda d, *_: -d),
    plant(CONV, "precision", "filters through float32", 1, lambda d, *_: rounded(d, np.float32)),
    plant(CONV, "single-entry", "last pixel twice", 0, lambda d, *_: but(d, (-1, -1, -1, -1), lambda v: 2 * v)),
    plant(EXACT_CONV, "small-relative", "1 + 1e-14 in one filter entry", 1,
          lambda d, *_: but(d, (1, 0, 1, 1), lambda v: v * (1 + 1e-14))),
    # dense
    plant(DENSE, "transposed", "weight not transposed", 0, lambda d, g, x, w, b: g @ w, SQUARE),
    plant(DENSE, "transposed", "weight's gradient transposed", 1, lambda d, *_: d.T.copy(), SQUARE),
    plant(DENSE, "constant-factor", "1/N", 1, lambda d, g, x, w, b: d / len(x)),
    plant(DENSE, "broadcast", "bias summed over neurons", 2, lambda d, g, *_: g.sum(axis=1), SQUARE),
    plant(DENSE, "ignores-cotangent", "ones for the cotangent", 1, lambda d, g, x, *_: x.T @ np.ones_like(g)),
    plant(DENSE, "missing-factor", "the cotangent's mean", 1, lambda d, g, x, *_: x.T @ np.full_like(g, g.mean())),
    plant(DENSE, "shape", "bias with keepdims", 2, lambda d, g, *_: g.sum(axis=0, keepdims=True)),
    plant(DENSE, "dtype", "float32 weights", 1, lambda d, *_: d.astype(np.float32)),
    plant(DENSE, "mutation", "cotangent halved in place", 0, writes_cotangent),
    plant(DENSE, "small-relative", "1 + 1e-8 everywhere", 1, lambda d, *_: d * (1 + 1e-8)),
    plant(DENSE, "zero-gradient", "bias forgotten", 2, lambda d, *_: 0 * d),
    plant(EXACT_DENSE, "small-relative", "1 + 1e-14", 0, lambda d, *_: d * (1 + 1e-14)),
    # sigmoid, tanh, relu, leaky relu
    plant(SIGMOID, "missing-factor", "no derivative", 0, lambda d, g, z: g.copy()),
    plant(SIGMOID, "missing-factor", "without 1 - O", 0, lambda d, g, z: g * sigmoid(z)),
    plant(SIGMOID, "subset", "zero where saturated", 0, lambda d, g, z: d * (np.abs(z) < np.abs(z).max())),
    plant(SIGMOID, "small-relative", "1 + 1e-8 at one entry", 0,
          lambda d, *_: but(d, (1, 1), lambda v: v * (1 + 1e-8))),
    plant(SIGMOID, "precision", "through float16", 0, lambda d, *_: rounded(d, np.float16)),
    plant(SIGMOID, "not-finite", "NaN at one entry", 0, lambda d, *_: but(d, (2, 0), lambda v: np.nan)),
    remembering(SIGMOID, "stale", "output of the last forward", layer(LastForward)),
    remembering(SIGMOID, "stale", "output of the first forward", layer(FirstForward)),
    remembering(SIGMOID, "nondeterministic", "every seventh call", lambda: (sigmoid, EverySeventh().backward)),
    remembering(SIGMOID, "nondeterministic", "noise of 1e-6", shaken),
    plant(TANH, "missing-factor", "1 - O for 1 - O^2", 0, lambda d, g, z: g * (1 - np.tanh(z))),
    plant(TANH, "other", "input for output", 0, lambda d, g, z: g * (1 - z**2)),
    plant(RELU, "kink", "slope 2 at zero", 0, lambda d, g, x: d + 2 * g * (x == 0)),
    plant(RELU, "missing-factor", "no mask", 0, lambda d, g, x: g.copy()),
    plant(RELU, "subset", "masked by the cotangent", 0, lambda d, g, x: d * (g > 0), normal((8,))),
    plant(LEAKY, "subset", "the slope of plain relu", 0, lambda d, g, x: g * (x > 0)),
    # pooling, patches
    plant(MAX_POOL, "kink", "all tied maxima", 0, pool_to_every_maximum, with_ties),
    plant(MAX_POOL, "overlap", "windows overwrite each other", 0, pool_overwritten),
    plant(MAX_POOL, "batch", "maxima of the first sample", 0, pool_by_the_first_sample),
    plant(AVERAGE_POOL, "constant-factor", "not divided", 0, lambda d, *_: 6 * d),
    plant(AVERAGE_POOL, "stride-ignored", "stride 1", 0, average_with_holes),
    plant(PATCHES, "overlap", "assigned", 0, lambda d, g, x: assigned(g, x.shape, WINDOWS["stride"])),
    # standardize, squared error, flatten, product
    plant(STANDARDIZE, "missing-term", "mean constant", 0, mean_constant),
    plant(STANDARDIZE, "missing-term", "deviation constant", 0, deviation_constant),
    plant(STANDARDIZE, "missing-factor", "the article's code", 0, lambda d, g, z: g.copy()),
    plant(STANDARDIZE, "mutation", "centred in place", 0, writes_input),
    plant(SQUARED_ERROR, "constant-factor", "2 forgotten in the error", 0, lambda d, *_: 2 * d),
    plant(SQUARED_ERROR, "swapped", "target's for output's", 0, lambda d, g, o, y: g * (y - o)),
    plant(SQUARED_ERROR, "subset", "a slope where it is hit", 0, lambda d, g, o, y: d + g * (o == y), hit_once),
    plant(FLATTEN, "permuted", "Fortran order", 0, lambda d, g, x: g.reshape(x.shape, order="F").copy()),
    plant(PRODUCT, "swapped", "each its own factor", 0, lambda d, g, a, b: g * a),
    # The last third.
    plant(CROSS_ENTROPY, "constant-factor", "not averaged", 0, lambda d, g, z, t: len(z) * d),
    plant(CROSS_ENTROPY, "sign", "truth less prediction", 0, lambda d, *_: -d),
    plant(CROSS_ENTROPY, "missing-term", "normalizer constant", 0, lambda d, g, z, t: -g * one_hot(z, t) / len(z)),
    plant(CROSS_ENTROPY, "shifted", "labels counted from one", 0,
          lambda d, g, z, t: g * (softmax(z) - np.roll(one_hot(z, t), 1, axis=1)) / len(z)),
    plant(CROSS_ENTROPY, "other", "softmax's derivative twice", 0,
          lambda d, g, z, t: d * softmax(z) * (1 - softmax(z))),
    plant(CROSS_ENTROPY, "ignores-cotangent", "a loss is the end", 0,
          lambda d, g, z, t: (softmax(z) - one_hot(z, t)) / len(z)),
    plant(SOFTMAX, "missing-term", "the diagonal only", 0, lambda d, g, z: g * softmax(z) * (1 - softmax(z))),
    plant(SOFTMAX, "broadcast", "summed over the samples", 0,
          lambda d, g, z: softmax(z) * (g - (g * softmax(z)).sum(axis=0))),
    remembering(SOFTMAX, "mutation", "the maximum taken off in place", soft_in_place),
    plant(BATCH_NORM, "missing-factor", "without gamma", 0,
          lambda d, g, x, *_: standardize_backward(g, x, axis=0)[0]),
    plant(BATCH_NORM, "missing-factor", "gamma's without the input", 1, lambda d, g, *_: g.sum(axis=0)),
    plant(BATCH_NORM, "constant-factor", "deviation of n - 1", 0, lambda d, *_: d * np.sqrt(3 / 4)),
    plant(BATCH_NORM, "constant-factor", "beta's mean", 2, lambda d, g, *_: g.mean(axis=0)),
    plant(EMBEDDING, "overlap", "repeated ids assigned", 0, embed_assigned),
    plant(DROPOUT, "constant-factor", "not scaled up", 0, lambda d, *_: d * 0.75),
    plant(DROPOUT, "missing-factor", "mask forgotten", 0, lambda d, g, x: g / 0.75),
    remembering(DROPOUT, "nondeterministic", "a mask of its own", fresh_mask),
    plant(RECURRENT, "missing-term", "weight of the last step", 1,
          lambda d, g, x, w: recurrent_backward(g, x, w, reach=1)[1]),
    plant(RECURRENT, "missing-term", "nothing through time", 0,
          lambda d, g, x, w: recurrent_backward(g, x, w, stop=True)[0]),
    plant(NETWORK, "missing-factor", "hidden derivative", 1,
          lambda d, g, *a: network_backward(g, *a, slope=lambda h: 1.0)[1]),
    plant(NETWORK, "stale", "weights updated before they pass back", 1,
          lambda d, g, *a: network_backward(g, *a, rate=1e-3)[1]),
    plant(NETWORK, "transposed", "hidden weights' gradient", 1, lambda d, *_: d.T.copy()),
    plant(NETWORK, "small-relative", "1 + 1e-8 in one weight", 1,
          lambda d, *_: but(d, (2, 0), lambda v: v * (1 + 1e-8))),
    plant(QUOTIENT, "sign", "denominator's", 1, lambda d, *_: -d),
    plant(QUOTIENT, "missing-factor", "denominator not squared", 1, lambda d, g, a, b: d * b),
    plant(UNIT, "missing-term", "length constant", 0, lambda d, g, x: g / np.sqrt((x * x).sum())),
    plant(PAD, "padding-not-cropped", "the corner", 0, lambda d, g, x: g[:, :, : x.shape[2], : x.shape[3]].copy()),
    plant(PAD, "shifted", "top and left exchanged", 0, lambda d, g, x: g[:, :, 2:-1, 1:-2].copy()),
    plant(SCALE, "broadcast", "summed over channels", 1, lambda d, g, x, s: (g * x).sum(axis=(1, 2, 3))),
    plant(SCALE, "batch", "last sample only", 1, lambda d, g, x, s: (g * x)[-1].sum(axis=(1, 2))),
    plant(BROADCAST, "shape", "not summed", 1, lambda d, g, *_: g.copy()),
    plant(CLIP, "subset", "no mask", 0, lambda d, g, x: g.copy()),
    plant(CUMULATIVE, "permuted", "not reversed", 0, lambda d, g, x: g.cumsum()),
    plant(UPSAMPLE, "constant-factor", "mean for sum", 0, lambda d, *_: d / 2),
    plant(RIDGE, "missing-term", "penalty forgotten", 1, lambda d, g, x, w: d - g * w / 5),
    plant(RIDGE, "constant-factor", "penalty's 2 forgotten", 1, lambda d, g, x, w: d - g * w / 10),
    plant(OTHERS, "not-finite", "divided by a zero", 0, lambda d, g, x: g * x.prod() / x),
    plant(HINGE, "kink", "twice the slope at the margin", 0, lambda d, g, s: d - 2 * g * (s == 1) / s.size),
    plant(SHARED, "batch", "the loop keeps its last", 1, lambda d, g, x, w: x[-1].T @ g[-1]),
    plant(NARROW_DENSE, "dtype", "float64 weights", 1, lambda d, *_: d.astype(np.float64)),
    plant(NARROW_DENSE, "small-relative", "1.001 in float32", 1, lambda d, *_: d * np.float32(1.001)),
]  # fmt: skip
