"""The rows of `scratchcnn verify`: a `Check` is a row before it is run, a `Row` is its result."""

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from scratchcnn.gradcheck import Proved, Report, Verdict
from scratchcnn.gradcheck.jobs import in_order, processes
from scratchcnn.gradcheck.proof.prove_gradient import plain_digits
from scratchcnn.gradcheck.raised import in_words
from scratchcnn.gradcheck.report.entry import Picture
from scratchcnn.gradcheck.report.outcome import closeness, fault, severity

THREADS = 2  # checks at the same time without jobs; NumPy releases the interpreter's lock while it computes
NO_PROOF = "no proof was asked for"  # the reason if a check has no proofs


@dataclass(frozen=True)
class Check:
    """A row of the table before it is run.

    Attributes
    ----------
    block, name, equation : str
        The heading above the row, the derivative's name, and its equation.
    reports : function
        Runs the checks, one report for each part.
    entries : int
        The number of entries of the whole derivative, if the reports see a part of it; 0 if they see all.
    note : str
        A remark for the reader.
    proofs : function
        Runs the proofs, one for each part; None for a part that is left out because it takes too long.
    proof_scope : str
        What the proofs cover, in words, such as "12 of the 200 digits"; empty if they cover all parts.
    pictures : function
        Gives the pictures of what the derivative was checked with, for a page.
    shape : tuple of int
        The shape in which a page shows the whole derivative if each report sees a part of it; empty if none does.
    """

    block: str
    name: str
    equation: str
    reports: Callable[[], Iterable[Report]]
    entries: int = 0
    note: str = ""
    proofs: Callable[[], Iterable[Proved | None]] = tuple
    proof_scope: str = ""
    pictures: Callable[[], tuple[Picture, ...]] = tuple
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    block, name, equation : str
        As in `Check`.
    verdict : Verdict
        RIGHT only if every part is right.
    entries, checked : int
        The number of entries of the derivative, and the number of them that were checked.
    worst_error, bound : float
        The error and the bound of the entry whose error is largest in units of its bound; NaN if none was checked.
    seconds : float
        The time that the row took.
    note : str
        The mistake in one line, or the check's remark if there is none.
    details : str
        The full reports that are not right.
    proved : float
        The number of digits to which the entries are proved right, the least of them; infinite if they are proved
        exactly, NaN if nothing is proved.
    proved_entries : int
        The number of entries proved right.
    proved_of : str
        What the proofs cover, if it is less than the checks: "20 of the 200 digits".
    not_proved : str
        The reason if nothing is proved, else empty.
    reports : tuple of Report
        The reports of the check.
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
    reports: tuple[Report, ...] = field(default=(), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Convert the row to plain data for JSON.

        Returns
        -------
        dict
            The fields by name, but for the reports. Infinity and NaN become None; `proved` is a number of digits,
            "exact" or None.
        """
        data = vars(self) | {"verdict": self.verdict.value, "proved": plain_digits(self.proved)}
        del data["reports"]
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in data.items()}


def run_all(checks: Iterable[Check], jobs: int | None = None) -> Iterator[Row]:
    """Run checks, several at a time. The rows are the same however many there are.

    Parameters
    ----------
    checks : iterable of Check
        The checks.
    jobs : int or None
        The number of processes. None: `THREADS` threads of this one.

    Yields
    ------
    Row
        The results, in the order of the checks.
    """
    with processes(jobs) as executor:
        if executor is not None:
            yield from in_order(executor, run, checks)
            return
    pool = ThreadPoolExecutor(jobs or THREADS)
    try:
        yield from pool.map(run, checks)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # after an interruption, checks that wait are dropped


def run(check: Check) -> Row:
    """Run a check. An exception in it makes the row wrong, and the other rows go on.

    Parameters
    ----------
    check : Check
        The check.

    Returns
    -------
    Row
        Its result.
    """
    start = time.perf_counter()
    try:
        row = _with_proofs(_row(check, list(check.reports())), check)
    except Exception as error:
        row = Row(
            *(check.block, check.name, check.equation, Verdict.WRONG, check.entries),
            note=in_words(error).splitlines()[0],
            details=traceback.format_exc(),
        )
    return replace(row, seconds=time.perf_counter() - start)


def _row(check: Check, reports: list[Report]) -> Row:
    """Combine the reports of a check into its row."""
    bad = [report for report in reports if report.verdict is not Verdict.RIGHT]
    parts = [part for report in reports for part in report.inputs if part.size]
    worst = max(parts, key=lambda part: (severity(part.verdict), closeness(part)), default=None)
    return Row(
        *(check.block, check.name, check.equation),
        verdict=max((report.verdict for report in reports), key=severity, default=Verdict.UNDECIDED),
        entries=check.entries or sum(part.size for part in parts),
        checked=sum(part.checked for part in parts),
        worst_error=math.nan if worst is None else float(worst.error),
        bound=math.nan if worst is None else float(worst.bound),
        note=fault(bad[0]) if bad else check.note,
        details="\n\n".join(str(report) for report in bad),
        reports=tuple(reports),
    )


def _with_proofs(row: Row, check: Check) -> Row:
    """Add the proofs of a check to its row; a proof that the derivative is wrong makes the row wrong."""
    proofs = list(check.proofs())
    made = [proof for proof in proofs if proof is not None]
    parts = [part for proof in made for part in proof.inputs if part.size]
    right = [part for part in parts if part.right]
    bad = [proof for proof in made if proof.verdict is Verdict.WRONG]
    if bad:
        row = _proved_wrong(row, bad)
    if bad or not right:
        return replace(row, not_proved=next((part.reason for part in parts if part.reason), NO_PROOF))
    proved, entries = sum(part.right for part in right), sum(part.size for part in parts)
    scope = [
        check.proof_scope,
        f"{len(made)} of {len(proofs)} samples" if len(made) < len(proofs) else "",
        f"{proved} of {entries} entries, kinks apart" if proved < entries else "",
    ]
    return replace(
        row,
        proved=min(part.digits for part in right),
        proved_entries=proved,
        proved_of=", ".join(filter(None, scope)),
    )


def _proved_wrong(row: Row, proofs: list[Proved]) -> Row:
    """Make a row wrong by proofs; its note stays if the reports have found a mistake already."""
    fault = next(f"{part.name}: {part.reason}" for part in proofs[0].inputs if part.verdict is Verdict.WRONG)
    return replace(
        row,
        verdict=Verdict.WRONG,
        note=row.note if row.verdict is Verdict.WRONG else fault,
        details="\n\n".join(filter(None, [row.details, *map(str, proofs)])),
    )
