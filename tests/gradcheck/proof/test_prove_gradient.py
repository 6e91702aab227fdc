"""`prove_gradient`: what a proof says alone, without differences, and what it does not take for proved."""

import json
import math
import sys

import numpy as np
import pytest

from scratchcnn.gradcheck import CallerError, Verdict, prove_gradient

X, SCALE = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([3.0, -0.75])


def scaled(x, scale):
    return scale * np.tanh(x)


def scaled_backward(grad_output, x, scale):
    t = np.tanh(x)
    return grad_output * scale * (1 - t**2), (grad_output * t).sum(axis=0)


def without_the_square(grad_output, x, scale):
    t = np.tanh(x)
    return grad_output * scale * (1 - t), (grad_output * t).sum(axis=0)


def test_what_is_right_is_proved_so():
    proved = prove_gradient(scaled, scaled_backward, X, SCALE)
    assert proved
    assert proved.verdict is Verdict.RIGHT
    assert [(each.name, each.right, each.size, each.reason) for each in proved.inputs] == [
        ("x", 4, 4, ""),
        ("scale", 2, 2, ""),
    ]
    assert proved.digits == min(each.digits for each in proved.inputs)
    assert 60 < proved.digits < 80
    assert str(proved).splitlines()[0] == "scaled_backward: by ball arithmetic alone"
    assert str(proved).splitlines()[1].startswith("  x: 4 of 4 entries proved right, to 7")


def test_what_is_wrong_is_proved_so_of_its_input_alone():
    proved = prove_gradient(scaled, without_the_square, X, SCALE)
    assert not proved
    assert proved.verdict is Verdict.WRONG
    assert [each.verdict for each in proved.inputs] == [Verdict.WRONG, Verdict.RIGHT]
    assert proved.inputs[0].reason.startswith("proved wrong: along a random direction the gradient gives ")
    assert proved.inputs[0].right == 0
    assert proved.digits == proved.inputs[1].digits


def test_one_input_is_asked_for_alone():
    proved = prove_gradient(scaled, without_the_square, X, SCALE, wrt="scale")
    assert [(each.name, each.verdict) for each in proved.inputs] == [("scale", Verdict.RIGHT)]


def test_the_same_seed_proves_the_same():
    first, again, other = (prove_gradient(scaled, scaled_backward, X, SCALE, seed=k) for k in (1, 1, 2))
    assert first == again != other


def test_plain_data():
    data = json.loads(json.dumps(prove_gradient(scaled, scaled_backward, X, SCALE).to_dict(), allow_nan=False))
    assert data["verdict"] == "right"
    assert data["digits"] == pytest.approx(75, abs=8)
    exactly = prove_gradient(np.square, lambda g, x: 2 * g * x, X)
    assert str(exactly).endswith("4 of 4 entries proved right, exactly")
    assert exactly.to_dict()["digits"] == "exact"
    nothing = prove_gradient(np.square, lambda g, x: 2 * g * x, np.zeros((0, 3)))
    assert nothing.to_dict()["digits"] is None


def test_nothing_is_proved_of_nothing():
    proved = prove_gradient(lambda x: x**2, lambda g, x: 2 * g * x, np.zeros((0, 3)))
    assert (proved.verdict, proved.reason) == (Verdict.UNDECIDED, "there is nothing to prove")
    assert math.isnan(proved.digits)


def test_an_entry_at_a_kink_is_not_proved_the_others_are():
    proved = prove_gradient(np.abs, lambda g, x: g * np.sign(x), np.array([1.0, 0.0, -2.0]))
    assert proved.verdict is Verdict.UNDECIDED
    assert (proved.inputs[0].right, proved.inputs[0].reason) == (2, "kinks, or ends of its domain, at the others")
    assert proved.digits == math.inf


def test_what_does_not_run_on_balls_is_named_with_its_line():
    def forward(x):
        return np.linalg.eigvalsh(x @ x.T)

    proved = prove_gradient(forward, lambda g, x: g.sum() * x, X)
    assert proved.verdict is Verdict.UNDECIDED
    assert "eigvalsh" in proved.reason
    assert "test_prove_gradient.py" in proved.reason


def in_floats(x):
    return type(x) is np.ndarray and x.dtype.kind == "f"


def test_a_forward_that_is_another_one_in_floats_is_not_proved():
    def forward(x):
        return x**3 if in_floats(x) else x**2

    proved = prove_gradient(forward, lambda g, x: 2 * g * x, X)
    assert proved.verdict is Verdict.UNDECIDED
    assert proved.reason == "in floats forward gives another output than in exact arithmetic"
    assert proved.inputs[0].right == 0


def test_a_backward_that_is_another_one_in_floats_is_not_proved():
    def backward(g, x):
        return (3 if in_floats(x) else 2) * g * x

    proved = prove_gradient(np.square, backward, X)
    assert proved.verdict is Verdict.UNDECIDED
    assert proved.inputs[0].reason == "in floats backward gives another gradient than in exact arithmetic"


def test_a_gradient_that_is_zero_but_for_roundoff_is_proved():
    def forward(x):
        z = x - x.mean()
        return z**2

    def backward(g, x):
        slope = 2 * g * (x - x.mean())
        return slope - slope.mean()

    def of_shift(shift):
        return forward(X + shift)

    def of_shift_backward(g, shift):
        return backward(g, X + shift).sum(keepdims=True).reshape(shift.shape)

    proved = prove_gradient(of_shift, of_shift_backward, np.array([0.3]))
    assert proved.verdict is Verdict.RIGHT


def test_a_forward_that_is_not_finite_is_not_proved():
    with np.errstate(divide="ignore"):
        proved = prove_gradient(lambda x: np.log(x - 2), lambda g, x: g / (x - 2), np.array([3.0, 2.0]))
    assert (proved.verdict, proved.reason) == (Verdict.UNDECIDED, "forward is not finite")


def test_there_is_an_end_to_the_time():
    def slow(x):
        for _ in range(10_000):
            x = np.sin(x)
        return x

    proved = prove_gradient(slow, lambda g, x: g * x, X, seconds=0.05)
    assert (proved.verdict, proved.reason) == (Verdict.UNDECIDED, "takes too long")


def test_without_python_flint_the_reason_is_that(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    proved = prove_gradient(scaled, scaled_backward, X, SCALE)
    assert (proved.verdict, proved.reason) == (Verdict.UNDECIDED, "python-flint is not installed")
    assert "scaled_backward: python-flint is not installed" in str(proved)


def test_misuse_is_named_as_by_check_gradient():
    with pytest.raises(ValueError, match="no inputs"):
        prove_gradient(scaled, scaled_backward)
    with pytest.raises(ValueError, match="seconds must be a positive number"):
        prove_gradient(scaled, scaled_backward, X, SCALE, seconds=0)
    with pytest.raises(ValueError, match="grad_output must have the output's shape"):
        prove_gradient(scaled, scaled_backward, X, SCALE, grad_output=np.ones(3))
    with pytest.raises(CallerError, match="forward"):
        prove_gradient(lambda x: x[9], scaled_backward, X)
