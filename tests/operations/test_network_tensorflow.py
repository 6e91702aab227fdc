"""The article's operations other than the convolution, against TensorFlow."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchcnn import (
    dense,
    dense_backward,
    flatten,
    flatten_backward,
    sigmoid,
    sigmoid_backward,
    squared_error,
    squared_error_backward,
    standardize,
    standardize_backward,
)
from tests.assertions import assert_within, gamma
from tests.peer import tf
from tests.strategies import dense_inputs, images, shapes, values

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def in_tensorflow(function, grad_output, *inputs):
    """Give the output of a function of tensors, and its gradients by each input."""
    variables = [tf.Variable(a) for a in inputs]
    with tf.GradientTape() as tape:
        output = function(*variables)
    gradients = tape.gradient(output, variables, output_gradients=tf.constant(grad_output))
    return output.numpy(), [tf.convert_to_tensor(g).numpy() for g in gradients]


@DTYPES
@given(data=st.data())
def test_dense(dtype, data):
    inputs = data.draw(dense_inputs(dtype=dtype))
    (samples, features), neurons = inputs[0].shape, len(inputs[2])
    grad_output = data.draw(values((samples, neurons), dtype=dtype))
    expected, expected_gradients = in_tensorflow(lambda x, w, b: tf.matmul(x, w) + b, grad_output, *inputs)

    absolute = [np.abs(a) for a in inputs]
    assert_within(dense(*inputs), expected, 2 * gamma(features + 2, dtype) * dense(*absolute))
    bounds = dense_backward(np.abs(grad_output), *absolute)
    gradients = dense_backward(grad_output, *inputs)
    for terms, *compared in zip((neurons, samples, samples), gradients, expected_gradients, bounds, strict=True):
        actual, other, bound = compared
        assert actual.dtype == dtype
        assert_within(actual, other, 2 * gamma(terms + 1, dtype) * bound)


@DTYPES
@given(data=st.data())
def test_sigmoid(dtype, data):
    shape = data.draw(shapes())
    z, grad_output = 4 * data.draw(values(shape, dtype=dtype)), data.draw(values(shape, dtype=dtype))
    expected, (expected_gradient,) = in_tensorflow(tf.sigmoid, grad_output, z)
    # TensorFlow's sigmoid is a rational approximation, off by a few units in the last place of 1. Its slope is
    # O (1 - O), whose error is at most that of O. The bound allows 8 roundoffs for each.
    roundoff = gamma(8, dtype)
    assert_within(sigmoid(z), expected, roundoff)
    (actual,) = sigmoid_backward(grad_output, z)
    assert actual.dtype == dtype
    assert_within(actual, expected_gradient, 2 * roundoff * np.abs(grad_output))


@DTYPES
@given(data=st.data())
def test_squared_error(dtype, data):
    shape = data.draw(shapes())
    output, target = (data.draw(values(shape, dtype=dtype)) for _ in range(2))
    expected, gradients = in_tensorflow(
        lambda o, y: tf.reduce_sum((y - o) ** 2) / 2, np.ones((), dtype), output, target
    )
    assert_within(squared_error(output, target), expected, 2 * gamma(output.size + 2, dtype) * expected)
    for actual, other in zip(squared_error_backward(dtype(1), output, target), gradients, strict=True):
        assert actual.dtype == dtype
        assert_within(actual, other, 2 * gamma(3, dtype) * np.abs(other))


@DTYPES
@given(data=st.data())
def test_standardize(dtype, data):
    shape = data.draw(st.tuples(st.integers(2, 6), st.integers(2, 6)))
    z, grad_output = (data.draw(values(shape, dtype=dtype)) for _ in range(2))
    axis = data.draw(st.sampled_from([None, 0, 1, (0, 1)]))
    spread = np.std(z, axis=axis, keepdims=True)
    assume(spread.min() > 0.05)

    def in_equations(z):
        centred = z - tf.reduce_mean(z, axis, keepdims=True)
        return centred / tf.sqrt(tf.reduce_mean(centred**2, axis, keepdims=True))

    expected, (expected_gradient,) = in_tensorflow(in_equations, grad_output, z)
    # The mean's n roundings, relative to the largest entry, reach ẑ divided by the spread. They reach the gradient
    # multiplied by ẑ², which is at most n.
    roundoff = 2 * gamma(z.size + 8, dtype) * (1 + np.abs(z).max() / spread.min())
    actual = standardize(z, axis=axis)
    assert actual.dtype == dtype
    assert_within(actual, expected, roundoff * (1 + np.abs(expected)))
    (actual,) = standardize_backward(grad_output, z, axis=axis)
    assert actual.dtype == dtype
    size = (np.abs(grad_output).max() * (2 + z.size) / spread).max()
    assert_within(actual, expected_gradient, roundoff * size)


@DTYPES
@given(data=st.data())
def test_flatten(dtype, data):
    x = data.draw(images(dtype))
    grad_output = data.draw(values(flatten(x).shape, dtype=dtype))
    expected, (expected_gradient,) = in_tensorflow(lambda x: tf.reshape(x, (x.shape[0], -1)), grad_output, x)
    assert np.array_equal(flatten(x), expected)
    assert np.array_equal(flatten_backward(grad_output, x)[0], expected_gradient)
