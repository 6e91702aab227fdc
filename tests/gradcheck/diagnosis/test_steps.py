"""A record of forward, the gradients of wrong steps, and what is said of them."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient, numerical_gradient
from scratchcnn.gradcheck.diagnosis.steps.jacobian import jacobian
from scratchcnn.gradcheck.diagnosis.steps.record import records
from scratchcnn.gradcheck.diagnosis.steps.slips import CONSTANT, SLIPS
from scratchcnn.gradcheck.diagnosis.steps.sweep import swept
from scratchcnn.gradcheck.diagnosis.steps.tape import ALL
from scratchcnn.gradcheck.diagnosis.steps.words import words
from tests.gradcheck.diagnosis.hidden import hidden


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def standardized(x):
    centred = x - x.mean(axis=0)
    return centred / np.sqrt((centred * centred).mean(axis=0))


def recurrent(x, w):
    state = np.zeros_like(x[0])
    for row in x:
        state = np.tanh(row + state @ w)
    return state


FORWARDS = {
    "helper": (lambda x: x * sigmoid(x), (drawn(4),)),
    "product": (lambda x, w: np.tanh(x @ w), (drawn(3, 4), drawn(4, 2, seed=1))),
    "branches": (lambda x: np.where(x > 0, x, np.exp(x) - 1), (drawn(3, 2),)),
    "norm": (standardized, (drawn(5, 2),)),
    "loop": (recurrent, (drawn(3, 2), drawn(2, 2, seed=1))),
    "one number": (lambda x: np.log(np.exp(x).sum()), (drawn(2, 3),)),
    "an input twice": (lambda x: x @ x, (drawn(3, 3),)),
}


@pytest.mark.parametrize(("forward", "inputs"), FORWARDS.values(), ids=FORWARDS)
def test_a_record_has_the_true_gradient_at_every_depth(forward, inputs):
    cotangent = drawn(*np.shape(forward(*inputs)), seed=2)
    made = list(records(forward, inputs, range(len(inputs))))
    assert made
    for record in made:
        found = swept(record, cotangent)
        for k, x in enumerate(inputs):
            truth = numerical_gradient(forward, inputs, k, cotangent)
            assert np.all(np.abs(found.right[k].reshape(x.shape) - truth.value) <= truth.bound + 1e-14)
            value, size = jacobian(record, k)
            assert np.all(np.abs(cotangent.reshape(-1) @ value - truth.value.reshape(-1)) <= 1e-12)
            assert np.all(np.abs(value) <= size + 1e-15)


def test_a_forward_that_does_not_run_on_balls_has_no_record():
    assert list(records(lambda x: np.fft.fft(x).real, (drawn(4),), (0,))) == []


def test_a_helper_is_one_step_at_the_least_depth():
    most, *_, least = records(FORWARDS["helper"][0], FORWARDS["helper"][1], (0,))
    assert any("np.exp(-x)" in words(step).step for step in most.tape.steps if words(step))
    assert not any("np.exp" in words(step).step for step in least.tape.steps if words(step))


def test_an_operand_taken_for_a_constant_passes_nothing_back():
    record = next(records(lambda x: x * np.exp(x), (np.array([2.0, 3.0]),), (0,)))
    found = swept(record, np.ones(2))
    said = {(words(step).operand, CONSTANT): found.wrong[0][k, CONSTANT] for k, step in enumerate(found.steps)}
    assert SLIPS[CONSTANT].kind == "missing-term"
    np.testing.assert_allclose(said["`x`", CONSTANT], [2 * np.exp(2), 3 * np.exp(3)])  # of x * exp(x), without x


def test_a_method_is_of_its_object_and_not_of_its_axis():
    found = swept(next(records(lambda x: (x * x).sum(0) + np.sum(x, 0), (drawn(3, 2),), (0,))), np.ones(2))
    said = {words(step).operand for step in found.steps if "sum" in words(step).step}
    assert said >= {"`x * x`", "`x`"}
    assert "`0`" not in said


def test_the_numbers_of_a_sum_are_one_step():
    found = swept(next(records(lambda x: np.sin(x.sum()), (drawn(5),), (0,))), np.ones(()))
    assert [step.operand for step in found.steps if words(step).step.startswith("`x.sum()`")] == [ALL]


def test_what_calls_the_check_is_no_part_of_forward():
    (record,) = records(lambda x: np.sin(x), (drawn(2),), (0,))  # this test is in the same file
    assert {len(step.site) for step in record.tape.steps} == {1}


def gated(x, w):
    return np.tanh(x @ w) * sigmoid(x)


def wrong(slope=lambda t: 1 - t * t, back=lambda d, w: d @ w.T, gate=lambda s: s * (1 - s), first=True, sign=1):
    """The backward pass of `gated` with other parts."""

    def backward(g, x, w):
        t, s = np.tanh(x @ w), sigmoid(x)
        d = g * s * slope(t)
        return first * back(d, w) + sign * g * t * gate(s), x.T @ d

    return hidden(backward)


MISTAKES = {
    "at the output": (wrong(slope=lambda t: 1 - np.tanh(t) ** 2), "operand", "the derivative of `np.tanh(x @ w)`"),
    "slope of the sigmoid": (wrong(slope=lambda t: t * (1 - t)), "operand", "y (1 - y), y the result, in place of"),
    "no slope": (wrong(slope=np.ones_like), "missing-factor", "without the derivative of `np.tanh(x @ w)`"),
    "not transposed": (wrong(back=lambda d, w: d @ w), "transposed", "`w` not transposed on the way"),
    "left out": (wrong(back=lambda d, w: d), "missing-factor", "without the factor `w` on the way"),
    "constant": (wrong(first=False), "missing-term", "taken for a constant"),
    "gate without slope": (wrong(gate=lambda s: 1), "missing-factor", "without the derivative of `sigmoid(x)`"),
    "minus": (wrong(sign=-1), "sign", "with the wrong sign where `np.tanh(x @ w) * sigmoid(x)`"),
    "half": (wrong(gate=lambda s: 0.5 * s * (1 - s)), "constant-factor", "with 1/2 times what flows back to"),
    "squared": (wrong(gate=lambda s: (s * (1 - s)) ** 2), "missing-factor", "counted twice"),
    "root": (wrong(gate=lambda s: np.sqrt(s * (1 - s))), "operand", "the square root of d in place of d"),
}  # fmt: skip


@pytest.mark.parametrize(("backward", "kind", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_step_is_named_with_its_line(backward, kind, said):
    report = check_gradient(gated, backward, drawn(4, 4), drawn(4, 4, seed=1))
    first = next(d for d in report.diagnoses if d.input == "x")
    assert first.kind == kind
    assert said in first.message
    assert "(test_steps.py:" in first.message


def test_a_right_gradient_is_not_diagnosed():
    assert check_gradient(gated, wrong(), drawn(4, 4), drawn(4, 4, seed=1)).diagnoses == ()


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def through_leaky(x, w):
    return leaky(x @ w)


def through_leaky_backward(g, x, w):
    d = g * np.where(x @ w > 0, 1, 0.1)
    return d @ w.T, x.T @ d


def test_a_call_that_hands_on_some_of_its_operand_is_no_step():
    """Of some numbers it changes nothing: what flows back to its operand is right there."""
    report = check_gradient(through_leaky, hidden(through_leaky_backward), drawn(3, 4), drawn(4, 2, seed=1))
    for cause in report.diagnoses[:2]:
        assert "leaky(" not in cause.message
    first = report.diagnoses[0].message
    assert first.startswith("the true one with 10 times what flows back to `x` in `0.01 * x` (test_steps.py:")
