"""Calls at points that the inputs were moved to: what the caller's functions warn of there is nobody's concern.

Other threads see nothing of it. NumPy's error state belongs to a context; the filters of `warnings` belong to all
threads, so they are left as they are. Only a warning that a filter makes an error has to be dealt with, since it stops
the function: that is called again, under a filter that holds in this thread alone.
"""

import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

_LOCK = threading.Lock()
_REPLACED: deque[Any] = deque(maxlen=256)
_MOVED = ContextVar("moved", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """Within it the inputs are moved: NumPy warns of nothing, and `undisturbed` functions are not stopped."""
    token = _MOVED.set(True)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _MOVED.reset(token)


def undisturbed(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of the caller's; within `quiet` no warning that a filter makes an error stops it."""
    __tracebackhide__ = True
    try:
        return function(*arguments)
    except Warning as warning:
        if not _MOVED.get() or isinstance(warning, np.exceptions.ComplexWarning):  # a lost imaginary part is asked for
            raise
    with filtered_here("ignore", Warning):
        return function(*arguments)


@contextmanager
def filtered_here(action: Any, category: type[Warning]) -> Iterator[None]:
    """A filter in front of all others that holds in this thread alone."""
    if getattr(sys.flags, "context_aware_warnings", False):  # Python 3.14 can keep filters apart by itself
        with warnings.catch_warnings(action=action, category=category):
            yield
        return
    entry: Any = (action, _ThisThread(), category, None, 0)
    _replace(lambda filters: [entry, *filters])
    try:
        yield
    finally:
        _replace(lambda filters: [f for f in filters if f is not entry])


def _replace(changed: Callable[[Any], list[Any]]) -> None:
    """Puts a new list of filters in place: of one that is changed, a thread that walks through it would miss some.

    The old one is kept for a while, since whoever walks through it does not hold it.
    """
    with _LOCK:
        _REPLACED.append(warnings.filters)
        warnings.filters = changed(warnings.filters)


class _ThisThread:
    """Stands in a filter for the pattern of its messages: all match, in the thread that made it."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()

    def match(self, message: str) -> bool:
        return threading.get_ident() == self.thread
