"""Mistakes that are made in hand-written derivatives, planted one at a time: each must be called wrong.

A mistake is the right derivative, changed; it is given the right gradients, then the cotangent and the inputs. Those
that change a shape, too, would be caught by any program; so the inputs are such that most shapes stay right.
"""

from functools import partial

import numpy as np
import pytest

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
from scratchcnn.gradcheck import Verdict, check_gradient


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def first(change):
    """Change the gradient by the first input only."""
    return lambda grads, g, *inputs: (change(grads[0], g, *inputs), *grads[1:])


def second(change):
    return lambda grads, g, *inputs: (grads[0], change(grads[1], g, *inputs), *grads[2:])


def third(change):
    return lambda grads, g, *inputs: (*grads[:2], change(grads[2], g, *inputs))


def a_pixel_further(dx, axis):
    """What an error by one in a slice does."""
    return np.roll(dx, 1, axis=axis)


# (forward, backward, options, degree, inputs), and the mistakes by name.
PLANTED = {
    "patches": (
        (patches, patches_backward, {"window": (3, 2), "stride": (1, 2)}, 1, [normal(2, 3, 5, 5)]),
        {
            "sign": first(lambda dx, *_: -dx),
            "factor 2": first(lambda dx, *_: 2 * dx),
            "zero": first(lambda dx, *_: 0 * dx),
            "rows and columns swapped": first(lambda dx, *_: dx.transpose(0, 1, 3, 2)),
            "turned": first(lambda dx, *_: dx[..., ::-1, ::-1]),
            "off by one": first(lambda dx, *_: a_pixel_further(dx, 3)),
            "overlaps overwritten, not added": first(lambda dx, g, x: overwritten(g, x)),
            "mean of the copies": first(lambda dx, g, x: dx / np.maximum(copies(g, x), 1)),
        },
    ),
    "conv2d": (
        (
            conv2d,
            conv2d_backward,
            {"padding": 1},
            1,
            [normal(3, 2, 4, 4), normal(2, 2, 3, 3, seed=1), normal(2, seed=2)],
        ),
        {
            "∂E/∂x: sign": first(lambda dx, *_: -dx),
            "∂E/∂x: factor 2": first(lambda dx, *_: 2 * dx),
            "∂E/∂x: zero": first(lambda dx, *_: 0 * dx),
            "∂E/∂x: filters not turned": first(
                lambda dx, g, x, f, b: conv2d_grad_input(g, f[..., ::-1, ::-1], x.shape[2:], padding=1)
            ),
            "∂E/∂x: filters transposed": first(
                lambda dx, g, x, f, b: conv2d_grad_input(g, f.transpose(0, 1, 3, 2), x.shape[2:], padding=1)
            ),
            "∂E/∂x: channels and filters swapped": first(
                lambda dx, g, x, f, b: conv2d_grad_input(g, f.transpose(1, 0, 2, 3), x.shape[2:], padding=1)
            ),
            "∂E/∂x: off by one": first(lambda dx, *_: a_pixel_further(dx, 2)),
            "∂E/∂x: last image missing": first(lambda dx, *_: np.concatenate([dx[:-1], 0 * dx[-1:]])),
            "∂E/∂f: sign": second(lambda df, *_: -df),
            "∂E/∂f: factor 2": second(lambda df, *_: 2 * df),
            "∂E/∂f: mean over the batch": second(lambda df, *_: df / 3),
            "∂E/∂f: zero": second(lambda df, *_: 0 * df),
            "∂E/∂f: turned": second(lambda df, *_: df[..., ::-1, ::-1]),
            "∂E/∂f: transposed": second(lambda df, *_: df.transpose(0, 1, 3, 2)),
            "∂E/∂f: channels and filters swapped": second(lambda df, *_: df.transpose(1, 0, 2, 3)),
            "∂E/∂f: mean of X times mean of ∂E/∂Z": second(
                lambda df, g, x, f, b: np.full_like(df, x.mean()) * g.mean(axis=(0, 2, 3))[:, None, None, None]
            ),
            "∂E/∂b: sign": third(lambda db, *_: -db),
            "∂E/∂b: mean over the batch": third(lambda db, *_: db / 3),
            "∂E/∂b: first image only": third(lambda db, g, *_: g[0].sum(axis=(1, 2))),
            "∂E/∂b: wrong axis": third(lambda db, g, *_: g.sum(axis=(1, 2, 3))[:2]),
            "∂E/∂b: zero": third(lambda db, *_: 0 * db),
        },
    ),
    "dense": (
        (dense, dense_backward, {}, 1, [normal(4, 4), normal(4, 4, seed=1), normal(4, seed=2)]),
        {
            "∂E/∂x: sign": first(lambda dx, *_: -dx),
            "∂E/∂x: factor 2": first(lambda dx, *_: 2 * dx),
            "∂E/∂x: weights not transposed": first(lambda dx, g, x, w, b: g @ w),
            "∂E/∂x: transposed": first(lambda dx, *_: dx.T),
            "∂E/∂x: zero": first(lambda dx, *_: 0 * dx),
            "∂E/∂W: sign": second(lambda dw, *_: -dw),
            "∂E/∂W: mean over the batch": second(lambda dw, *_: dw / 4),
            "∂E/∂W: samples not transposed": second(lambda dw, g, x, w, b: x @ g),
            "∂E/∂W: transposed": second(lambda dw, *_: dw.T),
            "∂E/∂W: zero": second(lambda dw, *_: 0 * dw),
            "∂E/∂b: sign": third(lambda db, *_: -db),
            "∂E/∂b: wrong axis": third(lambda db, g, *_: g.sum(axis=1)),
            "∂E/∂b: mean over the batch": third(lambda db, g, *_: g.mean(axis=0)),
            "∂E/∂b: one for every neuron": third(lambda db, *_: np.ones_like(db)),
            "∂E/∂b: zero": third(lambda db, *_: 0 * db),
        },
    ),
    "sigmoid": (
        (sigmoid, sigmoid_backward, {}, None, [3 * normal(4, 4)]),
        {
            "sign": first(lambda dz, *_: -dz),
            "factor 2": first(lambda dz, *_: 2 * dz),
            "factor O missing": first(lambda dz, g, z: g * sigmoid(-z)),
            "factor 1 - O missing": first(lambda dz, g, z: g * sigmoid(z)),
            "z (1 - z)": first(lambda dz, g, z: g * z * (1 - z)),
            "sigmoid applied twice": first(lambda dz, g, z: g * sigmoid(sigmoid(z)) * sigmoid(-sigmoid(z))),
            "cotangent missing": first(lambda dz, g, z: sigmoid(z) * sigmoid(-z)),
            "transposed": first(lambda dz, *_: dz.T),
            "zero": first(lambda dz, *_: 0 * dz),
            "1 + 1e-8 times": first(lambda dz, *_: (1 + 1e-8) * dz),
        },
    ),
    "squared_error": (
        (squared_error, squared_error_backward, {}, 2, [normal(4, 4), normal(4, 4, seed=1)]),
        {
            "∂E/∂O: sign": first(lambda do, *_: -do),
            "∂E/∂O: factor 2": first(lambda do, *_: 2 * do),
            "∂E/∂O: mean over the batch": first(lambda do, *_: do / 4),
            "∂E/∂O: transposed": first(lambda do, *_: do.T),
            "∂E/∂O: target missing": first(lambda do, g, o, y: g * o),
            "∂E/∂O: cotangent missing": first(lambda do, g, o, y: o - y),
            "∂E/∂O: zero": first(lambda do, *_: 0 * do),
            "∂E/∂y: sign": second(lambda dy, *_: -dy),
            "∂E/∂y: zero": second(lambda dy, *_: 0 * dy),
        },
    ),
    "standardize": (
        (standardize, standardize_backward, {"axis": 0}, None, [1.5 + 2 * normal(4, 4)]),
        {
            "sign": first(lambda dz, *_: -dz),
            "factor 2": first(lambda dz, *_: 2 * dz),
            "not there, as in the article's code": first(lambda dz, g, z: g),
            "through neither mean nor deviation": first(lambda dz, g, z: g / z.std(axis=0)),
            "not through the mean": first(lambda dz, g, z: dz + g.mean(axis=0) / z.std(axis=0)),
            "not through the deviation": first(lambda dz, g, z: (g - g.mean(axis=0)) / z.std(axis=0)),
            "deviation missing": first(lambda dz, g, z: dz * z.std(axis=0)),
            "sample deviation": first(lambda dz, g, z: dz * z.std(axis=0) / z.std(axis=0, ddof=1)),
            "wrong axis": first(lambda dz, g, z: standardize_backward(g, z, axis=1)[0]),
            "transposed": first(lambda dz, *_: dz.T),
            "zero": first(lambda dz, *_: 0 * dz),
        },
    ),
    "flatten": (
        (flatten, flatten_backward, {}, 1, [normal(2, 3, 3, 3)]),
        {
            "sign": first(lambda dx, *_: -dx),
            "factor 2": first(lambda dx, *_: 2 * dx),
            "rows and columns swapped": first(lambda dx, *_: dx.transpose(0, 1, 3, 2)),
            "channels last": first(lambda dx, g, x: g.reshape(2, 3, 3, 3).transpose(0, 3, 1, 2)),
            "samples swapped": first(lambda dx, *_: dx[::-1]),
            "turned": first(lambda dx, *_: dx[..., ::-1, ::-1]),
            "in Fortran's order": first(lambda dx, g, x: g.reshape(x.shape, order="F")),
            "zero": first(lambda dx, *_: 0 * dx),
        },
    ),
}


def overwritten(grad_output, x):
    grad_x = np.zeros(x.shape)
    for p, q, r, s in np.ndindex(grad_output.shape[2:]):
        grad_x[:, :, p + r, 2 * q + s] = grad_output[:, :, p, q, r, s]
    return grad_x


def copies(grad_output, x):
    return patches_backward(np.ones(grad_output.shape), x, (3, 2), stride=(1, 2))[0]


def verdict(name, mistake=None):
    forward, backward, options, degree, inputs = PLANTED[name][0]

    def planted(grad_output, *inputs):
        right = backward(grad_output, *inputs, **options)
        return right if mistake is None else mistake(right, grad_output, *inputs)

    return check_gradient(partial(forward, **options), planted, *inputs, degree=degree).verdict


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        pytest.param(name, change, id=f"{name}, {what}")
        for name, (_, mistakes) in PLANTED.items()
        for what, change in mistakes.items()
    ],
)
def test_a_mistake_is_wrong(name, mistake):
    assert verdict(name, mistake) is Verdict.WRONG


@pytest.mark.parametrize("name", PLANTED)
def test_the_right_derivative_is_right(name):
    assert verdict(name) is Verdict.RIGHT


def test_there_are_five_mistakes_and_more_for_every_operation():
    assert min(len(mistakes) for _, mistakes in PLANTED.values()) >= 5
