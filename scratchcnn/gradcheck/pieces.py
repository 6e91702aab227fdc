"""Whether a gradient is that of one of the pieces that a function with kinks is made of next to a point.

Code that is right takes one: the first of equal maxima, the sorted order of ties, `x > 0`. Its gradient is the limit of
gradients at points close by, and as right as any.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.verdict import VOUCHING_SHARE

# Roundoffs of a sum over all entries.
SUM_ROUNDOFFS = 64.0
# How far from the inputs backward is asked again, in their units, and the share of the largest entry within which its
# answer counts as the same; at how many points at most, and how many of those where it answers the same are looked at,
# along so many directions.
PIECE_DISTANCE, SAME_SHARE = 2.0**-26, 2.0**-13
MOST_PIECE_POINTS, MOST_CONFIRMED, CONFIRMING_DIRECTIONS = 64, 3, 3


@dataclass(frozen=True)
class Claim:
    """The gradient of one input (size of the input,), and how to ask backward for it at other values of the inputs.

    `eps` is the precision of its numbers. `at` takes all inputs, and which of the outputs count (all of them, if it is
    not said); it gives None where backward has no answer.
    """

    gradient: Array
    eps: float
    at: Callable[..., Array | None]


def _directions(cone: Cone) -> Iterator[Array]:
    """Directions to points close by at which backward may answer what it does here.

    Ties are broken there in the order of the entries, or against it, and what is 0 has one sign: that is how they are
    broken where code takes the first or the last of equal entries, or `x > 0`. One input moves alone, or some do.
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
    """How precisely the gradient is that of a piece of the function next to the point; infinite where it is of none.

    It is sought where backward answers the same close by, and the one-sided derivatives have to confirm it there.
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
    """How precisely the gradient has the slope of the piece that a direction leads into; infinite where it hasn't.

    The one-sided derivatives along `d + e r` and `d - e r` differ by 2 e times the slope along r: r moves the whole
    input, and one number sees every entry.
    """
    part = cone.part[cone.index]
    along, step = np.zeros(cone.unit.size), 1 / (8 * (part.stop - part.start))
    along[part] = cone.drawn()[part]
    there, back, here = (cone.along(d) for d in (direction + step * along, direction - step * along, along))
    used = cone.cotangent != 0
    weight = cone.cotangent[used]
    slope = float(weight @ (there.value - back.value)[0, used]) / (2 * step)
    parts = claim.gradient * (along * cone.unit)[part]
    size = float(np.abs(parts).sum())
    bound = float(np.abs(weight) @ (there.bound + back.bound)[0, used]) / (2 * step) + SUM_ROUNDOFFS * claim.eps * size
    known = bound <= VOUCHING_SHARE * (size + float(np.abs(weight) @ np.abs(here.value[:, used]).max(axis=0)))
    return bound if known and abs(float(parts.sum()) - slope) <= bound else np.inf
