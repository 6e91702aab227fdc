"""Right, wrong or undecided: the scale rule.

The tolerance of an entry is its bound and the roundoff of the analytic side. The scale rule says how small a bound must
be to vouch for an entry: small against the entry, against the largest entry of its input, or against some roundoffs of
the operation. The roundoff of either side acquits no more than a bound of that size could vouch for.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.kinks import DECIDED
from scratchcnn.gradcheck.numerical.noise import EPS


class Verdict(StrEnum):
    """The answer of a check. Nothing undecided passes as right."""

    RIGHT = "right"
    WRONG = "wrong"
    UNDECIDED = "undecided"


# As a share of the entry, or of the largest entry of its input: a bound below it vouches for the entry.
VOUCHING_SHARE = 1e-6
# In roundoffs of the operation: a bound below this many vouches, too.
VOUCHING_ROUNDOFFS = 64.0
# In roundoffs of the operation: an entry within this many of zero is as good as zero.
ZERO_ROUNDOFFS = 4.0
# In roundoffs of the sum of sizes: the error of a sum over all entries of an input.
SUM_ROUNDOFFS = 64.0


def small_in(eps: float) -> float:
    """The share of an entry that a bound must be below, where the lowest precision on either side has this eps.

    It is the root of eps. Differences in that precision reach about eps^(2/3); a bound above the root says too little.
    """
    return max(VOUCHING_SHARE, float(np.sqrt(eps)))


def trifle(exact: Array) -> Array:
    """(entries,) how far a gradient may be from the exact one without consequence.

    A guard such as 1e-12, a constant of few digits, or the last round of an iteration leaves such a difference. It is
    a share of the entry, or some roundoffs of the largest entry.
    """
    size = np.abs(exact)
    little: Array = np.maximum(VOUCHING_SHARE * size, VOUCHING_ROUNDOFFS * EPS * size.max(initial=0))
    return little


@dataclass(frozen=True)
class Scale:
    """What each entry is compared with, each (entries,).

    Attributes
    ----------
    roundoff
        One roundoff of the operation: eps Σ|c||y| over the outputs that the entry moves, divided by the entry's unit.
        It is limited, since large noise hides a derivative and must not vouch for it.
    vouching
        The largest bound that vouches for the entry.
    """

    roundoff: Array
    vouching: Array


def scale_of(value: Array, largest: float, roundoff: Array, size: Array, small: float = VOUCHING_SHARE) -> Scale:
    """The scale of some entries.

    Parameters
    ----------
    value, largest
        (entries,) the derivatives, and the largest derivative of their input.
    roundoff
        (entries,) one roundoff of the operation, as measured.
    size
        (entries,) Σ|c||y| over the outputs that the entry moves, divided by its unit: a derivative that would matter.
    small
        A bound vouches for an entry if it is below this share of it, or of the largest.
    """
    roundoff = np.minimum(roundoff, small * size / VOUCHING_ROUNDOFFS)
    return Scale(roundoff, np.maximum(small * np.maximum(np.abs(value), largest), VOUCHING_ROUNDOFFS * roundoff))


@dataclass(frozen=True)
class Judgement:
    """Which entries are right and which wrong, each (entries,); the others are undecided.

    `reason` says why an entry is undecided. `tolerance` is the distance up to which two values count as the same.
    """

    right: Array
    wrong: Array
    reason: Array
    tolerance: Array


def judge(analytic: Array, own_error: Array, value: Array, bound: Array, status: Array, scale: Scale) -> Judgement:
    """Applies the scale rule, entry by entry.

    Parameters
    ----------
    analytic, own_error
        (entries,) what backward says, and by how much its own roundoff may have moved that.
    value, bound, status
        (entries,) what the numerical side says.
    scale
        What a bound must be small against.
    """
    known = np.isin(status, DECIDED)
    distance = np.abs(analytic - value)
    near = ZERO_ROUNDOFFS * scale.roundoff
    zero = (np.abs(analytic) <= near) & (np.abs(value) <= near)
    tolerance = np.minimum(bound + own_error, np.maximum(bound, scale.vouching))
    tolerance = np.where(zero, np.maximum(tolerance, 2 * near), tolerance)
    inside = distance <= tolerance
    vouched = (status == "kink") | (bound <= scale.vouching)  # at a kink the bound is the interval itself
    right = known & inside & vouched
    unstable = known & ~inside & (distance <= bound + own_error)
    wrong = known & ~inside & ~unstable
    reason = np.where(known, "noise", status).astype(object)
    reason[unstable] = "unstable"
    return Judgement(right, wrong, reason, tolerance)
