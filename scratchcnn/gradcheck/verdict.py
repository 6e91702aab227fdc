"""Right, wrong or undecided: the scale rule.

The tolerance of an entry is its bound. What is left to say is how small a bound must be to vouch for an entry: small
against the entry, against the largest entry of its input, or against one roundoff of the operation.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from scratchcnn.gradcheck.numerical.kinks import DECIDED
from scratchcnn.gradcheck.numerical.probe import Array


class Verdict(Enum):
    """The answer of a check. Nothing undecided passes as right."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"


# A bound vouches for an entry if it is below this share of the entry, or of the largest entry of its input,
SMALL = 1e-6
# or below so many roundoffs of the operation.
ROUNDOFFS = 64.0
# Within so many roundoffs of zero an entry is as good as zero.
ZERO = 4.0


@dataclass(frozen=True)
class Judgement:
    """For each entry of an input: exactly one of the three is set; `reason` says why an entry is undecided."""

    right: Array
    wrong: Array
    undecided: Array
    reason: Array

    def total(self) -> Verdict:
        """One wrong entry makes the whole wrong, one undecided entry undecided."""
        if self.wrong.any():
            return Verdict.WRONG
        return Verdict.UNDECIDED if self.undecided.any() or not self.right.size else Verdict.RIGHT


def judge(
    analytic: Array,
    own_error: Array,
    value: Array,
    bound: Array,
    roundoff: Array,
    status: Array,
    largest: float,
    small: float = SMALL,
) -> Judgement:
    """Applies the scale rule, entry by entry.

    Parameters
    ----------
    analytic, own_error
        What backward says, and by how much its own roundoff may have moved that.
    value, bound, status
        What the numerical side says.
    roundoff
        One roundoff of the operation: eps Σ|c||y| over the outputs that the entry moves, by the entry's unit.
    largest
        The largest derivative of the input.
    small
        A bound vouches for an entry if it is below this share of it, or of the largest.
    """
    known = np.isin(status, DECIDED)
    tolerance = bound + own_error
    distance = np.abs(analytic - value)
    zero = (np.abs(analytic) <= ZERO * roundoff) & (np.abs(value) <= ZERO * roundoff) & (bound <= ROUNDOFFS * roundoff)
    inside = (distance <= tolerance) | zero
    scale = np.maximum(small * np.maximum(np.abs(value), largest), ROUNDOFFS * roundoff)
    vouched = (status == "kink") | (bound <= scale)  # at a kink the bound is the interval itself
    right = known & inside & vouched
    wrong = known & ~inside
    reason = np.where(known, "noise", status).astype(object)
    return Judgement(right, wrong, ~right & ~wrong, reason)
