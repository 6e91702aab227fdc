"""How many digits floats keep of what is proved."""

import numpy as np
import pytest

from scratchcnn import sigmoid
from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.proof.kept_digits import kept

EPS = float(np.finfo(float).eps)
MOST = -np.log10(EPS)


def article_backward(g, z):
    o = sigmoid(z)
    return g * o * (1 - o)


def careful_backward(g, z):
    return g * sigmoid(z) * sigmoid(-z)


def log_of_softmax(z):
    e = np.exp(z - z.max())
    return np.log(e / e.sum())


def log_of_softmax_backward(g, z):
    e = np.exp(z - z.max())
    return g - e / e.sum() * g.sum()


def difference_of_squares(x):
    return (x * x).mean(axis=1) - x.mean(axis=1) ** 2


def variance_backward(g, x):
    return g[:, None] * 2 * (x - x.mean(axis=1, keepdims=True)) / x.shape[1]


def deviation(x):
    return np.sqrt(difference_of_squares(x))


def deviation_backward(g, x):
    return variance_backward(g / (2 * deviation(x)), x)


SATURATED = np.array([0.5, 20.0, 30.0, 38.0])
ROWS = 1e5 + np.random.default_rng(0).standard_normal((3, 20))


# What checks say.


def test_one_less_the_output_loses_digits_in_saturation():
    report = check_gradient(sigmoid, article_backward, SATURATED)
    assert report.verdict is Verdict.RIGHT
    assert report.inputs[0].method.startswith("proved")
    digits = report.digits["z"]
    assert digits.shape == (4,)
    assert digits[0] > 15
    assert 6 < digits[1] < 9
    assert 2 < digits[2] < 5
    assert digits[3] == 0
    assert report.notes == (
        "in floats the gradient of 'z' keeps 0 of 16 digits at z[3] = 38,"
        f" {round(digits[2])} at z[2] = 30, and few at 1 more",
    )


def test_what_keeps_its_digits_needs_no_note():
    report = check_gradient(sigmoid, careful_backward, SATURATED)
    assert (report.verdict, report.notes) == (Verdict.RIGHT, ())
    assert (report.digits["z"] > 15).all()
    assert (report.digits["output"] > 15).all()


def test_the_log_of_a_softmax_loses_them_forward():
    z = np.array([0.0, 30.0, 1.0])
    report = check_gradient(log_of_softmax, log_of_softmax_backward, z)
    assert report.verdict is Verdict.RIGHT
    assert (report.digits["z"] > 14).all()
    assert (report.digits["output"][[0, 2]] > 14).all()
    assert report.digits["output"][1] < 6
    (note,) = report.notes
    assert note.startswith(f"in floats forward keeps {round(report.digits['output'][1])} of 16 digits at output[1] = -")


def test_a_variance_by_difference_of_squares_loses_them_forward_and_in_what_is_divided_by_it():
    forward = check_gradient(difference_of_squares, variance_backward, ROWS)
    assert (forward.verdict, len(forward.notes)) == (Verdict.RIGHT, 1)
    assert (forward.digits["output"] < 7).all()
    assert (forward.digits["x"] > 8).all()
    assert forward.notes[0].startswith("in floats forward keeps ")
    both = check_gradient(deviation, deviation_backward, ROWS)
    assert both.verdict is Verdict.RIGHT
    assert both.digits["x"].shape == (3, 20)
    assert (both.digits["x"] < 7).all()
    assert [note.split(" keeps ")[0] for note in both.notes] == [
        "in floats the gradient of 'x'",
        "in floats forward",
    ]


def test_float32_has_seven_digits_to_keep():
    report = check_gradient(sigmoid, article_backward, np.array([0.5, 14.0], np.float32))
    assert report.verdict is Verdict.RIGHT
    assert 6 < report.digits["z"][0] <= 7
    assert report.digits["z"][1] < 3.5
    assert report.notes == (
        f"in floats the gradient of 'z' keeps {round(report.digits['z'][1])} of 7 digits at z[1] = 14",
    )


def test_without_a_proof_nobody_knows():
    for report in (
        check_gradient(sigmoid, article_backward, SATURATED, proof=False, digits=10),
        check_gradient(lambda z: sigmoid(z.astype(np.float32)).astype(float), article_backward, SATURATED, digits=10),
    ):
        assert report.digits == {}
        assert not any("keeps" in note for note in report.notes)
        assert not any(v.kind == "digits" for v in report.violations)


def test_of_what_is_left_open_the_digits_are_unknown():
    report = check_gradient(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), np.array([0.0, 1.0, -1.0]))
    assert np.isnan(report.digits["x"]).tolist() == [True, False, False]
    assert report.notes == ()


# A floor.


def test_a_floor_makes_what_is_below_it_a_violation():
    report = check_gradient(sigmoid, article_backward, SATURATED, digits=4.5)
    assert (report.verdict, report.inputs[0].verdict) == (Verdict.WRONG, Verdict.RIGHT)
    (violation,) = report.violations
    assert (violation.kind, violation.input, violation.waived) == ("digits", "z", False)
    assert violation.message.endswith("at z[2] = 30; asked for are 4.5")
    assert "z[1]" not in violation.message


def test_a_floor_that_is_kept_is_none():
    assert check_gradient(sigmoid, careful_backward, SATURATED, digits=15).verdict is Verdict.RIGHT
    assert check_gradient(sigmoid, article_backward, SATURATED[:2], digits=6).verdict is Verdict.RIGHT


def test_it_can_be_waived():
    report = check_gradient(sigmoid, article_backward, SATURATED, digits=10, allow="digits")
    assert report.verdict is Verdict.RIGHT
    assert [(v.kind, v.waived) for v in report.violations] == [("digits", True)]


def test_forward_has_to_keep_them_as_well():
    report = check_gradient(log_of_softmax, log_of_softmax_backward, np.array([0.0, 30.0, 1.0]), digits=10)
    (violation,) = report.violations
    assert (violation.kind, violation.input) == ("digits", None)
    assert violation.message.startswith("in floats forward keeps ")


@pytest.mark.parametrize("floor", [-1, "ten", float("nan"), True])
def test_a_floor_is_a_number_of_digits(floor):
    with pytest.raises((TypeError, ValueError), match="digits"):
        check_gradient(sigmoid, article_backward, SATURATED, digits=floor)


# The count itself.


def digits_of(given, exact, **options):
    given, exact = np.array(given), np.array(exact)
    return kept("x", given, exact, options.pop("eps", EPS), given, **options).digits


def test_digits_are_counted_by_each_entry_s_own_size():
    found = digits_of([1 + 1e-6, 1e-20 * (1 + 1e-3), -2.0], [1.0, 1e-20, -2.0])
    assert found[:2] == pytest.approx([6, 3], abs=1e-3)
    assert found[2] == pytest.approx(MOST)
    assert digits_of([1e-45 * (1 + 1e-6)], [1e-45])[0] == pytest.approx(6, abs=1e-3)


def test_of_an_exact_zero_the_largest_entry_tells():
    assert digits_of([1e-16, 100.0], [0.0, 100.0])[0] == pytest.approx(MOST)
    assert digits_of([1e-4, 100.0], [0.0, 100.0])[0] == pytest.approx(6)
    assert digits_of([1e-4, 100.0], [1e-50, 100.0])[0] == pytest.approx(6)  # the width of a ball


def test_beside_small_entries_digits_are_counted_as_beside_large_ones():
    assert digits_of([1e-34, 1e-30], [0.0, 1e-30])[0] == pytest.approx(4)
    assert digits_of([1e-45 * (1 + 1e-6), 1e-40], [1e-45, 1e-40])[0] == pytest.approx(6, abs=1e-3)


def test_integers_and_nothing_at_all_keep_what_they_have():
    assert digits_of([1, 2], [1.0, 2.0]) == pytest.approx([MOST, MOST])
    assert digits_of(np.zeros((0, 3)), np.zeros(0)).shape == (0, 3)


def test_where_all_are_zero_there_are_no_digits_to_lose():
    assert digits_of([1e-17, 0.0], [0.0, 1e-70]) == pytest.approx(MOST)


def test_what_is_not_finite_keeps_none():
    assert digits_of([np.nan, np.inf, 1.0], [1.0, 1.0, 1.0]).tolist() == [0, 0, pytest.approx(MOST)]
    assert digits_of([np.nan, -np.inf, 1.0], [0.0, 0.0, 1.0]).tolist() == [0, 0, pytest.approx(MOST)]


def test_below_the_smallest_normal_number_nothing_is_lost():
    assert digits_of([1e-310, 0.0], [1.1e-310, 1e-320])[1] > 12


def test_there_are_no_more_digits_than_the_inputs_have():
    assert digits_of([1.0], [1.0], eps=2.0**-23)[0] == pytest.approx(23 * np.log10(2))
    assert digits_of(np.ones(1, np.float32), [1.0])[0] == pytest.approx(23 * np.log10(2))


def test_what_is_not_known_is_nan():
    assert np.isnan(digits_of([1.0, 2.0], [1.0, 5.0], known=np.array([True, False]))).tolist() == [False, True]


def test_a_single_number_has_no_place():
    found = kept("x", np.array(1.5), np.array([1.0]), EPS, np.array(1.5))
    assert found.note() == "in floats the gradient of 'x' keeps 0 of 16 digits at x = 1.5"


def test_of_places_that_keep_as_few_the_first_are_named():
    places = np.arange(1.0, 1001.0)
    factors = 1 + 10.0 ** -(places % 3)
    note = kept("x", factors * places, places, EPS, places).note()
    assert note.endswith("keeps 0 of 16 digits at x[2] = 3, 0 at x[5] = 6, and few at 998 more")


def test_a_place_has_no_value_where_the_values_are_those_of_something_else():
    found = kept("output", np.array([1.5]), np.array([1.0]), EPS, np.zeros(3))
    assert found.note() == "in floats forward keeps 0 of 16 digits at output[0]"


def test_nobody_is_asked_for_more_digits_than_there_are():
    right = {"forward": np.sin, "backward": lambda g, x: g * np.cos(x)}
    assert check_gradient(*right.values(), np.array([0.3, 1.2]), digits=20).ok


def test_digits_that_nobody_could_look_at_are_said_so():
    report = check_gradient(np.sin, lambda g, x: g * np.cos(x), np.array([0.3]), digits=8, proof=False)
    assert "digits were not looked at: nothing is proved" in report.notes
