"""A sum inside a derivative that is taken over other axes."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.terms import softmax
from scratchcnn.gradcheck.diagnosis.wrong_axes import summed_elsewhere
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 5)


def said(forward, backward, *inputs):
    found = held(summed_elsewhere, scene_of(forward, backward, *inputs))
    assert set(found.values()) <= {"broadcast"}
    return [message.removeprefix("the true one with a sum over ") for message in found]


def softmax_backward(axis):
    def backward(g, x):
        y = softmax(x)
        return y * (g - (g * y).sum(axis, keepdims=True))

    return backward


def centred(axis):
    return lambda x: x - x.mean(axis, keepdims=True)


def centred_backward(axis):
    return lambda g, x: g - g.mean(axis, keepdims=True)


def standardized(x, scale, axis=1):
    return scale * (x - x.mean(axis, keepdims=True)) / x.std(axis, keepdims=True)


def standardized_backward(over):
    def backward(g, x, scale):
        z, g = standardized(x, 1.0), g * scale
        products = (g * z).mean(over, keepdims=True)
        return (g - g.mean(1, keepdims=True) - z * products) / x.std(1, keepdims=True), 0 * scale

    return backward


@pytest.mark.parametrize(("right", "wrong"), [(0, 1), (1, 0)])
def test_the_sum_and_the_axes_that_it_belongs_over_are_told_apart(right, wrong):
    told = [f"axis {wrong} in it that belongs over axis {right}"]
    assert said(centred(right), centred_backward(wrong), X) == told
    if right:
        assert said(softmax, softmax_backward(wrong), X) == told


def test_in_a_norm_with_a_scale():
    assert said(standardized, standardized_backward(0), X, drawn(5, seed=2)) == [
        "axis 0 in it that belongs over axis 1"
    ]
    assert said(standardized, standardized_backward(0), X, np.array(2.0)) == ["axis 0 in it that belongs over axis 1"]


def test_in_the_logarithm_of_softmax():
    def backward(g, x):
        return g - softmax(x) * g.sum(0)

    assert said(lambda x: np.log(softmax(x)), backward, X) == ["axis 0 in it that belongs over axis 1"]
    assert said(lambda x: np.log(softmax(x)), backward, drawn(4, 3)) == ["axis 0 in it that belongs over axis 1"]


def test_with_a_scale_among_other_inputs():
    def forward(x, other, scale):
        return scale * centred(1)(x) + 0 * other.sum()

    def backward(g, x, other, scale):
        g = g * scale
        return g - g.mean(0), 0 * other, 0 * scale

    assert said(forward, backward, X, drawn(3), drawn(5, seed=2)) == ["axis 0 in it that belongs over axis 1"]


def test_each_sum_is_over_an_axis_at_least():
    messages = [claim.message for claim in summed_elsewhere(scene_of(softmax, lambda g, x: g, X), 0)]
    assert messages
    assert all(
        message.count("ax") == sum(map(message.count, ("axis 0", "axis 1", "axes 0 and 1"))) for message in messages
    )


def test_of_three_axes():
    images = drawn(3, 4, 5)
    assert said(centred(2), centred_backward(1), images) == ["axis 1 in it that belongs over axis 2"]
    assert (
        said(centred((1, 2)), centred_backward((0, 1)), images)[0]
        == "axes 0 and 1 in it that belongs over axes 1 and 2"
    )


@pytest.mark.parametrize(
    ("forward", "backward", "x"),
    [
        (softmax, softmax_backward(1), X),  # right
        (softmax, lambda g, x: 2 * softmax_backward(0)(g, x), X),
        (lambda x: np.sin(x), lambda g, x: g * np.cos(x) - g.mean(0), X),  # no sum belongs there
        (softmax, softmax_backward((0, 1)), X),  # along the right axis any constant would fit
        (softmax, softmax_backward(0), drawn(4, 2)),  # two entries prove nothing
        (softmax, lambda g, x: softmax_backward(0)(g, x)[:1], X),
        (lambda x: x - x.mean(), lambda g, x: g, drawn(5)),
        (lambda x: x.sum(0), lambda g, x: g + 0 * x, X),
        (centred(3), centred_backward(2), drawn(2, 3, 4, 5)),
    ],
)
def test_nothing_is_said_elsewhere(forward, backward, x):
    assert said(forward, backward, x) == []
