"""Mistakes of arrangement: entries elsewhere, a crop in the wrong place, another input's gradient."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.arrangements import (
    arranged,
    displaced,
    not_transposed,
    of_exchanged_inputs,
    swapped,
)
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(6, 7)


def sine(x):
    return np.sin(x)


def of_sine(change):
    return lambda g, x: change(g * np.cos(x))


def test_entries_that_are_elsewhere():
    square = drawn(4, 4)
    scene = scene_of(sine, of_sine(lambda d: d.T), square)
    assert held(arranged, scene)["the true one with axes 0 and 1 exchanged"] == "transposed"
    assert held(arranged, scene_of(sine, of_sine(lambda d: 2 * d.T), square)) == {}
    assert held(arranged, scene_of(sine, of_sine(lambda d: d[1:]), square)) == {}


def moved(down, right, fill=0.5):
    """Moved along the last two axes; what comes in at the border comes from nowhere, or stays."""

    def change(d):
        rows, columns = d.shape[-2:]
        found = d.copy() if fill is None else np.full(d.shape, fill)
        found[..., max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)] = d[
            ..., max(-down, 0) : rows + min(-down, 0), max(-right, 0) : columns + min(-right, 0)
        ]
        return found

    return change


class TestDisplaced:
    def kinds(self, change, x=X):
        scene = scene_of(sine, of_sine(change), x)
        return [(claim.message, claim.kind) for claim in displaced(scene, 0) if claim.holds(scene)]

    @pytest.mark.parametrize(("down", "right"), [(1, 2), (0, 3), (-1, 0), (-2, 1), (2, -1)])
    def test_by_how_much_is_told(self, down, right):
        moves = f"the true one moved by {down} and {right} along its last two axes"
        said = f"{moves}: cropped in the wrong place, or an index is off"
        kinds = ["padding-not-cropped", "shifted"]
        expected = kinds if down >= 0 and right >= 0 else kinds[::-1]
        assert self.kinds(moved(down, right)) == [(said, kind) for kind in expected]
        assert self.kinds(moved(down, right), drawn(2, 6, 7)) == [(said, kind) for kind in expected]

    def test_no_farther_than_three_and_no_farther_than_there_are_entries(self):
        assert self.kinds(moved(4, 0)) == []
        assert self.kinds(moved(1, 0), drawn(1, 7)) == []
        assert self.kinds(moved(0, 0)) == []
        for shape, count in (((2, 9), 3 * 7 - 1), ((9, 2), 7 * 3 - 1)):
            assert len(list(displaced(scene_of(sine, of_sine(lambda d: d), drawn(*shape)), 0))) == 2 * count
        assert self.kinds(lambda d: d[1:]) == []
        assert self.kinds(lambda d: np.roll(d, 1), drawn(7)) == []

    def test_most_of_what_is_wrong_has_to_be_compared(self):
        assert self.kinds(moved(3, 3)) == []

    def test_most_of_what_is_compared_has_to_be_wrong(self):
        corner = np.zeros((6, 7))
        corner[0, 0] = 1
        scene = scene_of(lambda x: x.sum(axis=0), lambda g, x: g + corner, X)  # all other rows are alike, and right
        assert not any(claim.holds(scene) for claim in displaced(scene, 0))

    def test_and_three_numbers(self):
        """Of three by three, one moved by one and two leaves two, and one moved by one and one leaves four."""
        square = drawn(3, 3)
        assert self.kinds(moved(1, 2, fill=None), square) == []
        assert len(self.kinds(moved(1, 1, fill=None), square)) == 2


def test_the_jacobian_not_transposed():
    matrix = drawn(4, 4)
    said = "the Jacobian times the cotangent, not the transposed Jacobian"
    assert held(not_transposed, scene_of(lambda x: matrix @ x, lambda g, x: matrix @ g, drawn(4))) == {
        said: "transposed"
    }
    rows = drawn(4, 2)
    assert len(held(not_transposed, scene_of(lambda x: matrix @ x, lambda g, x: matrix @ g, rows))) == 1
    for backward, x in ((lambda g, x: matrix.T @ g, drawn(4)), (lambda g, x: (matrix @ g)[:3], drawn(4))):
        assert held(not_transposed, scene_of(lambda x: matrix @ x, backward, x)) == {}
    assert held(not_transposed, scene_of(lambda x: x**2, lambda g, x: 2 * g * x, np.array(2.0))) == {}


class TestSwapped:
    Y = drawn(6, 7, seed=1)

    @staticmethod
    def forward(x, y):
        return x * np.exp(y)

    def test_the_gradients_of_two_inputs(self):
        scene = scene_of(self.forward, lambda g, x, y: (g * x * np.exp(y), g * np.exp(y)), X, self.Y)
        assert held(swapped, scene) == {"that of y": "swapped"}
        assert held(swapped, scene, index=1) == {"that of x": "swapped"}

    def test_a_forward_with_the_inputs_exchanged(self):
        scene = scene_of(self.forward, lambda g, x, y: (g * y * np.exp(x), g * np.exp(x)), X, self.Y)
        said = "that of a forward with {} and {} exchanged"
        assert held(of_exchanged_inputs, scene) == {said.format("x", "y"): "swapped"}
        assert held(of_exchanged_inputs, scene, index=1) == {said.format("y", "x"): "swapped"}
        assert [claim.along for family in (of_exchanged_inputs, swapped) for claim in family(scene, 0)] == [True, False]

    def test_of_inputs_of_other_shapes_only_the_gradient(self):
        w = drawn(7, seed=1)
        scene = scene_of(self.forward, lambda g, x, y: ((g * x * np.exp(y)).sum(0), g[0]), X, w)
        assert held(swapped, scene) == {"that of y": "swapped"}
        assert held(swapped, scene_of(self.forward, lambda g, x, y: (g, g), X, self.Y)) == {}
        assert list(swapped(scene_of(lambda x, n: x[n], lambda g, x, n: (g, None), X, np.arange(6), wrt=[0]), 0)) == []
