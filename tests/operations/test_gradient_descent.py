import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import dense, dense_backward, gradient_descent, squared_error, squared_error_backward
from tests.assertions import FLOATS
from tests.strategies import dense_inputs, shapes, values


@given(shapes().flatmap(lambda shape: st.tuples(values(shape), values(shape))), st.sampled_from([0.25, 1, 2.0]))
def test_steps_against_the_gradient(pair, rate):
    parameter, gradient = pair
    before = parameter.copy()
    moved = gradient_descent(parameter, gradient, rate=rate)
    assert np.array_equal(moved, before - rate * gradient)
    assert np.array_equal(parameter, before)
    assert not np.shares_memory(moved, parameter)


@given(dense_inputs(), st.data())
def test_a_small_enough_step_lowers_the_error(inputs, data):
    x, weight, bias = inputs
    target = data.draw(values((len(x), len(bias))))

    def error(weight):
        return squared_error(dense(x, weight, bias), target)

    grad_output, _ = squared_error_backward(1.0, dense(x, weight, bias), target)
    _, grad_weight, _ = dense_backward(grad_output, x, weight, bias)
    if grad_weight.any():
        # The error is a parabola of curvature at most |x|^2, so that a step of 1 / |x|^2 is small enough.
        assert error(gradient_descent(weight, grad_weight, rate=1 / np.sum(x * x))) < error(weight)


@pytest.mark.parametrize("dtype", [*FLOATS, np.complex64, np.complex128])
@pytest.mark.parametrize("rate", [1, 0.5, np.float64(0.5), np.float32(0.5), np.int64(1)])
def test_keeps_the_dtype_of_the_parameter(dtype, rate):
    moved = gradient_descent(np.ones(3, dtype), np.ones(3, np.longdouble), rate=rate)
    assert moved.dtype == dtype
    assert moved.tolist() == [1 - rate] * 3


def test_integer_parameters_become_float64():
    assert gradient_descent([1, 2], [1, 1], rate=0.5).tolist() == [0.5, 1.5]


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"gradient must have the shape of the parameter, \(3, 1\), got shape \(3,\)"):
        gradient_descent(np.ones((3, 1)), np.ones(3), rate=1)
    for rate in (0, -0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match=f"rate must be positive and finite, got {rate}"):
            gradient_descent(np.ones(3), np.ones(3), rate=rate)
    with pytest.raises(ValueError, match=r"^rate must be finite, got 100000\.0 beside numbers of float16"):
        gradient_descent(np.ones(3), np.ones(3, np.float16), rate=1e5)
    for rate in ("0.1", None, 1j, np.ones(3)):
        with pytest.raises(TypeError, match="rate must be a number, got "):
            gradient_descent(np.ones(3), np.ones(3), rate=rate)
    with pytest.raises(TypeError, match=r"^gradient must hold numbers, got an array of NoneType"):
        gradient_descent(np.ones(3), None, rate=1)
    with pytest.raises(TypeError, match=r"^parameter must hold numbers, got an array of NoneType"):
        gradient_descent(None, np.ones(3), rate=1)
    with pytest.raises(TypeError, match="grad_output and the inputs must be all real"):
        gradient_descent(np.ones(3), np.full(3, 1j), rate=1)
