import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchcnn import sigmoid, sigmoid_backward
from scratchcnn.gradcheck import assert_gradient
from tests.assertions import FLOATS, assert_complex_step, assert_contract, assert_within
from tests.strategies import shapes, values


def exact(function, z):
    """A function of mpmath, to 50 digits, of each entry."""
    with mpmath.workdps(50):
        return np.array([float(function(mpmath.mpf(float(each)))) for each in z.reshape(-1)]).reshape(z.shape)


def exact_sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def exact_slope(z):
    return exact_sigmoid(z) * exact_sigmoid(-z)


@given(arrays(np.float64, shapes(), elements=st.floats(-700, 700), fill=st.nothing()))
def test_is_right_to_a_few_roundings_in_both_tails(z):
    expected = exact(exact_sigmoid, z)
    # The power within an ulp, the sum and the quotient within half a one each.
    assert_within(sigmoid(z), expected, 2 * np.finfo(float).eps * expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_is_right_at_any_input(dtype):
    z = np.array([-np.inf, -1000, 0, 1000, np.inf], dtype)
    tail = np.exp(dtype(-1000))  # 0, but for longdouble
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert sigmoid(z).tolist() == [0, tail, 0.5, 1, 1]
        assert sigmoid_backward(np.ones(5, dtype), z)[0].tolist() == [0, tail, 0.25, tail, 0]
        assert np.isnan(sigmoid(np.array(np.nan, dtype)))


@given(arrays(np.float64, shapes(), elements=st.floats(allow_nan=False), fill=st.nothing()))
def test_is_within_0_and_1_and_symmetric(z):
    output = sigmoid(z)
    assert np.all((output >= 0) & (output <= 1))
    assert_within(output + sigmoid(-z), np.ones(z.shape), np.finfo(float).eps)


@given(arrays(np.float64, shapes(), elements=st.floats(allow_nan=False), fill=st.nothing()))
def test_the_slope_is_the_articles_O_times_1_minus_O(z):
    """f' = f (1 - f), up to the roundoff of 1 - f, which is all that is left of it in the tail."""
    output = sigmoid(z)
    (slope,) = sigmoid_backward(np.ones(z.shape), z)
    assert_within(slope, output * (1 - output), 4 * np.finfo(float).eps * output)


@given(arrays(np.float64, shapes(), elements=st.floats(-700, 700), fill=st.nothing()))
def test_the_slope_keeps_its_digits_in_both_tails(z):
    expected = exact(exact_slope, z)
    (slope,) = sigmoid_backward(np.ones(z.shape), z)
    assert_within(slope, expected, 5 * np.finfo(float).eps * expected)  # two of the above, and their product


@given(shapes().flatmap(values), st.sampled_from([1, 2, 8]), st.integers(0, 99))
def test_sigmoid_prime(z, spread, seed):
    """∂O/∂Z2 = O (1 - O), also where O is so close to 1 that its differences drown in roundoff (|z| up to 32)."""
    assert_gradient(sigmoid, sigmoid_backward, spread * z, seed=seed)


def test_the_contract():
    z = np.random.default_rng(0).integers(0, 2, size=(3, 4))
    assert_contract(sigmoid, sigmoid_backward, z)
    assert_complex_step(sigmoid, sigmoid_backward, np.random.default_rng(1).normal(size=(3, 4)))


@pytest.mark.parametrize("z", [-300.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 300.0])
def test_the_complex_step_reaches_into_the_tails(z):
    step = 1e-20
    slope = exact(exact_slope, np.array(z))
    assert_within(sigmoid(z + step * 1j).imag / step, slope, 8 * np.finfo(float).eps * slope)


def test_an_empty_array_is_fine():
    assert sigmoid(np.ones((0, 3))).shape == (0, 3)
    assert sigmoid_backward(np.ones((0, 3)), np.ones((0, 3)))[0].shape == (0, 3)


def test_bad_arguments_are_named():
    with pytest.raises(TypeError, match="z must hold numbers, got dtype object"):
        sigmoid(None)
    with pytest.raises(TypeError, match="z must hold numbers, got dtype <U1"):
        sigmoid_backward(np.ones(1), ["1"])
    with pytest.raises(TypeError, match="grad_output must hold numbers, got dtype object"):
        sigmoid_backward(None, np.ones(1))
    for shape in (3,), (1, 3), (2, 1), ():
        with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(2, 3\), got shape"):
            sigmoid_backward(np.ones(shape), np.ones((2, 3)))
