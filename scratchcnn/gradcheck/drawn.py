"""Inputs that Hypothesis drew: a draw whose gradient is undecided may be dropped, and it is said how many were."""

import atexit
import os
import sys
from dataclasses import dataclass
from typing import Any

from scratchcnn.gradcheck.report.report import Report
from scratchcnn.gradcheck.verdict import Verdict


@dataclass
class Tally:
    """The draws of a call of `assert_gradient`.

    Attributes
    ----------
    decided, dropped
        How many were right or wrong, and how many were undecided and dropped.
    reason
        Why the last that was dropped is undecided.
    """

    decided: int = 0
    dropped: int = 0
    reason: str = ""

    def __str__(self) -> str:
        total = self.dropped + self.decided
        return f"{self.dropped} of {total} draws ({self.dropped / total:.0%}), undecided; at last {self.reason}"


PACKAGE = __name__.rpartition(".")[0]

# By the file and the line of the call.
_tallies: dict[str, Tally] = {}


def drops_undecided(on_undecided: Any) -> bool:
    """Whether `on_undecided` says that undecided draws are dropped.

    Raises
    ------
    ValueError
        It is neither "raise" nor "assume".
    """
    __tracebackhide__ = True
    if not isinstance(on_undecided, str) or on_undecided not in ("raise", "assume"):
        raise ValueError(f"on_undecided must be 'raise' or 'assume', got {on_undecided!r}")
    return on_undecided == "assume"


def drop_if_undecided(report: Report) -> None:
    """Ends a test of Hypothesis's for this draw, if its gradient is undecided; elsewhere does nothing.

    Raises
    ------
    hypothesis.errors.UnsatisfiedAssumption
        What `hypothesis.assume(False)` raises, with a reason that Hypothesis's statistics show.
    """
    __tracebackhide__ = True
    hypothesis = sys.modules.get("hypothesis")
    if hypothesis is None or not hypothesis.currently_in_test_context():
        return
    tally = _tallies.setdefault(_place_of_the_call(), Tally())
    if report.verdict is not Verdict.UNDECIDED:
        tally.decided += 1
        return
    tally.dropped += 1
    tally.reason = _reason(report)
    atexit.unregister(_say)
    atexit.register(_say)
    raise hypothesis.errors.UnsatisfiedAssumption("the gradient is undecided")


def _place_of_the_call() -> str:
    """The file and the line that called the harness."""
    frame = sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(PACKAGE):
        frame = frame.f_back
    return f"{os.path.relpath(frame.f_code.co_filename)}:{frame.f_lineno}"


def _reason(report: Report) -> str:
    """Why the first undecided input is undecided, without the advice that follows in parentheses."""
    reasons = (f"{i.name}: {i.reason}" for i in report.inputs if i.verdict is Verdict.UNDECIDED and i.reason)
    return next(reasons, "nothing to check").replace("undecided: ", "").partition(" (")[0]


def _say() -> None:
    """Prints, when Python ends, how many draws were dropped: a test that drops most of them checks next to nothing."""
    for place, tally in _tallies.items():
        if tally.dropped:
            print(f"{place}: assert_gradient dropped {tally}", file=sys.stderr)
