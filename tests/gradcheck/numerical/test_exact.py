"""The lattice, and the exact derivatives on it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck.numerical.exact import EXACT_LIMIT, LARGEST_POINT, Exact, exact_gradients, lattice
from tests.gradcheck.pairs import product, product_backward

RNG = np.random.default_rng(5)
X, W = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))


def compared(forward, backward, *inputs, wrt=None, degree=1, factor=1, seed=0, fresh=False) -> dict[int, Exact]:
    wrt = range(len(inputs)) if wrt is None else wrt
    rng = np.random.default_rng(seed)
    return exact_gradients(forward, backward, inputs, wrt, degree, factor, rng, fresh=fresh)


class TestLattice:
    @given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=8), st.integers(1, 9))
    def test_even_integers_that_keep_zeros_and_signs(self, numbers, factor):
        x = np.array(numbers)
        point = lattice(x, factor, RNG)
        assert (point / (2 * factor) == np.rint(point / (2 * factor))).all()
        assert np.abs(point).max() <= factor * LARGEST_POINT
        if x.any():
            assert np.array_equal(np.sign(point), np.sign(x))
            assert np.abs(point).max() == factor * LARGEST_POINT

    def test_it_is_the_nearest(self):
        assert lattice(np.array([1.0, 0.5, 0.251, -1e-9]), 1, RNG).tolist() == [512, 256, 128, -2]
        assert lattice(np.array([1e9, 1.0, 0.0]), 1, RNG).tolist() == [512, 2, 0]

    def test_zeros_are_replaced_by_small_numbers_of_both_signs(self):
        point = lattice(np.zeros((9, 9)), 3, np.random.default_rng(0))
        assert sorted(set(point.ravel() / 6)) == list(range(-4, 5))

    def test_integers_stay(self):
        labels = np.array([3, 1])
        assert lattice(labels, 7, RNG) is labels

    def test_nan_alone_is_replaced_like_zeros(self):
        assert np.isfinite(lattice(np.full(9, np.nan), 1, RNG)).all()

    def test_a_nan_does_not_scale_the_others(self):
        assert lattice(np.array([np.nan, -2.0]), 1, RNG)[1] == -LARGEST_POINT


@pytest.mark.parametrize("seed", range(3))
def test_a_right_gradient_is_proven(seed):
    for exact in compared(product, product_backward, X, W, seed=seed).values():
        assert exact.proven
        assert not exact.wrong.any()
        assert np.array_equal(exact.analytic, exact.numerical)
        assert exact.entries.tolist() == list(range(exact.analytic.size))


def test_only_what_is_asked_for_is_compared():
    assert list(compared(product, product_backward, X, W, wrt=(1,))) == [1]
    assert list(compared(product, lambda g, x, w: (None, x.T @ g), X, W, wrt=(1,))) == [1]


@pytest.mark.parametrize("error", [1.0, 2.0**-8, 1e-9])
def test_a_wrong_entry_is_found_by_itself_with_the_right_number(error):
    def backward(g, x, w):
        grad_x, grad_w = product_backward(g, x, w)
        grad_w[2, 1] += error
        return grad_x, grad_w

    right, wrong = compared(product, backward, X, W).values()
    assert not right.wrong.any()
    assert np.flatnonzero(wrong.wrong).tolist() == [5]
    assert wrong.numerical[5] == wrong.analytic[5] - error


def test_two_errors_that_cancel_where_all_move_alike_are_found():
    def backward(g, x):
        grad = 3 * g
        grad[0] += 1
        grad[1] -= 1
        return (grad,)

    for seed in range(60):
        exact = compared(lambda x: 3 * x, backward, np.ones(5), seed=seed)[0]
        assert np.flatnonzero(exact.wrong).tolist() == [0, 1]


def test_zeros_hide_no_mistake():
    zeros = np.zeros_like(X)
    assert not any(exact.wrong.any() for exact in compared(product, product_backward, zeros, W).values())
    wrong = compared(product, lambda g, x, w: (g @ w.T, -x.T @ g), zeros, W)
    assert wrong[1].wrong.all()


def test_nan_is_wrong():
    def backward(g, x, w):
        grad_x, grad_w = product_backward(g, x, w)
        grad_x[0, 0] = np.nan
        return grad_x, grad_w

    assert np.flatnonzero(compared(product, backward, X, W)[0].wrong).tolist() == [0]


def square(x):
    return x**2


def square_backward(g, x):
    return (2 * g * x,)


def test_degree_2_is_exact_where_degree_1_is_not():
    assert compared(square, square_backward, X, degree=2)[0].proven
    assert not compared(square, square_backward, X, degree=1)[0].proven
    assert not compared(lambda x: x**3, lambda g, x: (3 * g * x**2,), X, degree=2)[0].proven


@pytest.mark.parametrize("degree", [1, 2])
def test_nothing_is_proven_where_forward_rounds(degree):
    exact = compared(lambda x: x / 3, lambda g, x: (g / 3,), X, degree=degree)[0]
    assert not exact.proven
    assert exact.analytic.shape == (X.size,)
    assert np.isnan(exact.numerical).all()
    assert exact.wrong.tolist() == [False] * X.size
    assert exact.entries.tolist() == list(range(X.size))


def test_the_factor_makes_divisions_exact():
    exact = compared(lambda x: x / 3, lambda g, x: (g / 3,), X, factor=3)[0]
    assert exact.proven
    assert not exact.wrong.any()
    wrong = compared(lambda x: x / 3, lambda g, x: (g / 3 + 1.0,), X, factor=3)[0]
    assert wrong.wrong.all()
    assert np.array_equal(wrong.numerical, wrong.analytic - 1)


def test_halves_are_exact():
    """A squared error divides by two."""
    assert compared(lambda x: x**2 / 2, lambda g, x: (g * x,), X, degree=2)[0].proven


def test_numbers_too_large_to_be_exact_prove_nothing():
    for scale, proven in ((2.0**20, True), (EXACT_LIMIT, False)):
        exact = compared(lambda x, scale=scale: scale * x, lambda g, x, scale=scale: (scale * g,), X)[0]
        assert exact.proven is proven
    for claimed in (2.0**32, EXACT_LIMIT):  # the product with a direction is no longer exact, or far from it
        assert not compared(lambda x: x, lambda g, x, claimed=claimed: (g * claimed,), X)[0].proven


def calls_of(size, backward, degree=1):
    """How often forward is called to compare, and what is found."""
    calls = []

    def forward(x):
        calls.append(None)
        return 3 * x

    exact = compared(forward, backward, np.ones(size), degree=degree)[0]
    return len(calls), exact


@pytest.mark.parametrize(("degree", "calls"), [(1, 2), (2, 3)])
def test_a_right_gradient_costs_four_directions(degree, calls):
    assert calls_of(9, lambda g, x: (3 * g,), degree)[0] == 1 + 4 * calls


def test_a_wrong_entry_among_many_is_found_by_bisection():
    def backward(g, x):
        grad = 3 * g
        grad[7] += 1
        return (grad,)

    calls, exact = calls_of(2**10, backward)
    assert np.flatnonzero(exact.wrong).tolist() == [7]
    assert calls < 2 * (1 + 10 * 5 + 1) + 2


def test_where_all_of_very_many_are_wrong_some_are_named():
    calls, exact = calls_of(10**5, lambda g, x: (3 * g + 1,))
    assert 300 < calls < 500
    assert 10 < len(exact.entries) < 1000
    assert exact.wrong[exact.entries].all()
    assert exact.wrong.sum() == len(exact.entries) == (~np.isnan(exact.numerical)).sum()


def test_a_gradient_in_another_precision_is_compared_in_float64():
    exact = compared(product, lambda g, x, w: [a.astype(np.float32) for a in product_backward(g, x, w)], X, W)[0]
    assert exact.analytic.dtype == np.float64
    assert exact.proven


def test_a_forward_that_writes_is_given_copies_where_it_is_known_to_write():
    def writing(x, w):
        result = x @ w
        w[...] = 0
        return result

    for exact in compared(writing, product_backward, X, W, fresh=True).values():
        assert exact.proven
        assert not exact.wrong.any()


def test_backward_is_given_copies():
    def writing(g, x, w):
        gradients = product_backward(g, x, w)
        x[...] = 0
        return gradients

    assert not any(exact.wrong.any() for exact in compared(product, writing, X, W).values())


def test_the_cotangent_is_even_of_both_signs_and_never_zero():
    seen = []

    def backward(g, x):
        seen.append(g)
        return (g,)

    compared(lambda x: x, backward, np.ones((20, 20)), factor=5)
    assert seen[0].shape == (20, 20)
    halves = np.unique(seen[0] / 10)
    assert halves.tolist() == [k for k in range(-15, 16) if k]
