import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import flatten, flatten_backward
from scratchcnn.gradcheck import assert_gradient
from tests.assertions import assert_complex_step, assert_contract
from tests.strategies import images


@given(images())
def test_each_sample_is_a_row_channel_by_channel_line_by_line(x):
    channels, height, width = x.shape[1:]
    flat = flatten(x)
    assert flat.shape == (len(x), channels * height * width)
    for n, c, h, w in np.ndindex(x.shape):
        assert flat[n, (c * height + h) * width + w] == x[n, c, h, w]


@given(images())
def test_the_backward_pass_undoes_it(x):
    assert np.array_equal(flatten_backward(flatten(x), x)[0], x)


@given(images(), st.integers(0, 99))
def test_the_derivative(x, seed):
    assert_gradient(flatten, flatten_backward, x, degree=1, seed=seed)


def test_neither_pass_copies():
    x, grad_output = np.ones((2, 3, 4, 5)), np.ones((2, 60))
    assert np.shares_memory(flatten(x), x)
    assert np.shares_memory(flatten_backward(grad_output, x)[0], grad_output)


def test_the_contract():
    x = np.random.default_rng(0).integers(0, 2, size=(2, 3, 4, 5))
    assert_contract(flatten, flatten_backward, x)
    assert_complex_step(flatten, flatten_backward, x.astype(float))


def test_the_articles_shapes():
    assert flatten(np.zeros((200, 3, 24, 24))).shape == (200, 1728)


def test_an_empty_batch_is_fine():
    x = np.ones((0, 3, 4, 5))
    assert flatten(x).shape == (0, 60)
    assert flatten_backward(np.ones((0, 60)), x)[0].shape == x.shape


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"x must have 4 axes \(N, C, H, W\), got shape \(2, 3\)"):
        flatten(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"x must have 4 axes \(N, C, H, W\), got shape \(2, 3\)"):
        flatten_backward(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(TypeError, match=r"^x must hold numbers, got an array of NoneType"):
        flatten_backward(np.ones((2, 3)), None)
    with pytest.raises(TypeError, match="x must hold numbers, got an array of NoneType"):
        flatten(None)
    for shape in (2, 3, 4, 5), (1, 120), (3, 40):
        with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(2, 60\), got shape"):
            flatten_backward(np.ones(shape), np.ones((2, 3, 4, 5)))
