"""The progress of a long check, shown on a terminal from its tenth second on."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from scratchcnn.gradcheck.case import Case

# In seconds: how long a check runs before it shows its progress.
PATIENCE_SECONDS = 10.0
# In seconds: how long it waits before it shows it again.
UPDATE_SECONDS = 0.5


class Progress(AbstractContextManager["Progress"]):
    """One line on standard error, if that is a terminal: which input is checked, and how often forward has run.

    Parameters
    ----------
    function
        The name of what is checked.
    case
        The check, whose forward pass is counted.
    """

    def __init__(self, function: str, case: Case) -> None:
        self.function, self.case = function, case
        self.where = "the contract"
        self.calls = 0
        self.start = time.perf_counter()
        self.due = self.start + PATIENCE_SECONDS
        self.status: Any = None

    def __enter__(self) -> "Progress":
        self.case.forward.called = self.called
        return self

    def through(self, inputs: Sequence[int]) -> Iterator[int]:
        """The inputs one by one, as they are checked."""
        for position, index in enumerate(inputs, 1):
            self.where = f"{self.case.names[index]} (input {position} of {len(inputs)})"
            yield index

    def called(self, calls: int) -> None:
        """Counts calls of forward, and updates the line if it is time."""
        self.calls += calls
        now = time.perf_counter()
        if now < self.due or not sys.stderr.isatty():
            return
        self.due = now + UPDATE_SECONDS
        if self.status is None:
            self.status = _status()
            self.status.start()
        so_far = f"{self.calls:,} calls of forward, {now - self.start:.0f} s"
        self.status.update(f"checking {self.function}: {self.where}, {so_far}")

    def __exit__(self, *_: object) -> None:
        self.case.forward.called = None
        if self.status is not None:
            self.status.stop()


def _status() -> Any:
    from rich.console import Console  # loaded only where there is something to show

    return Console(stderr=True, markup=False).status("")
