"""What the ladder says of one line: smooth, a kink, a jump, or undecided.

At a kink any value between the one-sided derivatives is right (a subgradient). The interval is made for each output and
contracted with the cotangent afterwards. Contracted first, it would depend on which outputs happen to share a sign.
"""

from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.ladder import Climb

# The statuses of a derivative that is known, to a point or to the interval of its one-sided values.
DECIDED = ("ok", "kink")


@dataclass(frozen=True)
class Sides:
    """One-sided derivatives, right and left, each (2, outputs): within `value ± bound`, infinite where unknown."""

    value: Array
    bound: Array

    @property
    def turn(self) -> Array:
        """(outputs,) the right derivative less the left one, 0 where they may be the same."""
        turn = self.value[0] - self.value[1]
        return np.where(np.abs(turn) > self.bound.sum(axis=0), turn, 0)

    def __add__(self, other: "Sides") -> "Sides":
        return Sides(self.value + other.value, self.bound + other.bound)

    def __sub__(self, other: "Sides") -> "Sides":
        return Sides(self.value - other.value, self.bound + other.bound)

    def times(self, share: float) -> "Sides":
        """The derivatives along a multiple of the direction; a negative one exchanges right and left."""
        order = slice(None) if share > 0 else slice(None, None, -1)
        return Sides(share * self.value[order], abs(share) * self.bound[order])

    def of(self, which: Array) -> "Sides":
        """The derivatives of some of the outputs."""
        return Sides(self.value[:, which], self.bound[:, which])

    def interval(self, weight: Array) -> tuple[Array, Array]:
        """(outputs,) twice: the ends of the interval between right and left, times the weights."""
        weighted, room = weight * self.value, np.abs(weight) * self.bound
        return (weighted - room).min(axis=0), (weighted + room).max(axis=0)


def sides(climbed: Climb) -> Sides:
    """The one-sided derivatives of the outputs that moved."""
    walk = climbed.walk
    intervals = [
        (np.where(walk.kink, side.low, walk.both.low), np.where(walk.kink, side.high, walk.both.high))
        for side in (walk.right, walk.left)
    ]
    low, high = (np.array(ends, np.float64) for ends in zip(*intervals, strict=True))
    known = np.isfinite(low) & np.isfinite(high) & ~climbed.jumps
    value = np.where(known, (low + high) / 2, 0)
    return Sides(value, np.where(known, (high - low) / 2 + np.finfo(np.float64).eps * np.abs(value), np.inf))


@dataclass(frozen=True)
class Slope:
    """The derivative along one line: within `value ± bound`, unless `status` says why it is unknown.

    `sides` are the one-sided derivatives of `outputs`, which are the outputs that moved.
    """

    value: float
    bound: float
    status: str
    method: str
    outputs: Array
    sides: Sides


def slope(climbed: Climb, cotangent: Array) -> Slope:
    """The ladder's intervals, contracted with the cotangent (outputs,)."""
    weight = cotangent[climbed.outputs]
    walk = climbed.walk
    hull = walk.right.hull(walk.left)
    low = np.where(walk.kink, hull.low, walk.both.low)
    high = np.where(walk.kink, hull.high, walk.both.high)
    used = weight != 0
    eps = np.finfo(cotangent.dtype).eps
    rounding = eps * np.abs(weight * np.maximum(np.abs(low), np.abs(high)))[used].sum()
    low, high = (weight * low)[used], (weight * high)[used]
    low, high = np.minimum(low, high).sum(), np.maximum(low, high).sum()
    bound = (high - low) / 2 + climbed.rest + rounding
    status = "ok"
    if (climbed.jumps & used).any():
        status = "jump"
    elif not np.isfinite(bound):
        status = "domain"
    elif (walk.kink & used).any():
        status = "kink"
    method = "one-sided" if status == "kink" else "ladder"
    return Slope(float((low + high) / 2), float(bound), status, method, climbed.outputs, sides(climbed))
