"""How arrays of any shape are laid out as images."""

import numpy as np
import pytest

from scratchcnn.gradcheck.report.arrangement import ASPECT, MOST_IMAGES, MOST_SIDE, arranged


def laid_out(shape, need=None):
    return arranged(shape, np.zeros(shape) if need is None else need)


@pytest.mark.parametrize(
    ("shape", "images"),
    [
        ((), (1, 1, 1)),
        ((3,), (1, 1, 3)),
        ((1, 24, 1), (1, 1, 24)),
        ((4, 5), (1, 4, 5)),
        ((5, 1, 1, 7), (1, 5, 7)),
        ((2, 3, 5, 4), (6, 5, 4)),
    ],
)
def test_the_last_axes_are_those_of_an_image(shape, images):
    how = laid_out(shape)
    assert how.images == images
    array = np.arange(float(np.prod(shape))).reshape(shape)
    np.testing.assert_array_equal(how.of(array, array), array.reshape(images))
    assert how.notes == ()


def test_a_long_row_is_broken():
    how = laid_out((1728, 1))
    ((count, rows, columns), array) = how.images, np.arange(1728.0)
    assert (count, columns) == (1, 72)
    assert columns == pytest.approx(ASPECT * rows)
    shown = how.of(array, array).reshape(-1)
    np.testing.assert_array_equal(shown[:1728], array)
    assert how.notes == ("1,728 entries, 72 in a row",)


def test_what_a_broken_row_does_not_fill_is_no_entry():
    shown = laid_out((25,)).of(np.ones(25), np.ones(25))
    assert shown.shape == (1, 3, 9)
    assert np.isnan(shown).sum() == 2


def test_images_are_labelled_by_their_indices_and_stand_as_their_axis():
    how = laid_out((2, 3, 5, 4))
    assert how.labels == ("[0, 0]", "[0, 1]", "[0, 2]", "[1, 0]", "[1, 1]", "[1, 2]")
    assert how.columns == 3
    assert laid_out((9, 2, 5, 4)).columns == 2
    assert laid_out((2, 9, 5, 4)).columns == 6
    assert laid_out((4, 5, 4)).columns == 4
    assert laid_out((5, 20, 30)).columns == 3
    assert isinstance(laid_out((12, 28, 30)).columns, int)
    assert laid_out((4, 5)).labels == laid_out((1, 4, 5)).labels == ()


def test_long_labels_have_space():
    assert laid_out((2, 2, 1, 2, 5, 4, 4)).columns * len("[0, 0, 0, 0, 0]") <= 44


@pytest.mark.parametrize(
    ("shape", "columns"), [((12, 28, 28), 4), ((12, 5, 5), 6), ((12, 90, 90), 3), ((2, 90, 90), 2)]
)
def test_wide_images_have_space(shape, columns):
    assert laid_out(shape).columns == columns


def test_of_many_images_those_are_shown_that_need_it():
    need = np.zeros((40, 7, 7))
    need[33, 2, 2] = 1
    how = laid_out(need.shape, need)
    assert len(how.chosen) == len(how.labels) == MOST_IMAGES
    assert "[33]" in how.labels
    assert list(how.chosen) == sorted(how.chosen)
    assert how.notes == (f"{MOST_IMAGES} of 40 images",)


def test_of_large_images_fewer_are_shown():
    assert len(laid_out((40, 96, 96)).chosen) == 3
    assert len(laid_out((40, 28, 28)).chosen) == MOST_IMAGES
    assert len(laid_out((40, 1000, 1000)).chosen) == 3


def test_of_many_entries_a_cell_shows_the_one_that_needs_it():
    """One entry among 24,000 is seen, wherever it is."""
    shape = 120, 200
    for place in [(0, 0), (119, 199), (17, 33)]:
        need, values = np.zeros(shape), np.zeros(shape)
        need[place] = values[place] = 1
        how = laid_out(shape, need)
        shown = how.of(values, need)
        assert shown.shape == (1, 60, 67)
        assert max(shown.shape[1:]) <= MOST_SIDE
        assert np.argwhere(shown == 1).tolist() == [[0, place[0] // 2, place[1] // 3]]
    assert how.notes == ("each cell stands for 2 by 3 entries, and shows the one that differs most",)


def test_few_rows_are_not_merged_because_there_are_many_columns():
    assert laid_out((4, 1728)).of(np.ones((4, 1728)), np.ones((4, 1728))).shape == (1, 4, 96)


def test_an_entry_that_is_not_known_stays_out_of_a_cell_where_another_is():
    values = np.full((200, 200), np.nan)
    values[0, 1] = 3
    rank = np.where(np.isnan(values), 0.0, 1.0)
    assert laid_out(values.shape).of(values, rank)[0, 0, 0] == 3


def test_blocks_of_several_images_stay_with_their_image():
    values = np.zeros((2, 200, 100))
    values[1, 3, 99] = 1
    how = laid_out(values.shape)
    shown = how.of(values, values)
    assert shown.shape == (2, 67, 50)
    assert np.argwhere(shown).tolist() == [[1, 1, 49]]


def test_an_array_without_entries_has_a_place_of_no_size():
    how = laid_out((0,))
    assert (how.images, how.block, how.columns) == ((1, 0, 0), (1, 1), 1)
