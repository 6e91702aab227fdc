"""A term that is missing from a gradient: a mean, a deviation, a normalizer taken for a constant; a penalty."""

from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.scales import number
from scratchcnn.gradcheck.diagnosis.terms import missing_penalty, missing_term, softmax
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 8)
MEAN = "term that is constant{}, as of a mean taken for a constant"
BOTH = "constant and a multiple of {}{}, as of a mean and a deviation taken for constants"
ALONG = " along axis 1"


def centred(x):
    return x - x.mean(1, keepdims=True)


def standardized(x):
    return centred(x) / x.std(1, keepdims=True)


def said(forward, backward, *inputs, options=None, **of_scene):
    scene = scene_of(forward, backward, *inputs, **of_scene)
    scene.options = options or {}
    found = held(missing_term, scene)
    assert set(found.values()) <= {"missing-term"}
    return {message.removeprefix("the true one less a ") for message in found}


def test_a_mean_taken_for_a_constant():
    both = {BOTH.format(of, ALONG) for of in ("x", "the output")}
    assert said(centred, lambda g, x: g, X) == {MEAN.format(ALONG)} | both


def test_along_the_other_axis_or_everywhere():
    along_0 = said(lambda x: x - x.mean(0), lambda g, x: g, drawn(6, 5))
    assert MEAN.format(" along axis 0") in along_0
    assert not any("axis 1" in each for each in along_0)
    everywhere = said(lambda x: x - x.mean(), lambda g, x: g, drawn(6, 5))
    assert {MEAN.format(""), MEAN.format(" along axis 0"), MEAN.format(" along axis 1")} <= everywhere


def test_a_mean_and_a_deviation_taken_for_constants():
    found = said(standardized, lambda g, x: g / x.std(1, keepdims=True), X)
    assert found == {BOTH.format(of, ALONG) for of in ("x", "the output")}


def test_a_length_taken_for_a_constant():
    def forward(x):
        return x / np.sqrt((x**2).sum(1, keepdims=True))

    found = said(forward, lambda g, x: g / np.sqrt((x**2).sum(1, keepdims=True)), X)
    assert "multiple of x along axis 1, as of a penalty, or of a length taken for a constant" in found
    assert "multiple of the output along axis 1, as of a sum or a deviation taken for a constant" in found


def test_a_normalizer_taken_for_a_constant():
    found = said(softmax, lambda g, x: g * softmax(x), X)
    assert "multiple of the softmax of x along axis 1, as of a normalizer taken for a constant" in found
    assert "multiple of the output along axis 1, as of a sum or a deviation taken for a constant" in found


def test_a_normalizer_at_a_temperature():
    def loss(x, t):
        return -(x / t - np.log(np.exp(x / t).sum(1, keepdims=True)))[:, :1]

    def backward(g, x, t):
        return -g * (np.arange(8) == 0) / t

    found = said(partial(loss, t=2.0), partial(backward, t=2.0), X, options={"t": 2.0, "flag": 0, "name": "t"})
    tail = " along axis 1, as of a normalizer taken for a constant"
    assert found == {f"multiple of the softmax of x / t{tail}"}


def test_a_class():
    labels = np.array([0, 2, 2, 5])

    def loss(z, labels):
        return np.log(np.exp(z).sum(1)) - z[np.arange(4), labels]

    found = said(loss, lambda g, z, labels: (g[:, None] * softmax(z), None), X, labels, wrt=[0])
    assert found == {"multiple of (class = labels) along axis 1"}
    steps = drawn(2, 3, 5), np.array([[0, 2, 2], [1, 4, 1]])
    found = said(
        lambda z, n: np.log(np.exp(z).sum(-1)) - np.take_along_axis(z, n[..., None], -1)[..., 0],
        lambda g, z, n: (g[..., None] * softmax(z), None),
        *steps,
        wrt=[0],
    )
    assert "multiple of (class = n) along axis 2" in found


def test_a_term_is_the_same_along_an_axis_at_least():
    for claim in missing_term(scene_of(centred, lambda g, x: g, X), 0):
        assert claim.message.count(" along ") == sum(map(claim.message.count, (" along axis 0", " along axis 1")))


def test_another_input():
    w = drawn(4, 8, seed=1)
    found = said(lambda x, w: (x * x).sum() + 3 * (x * w).sum(), lambda g, x, w: (2 * g * x, 3 * g * x), X, w)
    assert found == {f"multiple of w{where}" for where in ("", " along axis 0", ALONG)}


@pytest.mark.parametrize(("width", "enough"), [(3, True), (2, False)])
def test_a_coefficient_has_to_fit_two_entries_more(width, enough):
    x = drawn(4, width)
    assert (MEAN.format(ALONG) in said(centred, lambda g, x: g, x)) is enough


@pytest.mark.parametrize(
    "backward",
    [
        lambda g, x: g - g.mean(1, keepdims=True),  # right
        lambda g, x: g + 1e-3 * x**3,
        lambda g, x: g[:1],
        lambda g, x: np.where(x == x.max(), np.nan, g),
    ],
)
def test_nothing_is_said_of_anything_else(backward):
    assert said(centred, backward, X) == set()
    assert said(lambda x: x**2, lambda g, x: g, np.array(2.0)) == set()


class TestPenalty:
    @staticmethod
    def loss(x, w):
        return (x**2).sum() * np.sin(w).sum() + 0.5 * (w**2).sum()

    def said(self, *gradients):
        """What is said where backward gives, for the penalty, one thing at the first point and another at the next."""
        scenes = []
        for seed, gradient in enumerate(gradients):
            backward = lambda g, x, w, of=gradient: (  # noqa: E731
                2 * g * x * np.sin(w).sum(),
                g * ((x**2).sum() * np.cos(w) + of(w)),
            )
            scenes.append(scene_of(self.loss, backward, drawn(3), drawn(2, 5, seed=1), seed=seed))
        return held(missing_penalty, *scenes, index=1)

    @pytest.mark.parametrize(
        ("gradient", "factor"), [(lambda w: 0 * w, "1"), (lambda w: w / 2, "0.5"), (lambda w: 2 * w, "-1")]
    )
    def test_is_told_with_its_factor(self, gradient, factor):
        message = f"the true one less {number(float(factor))} w, as of a penalty that is forgotten or halved"
        assert self.said(gradient, gradient) == {message: "missing-term"}

    def test_is_the_same_multiple_of_an_input_everywhere(self):
        assert self.said(lambda w: w + 0.1) == {}
        assert self.said(lambda w: w / 2, lambda w: w / 4) == {}

    def test_is_one_of_a_loss(self):
        assert held(missing_penalty, scene_of(lambda x: x + x**2 / 2, lambda g, x: g, X)) == {}
        assert held(missing_penalty, scene_of(lambda x: (x**2).sum(), lambda g, x: (g * x)[:1], X)) == {}
        zeros = scene_of(lambda x: (x + x**2 / 2).sum(), lambda g, x: g + 0 * x, np.zeros(3))
        assert held(missing_penalty, zeros) == {}
