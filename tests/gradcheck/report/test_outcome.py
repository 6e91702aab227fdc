"""Why a report is not right, in one line."""

import math

import pytest

from scratchcnn.gradcheck.report.causes import Diagnosis
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.outcome import fault, outcomes, why
from scratchcnn.gradcheck.report.report import Violation
from scratchcnn.gradcheck.verdict import Verdict
from tests.gradcheck.report.test_messages import entry, report_of

WRITES = Violation("writes", "backward writes to it", "x")


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (
            {"diagnoses": (Diagnosis("factor", "x", "twice the true one", 1.0),)},
            "the gradient of x is twice the true one",
        ),
        ({"diagnoses": (Diagnosis("raises", "", "backward raises", 1.0),)}, "backward raises"),
        (
            {"diagnoses": (Diagnosis("writes", "x", "backward writes to it", 1.0),), "violations": (WRITES,)},
            "x: backward writes to it",
        ),
        (
            {"violations": (Violation("dtype", "must be float32", waived=True), WRITES)},
            "x: writes: backward writes to it",
        ),
        ({"violations": (Violation("count", "returns two"),)}, "count: returns two"),
        ({"notes": ("not checked: forward raises", "at once")}, "not checked: forward raises; at once"),
        ({}, "nothing to check"),
    ],
)
def test_the_reason_is_the_mistake_or_else_the_breach_or_else_the_notes(fields, line):
    assert why(report_of(**fields)) == line


def test_the_reason_is_an_entry_where_no_mistake_is_known():
    wrong = entry(verdict=Verdict.WRONG, wrong=1, analytic=0.75)
    assert why(report_of(wrong)) == "x: wrong at (2,): analytic 0.75, numerical 0.5"
    along = entry(verdict=Verdict.WRONG, reason="wrong: along a direction")
    assert why(report_of(entry(), along)) == "x: wrong: along a direction"


def test_an_input_of_which_nothing_was_looked_at_has_no_margin():
    (row,) = outcomes([Entry("f", report_of(entry(checked=0), verdict=Verdict.UNDECIDED))])
    assert math.isnan(row.margin)
    assert (row.checked, row.entries) == (0, 3)


def test_what_is_said_of_a_right_gradient_is_noted():
    of_right = [Entry("f", report_of(entry(), entry(reason="only where w is symmetric"), verdict=Verdict.RIGHT))]
    assert [row.note for row in outcomes(of_right)] == ["x: only where w is symmetric"]
    assert [row.note for row in outcomes([Entry("f", report_of(entry(), verdict=Verdict.RIGHT))])] == [""]


RIGHT, WRONG, UNDECIDED = Verdict.RIGHT, Verdict.WRONG, Verdict.UNDECIDED


def rows(*reports):
    """The rows of reports, given as name, verdict and inputs."""
    return outcomes([Entry(name, report_of(*inputs, verdict=verdict)) for name, verdict, *inputs in reports])


def off(by, bound=1.0, **changes):
    """An input whose entry is off by so much."""
    return entry(analytic=0.5 + by, numerical=0.5, bound=bound, **changes)


def test_a_row_is_all_that_was_found_of_a_derivative():
    (row,) = rows(
        ("f", RIGHT, off(0.25), off(0.5, size=5, checked=4)),
        ("f", WRONG, off(2.0, wrong=1), off(0.0, size=0, checked=0)),
        ("f", UNDECIDED, off(0.0)),
    )
    assert (row.name, row.verdict, row.checks, row.entries, row.checked) == ("f", WRONG, 3, 14, 7)
    assert row.margin == 0.5
    assert row.note == "x: wrong at (2,): analytic 2.5, numerical 0.5"


@pytest.mark.parametrize(
    ("part", "margin"),
    [
        (off(0.25), 4),
        (off(0.0), math.inf),
        (off(0.0, bound=0.0), math.inf),
        (off(0.25, bound=0.0), 0),
        (off(math.nan), math.nan),
        (off(0.25, checked=0), math.nan),
    ],
)
def test_the_margin_is_how_many_times_the_error_fits_into_the_bound(part, margin):
    (row,) = rows(("f", RIGHT, part))
    assert row.margin == pytest.approx(margin, nan_ok=True)


def test_a_right_row_has_no_note():
    assert rows(("f", RIGHT, off(0.25)))[0].note == ""


def test_what_needs_a_look_comes_first():
    found = rows(
        ("b", RIGHT, off(0.25)),
        ("a", RIGHT, off(0.25)),
        ("nothing", RIGHT, off(0.1, checked=0)),
        ("narrow", RIGHT, off(0.5)),
        ("open", UNDECIDED, off(0.1)),
        ("wrong", WRONG, off(3.0)),
    )
    assert [row.name for row in found] == ["wrong", "open", "narrow", "a", "b", "nothing"]


@pytest.mark.parametrize(
    ("inputs", "line"),
    [
        ([entry(name="a", verdict=UNDECIDED, reason="undecided: noise at 2")], "a: undecided: noise at 2"),
        ([entry(name="a", verdict=UNDECIDED, reason="no time"), entry(name="b", verdict=WRONG, reason="a direction")],
         "b: wrong: a direction"),
        ([entry(name="a", wrong=0), entry(name="b", wrong=1, analytic=1 / 3)],
         "b: wrong at (2,): analytic 0.333333, numerical 0.5"),
    ],
)  # fmt: skip
def test_the_fault_is_that_of_the_worst_input(inputs, line):
    assert fault(report_of(*inputs)) == line


def test_a_breach_that_is_waived_is_no_fault():
    waived = Violation("dtype", "must be float32", "x", waived=True)
    assert fault(report_of(entry(verdict=UNDECIDED, reason="noise"), violations=(waived,))) == "x: undecided: noise"


def test_a_mistake_in_several_lines_is_said_in_one():
    assert why(report_of(diagnoses=(Diagnosis("a", "", "one\n  and  two", 1.0),))) == "one and two"
