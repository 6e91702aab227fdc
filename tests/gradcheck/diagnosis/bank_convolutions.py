"""Convolutions along one axis (plain, depthwise, transposed), pooling with overlap, bilinear upsampling.

As everywhere in the field, no filter is flipped in a forward pass.
"""

from functools import partial

import numpy as np

from tests.gradcheck.diagnosis.labelled import changed, instead
from tests.gradcheck.draws import normal
from tests.gradcheck.mistakes.planting import but, rounded
from tests.gradcheck.operations import Operation


# Windows of the last axis: taken out, and added back.
def places(count, taps, stride, dilation):
    """Where in a row of so many entries each tap of each window falls, (windows, taps)."""
    starts = np.arange(0, count - dilation * (taps - 1), stride)
    return starts[:, None] + dilation * np.arange(taps)


def added(windows, at, count):
    row = np.zeros((*windows.shape[:-2], count), windows.dtype)
    np.add.at(row, (..., at), windows)
    return row


def assigned(windows, at, count):
    row = np.zeros((*windows.shape[:-2], count), windows.dtype)
    for window in range(len(at)):
        row[..., at[window]] = windows[..., window, :]
    return row


def padded(x, padding):
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(padding, padding)])


# x (N, C, L), filters (K, C, R), bias (K,).
def conv1d(x, w, b, *, stride, padding, dilation):
    rows = padded(x, padding)
    at = places(rows.shape[-1], w.shape[-1], stride, dilation)
    return np.einsum("ncor,kcr->nko", rows[..., at], w) + b[:, None]


def conv1d_backward(
    g, x, w, b, *, stride, padding, dilation, put=added, back="nko,kcr->ncor", filters="nko,ncor->kcr",
    stride_back=None, dilation_back=None, start=None, turn=1,
):  # fmt: skip
    """`start`: where the padded gradient is cropped; `turn`: -1 meets the filters from their end."""
    rows = padded(x, padding)
    at = places(rows.shape[-1], w.shape[-1], stride, dilation)
    to = places(rows.shape[-1], w.shape[-1], stride_back or stride, dilation_back or dilation)[: len(at)]
    row = put(np.einsum(back, g, w[..., ::turn]), to, rows.shape[-1])
    start = padding if start is None else start
    grad_x = row[..., start : start + x.shape[-1]]
    return grad_x, np.einsum(filters, g, rows[..., at]), g.sum(axis=(0, 2))


# Padded to seven entries, x gives three windows: as many as filters, channels, taps, and entries of x.
OPTIONS = {"stride": 2, "padding": 2, "dilation": 1}
conv_back = partial(conv1d_backward, **OPTIONS)
CONV = Operation("conv1d", partial(conv1d, **OPTIONS), conv_back, normal((2, 3, 3), (3, 3, 3), (3,)))
CONV_MISTAKES = [
    instead(CONV, "rotated", "filters turned round on the way back", partial(conv1d_backward, turn=-1)),
    instead(CONV, "overlap", "windows assigned, not added", partial(conv1d_backward, put=assigned)),
    instead(CONV, "stride-ignored", "stride 1 in backward", partial(conv1d_backward, stride_back=1)),
    instead(CONV, "padding-not-cropped shifted", "padded gradient cut at its end alone",
            partial(conv1d_backward, start=0)),
    instead(CONV, "shifted", "padded gradient cropped by one too few", partial(conv1d_backward, start=1)),
    instead(CONV, "transposed", "filters with channels for filters", partial(conv1d_backward, back="nko,ckr->ncor")),
    instead(CONV, "transposed", "filters' gradient with channels first",
            partial(conv1d_backward, filters="nko,ncor->ckr")),
    changed(CONV, "padding-not-cropped shape", "padded gradient not cropped", 0,
            lambda d, g, x, w, b: padded(d, 2)),
    changed(CONV, "rotated", "filters' gradient turned round", 1, lambda d, *_: d[..., ::-1].copy()),
    changed(CONV, "constant-factor", "filters' gradient averaged over the batch", 1, lambda d, g, x, *_: d / len(x)),
    changed(CONV, "batch", "filters' gradient of the first sample", 1,
            lambda d, g, x, w, b: conv_back(g[:1], x[:1], w, b)[1]),
    changed(CONV, "broadcast", "bias summed over channels in place of places", 2,
            lambda d, g, *_: g.sum(axis=(0, 1))),
    changed(CONV, "constant-factor", "bias averaged over the places", 2, lambda d, g, *_: d / g.shape[-1]),
    changed(CONV, "border", "last window left out", 0,
            lambda d, g, x, w, b: conv_back(but(g, (..., -1), lambda v: 0 * v), x, w, b)[0]),
    changed(CONV, "permuted", "channels in reverse", 0, lambda d, *_: d[:, ::-1].copy()),
]  # fmt: skip

# Dilation 2, no padding, and no two axes alike; the options are in closures.
WIDE = {"stride": 1, "padding": 0, "dilation": 2}
DILATED = Operation(
    "dilated conv1d", lambda x, w, b: conv1d(x, w, b, **WIDE),
    lambda g, x, w, b: conv1d_backward(g, x, w, b, **WIDE), normal((2, 3, 7), (4, 3, 2), (4,)),
)  # fmt: skip
DILATED_MISTAKES = [
    instead(DILATED, "option-ignored", "dilation 1 in backward", partial(conv1d_backward, **WIDE, dilation_back=1)),
    changed(DILATED, "rotated", "filters' gradient turned round", 1, lambda d, *_: d[..., ::-1].copy()),
    changed(DILATED, "shifted", "filters' gradient with x one place late", 1,
            lambda d, g, x, w, b: DILATED.backward(g, np.roll(x, 1, axis=-1), w, b)[1]),
    changed(DILATED, "sign", "bias subtracted", 2, lambda d, *_: -d),
    changed(DILATED, "precision", "filters' gradient summed in float32", 1, lambda d, *_: rounded(d, np.float32)),
    changed(DILATED, "single-entry", "first corner left out", 0, lambda d, *_: but(d, (0, 0, 0), lambda v: 0 * v)),
]  # fmt: skip


# Depthwise: each channel has its own taps, w (C, R).
def depthwise(x, w, *, stride):
    at = places(x.shape[-1], w.shape[-1], stride, 1)
    return np.einsum("ncor,cr->nco", x[..., at], w)


def depthwise_backward(g, x, w, *, stride, stride_back=None, back="nco,cr->ncor", filters="nco,ncor->cr"):
    at = places(x.shape[-1], w.shape[-1], stride, 1)
    to = places(x.shape[-1], w.shape[-1], stride_back or stride, 1)[: len(at)]
    return added(np.einsum(back, g, w), to, x.shape[-1]), np.einsum(filters, g, x[..., at])


DEPTHWISE = Operation(
    "depthwise conv1d", partial(depthwise, stride=2), partial(depthwise_backward, stride=2),
    normal((2, 3, 7), (3, 3)),
)  # fmt: skip
DEPTHWISE_MISTAKES = [
    instead(DEPTHWISE, "stride-ignored", "stride 1 in backward", partial(depthwise_backward, stride_back=1)),
    instead(DEPTHWISE, "transposed", "taps and channels of the filters exchanged",
            partial(depthwise_backward, back="nco,rc->ncor")),
    instead(DEPTHWISE, "transposed", "filters' gradient transposed",
            partial(depthwise_backward, filters="nco,ncor->rc")),
    changed(DEPTHWISE, "rotated", "filters turned round on the way back", 0,
            lambda d, g, x, w: depthwise_backward(g, x, w[:, ::-1], stride=2)[0]),
    changed(DEPTHWISE, "broadcast", "filters' gradient summed over the channels", 1,
            lambda d, *_: np.broadcast_to(d.sum(axis=0), d.shape).copy()),
    changed(DEPTHWISE, "permuted", "channels in reverse", 1, lambda d, *_: d[::-1].copy()),
    changed(DEPTHWISE, "batch", "filters' gradient of the last sample", 1,
            lambda d, g, x, w: depthwise_backward(g[-1:], x[-1:], w, stride=2)[1]),
]  # fmt: skip


# Transposed convolution: each entry of x (N, C, L) adds a window of w (C, K, R); `crop` is cut off at both ends.
def transposed(x, w, *, stride, crop):
    count = stride * (x.shape[-1] - 1) + w.shape[-1]
    row = added(np.einsum("nco,ckr->nkor", x, w), places(count, w.shape[-1], stride, 1), count)
    return row[..., crop : count - crop]


def transposed_backward(g, x, w, *, stride, crop, stride_back=None, pad=padded, back="nkor,ckr->nco", turn=1):
    whole = pad(g, crop)
    at = places(whole.shape[-1], w.shape[-1], stride_back or stride, 1)[: x.shape[-1]]
    return np.einsum(back, whole[..., at], w[..., ::turn]), np.einsum("nco,nkor->ckr", x, whole[..., at])


def padded_at_the_end(g, crop):
    return np.pad(g, ((0, 0), (0, 0), (0, 2 * crop)))


TRANSPOSED = Operation(
    "transposed conv1d", partial(transposed, stride=2, crop=1), partial(transposed_backward, stride=2, crop=1),
    normal((2, 3, 4), (3, 3, 3)),
)  # fmt: skip
TRANSPOSED_MISTAKES = [
    instead(TRANSPOSED, "stride-ignored", "stride 1 in backward", partial(transposed_backward, stride_back=1)),
    instead(TRANSPOSED, "transposed", "channels and filters exchanged",
            partial(transposed_backward, back="nkor,kcr->nco")),
    instead(TRANSPOSED, "rotated", "filters turned round on the way back", partial(transposed_backward, turn=-1)),
    instead(TRANSPOSED, "padding-not-cropped shifted", "cotangent not put back where it was cropped",
            partial(transposed_backward, pad=padded_at_the_end)),
    changed(TRANSPOSED, "border", "first window left out", 0, lambda d, *_: but(d, (..., 0), lambda v: 0 * v)),
    changed(TRANSPOSED, "subset border", "filters' last tap left out", 1,
            lambda d, *_: but(d, (..., -1), lambda v: 0 * v)),
    changed(TRANSPOSED, "constant-factor", "filters' gradient averaged over the batch", 1,
            lambda d, g, x, w: d / len(x)),
]  # fmt: skip


# Pooling of x (N, C, L) by windows of 3 at stride 2, which overlap in one entry.
def average_pool(x, *, window, stride):
    return x[..., places(x.shape[-1], window, stride, 1)].mean(axis=-1)


def average_pool_backward(g, x, *, window, stride, put=added, stride_back=None, share=1.0):
    at = places(x.shape[-1], window, stride_back or stride, 1)[: g.shape[-1]]
    return (put(np.repeat(g[..., None] * share / window, window, axis=-1), at, x.shape[-1]),)


AVERAGE = Operation(
    "average pool 1d", partial(average_pool, window=3, stride=2), partial(average_pool_backward, window=3, stride=2),
    normal((2, 2, 7)),
)  # fmt: skip
AVERAGE_MISTAKES = [
    instead(AVERAGE, "overlap", "windows assigned, not added", partial(average_pool_backward, put=assigned)),
    instead(AVERAGE, "stride-ignored", "stride 1 in backward", partial(average_pool_backward, stride_back=1)),
    instead(AVERAGE, "constant-factor missing-factor", "not divided by the window",
            partial(average_pool_backward, share=3)),
    changed(AVERAGE, "border", "both ends left out", 0, lambda d, *_: but(d, (..., [0, -1]), lambda v: 0 * v)),
    changed(AVERAGE, "shifted", "windows one place late", 0, lambda d, *_: np.roll(d, 1, axis=-1)),
]  # fmt: skip


def max_pool(x, *, window, stride):
    return x[..., places(x.shape[-1], window, stride, 1)].max(axis=-1)


def max_pool_backward(g, x, *, window, stride, put=added, stride_back=None, ties="first", late=0):
    seen = x[..., places(x.shape[-1], window, stride, 1)]
    best = np.arange(window) == (seen.argmax(axis=-1)[..., None] + late) % window
    if ties == "all":
        best = seen == seen.max(axis=-1, keepdims=True)
    at = places(x.shape[-1], window, stride_back or stride, 1)[: g.shape[-1]]
    return (put(best * g[..., None], at, x.shape[-1]),)


def with_ties(rng):
    """The two largest numbers are equal and share a window."""
    x = rng.permutation(14).reshape(1, 2, 7).astype(float)
    x[..., :2] = 20
    return (x,)


MAXIMUM = Operation(
    "max pool 1d", partial(max_pool, window=3, stride=1), partial(max_pool_backward, window=3, stride=1),
    normal((2, 2, 7)),
)  # fmt: skip
MAXIMUM_MISTAKES = [
    instead(MAXIMUM, "overlap", "windows assigned, not added", partial(max_pool_backward, put=assigned)),
    instead(MAXIMUM, "shifted", "place of the maximum counted from one", partial(max_pool_backward, late=1)),
    instead(MAXIMUM, "kink", "each of two equal maxima has the whole",
            partial(max_pool_backward, ties="all"), draw=with_ties),
    changed(MAXIMUM, "operand", "averages in backward", 0,
            lambda d, g, x: average_pool_backward(g, x, window=3, stride=1)[0]),
    changed(MAXIMUM, "overlap constant-factor", "divided by how many windows see an entry", 0,
            lambda d, g, x: d / np.minimum(3, np.minimum(np.arange(1, 8), np.arange(7, 0, -1)))),
]  # fmt: skip
STRIDED = Operation(
    "strided max pool 1d", partial(max_pool, window=3, stride=2), partial(max_pool_backward, window=3, stride=2),
    normal((2, 2, 7)),
)  # fmt: skip
STRIDED_MISTAKES = [
    instead(STRIDED, "stride-ignored", "stride 1 in backward",
            partial(max_pool_backward, stride_back=1)),
    changed(STRIDED, "sign", "negative", 0, lambda d, *_: -d),
    changed(STRIDED, "missing-factor ignores-cotangent", "places of the maxima returned as they are", 0,
            lambda d, g, x: max_pool_backward(np.ones_like(g), x, window=3, stride=2)[0]),
]  # fmt: skip


# Bilinear upsampling to twice the size: rows and columns mix neighbours 3 to 1, the border repeats itself.
def mixing(count):
    """(2 count, count): how much each output takes of each input."""
    mix = np.zeros((2 * count, count))
    for out in range(2 * count):
        near, far = out // 2, out // 2 + (1 if out % 2 else -1)
        mix[out, near] += 0.75
        mix[out, np.clip(far, 0, count - 1)] += 0.25
    return mix


def without_border(count):
    mix = mixing(count)
    mix[[0, -1], [0, -1]] = 0.75
    return mix


def nearest(count):
    return np.eye(count).repeat(2, axis=0)


def upsample_backward(g, x, *, mix=mixing):
    return (mix(x.shape[1]).T @ g @ mix(x.shape[2]),)


UPSAMPLE = Operation(
    "bilinear upsampling", lambda x: mixing(x.shape[1]) @ x @ mixing(x.shape[2]).T, upsample_backward,
    normal((2, 3, 3)),
)  # fmt: skip
UPSAMPLE_MISTAKES = [
    instead(UPSAMPLE, "border", "border's repetition forgotten", partial(upsample_backward, mix=without_border)),
    instead(UPSAMPLE, "option-ignored operand", "nearest neighbour in backward",
            partial(upsample_backward, mix=nearest)),
    changed(UPSAMPLE, "constant-factor", "averaged over the four outputs", 0, lambda d, *_: d / 4),
    changed(UPSAMPLE, "transposed", "rows and columns exchanged", 0, lambda d, *_: d.swapaxes(1, 2).copy()),
    changed(UPSAMPLE, "overlap missing-term", "nearest outputs alone, without their neighbours'", 0,
            lambda d, g, x: 0.75**2 * upsample_backward(g, x, mix=nearest)[0]),
]  # fmt: skip

CONVOLUTIONS = [
    *CONV_MISTAKES, *DILATED_MISTAKES, *DEPTHWISE_MISTAKES, *TRANSPOSED_MISTAKES, *AVERAGE_MISTAKES,
    *MAXIMUM_MISTAKES, *STRIDED_MISTAKES, *UPSAMPLE_MISTAKES,
]  # fmt: skip
