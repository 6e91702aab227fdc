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
from functools import cached_property

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.numerical.gradient import Derivatives
from scratchcnn.gradcheck.numerical.kinks import Sides
from scratchcnn.gradcheck.pieces import SUM_ROUNDOFFS, Claim, as_a_piece

# The reason of entries at which kinks of opposite sign meet, and of those that there was no time for.
MEETING_KINKS, NO_TIME = "kink", "time"
# Accused entries that are looked at, the worst first: one of them that stands is enough.
MOST_ACCUSED = 8
# Digits of the entries' numbers that give joint directions their signs, and how many directions of uneven sizes follow.
SIGN_DIGITS, UNEVEN_DIRECTIONS = 8, 2
# Joint directions along which a gradient that looks wrong is looked at more closely.
SCANNED_DIRECTIONS = 3
# So many groups of entries that are coupled with one another are sought, and so many members of each.
MOST_COUPLED_GROUPS, MOST_MEMBERS = 8, 64
# Sums of one-sided derivatives are compared where they are known to this share of the kinks in them.
SHARP_SHARE = 1e-3
# By how much an accusation must exceed what a piece is known to.
ACCUSATION_FACTOR = 4.0


@dataclass(frozen=True)
class JointJudgement:
    """The judgement of some entries (entries,), and what is wrong where they move together; nothing if that is empty.

    The derivative of each lies within `value ± bound`.
    """

    value: Array
    bound: Array
    right: Array
    wrong: Array
    reason: Array
    remark: str = ""


def judge_together(
    found: Derivatives, alone: JointJudgement, claim: Claim, cone_of: Callable[[], Cone]
) -> JointJudgement:
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
    asked = np.union1d(accused, unstable)
    if found.stepped.any() or not np.isfinite(claim.gradient[found.entries[asked]]).all():
        return alone
    kinks = np.array([k for k in sorted(found.turns) if found.status[k] == "kink" and alone.right[k]], np.intp)
    if asked.size:
        return _asked_again(found, alone, accused, asked, kinks, claim, cone_of())
    every_one = len(found.entries) == len(claim.gradient) and bool(alone.right.all())
    if len(kinks) < 2 and not every_one:
        return alone
    cone = cone_of()
    joint = _kinks_moved(found, alone, kinks, claim, cone)
    if joint is not None or not every_one:
        return joint or alone
    return _all_moved(found, alone, claim, cone)


def _asked_again(
    found: Derivatives, alone: JointJudgement, accused: Array, asked: Array, kinks: Array, claim: Claim, cone: Cone
) -> JointJudgement:
    """Judges entries that look wrong, or that backward is unstable at, once more."""
    excess = (np.abs(claim.gradient[found.entries] - found.value) - found.bound) * cone.own_unit[found.entries]
    if cone.is_flat(float(excess[asked].max())):
        return alone
    # A piece clears those that it would show to be wrong.
    cleared = asked[excess[asked] > ACCUSATION_FACTOR * as_a_piece(claim, cone)]
    alone = _right(alone, claim.gradient[found.entries], cleared)
    accused = np.setdiff1d(accused, cleared)
    worst = accused[np.argsort(-excess[accused], kind="stable")]
    for count, k in enumerate(worst[:MOST_ACCUSED]):
        meets = cone.meeting(cone.only(found.entries[[k]], 1.0), excess[k])
        if meets is not None and not meets.any():
            return _undecided(alone, worst[:count], cone)
    if not accused.size:
        return alone
    together = _Together(found, np.union1d(kinks, accused), alone.bound, claim, cone)
    return _undecided(alone, accused, cone, together.wrong_along(together.patterns))


def _kinks_moved(
    found: Derivatives, alone: JointJudgement, kinks: Array, claim: Claim, cone: Cone
) -> JointJudgement | None:
    """Judges entries at kinks that are right by themselves as they move together; None where nothing is left to say."""
    together = _Together(found, kinks, alone.bound, claim, cone)
    if len(kinks) < 2 or together.adds_up():
        return None
    remark = together.wrong_along(together.patterns)
    if not remark and np.isfinite(as_a_piece(claim, cone)):
        return alone
    for moves in together.groups():
        remark = remark or together.wrong_along(moves)
    if remark:
        return replace(alone, remark=remark)
    meeting = together.meeting()
    return _undecided(alone, meeting, cone) if meeting.size else None


def _all_moved(found: Derivatives, alone: JointJudgement, claim: Claim, cone: Cone) -> JointJudgement:
    """Judges all entries, right by themselves, as they move together: ties may hide a slope from each of them.

    The median of three equal numbers moves with none of them alone.
    """
    shares = cone.drawn()[cone.part[cone.index]][found.entries]
    step = shares * cone.own_unit[found.entries]
    seen, used = cone.nearly(cone.only(found.entries, shares)), cone.cotangent != 0
    along, blur = seen.value[:, used] @ cone.cotangent[used], seen.bound[:, used] @ np.abs(cone.cotangent[used])
    if (np.abs(along - alone.value @ step) <= blur + alone.bound @ np.abs(step)).all():
        return alone
    together = _Together(found, np.arange(len(found.entries)), alone.bound, claim, cone)
    remark = together.wrong_along([together.move(np.ones(len(shares))), together.move(shares)])
    if remark:
        return replace(alone, remark=remark)
    meeting = together.meeting()
    return alone if not meeting.size or np.isfinite(as_a_piece(claim, cone)) else _undecided(alone, meeting, cone)


def _undecided(alone: JointJudgement, which: Array, cone: Cone, remark: str = "") -> JointJudgement:
    right, wrong, reason = alone.right.copy(), alone.wrong.copy(), alone.reason.copy()
    right[which], wrong[which], reason[which] = False, False, NO_TIME if cone.exhausted else MEETING_KINKS
    return replace(alone, right=right, wrong=wrong, reason=reason, remark=remark)


def _right(alone: JointJudgement, gradient: Array, which: Array) -> JointJudgement:
    """Some entries are those of a piece around: their derivative lies between that and the one-sided ones."""
    value, bound, right = alone.value.copy(), alone.bound.copy(), alone.right.copy()
    low, high = np.minimum(value - bound, gradient), np.maximum(value + bound, gradient)
    value[which], bound[which], right[which] = ((low + high) / 2)[which], ((high - low) / 2)[which], True
    return replace(alone, value=value, bound=bound, right=right, wrong=alone.wrong & ~right)


def _signs(count: int) -> Iterator[Array]:
    """(entries,) the signs of so many entries in joint directions: any two move the same way, and opposite ways."""
    number = np.arange(count)
    yield np.ones(count)
    for digit in range(min((count - 1).bit_length(), SIGN_DIGITS)):
        yield 1.0 - 2 * (number >> digit & 1)


def _patterns(count: int, rng: np.random.Generator) -> Iterator[Array]:
    """(entries,) the shares of so many entries in joint directions; along the uneven ones no two kinks cancel."""
    yield from _signs(count)
    for _ in range(UNEVEN_DIRECTIONS):
        yield rng.choice([-1.0, 1.0], count) * rng.choice([0.25, 0.5, 1.0], count)


@dataclass(frozen=True)
class _Move:
    """A joint direction: the share of each entry, and the one-sided derivatives that are seen along it."""

    shares: Array
    seen: Sides


class _Together:
    """Entries that move together.

    Parameters
    ----------
    found, claim, cone
        As in `judge_together`.
    which
        The entries: indices into `found.entries`.
    tolerance
        (entries,) how far the gradient may be off at each by itself.
    """

    def __init__(self, found: Derivatives, which: Array, tolerance: Array, claim: Claim, cone: Cone) -> None:
        self.found, self.which, self.claim, self.cone = found, which, claim, cone
        self.entries = found.entries[which]
        self.unit = cone.own_unit[self.entries]
        self.tolerance = np.where(found.status[which] == "kink", 0, tolerance[which])  # that is the interval of a kink
        self.gradient = claim.gradient[self.entries]  # of the coupled outputs
        self.coupled = cone.cotangent != 0  # (outputs,) where the one-sided derivatives may not add up
        self.meets = np.zeros(self.coupled.shape, bool)  # where kinks of opposite sign were seen to meet

    @cached_property
    def patterns(self) -> list[_Move]:
        """What is seen along directions that move all of them."""
        return [self.move(shares) for shares in _patterns(len(self.which), self.cone.rng)]

    def adds_up(self) -> bool:
        """Whether entries that each sit on a kink, and are right there, have kinks in variables of their own.

        From then on nothing but the outputs where they are coupled counts, and backward is asked for its part in these.
        """
        differs = [self._differs(move) for move in self.patterns]
        coupled: Array = self.coupled & np.any(differs, axis=0)
        if coupled.any() and (coupled != self.coupled).any():
            part = self.claim.at(self.cone.arrays, coupled)
            self.gradient = np.full(len(self.which), np.nan) if part is None else part[self.entries]
        self.coupled = coupled
        self.meets = coupled & self._of_both_signs()
        return not coupled.any()

    def move(self, shares: Array) -> _Move:
        """What is seen where each entry moves by a share of its unit."""
        return _Move(shares, self.cone.along(self.cone.only(self.entries, shares)))

    def _differs(self, move: _Move) -> Array:
        """(outputs,) bool: where the one-sided derivatives of entries do not add up, as far as can be told."""
        value, bound = np.zeros((2, 2, self.cone.probe.outputs))
        kinks = np.zeros(self.cone.probe.outputs)
        for k in np.flatnonzero(move.shares):
            seen = self.found.turns[int(self.which[k])]
            one = seen.sides.times(float(move.shares[k] * self.unit[k]))
            value[:, seen.outputs] += one.value
            bound[:, seen.outputs] += one.bound
            kinks[seen.outputs] += np.abs(one.turn)
        rest = move.seen - Sides(value, bound)
        unclear = (rest.bound > SHARP_SHARE * kinks) & (kinks > 0)
        return np.asarray(((np.abs(rest.value) > rest.bound) | unclear).any(axis=0))

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

    def _told(self, move: _Move) -> tuple[float, float, float]:
        """What the gradient says of a direction, and between what its derivative lies."""
        parts, coupled = self.gradient * move.shares * self.unit, self.coupled
        room = SUM_ROUNDOFFS * self.claim.eps * np.abs(parts).sum() + np.abs(move.shares * self.unit) @ self.tolerance
        low, high = move.seen.of(coupled).interval(self.cone.cotangent[coupled])
        return float(parts.sum()), float(low.sum() - room), float(high.sum() + room)

    def _outside(self, move: _Move) -> float:
        """How far the gradient lies outside of the interval; negative inside."""
        analytic, low, high = self._told(move)
        return max(low - analytic, analytic - high)

    def wrong_along(self, moves: Sequence[_Move]) -> str:
        """What is wrong along directions; empty where nothing is, or kinks of opposite sign meet along them.

        The first is looked at first, then those where the gradient is farthest outside.
        """
        outside = np.array([self._outside(move) for move in moves])
        farthest = np.append(0, 1 + np.argsort(-outside[1:], kind="stable"))
        for k in farthest[outside[farthest] > 0][:SCANNED_DIRECTIONS]:
            meets = self.cone.meeting(self.cone.only(self.entries, moves[k].shares), float(outside[k]))
            if meets is None:
                self.meets |= self.coupled
            elif (meets & self.coupled).any():
                self.meets |= meets & self.coupled
            else:
                return self._remark(moves[k])
        return ""

    def _remark(self, move: _Move) -> str:
        longest = float(np.abs(move.shares * self.unit).max())
        analytic, low, high = (number / longest for number in self._told(move))
        return (
            f"along {np.count_nonzero(move.shares)} entries, moved together, the gradient gives {analytic:.10g},"
            f" the one-sided derivatives {low:.10g} .. {high:.10g}"
        )

    def groups(self) -> Iterator[list[_Move]]:
        """Moves of entries that are coupled with one another: beside others, these hide what is wrong with them."""
        count = len(self.which)
        waiting = [k for k in self.cone.rng.permutation(count) if self.coupled[self._outputs(k)].any()]
        for _ in range(MOST_COUPLED_GROUPS):
            if not waiting:
                break
            first, *others = waiting
            group = np.array([first, *(k for k in others[:MOST_MEMBERS] if self._are_coupled(first, k))])
            waiting = [k for k in others if k not in group]
            moves = []
            for signs in _signs(len(group)):
                shares = np.zeros(count)
                shares[group] = signs
                moves.append(self.move(shares))
            yield moves

    def _are_coupled(self, first: int, other: int) -> bool:
        """Whether the one-sided derivatives of two entries do not add up, as cheap differences tell."""
        for sign in (1, -1):
            shares = np.zeros(len(self.which))
            shares[[first, other]] = 1, 0.75 * sign
            move = _Move(shares, self.cone.nearly(self.cone.only(self.entries, shares)))
            if (self._differs(move) & self.coupled).any():
                return True
        return False

    def _outputs(self, k: int) -> Array | slice:
        seen = self.found.turns.get(int(self.which[k]))
        return slice(None) if seen is None else seen.outputs

    def meeting(self) -> Array:
        """The entries (indices into `found.entries`) that move outputs in which kinks of opposite sign meet."""
        return self.which[[bool(self.meets[self._outputs(k)].any()) for k in range(len(self.which))]]
