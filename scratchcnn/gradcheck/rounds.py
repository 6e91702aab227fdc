"""Whether a forward pass goes through more rounds at one place than at another, as an iteration does."""

import gc
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

# Where the checker's own code lies, whose rounds do not count.
OWN = str(Path(__file__).parent)
# How often a call is made before it is said to go through other rounds. What the collection of garbage runs in between
# only adds some.
REPEATS = 4

Rounds = Counter[tuple[CodeType, int]]


def are_as_many_rounds(function: Callable[..., Any], calls: Sequence[Sequence[Any]]) -> bool:
    """Whether all calls go through the same rounds of the same loops of Python, and call the same functions.

    A branch is no round: code that takes another one may still go through as many.

    Parameters
    ----------
    function, calls
        What is called, and the arguments of each call.
    """
    first = _fewest(function, calls[0])
    return all(_fewest(function, arguments, first) == first for arguments in calls[1:])


def _fewest(function: Callable[..., Any], arguments: Sequence[Any], enough: Rounds | None = None) -> Rounds:
    """The rounds that all of several calls go through; no more calls are made when they are `enough`."""
    rounds = _rounds(function, arguments)
    for _ in range(REPEATS - 1):
        if rounds == enough:
            break
        rounds &= _rounds(function, arguments)
    return rounds


def _rounds(function: Callable[..., Any], arguments: Sequence[Any]) -> Rounds:
    """How often each function was called in this thread, and went back to each of its lines."""
    rounds: Rounds = Counter()
    collecting = {getattr(callback, "__code__", None) for callback in gc.callbacks}

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        code, at = frame.f_code, frame.f_lineno
        if code.co_filename.startswith(OWN) or code in collecting:
            return None
        rounds[code, at] += 1

        def trace_lines(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal at
            if event == "line":
                rounds[code, frame.f_lineno] += frame.f_lineno <= at
                at = frame.f_lineno
            return trace_lines

        return trace_lines

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return +rounds
