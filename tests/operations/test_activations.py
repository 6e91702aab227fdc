from fractions import Fraction
from functools import partial

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchcnn import (
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from scratchcnn.gradcheck import assert_gradient
from tests.assertions import FLOATS, assert_complex_step, assert_contract, assert_within
from tests.strategies import shapes, values


def exact(function, z):
    """Apply a function of mpmath to each entry, with 50 digits."""
    with mpmath.workdps(50):
        return np.array([float(function(mpmath.mpf(float(each)))) for each in z.reshape(-1)]).reshape(z.shape)


def exact_sigmoid(z):
    return 1 / (1 + mpmath.exp(-z))


def exact_slope(z):
    return exact_sigmoid(z) * exact_sigmoid(-z)


def exact_tanh_slope(z):
    return 1 / mpmath.cosh(z) ** 2


@given(arrays(np.float64, shapes(), elements=st.floats(-700, 700), fill=st.nothing()))
def test_is_right_to_a_few_roundings_in_both_tails(z):
    expected = exact(exact_sigmoid, z)
    # The power is within 1 ulp; the sum and the quotient add half an ulp each.
    assert_within(sigmoid(z), expected, 2 * np.finfo(float).eps * expected)


@pytest.mark.parametrize("dtype", FLOATS)
def test_is_right_at_any_input(dtype):
    z = np.array([-np.inf, -1000, 0, 1000, np.inf], dtype)
    tail = np.exp(dtype(-1000))  # 0, except in longdouble
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
    """f' = f (1 - f), up to the roundoff of 1 - f; in the upper tail 1 - f is nothing but roundoff."""
    output = sigmoid(z)
    (slope,) = sigmoid_backward(np.ones(z.shape), z)
    assert_within(slope, output * (1 - output), 4 * np.finfo(float).eps * output)


@given(arrays(np.float64, shapes(), elements=st.floats(-700, 700), fill=st.nothing()))
def test_the_slope_keeps_its_digits_in_both_tails(z):
    expected = exact(exact_slope, z)
    (slope,) = sigmoid_backward(np.ones(z.shape), z)
    assert_within(slope, expected, 5 * np.finfo(float).eps * expected)  # two sigmoids of 2 eps each, and their product


@given(shapes().flatmap(values), st.sampled_from([1, 2, 8]), st.integers(0, 99))
def test_sigmoid_prime(z, spread, seed):
    """∂O/∂Z2 = O (1 - O), also at |z| up to 32, where O is so close to 1 that roundoff hides its differences."""
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


@given(arrays(np.float64, shapes(), elements=st.floats(-350, 350), fill=st.nothing()))
def test_tanh_and_its_slope_keep_their_digits(z):
    expected, slope = exact(mpmath.tanh, z), exact(exact_tanh_slope, z)
    # The library's tanh is within two ulps. The slope is the square of a quotient, whose four roundings (power, square,
    # sum, division) count twice; the product adds one.
    assert_within(tanh(z), expected, 2 * np.finfo(float).eps * np.abs(expected))
    assert_within(tanh_backward(np.ones(z.shape), z)[0], slope, 8 * np.finfo(float).eps * slope)


@pytest.mark.parametrize("dtype", FLOATS)
def test_tanh_is_right_at_any_input(dtype):
    z = np.array([-np.inf, -30000, 0, 30000, np.inf], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert tanh(z).tolist() == [-1, -1, 0, 1, 1]
        assert tanh_backward(np.ones(5, dtype), z)[0].tolist() == [0, 0, 1, 0, 0]
        assert np.isnan(tanh(np.array(np.nan, dtype)))


@given(arrays(np.float64, shapes(), elements=st.floats(allow_nan=False), fill=st.nothing()))
def test_tanh_is_a_sigmoid_stretched(z):
    """tanh(z) = 2 σ(2z) - 1."""
    with np.errstate(over="ignore"):
        assert_within(tanh(z), 2 * sigmoid(2 * z) - 1, 4 * np.finfo(float).eps)


@given(shapes().flatmap(values), st.sampled_from([1, 2, 4]), st.integers(0, 99))
def test_tanh_prime(z, spread, seed):
    """∂O/∂z = 1 - O²."""
    assert_gradient(tanh, tanh_backward, spread * z, seed=seed)


@pytest.mark.parametrize("dtype", FLOATS)
def test_relu_cuts_off_what_is_negative(dtype):
    z = np.array([-np.inf, -2, -0.0, 0, 2, np.inf, np.nan], dtype)
    assert np.array_equal(relu(z), np.array([0, 0, 0, 0, 2, np.inf, np.nan], dtype), equal_nan=True)
    (grad_z,) = relu_backward(np.array([1, 2, 3, 4, 5, 6, 7], dtype), z)
    assert grad_z.tolist() == [0, 0, 0, 0, 5, 6, 7]  # at the kink: 0


def test_small_positive_numbers_are_positive():
    z = np.array([-0.5, 1e-300, 0.5])
    assert relu(z).tolist() == [0, 1e-300, 0.5]
    assert relu_backward(np.ones(3), z)[0].tolist() == [0, 1, 1]
    assert leaky_relu(z, alpha=0.25).tolist() == [-0.125, 1e-300, 0.5]
    assert leaky_relu_backward(np.ones(3), z, alpha=0.25)[0].tolist() == [0.25, 1, 1]


@pytest.mark.parametrize("dtype", FLOATS)
def test_leaky_relu_flattens_what_is_negative(dtype):
    z = np.array([-np.inf, -2, -0.0, 0, 2, np.inf, np.nan], dtype)
    expected = np.array([-np.inf, -0.5, 0, 0, 2, np.inf, np.nan], dtype)
    assert np.array_equal(leaky_relu(z, alpha=0.25), expected, equal_nan=True)
    (grad_z,) = leaky_relu_backward(np.array([4, 8, 12, 16, 5, 6, 7], dtype), z, alpha=0.25)
    assert grad_z.tolist() == [1, 2, 3, 4, 5, 6, 7]  # at the kink: α


def test_onnx_leaky_relu():
    """`leakyrelu_example` of the ONNX operator LeakyRelu."""
    assert leaky_relu([-1, 0, 1], alpha=0.1).tolist() == [-0.1, 0, 1]


def test_an_infinite_gradient_meets_no_zero():
    z, grad_output = np.array([-1.0, 1.0]), np.array([np.inf, -np.inf])
    with np.errstate(all="raise"):
        assert relu_backward(grad_output, z)[0].tolist() == [0, -np.inf]
        assert leaky_relu_backward(grad_output, z)[0].tolist() == [np.inf, -np.inf]


WITH_ZEROS = shapes().flatmap(lambda shape: values(shape, st.integers(-2, 2).map(float)))


@given(WITH_ZEROS | shapes().flatmap(values), st.integers(0, 99))
def test_relu_prime_also_at_the_kink(z, seed):
    assert_gradient(relu, relu_backward, z, seed=seed)


@given(WITH_ZEROS | shapes().flatmap(values), st.sampled_from([0.01, 0.5, 0.0, 1.0, -0.5, 3.0]), st.integers(0, 99))
def test_leaky_relu_prime_also_at_the_kink(z, alpha, seed):
    options = {"alpha": alpha}
    assert_gradient(partial(leaky_relu, **options), partial(leaky_relu_backward, **options), z, seed=seed)


def test_the_slope_below_zero_is_a_hundredth_unless_given():
    assert leaky_relu(-100.0) == -1
    assert leaky_relu_backward(np.ones(()), -100.0)[0] == 0.01


@given(shapes().flatmap(values))
def test_a_leaky_relu_of_slope_0_is_a_relu_and_of_slope_1_nothing(z):
    assert np.array_equal(leaky_relu(z, alpha=0), relu(z))
    assert np.array_equal(leaky_relu(z, alpha=1), z)


def test_the_contract_of_the_others():
    z = np.random.default_rng(0).integers(0, 2, size=(3, 4))
    assert_contract(tanh, tanh_backward, z)
    assert_complex_step(tanh, tanh_backward, np.random.default_rng(1).normal(size=(3, 4)))
    assert_contract(relu, relu_backward, z, holomorphic=False)
    assert_contract(leaky_relu, leaky_relu_backward, z, holomorphic=False)


def test_what_alpha_must_be():
    with pytest.raises(ValueError, match="alpha must be finite, got nan"):
        leaky_relu(1.0, alpha=np.nan)
    # An infinite slope would make positive numbers NaN, too: their negative part is 0.
    with pytest.raises(ValueError, match=r"alpha must be finite, got 100000.0 beside numbers of float16"):
        leaky_relu(np.ones(3, np.float16), alpha=1e5)
    assert leaky_relu([Fraction(-1)], alpha=10**400).tolist() == [-(10**400)]
    with pytest.raises(ValueError, match="alpha must be finite, got 1000"):
        leaky_relu(-1.0, alpha=10**400)
    assert leaky_relu(-1.0, alpha=Fraction(1, 4)) == -0.25
    with pytest.raises(TypeError, match=r"alpha must be a number, got '0.1'"):
        leaky_relu_backward(1.0, 1.0, alpha="0.1")


@pytest.mark.parametrize(
    ("forward", "backward"),
    [(sigmoid, sigmoid_backward), (tanh, tanh_backward), (relu, relu_backward), (leaky_relu, leaky_relu_backward)],
    ids=lambda function: function.__name__,
)
def test_bad_arguments_are_named(forward, backward):
    with pytest.raises(TypeError, match="z must hold numbers, got an array of NoneType"):
        forward(None)
    with pytest.raises(TypeError, match="z must hold numbers, got dtype <U1"):
        backward(np.ones(1), ["1"])
    with pytest.raises(TypeError, match="grad_output must hold numbers, got an array of NoneType"):
        backward(None, np.ones(1))
    for shape in (3,), (1, 3), (2, 1), ():
        with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(2, 3\), got shape"):
            backward(np.ones(shape), np.ones((2, 3)))
