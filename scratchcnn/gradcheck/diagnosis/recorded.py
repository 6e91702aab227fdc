"""What a record of forward tells at a point: the gradients of one wrong step, and what flows back to expressions."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.budget import Budget

if TYPE_CHECKING:
    from scratchcnn.gradcheck.diagnosis.edits.look import Look
    from scratchcnn.gradcheck.diagnosis.steps.flows import Flow
    from scratchcnn.gradcheck.diagnosis.steps.record import Record
    from scratchcnn.gradcheck.diagnosis.steps.sweep import Swept

# Numbers of a record that take as long as a call of forward.
NUMBERS_A_CALL = 4
# A record, and what is looked at besides the gradient, count for one share of all calls at most.
SHARES = 10


class Point(Protocol):
    """What is recorded."""

    inputs: list[Array]
    wrt: tuple[int, ...]
    cotangent: Array
    budget: Budget

    @property
    def caller(self) -> Callable[..., Any] | None:
        """Forward as the caller wrote it; None where it needs another precision than float64."""

    @property
    def look(self) -> "Look | None":
        """A copy of backward; None where there is none."""

    def is_true(self, gradient: Array, index: int) -> bool:
        """Whether a gradient is the true one."""


class Recorded:
    """The records of forward at a point, made when they are first asked for."""

    def __init__(self, point: Point) -> None:
        self._point = point
        self._true: dict[int, list[Swept]] = {}

    @cached_property
    def first(self) -> "Record | None":
        """The most detailed record of forward."""
        return next(self._left, None)

    @cached_property
    def _left(self) -> "Iterator[Record]":
        """The records of forward that are left, the most detailed first."""
        from scratchcnn.gradcheck.diagnosis.steps.record import records

        caller, budget = self._point.caller, self._point.budget
        if caller is not None:
            for record in records(caller, self._point.inputs, self._point.wrt):
                budget.spend(min(len(record.tape.parts) // NUMBERS_A_CALL, budget.calls // SHARES))
                yield record

    def swept(self, index: int) -> "Sequence[Swept]":
        """The gradients that one wrong step of forward gives, for each depth of the calls in it.

        First those of the records without steps that change nothing. In place of those that are not to be had stand
        empty ones, so that the others stand in the same order at all points.
        """
        from scratchcnn.gradcheck.diagnosis.steps.sweep import nothing

        if index not in self._true:
            size = self._point.inputs[index].size
            self._true[index] = [
                s if s is not None and self._point.is_true(s.right[index], index) else nothing(index, size)
                for s in self._sweeps
            ]
        return self._true[index]

    @cached_property
    def _sweeps(self) -> "list[Swept | None]":
        from scratchcnn.gradcheck.diagnosis.steps.idle import without_idle
        from scratchcnn.gradcheck.diagnosis.steps.sweep import swept

        if self.first is None:
            return []
        given, cotangent = (self.first, *self._left), self._point.cotangent
        found = [swept(record, cotangent) for record in given]
        lean = [without_idle(record, s) for record, s in zip(given, found, strict=True)]
        return [*(None if record is None else swept(record, cotangent) for record in lean), *found]

    @cached_property
    def flows(self) -> "dict[str, Flow]":
        """By the text of an expression of forward, the derivative of the checked sum by its value."""
        from scratchcnn.gradcheck.diagnosis.steps.flows import flows

        look = self._point.look
        if self.first is None or look is None:
            return {}
        return flows(self.first, self._point.cotangent, look.values_of_forward)

    @cached_property
    def gradients(self) -> dict[int, tuple[Array, Array]]:
        """By the index of each input, its gradient by the first record, and the sizes of what that is a sum of."""
        from scratchcnn.gradcheck.diagnosis.steps.jacobian import gradients

        assert self.first is not None
        return gradients(self.first, self._point.cotangent)
