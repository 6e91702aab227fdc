"""The tables of `verify` on the terminal, and as JSON."""

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from scratchcnn.article.trial import Side, TrialRow
from scratchcnn.commands.rows import Row
from scratchcnn.gradcheck import Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDE = 10_000  # characters, more than any table needs: nothing is folded
NARROW = 120  # characters; a narrower terminal has no space for equations
SCHEMA = 1  # the version of the JSON file, which grows if a reader of the old version would be misled
# The style of each verdict on a terminal.
STYLES = {Verdict.RIGHT: "green", Verdict.WRONG: "bold red", Verdict.UNDECIDED: "yellow"}


def table(rows: Sequence[Row], width: int = WIDE) -> "Table":
    """Lay the rows out in a table, with a heading above each block.

    Parameters
    ----------
    rows : sequence of Row
        The rows.
    width : int
        The characters of a line. Below `NARROW`, equations, bounds, times and notes are left out.

    Returns
    -------
    rich.table.Table
        The table.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    wide = width >= NARROW
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1) if wide else (0, 1, 0, 0))
    columns = _columns()
    if not wide:
        for left_out in ("equation", "bound", "time", "note"):
            del columns[left_out]
    elif not any(map(_note, rows)):
        del columns["note"]
    for name, (options, _) in columns.items():
        grid.add_column(name, **options)
    block = ""
    for row in rows:
        if row.block != block:
            block = row.block
            grid.add_section()
            heading = Text(block, style="bold")
            grid.add_row(*(("", heading) if wide else (heading,)))
        grid.add_row(*(cell(row) for _, cell in columns.values()))
    return grid


def _columns() -> "dict[str, tuple[dict[str, Any], Callable[[Row], str | Text]]]":
    """Give, for each column, its options and the function that makes the cell of a row."""
    from rich.text import Text

    right: dict[str, Any] = {"justify": "right", "no_wrap": True}
    return {
        "name": ({"no_wrap": True}, lambda row: row.name),
        "equation": ({"overflow": "fold"}, lambda row: row.equation),
        "checked\nof entries": (right, lambda row: f"{row.checked:,} of {row.entries:,}"),
        "worst\nerror": (right, lambda row: f"{row.worst_error:.1e}"),
        "bound": (right, lambda row: f"{row.bound:.1e}"),
        "verdict": ({"no_wrap": True}, lambda row: Text(row.verdict.value, style=STYLES[row.verdict])),
        "proved": (right, _proved),
        "time": (right, lambda row: f"{row.seconds:.2f} s"),
        "note": ({"overflow": "fold"}, _note),
    }


def _proved(row: Row) -> str:
    """Format the digits to which a row is proved, rounded down."""
    if math.isnan(row.proved):
        return "-"
    return "exact" if math.isinf(row.proved) else f"{int(row.proved)}"


def _note(row: Row) -> str:
    """Give the row's note, and what is proved if that is a part. Only the JSON file has the reason for no proof."""
    return "; ".join(filter(None, [row.note, row.proved_of and f"proved: {row.proved_of}"]))


def print_rows(rows: Sequence[Row], out: IO[str]) -> None:
    """Print the table, the full report of each row that is not right, and a summary.

    Parameters
    ----------
    rows : sequence of Row
        The rows.
    out : text file
        Where to print.
    """
    console = _printed(partial(table, rows), out)
    bad = [row for row in rows if row.verdict is not Verdict.RIGHT]
    for row in bad:
        console.print(f"{row.name} ({row.block}): {row.verdict.value}\n{row.details}\n", soft_wrap=True)
    summary = f"{len(rows) - len(bad)} of {len(rows)} right"
    if bad:
        summary += "; not right: " + ", ".join(f"{row.name} ({row.block})" for row in bad)
    console.print(summary, soft_wrap=True)


def trial_table(rows: Sequence[TrialRow]) -> "Table":
    """Lay the rows of the trial out in a table.

    Parameters
    ----------
    rows : sequence of TrialRow
        The rows.

    Returns
    -------
    rich.table.Table
        The table: the comparison of each gradient with the derivative, and the harness's verdict, by W and by f.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD)
    grid.add_column("gradient", overflow="fold")
    for name in ("∂E/∂W", "∂E/∂f"):
        grid.add_column(f"{name}\ncosine", justify="right", no_wrap=True)
        grid.add_column("times\nas long", justify="right", no_wrap=True)
        grid.add_column("\nthe harness", no_wrap=True)

    def cells(side: Side) -> tuple[str, str, Text]:
        cosines = f"{np.mean(side.cosines):.2f}"
        if max(side.cosines) - min(side.cosines) > 1e-3:
            cosines += f" ({min(side.cosines):.2f} to {max(side.cosines):.2f})"
        said = side.verdict.value + (f" at {side.wrong} of {side.checked}" if side.wrong else "")
        return cosines, f"{np.mean(side.lengths):.3g}", Text(said, style=STYLES[side.verdict])

    for row in rows:
        grid.add_row(row.name, *cells(row.weight), *cells(row.filters))
    return grid


def print_trial(rows: Sequence[TrialRow], out: IO[str]) -> None:
    """Print the trial's table, and a summary of the harness's verdicts.

    Parameters
    ----------
    rows : sequence of TrialRow
        The rows.
    out : text file
        Where to print.
    """
    console = _printed(lambda _: trial_table(rows), out)
    missed = [row.name for row in rows if not row.as_expected]
    summary = f"the harness calls {len(rows) - len(missed)} of {len(rows)} what they are"
    console.print(summary + (f"; not: {', '.join(missed)}" if missed else ""), soft_wrap=True)


def _printed(laid_out: "Callable[[int], Table]", out: IO[str]) -> "Console":
    """Print the table that `laid_out` makes for a width, and return the console for further lines.

    On a terminal the table has the terminal's width. Elsewhere it is as wide as its content, so that nothing is folded.
    """
    from rich.console import Console

    console = Console(file=out, markup=False, emoji=False, highlight=False)
    grid = laid_out(console.width if console.is_terminal else WIDE)
    if not console.is_terminal:
        console.width = console.measure(grid, options=console.options.update(width=WIDE)).maximum
    console.print(grid)
    return console


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
