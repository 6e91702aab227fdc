"""The judgement of straight-through gradients: of a forward pass that rounds to whole numbers, as a quantizer does.

Differences see only about how steep such a staircase is. But where forward runs on balls, the derivative that is meant
can be computed: that of forward in which each rounding has the derivative 1. A gradient may take the rounded numbers
for it, or those before they were rounded: it is proved right in both cases. No other numbers between them make it
larger or smaller than an enclosure: outside of that it is wrong.
"""

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.input_judge import InputJudge
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.proof.attempt import enclosures_of
from scratchcnn.gradcheck.proof.judge_by_proof import Proofs, is_as_in_balls, own_roundoff
from scratchcnn.gradcheck.proof.outcome import Rounding
from scratchcnn.gradcheck.verdict import VOUCHING_SHARE, trifle

# Why an entry is undecided.
REASON = "rounding"
# How the entries were decided.
METHOD = "exact arithmetic, where each rounding has the derivative 1"


def judge_straight_through(judge: InputJudge, proofs: Proofs | None, findings: Findings) -> None:
    """Judges entries again that differences could judge only with a wide bound, since forward rounds.

    Parameters
    ----------
    judge, proofs
        Of the input.
    findings
        They are changed.
    """
    # Where differences see no slope beyond the steps, none may be meant.
    if proofs is None or judge.inside <= EPS or proofs.first is None or not proofs.first.rounds:
        return
    largest = np.abs(findings.value).max(initial=0)
    vague = ~findings.wrong & ~(findings.right & (findings.bound <= VOUCHING_SHARE * largest))
    if not (vague | findings.wrong).any() or not is_as_in_balls(judge, proofs.first):
        return
    proofs.told_through(judge.index)
    for rounding in (Rounding.ROUNDED, Rounding.UNROUNDED):
        vague &= ~_proved(judge, proofs, findings, vague, rounding)
    if vague.any() and proofs.straight_through(Rounding.ROUNDED).inputs:
        _enclose(judge, proofs, findings, vague)


def _proved(judge: InputJudge, proofs: Proofs, findings: Findings, vague: Array, rounding: Rounding) -> Array:
    """(entries,) bool: which of the vague ones are proved right, where roundings become what is asked for."""
    proven = proofs.straight_through(rounding).inputs.get(judge.index)
    if proven is None:
        return np.zeros_like(vague)
    within = own_roundoff(judge, judge.analytic.values(judge.index), proven)
    entries = findings.entries
    near = np.abs(findings.analytic - proven.value[entries]) <= within[entries]
    right: Array = vague & proven.right[entries] & near
    findings.right[right], findings.reason[right] = True, ""
    findings.value[right], findings.bound[right] = proven.value[entries][right], within[entries][right]
    _names(findings, right)
    return right


def _enclose(judge: InputJudge, proofs: Proofs, findings: Findings, vague: Array) -> None:
    """Judges vague entries by what straight-through gradients can be at all: those within are undecided."""
    setting, entries = proofs.setting, findings.entries
    found = enclosures_of(setting.case, setting.first, judge.index, entries[vague].tolist(), proofs.seconds)
    known = vague & np.isin(entries, list(found))
    ends = np.array([found[int(e)] for e in entries[known]]).reshape(-1, 2)
    value, radius = ends.mean(axis=1), np.ptp(ends, axis=1) / 2
    distance = np.abs(findings.analytic[known] - value)
    findings.wrong[known] = distance > radius + trifle(value)
    findings.right[known], findings.reason[known] = False, REASON
    findings.value[known], findings.bound[known] = value, radius
    _names(findings, known)


def _names(findings: Findings, which: Array) -> None:
    """Says how entries were decided."""
    if which.any() and METHOD not in findings.method:
        findings.method = METHOD if which.all() else f"{METHOD} at {which.sum()} of {which.size}; {findings.method}"
