"""A long check says on a terminal what it is doing; a short one, and one in a log, says nothing."""

import io
import sys
import time

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient


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
