"""The pictures of a gradient: the colour of each entry, where images, marks and labels stand, and what is told."""

import numpy as np
import pytest

from scratchcnn.gradcheck.report import pictures
from scratchcnn.gradcheck.report.entry import Picture
from scratchcnn.gradcheck.report.evidence import Called, Evidence
from scratchcnn.gradcheck.report.pictures import BAD, FINE, NOT_LOOKED_AT, OPEN, Seen, picture, pictures_of, seen
from scratchcnn.gradcheck.report.report import Compared
from scratchcnn.gradcheck.report.svg import LINE, POINTS, SOFT, UNDECIDED, WRONG

ANALYTIC = np.array([[1.0, -2.0, 0.0], [np.nan, np.inf, 4.0]])
NUMERICAL = np.array([[1.0, -2.0, 0.0], [1.0, 1.0, 8.0]])
STATE = np.array([[FINE, FINE, FINE], [NOT_LOOKED_AT, OPEN, BAD]])
SEEN = Seen(ANALYTIC, NUMERICAL, STATE)
GREY, ABOVE, BELOW = (128 / 255,) * 3, np.array([214, 104, 16]) / 255, np.array([38, 120, 200]) / 255


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn: each with its name and words."""
    found = []
    monkeypatch.setattr(pictures, "as_svg", lambda *arguments: found.append(arguments) or arguments[1])
    return found


def images(figure):
    (axes,) = figure.axes
    return [np.asarray(image.get_array()) for image in axes.images]


def test_a_gradient_has_four_pictures_with_their_scales_and_notes(figures):
    drawn = pictures_of(SEEN, "x")
    assert [(d.title, d.svg, d.low, d.high, d.notes, d.ink) for d in drawn] == [
        ("analytic", "x-a", "−8", "8", ("grey: 1 of 6 not known, or not numbers",), False),
        ("numerical", "x-n", "−8", "8", (), False),
        ("difference", "x-d", "−4", "4", ("grey: 1 of 6 not known, or not numbers",), False),
        ("where it is wrong", "x-s", "", "", ("1 wrong, 1 undecided of 6",), False),
    ]
    assert [text for _, _, text in figures] == [
        "analytic: an array of 2 by 3, from -2 to 4, the largest in size at [1, 2]",
        "numerical: an array of 2 by 3, from -2 to 8, the largest in size at [1, 2]",
        "difference: an array of 2 by 3, from -4 to 0, the largest in size at [1, 2]",
        "where it is wrong: 1 wrong, 1 undecided of 6 entries, the first at [1, 2]",
    ]


def test_colours_say_the_sign_and_the_size(figures):
    pictures_of(SEEN, "x")
    (analytic,), (numerical,) = images(figures[0][0]), images(figures[1][0])
    expected = np.array([
        [(*ABOVE, 1 / 8), (*BELOW, 2 / 8), (*BELOW, 0)],
        [(*GREY, 0.28), (190 / 255, 30 / 255, 140 / 255, 1), (*ABOVE, 4 / 8)],
    ])  # fmt: skip
    np.testing.assert_allclose(analytic, expected, rtol=1e-12)
    np.testing.assert_allclose(numerical[1], [(*ABOVE, 1 / 8), (*ABOVE, 1 / 8), (*ABOVE, 1)], rtol=1e-12)


def test_what_is_wrong_undecided_or_not_looked_at_has_a_ground_and_a_mark(figures):
    pictures_of(SEEN, "x")
    figure = figures[3][0]
    (states,) = images(figure)
    assert not states[0].any()
    grounds = [(*GREY, 0.28), (200 / 255, 140 / 255, 20 / 255, 0.4), (208 / 255, 40 / 255, 110 / 255, 0.4)]
    np.testing.assert_allclose(states[1], grounds)
    bad, undecided = figure.axes[0].collections
    assert bad.get_offsets().tolist() == [[1 + 2.5 * 26, 1 + 1.5 * 26]]
    assert undecided.get_offsets().tolist() == [[1 + 1.5 * 26, 1 + 1.5 * 26]]
    side = 0.55 * 26
    for marks, colour in ((bad, WRONG), (undecided, UNDECIDED)):
        assert marks.get_sizes().tolist() == [pytest.approx(side**2)]
        assert marks.get_linewidths() == [pytest.approx(side / 7)]
        edge = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        assert marks.get_edgecolors()[0][:3] == pytest.approx(edge)
    assert undecided.get_facecolors().size == 0
    assert [len(marks.get_paths()[0]) for marks in (bad, undecided)] == [4, 26]  # a cross, a ring


def test_an_image_stands_in_a_frame(figures):
    pictures_of(SEEN, "x")
    figure = figures[0][0]
    (axes,) = figure.axes
    assert [round(size * POINTS, 9) for size in figure.get_size_inches()] == [3 * 26 + 2, 2 * 26 + 2]
    assert (figure.dpi, axes.get_position().bounds, axes.axison) == (POINTS, (0, 0, 1, 1), False)
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 80), (54, 0))
    assert axes.images[0].get_extent() == [1, 79, 53, 1]
    assert (axes.images[0].get_interpolation(), axes.get_aspect()) == ("none", "auto")
    (frame,) = axes.patches
    assert (*frame.get_xy(), frame.get_width(), frame.get_height(), frame.get_linewidth()) == (1, 1, 78, 52, 1)
    assert not frame.get_fill()
    assert frame.get_edgecolor()[:3] == pytest.approx([int(LINE[k : k + 2], 16) / 255 for k in (1, 3, 5)])


def test_images_of_more_axes_stand_side_by_side_with_their_labels(figures):
    values = np.arange(8 * 4 * 4.0).reshape(2, 4, 4, 4)
    picture(Picture("filters", values, signed=True), "f")
    figure, name, text = figures[0]
    (axes,) = figure.axes
    assert (name, text) == (
        "f", "filters: an array of 2 by 4 by 4 by 4, from 0 to 127, the largest in size at [1, 3, 3, 3]"
    )  # fmt: skip
    side, gap, label = (220 - 6 * 3) / 16, 6, 12
    width = 4 * side
    lefts, tops = [1 + k * (width + gap) for k in range(4)], [1 + label, 1 + 2 * label + width + gap]
    corners = [(left, top) for top in tops for left in lefts]
    assert [frame.get_xy() for frame in axes.patches] == [pytest.approx(corner) for corner in corners]
    assert [image.get_extent()[::3] for image in axes.images] == [pytest.approx(corner) for corner in corners]
    assert axes.get_xlim() == pytest.approx((0, 4 * width + 3 * gap + 2))
    assert axes.get_ylim() == pytest.approx((2 * (width + label) + gap + 2, 0))
    assert [t.get_text() for t in axes.texts] == [f"[{i}, {j}]" for i in range(2) for j in range(4)]
    assert [t.get_position() for t in axes.texts] == [pytest.approx((left, top - 3)) for left, top in corners]
    assert {(t.get_color(), t.get_fontsize()) for t in axes.texts} == {(SOFT, 9)}


@pytest.mark.parametrize(
    ("shape", "width", "height"),
    [
        ((2, 3), 26, 26),  # the largest square
        ((2, 44), 5, 12),  # so low that its cells are no squares
        ((60, 2), 12, 5.5),  # so narrow
        ((66, 10), 5, 5),  # as high as there is space for
        ((96, 96), 220 / 96, 220 / 96),
        ((96, 40), 330 / 96, 330 / 96),
    ],
)
def test_cells_are_squares_unless_the_image_would_be_a_line(shape, width, height, figures):
    picture(Picture("values", np.ones(shape), signed=True), "v")
    (frame,) = figures[0][0].axes[0].patches
    assert (frame.get_width(), frame.get_height()) == pytest.approx((shape[1] * width, shape[0] * height))


@pytest.mark.parametrize(("count", "side"), [(40, 6.0), (41, 0.55 * 220 / 60), (400, 0.55 * 220 / 60), (401, None)])
def test_the_more_marks_there_are_the_smaller_they_are_until_there_are_none(count, side, figures):
    state = np.where(np.arange(1200).reshape(20, 60) < count, BAD, FINE)
    pictures_of(Seen(np.ones((20, 60)), 1.0 + (state == BAD), state), "x")
    found = figures[-1][0].axes[0].collections
    assert [marks.get_sizes()[0] for marks in found] == ([] if side is None else [pytest.approx(side**2)])
    assert all(marks.get_linewidths()[0] == pytest.approx(max(0.8, side / 7)) for marks in found)
    assert all(len(marks.get_offsets()) == count for marks in found)


def test_a_mark_stands_in_the_middle_of_a_cell_that_is_no_square(figures):
    state = np.full((2, 44), FINE)
    state[1, 30] = BAD
    pictures_of(Seen(np.ones((2, 44)), np.zeros((2, 44)), state), "x")
    (marks,) = figures[-1][0].axes[0].collections
    assert marks.get_offsets().tolist() == [pytest.approx([1 + 30.5 * 5, 1 + 1.5 * 12])]


@pytest.mark.parametrize(
    ("values", "high", "text"),
    [
        ([np.nan, 0.25, -0.125], "0.25", "v: an array of 3 entries, from -0.125 to 0.25, the largest in size at [1]"),
        ([np.inf, np.inf], "0", "v: an array of 2 entries; nothing of it is known"),
        (-0.5, "0.5", "v: an array of a single number, from -0.5 to -0.5, a single number"),
    ],
)
def test_what_is_not_finite_has_no_part_in_the_scale(values, high, text, figures):
    assert picture(Picture("v", np.array(values), signed=True), "v").high == high
    assert figures[0][2] == text


def test_differences_that_are_all_infinite_are_drawn(figures):
    drawn = pictures_of(Seen(np.full(2, np.inf), np.zeros(2), np.full(2, BAD)), "x")
    assert [d.high for d in drawn] == ["0", "0", "0", ""]
    assert images(figures[2][0])[0][0, 0] == pytest.approx([190 / 255, 30 / 255, 140 / 255, 1])


def test_a_right_gradient_has_no_picture_of_where_it_is_wrong_and_words_where_nothing_differs(figures):
    right = Seen(np.ones((2, 2)), np.ones((2, 2)), np.full((2, 2), FINE))
    *both, difference = pictures_of(right, "x")
    assert [d.title for d in both] == ["analytic", "numerical"]
    assert (difference.title, difference.svg, difference.notes) == (
        "difference", "", ("none: both are the same numbers",)
    )  # fmt: skip
    assert len(figures) == 2
    assert pictures_of(Seen(np.ones(1), np.ones(1), np.full(1, BAD)), "x") == []


def test_what_is_undecided_alone_is_said_so_and_what_the_diagnosis_found(figures):
    state = np.array([FINE, OPEN, OPEN, NOT_LOOKED_AT])
    *_, drawn = pictures_of(Seen(np.ones(4), np.zeros(4), state), "x")
    assert (drawn.title, drawn.notes) == ("where it is undecided", ("2 undecided of 4",))
    assert figures[-1][2] == "where it is undecided: 2 undecided of 4 entries, the first at [1]"
    *_, drawn = pictures_of(Seen(np.ones(4), np.zeros(4), np.full(4, BAD), further=True), "x")
    assert drawn.notes == ("4 wrong of 4, as the diagnosis found",)
    assert figures[-1][2].endswith("4 wrong of 4 entries, as the diagnosis found, the first at [0]")


def test_of_many_images_those_that_differ_most_are_shown_and_of_them_what_is_wrong(figures):
    shape = (40, 2, 2)
    numerical = np.ones(shape)
    numerical[7] = 100.0
    state = np.full(shape, FINE)
    state[[3, 39]] = BAD
    pictures_of(Seen(np.ones(shape), numerical, state), "x")
    labels = [t.get_text() for t in figures[0][0].axes[0].texts]
    assert len(labels) == 30
    assert {"[3]", "[7]", "[39]"} < set(labels)


def test_ink_is_black_and_darker_the_larger_a_number_is(figures):
    drawn = picture(Picture("digit", np.array([[0.0, 0.5], [2.0, 1.0]])), "d")
    assert (drawn.title, drawn.svg, drawn.low, drawn.high, drawn.ink) == ("digit", "d", "", "", True)
    assert figures[0][1:] == ("d", "digit: 2 by 2 in ink, from 0 to 2")
    (image,) = images(figures[0][0])
    assert image.tolist() == [[[0, 0, 0, 0], [0, 0, 0, 0.25]], [[0, 0, 0, 1], [0, 0, 0, 0.5]]]
    zero = picture(Picture("nothing", np.zeros((2, 2)), signed=True), "z")
    assert (zero.low, zero.high) == ("−0", "0")
    assert not images(figures[1][0])[0][..., 3].any()


# What is seen of a gradient.

EVIDENCE = Evidence(
    shape=(2, 2), entries=np.array([0, 1, 3]), analytic=np.array([1.0, 2, 3]), numerical=np.array([1.0, 2.5, 3]),
    bound=np.zeros(3), right=np.array([True, False, False]), wrong=np.array([False, True, False]),
    kink=np.zeros(3, bool),
)  # fmt: skip


def test_the_entries_that_were_looked_at_are_fine_wrong_or_open():
    found = seen("x", EVIDENCE, None, None)
    assert found.state.tolist() == [[FINE, BAD], [NOT_LOOKED_AT, OPEN]]
    np.testing.assert_array_equal(found.analytic, [[1, 2], [np.nan, 3]])
    np.testing.assert_array_equal(found.numerical, [[1, 2.5], [np.nan, 3]])
    np.testing.assert_array_equal(found.difference, [[0, -0.5], [np.nan, 0]])
    assert not found.further


@pytest.mark.parametrize(("where", "known"), [("", 7.0), ("a second point", np.nan)])
def test_what_backward_answered_is_seen_where_nothing_was_compared(where, known):
    gradient = np.array([[5.0, 6.0], [7.0, 8.0]])
    called = Called(np.sin, (np.zeros((2, 2)),), np.zeros(1), np.zeros(1), (gradient,), ("x",), False, 0.0)
    evidence = Evidence(**{**EVIDENCE.__dict__, "where": where})
    found = seen("x", evidence, None, called)
    np.testing.assert_array_equal(found.analytic, [[1, 2], [known, 3]])
    np.testing.assert_array_equal(found.numerical, [[1, 2.5], [np.nan, 3]])


@pytest.mark.parametrize(("more", "further"), [(False, False), (True, True)])
def test_what_a_diagnosis_compared_is_seen_instead(more, further):
    wrong = np.array([[False, True], [more, False]])
    compared = Compared(np.full((2, 2), 4.0), np.array([[1.0, 2.0], [3.0, np.nan]]), wrong)
    found = seen("x", EVIDENCE, compared, None)
    assert found.state.tolist() == [[FINE, BAD], [BAD if more else FINE, OPEN]]
    assert (found.analytic.tolist(), found.further) == (np.full((2, 2), 4.0).tolist(), further)
    nothing = Compared(np.ones((2, 2)), np.full((2, 2), np.nan), np.zeros((2, 2), bool))
    assert seen("x", EVIDENCE, nothing, None).state.tolist() == [[FINE, BAD], [NOT_LOOKED_AT, OPEN]]
    other = seen("x", EVIDENCE, Compared(np.ones(3), np.ones(3), np.ones(3, bool)), None)
    assert other.state.tolist() == [[FINE, BAD], [NOT_LOOKED_AT, OPEN]]
