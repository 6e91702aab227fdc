"""What is found of one input's entries, and the report on it."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.report.evidence import Evidence
from scratchcnn.gradcheck.report.report import InputReport
from scratchcnn.gradcheck.report.wording import undecided as undecided_by
from scratchcnn.gradcheck.verdict import Verdict


@dataclass
class Findings:
    """What is known of the entries of one input that were looked at, each (entries,).

    Attributes
    ----------
    entries
        Flat indices.
    analytic, value, bound
        The two derivatives, and the distance up to which they count as the same.
    roundoff
        One roundoff of the operation; NaN where it was not measured.
    right, wrong, reason
        The judgement; `reason` says why an entry is undecided.
    method
        How the entries were decided, in words.
    remark
        What is wrong or undecided along a direction, where no single entry shows it.
    vouched
        The verdict of directions, if no entry is wrong and all are right.
    where
        The other point that the numbers belong to, if it is not the caller's own.
    kink
        Which entries sit on a kink; None: none does.
    """

    entries: Array
    analytic: Array
    value: Array
    bound: Array
    roundoff: Array
    right: Array
    wrong: Array
    reason: Array
    method: str
    remark: str = ""
    vouched: Verdict = Verdict.RIGHT
    where: str = ""
    kink: Array | None = None

    def without(self, which: Array) -> "Findings":
        """The findings without some of the entries."""
        keep = np.setdiff1d(np.arange(len(self.entries)), which)
        kept: dict[str, Any] = {
            f.name: a[keep] for f in fields(self) if isinstance(a := getattr(self, f.name), np.ndarray)
        }
        return replace(self, **kept)

    @property
    def verdict(self) -> Verdict:
        """WRONG if an entry or direction is wrong, RIGHT if all are right, else UNDECIDED."""
        if self.wrong.any() or self.vouched is Verdict.WRONG:
            return Verdict.WRONG
        return self.vouched if self.right.all() else Verdict.UNDECIDED


def none_looked_at() -> Findings:
    """The findings where no entry was looked at."""
    nothing, no = np.empty(0), np.empty(0, bool)
    return Findings(np.empty(0, np.intp), nothing, nothing, nothing, nothing, no, no, np.empty(0, object), "")


def blank(name: str, x: Array, verdict: Verdict, reason: str) -> InputReport:
    """The report on an input where nothing can be compared."""
    nan = float("nan")
    return InputReport(name, verdict, x.size, 0, 0, 0, None, nan, nan, nan, "none", reason)


def report(name: str, x: Array, findings: Findings) -> InputReport:
    """The report on input `x`: counts, and the worst of the wrong entries, or of the undecided ones, or of all."""
    wrong, right = findings.wrong, findings.right
    undecided = ~wrong & ~right
    reason = findings.remark
    if not reason and undecided.any():
        kinds, counts = np.unique(findings.reason[undecided].astype(str), return_counts=True)
        reason = undecided_by(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))
    place, analytic, numerical, bound = None, float("nan"), float("nan"), float("nan")
    if len(findings.entries):
        rank = np.nan_to_num(np.abs(findings.analytic - findings.value), nan=np.inf)
        pool = wrong if wrong.any() else undecided if undecided.any() else np.ones_like(wrong)
        worst = int(np.where(pool, rank, -1.0).argmax())
        place = tuple(int(k) for k in np.unravel_index(findings.entries[worst], x.shape))
        analytic, numerical, bound = (float(a[worst]) for a in (findings.analytic, findings.value, findings.bound))
    return InputReport(
        name=name,
        verdict=findings.verdict,
        size=x.size,
        checked=len(findings.entries),
        wrong=int(wrong.sum()),
        undecided=int(undecided.sum()),
        worst_index=place,
        analytic=analytic,
        numerical=numerical,
        bound=bound,
        method=findings.method,
        reason=reason,
        where=findings.where,
        evidence=_evidence(x, findings) if len(findings.entries) else None,
    )


def _evidence(x: Array, findings: Findings) -> Evidence:
    """What a report keeps of the findings."""
    return Evidence(
        shape=x.shape,
        entries=findings.entries,
        analytic=findings.analytic,
        numerical=findings.value,
        bound=findings.bound,
        right=findings.right,
        wrong=findings.wrong,
        kink=np.zeros(len(findings.entries), bool) if findings.kink is None else findings.kink,
        where=findings.where,
    )
