"""How many calls a diagnosis may make, and why one cannot be made."""

from collections.abc import Callable
from typing import Any

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.effort import Timed


class TooDear(Exception):
    """It would take too many calls."""


class Outside(Exception):
    """Forward has no value where it was called."""


class Budget:
    """How many calls of forward a diagnosis may make.

    It counts calls, not seconds: the same check gives the same report on a slower machine.
    """

    def __init__(self, forward: Timed, calls: int) -> None:
        self.forward, self.last, self.others = forward, forward.calls + calls, 0
        self.calls = calls

    @property
    def spent(self) -> int:
        """The calls up to now, and what counts as such."""
        return self.forward.calls + self.others

    def afford(self, calls: int) -> None:
        """Raise `TooDear` where so many more calls would be too many."""
        if self.spent + calls > self.last:
            raise TooDear

    def spend(self, calls: int) -> None:
        """Count what costs as much as so many calls."""
        self.others += calls

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose calls count as those of forward do."""

        def call(*inputs: Array) -> Any:
            self.spend(1)
            return function(*inputs)

        return call
