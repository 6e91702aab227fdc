"""A backward pass whose first answer is right, and whose later ones are none: a report says so."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import CallerError, Verdict, check_gradient

X, W = np.array([1.0, 2.0, -3.0]), np.array([0.5, -1.5, 2.0])
FEWER = {"fewer": lambda g, x, w: (g * w,)}
OTHER_SHAPES = {
    "an entry less": lambda g, x, w: ((g * w)[1:], g * x),
    "a number": lambda g, x, w: ((g * w).sum(), g * x),
}


def product(x, w):
    return x * w


def answering(other, is_other):
    """The derivative of the product, but for the calls of which `is_other` is told their number and inputs."""
    calls = []

    def product_backward(g, x, w):
        calls.append(x)
        return other(g, x, w) if is_other(len(calls), x) else (g * w, g * x)

    return product_backward


@pytest.fixture(params=[True, False], ids=["proof", "differences"])
def proof(request):
    return request.param


def told(report):
    return {(violation.kind, violation.input) for violation in report.violations}


@pytest.mark.parametrize("call", [2, 3, 4])
@pytest.mark.parametrize("other", {**FEWER, **OTHER_SHAPES}.items(), ids=lambda item: item[0])
def test_one_later_call(other, call, proof):
    report = check_gradient(product, answering(other[1], lambda number, x: number == call), X, W, proof=proof)
    assert report.verdict is Verdict.WRONG
    assert told(report) == {("nondeterministic", "x")}
    assert f"call {call} of backward gives another gradient" in report.violations[0].message


@pytest.mark.parametrize("other", {**FEWER, **OTHER_SHAPES}.items(), ids=lambda item: item[0])
def test_all_later_calls(other, proof):
    report = check_gradient(product, answering(other[1], lambda number, x: number > 2), X, W, proof=proof)
    assert report.verdict is Verdict.WRONG
    assert ("nondeterministic", "x") in told(report)


@pytest.mark.parametrize("other", OTHER_SHAPES.items(), ids=lambda item: item[0])
def test_another_shape_at_other_inputs(other, proof):
    backward = answering(other[1], lambda number, x: not np.array_equal(x, X))
    report = check_gradient(product, backward, X, W, proof=proof)
    assert report.verdict is Verdict.WRONG
    assert told(report) == {("elsewhere", "x")}
    shape = np.shape(other[1](X, X, W)[0])
    assert f"the gradient has shape {shape}, the input (3,)" in report.violations[0].message


def test_fewer_gradients_at_other_inputs(proof):
    backward = answering(FEWER["fewer"], lambda number, x: not np.array_equal(x, X))
    report = check_gradient(product, backward, X, W, proof=proof)
    assert report.verdict is Verdict.WRONG
    assert {kind for kind, _ in told(report)} == {"elsewhere"}


def test_an_exception_at_other_inputs(proof):
    def refused(g, x, w):
        raise ArithmeticError("not here")

    backward = answering(refused, lambda number, x: not np.array_equal(x, X))
    report = check_gradient(product, backward, X, W, proof=proof)
    assert report.verdict is Verdict.WRONG
    assert told(report) == {("elsewhere", "x"), ("elsewhere", "w")}
    assert "raised ArithmeticError: not here" in report.violations[0].message


def test_an_exception_at_the_same_inputs_is_the_caller_s(proof):
    def refused(g, x, w):
        raise ArithmeticError("not again")

    with pytest.raises(CallerError, match="raised ArithmeticError: not again"):
        check_gradient(product, answering(refused, lambda number, x: number == 3), X, W, proof=proof)


@pytest.mark.parametrize("other", [(X * W,), (X * W, None)], ids=["fewer", "none"])
def test_minus_the_cotangent_gives_no_gradient_of_an_input(other):
    first = []

    def product_backward(g, x, w):
        first.append(g.copy())
        return other if np.array_equal(g, -first[0]) else (g * w, g * x)

    report = check_gradient(product, product_backward, X, W)
    assert report.verdict is Verdict.WRONG
    assert ("ignores-cotangent", "w") in told(report)


@pytest.mark.parametrize("slow", [1, 2])
def test_a_call_that_a_busy_machine_makes_slow_leaves_as_many_calls(monkeypatch, slow):
    now = [0.0]

    def is_other(number, x):
        now[0] += 60 if number == slow else 0
        return number == 7

    monkeypatch.setattr("scratchcnn.gradcheck.contract.time", SimpleNamespace(perf_counter=lambda: now[0]))
    report = check_gradient(product, answering(FEWER["fewer"], is_other), X, W)
    assert told(report) == {("nondeterministic", "x")}
