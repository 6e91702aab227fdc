"""What stands in place of a value must not take all memory."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits import sizes
from scratchcnn.gradcheck.diagnosis.edits.sizes import of_bounded_size

ROW, COLUMN = np.zeros(6), np.zeros((5, 1))


@pytest.fixture(autouse=True)
def thirty(monkeypatch):
    """Arrays of thirty numbers are large enough."""
    monkeypatch.setattr(sizes, "MOST_NUMBERS", 30)


def test_an_array_that_fits_is_what_it_is():
    assert of_bounded_size(ROW, COLUMN, 1) is COLUMN
    assert of_bounded_size(3.0, ROW, 0) is ROW
    assert of_bounded_size([1.0, 2.0], COLUMN, 1) is COLUMN
    assert of_bounded_size(ROW, np.zeros(7), 1).shape == (7,)  # they cannot be combined


def test_more_axes_or_more_numbers_together_do_not_fit():
    with pytest.raises(ValueError, match=r"^2 axes in place of 0$"):
        of_bounded_size(1.0, COLUMN, 0)
    with pytest.raises(ValueError, match=r"^an array of shape \(6, 1\) in place of \(6,\)$"):
        of_bounded_size(ROW, np.zeros((6, 1)), 1)


def test_a_column_fits_where_the_longest_row_beside_it_makes_no_large_array():
    for value, other in ((ROW[:5], COLUMN), (np.sum, lambda row: COLUMN)):
        fits = of_bounded_size(value, other, 1, longest=6)
        assert (fits(ROW) if callable(fits) else fits) is COLUMN
    with pytest.raises(ValueError, match=r"^an array of shape \(5, 1\) in place of \(5,\)$"):
        of_bounded_size(ROW[:5], COLUMN, 1, longest=7)
    with pytest.raises(ValueError, match=r"^an array of shape \(5, 1\) in place of \(\)$"):
        of_bounded_size(np.sum, lambda row: COLUMN, 1, longest=7)(ROW)
    assert of_bounded_size(COLUMN, COLUMN[:, ::-1], 2, longest=7).shape == (5, 1)  # it was a column before


def test_positions_are_not_beyond_the_largest_array():
    positions = np.array([3, -30])
    assert of_bounded_size(positions, -positions, 1).tolist() == [-3, 30]
    assert of_bounded_size(ROW, positions[:0], 1).size == 0
    for value, other in ((positions, positions - 1), (ROW[:2], positions - 1)):
        with pytest.raises(ValueError, match=r"^positions beyond 30$"):
            of_bounded_size(value, other, 1)
    assert of_bounded_size(np.array([31, 2]), np.array([-31, 2]), 1).tolist() == [-31, 2]
    assert of_bounded_size(ROW[:2], np.array([40.0, 1]), 1).tolist() == [40, 1]


def test_a_large_array_may_stand_for_one_as_large():
    large = np.zeros((7, 8))
    assert of_bounded_size(large, large[::-1], 2).shape == (7, 8)
    assert of_bounded_size(1.0, large, 1) is large
    assert of_bounded_size(large, ROW[:1], 2).shape == (1,)
    with pytest.raises(ValueError, match="in place of"):
        of_bounded_size(large, np.zeros((2, 1, 1)), 2)


@pytest.mark.parametrize("other", [3.0, "a", None, [1.0]])
def test_anything_else_fits(other):
    assert of_bounded_size(ROW, other, 1) is other
    assert of_bounded_size(np.sum, other, 1) is other


def test_the_results_of_a_function_fit():
    def column(row, *, times=1.0):
        return times * row[:, None]

    assert of_bounded_size(ROW, column, 1) is column
    assert of_bounded_size(column, column, 1) is column
    called = of_bounded_size(lambda row, times: row, column, 1)
    assert called(np.ones(5), times=2.0).tolist() == [[2.0]] * 5
    with pytest.raises(ValueError, match=r"an array of shape \(6, 1\) in place of \(6,\)"):
        called(ROW, times=2.0)


def test_a_function_is_asked_for_its_result_where_the_other_one_is_large(monkeypatch):
    monkeypatch.setattr(sizes, "MOST_NUMBERS", 25)
    asked = []

    def function(row):
        asked.append(row.size)
        return row

    called = of_bounded_size(function, lambda row: row[:, None], 1)
    assert called(np.ones(5)).shape == (5, 1)
    assert asked == []
    with pytest.raises(ValueError, match="in place of"):
        called(np.ones(6))
    assert asked == [6]
