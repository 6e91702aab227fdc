"""A gradient of the wrong shape: the Jacobian, or right if it is put right."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.forms import misshapen
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 5)


def said(forward, backward, x=X):
    """What is said, without the shape itself, which always is."""
    scene = scene_of(forward, backward, x)
    found = held(misshapen, scene)
    assert found.pop(f"an array of shape {scene.gradients[0].shape}, not {x.shape}") == "shape"
    return found


def sine(x):
    return np.sin(x)


def slope(g, x):
    return g * np.cos(x)


def test_of_a_gradient_of_the_right_shape_or_of_none_nothing_is_said():
    assert held(misshapen, scene_of(sine, lambda g, x: 2 * slope(g, x), X)) == {}
    assert held(misshapen, scene_of(sine, lambda g, x: (None,), X)) == {}


class TestJacobian:
    TAIL = "it is right if multiplied by the cotangent and summed over the output's axes"
    MATRIX = drawn(3, 5, seed=2)

    def forward(self, x):
        return self.MATRIX @ x

    @pytest.mark.parametrize("turned", [False, True])
    def test_of_the_whole_output(self, turned):
        jacobian = self.MATRIX.T if turned else self.MATRIX
        found = said(self.forward, lambda g, x: jacobian, drawn(5))
        assert found == {f"the Jacobian, of shape {jacobian.shape}: {self.TAIL}": "ignores-cotangent"}
        assert said(self.forward, lambda g, x: 2 * jacobian, drawn(5)) == {}

    def test_of_each_sample(self):
        def forward(x):
            return x @ self.MATRIX.T

        for samples in ((4,), (2, 4)):
            jacobian = np.broadcast_to(self.MATRIX, (*samples, 3, 5))
            head = f"the Jacobian, of shape {jacobian.shape}: it is right if multiplied by the cotangent"
            message = f"{head} sample by sample and summed over the output's last axis"
            found = said(forward, lambda g, x, jacobian=jacobian: jacobian, drawn(*samples, 5))
            assert found == {message: "ignores-cotangent"}


class TestReshaped:
    def test_with_axes_of_one_too_many(self):
        found = said(sine, lambda g, x: slope(g, x)[:, None])
        message = "right if reshaped to (4, 5): it has axes of length 1 too many, or too few (keepdims)"
        assert found[message] == "shape"
        assert said(sine, lambda g, x: slope(g, x)[0], X[:1])[message.replace("4", "1", 1)] == "shape"

    def test_flat(self):
        assert said(sine, lambda g, x: slope(g, x).reshape(-1)) == {"right if reshaped to (4, 5)": "shape"}

    def test_transposed(self):
        assert said(sine, lambda g, x: slope(g, x).T) == {"right if its axes are put in the order (1, 0)": "transposed"}

    def test_with_three_axes_in_another_order(self):
        found = said(sine, lambda g, x: slope(g, x).transpose(2, 0, 1), drawn(2, 3, 4))
        assert found == {"right if its axes are put in the order (1, 2, 0)": "transposed"}

    def test_not_where_the_numbers_are_others(self):
        assert said(sine, lambda g, x: 2 * slope(g, x).T) == said(sine, lambda g, x: slope(g, x)[:, :3]) == {}


class TestSummed:
    @pytest.mark.parametrize(("axes", "named"), [((0,), "axis 0"), ((0, 2), "axis 0 and 2")])
    def test_over_axes_that_the_input_is_broadcast_along(self, axes, named):
        parts = drawn(3, 4, 2) if len(axes) == 2 else drawn(3, 4)
        shape = tuple(n for k, n in enumerate(parts.shape) if k not in axes)

        def forward(b):
            return parts + (b if len(axes) == 1 else b[:, None])

        found = said(forward, lambda g, b: g, drawn(*shape))
        assert found == {f"right if summed over {named}: the input is broadcast there": "broadcast"}

    def test_over_two(self):
        found = said(lambda b: X[:2] + b, lambda g, b: g, drawn(5))
        assert found == {"right if summed over axis 0: the input is broadcast there": "broadcast"}

    def test_an_axis_of_one_is_reshaped(self):
        found = said(lambda b: b, lambda g, b: g[None], drawn(5))
        assert list(found) == ["right if reshaped to (5,): it has axes of length 1 too many, or too few (keepdims)"]


class TestCropped:
    @staticmethod
    def padded(x):
        return np.pad(x, ((0, 0), (1, 2), (0, 3)))

    @pytest.mark.parametrize(("top", "left"), [(1, 0), (0, 0), (3, 2)])
    def test_to_a_window(self, top, left):
        def backward(g, x):
            wide = np.full(g.shape, 0.5)
            wide[:, top : top + 4, left : left + 5] = g[:, 1:5, :5]
            return wide

        found = said(self.padded, backward, drawn(2, 4, 5))
        rows, columns = f"{top}:{top + 4}", f"{left}:{left + 5}"
        assert found == {f"right if cropped to [{rows}, {columns}] of its last two axes": "padding-not-cropped"}

    def test_in_any_place_that_there_is(self):
        scene = scene_of(self.padded, lambda g, x: g, drawn(2, 4, 5))
        assert sum("cropped to" in claim.message for claim in misshapen(scene, 0)) == 4 * 4

    def test_not_of_rows_or_of_what_is_smaller(self):
        assert said(lambda x: np.pad(x, 1), lambda g, x: g, drawn(5)) == {}
        assert said(sine, lambda g, x: np.pad(slope(g, x), 1)[:3], X) == {}
