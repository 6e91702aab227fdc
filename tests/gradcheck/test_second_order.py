"""Second order: a backward pass is a function like any other, and so is its own backward pass."""

from functools import partial

import numpy as np

from scratchcnn import (
    conv2d,
    conv2d_backward,
    conv2d_grad_filters,
    conv2d_grad_input,
    dense_backward,
    sigmoid,
    sigmoid_backward,
)
from scratchcnn.gradcheck import Verdict, assert_gradient, check_gradient

RNG = np.random.default_rng(0)


def dense_double_backward(cotangents, g, x, weight, bias):
    of_x, of_weight, of_bias = cotangents
    return of_x @ weight + x @ of_weight + of_bias, g @ of_weight.T, of_x.T @ g, np.zeros_like(bias)


def test_dense():
    g, x, weight, bias = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2)), RNG.normal(size=2)
    assert_gradient(dense_backward, dense_double_backward, g, x, weight, bias)


def test_sigmoid():
    def double_backward(cotangents, g, z):
        (c,), o = cotangents, sigmoid(z)
        slope = o * (1 - o)
        return c * slope, c * g * slope * (1 - 2 * o)

    g, z = RNG.normal(size=(2, 4, 3))
    assert_gradient(sigmoid_backward, double_backward, g, z)

    def without_the_chain(cotangents, g, z):
        return double_backward(cotangents, np.ones_like(g), z)

    report = check_gradient(sigmoid_backward, without_the_chain, g, z)
    assert [each.verdict for each in report.inputs] == [Verdict.RIGHT, Verdict.WRONG]
    assert [d.kind for d in report.diagnoses] == ["missing-factor"]


def test_conv2d():
    options = {"stride": (2, 1), "padding": 1}

    def double_backward(cotangents, g, x, filters):
        of_x, of_filters = cotangents
        return (
            conv2d(of_x, filters, **options) + conv2d(x, of_filters, **options),
            conv2d_grad_input(g, of_filters, x.shape[2:], **options),
            conv2d_grad_filters(g, of_x, filters.shape[2:], **options),
        )

    x, filters = RNG.normal(size=(2, 2, 4, 3)), RNG.normal(size=(3, 2, 2, 3))
    g = RNG.normal(size=conv2d(x, filters, **options).shape)
    assert_gradient(partial(conv2d_backward, **options), double_backward, g, x, filters)
