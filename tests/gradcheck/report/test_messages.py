"""What a report says, line by line, and what a newcomer needs to be told."""

import json
import math
import pickle
import re
from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck import (
    CallerError,
    GradientMismatch,
    GradientUndecided,
    InputReport,
    Report,
    Verdict,
    assert_gradient,
    check_gradient,
)
from scratchcnn.gradcheck.report.wording import ADVICE, LINE_WIDTH


def square(x):
    return x**2


def square_backward(g, x):
    return 2 * g * x


def scale(x, weight, factor=1, shift=None):
    return factor * weight * x


def scale_backward(g, x, weight, factor=1, shift=None):
    return factor * weight * g, (factor * x * g).sum(axis=0)


def lines_of(report):
    """The report's lines; the bounds, which are the machine's, are replaced."""
    return re.sub(r"± \S+", "± bound", str(report)).splitlines()


def entry(**changes):
    """The report on an input of three entries, one of them looked at and right."""
    fields = {
        "name": "x",
        "verdict": Verdict.RIGHT,
        "size": 3,
        "checked": 1,
        "wrong": 0,
        "undecided": 0,
        "worst_index": (2,),
        "analytic": 0.5,
        "numerical": 0.5,
        "bound": 1e-12,
        "method": "differences",
        "reason": "",
    }
    return InputReport(**(fields | changes))


def report_of(*inputs, verdict=Verdict.WRONG, **fields):
    return Report("forward", "backward", verdict, inputs, **fields)


def test_a_wrong_gradient():
    tripled = eval("lambda g, x: 3 * g * x")
    report = check_gradient(square, tripled, [1.0, 2.0], grad_output=[1.0, 1.0])
    assert lines_of(report) == [
        "backward is WRONG as the gradient of square: the gradient of x is 1.5 times the",
        "  true one (at 2 of 2 entries, and at a second point)",
        "  checked with x float64[2]",
        "  x: wrong (2 of 2 entries checked, 2 wrong; differences)",
        "    worst wrong entry x[1]: analytic 6, numerical 4 ± bound (off by 2)",
        "      analytic (*: wrong)   numerical",
        "      3* 6*                 2  4",
        "  to see it again:",
        "    # backward: the lambda at <string>:1",
        "    x = np.array([1.0, 2.0])",
        "    check_gradient(square, backward, x, grad_output=np.full((2,), 1.0))",
    ]


def test_a_right_gradient_is_told_with_its_worst_entry_and_the_bound_that_was_applied():
    report = check_gradient(square, square_backward, [[1.0, 2.0]], grad_output=[[1.0, 0.0]], proof=False)
    title, summary, *worst = lines_of(report)
    assert title == "square_backward is RIGHT as the gradient of square"
    assert summary == "  x: right (2 of 2 entries checked; differences)"
    assert worst[0].startswith("    worst entry x[0, 0]: analytic 2,")
    assert report.inputs[0].error <= report.inputs[0].bound


def test_an_undecided_gradient_says_what_one_can_do():
    report = check_gradient(np.floor, lambda g, x: 0 * g, [1.0, 2.5], names=["x"], name="rounding down", proof=False)
    assert lines_of(report) == [
        "rounding down is UNDECIDED",
        "  checked with x float64[2]",
        "  x: undecided (2 of 2 entries checked, 1 undecided; differences 1, ladder 1)",
        "    undecided: jump at 1 (forward jumps here: move the inputs by a small random",
        "      number)",
        "    worst undecided entry x[0]: analytic 0, no numerical value",
    ]


def test_the_reasons_of_real_checks_have_advice():
    undecided_checks = [
        (np.floor, lambda g, x: 0 * g, [1.0, 2.5]),
        (lambda x: np.log(np.abs(x)), lambda g, x: g, [0.0, 1.0]),
    ]
    for forward, backward, x in undecided_checks:
        with np.errstate(all="ignore"):
            (found,) = check_gradient(forward, backward, x).inputs
        assert found.verdict is Verdict.UNDECIDED
        assert any(f"{reason} at" in found.reason and advice in found.reason for reason, advice in ADVICE.items())


def test_what_is_wrong_along_a_direction_alone_shows_no_entry_that_agrees():
    x = np.random.default_rng(0).standard_normal(500)

    def backward(g, x):
        return square_backward(g, x) + 1e-3 * (np.arange(500) == 250)

    report = check_gradient(square, backward, x, max_entries=10, proof=False)
    assert report.verdict is Verdict.WRONG
    text = str(report)
    assert "along a random direction" in text
    assert "entry x[" not in text
    assert "    max_entries=None looks at every entry, and shows which are wrong" in text.splitlines()


def test_what_is_wrong_in_low_precision_alone_shows_no_entry_that_agrees():
    def backward(g, x):
        return 2 * g * x * (np.float32(1.001) if x.dtype == np.float32 else 1)

    report = check_gradient(square, backward, np.array([1, 2], np.float32))
    assert report.verdict is Verdict.WRONG
    assert "float32" in report.inputs[0].reason
    assert "worst" not in str(report)


def test_a_violation_shows_no_wrong_entry():
    def backward(g, x):
        g *= 2 * x
        return g.copy()

    text = str(check_gradient(square, backward, [1.0, 2.0]))
    assert "  mutation: backward writes into the cotangent (the gradient that arrives" in text
    assert "worst entry x[" in text
    assert "worst wrong" not in text


@pytest.mark.parametrize("exponent", range(1, 16))
def test_numbers_that_differ_are_printed_so(exponent):
    analytic, numerical = math.pi, math.pi * (1 + 10.0**-exponent)
    text = str(report_of(entry(verdict=Verdict.WRONG, wrong=1, analytic=analytic, numerical=numerical, bound=0.0)))
    first, second = re.findall(r"(?:analytic|numerical) ([\d.]+)", text)
    assert abs(float(second) - float(first) - (numerical - analytic)) <= 0.1 * abs(numerical - analytic)


def test_an_error_just_beyond_its_bound_is_told_from_it():
    text = str(report_of(entry(verdict=Verdict.WRONG, wrong=1, analytic=0.75, bound=0.25 * (1 - 1e-4))))
    assert "± 0.249975 (off by 0.25)" in text


def test_a_value_that_is_not_a_number_has_no_distance():
    wrong = entry(verdict=Verdict.WRONG, wrong=1, analytic=math.nan)
    assert str(report_of(wrong)).endswith("worst wrong entry x[2]: analytic nan, numerical 0.5 ± 1e-12")
    blank = entry(verdict=Verdict.UNDECIDED, undecided=1, numerical=math.nan, bound=math.nan)
    assert str(report_of(blank)).endswith("worst undecided entry x[2]: analytic 0.5, no numerical value")


def test_numbers_of_another_point_are_said_to_be_its():
    wrong = entry(verdict=Verdict.WRONG, wrong=1, analytic=6, numerical=4, bound=0, where="on the lattice")
    assert "worst wrong entry x[2], on the lattice: analytic 6,\n      numerical 4 ± 0 (off by 2)" in str(
        report_of(wrong)
    )


def test_long_lines_are_wrapped_and_numbers_stay_whole():
    reason = "along a random direction at the inputs the gradient gives 0.4384288857, differences 0.4234837 ± 3.1e-12"
    text = str(report_of(entry(verdict=Verdict.WRONG, name="the weights of a layer", reason=reason, method="m " * 40)))
    assert all(len(line) <= LINE_WIDTH for line in text.splitlines())
    assert "0.4234837 ± 3.1e-12" in text
    assert " ".join(text.split()).count(reason) == 1
    assert "\N{NO-BREAK SPACE}" not in text


def test_the_sample_names_dtypes_shapes_and_options():
    x, weight = np.ones((3, 2), np.float32), np.ones(2)
    options = {"factor": 3, "shift": np.zeros((4, 5))}
    wrong = partial(lambda *a, **k: tuple(2 * g for g in scale_backward(*a, **k)), **options)
    report = check_gradient(partial(scale, **options), wrong, x, weight)
    assert report.sample == "x float32[3, 2], weight float64[2]; options: factor=3, shift=float64[4, 5]"
    assert "checked with x float32[3, 2], weight float64[2]; options: factor=3," in str(report)
    right = check_gradient(partial(scale, factor=3), partial(scale_backward, factor=3), [[1.0, 2.0]], [1.0, 2.0])
    assert right.ok
    assert "options" not in str(right)


def test_options_that_differ_are_told_apart():
    report = check_gradient(partial(scale, factor=3), scale_backward, [[1.0, 2.0]], [1.0, 2.0])
    assert report.sample.endswith("; options of forward: factor=3; of backward: none")


@pytest.mark.parametrize(
    ("forward", "backward", "title"),
    [
        (square, square_backward, "square_backward is RIGHT as the gradient of square"),
        (lambda x: x**2, lambda g, x: 2 * g * x, "backward is RIGHT as the gradient of forward"),
        (partial(square), partial(lambda g, x: 2 * g * x), "backward is RIGHT as the gradient of square"),
        (np.square, square_backward, "square_backward is RIGHT as the gradient of square"),
    ],
)
def test_a_function_goes_by_its_name_or_its_role(forward, backward, title):
    report = check_gradient(forward, backward, [1.0, 2.0])
    assert str(report).splitlines()[0] == title
    named = check_gradient(forward, backward, [1.0, 2.0], name="squares")
    assert (named.name, str(named).splitlines()[0]) == ("squares", "squares is RIGHT")


def test_functions_within_functions_go_by_their_own_name():
    class Layer:
        def forward(self, x):
            return x**2

    def inner(g, x):
        return 2 * g * x

    report = check_gradient(Layer().forward, inner, [1.0])
    assert (report.forward, report.backward) == ("Layer.forward", "inner")


def test_the_second_point_of_a_check_shows_the_mistake():
    report = check_gradient(lambda x: x**3, lambda g, x: 3 * g * x, np.ones(4), names=["x"])
    assert [v.kind for v in report.violations] == ["elsewhere"]
    (x,), g = report.second_point.inputs, report.second_point.grad_output
    assert x.shape == g.shape == (4,)
    assert not np.allclose(3 * g * x, 3 * g * x**2, rtol=1e-3)
    assert str(report).count("arrives from above") == 1


def miscounted(backward, *inputs, **options):
    report = check_gradient(lambda x, y, z: x * y * z, backward, *inputs, **options)
    (violation,) = report.violations
    assert (violation.kind, report.verdict) == ("count", Verdict.WRONG)
    return violation.message


def test_a_wrong_count_says_what_to_return():
    x = np.ones(2)
    assert miscounted(lambda g, x, y, z: (g, g), x, x, x) == (
        "backward must return one gradient for each of the inputs x, y, z; it returned 2: "
        "return None for an input that has no gradient, or name in wrt= those that it returns"
    )
    assert miscounted(lambda g, x, y, z: g, x, x, x, wrt=("z", "y")) == (
        "backward must return one gradient for each of the inputs x, y, z; it returned 1: "
        "return None for an input that has no gradient, or only the gradients of y and z, named in wrt"
    )
    assert miscounted(lambda g, x, y, z: (g, g, g, g), x, x, x) == (
        "backward must return one gradient for each of the inputs x, y, z; it returned 4 "
        "(a tuple or list holds one for each input)"
    )
    assert "one gradient for the input x; it returned 2" in str(check_gradient(square, lambda g, x: (g, g), x))


def test_none_where_a_gradient_is_asked_for():
    report = check_gradient(lambda x, y: x * y, lambda g, x, y: (g * y, None), [1.0, 2.0], [3.0, 4.0])
    assert [(v.kind, v.input) for v in report.violations] == [("count", "y")]
    assert report.violations[0].message == (
        "backward gave None for 'y', which is checked: name in wrt= only what has a gradient"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_not_said_to_ignore_the_cotangent(value):
    report = check_gradient(square, lambda g, x: np.where(x > 1, value, 0 * g), [1.0, 2.0])
    assert "not-finite" in {v.kind for v in report.violations} or report.inputs[0].wrong
    assert "ignores-cotangent" not in {v.kind for v in report.violations}
    mixed = check_gradient(square, lambda g, x: np.where(x > 1, value, 2 * x), [1.0, 2.0])
    assert "ignores-cotangent" in {v.kind for v in mixed.violations}


def test_a_report_is_its_text_in_a_console_too():
    report = check_gradient(square, lambda g, x: 3 * g * x, [1.0])
    assert repr(report) == str(report)


def test_reports_are_equal_where_numbers_are_not():
    blank = entry(analytic=math.nan, numerical=float("nan"))
    same = entry(analytic=float("nan"), numerical=math.nan)
    assert (blank, hash(blank)) == (same, hash(same))
    assert blank != entry()
    assert report_of(blank) == report_of(same)
    assert report_of(blank) != report_of(same, name="another")

    def shaped(g, x):
        return (2 * g * x)[None]

    assert check_gradient(square, shaped, [1.0, 2.0]) == check_gradient(square, shaped, [1.0, 2.0])


def test_the_exceptions_can_be_pickled_though_they_hide_their_module():
    with pytest.raises(GradientMismatch) as caught:
        assert_gradient(square, lambda g, x: 3 * g * x, [1.0])
    again = pickle.loads(pickle.dumps(caught.value))
    assert type(again) is GradientMismatch
    assert (str(again), again.report) == (str(caught.value), caught.value.report)
    assert type(pickle.loads(pickle.dumps(GradientUndecided(again.report)))) is GradientUndecided
    error = pickle.loads(pickle.dumps(CallerError("forward raised")))
    assert (type(error), str(error)) == (CallerError, "forward raised")


def test_the_dictionary_has_what_the_text_has():
    data = check_gradient(square, lambda g, x: np.nan * x, [1.0, 2.0], name="squares").to_dict()
    assert data == json.loads(json.dumps(data, allow_nan=False))
    assert (data["name"], data["sample"]) == ("squares", "x float64[2]")
    assert data["inputs"][0]["analytic"] == "nan"
