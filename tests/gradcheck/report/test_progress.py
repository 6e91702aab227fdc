"""A long check says on a terminal what it is doing; a short one, and one in a log, says nothing."""

import io
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.report import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def seconds(monkeypatch):
    """A clock on which each call of `slow_square` takes so many seconds."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def check(seconds, stream):
        def slow_square(x):
            now[0] += seconds
            return x**2

        monkeypatch.setattr(sys, "stderr", stream)
        assert check_gradient(slow_square, lambda g, x: 2 * g * x, np.arange(1.0, 9), names=["data"], name="square")
        return stream.getvalue()

    return check


def test_a_check_of_minutes_says_which_input_it_is_at(seconds):
    said = seconds(2.0, Terminal())
    assert "checking square: data (input 1 of 1)" in said
    assert "calls of forward" in said


def test_a_check_of_a_second_says_nothing(seconds):
    assert seconds(0.001, Terminal()) == ""


def test_a_log_gets_nothing(seconds):
    assert seconds(2.0, io.StringIO()) == ""


def test_it_is_shown_from_the_tenth_second_on_each_half_second_until_the_check_ends(monkeypatch):
    now, shown = [100.0], []
    status = SimpleNamespace(
        start=lambda: shown.append("start"), update=shown.append, stop=lambda: shown.append("stop")
    )
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(progress, "_status", lambda: status)
    case = prepare(np.add, lambda g, x, y: (g, g), (np.ones(2), np.ones(2)), names=["x", "y"])
    with progress.Progress("sums", case) as seen:
        assert case.forward.called == seen.called
        for index, seconds in zip(seen.through([1, 0]), (9.9, 0.1), strict=True):
            now[0] += seconds
            seen.called(1000 + index)
        for seconds in (0.4, 0.1, 0.5, 51.0):
            now[0] += seconds
            seen.called(1)
    assert case.forward.called is None
    assert shown == [
        "start",
        "checking sums: x (input 2 of 2), 2,001 calls of forward, 10 s",
        "checking sums: x (input 2 of 2), 2,003 calls of forward, 10 s",
        "checking sums: x (input 2 of 2), 2,004 calls of forward, 11 s",
        "checking sums: x (input 2 of 2), 2,005 calls of forward, 62 s",
        "stop",
    ]


def test_before_the_first_input_it_is_at_the_contract(monkeypatch):
    case = prepare(np.sin, lambda g, x: g * np.cos(x), (np.ones(2),))
    assert progress.Progress("sines", case).where == "the contract"
    with progress.Progress("sines", case) as seen:
        assert (seen.calls, seen.status) == (0, None)


def test_the_line_is_written_to_standard_error_and_names_are_no_markup(capsys):
    status = progress._status()
    assert (status.console.stderr, status.status) == (True, "")
    status.console.print("[bold]x[/bold]")
    assert capsys.readouterr().err.startswith("[bold]x[/bold]")
