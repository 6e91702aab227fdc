"""Where a gradient is wrong when nothing says why, outputs that are left out, numbers that stand elsewhere."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.sets import sets
from tests.gradcheck.diagnosis.claims import at, drawn
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
