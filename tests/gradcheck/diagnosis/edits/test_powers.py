"""The exponent that the derivative of a power has as a factor."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.edits.places import FACTOR, INDEX, LIMIT
from scratchcnn.gradcheck.diagnosis.edits.powers import powers
from tests.gradcheck.diagnosis.edits.made import expression, made, told

V = np.array([1.5, 2.0])


def tried(text, forward, value=V, role=FACTOR):
    """What is tried in place of an expression, where forward computes another."""
    look = None if forward is None else SimpleNamespace(forward_sites=[(expression(forward), None)])
    found = made(powers(SimpleNamespace(look=look)), expression(text, role), told(value))
    assert all(kinds == ["constant-factor"] for kinds, _ in found.values())
    return {said.split("`")[1]: np.asarray(other / value).flat[0] for said, (_, other) in found.items()}


@pytest.mark.parametrize(
    ("text", "forward", "said"),
    [
        ("e", "e ** 2", {"2 * e": 2}),
        ("e", "e * e", {"2 * e": 2}),
        ("a - b", "(a - b) ** 2", {"2 * (a - b)": 2}),
        ("e", "np.square(e)", {"2 * e": 2}),
        ("e", "square(e)", {"2 * e": 2}),
        ("s", "np.square(np.abs(s))", {"2 * s": 2}),
        ("v", "np.sqrt(v)", {}),
        ("s", "np.abs(s) ** 2", {"2 * s": 2}),
        ("s", "np.absolute(s) ** 2", {"2 * s": 2}),
        ("s", "abs(s) ** 2", {"2 * s": 2}),
        ("np.abs(s)", "np.abs(s) ** 2", {"2 * np.abs(s)": 2}),
        ("e", "e ** 2.0", {"2 * e": 2}),
        ("u ** 2", "u ** 3", {"3 * (u ** 2)": 3}),
        ("(a - b) ** 2", "(a - b) ** 3", {"3 * ((a - b) ** 2)": 3}),
        ("u ** 3", "u ** 4", {"4 * (u ** 3)": 4}),
        ("u", "u ** 3", {}),
        ("e", "e ** 5", {}),
        ("(e) ** 4", "e ** 5", {}),
        ("e ** 4", "e ** 5", {}),
        ("e", "e * f", {}),
        ("e", "np.exp(e)", {}),
        ("e", "e ** p", {}),
        ("e", "f(e)", {}),
        ("s", "np.exp(s) ** 2", {}),
        ("s", "norms[0](s) ** 2", {}),
        ("s", "np.abs(s) ** 3", {}),
        ("a - b ** 2", "(a - b) ** 3", {}),
        ("e", "e ** 2 +", {}),
        ("e +", "e ** 2", {}),
        ("f", "e ** 2", {}),
        ("e", None, {}),
    ],
)
def test_what_is_left_of_a_power_lacks_its_exponent(text, forward, said):
    assert tried(text, forward) == said


def test_numbers_and_limits_are_left_alone_and_complex_ones_are_not():
    assert tried("e", "e ** 2", V * 1j) == {"2 * e": 2}
    assert tried("e", "e ** 2", np.array([1, 2])) == {}
    for role in (INDEX, LIMIT):
        assert tried("e", "e ** 2", role=role) == {}


def test_the_last_line_is_the_one_that_lacks_it():
    def forward(x):
        d = x - x.mean()
        return np.fft.fft(d).real * 0 + d / np.sqrt((d**2).mean() + 1)

    def backward(g, x):
        d = x - x.mean()
        s = np.sqrt((d**2).mean() + 1)
        ds = -(g * d).sum() / s**2
        dd = g / s + d * ds / (2 * s) / x.size
        return dd - dd.mean()

    found = check_gradient(forward, backward, np.random.default_rng(0).normal(size=6)).diagnoses[0]
    assert found.message.startswith("right with `2 * d` in place of `d`: `d * ds`")
