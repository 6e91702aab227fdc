"""The tables of `verify` and of the trial, on terminals of every width and in a pipe: nothing is lost or broken."""

import io
import math
import re
from itertools import cycle

import pytest
from rich.cells import cell_len

from scratchcnn.article.trial import Side, TrialRow
from scratchcnn.commands.checks import all_checks
from scratchcnn.commands.rows import Row
from scratchcnn.commands.tables import print_rows, print_trial
from scratchcnn.gradcheck import Verdict

WIDTHS = [60, 80, 100, 120, 200]
NARROW = [40, 45, 50]
NOTE = "a note that is long enough to be broken, with a-word-of-many-hyphens-that-nobody-may-break-in-two"
# A row of each name that there is, with figures as wide as they come.
ROWS = [
    Row(
        *(check.block, check.name, check.equation, Verdict.UNDECIDED, 345_600, 200, 8.5e-16, 1e-15, 12.3),
        note=note,
        proved=proved,
        details="the report on it, in a line that is longer than some of the terminals that it is printed on, by far",
    )
    for check, proved, note in zip(all_checks(), cycle([math.inf, 75.3, math.nan]), cycle([NOTE, ""]))
]
LIE = Side((-0.4, -0.54), (2.4, 250.0), Verdict.WRONG, 25, 25, Verdict.WRONG)
TRUE = Side((1.0,), (1.0,), Verdict.RIGHT, 0, 25, Verdict.RIGHT)
TRIAL = [TrialRow(f"{'a gradient with a mistake ' * 2}{k}", TRUE, LIE) for k in range(3)]


class Terminal(io.StringIO):
    """What a program takes for a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def lines_at(monkeypatch):
    """Give the lines that a function prints on a terminal of some width, or in a pipe; without colours."""

    def lines(print_table, rows, width=None):
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", str(width or 80))
        out = Terminal() if width else io.StringIO()
        print_table(rows, out)
        return re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()).splitlines()

    return lines


@pytest.mark.parametrize("width", NARROW + WIDTHS)
def test_nothing_is_lost_on_a_terminal(lines_at, width):
    lines = lines_at(print_rows, ROWS, width)
    assert [line for line in lines if cell_len(line) > width and line.split() != [NOTE.split()[-1]]] == []
    assert "…" not in "".join(lines)
    words = " ".join(lines).split()
    for row in ROWS:
        assert row.name in words
        for text in (row.equation, row.note, row.details):
            assert holds(words, text.split()), text
    assert [line for line in lines if line in {row.block for row in ROWS}] == list(dict.fromkeys(r.block for r in ROWS))


def holds(words, part):
    """Whether some words stand in a row among others, also where lines end between them."""
    return any(words[k : k + len(part)] == part for k in range(len(words)))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_figures_of_a_row_stay_on_one_line(lines_at, width):
    figures = [line for line in lines_at(print_rows, ROWS, width) if "200 of 345,600" in line]
    for line, proved in zip(figures, cycle(["exact", "75", "-"])):
        words = line.split()
        assert holds(words, ["200", "of", "345,600", "8.5e-16", "1.0e-15", "undecided", proved, "12.30", "s"])
    assert len(figures) == len(ROWS)


def test_a_terminal_that_is_too_narrow_for_the_figures_folds_them_itself(lines_at):
    lines = lines_at(print_rows, ROWS, 25)
    assert "…" not in "".join(lines)
    assert sum("8.5e-16" in line and "undecided" in line for line in lines) == len(ROWS)


def test_on_the_narrowest_terminals_figures_have_lines_of_their_own(lines_at):
    lines = [line for line in lines_at(print_rows, ROWS, 40) if line]
    for row, proved in zip(ROWS, cycle(["exact", "75", "-"])):
        start = next(k for k, line in enumerate(lines) if line == row.name)
        assert lines[start + 1].split() == ["8.5e-16", "1.0e-15", "undecided"]
        start = next(k for k, line in enumerate(lines) if "345,600" in line)
        assert [line.strip() for line in lines[start : start + 3]] == [
            "200 of 345,600 checked",
            f"proved: {proved}",
            "12.30 s",
        ]
        del lines[: start + 3]


def test_the_head_stands_above_its_figures_on_the_narrowest_terminals(lines_at):
    lines = lines_at(print_rows, ROWS, 60)
    head, figures = (next(line for line in lines if word in line) for word in ("bound", "1.0e-15"))
    assert head.index("bound") + len("bound") == figures.index("1.0e-15") + len("1.0e-15")


def test_on_the_narrowest_terminals_the_trial_has_them_too(lines_at):
    lines = lines_at(print_trial, TRIAL, 40)
    assert max(map(cell_len, lines)) <= 40
    start = next(k for k, line in enumerate(lines) if line.startswith("∂E/∂f"))
    assert [line.split() for line in lines[start : start + 3]] == [
        ["∂E/∂f", "-0.47", "(-0.54", "to", "-0.40)"],
        ["126", "times", "as", "long"],
        ["wrong", "at", "25", "of", "25"],
    ]


def test_in_a_pipe_each_row_is_one_line(lines_at):
    lines = lines_at(print_rows, ROWS)
    for row in ROWS:
        parts = row.name, row.equation, "200 of 345,600", "12.30 s", row.note
        assert any(all(part in line for part in parts) for line in lines), row.name


@pytest.mark.parametrize(("print_table", "rows"), [(print_rows, ROWS), (print_trial, TRIAL)])
def test_a_pipe_has_no_blanks_that_nobody_needs(lines_at, print_table, rows):
    lines = lines_at(print_table, rows)
    assert [line for line in lines if line != line.rstrip()] == []
    (rule,) = (k for k, line in enumerate(lines) if set(line) == {"─"})
    end = lines.index("", rule) if print_table is print_trial else len(lines)
    body = [line for line in lines[rule + 1 : end] if "longer than some" not in line and "not right" not in line]
    assert len(lines[rule]) == max(map(cell_len, body))


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_of_the_trial_is_lost_on_a_terminal(lines_at, width):
    lines = lines_at(print_trial, TRIAL, width)
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)
    for row in TRIAL:
        assert sum(row.name in line for line in lines) == 1
    assert sum("-0.47 (-0.54 to -0.40)" in line and "wrong at 25 of 25" in line for line in lines) == len(TRIAL)
    assert sum(re.search(r"1\.00 +1 +right", line) is not None for line in lines) == len(TRIAL)
    assert {"∂E/∂W", "∂E/∂f"} <= set(" ".join(lines).split())
