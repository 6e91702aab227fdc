"""What a proof says: plain arrays, which need no python-flint."""

from dataclasses import dataclass, field
from enum import Enum

from scratchcnn.gradcheck.arrays import Array

# In decimal digits: both sides agree to so many if the formulas are the same. If they agree to fewer, their constants
# are rounded differently.
AGREED_DIGITS = 25


class Rounding(Enum):
    """What forward's moving numbers become where it rounds them to whole ones.

    Strictly, a rounded number is constant. A straight-through gradient (Bengio, Léonard and Courville 2013) takes the
    derivative of the rounding for 1. It may use the rounded numbers or those before, or any between.
    """

    CONSTANT = "constant"
    ROUNDED = "rounded"
    UNROUNDED = "unrounded"
    BETWEEN = "between"


# With each of them a straight-through gradient is right.
STRAIGHT_THROUGH = (Rounding.ROUNDED, Rounding.UNROUNDED)


@dataclass
class Proven:
    """What is proved of the gradient of one input.

    Attributes
    ----------
    value
        (entries,) backward in balls, rounded to float64.
    right, wrong
        (entries,) bool: the entries that are proved right, or wrong. The others are left to other methods.
    bound
        (entries,) how far apart both sides are for a weight of one: an entry that is right is so within this if it was
        looked at alone, and within about as much if others were along.
    digits
        The number of decimal digits to which the entries that are right agree.
    exact
        The derivatives of wrong entries, by their index.
    along
        Where it was not sought which entries are wrong: both sides along a direction, backward's and forward's.
    share
        How far apart these are, as a share of the size of their terms.
    """

    value: Array
    right: Array
    wrong: Array
    bound: Array
    digits: float = float("inf")
    exact: dict[int, float] = field(default_factory=dict)
    along: tuple[float, float] = (float("nan"), float("nan"))
    share: float = 0.0

    @property
    def derivatives(self) -> Array:
        """(entries,) backward's values, with the exact derivatives in place of wrong ones as far as these are known."""
        value = self.value.copy()
        for entry, exact in self.exact.items():
            value[entry] = exact
        return value


@dataclass
class Proof:
    """What is proved at a point.

    Attributes
    ----------
    inputs
        What is proved of each input, by its index.
    outputs
        Forward in balls, rounded to float64; None where it does not run on balls.
    reason
        Why not all is proved.
    ties
        Both sides along a direction that leaves ties as they are, backward's and forward's, if they differ.
    rounds
        Whether forward rounds moving numbers to whole ones, so that it is constant in between.
    """

    inputs: dict[int, Proven]
    outputs: Array | None = None
    reason: str = ""
    ties: tuple[float, float] | None = None
    rounds: bool = False
