"""Padding, pooling, activations and the cross-entropy, against TensorFlow."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

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
from tests.assertions import assert_within, gamma
from tests.operations.test_losses import predictions
from tests.operations.test_network_tensorflow import DTYPES, in_tensorflow
from tests.peer import tf
from tests.strategies import INTEGERS, images, poolings, shapes, values


def pooled(pool, case):
    """Wrap a pooling of TensorFlow, which takes (N, H, W, C) on the CPU, as a function of images (N, C, H, W)."""
    padding = case.padding.upper() if isinstance(case.padding, str) else [(0, 0), *case.edges, (0, 0)]

    def function(x):
        output = pool(tf.transpose(x, (0, 2, 3, 1)), case.window, case.steps, padding)
        return tf.transpose(output, (0, 3, 1, 2))

    return function


@DTYPES
@given(data=st.data())
def test_max_pool2d(dtype, data):
    case = data.draw(poolings(st.integers(-9, -1).map(float), dtype))
    output = max_pool2d(case.x, **case.options)
    grad_output = data.draw(values(output.shape, INTEGERS, dtype))
    expected, (expected_gradient,) = in_tensorflow(pooled(tf.nn.max_pool2d, case), grad_output, case.x)
    (grad_x,) = max_pool2d_backward(grad_output, case.x, **case.options)
    assert output.dtype == grad_x.dtype == dtype
    # Maxima, and sums of integers, are exact. TensorFlow also takes the first of equal maxima.
    assert np.array_equal(output, expected)
    assert np.array_equal(grad_x, expected_gradient)


@DTYPES
@given(data=st.data())
def test_avg_pool2d(dtype, data):
    case = data.draw(poolings(dtype=dtype, forms=("valid", "same")))
    output = avg_pool2d(case.x, **case.options)
    grad_output = data.draw(values(output.shape, dtype=dtype))
    expected, (expected_gradient,) = in_tensorflow(pooled(tf.nn.avg_pool2d, case), grad_output, case.x)
    (grad_x,) = avg_pool2d_backward(grad_output, case.x, **case.options)
    assert output.dtype == grad_x.dtype == dtype
    # A sum has up to nine terms: the pixels of a window, or the windows that hold a pixel. Dividing by their number, or
    # multiplying by its reciprocal, adds two roundings at most.
    roundoff = 2 * gamma(9 + 2, dtype)
    assert_within(output, expected, roundoff * avg_pool2d(np.abs(case.x), **case.options))
    (bound,) = avg_pool2d_backward(np.abs(grad_output), case.x, **case.options)
    assert_within(grad_x, expected_gradient, roundoff * bound)


@DTYPES
@given(data=st.data())
def test_pad2d(dtype, data):
    x = data.draw(images(dtype))
    edge = st.tuples(st.integers(0, 3), st.integers(0, 3))
    padding = data.draw(st.tuples(edge, edge))
    output = pad2d(x, padding)
    grad_output = data.draw(values(output.shape, dtype=dtype))
    expected, (gradient,) = in_tensorflow(lambda x: tf.pad(x, [(0, 0), (0, 0), *padding]), grad_output, x)
    assert np.array_equal(output, expected)
    assert np.array_equal(pad2d_backward(grad_output, x, padding)[0], gradient)


@DTYPES
@given(data=st.data())
def test_tanh(dtype, data):
    shape = data.draw(shapes())
    z, grad_output = 2 * data.draw(values(shape, dtype=dtype)), data.draw(values(shape, dtype=dtype))
    expected, (expected_gradient,) = in_tensorflow(tf.tanh, grad_output, z)
    # TensorFlow's tanh is a rational approximation, off by a few units in the last place of 1. Its slope is 1 - O²,
    # whose error is twice that of O. The bound allows 8 roundoffs for O.
    roundoff = gamma(8, dtype)
    assert_within(tanh(z), expected, roundoff)
    (actual,) = tanh_backward(grad_output, z)
    assert actual.dtype == dtype
    assert_within(actual, expected_gradient, 3 * roundoff * np.abs(grad_output))


@DTYPES
@given(data=st.data())
def test_relu_and_leaky_relu_also_at_zero(dtype, data):
    shape = data.draw(shapes())
    z = data.draw(values(shape, INTEGERS, dtype))
    grad_output, alpha = data.draw(values(shape, dtype=dtype)), data.draw(st.sampled_from([0.0, 0.01, 0.2]))
    expected, (expected_gradient,) = in_tensorflow(tf.nn.relu, grad_output, z)
    assert np.array_equal(relu(z), expected)
    assert np.array_equal(relu_backward(grad_output, z)[0], expected_gradient)
    expected, (expected_gradient,) = in_tensorflow(lambda z: tf.nn.leaky_relu(z, alpha), grad_output, z)
    # TensorFlow rounds alpha to float32.
    roundoff = 2 * gamma(1, np.float32)
    assert_within(leaky_relu(z, alpha=alpha), expected, roundoff * np.abs(expected))
    (actual,) = leaky_relu_backward(grad_output, z, alpha=alpha)
    assert actual.dtype == dtype
    assert_within(actual, expected_gradient, roundoff * np.abs(expected_gradient))


@DTYPES
@given(data=st.data())
def test_softmax_cross_entropy(dtype, data):
    logits, labels = data.draw(predictions())
    logits, grad_output = logits.astype(dtype), np.asarray(data.draw(st.integers(-9, 9)), dtype)

    def in_equations(logits):
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))

    expected, (expected_gradient,) = in_tensorflow(in_equations, grad_output, logits)
    # TensorFlow computes the logarithm of a sum of up to 5 powers, and p - 1; both are off by a few units in the last
    # place of 1. The bound allows 8 roundoffs on either side for them, and 8 for the powers: a power e^-x multiplies
    # the roundoff of x by x e^-x, which is below 1.
    roundoff = 2 * gamma(16, dtype)
    actual = softmax_cross_entropy(logits, labels)
    assert actual.dtype == dtype
    assert_within(actual, expected, roundoff * (1 + expected))
    grad_logits, _ = softmax_cross_entropy_backward(grad_output, logits, labels)
    assert grad_logits.dtype == dtype
    assert_within(grad_logits, expected_gradient, roundoff * np.abs(grad_output) / len(labels))
