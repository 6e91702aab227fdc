"""Central differences with a bound, for everything smooth.

Each entry is moved by halving steps to both sides. Outputs are differenced before they are contracted with the
cotangent, so that an output that stands still adds no roundoff, and divided by the steps actually taken. A Richardson
tableau gives the value and its error. A pair of tiny steps must then agree with the result, and its right half with its
left: this is what sees a kink or a staircase between the steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.groups import REACH_DISTANCE, Group, depends, disjoint
from scratchcnn.gradcheck.numerical.hidden_roundoff import MOVED_ROUNDOFFS
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.numerical.quotients import Moves, Quotients, contracted, evaluate, settle
from scratchcnn.gradcheck.numerical.spreading import spread
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# As a power of two, in units: the tiny step, which comes last. It is far below the others and far above roundoff.
TINY_EXPONENT = 20
# In units: the steps of the first attempt, which settle most entries.
FIRST_STEPS = UNEVEN_STEP * 2.0 ** -np.array([5, 6, 7, TINY_EXPONENT])
# In units: the steps of the second attempt; these settle almost all that is smooth.
ALL_STEPS = UNEVEN_STEP * 2.0 ** -np.array([2, 3, 4, 5, 6, 7, TINY_EXPONENT])
# The steps that the second attempt takes beyond those of the first.
LATER_STEPS = ALL_STEPS[~np.isin(ALL_STEPS, FIRST_STEPS)]
# (steps, share of the unit): the attempts at an entry, one after the other. The last has small steps, for a function
# that bends within its unit.
ATTEMPTS = ((FIRST_STEPS, 1.0), (ALL_STEPS, 1.0), (FIRST_STEPS, 2.0**-6))
# As a share of the derivative: an entry with a bound below it is settled.
SETTLED_BOUND = 1e-9
# As a share of the largest derivative: a bound below it is good enough where only roundoff is left in it.
LIMITED_BOUND = 1e-7
# A ratio: how many times its roundoff a bound may be, where only roundoff is left in it.
LIMITED_FACTOR = 100.0
# In roundoffs of the largest output, or of 1: the most that a few steps of roundoff add up to.
LOW_ROUNDOFFS = 2.0**20
# A ratio: an entry whose unit is below this share of a wider one may be too small for anything to move.
NARROW_SHARE = 2.0**-10
# A ratio: how much wider than its unit an entry's wide unit may be.
WIDEST_FACTOR = 2.0**30
# In numbers: what one block of entries may keep at a time (32 MB).
BLOCK_NUMBERS = 2**22


@dataclass(frozen=True)
class Estimate:
    """Derivatives of some entries, each (entries,).

    Attributes
    ----------
    value, bound
        The derivative lies within `value ± bound` where it is settled.
    roundoff, scale
        As in `Quotients`, by the entry's unit.
    settled
        Whether no other method need look at the entry.
    doubtful
        Whether a settled entry may stand on a staircase: small steps alone settled it, or an output stands still at the
        tiny step.
    narrow
        Whether the unit is too small: nothing moves within it, or only by roundoff.
    attempt
        Which of the `ATTEMPTS` settled it.
    """

    value: Array
    bound: Array
    roundoff: Array
    scale: Array
    settled: Array
    doubtful: Array
    narrow: Array
    attempt: Array


def central_differences(contraction: Contraction, groups: Sequence[Group], entries: Array, unit: Array) -> Estimate:
    """Derivatives of the contracted output with respect to `entries`.

    Parameters
    ----------
    contraction
        The number whose derivatives are sought.
    groups
        All entries, as they are moved.
    entries
        (entries,) flat indices into the input.
    unit
        (size of the input,) the scale of each entry.
    """
    search = _Search(contraction, unit)
    waiting = [_Attempt(group) for group in groups]
    while waiting:
        waiting.extend(search.tried(waiting.pop()))
    return search.estimate(entries)


@dataclass(frozen=True)
class _Attempt:
    """What is tried next with a group: the number of the attempt, and the moves of the one before."""

    group: Group
    number: int = 0
    before: Moves | None = None


class _Search:
    """The derivatives found so far, each (size of the input,)."""

    def __init__(self, contraction: Contraction, unit: Array) -> None:
        self.contraction, self.probe, self.unit = contraction, contraction.probe, unit
        self.value, self.bound, self.roundoff, self.scale = np.zeros((4, unit.size), self.probe.dtype)
        self.settled, self.doubtful, self.unmoved, self.narrow = np.zeros((4, unit.size), bool)
        self.attempt = np.zeros(unit.size, np.intp)
        self.steepest = 0.0  # the largest derivative that is known

    def tried(self, attempt: _Attempt) -> list[_Attempt]:
        """Makes an attempt, and says what to try next."""
        group, (steps, closer) = attempt.group, ATTEMPTS[attempt.number]
        moves = self._moves(attempt)
        quotients = contracted(self.contraction, group, self.unit, moves)
        if quotients is None:
            return [_Attempt(alone) for alone in group.apart(_rows(self.probe))]
        value, bound, agrees = settle(quotients)
        chosen = group.entries
        if not attempt.number:
            self.roundoff[chosen] = quotients.roundoff / self.unit[chosen]
            self.scale[chosen], self.unmoved[chosen] = quotients.scale / self.unit[chosen], quotients.unmoved
        self.steepest = max(self.steepest, float((np.abs(value) - bound)[agrees].max(initial=0)))
        enough = self._enough(chosen, value, bound, quotients, last=steps is ALL_STEPS)
        if closer < 1 and attempt.before is not None:
            agrees &= ~_by_roundoff(self.contraction, group, attempt.before, value)
        fine = agrees & (bound <= enough) & ~self.settled[chosen]
        better = chosen[fine]
        self.value[better], self.bound[better], self.settled[better] = value[fine], bound[fine], True
        self.attempt[better] = attempt.number
        self.narrow[chosen] = quotients.in_steps & ~self.settled[chosen]
        self.doubtful[better] = quotients.still[fine] | (closer < 1)
        return self._next(attempt, moves)

    def _moves(self, attempt: _Attempt) -> Moves:
        steps, closer = ATTEMPTS[attempt.number]
        if steps is ALL_STEPS and attempt.before is not None:
            return attempt.before.merged(evaluate(self.probe, attempt.group, self.unit, LATER_STEPS))
        return evaluate(self.probe, attempt.group, self.unit * closer, steps)

    def _enough(self, chosen: Array, value: Array, bound: Array, quotients: Quotients, *, last: bool) -> Array:
        """(entries,) the bound at which an entry is settled."""
        size = np.abs(value)
        enough: Array = np.maximum(SETTLED_BOUND * size, 8 * EPS * self.steepest)
        enough = np.maximum(enough, 16 * self.roundoff[chosen])
        # The value is 0 where nothing moved, or all by the same.
        enough = np.where(value == 0, np.maximum(enough, SETTLED_BOUND * self.steepest), enough)
        if last:  # where little but roundoff is left in the bound, other steps would say no more
            limited = bound <= LIMITED_FACTOR * quotients.noise[:-1].min(axis=0)
            enough = np.where(limited, np.maximum(enough, LIMITED_BOUND * np.maximum(size, self.steepest)), enough)
        return enough

    def _next(self, attempt: _Attempt, moves: Moves) -> list[_Attempt]:
        group = attempt.group
        if attempt.number + 1 == len(ATTEMPTS) or self.settled[group.entries].all():
            return []
        if group.outputs is None:  # entries that move alone go on without those that are settled
            left = ~self.settled[group.entries]
            group, moves = Group(group.entries[left]), moves.of(left)
        return [_Attempt(group, attempt.number + 1, moves)]

    def estimate(self, entries: Array) -> Estimate:
        """What was found of some entries."""
        narrow = self.narrow | _moved_by_wider(self.probe, self.unmoved, self.unit)
        settled = self.settled & ~narrow
        of_all = self.value, self.bound, self.roundoff, self.scale, settled, self.doubtful, narrow, self.attempt
        return Estimate(*(each[entries] for each in of_all))


def _by_roundoff(contraction: Contraction, group: Group, larger: Moves, slope: Array) -> Array:
    """(entries,) whether larger moves leave the tangent, whose slope small steps found, by steps of roundoff.

    Past a kink they leave it by much more. By curvature they leave it gradually: four times less whenever the step is
    halved, until the distance is lost in the noise. An output that is rounded inside (x times a rounded factor) leaves
    it at once, by little, and by half as much at half the step.
    """
    y0 = contraction.probe.y0
    y, h = larger.y[:-1], larger.h[:-1]  # without the tiny step
    leaves = np.abs(group.share(contraction.cotangent * (y - y0)) - slope * np.stack([-h, h], axis=1)).max(axis=1)
    blur = MOVED_ROUNDOFFS * group.share(np.abs(contraction.cotangent) * contraction.noise)
    seen = leaves > blur
    smallest = len(h) - 1 - seen[::-1].argmax(axis=0)
    here, above, twice = (np.take_along_axis(leaves, np.maximum(smallest - k, 0)[None], 0)[0] for k in range(3))
    gradual = np.where(smallest < len(h) - 1, here <= 8 * blur, (above > 3 * here) & (twice > 3 * above))
    largest = np.max(np.abs(y), where=np.isfinite(y), initial=1.0)
    low = here <= LOW_ROUNDOFFS * np.finfo(y.dtype).eps * largest
    stairs: Array = low & seen.any(axis=0) & ~gradual
    return stairs


def _moved_by_wider(probe: Probe, unmoved: Array, unit: Array) -> Array:
    """(size of the input,) which entries may move an output by a wider move, of those that move none within their unit.

    All of them are moved at once: if that moves an output, each of them may.
    """
    wider = wide_unit(unit)
    narrow = unmoved & (unit < NARROW_SHARE * wider)
    if narrow.any():
        y = np.empty((2, probe.outputs), probe.dtype)
        for side, row in zip((-REACH_DISTANCE, REACH_DISTANCE), y, strict=True):
            probe.move(narrow, probe.base[narrow] + side * wider[narrow], row)
        narrow &= bool((y != probe.y0).any())
    return narrow


def wide_unit(unit: Array) -> Array:
    """(entries,) the largest unit that an entry may have: that of its array, or 1, if a ladder still sees it."""
    widest: Array = np.maximum(unit, np.minimum(unit * WIDEST_FACTOR, max(1.0, unit.max())))
    return widest


def _rows(probe: Probe) -> int:
    """How many entries that move alone may be looked at together."""
    return max(1, BLOCK_NUMBERS // (2 * len(ALL_STEPS) * max(probe.outputs, 1)))


def separate(probe: Probe, entries: Array, unit: Array) -> list[Group]:
    """Groups of entries that move together, where few outputs overlap; else each entry alone."""
    apart = Group(entries).apart(_rows(probe))
    if probe.outputs < 2 or len(entries) < 2:
        return apart
    if len(entries) * probe.outputs > BLOCK_NUMBERS:
        return apart
    first = _depend(probe, entries[:2], unit[entries[:2]])
    if first.all():
        return apart
    others = entries[2:]
    pieces = spread(probe, _depend, others, unit[others], evaluations=2)
    groups = disjoint(entries, np.concatenate([first, *pieces]))
    return groups if len(groups) < len(entries) / 2 else apart


def _depend(probe: Probe, entries: Array, units: Array) -> Array:
    """(entries, outputs) bool: which outputs depend on each entry."""
    depend = np.empty((len(entries), probe.outputs), bool)
    for row, entry, unit in zip(depend, entries, units, strict=True):
        row[:] = depends(probe, entry, unit)
    return depend
