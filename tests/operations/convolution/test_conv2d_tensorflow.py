import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import conv2d, conv2d_backward, patches, patches_backward
from tests.assertions import assert_within, gamma
from tests.peer import tf
from tests.strategies import convolutions, values

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def tensorflow_conv2d(x, filters, bias, case):
    """On the CPU TensorFlow takes images as (N, H, W, C) and filters as (R, S, C, K)."""
    padding = case.padding.upper() if isinstance(case.padding, str) else [(0, 0), *case.edges, (0, 0)]
    images, weights = tf.transpose(x, (0, 2, 3, 1)), tf.transpose(filters, (2, 3, 1, 0))
    output = tf.nn.conv2d(images, weights, strides=case.steps, padding=padding)
    output = output if bias is None else tf.nn.bias_add(output, bias)
    return tf.transpose(output, (0, 3, 1, 2))


def magnitude(function, *arrays, **options):
    """What the roundoff is measured by: the same sums, of absolute values."""
    return function(*(np.abs(a, dtype=np.float64) for a in arrays), **options)


@DTYPES
@given(data=st.data())
def test_forward_and_every_gradient(dtype, data):
    case = data.draw(convolutions(dtype=dtype))
    grad_output = data.draw(values((len(case.x), len(case.filters), *case.places), dtype=dtype))

    variables = [tf.Variable(a) for a in case.inputs]
    with tf.GradientTape() as tape:
        x, filters, bias = variables if len(variables) == 3 else (*variables, None)
        expected = tensorflow_conv2d(x, filters, bias, case)
    expected_gradients = tape.gradient(expected, variables, output_gradients=tf.constant(grad_output))

    # Both sides sum n products in some order of their own: each within gamma_n of the sum of magnitudes.
    actual = conv2d(*case.inputs, **case.options)
    terms = case.filters[0].size + 2
    bound = 2 * gamma(terms, dtype) * magnitude(conv2d, *case.inputs, **case.options)
    assert actual.dtype == expected.numpy().dtype == dtype
    assert_within(actual, expected.numpy(), bound)

    gradients = conv2d_backward(grad_output, *case.inputs, **case.options)
    bounds = magnitude(conv2d_backward, grad_output, *case.inputs, **case.options)
    seen = grad_output.size // len(case.filters)  # terms in a filter's gradient, and in its bias's
    touched = len(case.filters) * case.filters[0, 0].size  # terms in a pixel's gradient, at most
    for terms, actual, expected, bound in zip(
        (touched, seen, seen), gradients, expected_gradients, bounds, strict=False
    ):
        assert actual.dtype == dtype
        assert_within(actual, expected.numpy(), 2 * gamma(terms + 1, dtype) * bound)


@DTYPES
@given(data=st.data())
def test_patches_and_their_gradient(dtype, data):
    case = data.draw(convolutions(dtype=dtype).filter(lambda case: case.padding in ("valid", "same")))
    window = case.filters.shape[2:]
    seen = patches(case.x, window, **case.options)
    grad_output = data.draw(values(seen.shape, dtype=dtype))
    images, channels = case.x.shape[:2]

    x = tf.Variable(case.x)
    with tf.GradientTape() as tape:
        flat = tf.image.extract_patches(
            tf.transpose(x, (0, 2, 3, 1)), (1, *window, 1), (1, *case.steps, 1), (1, 1, 1, 1), case.padding.upper()
        )
        # Its last axis is (R, S, C).
        expected = tf.transpose(tf.reshape(flat, (images, *case.places, *window, channels)), (0, 5, 1, 2, 3, 4))
    expected_grad = tape.gradient(expected, x, output_gradients=tf.constant(grad_output))

    assert np.array_equal(seen, expected.numpy())
    (grad_x,) = patches_backward(grad_output, case.x, window, **case.options)
    (bound,) = magnitude(patches_backward, grad_output, case.x, window=window, **case.options)
    assert_within(grad_x, expected_grad.numpy(), 2 * gamma(int(np.prod(window)), dtype) * bound)
