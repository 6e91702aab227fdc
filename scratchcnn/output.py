"""What the commands show and write: a table on the terminal, JSON, .npz and .png."""

import io
import json
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

import numpy as np

from scratchcnn.article import Epoch
from scratchcnn.gradcheck import Verdict
from scratchcnn.verification import Row

if TYPE_CHECKING:
    from rich.table import Table

SCHEMA = 1  # of the JSON file; it grows when a reader of the old one would be misled
STYLES = {Verdict.RIGHT: "green", Verdict.WRONG: "bold red", Verdict.UNDECIDED: "yellow"}


def table(rows: Sequence[Row]) -> "Table":
    """Lay the rows out, with a heading where a new block begins. Where space is short, equations and notes fold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD)
    grid.add_column("name", no_wrap=True)
    grid.add_column("equation", overflow="fold")
    for heading in ("checked\nof entries", "worst\nerror", "bound"):
        grid.add_column(heading, justify="right", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    grid.add_column("time", justify="right", no_wrap=True)
    if any(row.note for row in rows):
        grid.add_column("note", overflow="fold")
    block = ""
    for row in rows:
        if row.block != block:
            block = row.block
            grid.add_section()
            grid.add_row("", Text(block, style="bold"))
        cells = (
            row.name,
            row.equation,
            f"{row.checked:,} of {row.entries:,}",
            f"{row.worst_error:.1e}",
            f"{row.bound:.1e}",
            Text(row.verdict.value, style=STYLES[row.verdict]),
            f"{row.seconds:.2f} s",
            row.note,
        )
        grid.add_row(*cells[: len(grid.columns)])
    return grid


def print_rows(rows: Sequence[Row], out: IO[str]) -> None:
    """Print the table, the full report of each row that is not right, and a line that sums up.

    On a terminal the table keeps to its width. Elsewhere it is as wide as it has to be, so that nothing is cut off or
    wrapped.
    """
    from rich.console import Console

    console = Console(file=out, markup=False, emoji=False, highlight=False)
    grid = table(rows)
    if not console.is_terminal:
        console.width = console.measure(grid, options=console.options.update(width=10_000)).maximum
    console.print(grid)
    bad = [row for row in rows if row.verdict is not Verdict.RIGHT]
    for row in bad:
        console.print(f"{row.name} ({row.block}): {row.verdict.value}\n{row.details}\n", soft_wrap=True)
    summary = f"{len(rows) - len(bad)} of {len(rows)} right"
    if bad:
        summary += "; not right: " + ", ".join(f"{row.name} ({row.block})" for row in bad)
    console.print(summary, soft_wrap=True)


def rows_as_json(rows: Sequence[Row]) -> bytes:
    """Write the rows as a JSON document in UTF-8."""
    document = {"schema": SCHEMA, "rows": [row.to_dict() for row in rows]}
    return (json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode()


def training_as_npz(history: Sequence[Epoch]) -> bytes:
    """Write the last parameters (`filters`, `weight`, `bias`) and, for each epoch, `error` and `accuracy`, as .npz."""
    learnt = history[-1].parameters
    buffer = io.BytesIO()
    np.savez(
        buffer,
        filters=learnt.filters,
        weight=learnt.weight,
        bias=learnt.bias,
        error=np.array([epoch.error for epoch in history]),
        accuracy=np.array([epoch.accuracy for epoch in history]),
    )
    return buffer.getvalue()


def training_as_png(history: Sequence[Epoch]) -> bytes:
    """Draw the error over the epochs and the learnt filters."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    filters = history[-1].parameters.filters[:, 0]
    figure = Figure(figsize=(4 + 2 * len(filters), 3), layout="constrained")
    FigureCanvasAgg(figure)
    curve, *images = figure.subplots(1, 1 + len(filters), width_ratios=[2, *[1] * len(filters)])
    curve.plot([epoch.number for epoch in history], [epoch.error for epoch in history])
    curve.set(xlabel="epoch", ylabel="E", title=f"accuracy {history[-1].accuracy:.1%}")
    extreme = abs(filters).max()
    for number, (axes, weights) in enumerate(zip(images, filters, strict=True), start=1):
        shown = axes.imshow(weights, cmap="RdBu", vmin=-extreme, vmax=extreme)
        axes.set(title=f"filter {number}", xticks=[], yticks=[])
    figure.colorbar(shown, ax=images, shrink=0.8)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()
