"""Arrays in which a mistake shows: the entries differ, none is far smaller than another, and kinks are far, or met."""

from functools import partial

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from scratchcnn import dense, dense_backward
from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.strategies import arrays, dense_layers
from tests.gradcheck.strategies.draws import drawn

DTYPES = pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
KINKS = st.lists(st.integers(-12, 12).map(lambda k: k / 4), min_size=1, max_size=3)


# Nobody reads what Hypothesis explains of an example.
FEW = settings(max_examples=300, database=None, derandomize=True, phases=[Phase.generate, Phase.shrink])


def smallest(strategy, condition):
    return find(strategy, condition, settings=FEW)


@DTYPES
@given(data=st.data())
def test_the_entries_differ_in_size_and_none_is_far_smaller_than_another(dtype, data):
    x = data.draw(arrays(dtype=dtype))
    sizes = np.abs(x).ravel().tolist()
    assert x.dtype == dtype
    assert len(set(sizes)) == x.size
    assert all(4 / 16 <= size <= 4 for size in sizes)


@given(arrays((20, 30)))
def test_a_large_array_has_distinct_entries_too(x):
    assert len(set(np.abs(x).ravel().tolist())) == 600


def test_a_very_large_array_and_very_large_whole_numbers_take_no_more_than_they_need():
    """As many numbers as there are up to the largest would fill any memory."""
    for largest in (2.0**31, 2.0**60):
        (x, *_) = drawn(arrays(50, degree=1, largest=largest), 1)
        assert len(np.unique(np.abs(x))) == 50
        assert np.abs(x).max() < 256
    (x, *_) = drawn(arrays(2**17), 1)
    assert len(np.unique(np.abs(x))) == 2**17


@settings(max_examples=1)
@given(arrays(40, dtype=np.float16, largest=2.0**-20))
def test_where_the_dtype_holds_fewer_numbers_than_there_are_entries_each_of_them_occurs(x):
    """In float16 there are sixteen multiples of the least number, 2^-24, up to 2^-20."""
    assert set(np.abs(x).tolist()) == {k * 2.0**-24 for k in range(1, 17)}


@given(arrays(3, dtype=np.complex64))
def test_both_parts_of_a_complex_array_are_drawn(z):
    assert z.dtype == np.complex64
    assert len(set(np.abs(z.real).tolist())) == len(set(np.abs(z.imag).tolist())) == 3


@given(st.data(), st.sampled_from([1e-3, 0.7, 1.0, 100.0, 2.0**40]))
def test_the_largest_size_is_the_one_asked_for(data, largest):
    sizes = np.abs(data.draw(arrays((4, 5), largest=largest)))
    assert largest / 16 <= sizes.min() < sizes.max() <= largest


@given(st.data(), KINKS)
def test_no_entry_is_close_to_a_kink_nor_its_opposite(data, kinks):
    x = data.draw(arrays((3, 4), away_from=kinks))
    largest = max(4, *(2 * abs(kink) for kink in kinks))
    for kink in kinks:
        assert np.abs(np.abs(x) - abs(kink)).min() > largest / 64


@given(arrays(2, dtype="float32", away_from=1e308))
def test_a_kink_that_no_number_of_the_dtype_reaches_is_no_hindrance(x):
    assert np.all((x != 0) & np.isfinite(x))


@given(st.data(), KINKS)
def test_some_entry_is_at_a_kink(data, kinks):
    x = data.draw(arrays((3, 4), at=kinks))
    at = np.isin(x, kinks)
    assert at.any()
    assert len(set(np.abs(x[~at]).tolist())) == (~at).sum()


@given(arrays((4, 4), distinct=False))
def test_ties_are_made_of_few_numbers(x):
    assert len(set(x.ravel().tolist())) <= 9


def test_ties_and_zeros_occur():
    for condition in (lambda x: (x == 0).any(), lambda x: x[0] == x[1] != 0):
        assert condition(smallest(arrays(3, distinct=False), condition))


@DTYPES
@given(data=st.data())
def test_on_the_lattice_products_and_sums_are_exact(dtype, data):
    x, w = (data.draw(arrays((3, 3), dtype=dtype, degree=1)) for _ in range(2))
    assert (np.rint(x) == x).all()
    exact = x.astype(int) @ w.astype(int)
    assert (x @ w == exact).all()


@given(dense_layers(entries=partial(arrays, degree=1), bias=True))
def test_the_exact_check_applies_on_the_lattice(layer):
    report = check_gradient(dense, dense_backward, *layer.inputs, degree=1, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert {each.method for each in report.inputs} == {"exact"}


def test_they_shrink_to_one_two_three():
    assert smallest(arrays(), lambda x: True) == np.array(1.0)
    np.testing.assert_array_equal(smallest(arrays(), lambda x: x.size >= 3), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(smallest(arrays((2, 2)), lambda x: x.min() < 0), [[1.0, 2.0], [3.0, -4.0]])
    np.testing.assert_array_equal(smallest(arrays(2, at=0), lambda x: True), [0.0, 2.0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"shape": 2.5}, TypeError, "shape must be an integer, a tuple of integers, or a strategy of these, got 2.5"),
        ({"shape": (2, -1)}, ValueError, r"shape must have no negative length, got \(2, -1\)"),
        ({"dtype": int}, TypeError, "dtype must be that of floats or complex numbers, got int64"),
        ({"largest": 0}, ValueError, "largest must be a positive number that float64 holds, got 0"),
        ({"largest": "4"}, TypeError, "largest must be a number, or some numbers, got '4'"),
        ({"dtype": np.float16, "largest": 1e6}, ValueError, "positive number that float16 holds, got 1000000.0"),
        ({"degree": 0}, ValueError, "degree must be at least 1, got 0"),
        ({"degree": 1.5}, TypeError, "degree must be an integer, got 1.5"),
        ({"degree": 1, "largest": 0.5}, ValueError, "largest must be at least 1 where entries are integers"),
        ({"away_from": np.inf}, ValueError, "away_from must be finite, got inf"),
        ({"at": [None]}, TypeError, "at must be a number, or some numbers, got None"),
        ({"largest": np.nan}, ValueError, "largest must be finite, got nan"),
        (
            {"at": 0, "away_from": 0},
            ValueError,
            "at must be none of the kinks that away_from keeps .*, got 0",
        ),
        ({"at": [1, 100], "largest": 1}, ValueError, "at must be of a size up to largest, 1, got 100"),
        ({"at": 1e308}, ValueError, "at must be of a size up to largest, .*, got 1e\\+308"),
        ({"at": 1e39, "dtype": "float32"}, ValueError, "at must be of a size up to largest, .*, got 1e\\+39"),
        ({"degree": 1, "largest": 2, "away_from": [1, 2]}, ValueError, "away_from leaves no number of a size up to 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_draw(options, error, message):
    with pytest.raises(error, match=message):
        arrays(**options)
