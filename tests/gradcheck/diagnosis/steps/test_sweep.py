"""The gradients of a record with one step of it differentiated wrongly, and the steps that change nothing."""

from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.steps import sweep as sweeps
from scratchcnn.gradcheck.diagnosis.steps.idle import SHARE, without_idle
from scratchcnn.gradcheck.diagnosis.steps.record import records
from scratchcnn.gradcheck.diagnosis.steps.slips import SLIPS, Parts
from scratchcnn.gradcheck.diagnosis.steps.sweep import nothing, steps_of, swept
from scratchcnn.gradcheck.diagnosis.steps.tape import ALL, LEFT, RIGHT
from scratchcnn.gradcheck.diagnosis.steps.words import words


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def recorded(forward, *inputs, wrt=None):
    return next(records(forward, inputs, range(len(inputs)) if wrt is None else wrt))


X, W = drawn(2, 3), drawn(3, 2, seed=1)
TABLE = drawn(3, 3, seed=4)


def mixture(x, w):
    return np.tanh(x @ w) * x[:, :2] - 3 / np.exp(w[:2])


def brute_force(record, cotangent, steps, slip):
    """The gradient with some steps of a record differentiated wrongly, number by number from the end."""
    adjoint = record.adjoints(cotangent, 1)[:, 0]
    names = list(record.tape.steps)
    for number in reversed(range(len(adjoint))):
        for part in record.tape.parts[number]:
            factor = part.factor
            if part.step >= 0 and names[part.step] in steps:
                columns = np.array([part], float).T
                factor = Parts.of(columns).slips()[slip, 0]
            if adjoint[number] != 0:
                adjoint[part.of] += factor * adjoint[number]
    return adjoint


@pytest.mark.parametrize("at_once", [7, 500_000])
def test_each_gradient_of_a_sweep_has_one_step_wrong(at_once, monkeypatch):
    monkeypatch.setattr("scratchcnn.gradcheck.diagnosis.steps.layers.MOST_AT_ONCE", at_once)
    record, cotangent = recorded(mixture, X, W), drawn(2, 2, seed=2)
    found = swept(record, cotangent)
    assert len(found.steps) > 5
    for k, step in enumerate(found.steps):
        for slip in range(len(SLIPS)):
            with np.errstate(all="ignore"):
                truth = brute_force(record, cotangent, {step}, slip)
            for index, nodes in record.inputs.items():
                np.testing.assert_allclose(found.wrong[index][k, slip], truth[nodes], rtol=1e-9)
    right = brute_force(record, cotangent, set(), 0)
    for index, nodes in record.inputs.items():
        np.testing.assert_allclose(found.right[index], right[nodes])


def test_slips_that_have_no_value_are_no_reason_to_stop():
    record = recorded(lambda x: 0 * np.sin(0 * x) + x, X)
    with np.errstate(all="raise"):
        found = swept(record, np.ones(X.size))
    np.testing.assert_array_equal(found.right[0], np.ones(X.size))
    assert not np.isfinite(found.wrong[0]).all()


@pytest.mark.parametrize("name", ["MOST_HELD", "MOST_PRODUCTS"])
@pytest.mark.parametrize("spare", [0, 1])
def test_a_sweep_of_too_many_numbers_is_none(name, spare, monkeypatch):
    record = recorded(mixture, X, W)
    width = 1 + len(steps_of(record.tape)[0]) * len(SLIPS)
    needed = width * (len(record.tape.parts) if name == "MOST_HELD" else record.layers.of.size)
    monkeypatch.setattr(sweeps, name, needed - spare)
    assert (swept(record, drawn(2, 2)) is None) == bool(spare)


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def smooth(x):
    return np.tanh(x) ** 2


def powers(x):
    one = x @ TABLE
    return one, one @ TABLE


def beside_a_sum(x):
    y = 3 * x
    return 2 * np.where(y > 0, y, smooth(y).sum())  # from the tenth number on, a sum has parts that are of no step


def in_two_rounds(x):
    for n in range(2):
        x = np.sin(3 * x)
        if n == 0:
            x = leaky(x)
    return x


PARTLY = {
    "given back": (lambda x: leaky(x), {"`leaky(x)"}),
    "handed on": (lambda x: leaky(3 * x) * W.T, {"`leaky(3 * x)"}),
    "all changed": (lambda x: smooth(x) * W.T, set()),
    "changed, and used elsewhere": (lambda x: smooth(x) * x, set()),
    "handed on by a later step": (beside_a_sum, set()),
    "all that is handed on is made there": (lambda x: 2 * np.stack(powers(x)), set()),
    "all changed, and given back": (lambda x: smooth(x), set()),
    "handed on to a step of a round before": (in_two_rounds, {"`leaky(x)"}),
}


@pytest.mark.parametrize(("forward", "said"), PARTLY.values(), ids=PARTLY)
def test_a_call_that_hands_on_some_of_its_operands_is_known(forward, said):
    *_, record = records(forward, [drawn(4, 5) if forward is beside_a_sum else X], [0])
    found = swept(record, np.ones(record.outputs.size))
    assert len(record.tape.calls) == 1
    assert {words(found.steps[k]).step.partition("` ")[0] for k in found.partly} == said


def test_nothing_in_place_of_a_sweep_has_no_steps():
    none = nothing(1, 6)
    assert none.steps == ()
    np.testing.assert_array_equal(none.right[1], np.zeros(6))
    assert none.wrong[1].shape == (0, len(SLIPS), 6)


def test_the_operands_of_a_sum_are_one_step():
    record = recorded(lambda x: np.sin(x.sum()) * x[0, 0], X)
    steps, number_of = steps_of(record.tape)
    assert len(number_of) == len(record.tape.steps)
    assert len(steps) == len(set(steps)) < len(number_of)
    for step, number in zip(record.tape.steps, number_of, strict=True):
        one = steps[number]
        assert one.site == step.site
        assert one.operand == (ALL if words(step).step.startswith("`x.sum()`") else step.operand)


def shifted(x):
    power = np.exp(x - x.max(axis=-1, keepdims=True))
    return power / power.sum(axis=-1, keepdims=True)


def test_a_record_without_idle_steps_has_the_same_gradient_and_is_a_copy():
    record, cotangent = recorded(shifted, X), drawn(2, 3, seed=3)
    parts = [list(some) for some in record.tape.parts]
    found = swept(record, cotangent)
    lean = without_idle(record, found)
    assert sum(map(len, lean.tape.parts)) < sum(map(len, record.tape.parts))
    assert [list(some) for some in record.tape.parts] == parts
    np.testing.assert_allclose(swept(lean, cotangent).right[0], found.right[0], atol=1e-15)
    assert lean.inputs is record.inputs
    assert lean.outputs is record.outputs


def test_what_matters_to_one_of_several_inputs_is_not_idle():
    def forward(x, w):
        return x[:, :2] * (1 + w[:2] * 0) + np.sin(w[:2])

    record = recorded(forward, X, W)
    lean = without_idle(record, swept(record, drawn(2, 2)))
    dropped = {p.step for some in record.tape.parts for p in some} - {p.step for some in lean.tape.parts for p in some}
    said = {words(list(record.tape.steps)[n]).step.partition("` ")[0] for n in dropped}
    assert said == {"`w[:2] * 0", "`x[:, :2] * (1 + w[:2] * 0)"}
    assert SHARE < 2.0**-30


def test_without_a_sweep_or_a_gradient_nothing_is_idle():
    record = recorded(shifted, X)
    assert without_idle(record, None) is None
    assert without_idle(record, swept(record, np.zeros((2, 3)))) is None
    assert {LEFT, RIGHT} >= {step.operand for step in record.tape.steps} - {ALL}


@pytest.mark.parametrize("scale", [2.0**-60, 1.0, 2.0**60])
def test_what_is_idle_does_not_depend_on_the_scale_of_the_gradient(scale):
    record, cotangent = recorded(shifted, X), scale * drawn(2, 3, seed=3)
    lean = without_idle(record, swept(record, cotangent))
    dropped = sum(map(len, record.tape.parts)) - sum(map(len, lean.tape.parts))
    assert dropped == X.size  # of each difference, the largest entry


def test_an_input_without_entries_or_without_a_part_in_the_output_hides_nothing_idle():
    def forward(x, unused, empty):
        return 0 * np.sin(x) + np.cos(x)

    record = recorded(forward, X, W, np.zeros((0, 2)))
    lean = without_idle(record, swept(record, drawn(2, 3)))
    steps = list(record.tape.steps)
    left = {words(steps[p.step]).step.partition("` ")[0] for some in lean.tape.parts for p in some}
    assert left == {"`np.cos(x)", "`0 * np.sin(x) + np.cos(x)"}


def test_infinite_gradients_are_not_idle_and_warn_of_nothing():
    record = recorded(shifted, X)
    found = swept(record, drawn(2, 3))
    right, wrong = (np.full_like(each[0], np.inf) for each in (found.right, found.wrong))
    endless = replace(found, right={0: right}, wrong={0: wrong})
    assert without_idle(record, endless) is None
