"""What is found of the entries of an input, and what the report says of them."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict
from scratchcnn.gradcheck.findings import Findings, blank, none_looked_at, report

X = np.zeros((2, 3))


def found(right=(), wrong=(), *, analytic=(1.0, 2.0, 3.0, 4.0), reason=None, **options):
    """Four entries of X, of which some are right and some wrong; the others are undecided."""
    marked = [np.isin(np.arange(4), which) for which in (right, wrong)]
    reasons = np.array(reason or ["noise"] * 4, object)
    columns = np.array(analytic, float), np.full(4, 1.0), np.full(4, 0.5), np.full(4, 1e-16)
    return Findings(np.array([0, 2, 3, 5]), *columns, *marked, reasons, "differences", **options)


class TestVerdict:
    def test_one_wrong_entry_is_enough(self):
        assert found(right=[0, 1, 2], wrong=[3]).verdict is Verdict.WRONG

    def test_all_are_right_or_it_is_undecided(self):
        assert found(right=range(4)).verdict is Verdict.RIGHT
        assert found(right=range(3)).verdict is Verdict.UNDECIDED

    def test_directions_may_be_wrong_or_undecided_where_no_entry_is(self):
        assert found(right=range(4), vouched=Verdict.WRONG).verdict is Verdict.WRONG
        assert found(right=range(3), vouched=Verdict.WRONG).verdict is Verdict.WRONG
        assert found(right=range(4), vouched=Verdict.UNDECIDED).verdict is Verdict.UNDECIDED

    def test_nothing_that_was_looked_at_is_right(self):
        nothing = none_looked_at()
        assert (nothing.verdict, nothing.method) == (Verdict.RIGHT, "")
        for name, column in vars(found()).items():
            if isinstance(column, np.ndarray):
                assert (getattr(nothing, name).shape, getattr(nothing, name).dtype) == ((0,), column.dtype)


def test_without_some_of_the_entries():
    left = found(right=[0, 3], kink=np.array([True, False, True, False]), remark="r").without(np.array([1, 2]))
    assert left.entries.tolist() == [0, 5]
    assert left.analytic.tolist() == [1, 4]
    assert left.right.tolist() == [True, True]
    assert left.kink.tolist() == [True, False]
    assert (left.method, left.remark) == ("differences", "r")
    assert found().without(np.array([0])).kink is None


def test_blank_says_that_nothing_was_compared():
    told = blank("x", X, Verdict.UNDECIDED, "no output")
    assert (told.name, told.verdict, told.size, told.reason) == ("x", Verdict.UNDECIDED, 6, "no output")
    assert (told.checked, told.wrong, told.undecided, told.worst_index, told.method) == (0, 0, 0, None, "none")
    assert np.isnan([told.analytic, told.numerical, told.bound]).all()


class TestReport:
    def test_the_worst_is_the_farthest_of_the_wrong_ones(self):
        told = report("x", X, found(right=[3], wrong=[0, 1]))
        assert (told.worst_index, told.analytic, told.numerical, told.bound) == ((0, 2), 2, 1, 0.5)
        assert (told.size, told.checked, told.wrong, told.undecided) == (6, 4, 2, 1)
        assert (told.name, told.method, told.verdict) == ("x", "differences", Verdict.WRONG)

    def test_or_of_the_undecided_ones_or_of_all(self):
        assert report("x", X, found(right=[3])).worst_index == (1, 0)
        assert report("x", X, found(right=range(4))).worst_index == (1, 2)

    def test_the_distance_counts_and_not_the_size_or_another_entry_s_distance(self):
        assert report("x", X, found(wrong=range(4), analytic=(-3.0, 4.0, 3.0, 3.5))).worst_index == (0, 0)
        assert report("x", X, found(wrong=[2], analytic=(1.0, 9.0, 1.5, 1.0))).worst_index == (1, 0)

    def test_nan_is_the_farthest(self):
        assert report("x", X, found(wrong=range(4), analytic=(9.0, np.nan, 3.0, 4.0))).worst_index == (0, 2)

    def test_the_reason_counts_what_is_undecided(self):
        told = report("x", X, found(right=[0], reason=["jump", "noise", "kink", "noise"]))
        assert "noise" in told.reason
        assert "kink" in told.reason
        assert "jump" not in told.reason
        assert "2" in told.reason

    def test_a_remark_is_the_reason_and_no_reason_is_needed_where_all_is_decided(self):
        assert report("x", X, found(right=[0], remark="along a direction")).reason == "along a direction"
        assert report("x", X, found(right=[0, 1], wrong=[2, 3])).reason == ""

    def test_where_nothing_was_looked_at_there_is_no_worst(self):
        told = report("x", X, none_looked_at())
        assert (told.worst_index, told.checked, told.evidence) == (None, 0, None)
        assert np.isnan([told.analytic, told.numerical, told.bound]).all()

    @pytest.mark.parametrize("kink", [None, np.array([False, True, False, False])])
    def test_the_evidence_is_what_was_found(self, kink):
        findings = found(right=[0, 1], wrong=[2], where="second point", kink=kink)
        told = report("x", X, findings)
        evidence = told.evidence
        assert told.where == evidence.where == "second point"
        assert evidence.shape == X.shape
        assert evidence.kink.tolist() == (kink.tolist() if kink is not None else [False] * 4)
        assert evidence.kink.dtype == bool
        for name, column in (
            ("entries", findings.entries),
            ("analytic", findings.analytic),
            ("numerical", findings.value),
            ("bound", findings.bound),
            ("right", findings.right),
            ("wrong", findings.wrong),
        ):
            assert getattr(evidence, name).tolist() == column.tolist()
