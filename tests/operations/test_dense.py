from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import dense, dense_backward
from scratchcnn.gradcheck import assert_gradient
from tests.assertions import assert_complex_step, assert_contract, assert_within, gamma
from tests.strategies import INTEGERS, dense_inputs, values


def by_loops(x, weight, bias):
    output = np.zeros((len(x), len(bias)))
    for n, k in np.ndindex(output.shape):
        output[n, k] = sum(x[n, m] * weight[m, k] for m in range(len(weight))) + bias[k]
    return output


def gradients_by_loops(grad_output, x, weight, bias):
    grads = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(bias.shape)
    for n, m, k in np.ndindex(*x.shape, len(bias)):
        grads[0][n, m] += grad_output[n, k] * weight[m, k]
        grads[1][m, k] += grad_output[n, k] * x[n, m]
    for n, k in np.ndindex(grad_output.shape):
        grads[2][k] += grad_output[n, k]
    return grads


def test_the_articles_example_of_4_features_and_2_neurons():
    """The article has Z = W^T X + b with X (4, m), W (4, 2) and Z (2, m); here X and Z are transposed."""
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.integers(-5, 6, size=shape).astype(float) for shape in ((4, 7), (4, 2), (2, 1)))
    z = weight.T @ x + bias
    assert z.shape == (2, 7)
    assert np.array_equal(dense(x.T, weight, bias[:, 0]), z.T)


def test_the_articles_output_layer_has_a_row_for_each_of_200_images():
    assert dense(np.zeros((200, 1728)), np.zeros((1728, 1)), np.zeros(1)).shape == (200, 1)


@given(dense_inputs(INTEGERS))
def test_is_the_nested_loops_exactly_on_integers(inputs):
    assert np.array_equal(dense(*inputs), by_loops(*inputs))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@given(data=st.data())
def test_is_the_nested_loops_within_roundoff(dtype, data):
    inputs = data.draw(dense_inputs(dtype=dtype))
    in_float64 = [a.astype(np.float64) for a in inputs]  # float64 adds these multiples of 2^-18 exactly
    magnitude = dense(*map(np.abs, in_float64))
    terms = inputs[0].shape[1] + 1
    assert_within(dense(*inputs).astype(np.float64), by_loops(*in_float64), gamma(terms + 1, dtype) * magnitude)


@given(dense_inputs(INTEGERS), st.data())
def test_the_backward_pass_is_the_nested_loops_exactly_on_integers(inputs, data):
    grad_output = data.draw(values((len(inputs[0]), len(inputs[2])), INTEGERS))
    for actual, expected in zip(
        dense_backward(grad_output, *inputs), gradients_by_loops(grad_output, *inputs), strict=True
    ):
        assert np.array_equal(actual, expected)


def assert_derivative(inputs, name, seed):
    assert_gradient(dense, dense_backward, *inputs, wrt=(name,), degree=1, seed=seed)


@given(dense_inputs(), st.integers(0, 99))
def test_dZ2_dA1(inputs, seed):
    """∂Z2/∂A1 = W^T."""
    assert_derivative(inputs, "x", seed)


@given(dense_inputs(), st.integers(0, 99))
def test_dZ2_dW(inputs, seed):
    """∂Z2/∂W = A1."""
    assert_derivative(inputs, "weight", seed)


@given(dense_inputs(), st.integers(0, 99))
def test_dZ2_db(inputs, seed):
    """∂Z2/∂b = 1."""
    assert_derivative(inputs, "bias", seed)


def test_the_contract():
    rng = np.random.default_rng(0)
    shapes = (5, 4), (4, 3), (3,)
    assert_contract(dense, dense_backward, *(rng.integers(0, 2, size=s) for s in shapes))
    assert_complex_step(dense, dense_backward, *(rng.normal(size=s) for s in shapes))


def test_an_empty_batch_is_fine():
    inputs = np.ones((0, 4)), np.ones((4, 3)), np.ones(3)
    assert dense(*inputs).shape == (0, 3)
    grads = dense_backward(np.ones((0, 3)), *inputs)
    assert [g.shape for g in grads] == [(0, 4), (4, 3), (3,)]
    assert not grads[1].any()
    assert not grads[2].any()


X, WEIGHT, BIAS = np.ones((5, 4)), np.ones((4, 3)), np.ones(3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ([X[0], WEIGHT, BIAS], ValueError, r"x must have 2 axes \(N, M\), got shape \(4,\)"),
        ([X, WEIGHT[0], BIAS], ValueError, r"weight must have 2 axes \(M, K\), got shape \(3,\)"),
        ([X, WEIGHT, 1.0], ValueError, r"bias must have 1 axis \(K\), got shape \(\)"),
        (
            [X, WEIGHT.T, BIAS],
            ValueError,
            r"weight must have a row for each feature of x: x has 4 of shape \(5, 4\), weight 3 of shape \(3, 4\)",
        ),
        ([X, WEIGHT, np.ones(1)], ValueError, r"bias must be one number a neuron, shape \(3,\), got shape \(1,\)"),
        ([np.full(X.shape, None), WEIGHT, BIAS], TypeError, "x must hold numbers, got an array of NoneType"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    for call in (dense, partial(dense_backward, np.ones((5, 3)))):
        with pytest.raises(error, match=message):
            call(*arguments)


@pytest.mark.parametrize("shape", [(4, 3), (5, 4), (1, 3), (3,), ()])
def test_a_cotangent_that_does_not_fit_is_named(shape):
    with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(5, 3\), got shape"):
        dense_backward(np.ones(shape), X, WEIGHT, BIAS)
