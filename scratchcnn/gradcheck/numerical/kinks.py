"""What the ladder says of one entry: smooth, a kink, a jump, or undecided.

At a kink any value between the one-sided derivatives is right (a subgradient). The interval is made per output and
contracted with the signs of the cotangent afterwards: contracted first, the right answer would depend on which outputs
happen to share a sign.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.numerical.ladder import Climb
from scratchcnn.gradcheck.numerical.probe import Array

# The statuses of a derivative that is known: to a point, or to the interval of its one-sided values.
DECIDED = ("ok", "kink")


@dataclass(frozen=True)
class Slope:
    """The derivative along one direction: it lies within `value ± bound`, unless `status` says why nobody knows.

    `turns` is the right derivative less the left one at each of `outputs`: 0 where there is no kink.
    """

    value: float
    bound: float
    status: str
    method: str
    outputs: Array
    turns: Array


def slope(climbed: Climb, cotangent: Array) -> Slope:
    """Contracts the ladder's intervals with the cotangent (outputs,)."""
    weight = cotangent[climbed.outputs]
    walk = climbed.walk
    sides = walk.right.hull(walk.left)
    low = np.where(walk.kink, sides.low, walk.both.low)
    high = np.where(walk.kink, sides.high, walk.both.high)
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
    turns = np.zeros(len(weight), weight.dtype)
    turns[walk.kink] = ((walk.right.low + walk.right.high - walk.left.low - walk.left.high) / 2)[walk.kink]
    method = "one-sided" if status == "kink" else "ladder"
    return Slope(float((low + high) / 2), float(bound), status, method, climbed.outputs, turns)


def opposed(slopes: Sequence[Slope], outputs: int) -> Array:
    """(slopes,) bool: which kinks share an output with one that turns the other way (convex there, concave here)."""
    turns = np.zeros((len(slopes), outputs))
    for row, seen in zip(turns, slopes, strict=True):
        row[seen.outputs] = seen.turns
    mixed = (turns > 0).any(axis=0) & (turns < 0).any(axis=0)
    sharing: Array = (turns[:, mixed] != 0).any(axis=1)
    return sharing
