"""The derivative of another function than forward's."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.functions import SLOPES, of_another_function, reciprocal
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(3, 4) * 0.5 + np.where(drawn(3, 4) > 0, 1, -1)
DERIVATIVES = {
    "cos({})": np.sin,
    "exp({})": np.exp,
    "{}": lambda x: x**2 / 2,
    "1 - {}": lambda x: x - x**2 / 2,
    "{}²": lambda x: x**3 / 3,
    "1 - {}²": lambda x: x - x**3 / 3,
    "{} (1 - {})": lambda x: x**2 / 2 - x**3 / 3,
    "1 / {}": lambda x: np.log(np.abs(x)),
    "1 / {}²": lambda x: -1 / x,
    "sin({})": lambda x: -np.cos(x),
    "tanh({})": lambda x: np.log(np.cosh(x)),
    "1 - tanh²({})": np.tanh,
    "sigmoid({})": lambda x: np.log1p(np.exp(x)),
    "sigmoid({}) (1 - sigmoid({}))": lambda x: 1 / (1 + np.exp(-x)),
    "({} > 0)": lambda x: np.maximum(x, 0),
    "sign({})": np.abs,
}


@pytest.mark.parametrize("name", SLOPES)
def test_a_slope_is_that_of_a_function(name):
    """By differences, whose error is below 1e-8 here."""
    h = 2.0**-18
    slope = (DERIVATIVES[name](X + h) - DERIVATIVES[name](X - h)) / (2 * h)
    assert SLOPES[name](X) == pytest.approx(slope, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", SLOPES)
def test_the_cotangent_times_a_slope(name, sign):
    def forward(x):
        return x**5 / 7 + x

    for of, value in (("x", X), ("output", forward(X))):
        scene = scene_of(forward, lambda g, x, v=value: sign * g * SLOPES[name](v), X)
        said = f"the cotangent times {name.replace('{}', of)}, entry by entry"
        found = held(of_another_function, scene)
        assert found["minus " * (sign < 0) + said] == "operand"
        assert "minus " * (sign > 0) + said not in found


@pytest.mark.parametrize("size", [1e-9, 1e9])
def test_a_cotangent_of_any_size_gives_the_same_answer(size):
    scene = scene_of(lambda x: x**5, lambda g, x: g * np.cos(x), X, cotangent=size * drawn(3, 4, seed=1))
    assert list(held(of_another_function, scene)) == ["the cotangent times cos(x), entry by entry"]


def test_not_where_the_output_has_another_shape():
    scene = scene_of(lambda x: (x**5).sum(0), lambda g, x: g * np.cos(x), X)
    assert held(of_another_function, scene) == {}


def test_nothing_of_anything_else():
    for backward in (lambda g, x: 1.5 * g * np.cos(x), lambda g, x: g[:1], lambda g, x: g * np.cos(x) + 1e-6):
        assert held(of_another_function, scene_of(lambda x: x**5, backward, X)) == {}
    pair = scene_of(lambda x: x**2, lambda g, x: g * np.cos(x), np.array([0.5, -0.25]))
    assert "the cotangent times cos(x), entry by entry" in held(of_another_function, pair)
    single = scene_of(lambda x: x**2, lambda g, x: g * np.cos(x), np.array([0.5]))
    assert held(of_another_function, single) == {}


class TestReciprocal:
    SAID = "what it would be with the reciprocal of each derivative in its place: a quotient is upside down"

    @pytest.mark.parametrize("sign", [1, -1])
    def test_is_told(self, sign):
        scene = scene_of(lambda x: np.exp(x).T, lambda g, x: sign * g.T / np.exp(x), X)
        assert held(reciprocal, scene) == {self.SAID: "operand"}

    def test_of_large_slopes_and_beside_outputs_that_nothing_moves(self):
        scene = scene_of(lambda x: 1e6 * np.exp(x), lambda g, x: g / (1e6 * np.exp(x)), X)
        assert held(reciprocal, scene) == {self.SAID: "operand"}
        scene = scene_of(lambda x: np.append(5.0, np.exp(x)), lambda g, x: g[1:] / np.exp(x), X[0])
        assert held(reciprocal, scene) == {self.SAID: "operand"}

    @pytest.mark.parametrize("entry", range(12))
    def test_is_not_told_if_any_entry_is_something_else(self, entry):
        times = np.where(np.arange(12) == entry, 2, 1).reshape(X.shape)
        scene = scene_of(lambda x: np.exp(x).T, lambda g, x: times * g.T / np.exp(x), X)
        assert held(reciprocal, scene) == {}

    @pytest.mark.parametrize(
        ("forward", "backward"),
        [
            (lambda x: np.exp(x), lambda g, x: g * np.exp(x)),
            (lambda x: np.exp(x), lambda g, x: 2 * g / np.exp(x)),
            (lambda x: np.exp(x), lambda g, x: (g / np.exp(x))[:1]),
            (lambda x: np.exp(x) + x.sum(), lambda g, x: g / (np.exp(x) + 1)),  # each entry moves all outputs
        ],
    )
    def test_of_nothing_else(self, forward, backward):
        assert held(reciprocal, scene_of(forward, backward, X)) == {}
