"""Steps of forward that change nothing: backward takes them for constants, and another mistake is seen without them."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.steps.idle import without_idle
from scratchcnn.gradcheck.diagnosis.steps.record import records
from scratchcnn.gradcheck.diagnosis.steps.sweep import swept


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def softmax(x):
    power = np.exp(x - x.max(axis=-1, keepdims=True))
    return power / power.sum(axis=-1, keepdims=True)


def attention(x, v):
    return softmax(x @ x.T) @ v


def attention_backward(g, x, v):
    share = softmax(x @ x.T)
    d = share * (g @ v.T)  # without what the normalizer contributes
    return d @ x + d.T @ x, share.T @ g


def test_a_normalizer_taken_for_a_constant_is_named_where_the_largest_entry_is_subtracted():
    (diagnosis,) = check_gradient(attention, attention_backward, drawn(4, 3), drawn(4, 2, seed=1)).diagnoses
    assert diagnosis.kind == "missing-term"
    assert "`power.sum(axis=-1, keepdims=True)`" in diagnosis.message
    assert "taken for a constant" in diagnosis.message


@pytest.mark.parametrize(("forward", "idle"), [(softmax, True), (lambda x: np.exp(x) / np.exp(x).sum(), False)])
def test_only_steps_that_contribute_nothing_are_idle(forward, idle):
    record, cotangent = next(records(forward, (drawn(3, 4),), (0,))), drawn(3, 4, seed=1)
    found = swept(record, cotangent)
    lean = without_idle(record, found)
    assert (lean is not None) == idle
    if lean is not None:
        np.testing.assert_allclose(swept(lean, cotangent).right[0], found.right[0], rtol=0, atol=1e-14)
