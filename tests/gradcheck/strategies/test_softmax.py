"""Calls of attentions and of losses: what hides a mistake varies, and right gradients are right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck import assert_gradient
from scratchcnn.gradcheck.strategies import attentions, classifications, temperatures
from tests.gradcheck.strategies.draws import drawn

TARGETS = ["indices", "one-hot", "distributions"]


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(case):
    """Forward and backward of `softmax(query keyᵀ / temperature, where the mask is True) value`."""
    temperature = case.options.get("temperature", 1.0)

    def weights(query, key):
        scores = query @ key.swapaxes(-1, -2) / temperature
        return softmax(scores if case.mask is None else np.where(case.mask, scores, -np.inf))

    def forward(query, key, value):
        return weights(query, key) @ value

    def backward(g, query, key, value):
        w = weights(query, key)
        h = g @ value.swapaxes(-1, -2)
        of_scores = w * (h - (w * h).sum(axis=-1, keepdims=True)) / temperature
        return of_scores @ key, of_scores.swapaxes(-1, -2) @ query, w.swapaxes(-1, -2) @ g

    return forward, backward


@given(attentions(heads=st.booleans(), temperature=temperatures()))
def test_an_attention_is_right(case):
    assert_gradient(*attention(case), *case.inputs)


ATTENTIONS = {
    "one sample": lambda case: len(case.query) == 1,
    "several samples": lambda case: len(case.query) > 1,
    "as many queries as keys": lambda case: case.query.shape[-2] == case.key.shape[-2] > 1,
    "fewer": lambda case: case.query.shape[-2] < case.key.shape[-2],
    "more": lambda case: case.query.shape[-2] > case.key.shape[-2],
    "values as long as keys": lambda case: case.value.shape[-1] == case.key.shape[-1] > 1,
    "values of another length": lambda case: case.value.shape[-1] != case.key.shape[-1],
    "no heads": lambda case: case.query.ndim == 3,
    "several heads, another number than samples": lambda case: (
        case.query.ndim == 4 and case.query.shape[1] > 1 != case.query.shape[0]
    ),
    "no mask": lambda case: case.mask is None,
    "a mask": lambda case: case.mask is not None and not case.mask.all(),
    "temperature 1": lambda case: case.temperature == 1,
    "another temperature": lambda case: case.temperature != 1,
}


@pytest.fixture(scope="module")
def some_attentions():
    return drawn(attentions(heads=st.booleans(), temperature=temperatures()))


@pytest.mark.parametrize("condition", ATTENTIONS.values(), ids=ATTENTIONS)
def test_an_attention_has(some_attentions, condition):
    assert any(map(condition, some_attentions))


@given(attentions(mask=False, dtype=np.float32))
def test_an_option_that_was_not_asked_for_is_left_out(case):
    assert case.options == {"mask": None}
    assert {a.dtype for a in case.inputs} == {np.dtype(np.float32)}


def cross_entropy(case):
    """Forward and backward of `-Σ weights targets log softmax(logits / temperature) / N`."""
    temperature = case.options.get("temperature", 1.0)
    weights = case.options.get("weights", np.ones(case.logits.shape[1]))
    n = len(case.logits)

    def shares(targets):
        return (targets if targets.ndim == 2 else np.eye(len(weights))[targets]) * weights / n

    def forward(logits, targets):
        return -(shares(targets) * np.log(softmax(logits / temperature))).sum()

    def backward(g, logits, targets):
        p, t = softmax(logits / temperature), shares(targets)
        grad_logits = g * (p * t.sum(axis=-1, keepdims=True) - t) / temperature
        return grad_logits, (-g * weights * np.log(p) / n if targets.ndim == 2 else None)

    return forward, backward


@pytest.mark.parametrize("targets", TARGETS)
@given(data=st.data())
def test_a_loss_is_right(targets, data):
    case = data.draw(classifications(targets, weights=True, temperature=temperatures()))
    assert_gradient(*cross_entropy(case), *case.inputs)


LOSSES = {
    "one sample": lambda case: len(case.logits) == 1,
    "several samples": lambda case: len(case.logits) > 1,
    "as many samples as classes": lambda case: case.logits.shape[0] == case.logits.shape[1],
    "two classes": lambda case: case.logits.shape[1] == 2,
    "several classes": lambda case: case.logits.shape[1] > 2,
    "equal weights": lambda case: (case.weights == 1).all(),
    "other weights": lambda case: len(set(case.weights)) > 1,
    "temperature 1": lambda case: case.temperature == 1,
    "another temperature": lambda case: case.temperature != 1,
}


@pytest.fixture(scope="module")
def some_classifications():
    return {targets: drawn(classifications(targets, weights=True, temperature=temperatures())) for targets in TARGETS}


@pytest.mark.parametrize("condition", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("targets", TARGETS)
def test_a_loss_has(some_classifications, targets, condition):
    assert any(map(condition, some_classifications[targets]))


@given(classifications("one-hot", dtype=np.float32))
def test_a_loss_without_options(case):
    assert case.options == {}
    assert case.targets.dtype == case.logits.dtype == np.float32


def test_another_form_of_targets_is_refused():
    with pytest.raises(ValueError, match="targets must be one of 'indices', 'one-hot', 'distributions'; got 'labels'"):
        classifications("labels")
