"""Planted mistakes in the article's operations, square so that most wrong shapes stay right."""

from functools import partial

import numpy as np

from scratchcnn import (
    conv2d,
    conv2d_backward,
    conv2d_grad_input,
    dense,
    dense_backward,
    flatten,
    flatten_backward,
    patches,
    patches_backward,
    sigmoid,
    sigmoid_backward,
    squared_error,
    squared_error_backward,
    standardize,
    standardize_backward,
)
from tests.gradcheck.draws import normal
from tests.gradcheck.mistakes.planting import plant
from tests.gradcheck.operations import Operation


def square(name, forward, backward, draw, degree=None, **options):
    """An operation at inputs that are square, or nearly so."""
    pair = partial(forward, **options), partial(backward, **options)
    return Operation(f"square {name}", *pair, draw, {} if degree is None else {"degree": degree})


PATCHES = square("patches", patches, patches_backward, normal((2, 3, 5, 5)), 1, window=(3, 2), stride=(1, 2))
CONV = square("conv2d", conv2d, conv2d_backward, normal((3, 2, 4, 4), (2, 2, 3, 3), (2,)), 1, padding=1)
DENSE = square("dense", dense, dense_backward, normal((4, 4), (4, 4), (4,)), 1)
SIGMOID = square("sigmoid", sigmoid, sigmoid_backward, normal((4, 4), scale=3))
SQUARED_ERROR = square("squared_error", squared_error, squared_error_backward, normal((4, 4), (4, 4)), 2)
STANDARDIZE = square("standardize", standardize, standardize_backward, normal((4, 4), scale=2, shift=1.5), axis=0)
FLATTEN = square("flatten", flatten, flatten_backward, normal((2, 3, 3, 3)), 1)


def a_pixel_further(dx, axis):
    """What an error by one in a slice does."""
    return np.roll(dx, 1, axis=axis)


def overwritten(grad_output, x):
    grad_x = np.zeros(x.shape)
    for p, q, r, s in np.ndindex(grad_output.shape[2:]):
        grad_x[:, :, p + r, 2 * q + s] = grad_output[:, :, p, q, r, s]
    return grad_x


def copies(grad_output, x):
    return patches_backward(np.ones(grad_output.shape), x, (3, 2), stride=(1, 2))[0]


ARTICLE = [
    # patches
    plant(PATCHES, "sign", "sign", 0, lambda dx, *_: -dx),
    plant(PATCHES, "constant-factor", "factor 2", 0, lambda dx, *_: 2 * dx),
    plant(PATCHES, "zero-gradient", "zero", 0, lambda dx, *_: 0 * dx),
    plant(PATCHES, "transposed", "rows and columns swapped", 0, lambda dx, *_: dx.transpose(0, 1, 3, 2)),
    plant(PATCHES, "rotated", "turned", 0, lambda dx, *_: dx[..., ::-1, ::-1]),
    plant(PATCHES, "shifted", "off by one", 0, lambda dx, *_: a_pixel_further(dx, 3)),
    plant(PATCHES, "overlap", "overlaps overwritten, not added", 0, lambda dx, g, x: overwritten(g, x)),
    plant(PATCHES, "other", "mean of the copies", 0, lambda dx, g, x: dx / np.maximum(copies(g, x), 1)),
    # conv2d
    plant(CONV, "sign", "∂E/∂x: sign", 0, lambda dx, *_: -dx),
    plant(CONV, "constant-factor", "∂E/∂x: factor 2", 0, lambda dx, *_: 2 * dx),
    plant(CONV, "zero-gradient", "∂E/∂x: zero", 0, lambda dx, *_: 0 * dx),
    plant(CONV, "rotated", "∂E/∂x: filters not turned", 0,
          lambda dx, g, x, f, b: conv2d_grad_input(g, f[..., ::-1, ::-1], x.shape[2:], padding=1)),
    plant(CONV, "transposed", "∂E/∂x: filters transposed", 0,
          lambda dx, g, x, f, b: conv2d_grad_input(g, f.transpose(0, 1, 3, 2), x.shape[2:], padding=1)),
    plant(CONV, "transposed", "∂E/∂x: channels and filters swapped", 0,
          lambda dx, g, x, f, b: conv2d_grad_input(g, f.transpose(1, 0, 2, 3), x.shape[2:], padding=1)),
    plant(CONV, "shifted", "∂E/∂x: off by one", 0, lambda dx, *_: a_pixel_further(dx, 2)),
    plant(CONV, "batch", "∂E/∂x: last image missing", 0, lambda dx, *_: np.concatenate([dx[:-1], 0 * dx[-1:]])),
    plant(CONV, "sign", "∂E/∂f: sign", 1, lambda df, *_: -df),
    plant(CONV, "constant-factor", "∂E/∂f: factor 2", 1, lambda df, *_: 2 * df),
    plant(CONV, "constant-factor", "∂E/∂f: mean over the batch", 1, lambda df, *_: df / 3),
    plant(CONV, "zero-gradient", "∂E/∂f: zero", 1, lambda df, *_: 0 * df),
    plant(CONV, "rotated", "∂E/∂f: turned", 1, lambda df, *_: df[..., ::-1, ::-1]),
    plant(CONV, "transposed", "∂E/∂f: transposed", 1, lambda df, *_: df.transpose(0, 1, 3, 2)),
    plant(CONV, "transposed", "∂E/∂f: channels and filters swapped", 1, lambda df, *_: df.transpose(1, 0, 2, 3)),
    plant(CONV, "other", "∂E/∂f: mean of X times mean of ∂E/∂Z", 1,
          lambda df, g, x, f, b: np.full_like(df, x.mean()) * g.mean(axis=(0, 2, 3))[:, None, None, None]),
    plant(CONV, "sign", "∂E/∂b: sign", 2, lambda db, *_: -db),
    plant(CONV, "constant-factor", "∂E/∂b: mean over the batch", 2, lambda db, *_: db / 3),
    plant(CONV, "batch", "∂E/∂b: first image only", 2, lambda db, g, *_: g[0].sum(axis=(1, 2))),
    plant(CONV, "broadcast", "∂E/∂b: wrong axis", 2, lambda db, g, *_: g.sum(axis=(1, 2, 3))[:2]),
    plant(CONV, "zero-gradient", "∂E/∂b: zero", 2, lambda db, *_: 0 * db),
    # dense
    plant(DENSE, "sign", "∂E/∂x: sign", 0, lambda dx, *_: -dx),
    plant(DENSE, "constant-factor", "∂E/∂x: factor 2", 0, lambda dx, *_: 2 * dx),
    plant(DENSE, "transposed", "∂E/∂x: weights not transposed", 0, lambda dx, g, x, w, b: g @ w),
    plant(DENSE, "transposed", "∂E/∂x: transposed", 0, lambda dx, *_: dx.T),
    plant(DENSE, "zero-gradient", "∂E/∂x: zero", 0, lambda dx, *_: 0 * dx),
    plant(DENSE, "sign", "∂E/∂W: sign", 1, lambda dw, *_: -dw),
    plant(DENSE, "constant-factor", "∂E/∂W: mean over the batch", 1, lambda dw, *_: dw / 4),
    plant(DENSE, "transposed", "∂E/∂W: samples not transposed", 1, lambda dw, g, x, w, b: x @ g),
    plant(DENSE, "transposed", "∂E/∂W: transposed", 1, lambda dw, *_: dw.T),
    plant(DENSE, "zero-gradient", "∂E/∂W: zero", 1, lambda dw, *_: 0 * dw),
    plant(DENSE, "sign", "∂E/∂b: sign", 2, lambda db, *_: -db),
    plant(DENSE, "broadcast", "∂E/∂b: wrong axis", 2, lambda db, g, *_: g.sum(axis=1)),
    plant(DENSE, "constant-factor", "∂E/∂b: mean over the batch", 2, lambda db, g, *_: g.mean(axis=0)),
    plant(DENSE, "other", "∂E/∂b: one for every neuron", 2, lambda db, *_: np.ones_like(db)),
    plant(DENSE, "zero-gradient", "∂E/∂b: zero", 2, lambda db, *_: 0 * db),
    # sigmoid
    plant(SIGMOID, "sign", "sign", 0, lambda dz, *_: -dz),
    plant(SIGMOID, "constant-factor", "factor 2", 0, lambda dz, *_: 2 * dz),
    plant(SIGMOID, "missing-factor", "factor O missing", 0, lambda dz, g, z: g * sigmoid(-z)),
    plant(SIGMOID, "missing-factor", "factor 1 - O missing", 0, lambda dz, g, z: g * sigmoid(z)),
    plant(SIGMOID, "other", "z (1 - z)", 0, lambda dz, g, z: g * z * (1 - z)),
    plant(SIGMOID, "operand", "sigmoid applied twice", 0,
          lambda dz, g, z: g * sigmoid(sigmoid(z)) * sigmoid(-sigmoid(z))),
    plant(SIGMOID, "ignores-cotangent", "cotangent missing", 0, lambda dz, g, z: sigmoid(z) * sigmoid(-z)),
    plant(SIGMOID, "transposed", "transposed", 0, lambda dz, *_: dz.T),
    plant(SIGMOID, "zero-gradient", "zero", 0, lambda dz, *_: 0 * dz),
    plant(SIGMOID, "small-relative", "1 + 1e-8 times", 0, lambda dz, *_: (1 + 1e-8) * dz),
    # squared_error
    plant(SQUARED_ERROR, "sign", "∂E/∂O: sign", 0, lambda do, *_: -do),
    plant(SQUARED_ERROR, "constant-factor", "∂E/∂O: factor 2", 0, lambda do, *_: 2 * do),
    plant(SQUARED_ERROR, "constant-factor", "∂E/∂O: mean over the batch", 0, lambda do, *_: do / 4),
    plant(SQUARED_ERROR, "transposed", "∂E/∂O: transposed", 0, lambda do, *_: do.T),
    plant(SQUARED_ERROR, "missing-term", "∂E/∂O: target missing", 0, lambda do, g, o, y: g * o),
    plant(SQUARED_ERROR, "ignores-cotangent", "∂E/∂O: cotangent missing", 0, lambda do, g, o, y: o - y),
    plant(SQUARED_ERROR, "zero-gradient", "∂E/∂O: zero", 0, lambda do, *_: 0 * do),
    plant(SQUARED_ERROR, "sign", "∂E/∂y: sign", 1, lambda dy, *_: -dy),
    plant(SQUARED_ERROR, "zero-gradient", "∂E/∂y: zero", 1, lambda dy, *_: 0 * dy),
    # standardize
    plant(STANDARDIZE, "sign", "sign", 0, lambda dz, *_: -dz),
    plant(STANDARDIZE, "constant-factor", "factor 2", 0, lambda dz, *_: 2 * dz),
    plant(STANDARDIZE, "missing-factor", "not there, as in the article's code", 0, lambda dz, g, z: g),
    plant(STANDARDIZE, "missing-term", "through neither mean nor deviation", 0, lambda dz, g, z: g / z.std(axis=0)),
    plant(STANDARDIZE, "missing-term", "not through the mean", 0, lambda dz, g, z: dz + g.mean(axis=0) / z.std(axis=0)),
    plant(STANDARDIZE, "missing-term", "not through the deviation", 0,
          lambda dz, g, z: (g - g.mean(axis=0)) / z.std(axis=0)),
    plant(STANDARDIZE, "missing-factor", "deviation missing", 0, lambda dz, g, z: dz * z.std(axis=0)),
    plant(STANDARDIZE, "constant-factor", "sample deviation", 0,
          lambda dz, g, z: dz * z.std(axis=0) / z.std(axis=0, ddof=1)),
    plant(STANDARDIZE, "broadcast", "wrong axis", 0, lambda dz, g, z: standardize_backward(g, z, axis=1)[0]),
    plant(STANDARDIZE, "transposed", "transposed", 0, lambda dz, *_: dz.T),
    plant(STANDARDIZE, "zero-gradient", "zero", 0, lambda dz, *_: 0 * dz),
    # flatten
    plant(FLATTEN, "sign", "sign", 0, lambda dx, *_: -dx),
    plant(FLATTEN, "constant-factor", "factor 2", 0, lambda dx, *_: 2 * dx),
    plant(FLATTEN, "transposed", "rows and columns swapped", 0, lambda dx, *_: dx.transpose(0, 1, 3, 2)),
    plant(FLATTEN, "permuted", "channels last", 0, lambda dx, g, x: g.reshape(2, 3, 3, 3).transpose(0, 3, 1, 2)),
    plant(FLATTEN, "permuted", "samples swapped", 0, lambda dx, *_: dx[::-1]),
    plant(FLATTEN, "rotated", "turned", 0, lambda dx, *_: dx[..., ::-1, ::-1]),
    plant(FLATTEN, "permuted", "in Fortran's order", 0, lambda dx, g, x: g.reshape(x.shape, order="F")),
    plant(FLATTEN, "zero-gradient", "zero", 0, lambda dx, *_: 0 * dx),
]  # fmt: skip
