"""The table of many checks."""

import math

import pytest

from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.outcome import Outcome
from scratchcnn.gradcheck.report.table import as_markdown, as_text, summary
from scratchcnn.gradcheck.verdict import Verdict
from tests.gradcheck.report.test_messages import entry, report_of

LONG = "a note of many words " * 6


def off(by, **changes):
    return entry(analytic=0.5 + by, numerical=0.5, bound=1.0, **changes)


ENTRIES = [
    Entry("dense", report_of(off(2e-7, size=1234, checked=1200), verdict=Verdict.RIGHT)),
    Entry("relu", report_of(off(2.0, wrong=1)), where="layers.py:3"),
    Entry("relu", report_of(off(0.25), verdict=Verdict.RIGHT)),
    Entry("a|b", report_of(off(0.0), verdict=Verdict.RIGHT)),
    Entry("floor", report_of(entry(checked=0), verdict=Verdict.UNDECIDED, notes=(LONG.strip(),))),
]


def test_in_a_terminal():
    assert as_text(ENTRIES).splitlines() == [
        "verdict     checked   entries   margin   checks   derivative",
        "────────────────────────────────────────────────────────────",
        "wrong             2         6      0.5        2   relu",
        "undecided         0         3        -        1   floor",
        "right         1,200     1,234    5e+06        1   dense",
        "right             1         3    exact        1   a|b",
        "",
        "relu: wrong",
        "  x: wrong at (2,): analytic 2.5, numerical 0.5",
        "",
        "floor: undecided",
        "  a note of many words a note of many words a note of many words a note of many",
        "  words a note of many words a note of many words",
        "",
        "2 of 4 right, 1 wrong, 1 undecided",
    ]


def test_a_row_is_never_cut_and_a_note_keeps_to_the_width():
    name = "a name of many words " * 8
    text = as_text([Entry(name.strip(), report_of(notes=(LONG,)))], width=40).splitlines()
    assert text[2].endswith(name.strip())
    assert text[4] == f"{name.strip()}: wrong"
    assert [len(line) <= 40 for line in text[5:8]] == [True] * 3


@pytest.mark.parametrize(("length", "lines"), [(38, 1), (39, 2)])
def test_a_note_fills_eighty_characters(length, lines):
    text = as_text([Entry("f", report_of(notes=("a" * 39 + " " + "b" * length,)))]).splitlines()
    assert len(text) == 7 + lines


def test_a_summary_is_never_broken():
    assert as_text(ENTRIES, width=20).splitlines()[-1] == "2 of 4 right, 1 wrong, 1 undecided"


def test_in_colour():
    text = as_text(ENTRIES, colour=True)
    for code, verdict in (("1;31", "wrong"), ("33", "undecided"), ("32", "right")):
        assert f"\x1b[{code}m{verdict}" in text
    assert "\x1b[" not in as_text(ENTRIES)


def test_in_markdown():
    text = as_markdown("Gradients", ENTRIES)
    table, *reports = text.split("\n\n### ")
    assert table.splitlines() == [
        "## Gradients",
        "",
        "2 of 4 right, 1 wrong, 1 undecided",
        "",
        "| verdict | checked | entries | margin | checks | derivative |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
        "| **wrong** | 2 | 6 | 0.5 | 2 | `relu` |",
        "| **undecided** | 0 | 3 | - | 1 | `floor` |",
        "| right | 1,200 | 1,234 | 5e+06 | 1 | `dense` |",
        "| right | 1 | 3 | exact | 1 | `a\\|b` |",
    ]
    assert reports == [
        f"`relu`: wrong (layers.py:3)\n\n```text\n{ENTRIES[1].report}\n```",
        f"`floor`: undecided\n\n```text\n{ENTRIES[4].report}\n```\n",
    ]


@pytest.mark.parametrize(
    ("margin", "text"),
    [(9.96, "10"), (9.94, "9.9"), (1234.6, "1,235"), (999_999.0, "999,999"), (1e6, "1e+06"), (math.nan, "-")],
)
def test_margins_have_two_digits_or_are_whole(margin, text):
    part = entry(analytic=1 / margin if margin == margin else math.nan, numerical=0.0, bound=1.0)
    line = as_text([Entry("f", report_of(part, verdict=Verdict.RIGHT))]).splitlines()[2]
    assert line.split()[3] == text


def test_without_checks_there_is_no_table():
    assert as_markdown("Gradients", []) == "## Gradients\n\n0 of 0 right\n\n"
    assert as_text([]).splitlines()[-1] == "0 of 0 right"


def test_a_summary_names_what_there_is():
    row = [Outcome("f", verdict, 1, 1, 1, 1.0, "") for verdict in Verdict]
    assert summary(row[:1]) == "1 of 1 right"
    assert summary(row[1:] * 2) == "0 of 4 right, 2 wrong, 2 undecided"
