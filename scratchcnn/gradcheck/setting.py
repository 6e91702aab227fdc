"""Where a check stands: its point and its second one, each with a cotangent, and what was seen there of backward."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.contract import Observed, copied


@dataclass(frozen=True)
class Setting:
    """The case at its inputs, with a cotangent; `second` has other values for the inputs and another cotangent.

    There is no second point where forward has no finite output of the same shape at the one that was drawn.
    """

    case: Case
    cotangent: Array
    observed: Observed
    second: tuple[Sequence[Array], Array] | None
    rng: np.random.Generator

    @cached_property
    def floats_there(self) -> tuple[Array, list[Any]] | None:
        """Forward's output and the gradients at the second point; None where they raise, or there is none."""
        if self.second is None:
            return None
        inputs, cotangent = self.second
        try:
            # Forward first: a layer may keep what its backward needs.
            output = np.array(self.case.forward(*(a.copy() for a in inputs)))
            gradients = self.case.gradients(cotangent.copy(), [a.copy() for a in inputs])
        except Exception:
            return None
        return output, [copied(g) for g in gradients]
