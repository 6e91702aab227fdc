"""The tables of `verify` on the terminal, and as JSON."""

import json
import math
from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import IO, Any

import numpy as np
from rich.text import Text

from scratchcnn.article.trial import Side, TrialRow
from scratchcnn.commands.layout import Column, console_for, fits, print_table, print_text
from scratchcnn.commands.rows import Row
from scratchcnn.gradcheck import Verdict

SCHEMA = 1  # the version of the JSON file, which grows if a reader of the old version would be misled
# The style of each verdict on a terminal.
STYLES = {Verdict.RIGHT: "green", Verdict.WRONG: "bold red", Verdict.UNDECIDED: "yellow"}
# The parameters of the trial's table, by the symbol of their gradient.
SIDES = {"∂E/∂W": "weight", "∂E/∂f": "filters"}
# The columns that get lines of their own, step by step, where a terminal is narrow.
LAYOUTS = (
    (),
    ("note",),
    ("equation", "note"),
    ("name", "equation", "note"),
    ("name", "checked\nof entries", "proved", "time", "equation", "note"),
)
TRIAL_LAYOUTS = ((), ("times\nas long", "\nthe harness"))


def print_rows(rows: Sequence[Row], out: IO[str]) -> None:
    """Print the table, the full report of each row that is not right, and a summary.

    Parameters
    ----------
    rows : sequence of Row
        The rows.
    out : text file
        Where to print.
    """
    console = console_for(out)
    print_table(console, rows, _columns(), LAYOUTS, heading=lambda row: row.block)
    bad = [row for row in rows if row.verdict is not Verdict.RIGHT]
    for row in bad:
        print_text(console, f"{row.name} ({row.block}): {row.verdict.value}\n{row.details}\n")
    summary = f"{len(rows) - len(bad)} of {len(rows)} right"
    if bad:
        summary += "; not right: " + ", ".join(f"{row.name} ({row.block})" for row in bad)
    print_text(console, summary)


def _columns() -> list[Column[Row]]:
    """List the columns of the table."""
    return [
        Column("name", lambda row: row.name),
        Column("equation", lambda row: row.equation),
        Column("checked\nof entries", lambda row: f"{row.checked:,} of {row.entries:,}", "right", "{} checked"),
        Column("worst\nerror", lambda row: f"{row.worst_error:.1e}", "right"),
        Column("bound", lambda row: f"{row.bound:.1e}", "right"),
        Column("verdict", lambda row: _styled(row.verdict.value, row.verdict)),
        Column("proved", _proved, "right", "proved: {}"),
        Column("time", lambda row: f"{row.seconds:.2f} s", "right"),
        Column("note", _note),
    ]


def _styled(text: str, verdict: Verdict) -> Text:
    return Text(text, style=STYLES[verdict])


def _proved(row: Row) -> str:
    """Format the digits to which a row is proved, rounded down."""
    if math.isnan(row.proved):
        return "-"
    return "exact" if math.isinf(row.proved) else f"{int(row.proved)}"


def _note(row: Row) -> str:
    """Give the row's note, and what is proved if that is a part. Only the JSON file has the reason for no proof."""
    return "; ".join(filter(None, [row.note, row.proved_of and f"proved: {row.proved_of}"]))


def print_trial(rows: Sequence[TrialRow], out: IO[str]) -> None:
    """Print the trial's table, and a summary of the harness's verdicts.

    The table compares each gradient with the derivative, and has the harness's verdict, by W and by f: side by side,
    or on lines of their own where the terminal is narrow.

    Parameters
    ----------
    rows : sequence of TrialRow
        The rows.
    out : text file
        Where to print.
    """
    console = console_for(out)
    columns: list[Column[Any]] = [Column("gradient", lambda row: row.name)]
    for symbol, parameter in SIDES.items():
        columns += _compared(attrgetter(parameter), symbol)
    if fits(console, rows, columns):
        print_table(console, rows, columns)
    else:
        lines = [(row.name, symbol, getattr(row, side)) for row in rows for symbol, side in SIDES.items()]
        columns = [Column("gradient", itemgetter(1)), *_compared(itemgetter(2))]
        print_table(console, lines, columns, TRIAL_LAYOUTS, heading=itemgetter(0))
    missed = [row.name for row in rows if not row.as_expected]
    summary = f"the harness calls {len(rows) - len(missed)} of {len(rows)} what they are"
    print_text(console, summary + (f"; not: {', '.join(missed)}" if missed else ""))


def _compared(side: Callable[[Any], Side], symbol: str = "") -> list[Column[Any]]:
    """List the columns that compare a gradient with the derivative; `side` gives the comparison of a row."""
    return [
        Column(f"{symbol}\ncosine", lambda row: _cosines(side(row)), "right"),
        Column("times\nas long", lambda row: f"{np.mean(side(row).lengths):.3g}", "right", "{} times as long"),
        Column("\nthe harness", lambda row: _said(side(row))),
    ]


def _cosines(side: Side) -> str:
    """Format the mean of the cosines, and their range where they differ."""
    least, most = min(side.cosines), max(side.cosines)
    between = f" ({least:.2f} to {most:.2f})" if most - least > 1e-3 else ""
    return f"{np.mean(side.cosines):.2f}{between}"


def _said(side: Side) -> Text:
    """Format the verdict, and at how many entries a gradient is wrong."""
    at = f" at {side.wrong} of {side.checked}" if side.wrong else ""
    return _styled(side.verdict.value + at, side.verdict)


def rows_as_json(rows: Sequence[Row | TrialRow]) -> bytes:
    """Encode the rows as a JSON document in UTF-8.

    Parameters
    ----------
    rows : sequence of Row or TrialRow
        The rows.

    Returns
    -------
    bytes
        The document.
    """
    document = {"schema": SCHEMA, "rows": [row.to_dict() for row in rows]}
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()
