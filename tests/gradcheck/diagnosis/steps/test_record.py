"""Where the entries of inputs and outputs stand in a record, what it makes of them, and how much it takes."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.steps import jacobian as jacobians
from scratchcnn.gradcheck.diagnosis.steps import record as module
from scratchcnn.gradcheck.diagnosis.steps.jacobian import jacobian
from scratchcnn.gradcheck.diagnosis.steps.record import records


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def recorded(forward, *inputs, wrt=None):
    return next(records(forward, inputs, range(len(inputs)) if wrt is None else wrt))


X, W = drawn(2, 3), drawn(3, 2, seed=1)


def test_entries_of_inputs_come_first_and_constants_of_the_output_have_no_number():
    record = recorded(lambda x, w, c: np.append(np.sin(x[0]) * w[:, 0], [c[0], x[1, 2]]), X, W, np.ones(2), wrt=(0, 1))
    assert record.inputs[0].tolist() == [0, 1, 2, 3, 4, 5]
    assert record.inputs[1].tolist() == [6, 7, 8, 9, 10, 11]
    assert set(record.inputs) == {0, 1}
    assert record.outputs[3] == -1
    assert record.outputs[4] == 5
    assert record.outputs.shape == (5,)
    assert [nodes.size for nodes in record.numbers.values()] == [3, 3]


def test_a_cotangent_stands_at_the_outputs_and_is_added_up_where_one_comes_twice():
    record = recorded(lambda x: np.array([x[0, 1], x[0, 1], 7.0, x[1, 0]]), X)
    adjoint = record.adjoints(np.array([2.0, 3.0, 5.0, 11.0]), 2)
    assert adjoint.shape == (len(record.tape.parts), 2)
    expected = np.zeros((6, 2))
    expected[1], expected[3] = 5, 11
    np.testing.assert_array_equal(adjoint, expected)


def test_too_many_entries_are_not_looked_at(monkeypatch):
    monkeypatch.setattr(module, "MOST_NUMBERS", 11)
    seen = []

    def forward(x, w):
        seen.append(x)
        return x[0, 0] * w

    assert list(records(forward, (X, W), (0, 1))) == []
    assert seen == []
    assert list(records(forward, (X, W), (0,)))


@pytest.mark.parametrize(("most", "recorded"), [(1000, True), (30, False)])
def test_a_forward_that_makes_many_numbers_of_its_own_has_no_record(most, recorded, monkeypatch):
    monkeypatch.setattr(module, "MOST_OPERATIONS", most)
    found = records(lambda x: x + np.linspace(0, 1, 40).sum(), [np.ones(2)], [0])
    assert (next(found, None) is not None) is recorded


def test_a_forward_that_asks_for_what_balls_cannot_say_has_no_record():
    assert list(records(lambda x: np.fft.fft(x).real, (X,), (0,))) == []


def mixture(x, w):
    return np.tanh(x @ w) * x[:, :2] - 3 / np.exp(w[:2])


def test_a_jacobian_has_the_sizes_of_what_is_added_up():
    record = recorded(lambda x: np.array([x[0, 0] - 2 * x[0, 0] * x[0, 1] + x[1, 1], 4.0]), X)
    value, size = jacobian(record, 0)
    a, b = X[0, :2]
    np.testing.assert_allclose(value, [[1 - 2 * b, -2 * a, 0, 0, 1, 0], [0] * 6])
    np.testing.assert_allclose(size, [[1 + 2 * abs(b), 2 * abs(a), 0, 0, 1, 0], [0] * 6])
    again, _ = jacobian(record, 0)
    assert again is value
    assert jacobian(record, 1) is None


@pytest.mark.parametrize("spare", [0, 1])
def test_a_jacobian_that_takes_too_long_is_none(spare, monkeypatch):
    record = recorded(mixture, X, W)
    longest = max(record.layers.of.size, len(record.tape.parts)) * 4
    monkeypatch.setattr(jacobians, "MOST_PRODUCTS", longest - spare)
    assert (jacobian(record, 1) is None) == bool(spare)
    few = recorded(lambda x: x[0, :2] * 1.0, X)  # hardly any parts
    monkeypatch.setattr(jacobians, "MOST_PRODUCTS", len(few.tape.parts) * 2 - spare)
    assert (jacobian(few, 0) is None) == bool(spare)
