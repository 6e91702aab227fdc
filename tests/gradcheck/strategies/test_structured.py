"""Arrays of which something holds, exactly."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from scratchcnn.gradcheck.strategies import (
    arrays,
    distributions,
    indices,
    masks,
    one_hot_labels,
    positive_definite_matrices,
    sorted_arrays,
    symmetric_matrices,
)

PRECISIONS = st.sampled_from([np.float16, np.float32, np.float64])


# Nobody reads what Hypothesis explains of an example.
FEW = settings(max_examples=300, database=None, derandomize=True, phases=[Phase.generate, Phase.shrink])


def smallest(strategy, condition=lambda x: True):
    return find(strategy, condition, settings=FEW)


@given(st.data(), st.integers(1, 300))
def test_indices_are_within_the_length(data, length):
    found = data.draw(indices((2, 3), length, dtype=np.int16))
    assert (found.shape, found.dtype) == ((2, 3), np.int16)
    assert ((found >= 0) & (found < length)).all()


def test_every_index_occurs_and_one_occurs_twice():
    for k in range(3):
        assert smallest(indices(1, 3), lambda found, k=k: found[0] == k) == [k]
    assert smallest(indices(1, 1000), lambda found: found[0] > 900) == [901]
    assert smallest(indices(2, st.integers(1, 3)), lambda found: found[0] == found[1] == 2).tolist() == [2, 2]


@given(masks())
def test_each_row_of_a_mask_keeps_an_entry(mask):
    assert mask.dtype == bool
    assert mask.any(axis=-1).all()


def test_masks_hide_any_entry_and_shrink_to_none():
    assert smallest(masks((2, 3))).all()
    for place in np.ndindex(2, 3):
        found = smallest(masks((2, 3)), lambda mask, place=place: not mask[place])
        assert np.argwhere(~found).tolist() == [list(place)]


@given(st.data(), PRECISIONS)
def test_one_hot_labels_have_a_single_one(data, dtype):
    labels = data.draw(one_hot_labels(dtype=dtype))
    assert labels.dtype == dtype
    assert ((labels == 0) | (labels == 1)).all()
    assert (labels.sum(axis=-1) == 1).all()


def test_every_class_occurs_in_one_hot_labels():
    for k in range(3):
        labels = smallest(one_hot_labels((1, 3)), lambda found, k=k: found[0, k] == 1)
        np.testing.assert_array_equal(labels, np.eye(3)[[k]])


@given(st.data(), PRECISIONS, st.tuples(st.integers(1, 3), st.integers(1, 32)))
def test_distributions_are_positive_and_sum_to_one_without_roundoff(data, dtype, shape):
    shares = data.draw(distributions(shape, dtype=dtype))
    assert (shares.shape, shares.dtype) == (shape, dtype)
    assert (shares > 0).all()
    assert all(sum(map(Fraction, row)) == 1 for row in shares.tolist())


@given(symmetric_matrices(st.tuples(st.integers(1, 2), st.just(3), st.just(3))))
def test_symmetric_matrices_are_equal_to_their_transposes_and_distinct_otherwise(matrices):
    np.testing.assert_array_equal(matrices, matrices.swapaxes(-1, -2))
    assert len(set(np.abs(matrices).ravel().tolist())) == 6 * len(matrices)


@given(st.data(), PRECISIONS)
def test_positive_definite_matrices_are_far_from_singular(data, dtype):
    matrix = data.draw(positive_definite_matrices(dtype=dtype))
    assert matrix.dtype == dtype
    np.testing.assert_array_equal(matrix, matrix.T)
    sizes = np.abs(matrix.astype(float))
    assert (2 * np.diag(sizes) - sizes.sum(axis=-1) >= 1 / 4).all()
    np.linalg.cholesky(matrix.astype(float))


@pytest.mark.parametrize("make", [masks, distributions, one_hot_labels])
def test_an_array_may_have_no_entries(make):
    for shape in ((0, 3), (2, 0)):
        assert smallest(make(shape)).shape == shape


@given(sorted_arrays())
def test_sorted_arrays_rise(x):
    assert (np.diff(x, axis=-1) > 0).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: indices(2, 0), ValueError, "length must be at least 1, got 0"),
        (lambda: indices(2, 300, dtype=np.int8), ValueError, "length must be one whose indices int8 holds, got 300"),
        (lambda: indices(2, 3, dtype=float), TypeError, "dtype must be that of integers, got float64"),
        (lambda: masks(()), ValueError, r"shape must have at least 1 axis, got \(\)"),
        (lambda: distributions(dtype=complex), TypeError, "dtype must be that of floats, got complex128"),
        (lambda: symmetric_matrices((2, 3)), ValueError, r"shape must be that of square matrices.*got \(2, 3\)"),
        (lambda: sorted_arrays("3"), TypeError, "shape must be an integer, a tuple of integers"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_draw(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_strategy_of_shapes_is_validated_when_it_is_drawn_from():
    with pytest.raises(ValueError, match="shape must be that of square matrices"):
        smallest(symmetric_matrices(st.just((2, 3))))
    with pytest.raises(TypeError, match="shape must be an integer, a tuple of integers"):
        smallest(arrays(st.just([2, 3])))
