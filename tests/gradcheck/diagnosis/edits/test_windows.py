"""Slices of an index that begin or end in the wrong place."""

from contextlib import suppress

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.counts import WIDEST
from scratchcnn.gradcheck.diagnosis.edits.places import INDEX, WINDOW
from scratchcnn.gradcheck.diagnosis.edits.windows import ENDS, WHOLE, both_ends, differences, windows
from tests.gradcheck.diagnosis.edits.made import changes_of, expression, kinds, told

S = slice
A = list(range(10))


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    """A change that `tests.mutation` makes would go unseen where the other ends of a window are known already."""
    both_ends.cache_clear()


def edits(value, **variables):
    """What is done to an index with each change, and what changes are said to be."""
    found = changes_of(windows, expression("w", WINDOW), told(value, variables))
    return {said: (kinds, lambda index, edit=edit: edit(index, {})) for said, (kinds, edit) in found.items()}


def changed(value):
    """The index with each change of it, where that is possible."""
    found = {}
    for said, (kind, change) in edits(value).items():
        with suppress(ValueError):
            found[said] = kind, change(value)
    return found


@pytest.mark.parametrize(
    ("part", "after", "before"),
    [
        (S(2, 5), S(3, 6), S(1, 4)),
        (S(1, 5), S(2, 6), S(0, 4)),
        (S(0, 5), S(1, 6), None),
        (S(None, 5), S(1, 6), None),
        (S(2, None), None, S(1, -1)),
        (S(2, -1), S(3, None), S(1, -2)),
        (S(-3, -1), S(-2, None), S(-4, -2)),
        (S(-1, 0), S(0, 1), S(-2, -1)),  # as `k - 1 : k` is in the first round of a loop
        (S(-1, None), None, S(-2, -1)),
        (S(2, 8, 2), S(3, 9, 2), S(1, 7, 2)),
        (S(8, 2, -2), S(9, 3, -2), S(7, 1, -2)),
        (S(5, 0, -1), S(6, 1, -1), S(4, None, -1)),
        (S(5, None, -1), S(6, 0, -1), None),
        (S(None, None, -1), None, None),
        (S(None, 3, -1), None, S(-2, 2, -1)),
        (S(0, None, -1), S(1, 0, -1), None),
    ],
)
def test_a_slice_is_moved_by_one_where_that_is_inside(part, after, before):
    found = changed(part)
    for by, moved in ((1, after), (-1, before)):
        said = f"the slice of axis 0 in `[w]` moved by {by}"
        assert found.get(said) == (None if moved is None else (["shifted"], moved))


def test_a_slice_that_ends_at_the_end_and_is_moved_begins_later_and_ends_there():
    assert A[changed(S(2, -1))["the slice of axis 0 in `[w]` moved by 1"][1]] == [3, 4, 5, 6, 7, 8, 9]
    assert A[changed(S(2, None))["the slice of axis 0 in `[w]` moved by -1"][1]] == [1, 2, 3, 4, 5, 6, 7, 8]


def test_all_slices_of_an_index_are_moved_at_once():
    found = changed((S(1, 3), WHOLE, 4, S(2, 5)))
    kinds, value = found["the slices of axes 0, 3 in `[w]` moved by 1"]
    assert (kinds, value) == (["shifted"], (S(2, 4), WHOLE, 4, S(3, 6)))
    assert found["the slice of axis 3 in `[w]` moved by -1"][1] == (S(1, 3), WHOLE, 4, S(1, 4))
    assert "the slice of axis 1 in `[w]` moved by 1" not in found
    one = changed((S(0, 3), S(2, 5)))
    assert "the slices of axes 0, 1 in `[w]` moved by 1" in one
    assert "the slices of axes 0, 1 in `[w]` moved by -1" not in one
    assert not any("axes" in said for said in changed((S(1, 3), 2)))


@pytest.mark.parametrize(
    ("part", "others"),
    [
        (S(2, 5), [None, S(None), S(1, 5), S(2, 6), S(1, 6), S(3, 5), S(2, 4)]),
        (S(None, -1), [S(1, None), S(None), S(None, -1), S(None), S(None), S(1, -1), S(None, -2)]),
        (
            S(1, None, 2),
            [None, S(None, None, 2), S(None, None, 2), S(1, None, 2), S(None, None, 2), S(2, None, 2), S(1, -1, 2)],
        ),
        (S(-3, -2), [None, S(None), S(-4, -2), S(-3, -1), S(-4, -1), S(-2, -2), S(-3, -3)]),
    ],
)
def test_a_slice_has_other_ends(part, others):
    found = changed(part)
    for said, other in zip(ENDS, others, strict=True):
        assert found.get(f"`[w]` {said} along axis 0") == (None if other is None else (["border"], other))


@pytest.mark.parametrize(
    ("part", "rest"),
    [(S(None, 3), A[-3:]), (S(0, 3), A[-3:]), (S(3, None), A[:-3]), (S(None, -3), A[3:]), (S(-3, None), A[:3])],
)
def test_a_slice_has_as_many_places_at_the_other_end(part, rest):
    _, other = changed(part)["`[w]` at the other end along axis 0"]
    assert A[other] == rest
    assert len(rest) == len(A[part])
    _, back = changed(other)["`[w]` at the other end along axis 0"]
    assert A[back] == A[part]


@pytest.mark.parametrize("part", [S(1, 3), S(0, None), S(None, 0), S(None, 3, 2), S(None, None, -1)])
def test_a_slice_at_no_end_has_no_other_end(part):
    _, change = edits(part)["`[w]` at the other end along axis 0"]
    with pytest.raises(ValueError, match="is at no end"):
        change(part)


def test_of_several_slices_all_and_each_have_other_ends():
    found = changed((S(1, 3), 4, S(2, 5)))
    said = "`[w]` longer by one at the end along axis"
    assert found[f"{said} 0, 2"][1] == (S(1, 4), 4, S(2, 6))
    assert found[f"{said} 0"][1] == (S(1, 4), 4, S(2, 5))
    assert found[f"{said} 2"][1] == (S(1, 3), 4, S(2, 6))
    assert f"{said} 1" not in found
    said = "`[w]` at the other end along axis"
    found = changed((S(2), S(3, None)))
    assert [found[f"{said} {axes}"][1] for axes in ("0, 1", "0", "1")] == [
        (S(-2, None), S(-3)),
        (S(-2, None), S(3, None)),
        (S(2), S(-3)),
    ]


def test_an_option_is_a_stride_a_padding_or_a_dilation():
    index = S(1, 3), WHOLE, S(None, 4, 2)
    found = edits(index, stride=3, one=1, wide=WIDEST + 1, share=2.0, most=WIDEST)
    for said, expected in (
        ("with its beginnings times `stride`", (S(3, 5), WHOLE, S(0, 4, 2))),
        ("moved by `stride`", (S(4, 6), WHOLE, S(3, 7, 2))),
        ("with every `stride`-th place", (S(1, 7, 3), WHOLE, S(None, 12, 3))),
    ):
        kind, change = found[f"`[w]` {said}"]
        assert (kind, change(index)) == (["option-ignored"], expected)
    assert "`[w]` moved by `most`" in found
    assert not any(f" `{name}`" in text for text in found for name in ("wide", "share"))
    assert not any(
        f"moved by `{name}`" in text or f"times `{name}`" in text for text in found for name in ("one", "wide")
    )


def test_a_stride_may_be_forgotten_along_one_axis():
    index = S(1, 3), WHOLE, S(2, 5)
    found = edits(index, stride=3, times=2)
    said = "`[w]` with its beginnings times `stride`"
    assert [found[f"{said}{along}"][1](index) for along in ("", " along axis 0", " along axis 2")] == [
        (S(3, 5), WHOLE, S(6, 9)),
        (S(3, 5), WHOLE, S(2, 5)),
        (S(1, 3), WHOLE, S(6, 9)),
    ]
    assert f"{said} along axis 1" not in found
    # A padding, and a dilation, are those of all axes.
    along = [text for text in found if "` along axis" in text and found[text][0] == ["option-ignored"]]
    assert len(along) == 4
    assert all("with its beginnings times" in text for text in along)
    assert f"{said} along axis 0" not in edits((S(1, 3), 4), stride=3)  # there is no other one


def test_an_option_may_have_to_stand_for_another_one():
    found = edits((S(6, 9), 4), stride=3, one=1, size=2)
    said = "`[w]` with its beginnings at multiples of `{}` in place of `{}`"
    kind, change = found[said.format("size", "stride")]
    assert (kind, change((S(6, 9), 4))) == (["option-ignored"], (S(4, 7), 4))
    with pytest.raises(ValueError, match="7 is no multiple of 3"):
        change((S(7, 9), 4))
    assert found[said.format("one", "stride")][1]((S(6, 9, 2), 4)) == (S(2, 5, 2), 4)
    assert said.format("stride", "one") not in found  # every number is a multiple of 1
    assert said.format("stride", "size") in found


def test_one_entry_of_each_row_stands_for_whole_columns():
    labels = np.array([1, 0, 2])
    said = "one entry of each row, at `[w]`, in place of whole columns"
    found, (rows, columns) = changed((WHOLE, labels))[said]
    assert found == ["broadcast"]
    assert rows.tolist() == [0, 1, 2]
    assert columns is labels
    for other in ((WHOLE, labels * 1.0), (WHOLE, 2), (S(1, 3), labels), (WHOLE, labels, WHOLE), (labels, WHOLE)):
        assert said not in changed(other)
    assert said in changed((WHOLE, labels.astype(np.uint8)))


def test_a_whole_axis_and_what_is_no_window_stay():
    assert changed(WHOLE) == changed((WHOLE, 3)) == {}
    assert kinds(windows, expression("w", INDEX), told(S(1, 3))) == {}


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("d[1:]", "(d[1:] - d[:-1])"),
        ("d[:-1]", "(d[:-1] + d[1:])"),
        ("d[:, 1:]", "(d[:, 1:] - d[:, :-1])"),
        ("d[..., :-1, 2:]", "(d[..., :-1, 2:] + d[..., 1:, 2:])"),
        ("f(d)[1:]", "(f(d)[1:] + f(d)[:-1])"),
    ],
)
def test_a_difference_flows_to_both_its_ends(text, other):
    sign = " + " if " + " in other else " - "
    assert [reading.text for reading in both_ends(text, sign)] == [other]


@pytest.mark.parametrize("text", ["d", "d[2:]", "d[1]", "d[1:, 1:]", "d[k:]", "1:, :-1"])
def test_another_window_has_no_other_end(text):
    assert both_ends(text, " - ") == ()


def test_the_other_end_of_an_array_is_tried():
    found = kinds(differences, expression("d[1:]"), told(np.arange(3.0)))
    assert found == {
        "`(d[1:] - d[:-1])` in place of `d[1:]`": ["missing-term"],
        "`(d[1:] + d[:-1])` in place of `d[1:]`": ["missing-term"],
    }
    assert kinds(differences, expression("d[1:]"), told(2.0)) == {}
