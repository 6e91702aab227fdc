"""The whole chain against TensorFlow's automatic differentiation, on drawn networks and on the digits."""

import numpy as np
import pytest
from hypothesis import given

from scratchcnn.article import network as article
from scratchcnn.digits.mnist import load_digits
from tests.article.cases import VARIANTS, cases
from tests.article.running_error import article_network
from tests.assertions import assert_within
from tests.peer import tf

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def in_tensorflow(filters, weight, bias, x, y, standardized):
    """Compute E and its gradients in TensorFlow, where images are (N, H, W, C) and filters (R, S, C, K)."""
    parameters = [tf.constant(a) for a in (filters, weight, bias)]
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        f, w, b = parameters
        z1 = tf.nn.conv2d(x.transpose(0, 2, 3, 1), tf.transpose(f, (2, 3, 1, 0)), strides=1, padding="VALID")
        a1 = tf.sigmoid(tf.transpose(z1, (0, 3, 1, 2)))
        z2 = tf.reshape(a1, (len(x), len(weight))) @ w + b
        if standardized:
            centred = z2 - tf.reduce_mean(z2)
            z2 = centred / tf.sqrt(tf.reduce_mean(centred**2))
        error = tf.reduce_sum((y - tf.sigmoid(z2)) ** 2) / 2
    return [tensor.numpy() for tensor in (error, *tape.gradient(error, parameters))]


def assert_agrees(filters, weight, bias, x, y, standardized, dtype):
    filters, weight, bias, x, y = (np.asarray(a, dtype) for a in (filters, weight, bias, x, y))
    ours = [
        article.error(filters, weight, bias, x=x, y=y, standardized=standardized),
        *article.error_backward(np.ones((), dtype), filters, weight, bias, x=x, y=y, standardized=standardized),
    ]
    theirs = in_tensorflow(filters, weight, bias, x, y, standardized)
    bounds = article_network(filters, weight, bias, x, y, standardized)
    for our, their, bounded in zip(ours, theirs, bounds, strict=True):
        assert our.dtype == their.dtype == dtype
        # Both computations are within the bound of the exact value.
        assert_within(our, their, 2 * bounded.error * np.finfo(dtype).eps / 2)


@DTYPES
@VARIANTS
@given(case=cases())
def test_drawn_networks(standardized, dtype, case):
    assert_agrees(*case.parameters, case.x, case.y, standardized, dtype)


@DTYPES
@VARIANTS
def test_the_digits(standardized, dtype):
    digits = load_digits()
    rng = np.random.default_rng(0)
    # Small parameters of both signs, since at the article's own draw every sigmoid saturates.
    filters, weight = rng.uniform(-1, 1, (3, 1, 5, 5)), rng.uniform(-1, 1, (1728, 1)) / 20
    assert_agrees(filters, weight, np.zeros(1), digits.x(), digits.y(), standardized, dtype)
