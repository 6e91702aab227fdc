"""The rows of `scratchcnn verify`: a `Check` is a row of the table before it is run, a `Row` is what came out."""

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from scratchcnn.gradcheck import InputReport, Proved, Report, Verdict
from scratchcnn.gradcheck.proof.prove_gradient import plain_digits
from scratchcnn.gradcheck.report.wording import apart

WORKERS = 2
NO_PROOF = "no proof was asked for"


@dataclass(frozen=True)
class Check:
    """A row of the table before it is run.

    Attributes
    ----------
    block, name, equation
        What the row says of itself.
    reports
        Does the work, one report for each part of it.
    proofs
        Proves what of it can be proved in little time: each of its parts, None for one that is left out.
    of
        What `proofs` looks at, in words; empty: at all that the reports see.
    entries
        How many entries the derivative has in the network, where the reports see fewer; 0: as many as they see.
    note
        A remark for the reader.
    """

    block: str
    name: str
    equation: str
    reports: Callable[[], Iterable[Report]]
    entries: int = 0
    note: str = ""
    proofs: Callable[[], Iterable[Proved | None]] = tuple
    of: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    block, name, equation
        As in `Check`.
    verdict
        Right only if all is right.
    entries, checked
        How many entries the derivative has, and how many were compared.
    worst_error, bound
        Distance and bound of the entry that comes closest to its bound, or is furthest outside; NaN where none was
        compared.
    seconds
        What it took.
    note
        What is wrong in one line, or the check's remark where nothing is.
    details
        The reports in full that are not right.
    proved
        To how many digits the derivative is proved, the least of all entries that are proved right; infinite where it
        is so exactly, NaN where nothing is proved.
    proved_entries
        How many entries are proved right.
    proved_of
        Of what, where that is not all that was compared: "20 of the 200 digits".
    not_proved
        Why nothing is proved; empty where something is.
    """

    block: str
    name: str
    equation: str
    verdict: Verdict
    entries: int
    checked: int = 0
    worst_error: float = math.nan
    bound: float = math.nan
    seconds: float = 0.0
    note: str = ""
    details: str = ""
    proved: float = math.nan
    proved_entries: int = 0
    proved_of: str = ""
    not_proved: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON, which knows no NaN and no infinity: they become None.

        `proved` is a number of digits, or "exact".
        """
        data = asdict(self) | {"verdict": self.verdict.value, "proved": plain_digits(self.proved)}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in data.items()}


def run_all(checks: Iterable[Check]) -> Iterator[Row]:
    """Run checks two at a time (NumPy lets go of the interpreter's lock where it works), and give the rows in order."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield from pool.map(run, checks)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # interrupted: what has not begun is dropped


def run(check: Check) -> Row:
    """Run a check. Code under test that raises makes its own row wrong, and leaves the others alone."""
    start = time.perf_counter()
    try:
        row = _with_proofs(_row(check, list(check.reports())), check)
    except Exception as error:
        row = Row(
            *(check.block, check.name, check.equation, Verdict.WRONG, check.entries),
            note=f"{type(error).__name__}: {error}".splitlines()[0],
            details=traceback.format_exc(),
        )
    return replace(row, seconds=time.perf_counter() - start)


def _row(check: Check, reports: list[Report]) -> Row:
    """Fold the reports of one check into its row."""
    bad = [report for report in reports if report.verdict is not Verdict.RIGHT]
    parts = [part for report in reports for part in report.inputs if part.size]
    worst = max(parts, key=lambda part: (_severity(part.verdict), _closeness(part)), default=None)
    return Row(
        *(check.block, check.name, check.equation),
        verdict=max((report.verdict for report in reports), key=_severity, default=Verdict.UNDECIDED),
        entries=check.entries or sum(part.size for part in parts),
        checked=sum(part.checked for part in parts),
        worst_error=math.nan if worst is None else float(worst.error),
        bound=math.nan if worst is None else float(worst.bound),
        note=_fault(bad[0]) if bad else check.note,
        details="\n\n".join(str(report) for report in bad),
    )


def _with_proofs(row: Row, check: Check) -> Row:
    """Add to a row what is proved of it; what is proved wrong makes it wrong."""
    proofs = list(check.proofs())
    made = [proof for proof in proofs if proof is not None]
    parts = [part for proof in made for part in proof.inputs if part.size]
    proved = sum(part.right for part in parts)
    reasons = [part.reason for part in parts if part.reason]
    bad = [proof for proof in made if proof.verdict is Verdict.WRONG]
    if bad:
        fault = next(f"{part.name}: {part.reason}" for part in bad[0].inputs if part.verdict is Verdict.WRONG)
        row = replace(
            row,
            verdict=Verdict.WRONG,
            note=row.note if row.verdict is Verdict.WRONG else fault,
            details="\n\n".join([*([row.details] if row.details else []), *map(str, bad)]),
        )
    if not proved or bad:
        return replace(row, not_proved=reasons[0] if reasons else NO_PROOF)
    entries = sum(part.size for part in parts)
    left_out = len(proofs) - len(made)
    scope = [
        check.of,
        f"{len(made)} of {len(proofs)} samples" if left_out else "",
        f"{proved} of {entries} entries, kinks apart" if proved < entries else "",
    ]
    return replace(
        row,
        proved=min(part.digits for part in parts if part.right),
        proved_entries=proved,
        proved_of=", ".join(filter(None, scope)),
    )


def _severity(verdict: Verdict) -> int:
    return (Verdict.RIGHT, Verdict.UNDECIDED, Verdict.WRONG).index(verdict)


def _closeness(part: InputReport) -> float:
    """Give the share of its bound that the worst error takes: above 1 is outside."""
    return part.error / part.bound if part.bound > 0 else (math.inf if part.error > 0 else 0.0)


def _fault(report: Report) -> str:
    """Say in one line what keeps a report from being right: which input, which entry, both values."""
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
                return f"{part.name}: {verdict.value}: {part.reason}"
    return "nothing to check"
