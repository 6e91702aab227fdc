"""The curve of steps: the V of truncation and roundoff, with the steps that the check takes, and its bound."""

import time
from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.numerical.differences import ATTEMPTS
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP
from scratchcnn.gradcheck.report.curve import curve
from scratchcnn.gradcheck.report.steps import SECONDS, followed

X = np.array([0.3, 1.0, 2.0])


def cosine(g, x):
    return g * np.cos(x)


@pytest.fixture(scope="module")
def steps():
    report = check_gradient(np.sin, lambda g, x: 1.001 * cosine(g, x), X, proof=False, grad_output=np.ones(3))
    (found,) = followed(report).values()
    return found


def test_the_entry_that_is_followed_is_the_worst_one(steps):
    assert steps.index == (0,)
    assert steps.analytic == 1.001 * np.cos(0.3)


def test_the_bound_is_that_of_the_derivative(steps):
    assert abs(steps.derivative - np.cos(0.3)) <= steps.bound < 1e-12


def test_the_error_is_a_v_of_truncation_and_roundoff(steps):
    error = np.abs(steps.value - np.cos(0.3))
    best = int(error.argmin())
    assert np.all(np.diff(steps.h) < 0)
    assert 1e-7 < steps.h[best] < 1e-4
    large = steps.h > 1e-3
    np.testing.assert_allclose(error[large] / steps.h[large] ** 2, np.cos(0.3) / 6, rtol=1e-2)
    assert (error[best:] <= steps.roundoff / steps.h[best:] + steps.bound).all()
    assert error[-1] > 1e4 * error[best]


def test_the_steps_that_the_check_takes_are_among_them(steps):
    unit = steps.h[0] / (UNEVEN_STEP / 2)
    taken = steps.h[steps.taken] / unit
    assert any(len(a) == len(taken) and np.allclose(a * closer, taken, rtol=1e-12) for a, closer in ATTEMPTS)


def test_the_picture_says_in_words_where_the_curve_is_lowest(steps):
    drawn = curve(steps, "name", "x[0]")
    best = int(np.abs(steps.value - steps.derivative).argmin())
    assert f"least at {steps.h[best]:.1e}" in drawn.svg
    for said in ("bound of the numerical value", "analytic value", "roundoff / step", "truncation ∝ step²"):
        assert f"{said}</text>" in drawn.svg
    assert drawn.notes[0].startswith("ringed: the steps that the check takes")


def test_of_a_right_gradient_the_entry_is_followed_that_is_closest_to_its_bound():
    report = check_gradient(np.sin, cosine, X, proof=False)
    evidence = report.inputs[0].evidence
    other = (report.inputs[0].worst_index[0] + 1) % 3
    evidence.numerical[other] = evidence.analytic[other] + 0.9 * evidence.bound[other]
    (steps,) = followed(report).values()
    assert steps.index == (other,)


def test_where_no_step_has_an_error_there_is_no_curve_to_draw():
    report = check_gradient(lambda x: 2 * x, lambda g, x: 2 * g, np.ones(1), proof=False, grad_output=np.ones(1))
    (steps,) = followed(report).values()
    drawn = curve(steps, "name", "x[0]")
    assert (drawn.svg, drawn.notes) == ("", ("none: each step gives the same number",))


@pytest.mark.parametrize("scale", [1e-310, 1e300])
def test_numbers_whose_squares_cannot_be_computed_are_not_drawn(scale):
    report = check_gradient(lambda x: scale * np.sin(x), lambda g, x: 1.5 * scale * cosine(g, x), X, proof=False)
    (steps,) = followed(report).values()
    assert curve(steps, "name", "x").notes == ("too small, or too large, to be drawn",)


def test_a_kink_has_none():
    report = check_gradient(np.abs, lambda g, x: g * np.sign(x), np.array([0.0]), proof=False)
    (steps,) = followed(report).values()
    assert steps.status == "kink"
    assert curve(steps, "name", "x[0]") is None


def test_a_slow_forward_is_not_called_again():
    def slow(x):
        time.sleep(SECONDS / 10)
        return x[:1] ** 2

    report = check_gradient(slow, lambda g, x: (2 * g * x,), np.ones(1), proof=False, seconds=1)
    assert followed(report) == {}


def test_a_curve_without_roundoff_has_no_guide_to_it(steps):
    svg = curve(replace(steps, roundoff=0.0), "name", "x[0]").svg
    assert "truncation ∝ step²</text>" in svg
    assert "roundoff / step" not in svg


def test_a_forward_whose_output_has_another_shape_by_now_is_left_alone():
    state = {"rows": 3}
    report = check_gradient(lambda x: x[: state["rows"]] ** 2, lambda g, x: 2 * g * x, X)
    state["rows"] = 2
    assert followed(report) == {}


def test_a_forward_that_fails_by_now_is_left_alone():
    state = {"open": True}

    def forward(x):
        if not state["open"]:
            raise OSError("closed")
        return x**2

    report = check_gradient(forward, lambda g, x: 2 * g * x, X)
    assert len(followed(report)) == 1
    state["open"] = False
    assert followed(report) == {}
