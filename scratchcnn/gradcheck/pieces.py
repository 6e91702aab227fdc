"""Whether a gradient is that of one of the smooth pieces that meet at a point.

Right code takes one of them: the first of equal maxima, the sorted order of ties, `x > 0`. Its gradient is the limit of
gradients at points close by, and as right as that of any other piece.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.verdict import SUM_ROUNDOFFS, VOUCHING_SHARE

# In units: how far from the inputs backward is asked again.
PIECE_DISTANCE = 2.0**-26
# As a share of the largest entry: an answer within it counts as the same.
SAME_SHARE = 2.0**-13
# How many points backward is asked at, at most.
MOST_PIECE_POINTS = 64
# How many of the points where it answers the same are looked at.
MOST_CONFIRMED = 3
# How many directions must confirm the gradient at such a point.
CONFIRMING_DIRECTIONS = 3


@dataclass(frozen=True)
class Claim:
    """What backward says of one input.

    Attributes
    ----------
    gradient
        (size of the input,) the gradient.
    eps
        The precision of its numbers.
    at
        `at(inputs, outputs=None)`: the gradient at other values of all inputs, by some of the outputs (a mask) or all;
        None where backward has no answer.
    """

    gradient: Array
    eps: float
    at: Callable[..., Array | None]


def _directions(cone: Cone) -> Iterator[Array]:
    """Directions to points close by at which backward may answer as it does here.

    They break ties in the order of the entries, or against it, and give all zeros one sign. Code that takes the first
    or the last of equal entries, or `x > 0`, breaks ties in the same way. One input moves alone, or several move.
    """
    ramps = {k: 1 + np.arange(part.stop - part.start) / (part.stop - part.start) for k, part in cone.part.items()}
    ways: list[Callable[[Array], Array]] = [lambda r: -r, lambda r: r, lambda r: r[::-1], lambda r: -r[::-1]]
    for k in sorted(cone.part, key=lambda k: k != cone.index):
        for way in ways[: None if k == cone.index else 2]:
            direction = np.zeros(cone.unit.size)
            direction[cone.part[k]] = way(ramps[k])
            yield direction
    while True:
        direction = cone.drawn()
        yield direction
        for k, part in cone.part.items():
            chosen = int(cone.rng.integers(-2, len(ways)))  # as drawn, not at all, or one of the ways
            direction[part] = ways[chosen](ramps[k]) if chosen >= 0 else direction[part] * (chosen + 2)
        if len(cone.part) > 1 and direction.any():
            yield direction


def as_a_piece(claim: Claim, cone: Cone) -> float:
    """The error to which the gradient is that of a smooth piece beside the point; infinite if it is of none.

    A piece is looked for where backward answers the same close by; the one-sided derivatives must confirm it there.
    """
    largest, looked_at = np.abs(claim.gradient).max(), 0
    for direction in islice(_directions(cone), MOST_PIECE_POINTS):
        answer = claim.at(cone.at(PIECE_DISTANCE * direction))
        if answer is None or not (np.abs(answer - claim.gradient) <= SAME_SHARE * largest).all():
            continue
        bounds = [_confirmed(direction, claim, cone)]
        while np.isfinite(bounds[-1]) and len(bounds) < CONFIRMING_DIRECTIONS:
            bounds.append(_confirmed(direction, claim, cone))
        looked_at += 1
        if np.isfinite(bounds[-1]):
            return max(bounds)
        if looked_at == MOST_CONFIRMED:
            break
    return np.inf


def _confirmed(direction: Array, claim: Claim, cone: Cone) -> float:
    """The error to which the gradient is that of the piece that a direction leads into; infinite if it is not.

    The one-sided derivatives along `d + e r` and `d - e r` differ by 2 e times the slope along r. Since r moves the
    whole input, one number sees every entry.
    """
    part = cone.part[cone.index]
    along, step = np.zeros(cone.unit.size), 1 / (8 * (part.stop - part.start))
    along[part] = cone.drawn()[part]
    there, back = (cone.along(direction + side * step * along) for side in (1, -1))
    used = cone.cotangent != 0
    weight = cone.cotangent[used]
    slope = float(weight @ (there.value - back.value)[0, used]) / (2 * step)
    parts = claim.gradient * (along * cone.unit)[part]
    size = float(np.abs(parts).sum())
    bound = float(np.abs(weight) @ (there.bound + back.bound)[0, used]) / (2 * step) + SUM_ROUNDOFFS * claim.eps * size
    if not abs(float(parts.sum()) - slope) <= bound:
        return np.inf
    if bound > VOUCHING_SHARE * size:  # then the slopes at the point may still be large enough to vouch for it
        size += float(np.abs(weight) @ np.abs(cone.along(along).value[:, used]).max(axis=0))
    return bound if bound <= VOUCHING_SHARE * size else np.inf
