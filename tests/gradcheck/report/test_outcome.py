"""Why a report is not right, in one line."""

import math

import pytest

from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.outcome import outcomes, why
from scratchcnn.gradcheck.report.report import Diagnosis, Violation
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
