"""The trial of the published gradient: its rows, its comparisons and the harness's verdicts.

`test_published.py` tests the figures at all ten draws, and `commands/test_verify.py` tests the printed table.
"""

import io
import json
from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.article import training
from scratchcnn.article.published import Cause, published
from scratchcnn.article.trial import DRAWS, Side, Trial, TrialRow
from scratchcnn.commands.tables import print_trial
from scratchcnn.gradcheck import Verdict


@pytest.fixture(scope="module")
def trial():
    return Trial(0)


def test_the_rows_are_the_truth_twice_each_cause_alone_two_and_all(trial):
    judged = [row.args for row in trial.rows() if hasattr(row, "args")]
    assert [causes for _, _, causes in judged] == [
        set(),
        *({cause} for cause in Cause),
        {Cause.JACOBIAN, Cause.MEANS},
        set(Cause),
    ]
    assert len(trial.rows()) == len(judged) + 1  # and the row of bounded differences


def test_a_gradient_is_laid_beside_the_derivative(trial):
    """The gradient is twice the derivative by W, and minus half of the derivative by f."""

    def changed(parameters, x, y):
        truth = training.exact(parameters, x, y)
        return replace(truth, weight=2 * truth.weight, filters=-truth.filters / 2)

    row = trial.judge("changed", changed, frozenset(Cause))
    np.testing.assert_allclose([row.weight.cosines, row.filters.cosines], [[1] * DRAWS, [-1] * DRAWS], rtol=1e-12)
    np.testing.assert_allclose([row.weight.lengths, row.filters.lengths], [[2] * DRAWS, [0.5] * DRAWS], rtol=1e-12)
    for side in (row.weight, row.filters):
        assert side.verdict is side.expected is Verdict.WRONG
        assert 0 < side.wrong <= side.checked
    assert row.as_expected


@pytest.mark.parametrize("explained", [False, True])
def test_mistakes_are_named_where_somebody_asks(explained, monkeypatch):
    monkeypatch.setattr("scratchcnn.article.trial.DRAWS", 1)
    doubled = Trial(0, explained=explained).judge(
        "doubled", lambda *at: replace(training.exact(*at), weight=2 * training.exact(*at).weight), frozenset(Cause)
    )
    assert [d.kind for d in doubled.entries[0].report.diagnoses][:1] == ["missing-factor"] * explained


def test_a_row_whose_verdict_is_another_one_is_not_as_expected(trial):
    row = trial.judge("the derivative", training.exact, frozenset({Cause.AVERAGE}))
    assert (row.weight.verdict, row.weight.expected) == (Verdict.RIGHT, Verdict.RIGHT)
    assert (row.filters.verdict, row.filters.expected) == (Verdict.RIGHT, Verdict.WRONG)
    assert not row.as_expected
    out = io.StringIO()
    print_trial([row, replace(row, filters=row.weight)], out)
    assert out.getvalue().rstrip().endswith("the harness calls 1 of 2 what they are; not: the derivative")


def test_the_bounded_differences_hold_the_derivative_and_nothing_else(trial, monkeypatch):
    # Six digits keep this test fast; the test of the command covers all 200.
    few = Trial(0)
    few.x, few.y = few.x[:6], few.y[:6]
    row = few.measure()
    assert row.as_expected
    assert (row.weight.wrong, row.weight.checked, row.filters.wrong, row.filters.checked) == (0, 1728, 0, 75)
    np.testing.assert_allclose([*row.weight.cosines, *row.filters.lengths], [1, 1], rtol=1e-9)

    few.truths = [published(few.draws[0], few.x, few.y, causes={Cause.AVERAGE})]
    row = few.measure()
    assert (row.weight.verdict, row.filters.verdict, row.filters.wrong) == (Verdict.RIGHT, Verdict.WRONG, 75)
    assert not row.as_expected


def test_a_row_is_plain_data():
    side = Side((1.0,), (2.0,), Verdict.WRONG, 3, 4, Verdict.RIGHT)
    data = json.loads(json.dumps(TrialRow("name", side, side).to_dict(), allow_nan=False))
    assert data["name"] == "name"
    assert data["weight"] == data["filters"]
    assert data["weight"] == {
        "cosines": [1.0],
        "lengths": [2.0],
        "verdict": "wrong",
        "wrong": 3,
        "checked": 4,
        "expected": "right",
    }
