"""The judgement of straight-through gradients: of a forward pass that rounds to whole numbers, as a quantizer does.

Differences see only about how steep such a staircase is. But where forward runs on balls, the derivative that is meant
can be computed: that of forward in which each rounding has the derivative 1. A gradient may take the rounded numbers
for it, or those before they were rounded: it is proved right in both cases. With any numbers between them it lies
within an enclosure: outside of that it is wrong.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.input_judge import InputJudge
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.proof.attempt import enclosures_of
from scratchcnn.gradcheck.proof.floats import BALL_ROUNDOFFS, is_as_in_balls, own_roundoff
from scratchcnn.gradcheck.proof.outcome import STRAIGHT_THROUGH, Proof, Proven, Rounding
from scratchcnn.gradcheck.proof.proofs import THROUGH, Proofs
from scratchcnn.gradcheck.sampling import sample
from scratchcnn.gradcheck.verdict import VOUCHING_SHARE, trifle

# At how many entries differences are asked, whether they see steps, or another slope.
SAMPLES = 16
# Why an entry is undecided.
REASON = "rounding"
# How the entries were decided.
METHOD = f"exact arithmetic, {THROUGH}"


def straight_through(judge: InputJudge, proofs: Proofs) -> Findings | None:
    """The findings on all entries of an input where forward rounds; None where no straight-through gradient is meant.

    It is meant where an entry of some input is proved right that is no slope between the steps; or where differences
    see the steps, and no slope between them is right.
    """
    proof = proofs.first
    proven = proof.inputs.get(judge.index) if proof is not None else None
    if proof is None or proven is None or not proof.rounds or not is_as_in_balls(judge, proof):
        return None
    if proven.right.all() or proven.wrong.any() or judge.index not in proofs.straight_through(Rounding.ROUNDED).inputs:
        return None
    findings = _proved(judge, proofs, proven)
    if not findings.right.all():
        _settle_kinks(judge, proofs, findings)
    meant = _is_meant(proofs, proof) or bool((findings.right & ~proven.right).any())
    if not meant:
        judge.by_entries(sample(judge.x.shape, SAMPLES, judge.rng))  # are there steps?
    if not (meant or judge.inside > EPS) or _misses_a_slope(judge, proofs, findings, proven):
        return None
    outside = _enclose(judge, proofs, findings, np.flatnonzero(~findings.right & ~findings.wrong))
    if proven.right[outside].any():
        return None  # the slope between the steps is meant
    proofs.told_through(judge.index)
    if not meant:  # zero may be such a slope that is not proved
        outside = outside[findings.analytic[outside] != 0]
    if outside.size:
        _accuse(judge, findings, outside)
    return findings


def _is_meant(proofs: Proofs, proof: Proof) -> bool:
    """Whether an entry of some input is proved right straight through roundings, and is no slope between the steps."""
    through = [proofs.straight_through(kind).inputs for kind in STRAIGHT_THROUGH]
    return any((each[k].right & ~proof.inputs[k].right).any() for each in through for k in each)


def _misses_a_slope(judge: InputJudge, proofs: Proofs, findings: Findings, between: Proven) -> bool:
    """Whether a gradient is zero that goes straight through, where there is a slope between the steps: `x - floor(x)`.

    Nobody means that.
    """
    zero = np.flatnonzero(findings.right & ~between.right & (findings.analytic == 0))[:SAMPLES]
    slopes = _ends(judge, proofs, zero, Rounding.CONSTANT)
    return any(least > 0 or most < 0 for least, most in slopes.values())


def _proved(judge: InputJudge, proofs: Proofs, between: Proven) -> Findings:
    """The findings on all entries, of which those are right that are proved: with rounded numbers, or those before.

    Where one is, other than by the slope `between` the steps, what both refute is wrong.
    """
    analytic = judge.analytic.values(judge.index)
    size, nothing = analytic.size, np.full(analytic.size, np.nan)
    value, bound, right, known = nothing.copy(), nothing.copy(), np.zeros(size, bool), False
    refuted = {kind: np.zeros(size, bool) for kind in STRAIGHT_THROUGH}
    for kind, proven in _proofs(judge.index, proofs):
        allowed = own_roundoff(judge, analytic, proven)
        here = ~right & proven.right & (np.abs(analytic - proven.value) <= allowed)
        value[here], bound[here], right[here] = proven.value[here], allowed[here], True
        known |= bool((proven.right & ~between.right).any())
        apart = np.array([entry for entry in sorted(proven.exact) if not right[entry]], np.intp)
        value[apart], bound[apart], refuted[kind][apart] = proven.derivatives[apart], allowed[apart], True
        if right.all():
            break
    wrong = ~right & known & np.all(list(refuted.values()), axis=0)
    reason = np.where(right, "", REASON).astype(object)
    return Findings(np.arange(size), analytic, value, bound, nothing, right, wrong, reason, METHOD)


def _proofs(index: int, proofs: Proofs) -> Iterator[tuple[Rounding, Proven]]:
    """The proofs of an input with rounded numbers, and with those before: on the whole, and then entry by entry."""
    for found in (proofs.straight_through, partial(proofs.located_straight_through, index)):
        yield from ((kind, inputs[index]) for kind in STRAIGHT_THROUGH if index in (inputs := found(kind).inputs))


def _ends(judge: InputJudge, proofs: Proofs, which: Array, rounding: Rounding) -> dict[int, tuple[float, float]]:
    """The least and the largest derivative by some entries, as far as there is time."""
    case, point = proofs.setting.case, proofs.setting.first
    return enclosures_of(case, point, judge.index, which.tolist(), rounding, proofs.seconds) if which.size else {}


def _settle_kinks(judge: InputJudge, proofs: Proofs, findings: Findings) -> None:
    """Calls entries right that are the derivative to one side: where a number is rounded to the end of a clipping."""
    open_ones = np.flatnonzero(~findings.right & ~findings.wrong)
    for entry, ends in _ends(judge, proofs, open_ones, Rounding.ROUNDED).items():
        bound = BALL_ROUNDOFFS * EPS * max(map(abs, ends))
        nearest = min(ends, key=lambda end: abs(end - findings.analytic[entry]))
        if abs(findings.analytic[entry] - nearest) <= bound:
            findings.right[entry], findings.reason[entry] = True, ""
            findings.value[entry], findings.bound[entry] = nearest, bound


def _enclose(judge: InputJudge, proofs: Proofs, findings: Findings, which: Array) -> Array:
    """The entries that are outside of what straight-through gradients can be at all. Those within are undecided."""
    found = _ends(judge, proofs, which, Rounding.BETWEEN)
    known = np.array(sorted(found), np.intp)
    least, most = np.array([found[int(e)] for e in known]).reshape(-1, 2).T
    value, radius = (least + most) / 2, (most - least) / 2
    findings.value[known], findings.bound[known] = value, radius
    outside: Array = known[np.abs(findings.analytic[known] - value) > radius + trifle(value)]
    return outside


def _accuse(judge: InputJudge, findings: Findings, wrong: Array) -> None:
    """Calls entries wrong, unless differences vouch for them: `x - floor(x)` has the slope 1.

    Where they see no steps, they have to see a mistake, too.
    """
    first = wrong[:SAMPLES]
    seen = judge.by_entries(first)
    vouched = seen.right & (seen.bound <= VOUCHING_SHARE * np.abs(seen.value))
    if judge.inside > EPS:
        findings.wrong[np.setdiff1d(wrong, first[vouched])] = True
    else:
        findings.wrong[first[seen.wrong]] = True
    these = first[vouched]
    findings.value[these], findings.bound[these] = seen.value[vouched], seen.bound[vouched]
    findings.right[these], findings.reason[these] = True, ""
    if vouched.any():
        findings.method = f"{METHOD}; differences at {vouched.sum()}"
