"""What the commands show and write: a table on the terminal, JSON, .npz and .png."""

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

WIDE = 10_000  # more than any table needs
NARROW = 120  # columns of a terminal, below which there is no space for equations
SCHEMA = 1  # of the JSON file; it grows when a reader of the old one would be misled
STYLES = {Verdict.RIGHT: "green", Verdict.WRONG: "bold red", Verdict.UNDECIDED: "yellow"}


def table(rows: Sequence[Row], width: int = WIDE) -> "Table":
    """Lay the rows out, with a heading where a new block begins. Where space is short, equations and notes fold.

    On a terminal of less than 120 columns they are left out, and so are bounds and times.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    wide = width >= NARROW
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1) if wide else (0, 1, 0, 0))
    right: dict[str, Any] = {"justify": "right", "no_wrap": True}
    columns: dict[str, tuple[dict[str, Any], Callable[[Row], str | Text]]] = {
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


def _proved(row: Row) -> str:
    """To how many digits: whole ones, since a tenth of one means nothing."""
    if math.isnan(row.proved):
        return "-"
    return "exact" if math.isinf(row.proved) else f"{int(row.proved)}"


def _note(row: Row) -> str:
    """The row's note, and what was proved where that is not all. Why nothing was is left to the JSON file."""
    return "; ".join(filter(None, [row.note, row.proved_of and f"proved: {row.proved_of}"]))


def print_rows(rows: Sequence[Row], out: IO[str]) -> None:
    """Print the table, the full report of each row that is not right, and a line that sums up."""
    console = _printed(partial(table, rows), out)
    bad = [row for row in rows if row.verdict is not Verdict.RIGHT]
    for row in bad:
        console.print(f"{row.name} ({row.block}): {row.verdict.value}\n{row.details}\n", soft_wrap=True)
    summary = f"{len(rows) - len(bad)} of {len(rows)} right"
    if bad:
        summary += "; not right: " + ", ".join(f"{row.name} ({row.block})" for row in bad)
    console.print(summary, soft_wrap=True)


def trial_table(rows: Sequence[TrialRow]) -> "Table":
    """Lay the trial out: for W and for f how each gradient lies to the derivative, and what the harness says."""
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
    """Print the trial's table, and a line that sums up what the harness made of it."""
    console = _printed(lambda _: trial_table(rows), out)
    missed = [row.name for row in rows if not row.as_expected]
    summary = f"the harness calls {len(rows) - len(missed)} of {len(rows)} what they are"
    console.print(summary + (f"; not: {', '.join(missed)}" if missed else ""), soft_wrap=True)


def _printed(laid_out: "Callable[[int], Table]", out: IO[str]) -> "Console":
    """Print a table, laid out for a width, and give the console for what follows.

    On a terminal the table keeps to its width. Elsewhere it is as wide as it has to be, so that nothing is cut off or
    wrapped.
    """
    from rich.console import Console

    console = Console(file=out, markup=False, emoji=False, highlight=False)
    grid = laid_out(console.width if console.is_terminal else WIDE)
    if not console.is_terminal:
        console.width = console.measure(grid, options=console.options.update(width=WIDE)).maximum
    console.print(grid)
    return console


def rows_as_json(rows: Sequence[Row | TrialRow]) -> bytes:
    """Write the rows as a JSON document in UTF-8."""
    document = {"schema": SCHEMA, "rows": [row.to_dict() for row in rows]}
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()
