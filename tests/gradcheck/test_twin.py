"""A gradient in float32 beside its twin in float64."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.twin import judge_twin
from tests.gradcheck.test_input_judge import by_entries, judge_of

X = np.array([[0.3, -1.7, 2.5], [0.9, -0.4, 1.1]])
SINGLE = X.astype(np.float32)


def held(forward, backward, x=SINGLE, entries=None, remark=""):
    """The findings after the twins were compared."""
    judge = judge_of(forward, backward, x)
    findings = by_entries(judge, np.arange(x.size) if entries is None else entries)
    findings.remark = findings.remark or remark
    with quiet():
        judge_twin(judge, findings)
    return findings


def sine_backward(g, x):
    return (g * np.cos(x),)


def stray(factor, where=slice(None)):
    """A backward pass that is off in float32 alone."""

    def backward(g, x):
        grad = g * np.cos(x)
        if x.dtype == np.float32:
            grad.reshape(-1)[where] *= np.float32(factor)
        return (grad,)

    return backward


@pytest.mark.parametrize("x", [X, SINGLE])
def test_a_right_gradient_is_no_other_than_its_twin(x):
    findings = held(np.sin, sine_backward, x)
    assert (findings.verdict, findings.remark) == (Verdict.RIGHT, "")


def test_roundings_are_no_difference():
    assert held(np.sin, stray(1 + 4e-7)).remark == ""


def test_more_is_told_with_both_numbers_and_where():
    findings = held(np.sin, stray(1.01, [1, 4]))
    assert findings.verdict is Verdict.WRONG
    start = "in float32 the gradient strays from its float64 twin at 2 entries, most at "
    assert findings.remark.startswith(start)
    grads = np.abs(judge_of(np.sin, sine_backward, SINGLE).analytic.values(0))
    worst = 1 if grads[1] > grads[4] else 4
    assert findings.remark.startswith(f"{start}[{worst // 3}, {worst % 3}]: ")
    narrow, wide = findings.remark.split("]: ")[1].split(" ± ")[0].split(", not ")
    assert float(narrow) == pytest.approx(1.01 * float(wide), rel=1e-2)


def test_only_the_entries_that_were_looked_at_are_compared():
    assert held(np.sin, stray(1.01, [1]), entries=[0, 2]).remark == ""
    assert "at 1 entries, most at [0, 1]" in held(np.sin, stray(1.01, [1]), entries=[2, 1]).remark


def test_nan_in_float32_alone_strays_and_nan_in_both_does_not():
    assert "most at [0, 1]: nan" in held(np.sin, stray(np.nan, [1])).remark

    def both(g, x):
        grad = g * np.cos(x)
        grad[0, 1] = np.nan
        return (grad,)

    assert held(np.sin, both).remark == ""


def test_roundoff_of_forward_is_allowed_besides():
    """1 - o has no digits in float32 where o is nearly 1, and the gradient is as good as zero."""
    x = np.array([[12.0, 14.0], [16.0, 15.0]], np.float32)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    findings = held(sigmoid, lambda g, x: (g * sigmoid(x) * (1 - sigmoid(x)),), x)
    assert findings.remark == ""
    wrong = held(sigmoid, lambda g, x: (g * sigmoid(x) * (1.001 - sigmoid(x)),), x)
    assert wrong.verdict is Verdict.WRONG


def test_a_remark_that_is_there_stays():
    findings = held(np.sin, stray(1.01), remark="along a direction")
    assert findings.remark == "along a direction"


def test_an_overflow_in_float32_is_undecided():
    x = np.array([[100.0, 1.0], [2.0, 3.0]], np.float32)
    findings = held(np.exp, lambda g, x: (g * np.exp(x),), x)
    assert findings.verdict is Verdict.UNDECIDED
    assert findings.remark == "in float32 forward overflows: in float64 its output is finite"


def test_a_forward_with_a_constant_that_depends_on_the_dtype_is_another_function():
    def eps(x):
        return np.finfo(x.dtype).eps * 1e5

    def forward(x):
        return x + eps(x) * x**2

    def backward(g, x):
        return (g * (1 + 2 * eps(x) * x),)

    findings = held(forward, backward)
    assert findings.verdict is Verdict.UNDECIDED
    assert findings.remark == (
        "in float32 forward is another function than in float64, by a constant that depends on the dtype (an eps) or"
        " by numbers that it draws: give it that constant, or check it in float64"
    )
