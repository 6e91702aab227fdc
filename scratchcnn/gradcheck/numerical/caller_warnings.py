"""Warnings of the caller's functions at moved points concern nobody: they are kept quiet.

Other threads must not notice. NumPy's error state belongs to a context, and can be set. The filters of `warnings`
belong to all threads, and are left as they are. Only a warning that a filter turns into an error matters, since it
stops the function. The function is then called again, under a filter that holds in this thread alone.
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

# Held while the list of filters is replaced.
_LOCK = threading.Lock()
# The lists of filters that were replaced last: a thread may still walk through one without holding it.
_REPLACED: deque[Any] = deque(maxlen=256)
# Whether the inputs are at a moved point.
_MOVED = ContextVar("moved", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """A block in which inputs are moved: NumPy warns of nothing, and no warning stops an `undisturbed` function."""
    token = _MOVED.set(True)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        _MOVED.reset(token)


def undisturbed(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function of the caller's. Within `quiet`, no warning that a filter turns into an error stops it."""
    __tracebackhide__ = True
    try:
        return function(*arguments)
    except Warning as warning:
        if not _MOVED.get() or isinstance(warning, np.exceptions.ComplexWarning):  # the complex step asks for this one
            raise
    with filtered_here("ignore", Warning):
        return function(*arguments)


@contextmanager
def filtered_here(action: Any, category: type[Warning]) -> Iterator[None]:
    """A block with a filter in front of all others that holds in this thread alone."""
    if getattr(sys.flags, "context_aware_warnings", False):  # from Python 3.14 on, filters can belong to a context
        with warnings.catch_warnings(action=action, category=category):
            yield
        return
    here = _ThisThread()
    entry: Any = (action, here, category, None, 0)
    _replace(lambda filters: [entry, *filters])
    try:
        yield
    finally:
        here.ended = True
        _replace(lambda filters: [f for f in filters if f is not entry])


def _replace(changed: Callable[[Any], list[Any]]) -> None:
    """Puts a new list of filters in place of the old one.

    If the old one were changed, a thread that walks through it would miss a filter. It is kept alive for a while, since
    such a thread does not hold it.
    """
    with _LOCK:
        _REPLACED.append(warnings.filters)
        warnings.filters = changed(warnings.filters)


class _ThisThread:
    """Stands in a filter for the pattern of messages: every message matches, in the thread that made it.

    Once the block has ended, none does. The `catch_warnings` of another thread may bring the filter back.
    """

    def __init__(self) -> None:
        self.thread, self.ended = threading.get_ident(), False

    def match(self, message: str) -> bool:
        return not self.ended and threading.get_ident() == self.thread
