"""Backwards that take a whole expression of forward for a constant, or that end there."""

import re

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.steps import expressions as module
from scratchcnn.gradcheck.diagnosis.steps.expressions import of_an_expression, without_an_expression
from scratchcnn.gradcheck.diagnosis.steps.record import records
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


def test_of_too_many_numbers_nothing_is_said(monkeypatch):
    record = recorded(lens, drawn(2, 3))
    assert module._without(record, np.ones((2, 3)), 0)
    monkeypatch.setattr(module, "MOST_HELD", len(record.tape.parts))
    assert module._without(record, np.ones((2, 3)), 0) == {}


def test_without_a_record_nothing_is_said():
    scene = scene_of(lambda x: np.fft.fft(x).real, lambda g, x: g, drawn(4))
    assert [*of_an_expression(scene, 0), *without_an_expression(scene, 0)] == []
