"""The curve of steps: the V of truncation and roundoff, with the steps that the check takes, and its bound."""

import time
from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.numerical.differences import ATTEMPTS
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP
from scratchcnn.gradcheck.report import steps as following
from scratchcnn.gradcheck.report.curve import curve
from scratchcnn.gradcheck.report.evidence import Called
from scratchcnn.gradcheck.report.steps import EXPONENTS, SECONDS, followed

X = np.array([0.3, 1.0, 2.0])


def cosine(g, x):
    return g * np.cos(x)


@pytest.fixture
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
    assert not steps.taken.any()
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


def with_evidence(report, **changes):
    """The report with other evidence of its first input; without any if there are no changes."""
    part, *others = report.inputs
    evidence = replace(part.evidence, **changes) if changes else None
    return replace(report, inputs=(replace(part, evidence=evidence), *others))


@pytest.mark.parametrize(
    ("changes", "analytic"),
    [
        ({"analytic": np.full(3, 7.0)}, 7.0),  # what the check compared
        ({"analytic": np.full(3, 7.0), "where": "a second point"}, np.cos(0.3)),
        ({"analytic": np.full(1, 7.0), "entries": np.array([2])}, np.cos(0.3)),
        ({}, np.cos(0.3)),
    ],
)
def test_the_analytic_value_is_the_callers_at_the_callers_inputs(changes, analytic):
    report = check_gradient(np.sin, lambda g, x: cosine(g, x) * [1.001, 1, 1], X, proof=False, grad_output=np.ones(3))
    (steps,) = followed(with_evidence(report, **changes)).values()
    assert steps.index == (0,)
    assert steps.analytic == pytest.approx(analytic * (1.001 if analytic < 1 else 1), rel=1e-12)


def test_an_analytic_value_that_is_not_known_is_none():
    report = check_gradient(np.sin, lambda g, x: 1.5 * cosine(g, x), X, proof=False)
    called = replace(report.called, gradients=(np.ones(2),))
    (steps,) = followed(replace(with_evidence(report), called=called)).values()
    assert np.isnan(steps.analytic)


@pytest.mark.parametrize(("change", "followed_all_the_same"), [(1e-15, True), (1e-13, False), (1e-3, False)])
def test_a_forward_that_answers_something_else_by_now_is_left_alone_but_for_roundoff(change, followed_all_the_same):
    state = {"factor": 1.0}
    report = check_gradient(lambda x: state["factor"] * np.sin(x), lambda g, x: 2 * cosine(g, x), X)
    state["factor"] = 1 + change
    assert bool(followed(report)) == followed_all_the_same


def test_what_takes_longer_is_followed_at_fewer_steps_but_at_those_of_the_check(steps):
    report = check_gradient(np.sin, lambda g, x: 1.001 * cosine(g, x), X, proof=False, grad_output=np.ones(3))
    assert len(steps.h) == len(EXPONENTS) == 50
    for seconds, count in [(SECONDS / 100, 50), (SECONDS / 51, 25), (SECONDS / 17, 9), (SECONDS / 15, 0)]:
        found = followed(replace(report, called=replace(report.called, seconds=seconds)))
        assert len(found) == (count > 0)
        for slower in found.values():
            others = slower.h[~slower.taken]
            np.testing.assert_array_equal(slower.h[slower.taken], steps.h[steps.taken])
            assert count - steps.taken.sum() <= len(others) <= count
            assert set(others) <= set(steps.h)


def test_a_check_that_is_not_here_has_nothing_to_follow():
    report = check_gradient(np.sin, cosine, X)
    assert followed(replace(report, called=None)) == {}


def test_quotients_are_central_differences_in_the_dtype_of_forward():
    report = check_gradient(
        lambda x, y: x**2 * y, lambda g, x, y: (g * x * y * np.float32([3, 2]), g * x**2),
        np.float32([1.5, 2e4]), np.float32([3, 4]), proof=False, grad_output=np.float32([0.5, 2]),
    )  # fmt: skip
    steps = followed(report)["x"]
    at = np.float32(1.5)
    assert steps.index == (0,)
    for h, value in zip(steps.h[:8], steps.value[:8], strict=True):
        above, below = (np.float32(at + side * h) ** 2 * np.float32(3) for side in (1, -1))
        assert value == pytest.approx(0.5 * float(above - below) / (2 * h), rel=1e-5)
    # The other output, of size 1e9, does not move: its roundoff is not that of these differences.
    assert 0 < steps.roundoff < 1e-5


def test_a_forward_that_writes_into_its_inputs_is_followed_all_the_same():
    def doubled(x):
        x *= 2
        return x

    report = check_gradient(doubled, lambda g, x: 3 * g, np.array([[1.0, 2.0]]), grad_output=np.ones((1, 2)))
    (steps,) = followed(report).values()
    assert steps.derivative == pytest.approx(2)
    np.testing.assert_allclose(steps.value[:20], 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        (np.array([1, 2]), np.array([1, 2]), True),
        (np.array([1, 2]), np.array([1, 3]), False),
        (np.ones(2), np.ones(2, np.float32), False),
        (np.ones(2), np.ones((2, 1)), False),
        (np.array([np.inf, np.nan]), np.array([np.inf, np.nan]), True),
        (np.array([np.inf, 1.0]), np.array([-np.inf, 1.0]), False),
        (np.zeros(0), np.zeros(0), True),
    ],
)
def test_what_forward_answers_is_the_same_up_to_roundoff(before, now, same):
    called = Called(lambda: now, (), np.ones(2), before, (), (), False, 0.0)
    assert following._answers_as_before(called) is same
