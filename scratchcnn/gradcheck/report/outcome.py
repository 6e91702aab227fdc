"""What several reports on one derivative come to: the row of a table."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scratchcnn.gradcheck.report.causes import Diagnosis
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.report import InputReport, Report
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import Verdict


@dataclass(frozen=True)
class Outcome:
    """A row: a derivative, and all that was found of it.

    Attributes
    ----------
    name, verdict
        Of the derivative; RIGHT only where every report is.
    checks
        How many reports there are.
    entries, checked
        How many entries they have in all, and how many of these were looked at.
    margin
        How many times the error of an entry fits into its bound, the least of all entries that were looked at: below 1
        the entry lies outside. Infinite where there is no error; NaN where nothing was compared.
    note
        Why it is not right, in one line; where it is, what is said of it, or nothing.
    """

    name: str
    verdict: Verdict
    checks: int
    entries: int
    checked: int
    margin: float
    note: str


def outcomes(entries: Iterable[Entry]) -> list[Outcome]:
    """A row for each name, those that need a look first: wrong, undecided, right; the narrowest margin first."""
    by_name: dict[str, list[Report]] = {}
    for entry in entries:
        by_name.setdefault(entry.name, []).append(entry.report)
    rows = [_outcome(name, reports) for name, reports in by_name.items()]
    return sorted(rows, key=_need)


def _need(row: Outcome) -> tuple[Any, ...]:
    return -severity(row.verdict), math.isnan(row.margin), row.margin, row.name


def _outcome(name: str, reports: Sequence[Report]) -> Outcome:
    parts = [part for report in reports for part in report.inputs if part.size]
    worst = max(reports, key=lambda report: severity(report.verdict))
    margins = [margin for part in parts if not math.isnan(margin := _margin(part))]
    return Outcome(
        name=name,
        verdict=worst.verdict,
        checks=len(reports),
        entries=sum(part.size for part in parts),
        checked=sum(part.checked for part in parts),
        margin=min(margins, default=math.nan),
        note=_said(parts) if worst.verdict is Verdict.RIGHT else why(worst),
    )


def severity(verdict: Verdict) -> int:
    """The rank of a verdict: a larger number outweighs a smaller one."""
    return (Verdict.RIGHT, Verdict.UNDECIDED, Verdict.WRONG).index(verdict)


def closeness(part: InputReport) -> float:
    """The worst error in units of its bound; above 1 it is outside."""
    return part.error / part.bound if part.bound > 0 else (math.inf if part.error > 0 else 0.0)


def _margin(part: InputReport) -> float:
    if not part.checked or math.isnan(part.error):
        return math.nan
    close = closeness(part)
    return 1 / close if close else math.inf


def _said(parts: Sequence[InputReport]) -> str:
    """What is said of the first input that is right with a reservation."""
    return next((f"{part.name}: {part.reason}" for part in parts if part.reason), "")


def _sentence(cause: Diagnosis, *, is_breach: bool) -> str:
    if not cause.input:
        return cause.message
    return f"{cause.input}: {cause.message}" if is_breach else f"the gradient of {cause.input} is {cause.message}"


def why(report: Report) -> str:
    """Why a report is not right, in one line: the mistake where it is known, else what is wrong or undecided."""
    breaches = {(violation.kind, violation.message) for violation in report.violations}
    found = [_sentence(d, is_breach=(d.kind, d.message) in breaches) for d in report.diagnoses]
    return " ".join((found[0] if found else fault(report)).split())


def fault(report: Report) -> str:
    """What is not right, in one line: the input, the entry, and both values; or the breach of the contract."""
    for part in report.inputs:
        if part.wrong:
            analytic, numerical = apart(part.analytic, part.numerical, 6)
            return f"{part.name}: wrong at {part.worst_index}: analytic {analytic}, numerical {numerical}"
    for violation in report.violations:
        if not violation.waived:
            where = f"{violation.input}: " if violation.input else ""
            return f"{where}{violation.kind}: {violation.message}"
    for verdict in (Verdict.WRONG, Verdict.UNDECIDED):
        for part in report.inputs:
            if part.verdict is verdict:
                return f"{part.name}: {verdict.value}: {part.reason.removeprefix(f'{verdict.value}: ')}"
    return "; ".join(report.notes) or "nothing to check"
