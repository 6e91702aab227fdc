"""Right, wrong or undecided: the scale rule.

The tolerance of an entry is its bound and the roundoff of the analytic side. What is left to say is how small a bound
must be to vouch for an entry: small against the entry, against the largest entry of its input, or against one roundoff
of the operation. No roundoff, of whichever side, acquits more than a bound of that size could vouch for.
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.kinks import DECIDED


class Verdict(Enum):
    """The answer of a check. Nothing undecided passes as right."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"


# A bound vouches for an entry if it is below this share of the entry, or of the largest entry of its input,
VOUCHING_SHARE = 1e-6
# or below so many roundoffs of the operation.
VOUCHING_ROUNDOFFS = 64.0
# Within so many roundoffs of zero an entry is as good as zero.
ZERO_ROUNDOFFS = 4.0


def small_in(eps: float) -> float:
    """The share of an entry that a bound must be below where the lowest precision involved has this eps: its root.

    Differences in that precision can reach about eps^(2/3); one that is wider than the root of eps says too little.
    """
    return max(VOUCHING_SHARE, float(np.sqrt(eps)))


@dataclass(frozen=True)
class Scale:
    """What each entry (entries,) is compared with.

    `roundoff` is one roundoff of the operation, eps Σ|c||y| over the outputs that the entry moves, by the entry's unit,
    but never more than may vouch: where noise is large it hides a derivative. `vouching` is the largest bound that
    vouches for the entry.
    """

    roundoff: Array
    vouching: Array


def scale_of(value: Array, largest: float, roundoff: Array, size: Array, small: float = VOUCHING_SHARE) -> Scale:
    """The scale of some entries.

    Parameters
    ----------
    value, largest
        The derivatives of the entries, and the largest of their input.
    roundoff
        One roundoff of the operation, as measured.
    size
        Σ|c||y| over the outputs that the entry moves, by the entry's unit: a derivative that would matter.
    small
        A bound vouches for an entry if it is below this share of it, or of the largest.
    """
    roundoff = np.minimum(roundoff, small * size / VOUCHING_ROUNDOFFS)
    return Scale(roundoff, np.maximum(small * np.maximum(np.abs(value), largest), VOUCHING_ROUNDOFFS * roundoff))


@dataclass(frozen=True)
class Judgement:
    """For each entry: exactly one of the three is set; `reason` says why it is undecided.

    `tolerance` is the distance up to which the two values were taken to agree.
    """

    right: Array
    wrong: Array
    undecided: Array
    reason: Array
    tolerance: Array

    def total(self) -> Verdict:
        """One wrong entry makes the whole wrong, one undecided entry undecided."""
        if self.wrong.any():
            return Verdict.WRONG
        return Verdict.UNDECIDED if self.undecided.any() or not self.right.size else Verdict.RIGHT


def judge(analytic: Array, own_error: Array, value: Array, bound: Array, status: Array, scale: Scale) -> Judgement:
    """Applies the scale rule, entry by entry.

    Parameters
    ----------
    analytic, own_error
        What backward says, and by how much its own roundoff may have moved that.
    value, bound, status
        What the numerical side says.
    scale
        What a bound must be small against.
    """
    known = np.isin(status, DECIDED)
    distance = np.abs(analytic - value)
    near = ZERO_ROUNDOFFS * scale.roundoff
    zero = (np.abs(analytic) <= near) & (np.abs(value) <= near) & (bound <= VOUCHING_ROUNDOFFS * scale.roundoff)
    tolerance = np.minimum(bound + own_error, np.maximum(bound, scale.vouching))
    tolerance = np.where(zero, np.maximum(tolerance, 2 * near), tolerance)
    inside = distance <= tolerance
    vouched = (status == "kink") | (bound <= scale.vouching)  # at a kink the bound is the interval itself
    right = known & inside & vouched
    unstable = known & ~inside & (distance <= bound + own_error)
    wrong = known & ~inside & ~unstable
    reason = np.where(known, "noise", status).astype(object)
    reason[unstable] = "unstable"
    return Judgement(right, wrong, ~right & ~wrong, reason, tolerance)
