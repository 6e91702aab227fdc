from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import conv2d, pad2d, pad2d_backward
from scratchcnn.gradcheck import assert_gradient
from tests.assertions import assert_complex_step, assert_contract
from tests.strategies import convolutions, images, values

EDGE = st.integers(0, 3)
# Each is a padding, and the same padding as ((top, bottom), (left, right)).
PADDINGS = st.one_of(
    EDGE.map(lambda e: (e, ((e, e), (e, e)))),
    st.tuples(EDGE, EDGE).map(lambda p: (p, ((p[0], p[0]), (p[1], p[1])))),
    st.tuples(st.tuples(EDGE, EDGE), st.tuples(EDGE, EDGE)).map(lambda p: (p, p)),
)


@given(images(), PADDINGS)
def test_the_image_stands_in_a_frame_of_zeros(x, paddings):
    padding, ((top, bottom), (left, right)) = paddings
    images, channels, height, width = x.shape
    padded = pad2d(x, padding)
    assert padded.shape == (images, channels, top + height + bottom, left + width + right)
    for n, c, i, j in np.ndindex(padded.shape):
        inside = top <= i < top + height and left <= j < left + width
        assert padded[n, c, i, j] == (x[n, c, i - top, j - left] if inside else 0)


@given(images(), PADDINGS, st.data())
def test_the_backward_pass_takes_the_frame_off(x, paddings, data):
    padding, _ = paddings
    frame = data.draw(values(pad2d(x, padding).shape))
    inside = pad2d(np.ones(x.shape), padding) == 1
    (grad_x,) = pad2d_backward(frame, x, padding)
    assert np.array_equal(grad_x.ravel(), frame[inside])


@given(convolutions())
def test_a_convolution_of_the_padded_image_is_the_padded_convolution(case):
    padded = conv2d(pad2d(case.x, case.edges), *case.inputs[1:], stride=case.stride)
    assert np.array_equal(padded, conv2d(*case.inputs, **case.options))


@given(images(), PADDINGS, st.integers(0, 99))
def test_the_derivative(x, paddings, seed):
    padding, _ = paddings
    assert_gradient(lambda x: pad2d(x, padding), lambda g, x: pad2d_backward(g, x, padding), x, degree=1, seed=seed)


def test_cs231n_pads_each_side_by_one():
    """The picture of "Convolutional Networks" in CS231n's notes: a 5x5 image becomes 7x7."""
    padded = pad2d(np.ones((1, 1, 5, 5)), 1)
    assert padded.shape == (1, 1, 7, 7)
    assert padded.sum() == 25


def test_the_output_is_a_copy_and_the_gradient_a_view():
    x, grad_output = np.ones((1, 2, 3, 4)), np.ones((1, 2, 5, 8))
    assert not np.shares_memory(pad2d(x, 0), x)
    assert np.shares_memory(pad2d_backward(grad_output, x, (1, 2))[0], grad_output)


def test_the_contract():
    x = np.random.default_rng(0).integers(0, 2, size=(2, 3, 4, 5))
    padding = ((0, 1), (2, 1))
    forward, backward = lambda x: pad2d(x, padding), lambda g, x: pad2d_backward(g, x, padding)
    assert_contract(forward, backward, x)
    assert_complex_step(forward, backward, np.random.default_rng(1).normal(size=x.shape))


def test_an_empty_batch_or_image_is_fine():
    assert pad2d(np.ones((0, 3, 4, 5)), 1).shape == (0, 3, 6, 7)
    assert pad2d(np.ones((2, 1, 0, 0)), 2).tolist() == [[[[0.0] * 4] * 4]] * 2
    assert pad2d_backward(np.ones((2, 1, 4, 4)), np.ones((2, 1, 0, 0)), 2)[0].shape == (2, 1, 0, 0)


def test_nan_and_infinity_stay_where_they_are():
    x = np.array([[[[np.nan, np.inf, -np.inf]]]])
    padded = pad2d(x, 1)
    assert np.array_equal(padded[0, 0, 1, 1:4], x[0, 0, 0], equal_nan=True)
    assert not np.isnan(padded[0, 0, [0, 2]]).any()


def test_bad_arguments_are_named():
    x = np.ones((2, 3, 4, 5))
    with pytest.raises(ValueError, match=r"x must have 4 axes \(N, C, H, W\), got shape \(4, 5\)"):
        pad2d(x[0, 0], 1)
    with pytest.raises(ValueError, match=r"^x must have 4 axes \(N, C, H, W\), got shape \(4, 5\)"):
        pad2d_backward(x, x[0, 0], 1)
    with pytest.raises(TypeError, match=r"^x must hold numbers, got an array of NoneType"):
        pad2d_backward(x, None, 1)
    with pytest.raises(ValueError, match="padding must be at least 0, got -1"):
        pad2d(x, (0, -1))
    with pytest.raises(TypeError, match=r"padding must be an integer or a pair, got 1\.5"):
        pad2d(x, (1.5, 1))
    with pytest.raises(ValueError, match="padding must be numbers of pixels where there is no window, got 'same'"):
        pad2d(x, "same")
    with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(2, 3, 6, 7\), got shape"):
        pad2d_backward(x, x, 1)


def test_an_image_that_becomes_too_large_is_refused_before_it_is_made():
    padding = ((1, 2**30), (3, 2**30))
    with pytest.raises(ValueError, match="padding must leave at most 1073741824 pixels") as caught:
        pad2d(np.ones((1, 1, 4, 5)), padding)
    assert str(caught.value).endswith(f", got {padding}: the image becomes {(5 + 2**30, 8 + 2**30)}")


def test_the_frame_of_fractions_is_of_integers():
    padded = pad2d(np.full((1, 1, 1, 1), Fraction(1, 3)), 1)
    assert [type(number) for number in padded[0, 0, 1]] == [int, Fraction, int]
