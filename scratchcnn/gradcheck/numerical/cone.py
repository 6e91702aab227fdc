"""A function with kinks close to a point: a cone, seen by its one-sided derivatives along directions.

Where several kinks meet, backward is right if it is right for one of the pieces around the point, or for a mean of
them. Its value need not lie between the one-sided derivatives: `relu(x) - relu(x - y)` is flat along x at the origin,
and has the slopes 1 and -1 beside it.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.kinks import Sides, sides
from scratchcnn.gradcheck.numerical.ladder import Climb, climb
from scratchcnn.gradcheck.numerical.noise import noise_along
from scratchcnn.gradcheck.numerical.probe import Contraction, Line, Probe
from scratchcnn.gradcheck.numerical.rungs import TOP_EXPONENT
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP, units

# How many directions are drawn to see whether the slopes along them add up.
ADDITIVITY_DIRECTIONS = 8
# The half of `LINE_PLACES` that lies to one side.
_HALF_LINE = np.geomspace(0.03, 10, 16)
# In units of its distance from the point: where a line beside the point is looked at, to either side.
LINE_PLACES = np.concatenate([-_HALF_LINE[::-1], _HALF_LINE])
# Powers of the number of entries that move: how far the places of a line are spread, since kinks of many entries lie
# far out on it.
OFFSET_POWERS = (0.5, 0.25, 0.0, 0.5, 0.25, 0.0)
# In units: the step of one-sided derivatives that are taken nearby.
NEAR_STEP = 2.0**-20
# A ratio: how many times nearer than the next kink a step must be.
NEXT_KINK_FACTOR = 16.0
# A ratio: how many times less than the excess of a gradient roundoff may hide, where a function is called flat.
FLATNESS_FACTOR = 16.0
# How many kinks may meet at a point.
MOST_KINKS = 1024
# A ratio: the error of a quotient is at most this many times its change at half the step, and its roundoff.
QUOTIENT_FACTOR = 4.0


class Cone:
    """A function's one-sided derivatives at a point, along any direction that moves several inputs at once.

    Directions are flat: the inputs that may move, end to end (`part` says where each stands), in multiples of `unit`.

    Parameters
    ----------
    contraction
        The number whose derivatives are sought, as a function of one input.
    moved
        The inputs that may move; that one among them.
    rng
        Draws the directions.
    strides
        Those at which the noise of forward is measured.
    climbs
        How many directions may be looked at; None for any number.
    """

    def __init__(
        self,
        contraction: Contraction,
        moved: Sequence[int],
        rng: np.random.Generator,
        strides: Array,
        climbs: int | None = None,
    ) -> None:
        probe = contraction.probe
        self.index, self.cotangent, self.own_noise = probe.index, contraction.cotangent, contraction.noise
        self.rng, self.strides, self.climbs = rng, strides, climbs
        self.arrays = [a.copy() for a in probe.arrays]
        ends = np.cumsum([probe.arrays[k].size for k in moved])
        self.part = {k: slice(end - probe.arrays[k].size, end) for k, end in zip(moved, ends, strict=True)}
        self.unit = np.concatenate([probe.unit if k == probe.index else units(probe.arrays[k].ravel()) for k in moved])
        self.base = np.concatenate([probe.arrays[k].ravel() for k in moved])

        def forward(flat: Array) -> Array:
            output: Array = probe.forward(*self._placed(flat))
            return output

        self.probe = Probe(forward, [self.base], 0, fresh=probe.fresh)

    @cached_property
    def noise(self) -> Array:
        """(outputs,) a bound for the roundoff of the outputs where all inputs move."""
        # The moves are uneven: where two entries move alike, their difference stands still, and shows no roundoff.
        everything = Line(self.probe, slice(None), self.drawn() * self.unit)
        return np.maximum(self.own_noise, noise_along(everything, self.strides))

    @property
    def own_unit(self) -> Array:
        """(size of the one input,) the unit of each of its entries."""
        unit: Array = self.unit[self.part[self.index]]
        return unit

    # Directions.

    def only(self, entries: Array, sizes: Array | float) -> Array:
        """The direction that moves some entries of the one input."""
        direction = np.zeros(self.unit.size)
        direction[self.part[self.index]][entries] = sizes
        return direction

    def at(self, direction: Array) -> list[Array]:
        """All inputs, at the point that a direction leads to."""
        return self._placed(self.base + direction * self.unit)

    def _placed(self, flat: Array) -> list[Array]:
        arrays = list(self.arrays)
        for k, part in self.part.items():
            arrays[k] = flat[part].reshape(arrays[k].shape)
        return arrays

    def drawn(self) -> Array:
        """A direction that moves all entries by half their unit to a whole one."""
        return self.rng.choice([-1.0, 1.0], self.unit.size) * self.rng.uniform(0.5, 1, self.unit.size)

    # One-sided derivatives.

    def along(self, direction: Array) -> Sides:
        """The one-sided derivatives of all outputs along a direction."""
        climbed = self._climb(direction)
        if climbed is None:
            return Sides(np.zeros((2, self.probe.outputs)), np.full((2, self.probe.outputs), np.inf))
        return self._of_all(climbed)

    def _of_all(self, climbed: Climb) -> Sides:
        """The one-sided derivatives of all outputs. An output that did not move may depend on x below its roundoff."""
        value, bound, found = np.zeros((2, self.probe.outputs)), np.tile(self.noise, (2, 1)), sides(climbed)
        value[:, climbed.outputs], bound[:, climbed.outputs] = found.value, found.bound
        return Sides(value, bound)

    def _climb(self, direction: Array) -> Climb | None:
        if not self._affordable():
            return None
        entries = np.flatnonzero(direction)
        line = Line(self.probe, entries, (direction * self.unit)[entries])
        contraction = Contraction(self.probe, self.cotangent, self.noise)
        return climb(contraction, line, 1.0, np.ones(self.probe.outputs, bool))

    @property
    def exhausted(self) -> bool:
        """Whether more directions were asked for than there is time for."""
        return self.climbs is not None and self.climbs < 0

    def _affordable(self) -> bool:
        if self.climbs is not None:
            self.climbs -= 1
        return not self.exhausted

    def nearly(self, direction: Array) -> Sides:
        """The one-sided derivatives of all outputs along a direction that moves the one input: cheap, less precise."""
        return self._nearby(direction, np.arange(self.probe.outputs), NEAR_STEP, self.own_noise)

    def _nearby(self, direction: Array, outputs: Array, size: float, noise: Array | None = None) -> Sides:
        """The one-sided derivatives of some outputs along a direction, from two steps: cheap, less precise."""
        quotients = np.empty((2, 2, len(outputs)))
        y = np.empty(self.probe.outputs)
        for row, step in zip(quotients, (size, size / 2), strict=True):
            for k, side in enumerate((1, -1)):
                self.probe.move(slice(None), self.base + side * step * direction * self.unit, y)
                row[k] = (y - self.probe.y0)[outputs] / (side * step)
        change = np.abs(quotients[1] - quotients[0])
        bound = QUOTIENT_FACTOR * (change + 2 * (self.noise if noise is None else noise)[outputs] / size)
        return Sides(np.where(np.isfinite(bound), quotients[1], 0), np.where(np.isfinite(bound), bound, np.inf))

    # What they say of the cone.

    def is_flat(self, excess: float) -> bool:
        """Whether the function has one slope at the point: no kink shows along directions, and their slopes add up.

        What roundoff hides must be too little to explain what a gradient is off by, `excess`.
        """
        outputs = np.flatnonzero(self.cotangent)
        drawn = [self.drawn() for _ in range(ADDITIVITY_DIRECTIONS)]
        alone = [self._nearby(d, outputs, NEAR_STEP) for d in drawn]
        for one, other, first, second in zip(drawn, drawn[1:], alone, alone[1:], strict=False):
            rest = self._nearby(one + other, outputs, NEAR_STEP) - (first + second)
            if first.turn.any() or (np.abs(rest.value) > rest.bound).any():
                return False
            if not np.abs(self.cotangent[outputs]) @ rest.bound.max(axis=0) <= excess / FLATNESS_FACTOR:
                return False
        return True

    def meeting(self, direction: Array, excess: float) -> Array | None:
        """(outputs,) bool: where kinks of opposite sign meet at the point, as seen along a direction.

        On a line beside the point, the kinks that meet there lie apart. Suppose all turn the same way. Then the slopes
        along the line only rise, or only fall, between the left and right derivatives at the point, and these bound
        every slope around. Otherwise a slope may exceed them by what turns the other way. A gradient that exceeds them
        by `excess` needs kinks of that size, so that kinks below a small share of it are ignored.

        Returns
        -------
        None where there was no time to look.
        """
        meets, used = np.zeros(self.probe.outputs, bool), self.cotangent != 0
        climbed = self._climb(direction)
        if climbed is None:
            return None
        own, reached = self._of_all(climbed), np.full(self.probe.outputs, np.inf)
        # The lines must not reach a kink that lies elsewhere: the ladder along the direction ended at the next one.
        stopped = climbed.walk.stopped
        reached[climbed.outputs] = np.where(stopped < 0, np.inf, UNEVEN_STEP * 2.0 ** (TOP_EXPONENT - stopped))
        step = np.minimum(NEAR_STEP, reached / NEXT_KINK_FACTOR)
        for size in {NEAR_STEP, float(step.min(initial=NEAR_STEP))}:
            outputs = np.flatnonzero((step >= size) & used)
            room = excess / MOST_KINKS / np.abs(self.cotangent[outputs])
            meets[outputs] |= self._turns_both_ways(own.of(outputs), outputs, direction, size, room)
        return meets if meets.any() or not self.exhausted else None

    def _turns_both_ways(self, own: Sides, outputs: Array, direction: Array, size: float, room: Array) -> Array:
        """(outputs,) bool: where the slopes along lines beside the point rise and fall by more than `room`."""
        count = self.unit.size / np.count_nonzero(direction)
        rises, falls = np.zeros((2, len(outputs)), bool)
        for power in OFFSET_POWERS:
            if (rises & falls).any() or not outputs.size or not self._affordable():
                break
            beside, places = self.drawn(), count**power * LINE_PLACES
            found = [self._nearby(beside + place * direction, outputs, size / max(1, abs(place))) for place in places]
            low, high = _slopes(own, found, places)
            rises |= (low[1:] > np.minimum.accumulate(high)[:-1] + room).any(axis=(0, 1))
            falls |= (high[1:] < np.maximum.accumulate(low)[:-1] - room).any(axis=(0, 1))
        both: Array = rises & falls
        return both


def _slopes(own: Sides, found: Sequence[Sides], places: Array) -> tuple[Array, Array]:
    """(slopes, 2, outputs) twice: lower and upper ends of the slopes along two lines beside the point, in their order.

    `found` holds the one-sided derivatives F(d) along `d = b + place u`. The right ones are the values, at places of a
    line through the point b, of a function whose slopes tend to those along u itself, `own`. The left ones are -F(-d):
    a line through -b, in the opposite order.
    """
    gaps = np.diff(places)[:, None, None]
    value = np.diff([f.value for f in found], axis=0) / gaps
    bound = np.array([f.bound + g.bound for f, g in pairwise(found)]) / gaps
    for array in (value, bound):
        array[:, 1] = array[::-1, 1].copy()
    value = np.concatenate([own.value[None, [1, 1]], value, own.value[None, [0, 0]]])
    bound = np.concatenate([own.bound[None, [1, 1]], bound, own.bound[None, [0, 0]]])
    return value - bound, value + bound
