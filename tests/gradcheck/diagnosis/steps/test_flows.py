"""What flows back to an expression of forward, found by its values, in whatever order they stand."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.steps import flows as module
from scratchcnn.gradcheck.diagnosis.steps.flows import adjoints, flows, own_parts
from scratchcnn.gradcheck.diagnosis.steps.record import records


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


X, G = drawn(2, 3), drawn(2, 3, seed=1)


def forward(x):
    power = np.exp(x)
    return np.tanh(power * 3)


def recorded(function=forward, *inputs):
    return next(records(function, inputs or (X,), range(max(1, len(inputs)))))


POWER = np.exp(X)
BACK = 3 * G * (1 - np.tanh(3 * POWER) ** 2)  # to `power`


@pytest.mark.parametrize(
    "moved", [lambda a: a, np.transpose, np.ravel, np.flipud, lambda a: a.T[::-1], lambda a: a[None]]
)
def test_what_flows_back_to_a_value_stands_in_its_order(moved):
    flow = flows(recorded(), G, {"power": moved(POWER)})["power"]
    np.testing.assert_allclose(flow.adjoint, moved(BACK))
    assert flow.adjoint.shape == moved(POWER).shape
    record = recorded()
    np.testing.assert_allclose([record.tape.results[k] for k in flow.nodes], moved(POWER).reshape(-1))


def test_values_are_compared_to_roundoff():
    near = 1e-10 * POWER.max()
    assert set(flows(recorded(), G, {"near": POWER + near, "far": POWER + 100 * near, "minus": -POWER})) == {"near"}
    moved = {"near": POWER.T - near, "far": POWER.T - 100 * near, "minus": -POWER.T}
    assert set(flows(recorded(), G, moved)) == {"near"}
    assert set(flows(recorded(lambda x: np.exp(x) * 0 + x), G, {"zeros": np.zeros((2, 3))})) == {"zeros"}
    tiny = drawn(2, 3) * 2.0**-40
    other = tiny + 2.0**-41
    assert flows(recorded(lambda x: np.sin(x) * 2, tiny), G, {"other": np.sin(other)}) == {}


def test_of_equal_values_only_the_order_of_the_record_is_known():
    x = np.array([1.0, 2.0, 1.0])
    record, g = recorded(lambda x: np.exp(x) * 3, x), drawn(3)
    found = flows(record, g, {"as it is": np.exp(x), "turned": np.exp(x[[1, 0, 2]])})
    assert set(found) == {"as it is"}
    np.testing.assert_allclose(found["as it is"].adjoint, 3 * g)


def test_a_value_of_another_size_or_that_nothing_depends_on_is_not_found():
    assert flows(recorded(), G, {"row": POWER[0], "twice": np.array([POWER, POWER])}) == {}


def test_the_values_of_all_rounds_of_a_loop_are_one_expression():
    def loop(x):
        for _ in range(3):
            y = np.sin(x)
            x = 2 * y
        return x

    first = np.sin(X)
    second = np.sin(2 * first)
    flow = flows(recorded(loop), G, {"y": np.array([first, second, np.sin(2 * second)])})["y"]
    np.testing.assert_allclose(flow.adjoint[2], 2 * G)
    np.testing.assert_allclose(flow.adjoint[1], 4 * G * np.cos(2 * second))
    np.testing.assert_allclose(flow.adjoint[0], 8 * G * np.cos(2 * second) * np.cos(2 * first))


def test_adjoints_are_the_derivative_by_each_number():
    record = recorded(lambda x: np.exp(x).sum() * x[0, 0])
    found = adjoints(record, np.array(2.0))
    truth = 2 * np.exp(X) * X[0, 0]
    truth[0, 0] += 2 * np.exp(X).sum()
    np.testing.assert_allclose(found[record.inputs[0]].reshape(2, 3), truth)
    constant = np.isclose(np.array(record.tape.results)[:, None], np.exp(X).reshape(-1)).any(axis=1)
    assert constant.sum() == 6
    held = adjoints(record, np.array(2.0), constant)[record.inputs[0]]
    np.testing.assert_allclose(held, [2 * np.exp(X).sum(), 0, 0, 0, 0, 0])


def mixed(x):
    power = np.exp(x)
    share = power / power.sum(axis=1, keepdims=True)
    return np.sin(share)


def test_the_own_part_is_the_diagonal_of_the_jacobian_of_what_comes_later():
    record = recorded(mixed)
    total = np.exp(X).sum(axis=1, keepdims=True)
    share = np.exp(X) / total
    found = flows(record, G, {"power": np.exp(X), "share": share})
    diagonal = 1 / total - np.exp(X) / total**2
    np.testing.assert_allclose(own_parts(record, found["power"], found["share"]), G * np.cos(share) * diagonal)
    assert own_parts(record, found["share"], found["power"]) is None


@pytest.mark.parametrize("spare", [0, 1])
def test_the_own_part_is_not_sought_for_long(spare, monkeypatch):
    record = recorded(mixed)
    share = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    found = flows(record, G, {"power": np.exp(X), "share": share})
    length = (found["share"].nodes.max() - found["power"].nodes.min()) * 6
    monkeypatch.setattr(module, "MOST_NUMBERS", int(length) - spare)
    assert (own_parts(record, found["power"], found["share"]) is None) == bool(spare)
