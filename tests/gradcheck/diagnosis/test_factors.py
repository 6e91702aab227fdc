"""Elementwise factors of a gradient: one that is missing, or there once too often."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.factors import (
    TRANSFORMS,
    along_axes,
    cropped_cotangent,
    missing_factor,
    quantities,
    same_along_axes,
)
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 5)


def sine(x):
    return np.sin(x)


def said(family, forward, backward, *inputs, index=0, **options):
    return held(family, scene_of(forward, backward, *inputs, **options), index=index)


def missing(backward, forward=sine, x=X, *others, **options):
    """What is said of factors, without "the true one"."""
    found = said(missing_factor, forward, backward, x, *others, **options)
    assert all(kind == ("subset" if "zero where" in message else "missing-factor") for message, kind in found.items())
    return {message.removeprefix("the true one ") for message in found}


class TestCotangent:
    ITSELF = "the cotangent itself: the output's derivative is missing"
    CONSTANT = "a constant times the cotangent itself: the output's derivative is missing"

    def test_itself_or_a_constant_times_it(self):
        assert {self.ITSELF, self.CONSTANT} < missing(lambda g, x: g)
        assert missing(lambda g, x: -2.5 * g) == {self.CONSTANT}
        assert missing(lambda g, x: 0 * g) == set()

    @pytest.mark.parametrize("size", [1e-9, 1e9])
    def test_of_any_size(self, size):
        assert missing(lambda g, x: -2.5 * g, cotangent=size * drawn(4, 5, seed=1)) == {self.CONSTANT}

    def test_of_entries_that_merely_move_nothing_is_said(self):
        assert missing(lambda g, x: g, lambda x: x[::-1]) == set()

    def test_the_constant_is_the_same_elsewhere(self):
        scenes = [scene_of(sine, lambda g, x, c=c: c * g, drawn(4, 5, seed=k)) for k, c in enumerate((2, 2, 3))]
        assert held(missing_factor, *scenes[:2]) == {self.CONSTANT: "missing-factor"}
        assert held(missing_factor, scenes[0], scenes[2]) == {}

    def test_the_diagonal_of_the_jacobian_alone(self):
        def normalized(x):
            return x / x.sum()

        message = "the diagonal of the Jacobian alone, times the cotangent"
        for x in (np.abs(X[0]) + 1, np.abs(X) + 1):
            found = said(missing_factor, normalized, lambda g, x: g * (1 - x / x.sum()) / x.sum(), x)
            assert found == {message: "missing-term"}
        # Where the Jacobian has nothing else, it is the true one.
        assert said(missing_factor, sine, lambda g, x: g * np.cos(x), X) == {}

    def test_the_diagonal_is_that_of_a_square(self):
        def forward(x):
            return x[:, :4] * x.sum()

        def backward(g, x):
            grad = np.zeros_like(x)
            grad[:, :4] = g * (x.sum() + x[:, :4])
            return grad

        square, other = scene_of(forward, backward, X[:, :4]), scene_of(forward, backward, X)
        assert len(held(missing_factor, square)) == 1
        assert held(missing_factor, square, other) == {}

    def test_of_another_shape_nothing_is_said(self):
        assert said(missing_factor, sine, lambda g, x: g[:1], X) == {}
        found = said(missing_factor, lambda x: x.sum(0), lambda g, x: np.ones((4, 5)), X)
        assert found == {"the true one without the factor the cotangent": "missing-factor"}


class TestFactor:
    @pytest.mark.parametrize("name", sorted(TRANSFORMS))
    def test_of_an_input_once_too_often_and_missing(self, name):
        """Inputs of both signs, away from zero; the derivative is that factor times another one."""
        factor, said_of = TRANSFORMS[name], name.replace("{}", "w")
        w = np.where(X > 0, 0.5 + X, X - 0.5)
        other = drawn(4, 5, seed=3) + 5

        def forward(x, w):
            return x * factor(w) * other

        slope = factor(w) * other
        mask = name.endswith("> 0)")
        too_often = f"zero where not {said_of}, else the true one" if mask else f"times {said_of} once more"
        assert mask or too_often in missing(lambda g, x, w: (g * slope * factor(w), 0 * w), forward, X, w)
        if not mask:
            assert f"without the factor {said_of}" in missing(lambda g, x, w: (g * other, 0 * w), forward, X, w)

    def test_of_a_sigmoid(self):
        x = np.log([1.0, 3.0])
        assert TRANSFORMS["sigmoid({})"](x) == pytest.approx([0.5, 0.75])
        assert TRANSFORMS["1 - sigmoid({})"](x) == pytest.approx([0.5, 0.25])
        assert TRANSFORMS["sigmoid({}) (1 - sigmoid({}))"](x) == pytest.approx([0.25, 0.1875])

    def test_along_an_axis_of_two(self):
        names = {name for name, _ in quantities(scene_of(sine, lambda g, x: g, X[:2]), 0)}
        assert "the sum of x along axis 0" in names
        single = {name for name, _ in quantities(scene_of(sine, lambda g, x: g, X[:1]), 0)}
        assert "the sum of x along axis 0" not in single

    def test_that_is_zero_or_one_throughout_is_none(self):
        def forward(x, w):
            return x * w

        for w in (np.ones((4, 5)), np.where(X > 0, 0.0, 1.0)):
            assert not any("factor w" in each for each in missing(lambda g, x, w: (g, 0 * w), forward, X, w))

    def test_an_input_that_is_broadcast_is_one_and_a_number_or_integers_or_a_larger_one_are_none(self):
        scene = scene_of(
            lambda x, w, s, n, y, z: (x * w * s).sum() + 0 * y.sum() + n.sum() + z.sum(),
            lambda g, *inputs: inputs,
            *(X, drawn(5), np.array([2.0]), np.ones((4, 5), int), drawn(2, 4, 5), drawn(3)),
        )
        assert {name for name, _ in quantities(scene, 0) if name in scene.names} == {"x", "w"}

    def test_two_numbers_are_one(self):
        found = missing(lambda g, x, w: (g, 0 * w), lambda x, w: x * w, X[:, :2], np.array([1.5, -0.5]))
        assert "without the factor w" in found

    def test_where_the_output_or_the_cotangent_is_above_zero_and_not_at_zero(self):
        found = missing(lambda g, x: 2 * g * (x > X[0, 0]), lambda x: 2 * (x - X[0, 0]))
        assert found == {"zero where not (output > 0), else the true one"}
        g, w = np.where(X > 1, 0, X), drawn(5, 5)
        found = missing(lambda g, x: (g @ w.T) * (g > 0), lambda x: x @ w, cotangent=g)
        assert found == {"zero where not (the cotangent > 0), else the true one"}

    @pytest.mark.parametrize(
        ("forward", "backward", "expected"),
        [
            (np.exp, lambda y: y**2, {"times exp(x) once more", "times output once more",
                                      "times the output's derivative once more"}),
            (lambda x: x**3 + 1, lambda y: 3 * X**2 * (1 - y), {"times 1 - output once more"}),
            (lambda x: x**3 + 1, lambda y: 3 * X**2 * (1 + y), {"times 1 + output once more"}),
            (lambda x: x**3 + 1, lambda y: 3 * X**2 * y * (1 - y), {"times output (1 - output) once more"}),
            (lambda x: x**3 + 1, lambda y: 3 * X**2 * (1 - y**2), {"times 1 - output² once more"}),
            (lambda x: x**3 + 1, lambda y: 3 * X**2 * y**2, {"times output² once more"}),
            (lambda x: x**3 + 1, lambda y: 3 * X**2 * (y > 0), {"zero where not (output > 0), else the true one"}),
            (lambda x: x**3, lambda y: 3 * X**2 * (y > 0), {"zero where not (output > 0), else the true one",
                                                              "zero where not (x > 0), else the true one"}),
            (np.tanh, lambda y: 1 + 0 * y, {"without the factor 1 - tanh²(x)", "without the factor 1 - output²",
                                            "without the factor the output's derivative",
                                            TestCotangent.ITSELF, TestCotangent.CONSTANT}),
            (sine, lambda y: np.cos(X) ** 2, {"times cos(x) once more", "times the output's derivative once more"}),
        ],
    )  # fmt: skip
    def test_of_the_output(self, forward, backward, expected):
        assert missing(lambda g, x: g * backward(forward(x)), lambda x: forward(x)) == expected

    def test_of_the_cotangent(self):
        assert missing(lambda g, x: g * g * np.cos(x)) == {"times the cotangent once more"}
        assert missing(lambda g, x: g * (g > 0) * np.cos(x)) == {
            "zero where not (the cotangent > 0), else the true one"
        }

    def test_of_a_class(self):
        labels = np.array([0, 2, 1, 4])

        def forward(z, labels):
            return z**2

        def backward(g, z, labels):
            return 2 * g * z * np.eye(5)[labels], None

        assert missing(backward, forward, X, labels, wrt=[0]) == {"times (class = labels) once more"}
        stack, labels = drawn(4, 3, 5), labels[:, None] + np.zeros(3, int)
        assert missing(backward, forward, stack, labels, wrt=[0]) == {"times (class = labels) once more"}

    def test_a_class_is_an_integer_for_each_row(self):
        scene = scene_of(
            lambda x, rows, images, weights: x**2, lambda g, x, *others: x,
            drawn(4, 3, 5), np.zeros((4, 3), int), np.zeros(4, int), drawn(4, 3),
        )  # fmt: skip
        assert [name for name, _ in quantities(scene, 0) if "class" in name] == ["(class = rows)"]

    @pytest.mark.parametrize(
        ("name", "factor"),
        [
            ("the standard deviation of x along axis 0", X.std(0)),
            ("the standard deviation of x along axis 1", X.std(1, keepdims=True)),
            ("the sum of x along axis 1", X.sum(1, keepdims=True)),
            ("the length of x along axis 0", np.sqrt((X**2).sum(0))),
            ("the sum of the output along axis 1", np.sin(X).sum(1, keepdims=True)),
        ],
    )
    def test_along_an_axis(self, name, factor):
        assert missing(lambda g, x: g * np.cos(x) * factor) == {f"times {name} once more"}
        assert missing(lambda g, x: g * np.cos(x) / factor) == {f"without the factor {name}"}


class TestAlongAxes:
    @staticmethod
    def forward(x, w):
        return x * w

    def said(self, gradient, shape=(4, 5)):
        w = drawn(shape[-1], seed=4)
        found = said(along_axes, self.forward, lambda g, x, w: (gradient(g, w), 0 * w), drawn(*shape), w)
        return {message.removeprefix("the true one "): kind for message, kind in found.items()}

    def test_a_scale_is_missing_or_there_twice_or_along_another_axis(self):
        assert self.said(lambda g, w: g) == {"without the factor w along axis 1": "missing-factor"}
        assert self.said(lambda g, w: g * w * w) == {"times w along axis 1 once more": "missing-factor"}
        assert self.said(lambda g, w: g * w[:, None], (4, 4)) == {"with w along axis 0 in place of axis 1": "broadcast"}
        assert self.said(lambda g, w: g * w * w[:, None], (4, 4)) == {
            "times w along axis 0 once more": "missing-factor"
        }

    def test_integers_are_no_scale(self):
        found = said(along_axes, lambda x, n: np.sin(x), lambda g, x, n: (g, None), X, np.arange(1, 6), wrt=[0])
        assert found == {}

    def test_of_a_row_or_of_another_shape_nothing_is_said(self):
        assert self.said(lambda g, w: g, (5,)) == {}
        assert self.said(lambda g, w: g[:1]) == {}
        assert self.said(lambda g, w: g * w) == {}


class TestSameAlongAxes:
    ROWS, COLUMNS = np.array([1.5, 2, -3, 4])[:, None], np.array([1.5, 2, -3, 4, 7])

    def said(self, factor, x=X, forward=sine, slope=np.cos):
        found = said(same_along_axes, forward, lambda g, x: g * slope(x) * factor, x)
        head, tail = "the true one times a factor for each place along axis ", ": a scale or a deviation is missing"
        assert set(found.values()) <= {"missing-factor"}
        return {message.removeprefix(head).removesuffix(tail) for message in found}

    def test_any_factor_for_each_place(self):
        assert self.said(self.ROWS) == {"0"}
        assert self.said(self.COLUMNS) == {"1"}
        images = drawn(3, 4, 5)
        assert self.said(np.array([1.5, 2, -3])[:, None, None], images) == {"0", "0 and 2", "0 and 1"}
        assert self.said(drawn(3, 1, 5, seed=2), images) == {"0 and 2"}

    @pytest.mark.parametrize(
        "factor", [2.0, 1 + 1e-5 * ROWS, 1e4 * (1 + 1e-5 * ROWS), ROWS * (ROWS != 2), np.where(ROWS == 2, 1, ROWS)]
    )
    def test_not_the_same_everywhere_and_not_zero_or_one(self, factor):
        assert self.said(factor) == set()

    def test_of_three_entries_at_least(self):
        assert self.said(self.ROWS, X[:, :3]) == {"0"}
        assert self.said(self.ROWS, X[:, :2]) == set()

    @pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
    def test_of_a_gradient_of_rank_two_and_any_size(self, size):
        g = size * (np.outer(X[:, 0], X[0]) + np.outer(X[:, 1], X[1]))
        found = said(same_along_axes, lambda x: 3 * x, lambda g, x: 3 * self.ROWS * g, X, cotangent=g)
        assert list(found) == [
            "the true one times a factor for each place along axis 0: a scale or a deviation is missing"
        ]

    def test_not_where_the_gradient_is_an_outer_product(self):
        """Then any factor fits a wrong one: here it is that of the cotangent."""
        found = said(same_along_axes, lambda x: x.sum(1), lambda g, x: g[:, None] * self.ROWS + 0 * x, X)
        assert found == {}

    def test_of_another_shape_nothing_is_said(self):
        assert said(same_along_axes, sine, lambda g, x: g[:1], X) == {}


class TestCropped:
    @staticmethod
    def forward(x):
        return np.pad(x, ((0, 0), (0, 0), (1, 2), (1, 1)))

    @pytest.mark.parametrize(
        ("top", "left", "kind"),
        [(0, 0, "padding-not-cropped"), (2, 1, "shifted"), (0, 1, "shifted"), (3, 2, "shifted")],
    )
    def test_in_the_wrong_place(self, top, left, kind):
        images = drawn(2, 1, 4, 3)
        found = said(cropped_cotangent, self.forward, lambda g, x: g[..., top : top + 4, left : left + 3], images)
        assert found == {f"the cotangent from row {top} and column {left} on: cropped in the wrong place": kind}

    def test_of_an_image_without_channels(self):
        found = said(cropped_cotangent, lambda x: np.pad(x, 1), lambda g, x: g[:4, :3], drawn(4, 3))
        assert list(found.values()) == ["padding-not-cropped"]

    def test_in_any_place_that_there_is(self):
        scene = scene_of(self.forward, lambda g, x: 0 * x, drawn(2, 1, 4, 3))
        assert len(list(cropped_cotangent(scene, 0))) == 4 * 3

    def test_not_where_it_is_something_else(self):
        images = drawn(2, 1, 4, 3)
        for backward in (lambda g, x: 2 * g[..., :4, :3], lambda g, x: g[..., :4, :4], lambda g, x: g[:1, ..., :4, :3]):
            assert said(cropped_cotangent, self.forward, backward, images) == {}
        assert said(cropped_cotangent, sine, lambda g, x: g, images) == {}
        assert said(cropped_cotangent, lambda x: np.pad(x, 1), lambda g, x: g[:5], drawn(5)) == {}
        assert said(cropped_cotangent, lambda x: np.pad(x, 1), lambda g, x: g[1:-1, :3, :3], drawn(2, 3, 3)) == {}
        assert said(cropped_cotangent, lambda x: x.sum(0), lambda g, x: np.ones((2, 3, 4)), drawn(2, 3, 4)) == {}


def test_what_is_the_same_everywhere_is_no_elementwise_factor():
    """The hyperbolic tangent of large numbers is 1: 1 + tanh(k) is 2."""
    k = 100 * np.abs(drawn(5)) + 50
    scene = scene_of(lambda x, k: k * np.sin(x), lambda g, x, k: (2 * g * k * np.cos(x), g * np.sin(x)), drawn(5), k)
    assert not any("tanh" in message for message in held(missing_factor, scene))
