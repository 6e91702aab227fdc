"""Mistakes in what a derivative is taken at: another operand, a turned one, another option."""

from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.operands import (
    _frame,
    as_of_stride_one,
    at_a_function_of_an_operand,
    at_a_turned_operand,
    at_another_operand,
    with_another_option,
)
from scratchcnn.gradcheck.diagnosis.terms import softmax
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X, Y = drawn(4, 5), drawn(4, 5, seed=1)


def forward(x, y):
    return np.exp(x / 2) * np.sin(y) + y**3 + y**2


def by_x(g, x, y):
    return g * np.exp(x / 2) / 2 * np.sin(y)


def by_y(g, x, y):
    return g * (np.exp(x / 2) * np.cos(y) + 3 * y**2 + 2 * y)


def said(family, at=lambda x, y: (x, y), points=2):
    """What is said of the gradient by y, taken at other inputs."""
    scenes = [
        scene_of(
            forward, lambda g, x, y: (by_x(g, x, y), by_y(g, *at(x, y))), drawn(4, 5, seed=k), drawn(4, 5, seed=k + 9)
        )
        for k in range(points)
    ]
    found = held(family, *scenes, index=1)
    return {message.removeprefix("the true one for "): kind for message, kind in found.items()}


@pytest.mark.parametrize(
    ("at", "message", "kind"),
    [
        (lambda x, y: (forward(x, y), y), "the output in place of x", "operand"),
        (lambda x, y: (y, y), "y in place of x", "operand"),
        (lambda x, y: (x, x), "x in place of y", "operand"),
        (lambda x, y: (-x, y), "minus x in place of x", "operand"),
        (lambda x, y: (np.copysign(x, y), y), "x with the sign of y in place of x", "operand"),
        (lambda x, y: (np.ones_like(x), y), "ones in place of x", "missing-factor"),
        (lambda x, y: (0 * x + x[:1], y), "the first sample's values, for all, in place of x", "batch"),
        (lambda x, y: (np.roll(x, 1, 1), y), "x moved by 1 along axis 1", "shifted"),
    ],
)
def test_another_operand_is_told(at, message, kind):
    found = said(at_another_operand, at)
    assert next(iter(found.items())) == (message, kind)
    assert all("in the order" in other for other in [*found][1:])  # which says the same


def test_a_turned_operand():
    for at, message, kind in (
        (lambda x, y: (x[:, ::-1], y), "x in reverse along axis 1", "rotated"),
        (lambda x, y: (x[::-1, ::-1], y), "x turned by 180 degrees over its last two axes", "rotated"),
    ):
        assert said(at_a_turned_operand, at) == {message: kind}
    square = drawn(4, 4)
    scene = scene_of(lambda x, w: x @ w, lambda g, x, w: (g @ w, x.T @ g), X[:, :4], square)
    assert held(at_a_turned_operand, scene)["the true one for w with axes 0 and 1 exchanged"] == "transposed"


def test_other_labels():
    labels = np.array([0, 2, 1, 4])

    def loss(z, labels):
        return z[np.arange(4), labels] ** 2

    def backward(change):
        def wrong(g, z, labels):
            grad = np.zeros_like(z)
            n = change(labels)
            grad[np.arange(4), n] = 2 * g * z[np.arange(4), n]
            return grad, None

        return wrong

    for change, message, kind in (
        (lambda n: (n + 1) % 5, "labels + 1", "shifted"),
        (lambda n: (n - 1) % 5, "labels - 1", "shifted"),
        (lambda n: np.roll(n, 1), "labels moved by 1", "shifted"),
        (lambda n: np.roll(n, -1), "labels moved by -1", "shifted"),
        (lambda n: n[::-1], "labels in reverse", "permuted"),
    ):
        scene = scene_of(loss, backward(change), X, labels, wrt=[0])
        assert held(at_a_turned_operand, scene) == {f"the true one for {message}": kind}


@pytest.mark.parametrize(
    ("function", "name"),
    [(lambda x: 1 / (1 + np.exp(-x)), "the sigmoid"), (np.tanh, "the tanh"), (softmax, "the softmax")],
)
def test_a_function_once_too_often(function, name):
    assert said(at_a_function_of_an_operand, lambda x, y: (function(x), y)) == {f"{name} of x in place of x": "operand"}
    assert said(at_a_function_of_an_operand) == {}


def test_all_is_seen_along_a_direction():
    scene = scene_of(forward, lambda g, x, y: (by_x(g, x, y), by_y(g, x, y)), X, Y)
    for family in (at_another_operand, at_a_turned_operand, at_a_function_of_an_operand):
        claims = list(family(scene, 1))
        assert claims
        assert all(claim.along is True for claim in claims)
    number = scene_of(lambda x, s: x * s, lambda g, x, s: (g * s, g * x), X, np.array([2.0]))
    for family in (at_another_operand, at_a_turned_operand, at_a_function_of_an_operand):
        assert not any(claim.message.endswith(" of s") for claim in family(number, 0))  # of one number there is one
    pair = scene_of(lambda x: x**3, lambda g, x: g, X[0, :2])
    assert len(list(at_a_function_of_an_operand(pair, 0))) == 3


def test_labels_of_two_axes_move_along_the_first():
    labels = np.array([[0, 2, 2], [1, 4, 1]])
    z = drawn(2, 3, 5)

    def loss(z, n):
        return np.take_along_axis(z, n[..., None], -1)[..., 0] ** 2

    def backward(g, z, n):
        grad, turned = np.zeros_like(z), n[[1, 0]][..., None]
        np.put_along_axis(grad, turned, 2 * g[..., None] * np.take_along_axis(z, turned, -1), -1)
        return grad, None

    found = held(at_a_turned_operand, scene_of(loss, backward, z, labels, wrt=[0]))
    assert found["the true one for n moved by 1"] == "shifted"


def test_a_padding_in_numbers():
    assert _frame(2) == [(2, 2), (2, 2)]
    assert _frame((1, 2)) == [(1, 1), (2, 2)]
    assert _frame(((1, 2), (0, 3))) == [(1, 2), (0, 3)]
    assert _frame("same") is _frame((1, 2, 3)) is None


def test_a_gradient_that_is_right_or_has_a_wrong_sign_is_said_nothing_of():
    for family in (at_another_operand, at_a_turned_operand, at_a_function_of_an_operand):
        assert said(family) == {}
        odd = scene_of(lambda x: x**2, lambda g, x: -2 * g * x, X)  # which is the true one at -x, too
        assert held(family, odd) == {}


def scaled(x, *, power=2, scale=1.5, on=True, weights=None):
    weights = np.ones(5) if weights is None else weights
    return (scale if on else 1.0) * weights * x**power


def scaled_backward(g, x, *, power=2, scale=1.5, on=True, weights=None):
    weights = np.ones(5) if weights is None else weights
    return (scale if on else 1.0) * weights * power * g * x ** (power - 1)


class TestOption:
    def said(self, given, taken):
        bound = partial(scaled, **given)
        scene = scene_of(scaled, lambda g, x: scaled_backward(g, x, **given | taken), X)
        scene.unguarded, scene.options = bound, given
        assert all(claim.along is True for claim in with_another_option(scene, 0))
        return held(with_another_option, scene)

    @pytest.mark.parametrize(
        ("given", "taken", "expected"),
        [
            ({"power": 3}, {"power": 2}, "that of power=2; forward has power=3"),
            ({"power": 3}, {"power": 1}, "that of power=1; forward has power=3"),
            ({"scale": 0.7}, {"scale": 1.5}, "that of scale=1.5; forward has scale=0.7"),
            ({"scale": 0.7}, {"scale": 0.01}, "that of scale=0.01; forward has scale=0.7"),
            ({"on": False}, {"on": True}, "that of on=True; forward has on=False"),
        ],
    )
    def test_the_default_or_a_usual_value_or_the_other_one(self, given, taken, expected):
        assert self.said(given, taken) == {expected: "option-ignored"}

    def test_an_array_with_its_entries_elsewhere(self):
        weights = np.arange(1.0, 6.0)
        found = self.said({"weights": weights}, {"weights": weights[::-1]})
        taken, there = (f"weights=array([{numbers}])" for numbers in ("5., 4., 3., 2., 1.", "1., 2., 3., 4., 5."))
        assert found == {f"that of {taken}; forward has {there}": "option-ignored"}

    def test_of_what_is_none_of_these_nothing_is_said(self):
        assert self.said({"scale": 0.7}, {"scale": 0.71}) == self.said({"scale": 0.7}, {}) == {}


def windows(x, *, stride=1, padding=0):
    x = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(padding, padding)] * 2)
    found = x[..., :-1, :-1] * 2 + x[..., 1:, 1:] * x[..., :-1, 1:]
    return found[..., ::stride, ::stride]


def test_options_of_a_convolution_have_kinds_of_their_own():
    images = drawn(2, 5, 6)

    def gradient(g, x, stride, padding):
        here = windows(x, stride=stride, padding=padding)
        whole = np.zeros(here.shape)
        common = tuple(slice(0, min(a, b)) for a, b in zip(here.shape, g.shape, strict=True))
        whole[common] = g[common]
        return (
            scene_of(lambda x: windows(x, stride=stride, padding=padding), lambda g, x: x, x, cotangent=whole)
            .truth(0)
            .value
        )

    for given, taken, kind in (
        ({"stride": 2, "padding": 1}, {"stride": 1, "padding": 1}, "stride-ignored"),
        ({"stride": 2, "padding": 1}, {"stride": 2, "padding": 0}, "padding-not-cropped"),
    ):
        scene = scene_of(partial(windows, **given), lambda g, x, t=taken: gradient(g, x, **t), images)
        scene.unguarded, scene.options = partial(windows, **given), given
        (name,) = [name for name in given if given[name] != taken[name]]
        uncropped = [c for c in with_another_option(scene, 0) if c.message == "that of the padded image, not cropped"]
        assert uncropped
        assert all((c.kind, c.along) == ("padding-not-cropped", True) for c in uncropped)
        assert (
            held(with_another_option, scene)[f"that of {name}={taken[name]}; forward has {name}={given[name]}"] == kind
        )


def test_the_gradient_of_the_padded_image():
    images = drawn(2, 5, 6)

    def whole(x):
        padded = np.pad(x, [(0, 0), (1, 1), (1, 1)])
        truth = scene_of(windows, lambda g, x: x, padded, cotangent=np.ones((2, 6, 7))).truth(0).value
        return truth[..., :5, :6]  # its corner, in place of its middle

    given = {"padding": 1}
    scene = scene_of(partial(windows, **given), lambda g, x: whole(x), images, cotangent=np.ones((2, 6, 7)))
    scene.unguarded, scene.options = partial(windows, **given), given
    assert held(with_another_option, scene)["that of the padded image, not cropped"] == "padding-not-cropped"


@pytest.mark.parametrize(("down", "right"), [(2, 1), (1, 3), (2, 2)])
def test_windows_that_stand_one_pixel_apart(down, right):
    def forward(x):
        return 3 * x[..., ::down, ::right]

    def backward(g, x):
        grad = np.zeros_like(x)
        grad[..., : g.shape[-2], : g.shape[-1]] = 3 * g
        return grad

    scene = scene_of(forward, backward, drawn(2, 6, 6))
    assert held(as_of_stride_one, scene) == {f"that of stride 1; forward moves by {down} and {right}": "stride-ignored"}
    assert held(as_of_stride_one, scene_of(forward, lambda g, x: 2 * backward(g, x), drawn(2, 6, 6))) == {}
    assert held(as_of_stride_one, scene_of(forward, backward, drawn(6, 6))) == {}
    wide = scene_of(forward, backward, drawn(2, 6, 9))
    assert held(as_of_stride_one, wide) == {f"that of stride 1; forward moves by {down} and {right}": "stride-ignored"}
