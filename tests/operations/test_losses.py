import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import gradient_descent, squared_error, squared_error_backward
from scratchcnn.gradcheck import assert_gradient
from tests.assertions import assert_complex_step, assert_contract
from tests.strategies import INTEGERS, REALS, shapes, values


def pairs(elements=REALS):
    """An output and a target of one shape."""
    return shapes().flatmap(lambda shape: st.tuples(values(shape, elements), values(shape, elements)))


@given(pairs())
def test_is_half_the_sum_of_the_squares(pair):
    # Few multiples of 2^-18: exact in float64, in any order.
    total = sum((y - o) ** 2 / 2 for o, y in zip(*(a.ravel().tolist() for a in pair), strict=True))
    assert squared_error(*pair) == total
    assert squared_error(*pair).shape == ()


@given(pairs(INTEGERS), st.integers(-9, 9))
def test_the_backward_pass_exactly_on_integers(pair, grad_output):
    output, target = pair
    grad_o, grad_y = squared_error_backward(grad_output, output, target)
    assert np.array_equal(grad_o, -grad_output * (target - output))
    assert np.array_equal(grad_y, grad_output * (target - output))


@given(pairs(), st.integers(0, 99))
def test_dE_dO(pair, seed):
    """∂E/∂O = -(y - O)."""
    output, target = pair
    assert_gradient(
        lambda output: squared_error(output, target),
        lambda grad_output, output: squared_error_backward(grad_output, output, target)[:1],
        output,
        degree=2,
        seed=seed,
    )


@given(pairs(), st.integers(0, 99))
def test_both_derivatives_together(pair, seed):
    assert_gradient(squared_error, squared_error_backward, *pair, degree=2, seed=seed)


@given(pairs(), st.floats(0.01, 1.99))
def test_a_small_enough_step_against_the_gradient_lowers_the_error(pair, rate):
    """E is a parabola of curvature 1: any step short of 2 goes down, one of 1 to the bottom."""
    output, target = pair
    before = squared_error(output, target)
    gradient, _ = squared_error_backward(1.0, output, target)
    after = squared_error(gradient_descent(output, gradient, rate=rate), target)
    assert after < before or before == after == 0


def test_the_contract():
    rng = np.random.default_rng(0)
    assert_contract(squared_error, squared_error_backward, *(rng.integers(0, 2, size=(3, 4)) for _ in range(2)))
    assert_complex_step(squared_error, squared_error_backward, *(rng.normal(size=(3, 4)) for _ in range(2)))


def test_nothing_has_no_error():
    assert squared_error(np.ones((0, 1)), np.ones((0, 1))) == 0
    assert [g.shape for g in squared_error_backward(1.0, np.ones((0, 1)), np.ones((0, 1)))] == [(0, 1), (0, 1)]


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"the same shape, got output \(5, 1\) and target \(5,\)"):
        squared_error(np.ones((5, 1)), np.ones(5))
    with pytest.raises(ValueError, match=r"the same shape, got output \(5, 1\) and target \(5,\)"):
        squared_error_backward(1.0, np.ones((5, 1)), np.ones(5))
    with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(\), got shape \(5,\)"):
        squared_error_backward(np.ones(5), np.ones(5), np.ones(5))
    with pytest.raises(TypeError, match="target must hold numbers, got dtype object"):
        squared_error(np.ones(5), None)
