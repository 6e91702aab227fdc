"""The derivative along a direction that moves many entries at once."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.directional import DIRECTION_STEPS, directional_derivative, moved_along
from scratchcnn.gradcheck.numerical.noise import measure_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Line, Probe

X, C = np.array([0.3, -1.7, 2.5]), np.array([1.5, -0.75])
DIRECTION = np.array([1.0, -2.0, 0.5])


def matrix(x):
    return np.array([np.sin(x[0]) * x[1], np.exp(x[2]) + x[0] * x[1]])


def along(function, direction=DIRECTION, cotangent=C):
    probe = Probe(function, [X], 0)
    noise = measure_noise(probe, np.random.default_rng(0))
    y = moved_along(Line(probe, slice(None), direction))
    return directional_derivative(Contraction(probe, cotangent, noise), y)


def test_all_entries_move_together_to_the_left_and_right():
    y = moved_along(Line(Probe(lambda x: x, [X], 0), slice(None), DIRECTION))
    assert y.shape == (len(DIRECTION_STEPS), 2, 1, 3)
    wide = Probe(lambda x: x, [X], 0, np.longdouble)
    assert moved_along(Line(wide, slice(None), DIRECTION.astype(np.longdouble))).dtype == np.longdouble
    for side, sign in ((0, -1), (1, 1)):
        assert np.array_equal(y[:, side, 0], X + sign * DIRECTION_STEPS[:, None] * DIRECTION)


def test_the_value_is_within_its_bound_and_the_tiny_step_agrees():
    value, bound, agrees = along(matrix)
    jacobian = np.array([[np.cos(X[0]) * X[1], np.sin(X[0]), 0], [X[1], X[0], np.exp(X[2])]])
    assert agrees is True
    assert abs(value - C @ jacobian @ DIRECTION) <= bound < 1e-9
    assert (type(value), type(bound)) == (float, float)


def test_a_kink_at_the_point_does_not_agree():
    assert not along(lambda x: np.array([np.abs(x - X).sum(), x[0]]))[2]


def test_along_an_opposite_direction_the_derivative_has_the_opposite_sign():
    assert along(matrix, -DIRECTION)[0] == pytest.approx(-along(matrix)[0], rel=1e-9)
