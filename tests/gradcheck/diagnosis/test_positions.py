"""Where a gradient is wrong when nothing says why, outputs that are left out, numbers that stand elsewhere."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.positions import wrong_positions
from scratchcnn.gradcheck.diagnosis.sets import sets
from tests.gradcheck.diagnosis.claims import at, drawn, held, scene_of
from tests.gradcheck.diagnosis.hidden import hidden


def first(forward, backward, *inputs, **options):
    diagnosis = check_gradient(forward, backward, *inputs, **options).diagnoses[0]
    return diagnosis.kind, diagnosis.message.partition(" (")[0]


def garbled(where):
    """The gradient of tanh with numbers at some places that come from nowhere; its source would show the cause."""

    def backward(g, x):
        return g * np.where(where(x), np.cos(7 * x) + x * np.sin(5 * x), 1 - np.tanh(x) ** 2)

    return hidden(backward)


SETS = {
    "a band": (at(np.s_[:, -2:]), "subset", "the true one but at the last 2 places along axis 1"),
    "both ends": (at(np.s_[:, :2], np.s_[:, -2:]), "border", "the true one but at both ends of axis 1, 2 places wide"),
    "two sides": (
        at(np.s_[:1], np.s_[:, -1:]),
        "border",
        "the true one but at the border: 1 above, 0 below, 0 on the left, 1 on the right",
    ),
    "every second": (
        at(np.s_[:, 1::2]),
        "subset",
        "the true one but at every second place along axis 1, from 1 on",
    ),
    "a triangle": (lambda x: np.tri(*x.shape, -1) > 0, "subset", "the true one but below the diagonal"),
    "the largest": (
        lambda x: x == x.max(axis=0, keepdims=True),
        "subset",
        "the true one but at the largest entry along axis 0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("where", "kind", "said"), SETS.values(), ids=SETS)
def test_the_place_of_what_is_wrong_is_said(where, kind, said):
    assert first(np.tanh, garbled(where), drawn(6, 7)) == (kind, said)


def test_rows_that_an_index_names_twice():
    rows = np.array([0, 2, 2, 5, 5])

    def backward(g, x, rows):
        d, twice = np.zeros_like(x), np.bincount(rows, minlength=len(x)) > 1
        np.add.at(d, rows, 2 * g * x[rows])
        return np.where(twice[:, None], d * np.cos(7 * x), d), None

    found = first(lambda x, rows: x[rows] ** 2, hidden(backward), drawn(6, 3), rows, wrt=[0])
    assert found == ("overlap", "the true one but in the rows that rows names twice or more")


ROWS = np.array([0, 2, 2, 5, 5, 0])
COUNT = np.bincount(ROWS, minlength=6)[:, None]


LABELS = np.array([3, 0, 1, 1, 2, 0])


@pytest.mark.parametrize(
    ("where", "rows", "kind", "said"),
    [
        (COUNT > 0, ROWS, "subset", "in the rows that rows names"),
        (COUNT == 0, ROWS, "subset", "in the rows that rows does not name"),
        (COUNT > 1, np.append(ROWS, 3), "overlap", "in the rows that rows names twice or more"),
        (np.arange(4) == LABELS[:, None], LABELS, "subset", "at the entry of each row that rows names"),
    ],
)
def test_what_an_index_picks_is_said(where, rows, kind, said):
    def backward(g, x, rows):
        return g * np.cos(x) * np.where(where, np.cos(7 * x), 1), None

    scenes = [scene_of(lambda x, rows: np.sin(x), backward, drawn(6, 4, seed=n), rows, wrt=[0]) for n in (0, 1)]
    assert held(wrong_positions, *scenes)[f"the true one but {said}"] == kind
    right = scene_of(lambda x, rows: np.sin(x), lambda g, x, rows: (g * np.cos(x), None), drawn(6, 4), rows, wrt=[0])
    assert held(wrong_positions, right) == {}


@pytest.mark.parametrize(
    "rows",
    [
        np.array([0.0, 1.0]),
        np.array([], int),
        np.array([-1, 0]),
        np.array([0, 6]),
        np.array([0, 1, 2, 3, 4, 4]),
        np.array([True]),
    ],
)
def test_an_array_that_is_no_index_picks_nothing(rows):
    scene = scene_of(
        lambda x, rows: np.sin(x), lambda g, x, rows: (2 * g * np.cos(x), None), drawn(6, 4), rows, wrt=[0]
    )
    said = [claim.message for claim in wrong_positions(scene, 0)]
    assert said
    named = [message for message in said if " rows " in message]
    assert len(named) == (3 if rows.size == 6 else 0)  # its largest is a row, but no column


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("word", "of"), [("largest", np.max), ("smallest", np.min)])
def test_the_extremes_along_an_axis_are_said(axis, word, of):
    def backward(g, x):
        extreme = x == of(x, axis=axis, keepdims=True)
        return g * np.cos(x) * np.where(extreme, np.cos(7 * x), 1)

    scenes = [scene_of(np.sin, backward, drawn(5, 4, seed=n)) for n in (0, 1)]
    assert held(wrong_positions, *scenes) == {f"the true one but at the {word} entry along axis {axis}": "subset"}


def test_an_axis_of_one_entry_has_no_extremes():
    scene = scene_of(np.sin, lambda g, x: 2 * g * np.cos(x), drawn(1, 4))
    said = [claim.message for claim in wrong_positions(scene, 0)]
    assert [message for message in said if message.endswith("along axis 0") and "entry" in message] == []


def lost(wrong, where, shape):
    """Two points at which some entries of a gradient are others."""
    return [
        scene_of(np.sin, lambda g, x: np.where(where, wrong(x), g * np.cos(x)), drawn(*shape, seed=n)) for n in (0, 1)
    ]


def test_a_place_leaves_out_a_few_right_entries():
    column = np.arange(3) != [[1], [1]]
    found = held(wrong_positions, *lost(np.zeros_like, column, (2, 3)))
    assert found == {"the true one at index 1 of axis 1 alone": "subset"}
    assert held(wrong_positions, *lost(np.zeros_like, np.triu(np.ones((2, 3))) > 0, (2, 3))) == {}


def test_more_than_half_of_the_entries_are_a_place_only_where_they_are_lost():
    where, said = np.arange(7) != 2, "the true one at index 2 of axis 0 alone"
    where = np.tile(where[:, None], 3)
    assert said in held(wrong_positions, *lost(np.zeros_like, where, (7, 3)))
    assert said not in held(wrong_positions, *lost(np.cosh, where, (7, 3)))


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_a_single_number_and_another_shape_have_no_places(shape):
    scene = scene_of(np.sin, lambda g, x: np.ones(np.shape(x)[1:]), drawn(*shape))
    assert list(wrong_positions(scene, 0)) == []


def test_no_place_is_said_where_right_entries_are_among_the_wrong_ones():
    scattered = garbled(at((0, 1), (2, 4), (3, 3), (5, 0), (4, 6)))
    assert check_gradient(np.tanh, scattered, drawn(6, 7)).diagnoses == ()


def joined(x):
    return np.concatenate([np.sin(x), x**2, x * np.cos(x)], axis=1)


def test_a_part_of_a_concatenation_that_is_left_out_is_named():
    def backward(g, x):
        return g[:, :3] * np.cos(x) + 2 * g[:, 3:6] * x

    kind, said = first(joined, backward, drawn(4, 3))
    assert (kind, said) == ("missing-term", "the true one without the outputs at the last 3 places along axis 1")


def test_rows_of_an_image_that_a_loop_does_not_reach_are_named():
    def forward(x):
        return np.tanh(x.sum(axis=0)) * x

    def backward(g, x):
        d, t = np.zeros_like(x), np.tanh(x.sum(axis=0))
        for i in range(2, x.shape[2] - 2):
            row = g[:, :, i]
            d[:, :, i] = row * t[:, i] + (1 - t[:, i] ** 2) * (row * x[:, :, i]).sum(axis=0)
        return d

    kind, said = first(forward, backward, drawn(2, 3, 6, 5))
    assert (kind, said) == ("border", "the true one without the outputs at both ends of axis 2, 2 places wide")


def test_numbers_at_each_others_places_are_named():
    order = np.random.default_rng(5).permutation(24)
    found = first(np.sin, lambda g, x: (g * np.cos(x)).reshape(-1)[order].reshape(4, 6), drawn(4, 6))
    assert found == ("permuted", "made of the true one's numbers, each at the place of another one")


@pytest.mark.parametrize("shape", [(), (1,), (5,), (1, 4), (4, 1), (2, 2), (2, 3, 1, 6), (3, 5, 6)])
def test_a_set_has_some_entries_and_leaves_some_out(shape):
    for said, _, some in sets(shape):
        assert some.shape == shape, said
        assert 0 < some.sum() < some.size, said
