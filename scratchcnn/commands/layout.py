"""Tables that lose nothing where a terminal is narrow: what has no space beside the figures gets lines of its own."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import IO, Any, Generic, TypeVar

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# In characters: how far the lines below a name are indented.
INDENT = 4
# In characters: the blanks at either side of a column, beside one that is always there; wide, and narrow.
PADDINGS = (1, 0)
# In characters: more than any table needs.
WIDE = 10_000

Row = TypeVar("Row")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column of a table.

    Attributes
    ----------
    head : str
        What stands above it.
    cell : function of a row
        Gives the text of a row; a `rich.text.Text` has a style.
    justify : str
        "left" or "right".
    alone : str
        How the cell reads on a line of its own, without the head: a format string.
    """

    head: str
    cell: Callable[[Row], str | Text]
    justify: Any = "left"
    alone: str = "{}"


def console_for(out: IO[str]) -> Console:
    """Make a console that prints texts as they are.

    Parameters
    ----------
    out : text file
        Where to print.

    Returns
    -------
    rich.console.Console
        The console; its width is that of the terminal, and unlimited elsewhere.
    """
    console = Console(file=out, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


def print_table(
    console: Console,
    rows: Sequence[Row],
    columns: Sequence[Column[Row]],
    layouts: Sequence[Sequence[str]] = ((),),
    heading: Callable[[Row], str] = lambda row: "",
) -> None:
    """Print a table. Each row has one line, and further ones where the console is narrow.

    Parameters
    ----------
    console : rich.console.Console
        Where to print.
    rows : sequence
        The rows.
    columns : sequence of Column
        The columns, in order. The first names the row.
    layouts : sequence of sequences of str
        The heads of the columns that get lines of their own, from none to many. The first layout that fits is used,
        or the last.
    heading : function of a row
        Gives the heading of a row's block; it is printed where it changes. Empty: there is none.
    """
    columns = [column for column in columns if any(str(column.cell(row)) for row in rows)]
    apart, grid = _first_that_fits(console, rows, columns, layouts)
    head, body = _lines(console, grid, len(rows), " " * INDENT if columns[0] in apart else "")
    print("\n".join(head), file=console.file)
    block = ""
    for row, line in zip(rows, body, strict=True):
        if heading(row) != block:
            if block:
                console.print()
            block = heading(row)
            console.print(Text(block, style="bold"))
        for text in _with_lines_of_its_own(row, line, apart, columns[0], console.width):
            print(text, file=console.file)
    console.print()


def fits(console: Console, rows: Sequence[Row], columns: Sequence[Column[Row]]) -> bool:
    """Whether the columns fit side by side.

    Parameters
    ----------
    console : rich.console.Console
        Where they would be printed.
    rows : sequence
        The rows.
    columns : sequence of Column
        The columns.
    """
    return any(_width(console, _grid(rows, columns, padding)) <= console.width for padding in PADDINGS)


def _first_that_fits(
    console: Console, rows: Sequence[Row], columns: Sequence[Column[Row]], layouts: Sequence[Sequence[str]]
) -> tuple[list[Column[Row]], Table]:
    """Give the columns that get lines of their own, and the table of the others."""
    for layout, padding in product(layouts, PADDINGS):
        apart = [column for column in columns if column.head in layout]
        grid = _grid(rows, [column for column in columns if column.head not in layout], padding)
        indent = INDENT if columns[0] in apart else 0
        if indent + _width(console, grid) <= console.width:
            break
    return apart, grid


def _grid(rows: Sequence[Row], columns: Sequence[Column[Row]], padding: int) -> Table:
    """Lay out the columns that stand side by side, a line for each row."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, padding))
    for column in columns:
        grid.add_column(column.head, justify=column.justify, no_wrap=True)
    for row in rows:
        grid.add_row(*(column.cell(row) for column in columns))
    return grid


def _width(console: Console, grid: Table) -> int:
    return console.measure(grid, options=console.options.update(width=WIDE)).maximum


def _lines(console: Console, grid: Table, rows: int, indent: str) -> tuple[list[str], list[str]]:
    """Render a table: the lines of its head, and a line for each row, without blanks at their ends."""
    terminal, console.width = console.width, _width(console, grid)  # a terminal that is narrower folds the lines
    with console.capture() as captured:
        console.print(grid)
    console.width = terminal
    lines = [indent + line.rstrip() for line in captured.get().splitlines()]
    return lines[: len(lines) - rows], lines[len(lines) - rows :]


def _with_lines_of_its_own(
    row: Row, line: str, apart: Sequence[Column[Row]], name: Column[Row], width: int
) -> Iterator[str]:
    """Give the lines of a row: its name, if that stands apart, its figures, and what else has lines of its own."""
    indent = " " * INDENT
    if name in apart:
        yield str(name.cell(row))
    yield line
    for column in apart:
        if column is not name:
            cell = str(column.cell(row))
            yield from wrapped(column.alone.format(cell) if cell else "", width, indent, indent)


def print_text(console: Console, text: str) -> None:
    """Print a text, its long lines broken between words and indented by two more.

    Parameters
    ----------
    console : rich.console.Console
        Where to print.
    text : str
        The text.
    """
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        whole = len(line) <= console.width
        lines = [line] if whole else wrapped(line.lstrip(), console.width, indent, indent + "  ")
        print("\n".join(lines), file=console.file)


def wrapped(text: str, width: int, first: str, further: str) -> list[str]:
    """Break a text between words, so that its lines fit.

    Parameters
    ----------
    text : str
        The text, without line breaks.
    width : int
        The characters of a line. A word that is longer stays whole.
    first, further : str
        What the first line begins with, and what the further ones do.

    Returns
    -------
    list of str
        The lines.
    """
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
