"""The setting of a check: its point and its second one, and what was seen there of backward."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.contract import Observed, copied
from scratchcnn.gradcheck.points import Point, answers
from scratchcnn.gradcheck.report.evidence import Called
from scratchcnn.gradcheck.stopping import Stopping


@dataclass(frozen=True)
class Setting:
    """The case at its inputs, with a cotangent, and at a second point.

    `second` is None where forward has no finite output of the same shape at the point that was drawn. `drawn` says
    that the cotangent was drawn, too, and not the caller's.
    """

    case: Case
    cotangent: Array
    observed: Observed
    second: Point | None
    rng: np.random.Generator
    drawn: bool = True

    @property
    def first(self) -> Point:
        """The caller's point."""
        return Point(self.case.inputs, self.cotangent)

    @property
    def called(self) -> Called:
        """What was called, for the pictures of a report."""
        case = self.case
        return Called(
            forward=case.forward,
            inputs=case.inputs,
            cotangent=self.cotangent,
            output=case.output,
            gradients=tuple(self.observed.gradients),
            names=case.names,
            fresh=self.observed.mutates,
            seconds=case.forward.seconds,
        )

    @cached_property
    def stopping(self) -> Stopping:
        """What is open where forward iterates until a tolerance."""
        return Stopping(self.case, fresh=self.observed.mutates)

    @cached_property
    def second_answers(self) -> tuple[Array, list[Any]] | None:
        """Forward's output and the gradients at the second point; None where a function raises, or there is none."""
        if self.second is None:
            return None
        try:
            output, gradients = answers(self.case, self.second)
        except Exception:
            return None
        return output, [copied(g) for g in gradients]
