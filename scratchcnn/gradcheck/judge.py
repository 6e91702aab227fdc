"""The judgement of one input: by the exact check, a proof or differences, and at a second point."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from scratchcnn.gradcheck.all_inputs import AllInputs
from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.effort import Effort
from scratchcnn.gradcheck.findings import Findings, blank, report
from scratchcnn.gradcheck.input_judge import FIRST_SUSPECTS, InputJudge
from scratchcnn.gradcheck.invariants import (
    has_no_repeat,
    hides_a_mistake,
    is_permutation,
    with_repeat,
    without_form,
)
from scratchcnn.gradcheck.numerical.exact import Exact
from scratchcnn.gradcheck.numerical.spreading import Workers
from scratchcnn.gradcheck.points import Point, drawn_point, point_at
from scratchcnn.gradcheck.proof.judge_by_proof import by_proof, wrong_at_ties
from scratchcnn.gradcheck.proof.proofs import Proofs
from scratchcnn.gradcheck.proof.straight_through import straight_through
from scratchcnn.gradcheck.report.report import InputReport
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.twin import judge_twin
from scratchcnn.gradcheck.verdict import Verdict


@dataclass(frozen=True)
class Judged:
    """The report on an input, and what else is wrong.

    `at_second_point` says what is wrong there, `ties` what is wrong with all gradients together where numbers are
    equal. Both are empty if nothing is.
    """

    report: InputReport
    at_second_point: str = ""
    ties: str = ""


@dataclass(frozen=True)
class Check:
    """What is the same for all inputs of a check; `workers` look at entries, unless the caller's thread does."""

    setting: Setting
    analytic: Analytic
    effort: Effort
    all_inputs: AllInputs
    proofs: Proofs | None
    workers: Workers | None = None


def judge_input(check: Check, index: int, exact: Exact | None) -> Judged:
    """Judges one input by every method that applies."""
    setting, case = check.setting, check.setting.case
    name, x = case.names[index], case.inputs[index]
    if x.size == 0:
        return Judged(blank(name, x, Verdict.UNDECIDED, "nothing to check: the input has no entries"))
    if index not in setting.observed.usable:
        return Judged(blank(name, x, Verdict.WRONG, "there is no gradient of the input's shape to compare"))
    if case.output.size == 0 and not np.any(setting.observed.gradients[index]):
        return Judged(blank(name, x, Verdict.UNDECIDED, "nothing to check: the output has no entries"))
    judge_of = InputJudge(setting, index, check.analytic, check.effort, check.workers)
    proofs = check.proofs
    if exact is not None and exact.proven:
        proofs = None  # the exact check is a proof
        findings = _exactly(exact)
        if exact.wrong.any():
            return Judged(_as_the_caller_sees_it(report(name, x, findings), judge_of, exact))
        if not check.all_inputs.agree_at_first:
            judge_of.along_directions(findings, 1)  # the lattice only lies near the caller's point
    else:
        proved = _proved(judge_of, proofs, check.all_inputs) if proofs is not None else None
        if proved is None and judge_of.shows_too_little:
            reason = f"the steps of {case.format} are too wide to show a slope"
            return Judged(blank(name, x, Verdict.UNDECIDED, reason))
        findings = proved or judge_of.by_sample()
        if findings.entries.size < x.size:
            judge_of.along_directions(findings, check.effort.directions)
    through = proofs is not None and index in proofs.through
    if not judge_of.step and not through:  # a rounding jumps everywhere
        proven = proofs is not None and proofs.refutes(index)
        setting.stopping.judge_entries(index, setting.first, findings, proven=proven)
    judge_twin(judge_of, findings)
    ties = wrong_at_ties(judge_of, proofs) if proofs is not None else ""
    if setting.second is None or findings.verdict is Verdict.WRONG:
        return Judged(report(name, x, findings), ties=ties)
    if judge_of.is_wrong_nearby(findings, setting.second):
        return Judged(report(name, x, findings))
    if through and findings.verdict is not Verdict.RIGHT:
        return Judged(report(name, x, findings), ties=ties)  # which rounded numbers are taken is not known elsewhere
    there = _at_second_point(judge_of, check, proofs)
    if not there and findings.verdict is Verdict.RIGHT:
        findings.remark = _without_form(judge_of, setting.second) or _with_repeats(judge_of, setting.second)
    return Judged(report(name, x, findings), there, ties)


def _proved(judge_of: InputJudge, proofs: Proofs, all_inputs: AllInputs) -> Findings | None:
    """The findings by proofs: straight through roundings, if that is meant, or of the slopes as they are."""
    return straight_through(judge_of, proofs) or by_proof(judge_of, proofs, all_inputs)


def _without_form(judge_of: InputJudge, second: Point) -> str:
    """What is said of a gradient that is right where an input is symmetric, orthogonal or sorted, and wrong elsewhere.

    The second point keeps such a form, since backward may rely on it: of a covariance, of a rotation, of knots. But
    where the form is an accident, it hides a transpose, or an order, that is forgotten.
    """
    case, rng = judge_of.case, judge_of.rng

    def wrong_without(free: list[int]) -> str:
        def draw() -> list[Array]:
            return [without_form(a, rng) if k in free else a for k, a in enumerate(second.inputs)]

        return _wrong_at(judge_of, drawn_point(case, draw, second.inputs, second.cotangent)) if free else ""

    free = [k for k in case.wrt if k not in case.structures and hides_a_mistake(second.inputs[k])]
    wrong = wrong_without(free)
    if not wrong:
        return ""
    alone = {k: told for k in free if len(free) > 1 and (told := wrong_without([k]))}
    if len(alone) == 1:  # the form of the others does not matter
        ((k, wrong),) = alone.items()
        free = [k]
    names = _names(case, free)
    form = f"the form of {names} (symmetric, orthogonal or sorted)"
    return f"right only because of {form}: elsewhere {wrong}; structure='any' checks there"


def _with_repeats(judge_of: InputJudge, second: Point) -> str:
    """What is said of a gradient that is right only where no number of an index comes twice.

    `d[index] += g` adds one of two cotangents for the same row. An index that is a permutation has to be one.
    """
    case = judge_of.case
    shapes = [case.inputs[k].shape for k in case.wrt]
    others = [k for k in range(len(second.inputs)) if k not in case.wrt]
    distinct = [k for k in others if has_no_repeat(second.inputs[k]) and not is_permutation(second.inputs[k], shapes)]
    if not distinct:
        return ""
    values = [with_repeat(a) if k in distinct else a for k, a in enumerate(second.inputs)]
    wrong, names = _wrong_at(judge_of, point_at(case, values, second.cotangent)), _names(case, distinct)
    return f"right only because no number in {names} comes twice: where one does, {wrong}" if wrong else ""


def _wrong_at(judge_of: InputJudge, point: Point | None) -> str:
    """What is wrong at a point; empty where nothing is, or there is none."""
    return judge_of.at(point) if point is not None else ""


def _names(case: Case, indices: Sequence[int]) -> str:
    """The names of some inputs, in words."""
    return " and ".join(case.names[k] for k in indices)


def _at_second_point(judge_of: InputJudge, check: Check, proofs: Proofs | None) -> str:
    """What is wrong at the second point, by a proof or by differences; empty where nothing is."""
    proved = proofs.at_second_point(judge_of.index) if proofs is not None else None
    if proved == "" or (proved is None and check.all_inputs.agree_at_second) or check.setting.second is None:
        return ""
    seen = judge_of.at(check.setting.second)
    excused = judge_of.agrees_at_other or check.setting.stopping.leaves_open(judge_of.index)
    return seen or ("" if excused else proved or "")


def _as_the_caller_sees_it(on_lattice: InputReport, judge_of: InputJudge, exact: Exact) -> InputReport:
    """The report on a gradient that is wrong on the lattice, with the caller's numbers if it is wrong there too."""
    farthest = np.argsort(-np.abs(exact.analytic - exact.numerical) * exact.wrong, kind="stable")[:FIRST_SUSPECTS]
    findings = judge_of.by_entries(farthest[exact.wrong[farthest]], proven=True)
    if not findings.wrong.any():
        return on_lattice
    return replace(
        report(on_lattice.name, judge_of.x, findings),
        evidence=on_lattice.evidence,  # on every entry
        checked=on_lattice.checked,
        wrong=on_lattice.wrong,
        undecided=0,
        method=on_lattice.method,
    )


def _exactly(exact: Exact) -> Findings:
    """The findings of the exact check."""
    entries = exact.entries
    nothing = np.zeros(len(entries))
    return Findings(
        entries=entries,
        analytic=exact.analytic[entries],
        value=exact.numerical[entries],
        bound=nothing,
        roundoff=nothing,
        right=~exact.wrong[entries],
        wrong=exact.wrong[entries],
        reason=np.full(len(entries), "", object),
        method="exact",
        where="on integers near the inputs",
    )
