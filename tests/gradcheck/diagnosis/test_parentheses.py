"""Expressions in which a pair of parentheses is missing, is too many, or stands elsewhere."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.edits.parentheses import (
    MOST_OPERANDS,
    neighbours,
    parentheses,
    readings,
    without_two,
)
from scratchcnn.gradcheck.diagnosis.edits.readings import MOST_READINGS
from tests.gradcheck.diagnosis.edits.made import changes_of, expression, kinds, told


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    """A change that `tests.mutation` makes would go unseen where the readings of an expression are known already."""
    readings.cache_clear()
    without_two.cache_clear()


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a * b + c", ["a * (b + c)"]),
        ("a * (b + c)", ["a * b + c"]),
        ("a * b * c", []),
        ("a + b - c", []),
        ("a - b + c", ["a - (b + c)"]),
        ("a / b * c", ["a / (b * c)"]),
        ("1 - x**2", ["(1 - x)**2"]),
        ("(x - m) / s * g", ["(x - m) / (s * g)", "x - m / s * g", "(x - m / s) * g"]),
        ("np.sqrt(v) + eps", ["np.sqrt(v + eps)"]),
        ("np.sum(a, axis=1) * b", ["np.sum(a * b, axis=1)"]),
        ("b * np.sum(a)", ["np.sum(b * a)"]),
        ("a & b | c", ["a & (b | c)"]),
        ("g * (n >> k)", ["g * n >> k"]),
        ("f(a) ^ b", ["f(a ^ b)"]),
        ("(a <= b) & (b <= c)", ["a <= b & (b <= c)", "(a <= b) & b <= c"]),
        ("f(a + b)", ["(f(a) + b)", "(a + f(b))"]),
        ("e * (a + b) / c", ["e * a + b / c", "(e * a + b) / c", "e * (a + b / c)"]),
        (
            "(a * b + c * d) / e",
            ["a * b + c * d / e", "(a * b + c) * d / e", "a * (b + c * d) / e", "(a * (b + c) * d) / e"],
        ),
        (
            "e - (a * b + c / d)",
            ["e - a * b + c / d", "e - (a * b + c) / d", "e - a * (b + c / d)", "e - (a * (b + c) / d)"],
        ),
        ("(X - M) / X", ["X - M / X"]),
        ("X[M] - (X + 1)", ["X[M] - X + 1"]),
        ("f(a + b) / c", ["f((a + b) / c)", "(f(a) + b) / c", "(a + f(b)) / c"]),
        ("f(g[(1, 2)] * h(x - y) + z)", None),
        ("v.sum(axis=1) ** 2", ["(v ** 2).sum(axis=1)"]),
        ("(v ** 2).sum(axis=1)", ["(v.sum(axis=1) ** 2)"]),
        ("x", []),
        ("not an expression", []),
        ("größe * b + c", []),
    ],
)
def test_the_readings_of_an_expression(text, found):
    texts = [reading.text for reading in readings(text)]
    assert found is None or sorted(texts) == sorted(found)
    assert text not in texts


def test_the_readings_of_a_long_expression_are_limited():
    terms = " + ".join(f"a{k} * b{k} / c{k}" for k in range(8))
    assert readings(f"f({terms})") == readings(f"f({terms})")
    assert len(readings(f"f({terms})")) <= MOST_READINGS
    assert len(readings("f(a - b) - (c + d) / (e - f) - g * (h - i) - j / k - l * m / n - o")) == MOST_READINGS


@pytest.mark.parametrize(("operator", "ways"), [(" - ", readings), (" * ", without_two)])
def test_a_chain_of_too_many_operands_is_left_alone(operator, ways):
    letters = "abcdefghijklmnopq"
    assert ways(operator.join(letters[:MOST_OPERANDS]))
    assert ways(operator.join(letters[: MOST_OPERANDS + 1])) == ()


class Here:
    """The variables around an expression, and what another expression is in their place."""

    def __init__(self, **variables):
        self.variables = variables

    def computed(self, code):
        return eval(code, self.variables)


@pytest.mark.parametrize(
    ("family", "text", "kinds_of", "value"),
    [
        (parentheses, "other parentheses: `a * (b + c)` in place of `a * b + c`", ["operand"], 16.0),
        (neighbours, "`a` in place of `a * b * c`", ["missing-factor", "operand"], 2.0),
    ],
)
def test_a_whole_expression_is_read_in_other_ways(family, text, kinds_of, value):
    whole = text.split("`")[3]
    found = changes_of(family, expression(whole), told(1.0))
    said, edit = found[text]
    assert (said, edit(1.0, Here(a=2.0, b=3.0, c=5.0))) == (kinds_of, value)
    for around in ("d[k] = 1", f"{whole}, d", f"[d, {whole}]", f"{{'d': {whole}}}"):
        assert kinds(family, expression(whole, around=around), told(np.ones(3))).keys() == found.keys()
    assert kinds(family, expression(whole, around=f"f({whole})"), told(1.0)) == {}
    assert kinds(family, expression(whole), told(1)) == {}


def sphere(r, t, p):
    return r * (np.sin(t) * np.cos(p) + np.cos(t))


def sphere_backward(g, r, t, p):
    st, ct, sp, cp = np.sin(t), np.cos(t), np.sin(p), np.cos(p)
    dt = r * g * ct * cp - g * st
    return g * (st * cp + ct), dt, -g * r * st * sp


def scaled(x):
    return x / (np.sqrt((x * x).mean()) + 0.1)


def scaled_backward(g, x):
    rms = np.sqrt((x * x).mean())
    more = rms + 0.1
    return g / more - (g * x).sum() * x / (x.size * rms) * more * more


@pytest.mark.parametrize(
    ("forward", "backward", "inputs", "said"),
    [
        (sphere, sphere_backward, (drawn(6), drawn(6, seed=1), drawn(6, seed=2)), "`r * (g * ct * cp - g * st)`"),
        (scaled, scaled_backward, (drawn(7),), "* x / ((x.size * rms) * more * more)`"),
    ],
)
def test_what_is_right_with_other_parentheses_is_named_with_them(forward, backward, inputs, said):
    causes = check_gradient(forward, backward, *inputs).diagnoses
    told = [d.message.partition(" in place of ")[0] for d in causes if d.kind == "operand"]
    assert any(each.startswith("right with other parentheses: `") and said in each for each in told), causes


@pytest.mark.parametrize(
    ("text", "shorter"),
    [
        ("a * b / c", []),
        ("a + b * c", []),
        ("a * b * c", ["a", "c"]),
        ("f(x * y * z) - a * b", ["f(x) - a * b", "f(z) - a * b"]),
        ("(p - y) * p * (1 - p) / m", ["(p - y) / m", "(1 - p) / m"]),
        ("x", []),
        ("not an expression", []),
        ("größe * b * c", []),
    ],
)
def test_an_expression_without_two_neighbouring_factors(text, shorter):
    assert sorted(reading.text for reading in without_two(text)) == sorted(shorter)


def weighed(x, w):
    return -np.log(1 / (1 + np.exp(-x * w)))


def weighed_backward(g, x, w):
    q = 1 - 1 / (1 + np.exp(-x * w))
    return -g * q * (2 * q + x) * (q - 3 * x) * w, -g * q * x


def test_two_factors_too_many_are_named():
    messages = [d.message for d in check_gradient(weighed, weighed_backward, drawn(6), drawn(6, seed=1)).diagnoses]
    assert any(m.startswith("right with `-g * q * w` in place of `-g * q * (2 * q + x)") for m in messages), messages
