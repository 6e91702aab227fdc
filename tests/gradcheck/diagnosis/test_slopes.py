"""Derivatives along random directions: within their bounds, with the roundoff measured once for all points."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.budget import Budget, TooDear
from scratchcnn.gradcheck.diagnosis.estimates import STEPS
from scratchcnn.gradcheck.diagnosis.slopes import COARSE, Noise, Slopes
from scratchcnn.gradcheck.effort import Timed
from scratchcnn.gradcheck.numerical.steps import units

OFFSET = 1e6


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def hidden(x, w):
    """Sums that lose digits, which nobody sees in the output."""
    return (OFFSET + np.sin(x @ w)) - OFFSET


def slopes_of(forward, inputs, calls=1000, noise=None):
    timed = Timed(forward)
    return Slopes(timed, inputs, Budget(timed, calls), noise or Noise()), timed


@pytest.mark.parametrize("index", [0, 1])
def test_a_derivative_lies_within_its_bound_at_further_points_too(index):
    noise = Noise()
    for seed in range(4):
        x, w = drawn(3, 4, seed=seed), drawn(4, 2, seed=10 + seed)
        slopes, _ = slopes_of(hidden, (x, w), noise=noise)
        moved = slopes.direction(index)
        truth = np.cos(x @ w) * (moved @ w if index == 0 else x @ moved)
        found = slopes.along(index)
        assert np.all(np.abs(found.value - truth) <= found.error)
        assert np.all(found.error < 1e-4)


def test_the_roundoff_is_measured_once():
    inputs, noise = (drawn(3, 4), drawn(4, 2, seed=1)), Noise()
    first, timed = slopes_of(hidden, inputs, noise=noise)
    first.along(0)
    before = timed.calls
    first.along(1)
    again, other = slopes_of(hidden, (drawn(3, 4, seed=2), inputs[1]), noise=noise)
    again.along(0)
    here = 1
    assert timed.calls - before == other.calls == here + 2 * len(STEPS)


def test_a_direction_without_some_entries_does_not_move_them():
    slopes, _ = slopes_of(lambda x: x**2, (drawn(3),))
    slopes.keep(0, np.array([True, False, True]))
    value = slopes.along(0).value
    assert value[1] == 0 < np.abs(value[[0, 2]]).min()


def test_what_cannot_be_afforded_is_not_begun():
    slopes, timed = slopes_of(hidden, (drawn(3, 4), drawn(4, 2)), calls=2 * len(STEPS) - 1)
    with pytest.raises(TooDear):
        slopes.along(0)
    with pytest.raises(TooDear):
        slopes.by_entries(0)
    assert timed.calls == 0


@pytest.mark.parametrize(("factor", "low", "high"), [(1.0, 0.0, 1e-6), (1.01, 1e-3, 0.05), (-1.0, 0.5, np.inf)])
def test_two_calls_show_how_far_a_gradient_is_off(factor, low, high):
    x, c = drawn(3, 4), drawn(3, 4, seed=1)
    slopes, timed = slopes_of(np.sin, (x,))
    assert low <= slopes.off(0, factor * c * np.cos(x), c) <= high
    assert timed.calls == 2
    assert slopes.off(0, c[0], c) == slopes.off(0, c, c[0]) == np.inf  # of other shapes


def test_derivatives_by_entries_lie_within_their_bounds():
    x, w = 1e3 * drawn(2, 3), 1e-3 * drawn(3, 2, seed=1)
    slopes, _ = slopes_of(hidden, (x, w))
    slope = np.cos(x @ w)
    truth = np.einsum("ik,ij,lk->ikjl", slope, np.eye(2), w).reshape(4, 6)
    found = slopes.by_entries(0)
    assert np.all(np.abs(found.value - truth) <= found.error)
    assert np.all(found.error < 1e-6)


def test_a_direction_has_parts_of_mixed_sign_and_of_no_two_equal_sizes():
    x = np.array([1e-3, 1.0, -1.0, 30.0, 30.0, -5e4] * 4)
    slopes, _ = slopes_of(np.sin, (x, x))
    parts = slopes.direction(0) / units(x)
    assert 0.5 <= np.abs(parts).min() < np.abs(parts).max() <= 1.5
    assert len(np.unique(np.abs(parts))) == x.size
    assert parts.min() < 0 < parts.max()
    assert not np.array_equal(slopes.direction(1), slopes.direction(0))
    np.testing.assert_array_equal(slopes.direction(1), slopes_of(np.cos, (x, x))[0].direction(1))


def writing(x, w):
    y = x * w
    x[...] = w[...] = 7
    return y


def test_a_forward_that_writes_into_its_inputs_has_the_same_derivatives():
    x, w = drawn(3), drawn(3, seed=1)
    slopes, _ = slopes_of(writing, (x, w))
    np.testing.assert_allclose(slopes.by_entries(0).value, np.diag(w), atol=1e-9)
    np.testing.assert_allclose(slopes.along(0).value, w * slopes.direction(0), atol=1e-9)
    np.testing.assert_allclose(slopes.along(1).value, x * slopes.direction(1), atol=1e-9)
    assert slopes.off(0, w, np.ones(3)) < 1e-6


def test_entries_that_are_left_out_of_the_direction_may_be_wrong():
    x = 1e3 * drawn(4)
    slopes, _ = slopes_of(np.square, (x,))
    slopes.keep(0, np.arange(4) != 1)
    assert slopes.off(0, np.where(np.arange(4) == 1, 0, 2 * x), np.ones(4)) < 1e-6
    assert slopes.off(0, 3 * x, np.ones(4)) > 0.1


def test_a_zero_gradient_is_off_by_nothing_or_by_all():
    slopes, _ = slopes_of(lambda x: 0 * x, (drawn(3),))
    assert slopes.off(0, np.zeros(3), np.ones(3)) == 0
    other, _ = slopes_of(np.sin, (drawn(3),))
    assert other.off(0, np.zeros(3), np.ones(3)) == np.inf


def test_another_forward_and_other_inputs_take_the_place_of_the_point():
    x, other = drawn(3), drawn(3, seed=1)
    slopes, timed = slopes_of(np.sin, (x,))
    c, d = drawn(3, seed=2), slopes.direction(0)
    assert slopes.off(0, c * np.cos(other), c, inputs=[other]) < 1e-6
    assert slopes.off(0, c * 2 * x, c, forward=np.square) < 1e-6
    assert slopes.off(0, c * np.cos(other), c, inputs=[other], size=COARSE) < 1e-6
    np.testing.assert_allclose(slopes.along(0, inputs=[other]).value, np.cos(other) * d, atol=1e-9)
    before = timed.calls
    np.testing.assert_allclose(slopes.along(0, forward=np.square).value, 2 * x * d, atol=1e-9)
    assert timed.calls == before


def test_two_calls_of_a_function_of_a_coarser_dtype_are_compared_in_float64():
    x, c = drawn(3), drawn(3, seed=1)
    slopes, _ = slopes_of(lambda x: (x * 4).astype(np.float32), (x,))
    assert slopes.off(0, 4 * c, c, size=COARSE) < 0.01
