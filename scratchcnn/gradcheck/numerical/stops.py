"""What an iteration leaves out that stops at a tolerance.

Such a forward pass is f(x) = g(x) + e(x): g is the limit, and e is what the rounds would add that are not taken. Where
the number of rounds changes, f jumps by a little. Between two jumps e is smooth and about as large as they are, so that
its slope is about their height divided by their distance. An implicit derivative is that of g, and differs from the
derivative of f by the slope of e.

An integrator that adapts its steps has bends in place of jumps, since the next step begins as a short one. Then the
slope of e is about as large as its changes.
"""

from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.numerical.probe import Line
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# In units: how far from the point a jump is looked for, the nearest first.
REACHES = UNEVEN_STEP * 2.0 ** np.arange(-8, 3)
# Into how many parts a reach is divided: there are more than twice as many as a difference takes.
PARTS = 32
# Of which order the differences are that show a jump. Where f is smooth they fall with this power of the distance.
ORDER = 8
# How many differences at either end may show a part of a kink alone, which does not fall.
EDGE = ORDER // 2
# A ratio: so much farther points are taken, for these ends.
BEYOND_RATIO = 1.4
# Ratios: how much of the differences must be left where the points lie sixteen times as close. Those of a jump stay. Of
# those of a bend a sixteenth is left, or a few times that, by where the points lie.
JUMP_STAYS_RATIO, BEND_STAYS_RATIO = 0.5, 2.0**-7
# A ratio: how far the differences of a jump stand out of the usual ones. Those of roundoff are all alike.
CLEAR_RATIO = 16.0
# In heights of a jump, and in changes of slope at a bend times the distance of the points: the differences of this
# order. These are the central binomial coefficients of one order less and of two.
DIFFERENCE_OF_JUMP, DIFFERENCE_OF_BEND = 35.0, 20.0
# A ratio: differences of this order add up the roundoffs of so many values.
ROUNDOFFS = 2.0**ORDER
# In units: points so close are not told apart from roundoff.
NARROWEST = 2.0**-36
# A ratio: how much farther than the nearest jump others are looked for, since that may be low by chance.
FARTHER_RATIO = 16.0
# As a share of f: a higher jump is a discontinuity, a sharper bend is a kink, and neither is a last round.
SMALL_SHARE = 2.0**-7
# A ratio: what is left out may be larger than the jump, which is a single round, and steeper at the end of its piece.
SLACK = 16.0


def blur(line: Line, cotangent: Array, *, bends: bool = False) -> float:
    """How far the slope of forward along a line may be from that of its limit; 0 where no small jump is near.

    Parameters
    ----------
    line
        It moves by about a unit of each entry.
    cotangent
        (outputs,) the weights of the outputs in the number whose slope it is.
    bends
        Whether bends count, where no small jump is nearer.
    """
    sizes = np.abs(cotangent) @ np.nan_to_num(np.abs(line.probe.y0))
    path = _Path(line, cotangent, ROUNDOFFS * EPS * float(sizes), [] if bends else None)
    sides = [path.jumps(side) for side in (-1.0, 1.0)]
    nearest = [jumps[0] for jumps in sides if jumps]
    if not nearest or any(jump.height > SMALL_SHARE * sizes for jump in nearest):
        before = min((jump.distance for jump in nearest), default=np.inf)
        sharpest = max((bend.height for bend in path.bends or () if bend.distance < before), default=0.0)
        return SLACK * sharpest if sharpest <= SMALL_SHARE * sizes else 0.0
    piece = sum(jump.distance for jump in nearest)
    highest = max(jump.height for jumps in sides for jump in jumps if jump.height <= SMALL_SHARE * sizes)
    return float(SLACK * highest / piece)


@dataclass(frozen=True)
class _Jump:
    """How high a jump is, or the change of slope at a bend; and how far it is from the point, in units."""

    height: float
    distance: float


class _Path:
    """The outputs along a line, weighted by the cotangent. Differences below `floor` may be roundoff.

    To `bends` those are added that are met where jumps are looked for; if it is None, jumps are looked for behind them.
    """

    def __init__(self, line: Line, cotangent: Array, floor: float, bends: list[_Jump] | None) -> None:
        self.line, self.cotangent, self.floor, self.bends = line, cotangent, floor, bends

    def _differences(self, places: Array) -> Array:
        """(places - ORDER,) those of the outputs between places, added up by their size; 0 outside the domain.

        By their size, since what an iteration leaves out of its outputs may cancel at a jump, and not elsewhere.
        """
        values = np.empty((len(places), self.line.probe.outputs))
        for place, y in zip(places, values, strict=True):
            self.line.move(place, y)
        values = (values - self.line.probe.y0) * self.cotangent
        rough: Array = np.nan_to_num(np.abs(np.diff(values, ORDER, axis=0)).sum(axis=1))
        return rough

    def jumps(self, side: float) -> list[_Jump]:
        """The nearest jump to a side, and others that are not much farther."""
        found: list[_Jump] = []
        for reach in REACHES:
            if found and reach > FARTHER_RATIO * found[0].distance:
                break
            jump = self._jump(side, reach)
            found += [jump] if jump is not None else []
        return found

    def _jump(self, side: float, reach: float) -> _Jump | None:
        """The jump within reach that stands out most; None if there is none, or forward is rough everywhere."""
        low, high, before = 0.0, BEYOND_RATIO * reach, [np.inf, np.inf]
        while high - low > NARROWEST:
            distances = np.linspace(low, high, PARTS + 1)
            rough = self._differences(side * distances)
            k = int(rough.argmax())
            if rough[k] <= self.floor or not EDGE <= k < len(rough) - EDGE:
                break
            clear = rough[k] > CLEAR_RATIO * np.sort(rough)[len(rough) // 2]
            distance, apart = float(distances[k + ORDER // 2]), (high - low) / PARTS
            if rough[k] > JUMP_STAYS_RATIO * before[-2]:
                return _Jump(float(rough[k] / DIFFERENCE_OF_JUMP), distance) if clear else None
            if self.bends is not None and clear and rough[k] > BEND_STAYS_RATIO * before[-2]:
                self.bends.append(_Jump(float(rough[k] / (DIFFERENCE_OF_BEND * apart)), distance))
                break
            low, high = distances[k], distances[k + ORDER]
            before.append(rough[k])
        return None
