from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mpf

from scratchcnn import standardize, standardize_backward
from scratchcnn.gradcheck import assert_gradient
from tests.assertions import assert_complex_step, assert_contract, assert_within, gamma
from tests.strategies import values

EPS = np.finfo(float).eps


@st.composite
def spread_out(draw, longest=5):
    """Draw an array and the axes to average over, such that no group of averaged entries is nearly constant."""
    shape = tuple(draw(st.lists(st.integers(1, longest), min_size=1, max_size=3)))
    z = draw(values(shape))
    every = range(-len(shape), len(shape))
    some = st.lists(st.sampled_from(every), unique_by=lambda k: k % len(shape), min_size=1).map(tuple)
    axis = draw(st.none() | st.sampled_from(every) | some)
    assume(np.std(z, axis=axis).min() > 0.05)
    return z, axis


def groups(z, axis):
    """List the flat indices of the entries that are averaged together, group by group."""
    over = range(z.ndim) if axis is None else {k % z.ndim for k in np.atleast_1d(axis)}
    together = {}
    for flat, index in enumerate(np.ndindex(z.shape)):
        together.setdefault(tuple(i for k, i in enumerate(index) if k not in over), []).append(flat)
    return together.values()


def roundoff(z, axis, roundings=24):
    """Bound the relative error: a few dozen roundings of the largest entry, divided by the spread."""
    return gamma(roundings + z.size, float) * (1 + np.abs(z).max() / np.std(z, axis=axis).min())


@given(spread_out())
def test_is_the_equation_group_by_group(drawn):
    z, axis = drawn
    output = standardize(z, axis=axis).ravel()
    for group in groups(z, axis):
        entries = [float(z.flat[k]) for k in group]
        mean = sum(entries) / len(entries)
        deviation = (sum((each - mean) ** 2 for each in entries) / len(entries)) ** 0.5
        bound = roundoff(z, axis) * (1 + abs(output[group]))
        assert_within(output[group], [(each - mean) / deviation for each in entries], bound)


@given(spread_out())
def test_gives_mean_0_and_deviation_1(drawn):
    z, axis = drawn
    output = standardize(z, axis=axis)
    assert_within(output.mean(axis=axis), np.zeros_like(output.mean(axis=axis)), gamma(4 * z.size, float) * z.size)
    assert_within(output.std(axis=axis), np.ones_like(output.std(axis=axis)), gamma(4 * z.size + 8, float))


@given(spread_out(), st.data())
def test_the_backward_pass_is_the_whole_jacobian(drawn, data):
    """∂ẑ_i/∂z_j = (δ_ij - 1/n - ẑ_i ẑ_j / n) / s within a group of n entries, and 0 between groups."""
    z, axis = drawn
    grad_output = data.draw(values(z.shape))
    (grad_z,) = standardize_backward(grad_output, z, axis=axis)
    output = standardize(z, axis=axis).ravel()
    for group in groups(z, axis):
        zhat, n = output[group], len(group)
        jacobian = (np.eye(n) - 1 / n - np.outer(zhat, zhat) / n) / np.std(z.ravel()[group])
        expected = grad_output.ravel()[group] @ jacobian
        terms = np.abs(grad_output.ravel()[group]).sum() * (2 + n) / np.std(z.ravel()[group])
        assert_within(grad_z.ravel()[group], expected, roundoff(z, axis) * terms)


@given(spread_out(longest=4), st.integers(0, 99))
def test_the_derivative(drawn, seed):
    z, axis = drawn
    assert_gradient(partial(standardize, axis=axis), partial(standardize_backward, axis=axis), z, seed=seed)


@given(spread_out(), st.data())
def test_a_constant_changes_nothing_so_the_gradient_adds_up_to_zero(drawn, data):
    z, axis = drawn
    (grad_z,) = standardize_backward(data.draw(values(z.shape)), z, axis=axis)
    total = grad_z.sum(axis=axis)
    bound = gamma(8 * z.size + 24, float) * (4 * z.size * z.size) / np.std(z, axis=axis).min()
    assert_within(total, np.zeros_like(total), bound)


@given(values((2, 3)), values((2, 3)))
def test_two_entries_are_standardized_to_1_and_minus_1_whatever_they_are(z, grad_output):
    distance = np.abs(z[0] - z[1])
    assume(distance.min() > 0.05)
    assert_within(standardize(z, axis=0), np.sign(z - z[::-1]), roundoff(z, 0))
    (grad_z,) = standardize_backward(grad_output, z, axis=0)
    assert_within(grad_z, np.zeros((2, 3)), roundoff(z, 0) * 4 * np.abs(grad_output).sum(axis=0) / (distance / 2))


def test_the_contract():
    z = np.indices((6, 4)).sum(axis=0) % 2  # no row and no column is constant
    for axis in (None, 0, 1, (0, 1)):
        forward, backward = partial(standardize, axis=axis), partial(standardize_backward, axis=axis)
        assert_contract(forward, backward, z)
        assert_complex_step(forward, backward, np.random.default_rng(1).normal(size=(6, 4)))


def test_no_mean_of_nothing():
    for shape, axis in (((0,), None), ((0, 3), 0), ((3, 0), None), ((2, 0, 3), (0, 1))):
        with pytest.raises(ValueError, match=r"z must have something to average over axes \(.*\), got shape"):
            standardize(np.ones(shape), axis=axis)
        with pytest.raises(ValueError, match=r"z must have something to average over axes \(.*\), got shape"):
            standardize_backward(np.ones(shape), np.ones(shape), axis=axis)


def test_no_means_of_something_are_fine():
    assert standardize(np.ones((0, 3)), axis=1).shape == (0, 3)
    assert standardize_backward(np.ones((0, 3)), np.ones((0, 3)), axis=1)[0].shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("value", [0, 0.1, -1 / 3, 1000])
@pytest.mark.parametrize("count", [1, 3, 1000])
def test_a_constant_has_no_spread_whatever_its_mean_rounds_to(dtype, value, count):
    z = np.full((count, 2), value, dtype)
    for axis in (0, None):
        with pytest.raises(ValueError, match="z must have a spread above the roundoff of its mean"):
            standardize(z, axis=axis)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_small_spread_far_from_zero_is_still_a_spread(dtype):
    steps = np.tile(np.array([-1, 1, 3], dtype), 100_000)
    z = dtype(1) + steps * 64 * np.finfo(dtype).eps
    bound = 0.5 / 64  # the mean is within half a unit in the last place, and the deviation is above 64 units
    assert_within(standardize(z), standardize(steps), bound)


def test_a_spread_lost_in_roundoff_is_refused_with_its_size():
    z = np.array([1.0, 1.0 + EPS])
    with pytest.raises(ValueError, match=r"got shape \(2,\) and, over axes \(0,\), a standard deviation of 1.11e-16 "):
        standardize(z)
    with pytest.raises(ValueError, match=r"beside a roundoff of 2\.22e-16"):
        standardize_backward(np.ones(2), z)
    for single in (3.0, mpf(3)):
        with pytest.raises(ValueError, match="spread"):
            standardize(single)
        with pytest.raises(ValueError, match="spread"):
            standardize_backward(1.0, single)
    with pytest.raises(TypeError, match="a Fraction has no sqrt"):
        standardize(Fraction(1, 2))
    with pytest.raises(ValueError, match=r"over axes \(0,\)"):  # the first column is constant
        standardize(np.array([[1.0, 2.0], [1.0, 3.0]]), axis=0)


def test_every_spelling_of_the_axes():
    z = np.random.default_rng(0).normal(size=(2, 3, 4))
    for axis in (1, -2, np.int8(1), np.array(1), [1], np.array([1])):
        assert np.array_equal(standardize(z, axis=axis), standardize(z, axis=(1,)))


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="axis: axis 2 is out of bounds for array of dimension 2"):
        standardize(np.eye(2), axis=2)
    with pytest.raises(ValueError, match="repeated axis in `axis` argument"):
        standardize(np.eye(2), axis=(0, -2))
    with pytest.raises(TypeError, match="z must hold numbers, got an array of NoneType"):
        standardize(None)
    with pytest.raises(TypeError, match=r"^z must hold numbers, got an array of NoneType"):
        standardize_backward(np.eye(2), None)
    for axis in (1.0, (0, None), [[0]], "01"):
        with pytest.raises(TypeError) as caught:
            standardize(np.eye(2), axis=axis)
        assert str(caught.value) == f"axis must be an integer, several of them or None, got {axis!r}"
    for shape in (2,), (1, 2), ():
        with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(2, 2\), got shape"):
            standardize_backward(np.ones(shape), np.eye(2))
