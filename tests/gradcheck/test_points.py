"""Cotangents, and other points for a check."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.invariants import redrawn, redrawn_as
from scratchcnn.gradcheck.points import (
    MOST_HALVINGS,
    Point,
    answers,
    asked_cotangent,
    between,
    draw_cotangent,
    drawn_point,
    second_cotangent,
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


def generator(seed=0):
    return np.random.default_rng(seed)


def strips(values):
    """Of numbers of size 0.5 to 2 how far each lies within a strip of its own, in their order of size."""
    places = np.sort((np.abs(values.reshape(-1)) - 0.5) / 1.5 * values.size)
    return places - np.arange(values.size)


def test_each_entry_of_a_cotangent_lies_in_a_strip_of_its_own():
    for seed in range(5):
        within = strips(draw_cotangent((3, 7), np.dtype(np.float64), generator(seed)))
        assert within.min() >= 0.1
        assert within.max() <= 0.9
        assert np.ptp(within) > 0.3
    assert max(abs(float(draw_cotangent((1,), np.dtype(np.float64), generator(s))[0])) for s in range(20)) > 1.5
    assert draw_cotangent((2, 0), np.dtype(np.float32), generator()).shape == (2, 0)
    assert draw_cotangent((2,), np.dtype(np.float32), generator()).dtype == np.float32


def test_a_similar_cotangent_has_the_typical_size():
    given = np.array([1.0, -1, 2, 0, 3, -9, 8, 1000])
    similar = similar_cotangent(given, generator())
    sizes = np.abs(similar[given != 0]) / 3  # the number in the middle
    assert sizes.min() >= 0.5
    assert sizes.max() <= 2
    drawn = np.abs(draw_cotangent(given.shape, np.dtype(np.float64), generator()))
    np.testing.assert_allclose(similar, np.sign(given) * drawn * 3)


class TestPoint:
    POINT = Point((np.array([1.0, 2.0]), np.array([3, 4])), np.array([0.5]))

    def test_in_another_precision_integers_stay(self):
        point = self.POINT.cast(np.float32)
        assert [a.dtype for a in (*point.inputs, point.cotangent)] == [np.float32, np.int64, np.float32]
        assert [a.tolist() for a in (*point.inputs, point.cotangent)] == [[1, 2], [3, 4], [0.5]]

    def test_copies_may_be_written_to(self):
        for copy in self.POINT.copies():
            copy[:] = 0
        assert [a.tolist() for a in self.POINT.inputs] == [[1, 2], [3, 4]]


class TestAnswers:
    def test_forward_is_called_before_backward_and_both_get_copies(self):
        order = []

        def forward(x, n):
            order.append("forward")
            x *= 2
            return x + n

        def backward(g, x, n):
            order.append("backward")
            g += 1
            x += 1
            return 2 * g, None

        x, n, g = np.array([1.0, 2.0]), np.array([3, 4]), np.array([10.0, 20.0])
        case = prepare(forward, backward, [x.copy(), n])
        order.clear()
        point = Point((x, n), g)
        output, (gradient, none) = answers(case, point)
        assert order == ["forward", "backward"]
        assert (output.tolist(), gradient.tolist(), none) == ([5, 8], [22, 42], None)
        assert (x.tolist(), g.tolist()) == ([1, 2], [10, 20])

    def test_another_number_of_gradients_is_refused(self):
        case = prepare(lambda x: x, lambda g, x: (g, g), [np.ones(2)])
        message = "^backward must return one gradient for each of 1 inputs, got 2$"
        with pytest.raises(TypeError, match=message):
            answers(case, Point(case.inputs, np.ones(2)))


class TestAskedCotangent:
    @staticmethod
    def case(dtype=np.float64, shape=(2, 3)):
        return prepare(lambda x: (x * np.ones(shape)).astype(dtype), lambda g, x: g.sum(), [np.array(1.5)])

    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
    def test_it_is_drawn_in_the_dtype_of_a_floating_output(self, dtype):
        drawn = asked_cotangent(self.case(dtype), None, generator(3))
        expected = np.dtype(np.float64 if dtype is np.int64 else dtype)
        assert drawn.dtype == expected
        np.testing.assert_array_equal(drawn, draw_cotangent((2, 3), expected, generator(3)))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
    def test_what_is_given_gets_that_dtype(self, dtype):
        given = np.arange(6).reshape(2, 3) / 4
        cotangent = asked_cotangent(self.case(dtype), given.tolist(), generator())
        assert cotangent.dtype == (np.float64 if dtype is np.int64 else dtype)
        np.testing.assert_array_equal(cotangent, given)

    def test_none_is_needed_of_an_empty_output(self):
        assert asked_cotangent(self.case(shape=(0, 3)), np.ones((0, 3)), generator()).shape == (0, 3)

    @pytest.mark.parametrize(
        ("given", "dtype", "message"),
        [
            (np.ones(3), np.float64, r"grad_output must have the output's shape \(2, 3\), got \(3,\)"),
            (np.full((2, 3), np.nan), np.float64, "grad_output must be finite in float64, the dtype of the output"),
            (np.full((2, 3), 1e39), np.float32, "grad_output must be finite in float32, the dtype of the output"),
            (np.zeros((2, 3)), np.float64, "grad_output must not be zero throughout: every gradient would be right"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, given, dtype, message):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ValueError, match=f"^{message}$"):
                asked_cotangent(self.case(dtype), given, generator())

    def test_no_numbers_are_refused_by_name(self):
        with pytest.raises(TypeError, match=r"^grad_output must be"):
            asked_cotangent(self.case(), "ones", generator())


def test_a_second_cotangent_is_like_the_one_that_is_given_or_drawn():
    given = np.array([0.0, -2.0, 4.0], np.float32)
    like = second_cotangent(given, generator(1), given=True)
    np.testing.assert_array_equal(like, similar_cotangent(given, generator(1)))
    drawn = second_cotangent(given, generator(1), given=False)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn, draw_cotangent((3,), np.dtype(np.float32), generator(1)))


class TestOtherValues:
    X = np.arange(12.0).reshape(3, 4) % 7

    def test_are_in_the_form_that_the_caller_names(self):
        case = case_of(self.X)
        case.structures[0] = "distribution"
        expected = redrawn_as(self.X, "distribution", generator(2))
        np.testing.assert_array_equal(second_inputs(case, generator(2))[0], expected)

    def test_or_in_that_which_they_have_to_the_precision_of_the_format(self):
        halves = np.array([[0.25, 0.75], [0.5, 0.501]])
        case = replace(case_of(halves), formats=(SimpleNamespace(eps=0.01),))
        np.testing.assert_array_equal(second_inputs(case, generator(2))[0], redrawn(halves, generator(2), 0.01))
        assert not np.array_equal(redrawn(halves, generator(2), 0.01), redrawn(halves, generator(2), 0.0))

    def test_stay_within_their_domain(self):
        case = case_of(self.X)
        free = second_inputs(case, generator(2))[0]
        case.domains[0] = SimpleNamespace(holds=lambda a: a < 3)
        np.testing.assert_array_equal(second_inputs(case, generator(2))[0], np.where(free < 3, free, self.X))


def test_a_point_between_keeps_the_dtype():
    x, n = between((np.ones(2, np.float32), np.array([3])), (np.zeros(2), np.array([5])), 0.5)
    assert (x.dtype, n.dtype, x.tolist(), n.tolist()) == (np.float32, np.int64, [0.5, 0.5], [3])


def test_the_first_point_is_the_one_that_is_drawn():
    x = np.array([1.0, np.inf])  # no share of the way to infinity is a number
    case = prepare(lambda x: x[:1], lambda g, x: g, [x])
    point = drawn_point(case, lambda: (np.array([2.0, np.inf]),), case.inputs, np.ones(1))
    np.testing.assert_array_equal(point.inputs[0], [2, np.inf])
    assert second_point(case, np.full(1, 3.0), generator()).cotangent.tolist() == [3]
