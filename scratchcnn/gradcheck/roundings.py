"""The judgement of a kernel that answers in a low precision alone: its entries together, and each at points close by.

The distance of a mistake stays where the inputs move a little; that of roundings changes.
"""

import numpy as np

from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.dithering import LEAST_POINTS, dithered
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.low_precision import (
    TEN_ROUNDINGS,
    VOUCHING_NORM,
    all_together,
    entry_tolerance,
    vouching_share,
)
from scratchcnn.gradcheck.numerical.gradient import Derivatives
from scratchcnn.gradcheck.numerical.kinks import DECIDED
from scratchcnn.gradcheck.verdict import ZERO_ROUNDOFFS, Verdict


def to_the_roundings(
    analytic: Analytic, index: int, found: Derivatives, findings: Findings, points: int, rng: np.random.Generator
) -> None:
    """Judges entries by the roundings of the kernel's format, and writes into `findings` what that changes.

    Parameters
    ----------
    analytic, index
        The gradients, and which of them.
    found, findings
        The derivatives of the entries, and what is known of each alone.
    points
        How many points close by there is time for.
    rng
        Draws these points.
    """
    case, known = analytic.case, np.flatnonzero(np.isin(found.status, DECIDED) & np.isfinite(findings.analytic))
    if case.format is None or not known.size:
        return
    small, terms = case.format, analytic.terms(index)[found.entries[known]]
    if not small.is_small:
        # A precision that is finer shows what is lost below a roundoff of forward: g - Σ g p where p is nearly 1.
        terms = np.maximum(terms, ZERO_ROUNDOFFS * found.scale[known])
    value, distance = findings.value[known], (findings.analytic - findings.value)[known]
    verdict, told = all_together(distance, found.bound[known], value, terms, small)
    doubted = verdict is not Verdict.RIGHT or findings.wrong[known].any()
    if doubted and case.reference and points >= LEAST_POINTS:
        near = dithered(case, analytic.cotangent, index, found.entries[known], points, rng)
        often = near.points >= LEAST_POINTS
        terms = np.where(often, np.maximum(terms, near.deviation / (TEN_ROUNDINGS * small.eps / 2)), terms)
        tolerance = found.bound[known] + entry_tolerance(findings.analytic[known], terms, small)
        _acquit(findings, known, tolerance, small.eps)
        if often.any():
            nothing, fewest = np.zeros(int(often.sum())), float(near.points[often].min())
            verdict, told = all_together(near.distance[often], nothing, near.value[often], terms[often], small, fewest)
            told += f" (the mean over {points} points close by)"
    findings.method += f", to the roundings of {small}"
    if verdict is not Verdict.RIGHT:
        findings.vouched, findings.remark = verdict, f"taken together the entries {told}"


def _acquit(findings: Findings, known: Array, tolerance: Array, eps: float) -> None:
    """Takes back what roundings explain, as they show at points close by, or lost digits may: right or unstable."""
    value = np.abs(findings.value[known])
    distance = np.abs(findings.analytic - findings.value)[known]
    explained = findings.wrong[known] & (distance <= np.maximum(tolerance, VOUCHING_NORM * value))
    small = distance <= np.minimum(tolerance, vouching_share(eps) * value.max())
    findings.wrong[known[explained]] = False
    findings.right[known[explained & small]] = True
    findings.reason[known[explained]] = "unstable"
    findings.bound[known[explained]] = tolerance[explained]
