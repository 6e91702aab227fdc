"""A gradient that is a product of matrices, with one of them left out, transposed, or another one in its place."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.products import with_another_factor
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X, W, SQUARE = drawn(6, 5), drawn(5, 5, seed=6), drawn(5, 5)


def dense(x, w):
    return x @ w


def said(grad_x=None, grad_w=None, *, x=X, w=W, forward=dense, scenes=1):
    """What is said where one of the two gradients is as given, and the other right."""
    index = 0 if grad_x else 1

    def backward(g, x, w):
        return grad_x(g, w) if grad_x else g @ w.T, grad_w(g, x) if grad_w else x.T @ g

    points = [scene_of(forward, backward, x, w, seed=k) for k in range(scenes)]
    found = held(with_another_factor, *points, index=index)
    return {message.removeprefix("the true one "): kind for message, kind in found.items()}


def test_another_matrix_in_its_place():
    for gradient, other, kind in (
        (lambda g, w: g @ w, "w", "transposed"),
        (lambda g, w: g @ np.linalg.inv(w), "the inverse of w", "operand"),
        (lambda g, w: g @ np.linalg.inv(w).T, "the inverse of w transposed", "operand"),
    ):
        assert said(gradient) == {f"with {other} in place of w transposed as its last factor": kind}
    for w in (W, W[:, :3]):
        assert said(grad_w=lambda g, x: x @ g, x=SQUARE, w=w) == {
            "with x in place of x transposed as its first factor": "transposed"
        }
    assert said(lambda g, w: g @ w.T, forward=lambda x, w: x @ w.T) == {
        "with w transposed in place of w as its last factor": "transposed"
    }


def test_of_two_inputs_the_other_one():
    def forward(x, w):
        return x @ w @ w

    found = said(lambda g, w: g @ w.T @ w, forward=forward)
    assert found == {"with w in place of w transposed as its last factor": "transposed"}


@pytest.mark.parametrize("w", [W, W[:2, :2]])
def test_the_output_in_place_of_its_transpose(w):
    """Of an inverse y: -yᵀ g yᵀ."""

    def backward(g, x):
        y = np.linalg.inv(x)
        return -y.T @ g @ y

    found = held(with_another_factor, scene_of(lambda x: np.linalg.inv(x), backward, w))
    assert found["the true one with the output in place of the output transposed as its last factor"] == "transposed"


def test_beside_a_vector_and_of_two_by_two():
    def forward(x, w, b):
        return x @ w + b

    for size in (2, 3):
        x, w, b = drawn(size, size), drawn(size, size, seed=6), drawn(size)
        scene = scene_of(forward, lambda g, x, w, b: (g @ w, x.T @ g, g.sum(0)), x, w, b)
        message = "the true one with w in place of w transposed as its last factor"
        assert held(with_another_factor, scene)[message] == "transposed"


def test_where_a_factor_has_no_inverse_nothing_holds():
    scenes = [scene_of(dense, lambda g, x, w: (g, x.T @ g), X, w) for w in (W, np.ones((5, 5)))]
    assert len(held(with_another_factor, scenes[0])) == 1
    assert held(with_another_factor, *scenes) == {}


def test_a_factor_that_is_left_out():
    assert said(lambda g, w: g) == {"without its last factor, w transposed": "missing-factor"}
    assert said(grad_w=lambda g, x: g, x=SQUARE) == {"without its first factor, x transposed": "missing-factor"}


@pytest.mark.parametrize("size", [1e-6, 1e6])
def test_matrices_of_any_size_and_those_that_are_hard_to_invert_are_known(size):
    hard = W @ np.diag([1, 1, 1, 1, 0.1])
    for w in (size * W, hard):
        assert said(lambda g, w: g @ w, w=w) == {"with w in place of w transposed as its last factor": "transposed"}
        assert said(lambda g, w: g, w=w) == {"without its last factor, w transposed": "missing-factor"}
    scene = scene_of(dense, lambda g, x, w: (g @ w, x.T @ g), X, W, cotangent=size * drawn(6, 5, seed=1))
    assert len(held(with_another_factor, scene)) == 1


def test_the_other_factor_transposed_beside_one_that_is_no_square():
    found = said(lambda g, w: g.T @ w.T, x=drawn(6, 7), w=drawn(7, 6, seed=1))
    assert next(iter(found.items())) == ("with the other factor of w transposed transposed", "transposed")
    found = said(grad_w=lambda g, x: x.T @ g.T, x=drawn(6, 7), w=drawn(7, 6, seed=1))
    assert next(iter(found.items())) == ("with the other factor of x transposed transposed", "transposed")


def test_the_other_factor_transposed():
    found = said(grad_w=lambda g, x: x.T @ g.T, x=SQUARE)
    assert next(iter(found.items())) == ("with the other factor of x transposed transposed", "transposed")
    found = said(lambda g, w: g.T @ w.T, x=SQUARE)
    assert next(iter(found.items())) == ("with the other factor of w transposed transposed", "transposed")


@pytest.mark.parametrize(
    ("grad_x", "fields"),
    [
        (lambda g, w: g @ w.T, {}),  # right: nothing that is said of it is another one
        (lambda g, w: 2 * g @ w, {}),
        (lambda g, w: g @ w + 1e-6, {}),
        (lambda g, w: (g @ w.T)[:, :1], {}),
        (lambda g, w: (g @ w)[None], {}),
        (lambda g, w: g @ w, {"forward": lambda x, w: np.sin(x @ w)}),  # no product with w alone
        (lambda g, w: g, {"w": np.diag([1, 1, 1, 1, 1e-5])}),  # the factor tells nothing of the other
    ],
)
def test_nothing_is_said_of_anything_else(grad_x, fields):
    assert said(grad_x, **fields) == {}


def test_of_rows_and_of_stacks_nothing_is_said():
    assert said(lambda g, w: g, x=X[:1]) == {}
    for stack in (drawn(2, 6, 5), drawn(2, 5, 5)):
        assert held(with_another_factor, scene_of(dense, lambda g, x, w: (g, w), stack, W)) == {}


def test_an_output_that_is_no_matrix_is_no_factor():
    for output in (lambda y: y.sum(0), lambda y: np.stack([y, y]), lambda y: y.sum()):
        scene = scene_of(lambda x, w, of=output: of(x @ w), lambda g, x, w: (x, w), X, W)
        assert held(with_another_factor, scene) == {}


def test_of_vectors_in_the_place_of_matrices_nothing_is_said():
    """Any gradient of rank one would be such a product."""
    w, v = drawn(5, 1), drawn(1, 5, seed=1)
    scene = scene_of(lambda x, w, v: x @ w, lambda g, x, w, v: (g @ v, x.T @ g, 0 * v), X, w, v)
    assert held(with_another_factor, scene) == {}


def test_it_holds_at_another_point_too():
    assert len(said(lambda g, w: g @ w, scenes=3)) == 1
