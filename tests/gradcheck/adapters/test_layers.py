"""Every one of the small layers is checked in one line: what is wrong is found, what is right is not accused."""

import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from tests.gradcheck.adapters.layers import functions, returning, stepping, stored

ROWS = (*stored.ROWS, *stepping.ROWS, *returning.ROWS, *functions.ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_wrong_is_found_and_what_is_right_is_not_accused(row):
    report = check_gradient(*row.check())
    found = {r.name for r in report.inputs if r.verdict is Verdict.WRONG} | {v.kind for v in report.violations}
    assert report.verdict is (Verdict.RIGHT if row.right else Verdict.WRONG), report
    assert found == row.wrong, report


def test_there_are_thirty_and_more_a_third_of_them_wrong():
    wrong = [row for row in ROWS if not row.right]
    assert len(ROWS) >= 30
    assert len(wrong) >= len(ROWS) / 3
