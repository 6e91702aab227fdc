"""The check of a pair at the calls that were kept of it."""

import copy
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.case import CallerError
from scratchcnn.gradcheck.check import check_gradient
from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.forms import call_forward, form_of, options_of
from scratchcnn.gradcheck.harvest.pairs import Pair
from scratchcnn.gradcheck.report.report import Report
from scratchcnn.gradcheck.trees import flatten
from scratchcnn.gradcheck.verdict import Verdict


def is_usable(pair: Pair, call: Call) -> bool:
    """Whether forward takes the arguments of a call, and is finite there.

    Tests also call a function with what it refuses, and at infinity.
    """
    return not refusal(pair, call)


def refusal(pair: Pair, call: Call) -> str:
    """Why a pair cannot be checked at a call: forward raises, or is not finite; empty if it can."""
    try:
        with _without_warnings():
            output = call_forward(pair, copy.deepcopy(call))
    except Exception as error:  # what a caller's function raises has no end
        return f"forward raises {type(error).__name__}: {error}"
    leaves, _ = flatten(output[0] if isinstance(output, tuple) and output else output)
    floats = (leaf for leaf in leaves if isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind == "f")
    return "" if all(np.isfinite(leaf).all() for leaf in floats) else "forward is not finite"


def check_calls(pair: Pair, calls: Iterable[Call], options: Mapping[str, Any]) -> Iterator[Report]:
    """Checks a pair at each call.

    A pair whose form is not known is undecided, and the report says what is not known.

    Parameters
    ----------
    pair
        The functions.
    calls
        What they are checked at.
    options
        Of `check_gradient`.
    """
    for call in calls:
        try:
            with _without_warnings():
                form = form_of(pair, call)
                report = check_gradient(form.forward, form.backward, *form.inputs, wrt=form.wrt, **options)
        except Exception as error:  # the forms that people give their functions have no end
            yield not_checked(pair, _said(error))
        else:
            again = report.again if form.plain else ()  # lines to paste that would call something else help nobody
            yield replace(report, sample=report.sample + _options_of(pair, call), again=again)


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
    return str(error) if known else f"{type(error).__name__}: {error}"


def _options_of(pair: Pair, call: Call) -> str:
    """The options that the call was made with, for the report."""
    options = {n: v for n, v in options_of(pair, call).items() if n not in ("self", "cls")}
    return f"; options: {', '.join(f'{n}={v!r}' for n, v in options.items())}" if options else ""
