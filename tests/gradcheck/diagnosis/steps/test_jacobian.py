"""The derivatives of a record: by sweeps through it, back and on, and the whole Jacobian."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.steps.jacobian import gradients, jacobian, slopes
from scratchcnn.gradcheck.diagnosis.steps.record import records


def forward(x, w):
    return np.vstack([np.tanh(x @ w) - x @ w, np.ones(2)])


@pytest.fixture
def record():
    rng = np.random.default_rng(0)
    return next(records(forward, [rng.normal(size=(3, 4)), rng.normal(size=(4, 2))], (0, 1)))


@pytest.mark.parametrize("index", [0, 1])
def test_sweeps_are_products_with_the_jacobian(record, index):
    rng = np.random.default_rng(1)
    value, size = jacobian(record, index)
    cotangent, direction = rng.normal(size=(4, 2)), rng.normal(size=value.shape[1])
    gradient, of_gradient = gradients(record, cotangent)[index]
    slope, of_slope = slopes(record, index, direction)
    np.testing.assert_allclose(gradient, cotangent.reshape(-1) @ value, atol=1e-13)
    np.testing.assert_allclose(of_gradient, np.abs(cotangent).reshape(-1) @ size, rtol=1e-13)
    np.testing.assert_allclose(slope, value @ direction, atol=1e-13)
    np.testing.assert_allclose(of_slope, size @ np.abs(direction), rtol=1e-13)
    assert (of_gradient >= np.abs(gradient)).all()
    np.testing.assert_array_equal([slope[-2:], of_slope[-2:]], 0)  # outputs that are constants


def test_an_entry_of_the_input_may_be_an_output():
    x, direction = np.array([1.0, 2.0]), np.array([3.0, -5.0])
    record = next(records(lambda x: x, [x], (0,)))
    np.testing.assert_array_equal(slopes(record, 0, direction), [direction, np.abs(direction)])
    np.testing.assert_array_equal(gradients(record, direction)[0], [direction, np.abs(direction)])


def test_what_is_too_large_is_infinite_without_a_warning(record):
    record.layers.factor[:] = 1e300
    assert not np.isfinite(gradients(record, np.ones((4, 2)))[0][1]).all()
    assert not np.isfinite(slopes(record, 0, np.ones(12))[1]).all()
    assert not np.isfinite(jacobian(record, 0)[1]).all()
