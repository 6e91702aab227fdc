"""The page of `verify`: the reports of its rows, with pictures of what the network computes with."""

from collections.abc import Iterable, Iterator

import numpy as np

from scratchcnn.commands.rows import Check, Row
from scratchcnn.gradcheck import Report, Verdict, Violation
from scratchcnn.gradcheck.report.entry import Entry, Picture

TITLE, TRIAL_TITLE = "The derivatives of scratchcnn", "The published gradient on trial"


def entries(checks: Iterable[Check], rows: Iterable[Row]) -> Iterator[Entry]:
    """List what the page shows.

    Parameters
    ----------
    checks : iterable of Check
        The checks.
    rows : iterable of Row
        Their results, in the same order.

    Yields
    ------
    Entry
        Each report of each row; the first of a row has the row's pictures.
    """
    for check, row in zip(checks, rows, strict=True):
        pictures = (*check.pictures(), *_joined(row, check.shape))
        for report in (*_beyond_reports(row), *row.reports):
            yield Entry(row.name, report, row.block, row.equation, _note(row), pictures)
            pictures = ()


def _beyond_reports(row: Row) -> Iterator[Report]:
    """Put as a report what no report says: that a check raised, or that a proof found a mistake."""
    if row.verdict is not Verdict.RIGHT and all(report.ok for report in row.reports):
        what = Violation("proof" if row.reports else "error", row.note)
        yield Report(row.name, row.name, row.verdict, (), (what,), notes=(row.details,), name=row.name)


def _note(row: Row) -> str:
    """Give the row's remark, how far it is proved, and how many entries there are beyond those of the reports."""
    said = [row.note] if row.verdict is Verdict.RIGHT else []
    size = sum(part.size for report in row.reports for part in report.inputs)
    if row.entries > size:
        said.append(f"checked at a part of its {row.entries:,} entries")
    if row.proved > 0:
        digits = "exactly" if np.isinf(row.proved) else f"to {int(row.proved)} digits"
        said.append(f"proved {digits}" + (f" at {row.proved_of}" if row.proved_of else ""))
    return "; ".join(filter(None, said))


def _joined(row: Row, shape: tuple[int, ...]) -> Iterator[Picture]:
    """Show both gradients and their difference as a whole, if each report of a row sees a part of them."""
    evidence = [part.evidence for report in row.reports for part in report.inputs]
    if not shape or None in evidence:
        return
    analytic, numerical = (
        np.concatenate([e.whole(getattr(e, side)).reshape(-1) for e in evidence if e is not None]).reshape(shape)
        for side in ("analytic", "numerical")
    )
    yield Picture(f"{row.name}, analytic", analytic, signed=True)
    yield Picture(f"{row.name}, numerical", numerical, signed=True)
    yield Picture(f"{row.name}, difference", analytic - numerical, signed=True)
