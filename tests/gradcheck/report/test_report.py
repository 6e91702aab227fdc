"""What a check found, in words and as plain data, of reports that are made by hand."""

import json
import pickle

import numpy as np
import pytest

from scratchcnn.gradcheck.report.causes import Diagnosis
from scratchcnn.gradcheck.report.report import (
    Compared,
    GradientMismatch,
    GradientUndecided,
    SecondPoint,
    Violation,
    demand_right,
)
from scratchcnn.gradcheck.verdict import Verdict
from tests.gradcheck.report.test_messages import entry, report_of

RIGHT, WRONG, UNDECIDED = Verdict.RIGHT, Verdict.WRONG, Verdict.UNDECIDED
HEAD = "backward is WRONG as the gradient of forward"


def lines(*inputs, **fields):
    return str(report_of(*inputs, **fields)).split("\n")


def cause(message, of="x", kind="factor"):
    return Diagnosis(kind, of, message, 1.0)


class TestTitle:
    def test_is_the_name_if_there_is_one(self):
        assert lines() == [HEAD]
        assert lines(name="dE/dx", verdict=UNDECIDED) == ["dE/dx is UNDECIDED"]

    def test_has_the_first_cause_and_the_others_follow(self):
        causes = (cause("twice it"), cause("minus it"), cause("zero", "w"), cause("one", "w"), cause("minus it"))
        assert lines(diagnoses=causes) == [
            f"{HEAD}: the gradient of x is twice it",
            "  or, of x, minus it",
            "  and the gradient of w is zero",
            "  or, of w, one",
        ]

    def test_says_once_what_is_the_same_of_several_inputs(self):
        causes = (
            Diagnosis("sign", "x", "odd (at 3)", 1.0, "at 3"),
            cause("zero"),
            cause("one", "v"),
            Diagnosis("sign", "w", "odd (at 5)", 1.0, "at 5"),
            cause("zero", "w"),
            cause("odd", "u"),
            cause("zero", "u"),
        )
        assert lines(diagnoses=causes) == [
            f"{HEAD}: the gradient of x is odd (at 3)",
            "  or, of x, zero",
            "  and the same is true of w (at 5) and of u",
            "  and the gradient of v is one",
        ]

    def test_says_where_there_is_none(self):
        assert lines(unexplained=("no cause of x", "nor of w")) == [f"{HEAD}: no cause of x", "  and nor of w"]
        assert lines(diagnoses=(cause("zero"),), unexplained=("no cause of w",)) == [
            f"{HEAD}: the gradient of x is zero",
            "  and no cause of w",
        ]

    def test_leaves_breaches_of_the_contract_to_the_violations(self):
        breach = Violation("mutation", "it writes into x", "x")
        causes = (cause("it writes into x", kind="mutation"), cause("it writes into x", kind="other"))
        report = report_of(diagnoses=causes, violations=(breach,))
        assert [each.kind for each in report.causes] == ["other"]


class TestLines:
    def test_the_sample_is_said_unless_all_is_right(self):
        assert lines(sample="x float64[3]") == [HEAD, "  checked with x float64[3]"]
        assert lines(sample="x float64[3]", verdict=RIGHT) == ["backward is RIGHT as the gradient of forward"]

    def test_violations_with_their_inputs_and_whether_they_are_allowed(self):
        breaches = Violation("count", "one, not two"), Violation("dtype", "float32", "x", waived=True)
        assert lines(violations=breaches)[1:] == ["  count: one, not two", "  dtype of 'x' (allowed): float32"]

    def test_the_second_point_if_it_is_small_and_something_is_wrong_there(self):
        few = SecondPoint((np.array([1.0, 2.5]),), np.array([1 / 3]), ("x",))
        many = SecondPoint((np.ones(12),), np.ones(1), ("x",))
        elsewhere = (Violation("elsewhere", "wrong there", "x"),)
        assert lines(violations=elsewhere, second_point=few)[2:] == [
            "  the second point: x = [1. , 2.5], grad_output = [0.333333]"
        ]
        square = SecondPoint((np.eye(2),), np.ones(1), ("x",))
        assert str(square) == "x = [[1., 0.], [0., 1.]], grad_output = [1.]"
        assert str(SecondPoint((np.ones(11),), np.ones(1), ("x",))) != ""
        for fields in ({"second_point": many}, {}):
            assert len(lines(violations=elsewhere, **fields)) == 2
        assert len(lines(violations=(Violation("dtype", "float32"),), second_point=few)) == 2

    def test_an_input_with_its_counts_and_its_worst_entry(self):
        wrong = entry(verdict=WRONG, size=9, checked=5, wrong=2, undecided=1, analytic=0.75, worst_index=(2, 1))
        assert lines(wrong)[1:] == [
            "  x: wrong (5 of 9 entries checked, 2 wrong, 1 undecided; differences)",
            "    worst wrong entry x[2, 1]: analytic 0.75,",
            "      numerical 0.5 ± 1e-12 (off by 0.25)",
        ]
        right = entry(worst_index=(), where="at the second point")
        assert lines(right, verdict=RIGHT)[1:] == [
            "  x: right (1 of 3 entries checked; differences)",
            "    worst entry x, at the second point: analytic 0.5,",
            "      numerical 0.5 ± 1e-12 (off by 0)",
        ]

    def test_a_bound_has_as_few_digits_as_tell_it_from_the_error(self):
        third = entry(verdict=WRONG, wrong=1, analytic=0.5 + 1 / 3, bound=1 / 7)
        assert lines(third)[-1] == "      numerical 0.5 ± 0.14 (off by 0.33)"

    def test_why_it_is_undecided(self):
        undecided = entry(verdict=UNDECIDED, checked=3, undecided=1, reason="undecided: noise at 1", numerical=np.nan)
        assert lines(undecided, verdict=UNDECIDED)[1:] == [
            "  x: undecided (3 of 3 entries checked, 1 undecided; differences)",
            "    undecided: noise at 1",
            "    worst undecided entry x[2]: analytic 0.5, no numerical value",
        ]
        infinite = entry(verdict=WRONG, wrong=1, analytic=np.inf)
        assert lines(infinite)[-1] == "    worst wrong entry x[2]: analytic inf, numerical 0.5 ± 1e-12"

    @pytest.mark.parametrize(
        ("checked", "size", "told"), [(1, 3, True), (0, 3, False), (3, 3, False)], ids=["some", "none", "all"]
    )
    def test_an_entry_that_agrees_is_not_shown_of_what_is_wrong_along_a_direction(self, checked, size, told):
        found = lines(entry(verdict=WRONG, checked=checked, size=size, reason="along a direction"))[2:]
        more = "    max_entries=None looks at every entry, and shows which are wrong"
        assert found == ["    along a direction", *([more] if told else [])]

    def test_notes_and_what_shows_it_again(self):
        assert lines(notes=("one", "two"), again=("x = 1", "check(x)"))[1:] == [
            "  note: one",
            "  note: two",
            "  to see it again:",
            "    x = 1",
            "    check(x)",
        ]

    def test_the_cotangent_is_explained_once(self):
        text = str(report_of(notes=("the cotangent", "the cotangent")))
        assert text.count("arrives from above") == 1


class TestSideBySide:
    def shown(self, analytic, numerical, wrong):
        compared = Compared(*map(np.array, (analytic, numerical, wrong)))
        found = lines(entry(verdict=WRONG, wrong=1), compared={"x": compared})
        return found[found.index("  x: wrong (1 of 3 entries checked, 1 wrong; differences)") + 2 :]

    def test_a_small_gradient_stands_beside_the_true_one(self):
        assert self.shown([[1.0, -20.5], [3.0, 4.0]], [[1.0, 2.0], [np.nan, 4.0]], [[False, True], [False, False]]) == [
            "      analytic (*: wrong)   numerical",
            "          1  -20.5*           1    2",
            "          3      4          nan    4",
        ]

    def test_a_row_is_one_row(self):
        assert self.shown([1.0, 2.0], [1.0, 1.0], [False, True])[1:] == ["      1  2*                 1  1"]

    @pytest.mark.parametrize("shape", [(7,), (7, 1), (1, 7), (2, 2, 2)])
    def test_a_large_one_does_not(self, shape):
        assert self.shown(np.zeros(shape), np.ones(shape), np.ones(shape, bool)) == []

    def test_nor_where_it_has_too_many_digits_or_nothing_is_wrong(self):
        assert self.shown(np.full((2, 6), -1.234e-100), np.full((2, 6), -1.234e-100), np.ones((2, 6), bool)) == []
        assert self.shown([1.0], [1.0], [False]) == []
        assert len(self.shown(np.zeros((6, 6)), np.ones((6, 6)), np.ones((6, 6), bool))) == 7


def test_in_a_notebook_the_verdict_is_in_colour():
    text = report_of(notes=("x < 1 is WRONG",))._repr_html_()
    assert text.startswith('<pre>backward is <b style="color: #d7301f">WRONG</b> as the gradient')
    assert text.endswith("note: x &lt; 1 is WRONG</pre>")
    assert "#1a9641" in report_of(verdict=RIGHT)._repr_html_()


def test_a_report_is_true_if_it_is_right():
    assert [bool(report_of(verdict=verdict)) for verdict in (RIGHT, WRONG, UNDECIDED)] == [True, False, False]
    assert report_of(verdict=RIGHT).ok


def test_plain_data():
    part = entry(verdict=WRONG, wrong=1, analytic=np.inf, numerical=np.float32(0.5), bound=np.nan, worst_index=(1, 2))
    data = report_of(
        part, name="n", sample="s", notes=("note",), diagnoses=(cause("zero"),), violations=(Violation("k", "m", "x"),)
    ).to_dict()
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data == {
        "schema": 2,
        "name": "n",
        "sample": "s",
        "forward": "forward",
        "backward": "backward",
        "verdict": "wrong",
        "inputs": [
            {
                "name": "x",
                "verdict": "wrong",
                "size": 3,
                "checked": 1,
                "wrong": 1,
                "undecided": 0,
                "worst_index": [1, 2],
                "analytic": "inf",
                "numerical": 0.5,
                "bound": "nan",
                "method": "differences",
                "reason": "",
                "where": "",
            }
        ],
        "violations": [{"kind": "k", "message": "m", "input": "x", "waived": False}],
        "diagnoses": [{"kind": "factor", "input": "x", "message": "zero", "share": 1.0, "proof": ""}],
        "notes": ["note"],
    }


class TestRaised:
    def test_what_is_right_raises_nothing(self):
        assert demand_right(report_of(verdict=RIGHT)) is None

    @pytest.mark.parametrize(("verdict", "error"), [(WRONG, GradientMismatch), (UNDECIDED, GradientUndecided)])
    def test_what_is_not_raises_its_text(self, verdict, error):
        report = report_of(entry(), verdict=verdict)
        with pytest.raises(AssertionError) as raised:
            demand_right(report)
        for each in (raised.value, pickle.loads(pickle.dumps(raised.value))):
            assert (type(each), str(each), each.report) == (error, str(report), report)


def test_the_evidence_is_no_fact():
    one = entry(analytic=0.75, evidence="seen")
    assert one == entry(analytic=0.75) != entry(analytic=0.75, bound=2.0)
    assert one != "x"
    assert hash(one) == hash(entry(analytic=0.75)) != hash(entry())
    assert one.error == 0.25
    assert "evidence" not in one.facts


def test_a_pickled_report_has_no_functions():
    report = report_of(called="functions")
    assert pickle.loads(pickle.dumps(report)).called is None
    assert report.called == "functions"
