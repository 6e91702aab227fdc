"""Kinks that meet: entries at kinks are moved together, since a single entry cannot show them.

Near the point a function with kinks is a cone, which is seen by its one-sided derivatives along directions. Three rules
decide.

1. Where kinks of opposite sign meet, no gradient is called wrong. The interval between the one-sided derivatives holds
   every slope nearby only if all kinks turn the same way.
2. Suppose the one-sided derivatives of entries add up, output by output, when they move together. Then their kinks are
   in variables of their own, and each entry is judged alone. If they do not add up, the gradient must also lie within
   the interval along joint directions: two tied maxima that both get the whole gradient are within the interval of
   each.
3. Where kinks of opposite sign meet, a gradient is right if it is that of a smooth piece of the function beside the
   point: backward answers the same at a point close by, and the one-sided derivatives confirm it there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.numerical.gradient import Derivatives
from scratchcnn.gradcheck.numerical.kinks import Sides
from scratchcnn.gradcheck.pieces import Claim, as_a_piece
from scratchcnn.gradcheck.verdict import SUM_ROUNDOFFS

# The reason of entries at which kinks of opposite sign meet.
MEETING_KINKS = "kink"
# The reason of entries that there was no time for.
NO_TIME = "time"
# How many accused entries are looked at, the worst first. One accusation that stands is enough.
MOST_ACCUSED = 8
# How many binary digits of the entries' numbers give joint directions their signs: one direction for each digit.
SIGN_DIGITS = 8
# How many joint directions of uneven sizes follow.
UNEVEN_DIRECTIONS = 2
# How many joint directions are looked at more closely, where a gradient looks wrong.
SCANNED_DIRECTIONS = 3
# How many groups of coupled entries are looked for.
MOST_COUPLED_GROUPS = 8
# How many entries are tried as members of each.
MOST_MEMBERS = 64
# As a share of the kinks in it: how precisely a sum of one-sided derivatives must be known to be compared.
SHARP_SHARE = 1e-3
# A ratio: an accusation is cleared if it is larger than the error of the smooth piece by this factor.
ACCUSATION_FACTOR = 4.0


@dataclass(frozen=True)
class JointJudgement:
    """The judgement of some entries, each (entries,), and what is wrong where they move together; empty if nothing is.

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
    """Judges entries at kinks once more, moved together.

    Parameters
    ----------
    found
        The derivatives by each entry.
    alone
        The judgement of each by itself.
    claim
        What backward says.
    cone_of
        Makes the cone; it is called only where it is needed.
    """
    unstable = ~alone.right & ~alone.wrong & (alone.reason == "unstable")
    asked = np.flatnonzero(alone.wrong | unstable)
    if found.stepped.any() or not np.isfinite(claim.gradient[found.entries[asked]]).all():
        return alone
    kinks = np.array([k for k in sorted(found.turns) if found.status[k] == "kink" and alone.right[k]], np.intp)
    if asked.size:
        return _asked_again(_Known(found, alone, claim, cone_of()), asked, kinks)
    every_one = len(found.entries) == len(claim.gradient) and bool(alone.right.all())
    if len(kinks) < 2 and not every_one:
        return alone
    known = _Known(found, alone, claim, cone_of())
    joint = _kinks_moved(known, kinks)
    if joint is not None or not every_one:
        return joint or alone
    return _all_moved(known)


@dataclass(frozen=True)
class _Known:
    """What is known of the entries: their derivatives, the judgement of each by itself, the claim, and the cone."""

    found: Derivatives
    alone: JointJudgement
    claim: Claim
    cone: Cone


def _asked_again(known: _Known, asked: Array, kinks: Array) -> JointJudgement:
    """Judges once more the entries that look wrong, or at which backward is unstable."""
    found, alone, claim, cone = known.found, known.alone, known.claim, known.cone
    excess = (np.abs(claim.gradient[found.entries] - found.value) - found.bound) * cone.own_unit[found.entries]
    if cone.is_flat(float(excess[asked].max())):
        return alone
    # If the gradient is that of a smooth piece, it is right, up to the error to which the piece is known.
    cleared = asked[excess[asked] > ACCUSATION_FACTOR * as_a_piece(claim, cone)]
    accused = np.setdiff1d(np.flatnonzero(alone.wrong), cleared)
    alone = _right(alone, claim.gradient[found.entries], cleared)
    worst = accused[np.argsort(-excess[accused], kind="stable")]
    for count, k in enumerate(worst[:MOST_ACCUSED]):
        meets = cone.meeting(cone.only(found.entries[[k]], 1.0), excess[k])
        if meets is not None and not meets.any():
            return _undecided(alone, worst[:count], cone)
    if not accused.size:
        return alone
    together = _Together(known, np.union1d(kinks, accused))
    return _undecided(alone, accused, cone, together.wrong_along(together.patterns))


def _kinks_moved(known: _Known, kinks: Array) -> JointJudgement | None:
    """Judges entries at kinks, each right by itself, as they move together; None where there is nothing to add."""
    together = _Together(known, kinks)
    if len(kinks) < 2 or together.adds_up():
        return None
    remark = together.wrong_along(together.patterns)
    if not remark and np.isfinite(as_a_piece(known.claim, known.cone)):
        return known.alone
    for moves in together.groups():
        remark = remark or together.wrong_along(moves)
    if remark:
        return replace(known.alone, remark=remark)
    meeting = together.meeting()
    return _undecided(known.alone, meeting, known.cone) if meeting.size else None


def _all_moved(known: _Known) -> JointJudgement:
    """Judges all entries, each right by itself, as they move together: ties may hide a slope from every single entry.

    The median of three equal numbers moves with none of them alone.
    """
    found, alone, cone = known.found, known.alone, known.cone
    shares = cone.drawn()[cone.part[cone.index]][found.entries]
    step = shares * cone.own_unit[found.entries]
    seen, used = cone.nearly(cone.only(found.entries, shares)), cone.cotangent != 0
    along, blur = seen.value[:, used] @ cone.cotangent[used], seen.bound[:, used] @ np.abs(cone.cotangent[used])
    if (np.abs(along - alone.value @ step) <= blur + alone.bound @ np.abs(step)).all():
        return alone
    together = _Together(known, np.arange(len(found.entries)))
    remark = together.wrong_along([together.move(np.ones(len(shares))), together.move(shares)])
    if remark:
        return replace(alone, remark=remark)
    meeting = together.meeting()
    is_piece = bool(meeting.size) and np.isfinite(as_a_piece(known.claim, cone))
    return alone if not meeting.size or is_piece else _undecided(alone, meeting, cone)


def _undecided(alone: JointJudgement, which: Array, cone: Cone, remark: str = "") -> JointJudgement:
    """The judgement with some entries undecided."""
    right, wrong, reason = alone.right.copy(), alone.wrong.copy(), alone.reason.copy()
    right[which], wrong[which], reason[which] = False, False, NO_TIME if cone.exhausted else MEETING_KINKS
    return replace(alone, right=right, wrong=wrong, reason=reason, remark=remark)


def _right(alone: JointJudgement, gradient: Array, which: Array) -> JointJudgement:
    """The judgement with some entries right. Their bounds widen to hold the gradient, that of a piece nearby."""
    value, bound, right = alone.value.copy(), alone.bound.copy(), alone.right.copy()
    low, high = np.minimum(value - bound, gradient), np.maximum(value + bound, gradient)
    value[which], bound[which], right[which] = ((low + high) / 2)[which], ((high - low) / 2)[which], True
    return replace(alone, value=value, bound=bound, right=right, wrong=alone.wrong & ~right)


def _signs(count: int) -> Iterator[Array]:
    """(entries,) the signs of joint directions: any two entries move the same way in one, and opposite in another."""
    number = np.arange(count)
    yield np.ones(count)
    for digit in range(min((count - 1).bit_length(), SIGN_DIGITS)):
        yield 1.0 - 2 * (number >> digit & 1)


def _patterns(count: int, rng: np.random.Generator) -> Iterator[Array]:
    """(entries,) the shares of entries in joint directions; along uneven ones two kinks do not cancel."""
    yield from _signs(count)
    for _ in range(UNEVEN_DIRECTIONS):
        yield rng.choice([-1.0, 1.0], count) * rng.choice([0.25, 0.5, 1.0], count)


@dataclass(frozen=True)
class _Move:
    """A joint direction: the share of each entry, and the one-sided derivatives along it."""

    shares: Array
    seen: Sides


class _Together:
    """Entries that move together.

    Parameters
    ----------
    known
        What is known of all entries.
    which
        Those that move: indices into `found.entries`.
    """

    def __init__(self, known: _Known, which: Array) -> None:
        self.found, self.claim, self.cone = found, claim, cone = known.found, known.claim, known.cone
        self.which, self.entries = which, found.entries[which]
        self.unit = cone.own_unit[self.entries]
        # At a kink the tolerance is the interval itself, which the direction shows.
        self.tolerance = np.where(found.status[which] == "kink", 0, known.alone.bound[which])
        self.gradient = claim.gradient[self.entries]  # by the coupled outputs
        self.coupled = cone.cotangent != 0  # (outputs,) where the one-sided derivatives may not add up
        self.meets = np.zeros(self.coupled.shape, bool)  # where kinks of opposite sign were seen to meet

    @cached_property
    def patterns(self) -> list[_Move]:
        """What is seen along directions that move all of them."""
        return [self.move(shares) for shares in _patterns(len(self.which), self.cone.rng)]

    def adds_up(self) -> bool:
        """Whether the entries have kinks in variables of their own: then their one-sided derivatives add up.

        Otherwise the outputs where they do not add up are coupled. From then on only these count, and backward is asked
        for the gradient by them.
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
        """The one-sided derivatives where each entry moves by a share of its unit."""
        return _Move(shares, self.cone.along(self.cone.only(self.entries, shares)))

    def _differs(self, move: _Move) -> Array:
        """(outputs,) bool: where the one-sided derivatives of entries do not add up, or are not known well enough."""
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
        """(outputs,) bool: which show kinks of both signs, or none, along entries and directions."""
        turns = [move.seen.turn for move in self.patterns]
        rises, falls = (np.any([side * turn > 0 for turn in turns], axis=0) for side in (1, -1))
        for k in self.which:
            seen = self.found.turns[int(k)]
            rises[seen.outputs] |= seen.sides.turn > 0
            falls[seen.outputs] |= seen.sides.turn < 0
        both: Array = rises == falls
        return both

    def _told(self, move: _Move) -> tuple[float, float, float]:
        """The gradient's value along a direction, and the lower and upper end of the derivative there."""
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

        The first direction comes first, then those along which the gradient is farthest outside the interval.
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
        """Joint directions of coupled entries alone: moved with others, they might hide what is wrong with them."""
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
        """Whether the one-sided derivatives of two entries fail to add up, as cheap differences tell."""
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
