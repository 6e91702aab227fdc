"""The first sentence of a report names the cause of a break of our own operations, or says that it cannot."""

import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from tests.gradcheck.diagnosis.breaks import BREAKS


def first_sentence(report):
    """The title, up to the lines on what it was checked with."""
    text = " ".join(str(report).replace(" (the gradient that arrives from above)", "").split())
    return text.partition(" checked with ")[0]


def test_there_are_thirty_breaks_of_every_operation_with_a_gradient():
    assert len({each.name for each in BREAKS}) == len(BREAKS) >= 30
    assert len({each.forward for each in BREAKS}) == 14


@pytest.mark.parametrize("each", BREAKS, ids=lambda each: each.name)
def test_the_first_sentence_names_the_cause(each):
    forward, backward = each.pair()
    report = check_gradient(forward, backward, *each.inputs)
    assert report.verdict is Verdict.WRONG
    assert each.says in first_sentence(report)
