"""Cotangents, and other points for a check."""

import warnings

import numpy as np

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.points import (
    MOST_HALVINGS,
    between,
    draw_cotangent,
    drawn_point,
    second_inputs,
    second_point,
    similar_cotangent,
)


def test_a_cotangent_has_both_signs_and_no_two_entries_alike():
    drawn = draw_cotangent((4, 5), np.dtype(np.float64), np.random.default_rng(0))
    assert drawn.shape == (4, 5)
    assert len(np.unique(np.abs(drawn))) == 20
    assert (drawn > 0).any()
    assert (drawn < 0).any()
    assert (np.abs(drawn) >= 0.5).all()
    assert (np.abs(drawn) <= 2).all()


def test_a_similar_cotangent_keeps_zeros_signs_dtype_and_size():
    given = np.array([0, 3e6, 0, -2e6, 1e6], np.float32)
    similar = similar_cotangent(given, np.random.default_rng(0))
    assert similar.dtype == np.float32
    np.testing.assert_array_equal(np.sign(similar), np.sign(given))
    assert not (similar == given)[given != 0].any()
    assert (np.abs(similar[given != 0]) > 5e5).all()
    assert not similar_cotangent(np.zeros(3), np.random.default_rng(0)).any()


def case_of(*inputs, wrt=None):
    return prepare(lambda *inputs: inputs[0], lambda g, *inputs: g, inputs, wrt=wrt)


def test_what_is_not_checked_stays_where_it_is():
    x, table, labels = np.arange(6.0), np.arange(4.0), np.array([2, 0, 1])
    moved = second_inputs(case_of(x, table, labels, wrt=0), np.random.default_rng(0))
    assert not np.array_equal(moved[0], x)
    np.testing.assert_array_equal(moved[1], table)
    np.testing.assert_array_equal(moved[2], labels)


def test_a_point_between_two_is_a_share_of_the_way():
    x, other = between((np.array([0.0, 2.0]), np.array([1])), (np.array([1.0, 0.0]), np.array([1])), 0.25)
    np.testing.assert_array_equal(x, [0.25, 1.5])
    np.testing.assert_array_equal(other, [1])


def test_huge_numbers_make_no_warning():
    x = np.array([1.0, 2, 1e200])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(second_inputs(case_of(x), np.random.default_rng(0))[0]).all()


def test_a_point_that_is_not_finite_is_drawn_again_nearer_to_the_inputs():
    x, cotangent = np.eye(2), np.ones((2, 2))
    seen = []

    def inverse(a):
        seen.append(a.copy())
        return np.linalg.inv(a)

    case = prepare(inverse, lambda g, a: g, [x])
    drawn = [np.ones((2, 2)), np.full((2, 2), np.nan), np.array([[0.0, 4.0], [4.0, 0.0]]), np.zeros((2, 2))]
    values = iter([(a,) for a in drawn])
    seen.clear()
    point = drawn_point(case, lambda: next(values), case.inputs, cotangent)
    np.testing.assert_array_equal(seen[0], drawn[0])
    np.testing.assert_array_equal(point.inputs[0], 0.75 * x + 0.25 * drawn[2])
    assert len(seen) == 3
    assert point.cotangent is cotangent


def test_there_is_none_where_forward_is_finite_at_the_inputs_alone():
    x, drawn = np.ones(2), []

    def forward(x):
        return np.where(np.abs(x - 1).max() < 1e-9, x, np.nan)

    def draw():
        drawn.append(None)
        return (x + 1,)

    case = prepare(forward, lambda g, x: g, [x])
    assert drawn_point(case, draw, case.inputs, x) is None
    assert len(drawn) == MOST_HALVINGS + 1
    assert second_point(case, x, np.random.default_rng(0)) is None
