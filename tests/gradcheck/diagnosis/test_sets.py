"""Sets of the entries of an array that their place describes."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.sets import sets

ROWS, COLUMNS = np.indices((6, 7))


def named(shape):
    return {said: (kind, some) for said, kind, some in sets(shape)}


@pytest.mark.parametrize(
    ("said", "kind", "some"),
    [
        ("at the first 2 places along axis 0", "subset", ROWS < 2),
        ("at the last 3 places along axis 1", "subset", COLUMNS > 3),
        ("at both ends of axis 0, 2 places wide", "border", (ROWS < 2) | (ROWS > 3)),
        ("at both ends of axis 1, 3 places wide", "border", (COLUMNS < 3) | (COLUMNS > 3)),
        (
            "at the border: 1 above, 1 below, 1 on the left, 1 on the right",
            "border",
            (ROWS < 1) | (ROWS > 4) | (COLUMNS < 1) | (COLUMNS > 5),
        ),
        ("at the border: 2 above, 0 below, 0 on the left, 1 on the right", "border", (ROWS < 2) | (COLUMNS > 5)),
        ("everywhere but at index 5 of axis 0", "subset", ROWS != 5),
        ("at every second place along axis 1, from 1 on", "subset", COLUMNS % 2 == 1),
        ("at every second place along axis 0, from 0 on", "subset", ROWS % 2 == 0),
        ("on the diagonal", "subset", ROWS == COLUMNS),
        ("off the diagonal", "subset", ROWS != COLUMNS),
        ("below the diagonal", "subset", ROWS > COLUMNS),
        ("above the diagonal", "subset", ROWS < COLUMNS),
        ("on and below the diagonal", "subset", ROWS >= COLUMNS),
        ("on and above the diagonal", "subset", ROWS <= COLUMNS),
    ],
)
def test_a_set_is_what_it_is_said_to_be(said, kind, some):
    assert named((6, 7))[said][0] == kind
    assert np.array_equal(named((6, 7))[said][1], some)
    images = named((2, 6, 7))[said.replace("axis 1", "axis 2").replace("axis 0", "axis 1")]
    assert np.array_equal(images[1], np.broadcast_to(some, (2, 6, 7)))


def test_a_border_as_wide_on_all_sides_comes_first():
    borders = [said for said in named((6, 7)) if said.startswith("at the border: ")]
    assert borders[:2] == [f"at the border: {w} above, {w} below, {w} on the left, {w} on the right" for w in (1, 2)]
    assert "at the border: 1 above, 1 below, 0 on the left, 0 on the right" not in borders
    assert "at the border: 1 above, 0 below, 0 on the left, 0 on the right" not in borders
    assert len(borders) == 3**4 - 1 - 2 * (3**2 - 1)  # on either axis something


@pytest.mark.parametrize(
    ("length", "bands", "ends", "others", "seconds"),
    [(2, 0, 0, 0, 0), (3, 0, 0, 3, 0), (4, 2, 0, 4, 2), (5, 2, 1, 5, 2), (9, 6, 3, 9, 2), (12, 6, 3, 12, 2)],
)
def test_of_a_row(length, bands, ends, others, seconds):
    found = list(named((length,)))
    assert sum(" places along axis 0" in said and "at the" in said for said in found) == bands
    assert sum("at both ends" in said for said in found) == ends
    assert sum("everywhere but" in said for said in found) == others
    assert sum("every second" in said for said in found) == seconds
    assert len(found) == bands + ends + others + seconds


def test_what_has_all_entries_or_none_is_no_set():
    assert named(()) == named((1,)) == {}
    for shape in ((1, 4), (4, 1), (2, 2)):
        for said, (_, some) in named(shape).items():
            assert 0 < some.sum() < some.size, said
