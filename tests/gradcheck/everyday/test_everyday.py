"""What people check every day: nothing right is accused, nothing that nobody can vouch for passes."""

import re

import mpmath as mp
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient, numerical_gradient
from scratchcnn.gradcheck.numerical.kinks import DECIDED
from tests.gradcheck.everyday import (
    edges,
    finite,
    inside,
    kinks,
    later_edges,
    later_finite,
    later_inside,
    later_kinks,
    later_left_open,
    later_loops,
    later_noise,
    later_precision,
    later_structure,
    left_open,
    loops,
    noise,
    precision,
    structure,
)
from tests.gradcheck.everyday.case import RIGHT

FIRST = (structure, finite, precision, noise, kinks, edges, inside, left_open, loops)
LATER = (  # written when the rules were fixed
    later_structure,
    later_finite,
    later_precision,
    later_noise,
    later_kinks,
    later_edges,
    later_inside,
    later_left_open,
    later_loops,
)
KINDS = {kind.__name__.rpartition(".")[2]: kind.CASES for kind in FIRST + LATER}
CASES = [pytest.param(case, id=f"{kind}: {case.name}") for kind, cases in KINDS.items() for case in cases]
ONLY_HERE = [
    pytest.param(case, id=f"{kind}: {case.name}")
    for kind, cases in KINDS.items()
    for case in cases
    if "elsewhere" in case.kinds
]
# Violations that may come with a wrong value; any other is another mistake than the one that was made.
COMPANIONS = {"elsewhere", "not-finite", "ignores-cotangent"}


def check(case, **options):
    with np.errstate(all="ignore"):
        return check_gradient(case.forward, case.backward, *case.inputs, **case.options | options)


@pytest.mark.parametrize("case", CASES)
def test_an_everyday_gradient(case):
    report = check(case)
    assert report.verdict.value in case.expect, report
    kinds = {v.kind for v in report.violations if not v.waived}
    assert set(case.kinds) <= kinds <= COMPANIONS | set(case.kinds), report
    for found in report.inputs:
        if found.verdict is Verdict.RIGHT and found.worst_index is not None:
            assert found.error <= found.bound, report  # what is printed is what was applied
        if found.verdict is Verdict.UNDECIDED:
            assert re.search(case.reason, found.reason), report


@pytest.mark.parametrize("case", ONLY_HERE)
def test_what_is_right_at_the_given_point_alone_can_be_waived(case):
    report = check(case, allow=("elsewhere",))
    assert report.verdict.value in RIGHT, report
    assert {(v.kind, v.waived) for v in report.violations} == {("elsewhere", True)}, report


@pytest.mark.parametrize("edge", edges.EDGES + later_edges.EDGES, ids=lambda e: e.name)
def test_a_bound_holds_at_an_edge_or_is_not_given(edge):
    point = np.array(edge.point)
    with np.errstate(all="ignore"):
        found = numerical_gradient(edge.forward, [point], 0, np.ones(len(point)))
    with mp.workdps(50):
        truth = edge.truth(mp.mpf(edge.point[edge.place]))
        off = abs(mp.mpf(float(found.value[edge.place])) - truth)
        assert found.status[edge.place] not in DECIDED or off <= float(found.bound[edge.place]), (found, truth)


def test_there_are_enough_of_each_kind():
    assert all(len({case.name for case in cases}) == len(cases) >= 6 for cases in KINDS.values())
    assert all(len(kind.CASES) >= 8 for kind in FIRST)
    assert len(edges.EDGES) >= 30
