"""Backwards that take a whole expression of forward for a constant, or that end there."""

import re

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.steps import expressions as module
from scratchcnn.gradcheck.diagnosis.steps.expressions import of_an_expression, without_an_expression
from scratchcnn.gradcheck.diagnosis.steps.record import records
from scratchcnn.gradcheck.diagnosis.steps.tape import ALL, LEFT, RIGHT, Step
from scratchcnn.gradcheck.diagnosis.steps.words import words
from tests.gradcheck.diagnosis.claims import scene_of


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def softmax(w):
    e = np.exp(w - w.max())
    return e / e.sum()


def weighed(w, x):
    return x @ softmax(w)


def weighed_backward(g, w, x):
    dp = x.T @ g
    return dp, np.outer(g, softmax(w))


def lens(x):
    r = x[0] * x[0] + x[1] * x[1]
    d = 1 + 0.3 * r + 0.1 * r**2
    return np.stack([d * x[0], d * x[1]])


def lens_backward(g, x):
    r = x[0] * x[0] + x[1] * x[1]
    return (1 + 0.3 * r + 0.1 * r**2) * g


def similar(x, w):
    s = x @ x.T
    return np.tanh(s) * np.sin(x) + s * w


def similar_backward(g, x, w):
    return g * np.tanh(x @ x.T) * np.cos(x), g * (x @ x.T)


def first(forward, backward, *inputs):
    report = check_gradient(forward, backward, *inputs)
    return report.diagnoses[0].kind, re.sub(r" \(test_expressions.py:\d+\)| \(at .*", "", report.diagnoses[0].message)


def test_a_backward_that_ends_at_an_expression():
    assert first(weighed, weighed_backward, drawn(3), drawn(4, 3, seed=1)) == (
        "missing-factor",
        "what flows back to `e / e.sum()`: the way back from there to w is missing",
    )


@pytest.mark.parametrize(
    ("forward", "backward", "inputs", "said"),
    [
        (lens, lens_backward, (drawn(2, 3),), "`1 + 0.3 * r + 0.1 * r**2`"),
        (similar, similar_backward, (drawn(3, 3), drawn(3, 3, seed=1)), "`x @ x.T`"),
    ],
)
def test_what_several_steps_use_is_taken_for_a_constant(forward, backward, inputs, said):
    assert first(forward, backward, *inputs) == ("missing-term", f"the true one with {said} taken for a constant")


def recorded(function, *inputs):
    return next(records(function, inputs, range(len(inputs))))


def test_the_output_is_no_constant_and_the_operands_of_a_sum_are_a_step():
    record = recorded(lambda x: (x * np.exp(x)).sum() * (x[0] * x[1]), drawn(3))
    assert len(module._without(record, np.ones(()), 0)) == 2
    assert module._without(recorded(lambda x: x * np.exp(x), drawn(3)), np.ones(3), 0) == {}


def test_what_has_a_single_operand_is_a_step_and_no_constant():
    record = recorded(lambda x: np.sin(np.exp(x)) * 2 * x + np.tanh(x * 3), drawn(3))
    assert [words(Step(site, LEFT)).operand for site in module._without(record, np.ones(3), 0)] == [
        "`np.sin(np.exp(x)) * 2`"
    ]


def test_a_call_that_is_a_step_as_a_whole_is_no_operation_on_two_operands():
    *_, record = records(lambda x: softmax(x * np.exp(x)) * 2, (drawn(3),), (0,))
    assert {step.operand for step in record.tape.steps} == {LEFT, RIGHT, ALL}
    sites = module._without(record, np.ones(3), 0)
    assert [words(Step(site, LEFT)).step.partition(" (")[0] for site in sites] == ["`x * np.exp(x)`"]


def test_a_derivative_that_overflows_is_nothing_to_warn_of():
    record = recorded(lambda x: x * np.exp(x) * 1e200 * 1e200, drawn(2))
    (gradient,) = module._without(record, np.ones(2), 0).values()
    assert not gradient.any()


def test_of_too_many_numbers_nothing_is_said(monkeypatch):
    record = recorded(lens, drawn(2, 3))
    needed = len(module._without(record, np.ones((2, 3)), 0)) * len(record.tape.parts)
    monkeypatch.setattr(module, "MOST_HELD", needed)
    assert module._without(record, np.ones((2, 3)), 0)
    monkeypatch.setattr(module, "MOST_HELD", needed - 1)
    assert module._without(record, np.ones((2, 3)), 0) == {}


FAMILIES = {
    "ends there": (of_an_expression, weighed, weighed_backward, (drawn(3), drawn(4, 3, seed=1))),
    "a constant": (without_an_expression, lens, lens_backward, (drawn(2, 3),)),
}


@pytest.mark.parametrize(("family", "forward", "backward", "inputs"), FAMILIES.values(), ids=FAMILIES)
def test_only_what_is_so_is_said_of_an_expression_inside_forward(family, forward, backward, inputs):
    def opaque(*arrays):
        if any(type(array) is not np.ndarray for array in arrays):
            raise TypeError("floats only")
        return forward(*arrays)

    scene = scene_of(forward, backward, *inputs)
    claims = list(family(scene, 0))
    assert claims
    assert all(claim.inside and claim.holds(scene) for claim in claims)
    right = scene_of(forward, lambda *a: scene.truth(0).value, *inputs)
    assert not any(claim.holds(right) for claim in claims)
    unrecorded = scene_of(opaque, backward, *inputs)
    assert unrecorded.record is None
    assert not any(claim.holds(unrecorded) for claim in claims)


def test_without_a_record_nothing_is_said():
    scene = scene_of(lambda x: np.fft.fft(x).real, lambda g, x: g, drawn(4))
    assert [*of_an_expression(scene, 0), *without_an_expression(scene, 0)] == []
