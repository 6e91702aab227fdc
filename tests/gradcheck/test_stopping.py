"""A forward that iterates until a tolerance: its gradient is right to that tolerance, and mistakes are still wrong."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient

rng = np.random.default_rng(7)
X, W = rng.normal(size=(3, 4)), 0.2 * rng.normal(size=(4, 4))


def fixed_point(tolerance):
    """The layer z = tanh(z w + x), as a loop finds it."""

    def forward(x, w):
        z = np.zeros_like(x)
        for _ in range(1000):
            new = np.tanh(z @ w + x)
            if np.abs(new - z).max() < tolerance:
                return new
            z = new
        return z

    return forward


def fixed_point_backward(tolerance, *, wrong=1.0):
    """Its derivative by the implicit function theorem; `wrong` is a factor of that of w."""
    forward = fixed_point(tolerance)

    def backward(grad_output, x, w):
        z, dx = forward(x, w), np.empty_like(x)
        for row, g, into in zip(z, grad_output, dx, strict=True):
            slope = 1 - row**2
            into[:] = slope * np.linalg.solve(np.eye(len(w)) - w * slope, g)
        return dx, wrong * (z.T @ dx)

    return backward


def check(tolerance, **options):
    """The report on the layer at some inputs."""
    return check_gradient(fixed_point(tolerance), fixed_point_backward(tolerance, **options), X, W, diagnosis=False)


@pytest.mark.parametrize("tolerance", [1e-10, 1e-12])
def test_an_implicit_derivative_is_right_to_a_fine_tolerance(tolerance):
    assert check(tolerance)


def test_the_report_says_what_it_is_right_to():
    report = check(1e-10)
    assert "to the tolerance at which forward stops" in {i.name: i.method for i in report.inputs}["w"]


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_a_coarse_tolerance_is_no_mistake_and_vouches_for_nothing(tolerance):
    report = check(tolerance)
    assert report.verdict is Verdict.UNDECIDED
    assert "as an iteration that stops at a tolerance" in " ".join(str(report).split())


@pytest.mark.parametrize("tolerance", [1e-3, 1e-7, 1e-10])
@pytest.mark.parametrize("wrong", [-1.0, 1.1])
def test_a_mistake_is_wrong_whatever_the_tolerance(tolerance, wrong):
    report = check(tolerance, wrong=wrong)
    assert {i.name: i.verdict for i in report.inputs}["w"] is Verdict.WRONG


def test_a_mistake_that_the_tolerance_does_not_explain_is_wrong():
    assert check(1e-10, wrong=1 + 1e-6).verdict is Verdict.WRONG


def root(v):
    """x with x³ + x = v by Newton's method, one entry after the other."""
    roots = []
    for value in v:
        x, step = 0.0, 1.0
        while abs(step) > 1e-6:
            step = (x**3 + x - value) / (3 * x**2 + 1) / 2  # damped, so that it converges slowly
            x -= step
        roots.append(x)
    return np.array(roots)


def root_backward(grad_output, v):
    return grad_output / (3 * root(v) ** 2 + 1)


def test_each_entry_may_stop_by_itself():
    report = check_gradient(root, root_backward, np.array([0.3, -1.2, 1.7]), diagnosis=False)
    assert report.verdict is not Verdict.WRONG


def test_where_nothing_jumps_the_smallest_difference_is_wrong():
    slope = 1 + 1e-9
    assert check_gradient(np.sin, lambda g, x: slope * g * np.cos(x), X).verdict is Verdict.WRONG


def test_kinks_excuse_nothing():
    def relu(x):
        return np.maximum(x, 0)

    def nearly(grad_output, x):
        return (1 + 1e-5) * grad_output * (x > 0)

    assert check_gradient(relu, nearly, X).verdict is Verdict.WRONG


def test_a_discontinuity_excuses_nothing():
    def steps(x):
        return x**2 + (x > 0.1)

    def nearly(grad_output, x):
        return (1 + 1e-5) * grad_output * 2 * x

    assert check_gradient(steps, nearly, X).verdict is Verdict.WRONG


def test_a_slow_forward_is_looked_at_in_its_time():
    calls = []

    def counted(x, w):
        calls.append(1)
        return fixed_point(1e-6)(x, w)

    check_gradient(counted, fixed_point_backward(1e-6), X, W, diagnosis=False, proof=False)
    assert len(calls) < 20_000
