"""SIGTERM ends a command as Ctrl-C does: what it has learnt so far is saved."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM."""


@contextmanager
def terminated_by_signal() -> Iterator[None]:
    """Raise `Terminated` in the main thread where SIGTERM arrives. Afterwards the signal does what it did before.

    Yields
    ------
    None
        In a block that is not in the main thread, nothing changes: only that one hears signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)  # None: it is not Python's


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated
