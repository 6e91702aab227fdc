"""The slope of a sigmoid where that of silu belongs, `//` where `/` does, another comparison."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.activations import sigmoid
from scratchcnn.gradcheck.diagnosis.edits.rewrites import (
    compared_otherwise,
    comparisons,
    divisions,
    sigmoid_slopes,
    with_quotients,
)
from tests.gradcheck.diagnosis.claims import drawn
from tests.gradcheck.diagnosis.edits.made import expression, kinds, told

Z = drawn(3, 4)
S = sigmoid(Z)


def slopes(text, value=Z, **variables):
    """What is said to belong in the place of an expression."""
    site = expression(text, around=variables.pop("around", text))
    found = kinds(sigmoid_slopes, site, told(value, variables or {"s": S, "z": Z}))
    assert all(each == ["operand"] and said.endswith(f" in place of `{text}`") for said, each in found.items())
    return [said.removesuffix(f" in place of `{text}`").strip("`") for said in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s * (1 - s)", "(s * (1 + z * (1 - s)))"),
        ("s * (1.0 - s)", "(s * (1 + z * (1 - s)))"),
        ("g * s * (1 - s)", "g * (s * (1 + z * (1 - s)))"),
        ("g * (s * (1 - s))", "g * (s * (1 + z * (1 - s)))"),
        ("f(s * (1 - s), 2)", "f((s * (1 + z * (1 - s))), 2)"),
        ("(s * (1 - s)) @ w.T", "(s * (1 + z * (1 - s))) @ w.T"),
        ("s * (1 - s) * s * (1 - s)", "(s * (1 + z * (1 - s))) * s * (1 - s)"),  # one expression is wrong
    ],
)
def test_the_slope_of_silu_stands_for_that_of_the_sigmoid_among_other_factors(text, expected):
    assert slopes(text) == [expected]


@pytest.mark.parametrize("text", ["s * (1 - z)", "s * (1 + s)", "ss * (1 - s)", "x.s * (1 - s)", "s * (1 - ss)", "s"])
def test_other_products_are_no_slope_of_a_sigmoid(text):
    assert slopes(text) == []


def test_attributes_and_items_hold_what_the_slope_is_taken_of():
    names = {"self.s": S, 'cache["z"]': Z, "self.z": Z, "x @ w": Z}
    assert slopes("self.s * (1 - self.s)", **names) == [
        '(self.s * (1 + cache["z"] * (1 - self.s)))',
        "(self.s * (1 + self.z * (1 - self.s)))",
    ]


def test_nothing_stands_for_the_slope_of_what_is_no_sigmoid():
    text = "s * (1 - s)"
    assert slopes(text, s=S * (1 + 1e-6), z=Z) == []
    assert slopes(text, s=2 * sigmoid(Z - 40), z=Z - 40) == []  # however small
    assert slopes(text, s=S, z=Z[:2]) == slopes(text, s=S[:1], z=Z) == []
    assert slopes(text, s=0.5, z=0.0) == slopes(text, z=Z) == slopes(text, s=S, z=3) == []
    assert slopes(text, value=3) == []
    assert slopes(text, around=f"g * ({text})", s=S, z=Z) == []  # the whole expression is asked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("g // n", ["g / n"]),
        ("g // n + (x // 2)", ["g / n + (x / 2)"]),
        ("g / n", []),
        ("g //", []),
    ],
)
def test_a_quotient_stands_for_a_whole_one(text, expected):
    assert [reading.text for reading in with_quotients(text)] == expected
    found = kinds(divisions, expression(text), told(drawn(3)))
    assert found == {f"`{other}` in place of `{text}`": ["operand"] for other in expected}


@pytest.mark.parametrize(
    ("value", "there"),
    [(3, True), (np.int64(3), True), (3.0, True), (np.arange(3), True), ([1, 2], False), (Z > 0, False)],
)
def test_whole_numbers_may_have_to_be_others(value, there):
    assert len(kinds(divisions, expression("n // 2"), told(value))) == there


def test_parts_of_expressions_stay_whole():
    assert kinds(divisions, expression("g // n", around="g // n * x"), told(drawn(3))) == {}
    assert len(kinds(divisions, expression("g // n", around="g // n, x"), told(drawn(3)))) == 1


def said(forward, backward, *inputs):
    """What is said first of each wrong gradient."""
    found = {}
    for diagnosis in check_gradient(forward, backward, *inputs).diagnoses:
        found.setdefault(diagnosis.input, (diagnosis.kind, diagnosis.message.partition(": `")[0]))
    return found


def gated(x, w):
    z = x @ w
    return z * sigmoid(z) * 2


def gated_backward(g, x, w):
    z = x @ w
    s = sigmoid(z)
    dz = 2 * g * s * (1 - s)
    return dz @ w.T, x.T @ dz


def test_the_slope_of_silu_is_named_among_other_factors():
    found = said(gated, gated_backward, drawn(4, 3), drawn(3, 5, seed=1))
    expected = "operand", "right with `2 * g * (s * (1 + z * (1 - s)))` in place of `2 * g * s * (1 - s)`"
    assert found == {"x": expected, "w": expected}


def centred(x):
    places = np.arange(len(x))
    return x**2 * (places - places.mean())


def from_the_middle(g, x):
    middle = (len(x) - 1) // 2
    return 2 * x * g * (np.arange(len(x)) - middle)


def by_places(g, x):
    places = np.arange(len(x)) - (len(x) - 1) // 2
    return 2 * x * g * places


def at_once(g, x):
    return 2 * x * g * (np.arange(len(x)) - (len(x) - 1) // 2)


@pytest.mark.parametrize(
    ("backward", "text"),
    [
        (from_the_middle, "(len(x) - 1) // 2"),
        (by_places, "np.arange(len(x)) - (len(x) - 1) // 2"),
        (at_once, "2 * x * g * (np.arange(len(x)) - (len(x) - 1) // 2)"),
    ],
)
def test_a_whole_quotient_is_named(backward, text):
    expected = f"right with `{text.replace('//', '/')}` in place of `{text}`"
    assert said(centred, backward, drawn(6)) == {"x": ("operand", expected)}
    assert said(centred, backward, drawn(7)) == {}  # half of an even number is a whole one


def test_right_slopes_and_quotients_get_no_name():
    def backward(g, x, w):
        z = x @ w
        s = sigmoid(z)
        dz = g * s * (1 - s) * (len(x) // 2)
        return dz @ w.T, x.T @ dz

    assert said(lambda x, w: sigmoid(x @ w) * 2, backward, drawn(4, 3), drawn(3, 5, seed=1)) == {}


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("x < 0", ["x > 0", "x <= 0", "x >= 0"]),
        ("t <= t[i]", ["t >= t[i]", "t < t[i]", "t > t[i]"]),
        ("x - y > f(z)", ["x - y < f(z)", "x - y >= f(z)", "x - y <= f(z)"]),
        ("x >= y", ["x <= y", "x > y", "x < y"]),
        ("k == j", ["k != j"]),
        ("k != j", ["k == j"]),
        ("0 < x < 1", []),
        ("x is None", []),
        ("x + y", []),
    ],
)
def test_a_comparison_may_have_another_sign(text, others):
    assert [reading.text for reading in compared_otherwise(text)] == others
    found = kinds(comparisons, expression(text), told(np.array([True, False])))
    assert found == {f"`{other}` in place of `{text}`": ["subset", "operand"] for other in others}
    assert kinds(comparisons, expression(text), told(True)) == found
    assert kinds(comparisons, expression(text), told(np.ones(2))) == {}


def ranked(eta, times):
    """The log of the share of each among those that are there as long."""
    return np.array([eta[i] - np.log(np.exp(eta[times >= times[i]]).sum()) for i in range(len(eta))])


def ranked_backward(g, eta, times):
    d = g.copy()
    for i in range(len(eta)):
        there = times <= times[i]
        weights = np.exp(eta[there])
        d[there] -= g[i] * weights / weights.sum()
    return d, None


def test_a_comparison_the_other_way_round_is_named():
    first = check_gradient(ranked, ranked_backward, drawn(5), np.array([3, 1, 2, 2, 5])).diagnoses[0]
    assert first.message.startswith("right with `times >= times[i]` in place of `times <= times[i]`")
