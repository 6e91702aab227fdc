"""Ways to put the entries of an array elsewhere: each is what it is said to be."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.rearrangements import axes_in_words, exchanges, flips, rearrangements

SQUARE, MATRIX, ROW = np.arange(9).reshape(3, 3), np.arange(12).reshape(3, 4), np.arange(6)
LAID_OUT = "(tile for repeat, or other axes of a reshape)"
TWELVE, FOUR = np.arange(12), np.arange(16).reshape(4, 4)
FILTERS = np.arange(2 * 3 * 3 * 3).reshape(2, 3, 3, 3)


def ways(shape):
    found = {}
    for kind, message, function in rearrangements(shape):
        found.setdefault(message.removeprefix("the true one "), (kind, function))
    return found


@pytest.mark.parametrize(
    ("array", "said", "kind", "expected"),
    [
        (SQUARE, "with axes 0 and 1 exchanged", "transposed", SQUARE.T),
        (FILTERS, "with axes 2 and 3 exchanged", "transposed", FILTERS.swapaxes(2, 3)),
        (FILTERS, "with axes 1 and 2 and 3 exchanged", "transposed", FILTERS.transpose(0, 2, 3, 1)),
        (FILTERS, "turned by 180 degrees over its last two axes", "rotated", FILTERS[..., ::-1, ::-1]),
        (FILTERS, "in reverse along axis 1", "permuted", FILTERS[:, ::-1]),
        (FILTERS, "in reverse along axes 0 and 1", "permuted", FILTERS[::-1, ::-1]),
        (FILTERS, "in reverse along axis 3", "rotated", FILTERS[..., ::-1]),
        (FILTERS, "in reverse along axes 1 and 2", "rotated", FILTERS[:, ::-1, ::-1]),
        (ROW, "in reverse along axis 0", "rotated", ROW[::-1]),
        (SQUARE, "transposed and turned by 180 degrees over its last two axes", "rotated", SQUARE.T[::-1, ::-1]),
        (ROW, "moved by 1 along axis 0", "shifted", np.array([5, 0, 1, 2, 3, 4])),
        (ROW, "moved by -2 along axis 0", "shifted", np.array([2, 3, 4, 5, 0, 1])),
        (ROW, "moved by 2 along axis 0, zero where it left", "shifted", np.array([0, 0, 0, 1, 2, 3])),
        (ROW, "moved by -1 along axis 0, zero where it left", "shifted", np.array([1, 2, 3, 4, 5, 0])),
        (MATRIX, "moved by 1 along axis 1", "shifted", np.roll(MATRIX, 1, 1)),
        (MATRIX, "'s numbers in Fortran's order, laid out row by row", "permuted", MATRIX.T.reshape(3, 4)),
        (MATRIX, "'s numbers laid out in Fortran's order", "permuted", MATRIX.reshape(4, 3).T),
        (
            FILTERS,
            "'s numbers in the axes' order (0, 2, 3, 1), laid out row by row",
            "permuted",
            FILTERS.transpose(0, 2, 3, 1).reshape(FILTERS.shape),
        ),
        (
            FILTERS,
            "'s numbers laid out in the axes' order (0, 2, 3, 1)",
            "permuted",
            FILTERS.reshape(2, 3, 3, 3).transpose(0, 3, 1, 2),
        ),
        (MATRIX, "with 2 parts of axis 1 in the order (1, 0)", "permuted", MATRIX[:, [2, 3, 0, 1]]),
        (ROW, "with 3 parts of axis 0 in the order (2, 0, 1)", "permuted", np.array([4, 5, 0, 1, 2, 3])),
        (SQUARE, "with axis 1 in the order (2, 0, 1)", "permuted", SQUARE[:, [2, 0, 1]]),
        (ROW, f"with the two halves of axis 0 interleaved {LAID_OUT}", "permuted", np.array([0, 3, 1, 4, 2, 5])),
        (
            ROW,
            f"with every other place of axis 0 first, then the others {LAID_OUT}",
            "permuted",
            np.array([0, 2, 4, 1, 3, 5]),
        ),
        (TWELVE, f"with 3 parts of axis 0 interleaved {LAID_OUT}", "permuted", TWELVE.reshape(3, 4).T.reshape(-1)),
        (
            FOUR,
            f"with 2 parts of each of axes 0 and 1 interleaved {LAID_OUT}",
            "permuted",
            FOUR[[0, 2, 1, 3]][:, [0, 2, 1, 3]],
        ),
    ],
)
def test_what_is_said_is_done(array, said, kind, expected):
    found = ways(array.shape)
    name = next(message for message in found if message.removeprefix("the true one") == said)
    assert found[name][0] == kind
    before = array.copy()
    assert np.array_equal(found[name][1](array), expected)
    assert np.array_equal(array, before)


@pytest.mark.parametrize("array", [ROW[:4], MATRIX, SQUARE, FILTERS])
def test_no_way_leaves_all_in_its_place(array):
    for said, (_, function) in ways(array.shape).items():
        assert not np.array_equal(function(array), array), said


def test_what_does_not_fit_is_not_tried():
    assert list(rearrangements(())) == []
    assert list(rearrangements((1,))) == []
    assert not any("exchanged" in said for said in ways((3, 4)))
    assert not any("transposed and turned" in said for said in [*ways((3, 4)), *ways((1, 1)), *ways((3,))])
    two = ways((2,))
    assert {said for said in two if "moved" in said} == {
        f"moved by {by} along axis 0{more}" for by in (1, -1) for more in ("", ", zero where it left")
    }
    assert not any("parts" in said for said in ways((3,)))
    assert any("with 2 parts of axis 0" in said for said in ways((4,)))
    assert not any("with 4 parts of axis 0" in said for said in ways((4,)))
    for length, tried in ((2, False), (3, True), (5, True), (6, False)):
        assert any("with axis 0 in the order" in said for said in ways((length,))) is tried
    many = ways((2, 2, 2, 2, 2))
    assert not any("numbers" in said for said in many)
    assert len([said for said in many if "exchanged" in said]) == 10  # of five axes, any two


def test_the_last_two_axes_are_turned_first():
    assert list(flips((2, 1, 3, 3))) == [(2, 3), (0,), (2,), (3,), (0, 2), (0, 3), (0, 2, 3)]


def test_axes_of_one_length_are_exchanged():
    assert list(exchanges((2, 3, 2))) == [(2, 1, 0)]
    assert axes_in_words((1,)) == "axis 1"
    assert axes_in_words((0, 2)) == "axes 0 and 2"


def rotated(x):
    """Pairs of the two halves, each turned by an angle of its own."""
    angle = np.arange(x.shape[1] // 2) + 0.5
    one, two = np.split(x, 2, axis=1)
    return np.concatenate(
        [one * np.cos(angle) - two * np.sin(angle), one * np.sin(angle) + two * np.cos(angle)], axis=1
    )


def rotated_backward(g, x):
    angle = np.arange(x.shape[1] // 2) + 0.5
    one, two = g[:, 0::2], g[:, 1::2]
    return np.concatenate(
        [one * np.cos(angle) + two * np.sin(angle), two * np.cos(angle) - one * np.sin(angle)], axis=1
    )


def test_every_other_place_taken_for_the_halves_is_named():
    x = np.random.default_rng(0).normal(size=(3, 8))
    message = check_gradient(rotated, rotated_backward, x).diagnoses[0].message
    assert message.startswith("the true one for the cotangent")
    assert "with every other place of axis 1 first, then the others" in message


def pooled(x):
    return np.tanh(x).reshape(4, 3).mean(axis=1)


def pooled_backward(g, x):
    return np.tile(g, 3) / 3 * (1 - np.tanh(x) ** 2)


def test_tile_for_repeat_is_named():
    first = check_gradient(pooled, pooled_backward, np.random.default_rng(0).normal(size=12)).diagnoses[0]
    assert first.message.startswith("right with repeat in place of tile: `np.tile(")
