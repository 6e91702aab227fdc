"""Statements that were copied from those of another layer, whose variables they still have."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.edits.copies import of_another_layer, other_layers
from tests.gradcheck.diagnosis.edits.made import expression, told


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    """A change that `tests.mutation` makes would go unseen where the readings of an expression are known already."""
    of_another_layer.cache_clear()


def test_a_whole_expression_may_have_the_names_of_another_layer():
    site, seen = expression("x0 + y0"), told(np.ones(2))
    (change,) = other_layers(site, seen)
    assert (change.kind, change.said) == ("operand", "`x1 + y1` in place of `x0 + y0`")
    assert list(other_layers(expression("x0 + y0", around="2 * (x0 + y0)"), seen)) == []
    assert list(other_layers(site, told("text"))) == []


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("d * (1 - h2**2) @ W2.T", ["d * (1 - h1**2) @ W1.T", "d * (1 - h3**2) @ W3.T"]),
        ("c['h_2'] * self.s_2 - a1", ["c['h_1'] * self.s_1 - a1", "c['h_3'] * self.s_3 - a1"]),
        ("x0 + y0", ["x1 + y1"]),
        ("x9 + y9", ["x8 + y8"]),
        ("a1 * b2", []),
        ("h2 * h2", []),
        ("W10 @ h10 + 2 * x", []),
        ("no expression", []),
    ],
)
def test_several_names_that_end_in_a_number_may_be_those_of_the_layer_beside(text, others):
    assert [reading.text for reading in of_another_layer(text)] == others


def two_layers(x, W1, W2):
    return np.tanh(np.tanh(x @ W1) @ W2)


def copied_backward(g, x, W1, W2):
    h1 = np.tanh(x @ W1)
    h2 = np.tanh(h1 @ W2)
    d2 = g * (1 - h2**2)
    d1 = d2 @ W2.T * (1 - h1**2)
    return d2 @ W2.T, x.T @ d1, h1.T @ d2


def test_a_statement_that_was_copied_is_named():
    rng = np.random.default_rng(0)
    x, W1, W2 = (rng.normal(size=(3, 3)) for _ in range(3))
    (first, *_) = check_gradient(two_layers, copied_backward, x, W1, W2).diagnoses
    assert first.message.startswith("right with `d1 @ W1.T` in place of `d2 @ W2.T`")
    assert first.input == "x"
