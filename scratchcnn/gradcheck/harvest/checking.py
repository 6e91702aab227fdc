"""The check of a pair at the calls that were kept of it."""

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from scratchcnn.gradcheck.case import CallerError
from scratchcnn.gradcheck.check import check_gradient
from scratchcnn.gradcheck.harvest.calls import EACH, Call
from scratchcnn.gradcheck.harvest.forms import call_forward, form_of, options_of
from scratchcnn.gradcheck.harvest.pairs import Pair
from scratchcnn.gradcheck.raised import in_words
from scratchcnn.gradcheck.report.report import Report
from scratchcnn.gradcheck.trees import flatten
from scratchcnn.gradcheck.verdict import Verdict


def refusal(pair: Pair, call: Call) -> str:
    """Why a pair cannot be checked at a call: forward raises, or is not finite; empty if it can.

    Tests also call a function with what it refuses, and at infinity.
    """
    try:
        with _without_warnings():
            output = call_forward(pair, copy.deepcopy(call))
    except Exception as error:  # what a caller's function raises has no end
        return f"forward raises {in_words(error)}"
    leaves, _ = flatten(output[0] if isinstance(output, tuple) and output else output)
    floats = (leaf for leaf in leaves if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f")
    return "" if all(np.isfinite(leaf).all() for leaf in floats) else "forward is not finite"


@dataclass(frozen=True)
class PairCheck:
    """The checks of a pair; each call is checked once.

    A pair whose form is not known is undecided, and the report says what is not known.

    Parameters
    ----------
    pair
        The functions.
    options
        Of `check_gradient`.
    """

    pair: Pair
    options: Mapping[str, Any]
    _reports: dict[Call, Report] = field(default_factory=dict)

    def report(self, call: Call) -> Report:
        """The report at a call."""
        if call not in self._reports:
            self._reports[call] = self._checked(call)
        return self._reports[call]

    def best(self, calls: Iterable[Call]) -> Call | None:
        """The first of the first calls that forward takes at which the verdict is not undecided, or else the first."""
        usable = list(islice((call for call in calls if not refusal(self.pair, call)), EACH))
        decided = (call for call in usable if self.report(call).verdict is not Verdict.UNDECIDED)
        return next(decided, next(iter(usable), None))

    def _checked(self, call: Call) -> Report:
        try:
            with _without_warnings():
                form = form_of(self.pair, call)
                report = check_gradient(form.forward, form.backward, *form.inputs, wrt=form.wrt, **self.options)
        except Exception as error:  # the forms that people give their functions have no end
            return not_checked(self.pair, _said(error))
        again = report.again if form.plain else ()  # lines to paste that would call something else help nobody
        inputs, _, _ = report.sample.partition("; options")  # of both functions, whatever binds them
        return replace(report, sample=inputs + _options_of(self.pair, call), again=again)


def not_checked(pair: Pair, reason: str) -> Report:
    """The report on a pair that was not checked."""
    names = pair.forward.__qualname__, pair.backward.__qualname__
    return Report(*names, Verdict.UNDECIDED, (), notes=(f"not checked: {reason}",))


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Ignores warnings: the tests that made the calls have seen them, and a setting may make errors of them."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _said(error: Exception) -> str:
    known = isinstance(error, CallerError | TypeError | ValueError)
    return str(error) if known else in_words(error)


def _options_of(pair: Pair, call: Call) -> str:
    """The options that the call was made with, for the report."""
    options = {n: v for n, v in options_of(pair, call).items() if n not in ("cls", pair.object_name)}
    return f"; options: {', '.join(f'{n}={v!r}' for n, v in options.items())}" if options else ""
