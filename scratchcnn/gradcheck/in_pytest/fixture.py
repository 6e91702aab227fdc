"""The fixture `gradcheck`, and the record of what a test has checked."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import pytest

from scratchcnn.gradcheck.case import CallerError, describe
from scratchcnn.gradcheck.check import check_gradient
from scratchcnn.gradcheck.drawn import drop_if_undecided, drops_undecided
from scratchcnn.gradcheck.in_pytest.settings import KEY, Settings
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.outcome import outcomes
from scratchcnn.gradcheck.report.report import InputReport, Report, Violation, demand_right
from scratchcnn.gradcheck.verdict import Verdict


class GradientCheck:
    """What the fixture gives to a test: called as `assert_gradient`, it also records the report."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        marks = reversed(list(request.node.iter_markers("gradient")))  # those nearest to the test come last
        asked = {name: value for mark in marks for name, value in mark.kwargs.items()}
        self._options = {**request.config.stash.get(KEY, Settings()).check, **asked}

    def __call__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        *inputs: Any,
        on_undecided: Literal["raise", "assume"] = "raise",
        **options: Any,
    ) -> None:
        """Raises unless the gradient is right.

        Parameters
        ----------
        forward, backward, inputs, on_undecided, options
            As those of `assert_gradient`. What the call does not say is as the mark `gradient` of the test says, or
            else the options of pytest.

        Raises
        ------
        GradientMismatch, GradientUndecided, CallerError
            As `assert_gradient`.
        """
        __tracebackhide__ = True
        drops = drops_undecided(on_undecided)
        try:
            report = check_gradient(forward, backward, *inputs, **{**self._options, **options})
        except CallerError as error:
            record(self._request.node, broken(forward, backward, str(error)))
            raise
        if drops:
            drop_if_undecided(report)
        self.demand(report)

    def demand(self, report: Report, name: str = "") -> None:
        """Raises unless a report is right, and records it; for one that was made by other means than this fixture.

        Parameters
        ----------
        report
            What was found.
        name
            What the derivative is called in the table. Default: as the report calls it.

        Raises
        ------
        GradientMismatch, GradientUndecided
            As `assert_gradient`.
        """
        __tracebackhide__ = True
        note = partial(self._note_inputs, report)
        if report.ok:
            note()
        else:  # a test may expect it, by pytest.raises
            self._request.node.__dict__.setdefault("notes_of_failure", []).append(note)
        record(self._request.node, report, name)
        demand_right(report)

    def _note_inputs(self, report: Report) -> None:
        """Makes a subtest of each input, where pytest has subtests; what is wrong is said in full by the test.

        A test of Hypothesis's checks many draws, and shrinks what fails: each would be counted.
        """
        drawn = getattr(getattr(self._request, "function", None), "is_hypothesis_test", False)
        if drawn or not self._request.config.pluginmanager.has_plugin("subtests"):
            return
        subtests = self._request.getfixturevalue("subtests")
        for part in report.inputs:
            with suppress(pytest.fail.Exception), subtests.test(part.name):
                if not report.ok and part.verdict is not Verdict.RIGHT:  # without entries an input is undecided
                    pytest.fail(f"the gradient of {_found(part)}", pytrace=False)


def record(item: pytest.Item, report: Report, name: str = "", where: str = "") -> None:
    """Keeps a report with the test: for the summary, and as a property in the file of `--junit-xml`.

    Parameters
    ----------
    item
        The test.
    report
        What it found.
    name
        What the derivative is called. Default: as the report calls it.
    where
        Where it was called as it was checked. Default: in the test.
    """
    entry = Entry(name or _name(report, item.name), _kept(report, item.config), where or item.nodeid)
    item.__dict__.setdefault("gradients", []).append(entry)
    (row,) = outcomes([entry])
    found = f"{row.verdict.value}: {row.checked} of {row.entries} entries checked, margin {row.margin:.2g}"
    item.user_properties.append((f"gradient {entry.name}", found + (f"; {row.note}" if row.note else "")))


def broken(forward: Any, backward: Any, message: str, verdict: Verdict = Verdict.WRONG) -> Report:
    """The report on functions that cannot be called as a check calls them."""
    of = describe(forward, "forward"), describe(backward, "backward")
    return Report(*of, verdict, (), (Violation("raises", message),))


def _kept(report: Report, config: pytest.Config) -> Report:
    """The report, without the arrays of one that is right, unless a page shows them."""
    path = config.stash.get(KEY, Settings()).report
    if not report.ok or (path is not None and path.suffix == ".html"):
        return report
    return replace(report, second_point=None, digits={}, compared={})


def _name(report: Report, test: str) -> str:
    """The name of a derivative: a lambda goes by that of its forward pass, two of them by the test's."""
    if report.name or report.backward != "backward":
        return report.name or report.backward
    return test if report.forward == "forward" else f"derivative of {report.forward}"


def _found(part: InputReport) -> str:
    counts = {"wrong": part.wrong, "undecided": part.undecided}
    said = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{part.name} is {part.verdict.value}" + (f" ({said} of {part.checked} entries)" if said else "")
