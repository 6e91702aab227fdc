"""The judgement of gradients by a proof in ball arithmetic.

A proof is not trusted alone. Outputs and gradients in floats must be those in balls, within their roundoff; otherwise
the code took another path in balls. And differences along a direction must agree with the proof.
"""

import numpy as np

from scratchcnn.gradcheck.all_inputs import AllInputs
from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.input_judge import InputJudge
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.proof.floats import BALL_ROUNDOFFS, is_as_in_balls, is_on_the_same_path, own_roundoff
from scratchcnn.gradcheck.proof.outcome import AGREED_DIGITS, Proof, Proven
from scratchcnn.gradcheck.proof.proofs import Proofs
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import VOUCHING_SHARE, Verdict, trifle


def by_proof(judge: InputJudge, proofs: Proofs, all_inputs: AllInputs) -> Findings | None:
    """The findings on an input by a proof, and by differences at entries that it leaves open; None without a proof."""
    proof = proofs.first
    proven = proof.inputs.get(judge.index) if proof else None
    if proof is None or proven is None:
        return None
    if not is_on_the_same_path(judge, proof):
        if np.isfinite(judge.probe.y0).all() and not proof.reason:
            proofs.stray(judge.index, "forward gives another output")
        return None
    if proven.wrong.any():
        return _refuted(judge, proofs, proof)
    gradient = judge.analytic.values(judge.index)
    allowed = own_roundoff(judge, gradient, proven)
    distance = np.abs(gradient - proven.value)
    if (proven.right & ~(distance <= allowed)).any():  # 1 - p keeps no digit where p rounds to 1
        allowed = np.maximum(allowed, proofs.widths(judge.index, judge.precision))
    sure = proven.right & (distance <= allowed)
    if proven.right.any() and not sure.any():
        proofs.stray(judge.index, f"the gradient of {judge.case.names[judge.index]!r} is another")
    if not sure.any() or not (all_inputs.agree_at_first or _do_differences_agree(judge, gradient, proven)):
        return None
    proved = _findings(np.flatnonzero(sure), gradient, proven.value, allowed, _to_digits(proven))
    return proved if sure.all() else _with_differences(judge, proved)


def _do_differences_agree(judge: InputJudge, gradient: Array, proven: Proven) -> bool:
    """Whether differences along a direction agree with the gradient, or with the one in balls if roundoff moved it."""
    if judge.along().verdict is not Verdict.WRONG:
        return True
    exact = proven.right.all() and not np.array_equal(gradient, proven.value)
    return bool(exact and judge.along(proven.value).verdict is not Verdict.WRONG)


def _with_differences(judge: InputJudge, proved: Findings) -> Findings:
    """The findings by differences, since kinks must be seen together; entries that are proved are right.

    Differences cannot see an output that depends on an entry by less than its roundoff, however far that is moved.
    """
    findings = judge.by_sample()
    of = {int(entry): k for k, entry in enumerate(proved.entries)}
    settled = 0
    for k, entry in enumerate(findings.entries.tolist()):
        if entry in of:
            findings.right[k], findings.wrong[k], findings.reason[k] = True, False, ""
            findings.value[k], findings.bound[k] = proved.value[of[entry]], proved.bound[of[entry]]
            settled += 1
    findings.method = f"{proved.method} at {settled} of {findings.entries.size}; {findings.method}"
    return findings


def wrong_at_ties(judge: InputJudge, proofs: Proofs) -> str:
    """What is wrong with all gradients together where numbers are equal; empty if nothing is known to be."""
    proof = proofs.made
    if proof is None or proof.ties is None or not is_on_the_same_path(judge, proof):
        return ""
    for index, proven in proof.inputs.items():
        largest = np.abs(proven.value).max(initial=0)
        if not (np.abs(judge.analytic.values(index) - proven.value) <= VOUCHING_SHARE * largest).all():
            return ""
    analytic, exact = apart(*proof.ties)
    told = f"the gradients of all inputs give {analytic}, forward in exact arithmetic {exact}"
    return f"where equal numbers move alike, so that ties stay ties, {told}"


def _refuted(judge: InputJudge, proofs: Proofs, proof: Proof) -> Findings:
    """The findings on a gradient that is proved wrong: by differences if they see it, else by exact derivatives."""
    findings = judge.by_sample()
    if findings.wrong.any():
        return findings
    if judge.step and is_as_in_balls(judge, proof):
        proofs.drop(judge.index, "forward moves in steps of its own, and the slope of a step is not what is meant")
        return _vouched_as_without_steps(findings)
    found = proofs.located(judge.index)
    entries = np.array(sorted(found.exact), np.intp)
    gradient = judge.analytic.values(judge.index)
    own = own_roundoff(judge, gradient, found)
    if not entries.size:
        return findings
    if not (np.abs(gradient - found.value) <= own)[entries].any():
        proofs.stray(judge.index, f"the gradient of {judge.case.names[judge.index]!r} is another")
        return findings
    value = found.derivatives
    gap, name = np.abs(found.value - value), judge.case.names[judge.index]
    if (gap <= trifle(value)).all() and (found.right | found.wrong).all():
        proofs.notes.append(
            f"in exact arithmetic the gradient of {name!r} is off by up to {gap.max():.1g}, as by a guard such as 1e-12"
            " or a constant of few digits: too little to matter"
        )
        allowed = np.maximum(2 * gap, own)
        if (np.abs(gradient - value) <= allowed).all():
            return _findings(np.arange(gap.size), gradient, value, allowed, "exact arithmetic")
        return findings
    seen = dict(zip(findings.entries.tolist(), zip(findings.right, findings.bound, strict=True), strict=True))
    if any(seen.get(int(e), (False, 0))[0] and seen[int(e)][1] < g for e, g in zip(entries, gap[entries], strict=True)):
        proofs.drop(judge.index, "differences disagree")
        return findings
    return _findings(entries, found.value, value, BALL_ROUNDOFFS * EPS * np.abs(value), "exact arithmetic", wrong=True)


def _vouched_as_without_steps(findings: Findings) -> Findings:
    """The findings where forward moves in steps that are not those of a format: no wide bound vouches for an entry."""
    vague = findings.right & (findings.bound > VOUCHING_SHARE * np.abs(findings.value).max(initial=0))
    findings.right[vague], findings.reason[vague] = False, "stops"
    return findings


def _findings(
    entries: Array, gradient: Array, value: Array, bound: Array, method: str, *, wrong: bool = False
) -> Findings:
    found = np.full(entries.size, wrong)
    return Findings(
        entries=entries,
        analytic=gradient[entries],
        value=value[entries],
        bound=bound[entries],
        roundoff=np.full(entries.size, np.nan),  # not measured: a proof does not need it
        right=~found,
        wrong=found,
        reason=np.full(entries.size, "", object),
        method=method,
    )


def _to_digits(proven: Proven) -> str:
    if np.isinf(proven.digits):
        return "proved exactly"
    if proven.digits < AGREED_DIGITS:
        return f"proved to {proven.digits:.1f} digits, as far as its constants are given"
    return f"proved to {int(proven.digits)} digits"
