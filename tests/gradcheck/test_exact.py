"""The exact check of polynomials: no relative error, however small, gets through."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.numerical.exact import MOST_NUMBERS, exact_gradients
from tests.gradcheck.pairs import product, product_backward

RNG = np.random.default_rng(5)
X, W = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 2))


def average(x):
    return (x[:, :-2] + x[:, 1:-1] + x[:, 2:]) / 3


def average_backward(g, x):
    grad = np.zeros_like(x)
    for k in range(3):
        grad[:, k : k + g.shape[1]] += g / 3
    return grad


def half_square(o, y):
    return ((o - y) ** 2).sum() / 2


def half_square_backward(g, o, y):
    return g * (o - y), g * (y - o)


def test_a_linear_function_is_checked_exactly():
    report = check_gradient(product, product_backward, X, W, degree=1)
    assert report.verdict is Verdict.RIGHT
    assert [(i.method, i.bound, i.error) for i in report.inputs] == [("exact", 0, 0)] * 2


@pytest.mark.parametrize("entry", [(0, 0), (3, 1)])
def test_one_part_in_1e14_in_one_entry_is_wrong(entry):
    def backward(g, x, w):
        grad_x, grad_w = product_backward(g, x, w)
        grad_w[entry] *= 1 + 1e-14
        return grad_x, grad_w

    report = check_gradient(product, backward, X, W, degree=1)
    assert report.verdict is Verdict.WRONG
    assert (report.inputs[1].wrong, report.inputs[1].worst_index) == (1, entry)


def test_a_quadratic_function_is_checked_exactly():
    y = RNG.standard_normal(5)
    report = check_gradient(half_square, half_square_backward, RNG.standard_normal(5), y, degree=2)
    assert report.verdict is Verdict.RIGHT
    assert [i.method for i in report.inputs] == ["exact"] * 2
    wrong = check_gradient(half_square, lambda g, o, y: (2 * g * (o - y), g * (y - o)), y + 1, y, degree=2)
    assert [i.verdict for i in wrong.inputs] == [Verdict.WRONG, Verdict.RIGHT]


def test_a_factor_makes_divisions_exact():
    report = check_gradient(average, average_backward, X, degree=1, factor=3)
    assert (report.verdict, report.inputs[0].method) == (Verdict.RIGHT, "exact")


def test_a_function_that_is_not_linear_is_judged_by_differences_and_the_report_says_so():
    report = check_gradient(np.sin, lambda g, x: g * np.cos(x), X, degree=1, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert report.inputs[0].method == "differences"
    assert any("degree 1" in note for note in report.notes)


def test_a_gradient_that_is_right_on_integers_only_is_wrong():
    def backward(g, x, w):
        return np.asarray(g @ w.T, np.float32).astype(np.float64), x.T @ g

    report = check_gradient(product, backward, X, W, degree=1)
    assert report.verdict is Verdict.WRONG
    assert "random direction" in report.inputs[0].reason


def test_a_mistake_in_a_corner_of_a_large_array_is_found():
    x = RNG.standard_normal((40, 50))

    def backward(g, x, w):
        grad_x, grad_w = product_backward(g, x, w)
        grad_x[39, 49] = -grad_x[39, 49]
        return grad_x, grad_w

    report = check_gradient(product, backward, x, RNG.standard_normal((50, 3)), degree=1)
    assert (report.inputs[0].wrong, report.inputs[0].worst_index) == (1, (39, 49))


def test_all_wrong_entries_of_a_large_array_are_found_where_they_are_few():
    x, w = RNG.standard_normal((300, 50)), RNG.standard_normal((50, 3))
    places = [(0, 7), (123, 45), (124, 0), (299, 49)]

    def backward(g, x, w):
        grad_x, grad_w = product_backward(g, x, w)
        for place in places:
            grad_x[place] += 1
        return grad_x, grad_w

    exact = exact_gradients(product, backward, [x, w], [0, 1], 1, 1, np.random.default_rng(0))[0]
    assert [divmod(k, 50) for k in np.flatnonzero(exact.wrong)] == places
    assert exact.entries.size == x.size
    assert np.array_equal(exact.analytic - exact.numerical, exact.wrong)


def test_very_many_wrong_entries_of_a_large_array_are_not_all_looked_at():
    x, w = RNG.standard_normal((300, 50)), RNG.standard_normal((50, 30))
    calls = 0

    def forward(x, w):
        nonlocal calls
        calls += 1
        return x @ w

    def backward(g, x, w):
        return tuple(1.5 * gradient for gradient in product_backward(g, x, w))

    exact = exact_gradients(forward, backward, [x, w], [0], 1, 1, np.random.default_rng(0))[0]
    assert calls < 3 * MOST_NUMBERS / (x.size + 300 * 30)
    assert 100 < exact.entries.size < x.size
    assert np.array_equal(np.flatnonzero(exact.wrong), exact.entries)
    assert np.array_equal(1.5 * exact.numerical[exact.entries], exact.analytic[exact.entries])
