"""Derivatives along random directions: within their bounds, with the roundoff measured once for all points."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.budget import Budget, TooDear
from scratchcnn.gradcheck.diagnosis.estimates import STEPS
from scratchcnn.gradcheck.diagnosis.slopes import Noise, Slopes
from scratchcnn.gradcheck.effort import Timed

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
