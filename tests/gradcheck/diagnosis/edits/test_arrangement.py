"""An array whose entries belong elsewhere, a mask that is moved or upside down, another branch."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.arrangement import branches, diagonals, masks, moved_masks, moves, transposes
from scratchcnn.gradcheck.diagnosis.edits.places import BRANCH, MATRIX
from tests.gradcheck.diagnosis.edits.made import expression, kinds, made, told

A = np.arange(6.0).reshape(2, 3)


def values(found):
    return {said: value.tolist() for said, (_, value) in found.items()}


def test_what_is_laid_out_may_be_dealt_out_otherwise():
    halves = "with the two halves of axis 0 interleaved"
    row = np.arange(4.0)
    kind, value = made(moves, expression("np.tile(a, 2)"), told(row))[f"`np.tile(a, 2)` {halves}"]
    assert (kind, value.tolist()) == (["permuted"], [0, 2, 1, 3])
    for text in ("a.reshape(-1)", "np.stack([a, b])", "np.repeat(a, 2)", "g[::2]", "np.concatenate([a, b])"):
        assert f"`{text}` {halves}" in made(moves, expression(text), told(row))
    assert f"`a` {halves}" not in made(moves, expression("a"), told(row))


def test_what_is_transposed_may_have_any_two_axes_exchanged():
    value = np.zeros((2, 3, 2))
    said = {f"`a.transpose(0, 2, 1)` with axes {axes} exchanged" for axes in ("0 and 1", "1 and 2", "0 and 2")}
    found = made(transposes, expression("a.transpose(0, 2, 1)"), told(value))
    assert {text: kind for text, (kind, _) in found.items()} == {text: ["transposed"] for text in said}
    assert found["`a.transpose(0, 2, 1)` with axes 0 and 1 exchanged"][1].shape == (3, 2, 2)
    assert found["`a.transpose(0, 2, 1)` with axes 1 and 2 exchanged"][1].shape == (2, 2, 3)
    for text in ("a", "f(a)"):
        assert made(transposes, expression(text), told(value)).keys() == {f"`{text}` with axes 0 and 2 exchanged"}


def test_a_mask_may_be_upside_down_or_left_out():
    found = made(masks, expression("m"), told(np.array([1.0, 0.0, 1.0])))
    assert values(found) == {"`m` inverted": [0, 1, 0], "no mask `m`": [1, 1, 1]}
    assert {said: kind for said, (kind, _) in found.items()} == {
        "`m` inverted": ["subset", "operand"],
        "no mask `m`": ["subset"],
    }
    assert made(masks, expression("a"), told(A)) == {}


def test_the_other_branch_may_be_the_right_one():
    known = {"x": A, "mode": "train", "mask": np.array([True, False]), "n": 3}
    found = made(branches, expression("x.sum() > 0", BRANCH), told(np.bool_(True), known))
    assert found == {"`not x.sum() > 0` in place of `x.sum() > 0`": (["subset", "operand"], False)}
    assert made(branches, expression("mask.any()", BRANCH), told(False, known))
    for site, value in (
        (expression("x.sum() > 0"), True),
        (expression("x.size", BRANCH), 3),
        (expression("mode == n", BRANCH), True),
    ):
        assert made(branches, site, told(value, known)) == {}


@pytest.mark.parametrize("fill", [(1.0, 0.0), (0.0, -np.inf), (True, False), (-1, 4)])
def test_a_triangle_may_end_at_another_diagonal(fill):
    low, high = min(fill), max(fill)
    for shape, diagonal in (((3, 3), 0), ((3, 4), 1), ((4, 3), -1)):
        lower = np.where(np.tri(*shape, diagonal) > 0, high, low)
        found = made(diagonals, expression("t"), told(lower))
        assert {said: kind for said, (kind, _) in found.items()} == {
            f"the triangle `t` moved by {by}": ["shifted"] for by in (1, -1)
        }
        for by in (1, -1):
            moved = found[f"the triangle `t` moved by {by}"][1]
            np.testing.assert_array_equal(moved, np.where(np.tri(*shape, diagonal + by) > 0, high, low))
            assert moved.dtype == lower.dtype
        upper = np.where(np.triu(np.ones(shape), diagonal) > 0, high, low)
        found = made(diagonals, expression("t"), told(upper))
        moved = found["the triangle `t` moved by 1"][1]
        np.testing.assert_array_equal(moved, np.where(np.triu(np.ones(shape), diagonal + 1) > 0, high, low))
    for corner in (np.triu(np.ones((3, 4)), 3), np.tri(3, 4, -2), np.array([[1.0, 0.0]])):
        assert len(made(diagonals, expression("t"), told(corner))) == 2


@pytest.mark.parametrize(
    "value", [A, np.ones((2, 2)), np.tri(3)[0], np.ones((1, 1)), 3.0, np.array([["a", "b"], ["b", "b"]])]
)
def test_what_is_no_triangle_has_no_diagonal(value):
    assert made(diagonals, expression("t"), told(value)) == {}


def test_an_array_may_be_transposed():
    square = A[:, :2]
    assert values(made(transposes, expression("a"), told(square))) == {
        "`a` with axes 0 and 1 exchanged": square.T.tolist()
    }
    assert kinds(transposes, expression("a"), told(square)) == {"`a` with axes 0 and 1 exchanged": ["transposed"]}
    images = np.arange(12.0).reshape(2, 2, 3)
    assert values(made(transposes, expression("a"), told(images))) == {
        "`a` with axes 0 and 1 exchanged": images.transpose(1, 0, 2).tolist()
    }
    for text in ("a", "b.transpose()"):  # a table fits nowhere else, but in a product
        assert kinds(transposes, expression(text), told(A)) == {}
    assert made(transposes, expression("a", MATRIX), told(A))["`a` transposed"][0] == ["transposed"]
    ((kind, row),) = made(transposes, expression("a"), told(A[:1])).values()
    assert (kind, row.shape) == (["broadcast"], (3, 1))
    ((kind, column),) = made(transposes, expression("a"), told(A[0])).values()
    assert (kind, column.shape) == (["broadcast"], (3, 1))
    for row in (A[0], A[0, :2]):
        assert kinds(transposes, expression("a"), told(row)) == {"`a` as a column": ["broadcast"]}
    assert kinds(transposes, expression("a"), told(A[0, :1])) == kinds(transposes, expression("a"), told(2.0)) == {}


def test_an_axis_of_one_entry_may_belong_elsewhere():
    value = A.reshape(2, 1, 3)
    found = made(transposes, expression("a"), told(value))
    assert {said: moved.shape for said, (_, moved) in found.items()} == {
        "axis 1 of `a`, of length 1, as axis 0": (1, 2, 3),
        "axis 1 of `a`, of length 1, as axis 2": (2, 3, 1),
    }
    assert {tuple(kind) for kind, _ in found.values()} == {("broadcast",)}


def test_an_array_may_be_in_reverse_or_moved():
    found = made(moves, expression("a"), told(A[0]))
    assert values(found) == {
        "`a` in reverse along axis 0": [2, 1, 0],
        "`a` moved by 1 along axis 0": [2, 0, 1],
        "`a` moved by -1 along axis 0": [1, 2, 0],
    }
    assert found["`a` in reverse along axis 0"][0] == ["permuted", "rotated"]
    of_two = made(moves, expression("a"), told(A))
    assert of_two["`a` moved by 1 along axis 1"][1].tolist() == [[2, 0, 1], [5, 3, 4]]
    assert of_two["`a` moved by 1 along axis 1"][0] == ["shifted"]
    assert of_two["`a` moved by 1 along axis 0"][1].tolist() == A[::-1].tolist()
    assert {said: kind for said, (kind, _) in of_two.items() if "moved" not in said} == {
        "`a` turned by 180 degrees over its last two axes": ["rotated"],
        "`a` in reverse along axis 0": ["permuted", "rotated"],
        "`a` in reverse along axis 1": ["rotated"],
    }
    assert of_two["`a` in reverse along axis 1"][1].tolist() == [[2, 1, 0], [5, 4, 3]]
    for ndim in (3, 4):  # a filter is turned along its last two axes
        images = kinds(moves, expression("a"), told(np.arange(2.0**ndim).reshape((2,) * ndim)))
        axes = [images[f"`a` in reverse along axis {n}"] for n in range(ndim)]
        assert axes == (ndim - 2) * [["permuted", "rotated"]] + 2 * [["rotated"]]
    turned = made(moves, expression("a"), told(np.array([[0.25, 0.5], [0.5, 0.75]])))
    assert [said for said in turned if "moved" not in said] == [f"`a` in reverse along axis {n}" for n in (0, 1)]
    assert not any("moved" in said and "axis 0" in said for said in made(moves, expression("a"), told(A[:1])))
    assert made(moves, expression("m"), told(np.array([True, False])))
    assert made(moves, expression("n"), told(np.array([1, 2]))) == made(moves, expression("n"), told(2.0)) == {}


def test_a_mask_and_what_is_laid_out_may_be_moved():
    for text, value in (("m", np.array([1.0, 0.0, 0.0])), ("m", np.array([True, False])), ("np.roll(a, 1)", A)):
        found = kinds(moved_masks, expression(text), told(value))
        assert found == kinds(moves, expression(text), told(value)) != {}
    assert kinds(moved_masks, expression("a"), told(A)) == {}
