"""What entries alone can't tell: kinks that meet, and entries at kinks that are moved together.

A function with kinks is a cone near the point, and what can be seen of it is its one-sided derivative along any
direction. Three rules decide.

1. Nothing is accused at a kink where kinks of opposite sign meet: the interval between the one-sided derivatives holds
   every slope nearby only if they all turn one way.
2. Entries whose one-sided derivatives add up when they move together, output by output, have kinks in variables of
   their own, and each is judged alone. Where they do not add up, the gradient must lie within the interval along joint
   directions, too: two tied maxima that both get the whole gradient are within the interval of each.
3. Where kinks of opposite sign meet, a gradient is right if it is that of a piece of the function around: backward
   answers the same at a point close by, and the one-sided derivatives confirm it there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from scratchcnn.gradcheck.numerical.gradient import Derivatives
from scratchcnn.gradcheck.numerical.kinks import Cone, Sides
from scratchcnn.gradcheck.numerical.probe import Array
from scratchcnn.gradcheck.verdict import SMALL

# The reason of entries at which kinks of opposite sign meet.
MEET = "kink"
# Accused entries that are looked at, the worst first: one of them that stands is enough.
ACCUSED = 8
# Digits of the entries' numbers that give joint directions their signs, so that any two entries move the same way and
# opposite ways; and directions of uneven sizes, along which no two kinks cancel.
DIGITS, UNEVEN = 8, 2
# Joint directions along which a gradient that looks wrong is looked at more closely.
SCANNED = 2
# At most so many entries are left out, or turned round, to find a direction along which it is wrong.
SWEPT = 16
# Sums of one-sided derivatives are compared where they are known to this share of the kinks in them.
SHARP = 1e-3
# Roundoffs of a sum over all entries.
ROUNDOFFS = 64.0
# How far from the inputs backward is asked again, in their units, and the share of the largest entry within which its
# answer counts as the same; at how many points at most, and how many of those where it answers the same are looked at,
# along so many directions.
CLOSE, SAME = 2.0**-26, 2.0**-13
POINTS, LOOKED_AT, DIRECTIONS = 64, 3, 3
# By how much an accusation must exceed what a piece is known to.
ROOM = 4.0


@dataclass(frozen=True)
class Joint:
    """The judgement of some entries (entries,), and what is wrong where they move together; nothing if that is empty.

    The derivative of each lies within `value ± bound`.
    """

    value: Array
    bound: Array
    right: Array
    wrong: Array
    reason: Array
    remark: str = ""


@dataclass(frozen=True)
class Claim:
    """The gradient of one input (size of the input,), and how to ask backward for it at other values of the inputs.

    `eps` is the precision of its numbers; `at` takes all inputs, and gives None where backward has no answer.
    """

    gradient: Array
    eps: float
    at: Callable[[Sequence[Array]], Array | None]


def judge_together(found: Derivatives, alone: Joint, claim: Claim, cone_of: Callable[[], Cone]) -> Joint:
    """Judges entries at kinks once more, in the light of what is around them.

    Parameters
    ----------
    found
        The derivatives by each entry.
    alone
        The judgement of each by itself.
    claim
        What backward says.
    cone_of
        Makes the cone; it is asked for where there is something to see.
    """
    accused = np.flatnonzero(alone.wrong)
    unstable = np.flatnonzero(~alone.right & ~alone.wrong & (alone.reason == "unstable"))
    kinks = np.array([k for k in sorted(found.turns) if found.status[k] == "kink" and alone.right[k]], np.intp)
    asked = np.union1d(accused, unstable)
    if not np.isfinite(claim.gradient[found.entries[asked]]).all() or (not asked.size and len(kinks) < 2):
        return alone
    cone = cone_of()
    if asked.size:
        return _asked_again(found, alone, accused, asked, kinks, claim, cone)
    together = _Together(found, kinks, claim, cone, adding_up=True)
    if not together.coupled.any():
        return alone
    remark = together.wrong_along(together.patterns)
    if not remark and np.isfinite(_as_a_piece(claim, cone)):
        return alone
    remark = remark or together.wrong_along(together.sweep())
    return replace(alone, remark=remark) if remark else _undecided(alone, together.meeting())


def _asked_again(
    found: Derivatives, alone: Joint, accused: Array, asked: Array, kinks: Array, claim: Claim, cone: Cone
) -> Joint:
    """Judges entries that look wrong, or that backward is unstable at, once more."""
    if cone.is_flat():
        return alone
    excess = (np.abs(claim.gradient[found.entries] - found.value) - found.bound) * cone.own_unit[found.entries]
    # A piece clears those that it would show to be wrong.
    cleared = asked[excess[asked] > ROOM * _as_a_piece(claim, cone)]
    alone = _right(alone, claim.gradient[found.entries], cleared)
    accused = np.setdiff1d(accused, cleared)
    worst = accused[np.argsort(-excess[accused], kind="stable")]
    for count, k in enumerate(worst[:ACCUSED]):
        if not cone.meeting(cone.only(found.entries[[k]], 1.0), excess[k]).any():
            return _undecided(alone, worst[:count])
    if not accused.size:
        return alone
    together = _Together(found, np.union1d(kinks, accused), claim, cone, adding_up=False)
    return _undecided(alone, accused, together.wrong_along(together.patterns))


def _undecided(alone: Joint, which: Array, remark: str = "") -> Joint:
    right, wrong, reason = alone.right.copy(), alone.wrong.copy(), alone.reason.copy()
    right[which], wrong[which], reason[which] = False, False, MEET
    return replace(alone, right=right, wrong=wrong, reason=reason, remark=remark)


def _right(alone: Joint, gradient: Array, which: Array) -> Joint:
    """Some entries are those of a piece around: their derivative lies between that and the one-sided ones."""
    value, bound, right = alone.value.copy(), alone.bound.copy(), alone.right.copy()
    low, high = np.minimum(value - bound, gradient), np.maximum(value + bound, gradient)
    value[which], bound[which], right[which] = ((low + high) / 2)[which], ((high - low) / 2)[which], True
    return replace(alone, value=value, bound=bound, right=right, wrong=alone.wrong & ~right)


def _patterns(count: int, rng: np.random.Generator) -> Iterator[Array]:
    """(entries,) the shares of so many entries in each joint direction."""
    number = np.arange(count)
    yield np.ones(count)
    for digit in range(min((count - 1).bit_length(), DIGITS)):
        yield 1.0 - 2 * (number >> digit & 1)
    for _ in range(UNEVEN):
        yield rng.choice([-1.0, 1.0], count) * rng.choice([0.25, 0.5, 1.0], count)


@dataclass(frozen=True)
class _Move:
    """A joint direction: the share of each entry, and what is seen along it.

    `seen` are the one-sided derivatives (2, outputs), `alone` what the entries tell of them by themselves: the sum of
    theirs, the size of the kinks in it (outputs,), and the sums of the ends of their intervals (2, outputs), contracted
    with the cotangent. The gradient's own value, of terms of the size `parts`, is `analytic`.
    """

    shares: Array
    seen: Sides
    alone: tuple[Sides, Array, Array]
    analytic: float
    parts: float


class _Together:
    """Entries at kinks that move together.

    Parameters
    ----------
    found, claim, cone
        As in `judge_together`.
    which
        The entries: indices into `found.entries`.
    adding_up
        Each sits on a kink, and is right by itself: where they add up nothing more is asked. Else they are taken to be
        coupled in all outputs.
    """

    def __init__(self, found: Derivatives, which: Array, claim: Claim, cone: Cone, *, adding_up: bool) -> None:
        self.found, self.which, self.claim, self.cone = found, which, claim, cone
        self.adding_up = adding_up
        self.patterns = [self._move(shares) for shares in _patterns(len(which), cone.rng)]
        self.used = cone.cotangent != 0
        self.coupled = self.used.copy()  # (outputs,) where the one-sided derivatives do not add up
        self.meets = np.zeros(self.used.shape, bool)  # where kinks of opposite sign were seen to meet
        if adding_up:
            self.coupled &= np.any([_differs(move) for move in self.patterns], axis=0)
            self.meets = self.coupled & self._of_both_signs()

    def _move(self, shares: Array) -> _Move:
        moving = np.flatnonzero(shares)
        entries = self.found.entries[self.which[moving]]
        seen = self.cone.along(self.cone.only(entries, shares[moving]))
        parts = self.claim.gradient[entries] * shares[moving] * self.cone.own_unit[entries]
        return _Move(shares, seen, self._alone(shares), float(parts.sum()), float(np.abs(parts).sum()))

    def _alone(self, shares: Array) -> tuple[Sides, Array, Array]:
        value, bound, ends = np.zeros((3, 2, self.cone.probe.outputs))
        kinks = np.zeros(self.cone.probe.outputs)
        for k in np.flatnonzero(shares) if self.adding_up else ():
            seen, unit = self.found.turns[int(self.which[k])], self.cone.own_unit[self.found.entries[self.which[k]]]
            one = seen.sides.times(shares[k] * float(unit))
            value[:, seen.outputs] += one.value
            bound[:, seen.outputs] += one.bound
            kinks[seen.outputs] += np.abs(one.turn)
            ends[:, seen.outputs] += one.interval(self.cone.cotangent[seen.outputs])
        return Sides(value, bound), kinks, ends

    def _of_both_signs(self) -> Array:
        """(outputs,) bool: which show no kinks of one sign alone, along entries or directions."""
        turns = [move.seen.turn for move in self.patterns]
        rises, falls = (np.any([side * turn > 0 for turn in turns], axis=0) for side in (1, -1))
        for k in self.which:
            seen = self.found.turns[int(k)]
            rises[seen.outputs] |= seen.sides.turn > 0
            falls[seen.outputs] |= seen.sides.turn < 0
        both: Array = rises == falls
        return both

    def _interval(self, move: _Move) -> tuple[float, float]:
        """Where the derivative along a direction lies: where entries add up, each within its own interval."""
        _, _, alone = move.alone
        low, high = np.where(self.coupled, move.seen.interval(self.cone.cotangent), alone)[:, self.used].sum(axis=1)
        rounding = ROUNDOFFS * self.claim.eps * move.parts
        return float(low) - rounding, float(high) + rounding

    def _outside(self, move: _Move) -> float:
        """How far the gradient lies outside of the interval; negative inside."""
        low, high = self._interval(move)
        return max(low - move.analytic, move.analytic - high)

    def wrong_along(self, moves: Sequence[_Move]) -> str:
        """What is wrong along directions; empty where nothing is, or kinks of opposite sign meet along them."""
        outside = [move for move in moves if self._outside(move) > 0]
        for move in sorted(outside, key=self._outside, reverse=True)[:SCANNED]:
            moving = np.flatnonzero(move.shares)
            entries = self.found.entries[self.which[moving]]
            direction = self.cone.only(entries, move.shares[moving])
            meets = self.coupled & self.cone.meeting(direction, self._outside(move))
            if not meets.any():
                largest = float(self.cone.own_unit[entries].max())
                return _remark(len(entries), *(v / largest for v in (move.analytic, *self._interval(move))))
            self.meets |= meets
        return ""

    def sweep(self) -> list[_Move]:
        """The direction farthest outside that is found by leaving entries out, or turning them round, one by one.

        Where entries are coupled in groups, each group's kinks hide what is wrong with another's, while they move, too.
        """
        best = max(self.patterns, key=self._outside)
        touched = [k for k in range(len(self.which)) if self.coupled[self._outputs(k)].any()]
        for k in self.cone.rng.permutation(touched)[:SWEPT]:
            trials = []
            for factor in (0.0, -1.0):
                shares = best.shares.copy()
                shares[k] *= factor
                if shares.any():
                    trials.append(self._move(shares))
            better = max(trials, key=self._outside, default=best)
            if self._outside(better) >= self._outside(best):
                best = better
            if self._outside(best) > 0:
                break
        return [best]

    def _outputs(self, k: int) -> Array | slice:
        seen = self.found.turns.get(int(self.which[k]))
        return slice(None) if seen is None else seen.outputs

    def meeting(self) -> Array:
        """The entries (indices into `found.entries`) that move outputs in which kinks of opposite sign meet."""
        return self.which[[bool(self.meets[self._outputs(k)].any()) for k in range(len(self.which))]]


def _differs(move: _Move) -> Array:
    """(outputs,) bool: where one-sided derivatives do not add up, as far as can be told."""
    total, kinks, _ = move.alone
    room = move.seen.bound + total.bound
    unclear = (room > SHARP * kinks) & (kinks > 0)
    differs: Array = ((np.abs(move.seen.value - total.value) > room) | unclear).any(axis=0)
    return differs


def _remark(count: int, analytic: float, low: float, high: float) -> str:
    return (
        f"along {count} entries that sit on kinks, moved together, the gradient gives {analytic:.10g},"
        f" the one-sided derivatives {low:.10g} .. {high:.10g}"
    )


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


def _as_a_piece(claim: Claim, cone: Cone) -> float:
    """How precisely the gradient is that of a piece of the function next to the point; infinite where it is of none.

    It is sought where backward answers the same close by, and the one-sided derivatives have to confirm it there.
    """
    largest, looked_at = np.abs(claim.gradient).max(), 0
    for direction in islice(_directions(cone), POINTS):
        answer = claim.at(cone.at(CLOSE * direction))
        if answer is None or not (np.abs(answer - claim.gradient) <= SAME * largest).all():
            continue
        bounds = [_confirmed(direction, claim, cone)]
        while np.isfinite(bounds[-1]) and len(bounds) < DIRECTIONS:
            bounds.append(_confirmed(direction, claim, cone))
        looked_at += 1
        if np.isfinite(bounds[-1]):
            return max(bounds)
        if looked_at == LOOKED_AT:
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
    bound = float(np.abs(weight) @ (there.bound + back.bound)[0, used]) / (2 * step) + ROUNDOFFS * claim.eps * size
    known = bound <= SMALL * (size + float(np.abs(weight) @ np.abs(here.value[:, used]).max(axis=0)))
    return bound if known and abs(float(parts.sum()) - slope) <= bound else np.inf
