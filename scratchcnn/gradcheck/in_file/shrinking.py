"""A smaller call at which a gradient is wrong in the same way: shorter axes, then rounder numbers."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.checking import PairCheck, refusal
from scratchcnn.gradcheck.report.report import Report
from scratchcnn.gradcheck.verdict import Verdict

# How many calls are tried.
TRIES = 30
# To how many decimals numbers are rounded, the roundest first.
DECIMALS = (0, 1)


def shrunk(check: PairCheck, call: Call, seconds: float) -> Call:
    """The smallest call that is found.

    All axes of one length are shortened together, since they are mostly one axis to the function; what forward then
    refuses is no candidate.

    Parameters
    ----------
    check
        Checks the pair.
    call
        A call at which the gradient is wrong.
    seconds
        How long to look. What was begun is ended.
    """
    tries, end = TRIES, time.monotonic() + seconds
    for make in (_shorter, _rounder):
        candidates = make(call)
        while tries and time.monotonic() < end and (candidate := next(candidates, None)) is not None:
            if refusal(check.pair, candidate):
                continue
            tries -= 1
            if _same(check.report(candidate), check.report(call)):
                call = candidate
                candidates = make(call)
    return call


def _same(found: Report, before: Report) -> bool:
    """Whether the same is wrong, and no less clear: where lengths are equal, a factor of 2 may be any of them."""
    return _faults(found) == _faults(before) and _coincidences(found) <= _coincidences(before)


def _faults(report: Report) -> tuple[Any, ...] | None:
    """What is wrong, in words without numbers and what stands in brackets; None where nothing is."""
    if report.verdict is not Verdict.WRONG:
        return None
    wrong = tuple(part.name for part in report.inputs if part.verdict is Verdict.WRONG)
    said = tuple((d.kind, re.sub(r"\([^()]*\)|\d|\s", "", d.message)) for d in report.diagnoses)
    return wrong, said, {violation.kind for violation in report.violations}


def _coincidences(report: Report) -> int:
    """How many things a factor may be: "2 is the length of axis 0 of x, and 3 others"."""
    return sum(int(more) for d in report.diagnoses for more in re.findall(r"and (\d+) others", d.message))


def _shorter(call: Call) -> Iterator[Call]:
    """The call with all axes of one length cut, the longest first."""
    arrays = _arrays(call)
    for length in sorted({n for array in arrays.values() for n in array.shape if n > 1}, reverse=True):
        for shorter in sorted({1, 2, 3, length // 2, length - 1}):
            if 0 < shorter < length:
                yield _with(call, {name: _cut(array, length, shorter) for name, array in arrays.items()})


def _rounder(call: Call) -> Iterator[Call]:
    """The call with rounded numbers, if they are not round already."""
    arrays = _arrays(call)
    for decimals in DECIMALS:
        rounded = {name: np.round(array, decimals) + 0 for name, array in arrays.items()}
        if all(np.array_equal(array, rounded[name]) for name, array in arrays.items()):
            return
        if all(np.unique(array).size == np.unique(rounded[name]).size for name, array in arrays.items()):
            yield _with(call, rounded)  # no two have become equal


def _cut(array: Any, length: int, shorter: int) -> Any:
    return array[tuple(slice(shorter if n == length else n) for n in array.shape)].copy()


def _arrays(call: Call) -> dict[str, Any]:
    return {name: value for name, value in call.arguments.items() if isinstance(value, np.ndarray)}


def _with(call: Call, arrays: Mapping[str, Any]) -> Call:
    return replace(call, arguments={**call.arguments, **arrays})
