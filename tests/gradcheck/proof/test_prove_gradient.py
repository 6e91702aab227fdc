"""`prove_gradient`: what a proof says alone, without differences, and what it does not take for proved."""

import json
import math
import sys

import numpy as np
import pytest

from scratchcnn.gradcheck import CallerError, Verdict, prove_gradient
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.proof.outcome import Proven
from scratchcnn.gradcheck.proof.prove_gradient import Proved, ProvedInput, _close, _fault, _roundoff

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
    assert [(each.name, each.size, each.verdict) for each in proved.inputs] == [
        ("x", 4, Verdict.WRONG),
        ("scale", 2, Verdict.RIGHT),
    ]
    assert proved.inputs[0].reason.startswith("proved wrong: along a random direction the gradient gives ")
    assert proved.inputs[0].right == 0
    assert proved.digits == proved.inputs[1].digits


def test_one_input_is_asked_for_alone():
    proved = prove_gradient(scaled, without_the_square, X, SCALE, wrt="scale")
    assert [(each.name, each.verdict) for each in proved.inputs] == [("scale", Verdict.RIGHT)]


def test_the_same_seed_proves_the_same():
    first, again, other = (prove_gradient(scaled, scaled_backward, X, SCALE, seed=k) for k in (1, 1, 2))
    assert first == again != other
    assert prove_gradient(scaled, scaled_backward, X, SCALE) == prove_gradient(
        scaled, scaled_backward, X, SCALE, seed=0
    )


def test_plain_data():
    data = json.loads(json.dumps(prove_gradient(scaled, scaled_backward, X, SCALE).to_dict(), allow_nan=False))
    assert data["verdict"] == "right"
    assert data["digits"] == pytest.approx(75, abs=8)
    exactly = prove_gradient(np.square, lambda g, x: 2 * g * x, X)
    assert str(exactly) == "backward: by ball arithmetic alone\n  x: 4 of 4 entries proved right, exactly"
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
    (found,) = proved.inputs
    assert (found.name, found.size, found.right) == ("x", 3, 2)
    assert found.reason == "kinks, or ends of its domain, at the others"
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
    assert [(each.name, each.right, each.reason) for each in proved.inputs] == [("x", 0, proved.reason)]


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


RIGHT, WRONG, UNDECIDED = Verdict.RIGHT, Verdict.WRONG, Verdict.UNDECIDED


def proved_of(*verdicts, digits=(50.0, 60.0, 70.0), right=(1, 2, 3)):
    names = zip("abc", verdicts, digits, right, strict=False)
    return Proved("backward", tuple(ProvedInput(n, 3, v, r, d, f"as {v.value}") for n, v, d, r in names))


class TestOutcome:
    @pytest.mark.parametrize(
        ("verdicts", "verdict"),
        [
            ((RIGHT, RIGHT), RIGHT),
            ((RIGHT, UNDECIDED), UNDECIDED),
            ((UNDECIDED, WRONG, RIGHT), WRONG),
            ((), UNDECIDED),
        ],
    )
    def test_the_verdict_is_that_of_the_worst_input(self, verdicts, verdict):
        assert proved_of(*verdicts).verdict is verdict
        assert bool(proved_of(*verdicts)) is (verdict is RIGHT)

    def test_the_digits_are_those_of_what_is_right(self):
        assert proved_of(RIGHT, WRONG, digits=(50.0, 60.0)).digits == 50
        assert proved_of(RIGHT, WRONG, digits=(50.0, 60.0), right=(0, 2)).digits == 60
        assert math.isnan(proved_of(WRONG, right=(0,)).digits)

    def test_in_words(self):
        lines = str(proved_of(RIGHT, UNDECIDED, WRONG, digits=(50.123, math.inf, math.nan), right=(3, 2, 0))).split(
            "\n"
        )
        assert lines == [
            "backward: by ball arithmetic alone",
            "  a: 3 of 3 entries proved right, to 50.1 digits; as right",
            "  b: 2 of 3 entries proved right, exactly; as undecided",
            "  c: 0 of 3 entries proved right; as wrong",
        ]
        assert str(Proved("backward", proved_of(RIGHT).inputs, "a reason")) == "backward: a reason"

    def test_as_plain_data(self):
        found = Proved(
            "backward", (ProvedInput("a", 3, WRONG, 1, 50.16, "why"), ProvedInput("b", 2, RIGHT, 2, math.inf, ""))
        )
        assert found.to_dict() == {
            "backward": "backward",
            "verdict": "wrong",
            "digits": 50.2,
            "inputs": [
                {"name": "a", "size": 3, "verdict": "wrong", "right": 1, "digits": 50.2, "reason": "why"},
                {"name": "b", "size": 2, "verdict": "right", "right": 2, "digits": "exact", "reason": ""},
            ],
            "reason": "",
        }


def test_names_and_a_cotangent_are_those_that_the_caller_gives():
    seen = []

    def backward(g, x, scale):
        seen.append(np.array(g) if in_floats(g) else None)
        return scaled_backward(g, x, scale)

    g = np.array([[1.5, -2.0], [0.25, 3.0]])
    proved = prove_gradient(scaled, backward, X, SCALE, names=["a", "b"], wrt=["b"], grad_output=g)
    assert [each.name for each in proved.inputs] == ["b"]
    assert np.array_equal(seen[0], g)
    with pytest.raises(ValueError, match="seed must be"):
        prove_gradient(scaled, scaled_backward, X, SCALE, seed=-1)


def test_an_empty_input_beside_another_is_left_out():
    proved = prove_gradient(lambda x, y: x * y.sum(), lambda g, x, y: (g * y.sum(), np.zeros(0)), X, np.zeros(0))
    assert [each.name for each in proved.inputs] == ["x"]
    empty = prove_gradient(lambda x: x[:0], lambda g, x: 0 * x, X)
    assert {empty.reason, *(each.reason for each in empty.inputs)} == {"there is nothing to prove"}


class TestFloatsBesideBalls:
    CASE = prepare(lambda x, y: 4 * x + y, lambda g, x, y: (4 * g, g), [np.array([0.5, -2.0]), np.ones(2, np.float32)])

    def test_are_the_same_to_half_of_their_digits(self):
        half = 2.0**-11.5  # of float32, which is the coarsest here
        exact = np.array([1.0, 100.0])
        for share, close in ((0.9, True), (1.1, False)):
            assert _close(exact + share * half * np.array([100, 0]), exact, self.CASE) is close
        assert _close(exact + 0.5, exact, self.CASE, 0.6)
        assert not _close(exact + 0.5, exact, self.CASE, 0.4)
        assert not _close(exact[:1], exact, self.CASE)
        assert _close(np.empty(0), np.empty(0), self.CASE)

    def test_or_to_roundoffs_of_the_operation(self):
        g = np.array([2.0, -1.0])
        total = 2 * 3 + 1 * 7  # |c| |y|
        assert _roundoff(self.CASE, 0, g) == pytest.approx(64 * 2.0**-23 * total / 2)
        zeros = prepare(lambda x: x, lambda g, x: g, [np.zeros(2)])
        assert _roundoff(zeros, 0, g) == 0


@pytest.mark.parametrize(
    ("exact", "told"),
    [
        ({1: 2.0}, "entry 1 of the gradient is 2.5, forward in exact arithmetic gives 2"),
        ({}, "along a random direction the gradient gives 3, forward in exact arithmetic 4"),
    ],
)
def test_what_is_wrong_is_said_of_an_entry_or_of_a_direction(exact, told):
    wrong = np.array([False, True])
    proven = Proven(
        value=np.array([1.0, 2.5]),
        bound=np.zeros(2),
        right=~wrong,
        wrong=wrong,
        digits=9.0,
        along=(3.0, 4.0),
        exact=exact,
    )
    assert _fault(proven) == f"proved wrong: {told}"
