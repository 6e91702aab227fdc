"""The table of many checks: for a terminal, and in Markdown."""

import math
from collections.abc import Sequence
from io import StringIO

from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.outcome import Outcome, outcomes
from scratchcnn.gradcheck.verdict import Verdict

# The style of each verdict on a terminal.
STYLES = {Verdict.RIGHT: "green", Verdict.WRONG: "bold red", Verdict.UNDECIDED: "yellow"}
HEADINGS = ("verdict", "checked", "entries", "margin", "checks", "derivative")
# A larger margin is written with an exponent.
MANY = 1e6
# In characters, more than any name has: a row is never cut.
UNLIMITED = 10_000
# How far the lines of a note are indented, in characters.
INDENT = 2


def as_text(entries: Sequence[Entry], width: int = 80, *, colour: bool = False) -> str:
    """The table and, below it, why a derivative is not right.

    A name stands at the end of its row, so that a long one moves nothing; the lines of the notes keep to `width`.

    Parameters
    ----------
    entries
        The checks, in any order.
    width
        The characters of a line.
    colour
        Whether the verdicts are coloured, for a terminal.
    """
    from rich import box
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    rows = outcomes(entries)
    out = StringIO()
    console = Console(file=out, width=width, force_terminal=colour, color_system="standard" if colour else None)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in HEADINGS:
        numeric = heading in ("checked", "entries", "margin", "checks")
        table.add_column(heading, justify="right" if numeric else "left", no_wrap=True)
    for row in rows:
        verdict, *others = _cells(row)
        table.add_row(Text(verdict, style=STYLES[row.verdict]), *map(Text, others))
    console.width = console.measure(table, options=console.options.update(width=UNLIMITED)).maximum
    console.print(table)
    console.width = width
    console.print()
    for row in rows:
        if row.note:
            console.print(Text(f"{row.name}: {row.verdict.value}"), soft_wrap=True)
            console.print(Padding(Text(row.note), (0, 0, 1, INDENT)))
    console.print(Text(summary(rows)), soft_wrap=True)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def as_markdown(title: str, entries: Sequence[Entry]) -> str:
    """The title, the table, and the whole report of each check that is not right."""
    rows = outcomes(entries)
    lines = [f"## {title}", "", summary(rows), ""]
    if rows:
        lines += [_line(HEADINGS), "| --- | ---: | ---: | ---: | ---: | --- |"]
        lines += [
            _line((f"**{v}**" if v != "right" else v, *others, f"`{name}`")) for v, *others, name in map(_cells, rows)
        ]
    for entry in entries:
        if not entry.report.ok:
            place = f" ({entry.where})" if entry.where else ""
            lines += ["", f"### `{entry.name}`: {entry.report.verdict.value}{place}", "", "```text"]
            lines += [str(entry.report), "```"]
    return "\n".join(lines) + "\n"


def summary(rows: Sequence[Outcome]) -> str:
    """How many are right, and how many are not."""
    count = {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}
    bad = ", ".join(f"{count[v]} {v.value}" for v in (Verdict.WRONG, Verdict.UNDECIDED) if count[v])
    return f"{count[Verdict.RIGHT]} of {len(rows)} right" + (f", {bad}" if bad else "")


def _cells(row: Outcome) -> tuple[str, ...]:
    return (
        row.verdict.value,
        f"{row.checked:,}",
        f"{row.entries:,}",
        _margin(row.margin),
        f"{row.checks:,}",
        row.name,
    )


def _margin(margin: float) -> str:
    """How many times the error fits into the bound, in two digits; "exact" where there is no error."""
    if math.isnan(margin):
        return "-"
    if math.isinf(margin):
        return "exact"
    return f"{margin:,.0f}" if 10 <= margin < MANY else f"{margin:.2g}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
