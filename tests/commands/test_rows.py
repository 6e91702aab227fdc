"""The rows of `scratchcnn verify`: how reports and proofs make a row, and how the table shows it."""

import io
import json
import math
import sys

import numpy as np
import pytest

from scratchcnn.commands.rows import Check, run, run_all
from scratchcnn.commands.tables import print_rows
from scratchcnn.gradcheck import Verdict, check_gradient, prove_gradient

X = np.array([[0.5, -1.0, 2.0], [3.0, 0.25, -0.75]])


def square(x):
    return x * x


def right(grad_output, x):
    return (2 * x * grad_output,)


def wrong_in_one_place(grad_output, x):
    gradient = 2 * x * grad_output
    gradient[1, 2] *= 1.5
    return (gradient,)


def report(backward, x=X):
    return check_gradient(square, backward, x, names=("image",))


def row_of(*backwards, **fields):
    return run(Check("block", "name", "equation", lambda: [report(b) for b in backwards], **fields))


# Reports


def test_right_reports_make_a_right_row():
    row = row_of(right, right, note="a remark")
    assert (row.block, row.name, row.equation) == ("block", "name", "equation")
    assert (row.verdict, row.entries, row.checked) == (Verdict.RIGHT, 12, 12)
    assert (row.note, row.details) == ("a remark", "")
    assert row.seconds > 0


def test_one_wrong_report_makes_the_row_wrong_and_names_input_entry_and_values():
    row = row_of(right, wrong_in_one_place, right, note="a remark")
    assert (row.verdict, row.entries, row.checked) == (Verdict.WRONG, 18, 18)
    assert row.note.startswith("image: wrong at (1, 2): analytic ")
    assert ", numerical " in row.note
    assert row.details == str(report(wrong_in_one_place))


def test_the_worst_entry_is_the_one_furthest_outside_its_bound():
    expected = report(wrong_in_one_place).inputs[0]
    row = row_of(right, wrong_in_one_place, right)
    assert (row.worst_error, row.bound) == (expected.error, expected.bound)
    assert row.worst_error > row.bound


def test_an_undecided_report_makes_the_row_undecided():
    def step(x):
        return np.floor(x)

    def zero(grad_output, x):
        return (np.zeros_like(x),)

    def reports():
        yield report(right)
        yield check_gradient(step, zero, np.array([1.0, 2.0]))

    row = run(Check("block", "name", "equation", reports))
    assert row.verdict is Verdict.UNDECIDED
    assert row.note.startswith("x: undecided: ")


def test_a_breach_of_the_contract_is_named():
    def transposed(grad_output, x):
        return (right(grad_output, x)[0].T.copy(),)

    row = row_of(transposed)
    assert row.verdict is Verdict.WRONG
    assert row.note.startswith("image: shape: ")


def test_a_mistake_that_no_single_entry_shows_is_named():
    """The gradient is right at the given point; only the second point shows that it is wrong elsewhere."""

    def square_of_here(grad_output, x):
        return (2 * X * grad_output,)

    row = row_of(square_of_here)
    assert row.verdict is Verdict.WRONG
    assert row.note.startswith("image: ")
    assert "second point" in row.note or "stale" in row.note


def test_no_report_is_not_right():
    assert row_of().verdict is Verdict.UNDECIDED


def test_code_that_raises_makes_its_own_row_wrong():
    def fails(grad_output, x):
        raise IndexError("off by one")

    rows = list(run_all([Check("block", "name", "equation", lambda b=b: [report(b)]) for b in (right, fails, right)]))
    assert [row.verdict for row in rows] == [Verdict.RIGHT, Verdict.WRONG, Verdict.RIGHT]
    assert "IndexError: off by one" in rows[1].note
    assert "Traceback" in rows[1].details


def test_a_row_says_how_many_entries_the_network_has():
    row = row_of(right, entries=1000)
    assert (row.checked, row.entries) == (6, 1000)


@pytest.mark.parametrize("backwards", [(), (right,), (wrong_in_one_place,)])
def test_a_row_is_plain_data(backwards):
    row = row_of(*backwards)
    data = json.loads(json.dumps(row.to_dict(), allow_nan=False))
    assert data["verdict"] == row.verdict.value
    assert data["worst_error"] == (None if math.isnan(row.worst_error) else row.worst_error)


def test_rows_come_in_order():
    checks = [Check("block", str(k), "", lambda: [report(right)]) for k in range(5)]
    assert [row.name for row in run_all(checks)] == list("01234")


# Proofs


def proofs(*backwards, x=X):
    return tuple(backward and prove_gradient(square, backward, x, names=("image",)) for backward in backwards)


def proved_row(*backwards, of="", forward=square, x=X):
    """Run a check whose reports are right, and whose proofs are those of these backward passes."""
    return run(
        Check(
            *("block", "name", "equation", lambda: [report(right)]),
            proofs=lambda: [
                backward and prove_gradient(forward, backward, x, names=("image",)) for backward in backwards
            ],
            proof_scope=of,
            note="a remark",
        )
    )


def test_a_row_without_proofs_says_so():
    row = row_of(right)
    assert math.isnan(row.proved)
    assert (row.proved_entries, row.not_proved) == (0, "no proof was asked for")
    assert row.to_dict()["proved"] is None


def test_a_row_is_proved_exactly():
    row = proved_row(right, right)
    assert (row.verdict, row.proved, row.proved_entries) == (Verdict.RIGHT, math.inf, 12)
    assert (row.proved_of, row.not_proved, row.note) == ("", "", "a remark")
    assert json.loads(json.dumps(row.to_dict(), allow_nan=False))["proved"] == "exact"


def test_a_row_is_proved_to_the_fewest_digits_of_its_parts():
    def rounded(grad_output, x):
        return (1.9999999999999998 * x * grad_output,)

    row = proved_row(right, rounded)
    assert row.verdict is Verdict.RIGHT
    assert 15 < row.proved < 16.5
    assert row.to_dict()["proved"] == round(row.proved, 1)


def test_a_row_says_of_what_it_is_proved():
    row = proved_row(right, None, right, of="2 of the 200 digits")
    assert (row.proved_entries, row.proved_of) == (12, "2 of the 200 digits, 2 of 3 samples")


def test_entries_at_a_kink_are_left_to_differences():
    def slope(grad_output, x):
        return (np.sign(x) * grad_output,)

    row = proved_row(slope, forward=np.abs, x=np.array([-1.0, 0.0, 2.0]))
    assert (row.verdict, row.proved_entries, row.proved_of) == (Verdict.RIGHT, 2, "2 of 3 entries, kinks apart")


def test_what_is_proved_wrong_makes_the_row_wrong():
    """The reports are right here, because they are those of another backward pass."""
    row = proved_row(right, wrong_in_one_place)
    assert row.verdict is Verdict.WRONG
    assert row.note.startswith("image: proved wrong: along a random direction the gradient gives ")
    assert math.isnan(row.proved)
    assert row.not_proved == row.note.removeprefix("image: ")
    assert "wrong_in_one_place" in row.details


@pytest.mark.parametrize("proved", [right, wrong_in_one_place])
def test_differences_are_the_first_witness(proved):
    """The note on a mistake that they find is theirs, and no proof makes the row right."""
    row = run(Check("block", "name", "equation", lambda: [report(wrong_in_one_place)], proofs=lambda: proofs(proved)))
    assert row.verdict is Verdict.WRONG
    assert row.note.startswith("image: wrong at (1, 2)")
    assert (row.proved == math.inf) is (proved is right)
    assert row.details.startswith(str(report(wrong_in_one_place)))


def test_what_does_not_run_on_balls_is_named():
    def through_float32(grad_output, x):
        return (2 * x.astype(np.float32).astype(float) * grad_output,)

    row = proved_row(through_float32)
    assert row.verdict is Verdict.RIGHT
    assert math.isnan(row.proved)
    assert "float32" in row.not_proved


def test_without_python_flint_the_reason_is_that(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    row = proved_row(right)
    assert (row.verdict, row.not_proved) == (Verdict.RIGHT, "python-flint is not installed")
    assert row.to_dict()["proved"] is None
    assert table_text([row]).split().count("-") == 1


def table_text(rows):
    out = io.StringIO()
    print_rows(rows, out)
    return out.getvalue()


def test_a_table_says_what_was_proved_in_part():
    text = table_text([proved_row(right, None)])
    assert "a remark; proved: 1 of 2 samples" in text
