"""The proof: both sides of `<c, J v> == <Jᵀ c, v>` in ball arithmetic, for one random direction v (Freivalds 1977).

Forward, run on balls that move along v, gives the left side; backward, run on balls, the right one. If they differ, the
gradient is wrong. If they agree to 25 digits of the terms that are summed, every entry is right: each weight of v is
one of 2^60 numbers, and at most one of them hides a wrong entry.

If they agree less well, the constants of the two functions may be two roundings of one number, and a difference of some
roundoffs is allowed. But a share of the whole sum could hide a small entry among many. So the entries are halved, each
part with a direction of its own, until what is allowed is small beside the smallest entry of the part. The more is
allowed, the more often a direction hides a mistake: several must agree. (Entries so small that even 25 digits hide them
are taken apart in the same way.)
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import thread_time
from typing import Any

import numpy as np
from flint import arb, ctx

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.balls.ball import ZERO, Undecidable, precision
from scratchcnn.gradcheck.proof.outcome import AGREED_DIGITS, Proof, Proven, Rounding
from scratchcnn.gradcheck.proof.runs import WEIGHT_BITS, Moved, Runs
from scratchcnn.gradcheck.proof.world.run import NotRun
from scratchcnn.gradcheck.verdict import small_in

# In bits: the precision of the first attempt. A comparison that is undecidable is tried again with twice as many.
FIRST_BITS = 256
# In bits: the precision of the last attempt.
MOST_BITS = 2048
# In roundoffs: how much constants may differ.
CONSTANT_ROUNDOFFS = 64
# The probability that all directions together hide a mistake that matters.
HIDDEN_CHANCE = 1e-9
# As a share of a mistake that matters: how much is allowed for rounded constants, at most.
MOST_ALLOWED = 1 / 16
# How many single entries are left open, where a mistake is not proved, before the others are left open together.
MOST_OPEN = 64
# In numbers: of how many the balls alone take more than a second, before anything is computed.
NUMBERS_A_SECOND = 100_000
# Why a mistake is not proved along a direction.
STILL = "forward gives constants here, as where it chooses between them"
# The same.
ROUNDS = "forward rounds to whole numbers, and is constant in between"
# The same.
TIED = "values are equal, and it matters which is taken for the larger"


@dataclass(frozen=True)
class Sums:
    """Both sides along a direction, forward's and backward's, and the sum of the sizes of a side's terms.

    `open` says why a difference along it proves no mistake; it is empty if it does.
    """

    forward: arb
    backward: arb
    size: arb
    open: str = ""

    @property
    def difference(self) -> arb:
        """Zero where the gradient is right."""
        return self.forward - self.backward

    @property
    def share(self) -> float:
        """How far apart the sides are at most, as a share of the size of their terms."""
        if self.difference.is_zero():
            return 0.0
        return float((self.difference.abs_upper() / self.size).abs_upper()) if self.size > 0 else float("inf")

    @property
    def surely(self) -> float:
        """How far apart they are at least, as the same share."""
        return float((self.difference.abs_lower() / self.size).abs_lower()) if self.size > 0 else 0.0


def prove(
    forward: Callable[..., Any],
    backward: Callable[..., Sequence[Any]],
    point: Point,
    wrt: Sequence[int],
    rng: np.random.Generator,
    seconds: float,
    *,
    asked: Sequence[int] | None = None,
    locate: bool = True,
    rounding: Rounding = Rounding.CONSTANT,
) -> Proof:
    """Proves the gradients of some inputs right or wrong, as far as that is possible in the time.

    Parameters
    ----------
    forward, backward
        The caller's functions.
    point
        Where, in the caller's dtypes.
    wrt
        Which inputs.
    rng
        Draws the directions.
    seconds
        How long it may take, of this thread's time: a busy machine changes no verdict.
    asked
        For which inputs backward may answer alone; default: `wrt`.
    locate
        Whether wrong entries are sought.
    rounding
        What forward's moving numbers become where it rounds them.
    """
    until = thread_time() + seconds
    bits = FIRST_BITS
    if not wrt:
        return Proof({}, reason="there is nothing to prove")
    if sum(a.size for a in point.inputs if a.dtype.kind == "f") > NUMBERS_A_SECOND * seconds:
        return Proof({}, reason="takes too long")
    while True:
        try:
            with precision(bits):
                runs = Runs((forward, backward), point, wrt, asked or wrt, rng, until, rounding)
                return _Prover(runs).proof(locate=locate)
        except Undecidable as error:
            if bits >= MOST_BITS:
                return Proof({}, reason=f"it needs more than {bits} bits: {error}")
            bits *= 2
        except NotRun as error:
            return Proof({}, reason=str(error))


class _Prover:
    """A proof in the making."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.eps, self.parts, self.weights = runs.eps, runs.parts, runs.weights
        self.small = small_in(self.eps)
        self.allowed = min(CONSTANT_ROUNDOFFS * self.eps, MOST_ALLOWED * self.small)
        self.directions = math.ceil(math.log(HIDDEN_CHANCE) / math.log(self.allowed / self.small))
        self.gradient: list[arb] = []
        self.owner = np.concatenate([np.full(part.size, k) for k, part in self.parts.items()])
        # Whether forward gives constants.
        self.still = False

    def proof(self, *, locate: bool) -> Proof:
        """The whole proof."""
        everything = np.arange(sum(p.size for p in self.parts.values()))
        direction = self.runs.drawn(everything)
        moved = self.runs.moved(direction)
        self.gradient = self.runs.backward()
        values = np.array([float(g.mid()) for g in self.gradient])
        proven = {k: _open(values[p]) for k, p in self.parts.items()}
        found = Proof(proven, np.array([float(v.mid()) for v in moved.outputs]), rounds=moved.rounded)
        if any(not v.is_finite() and not v.is_exact() and not v.is_nan() for v in moved.outputs):
            raise Undecidable("forward's output is too wide")
        if not all(v.is_finite() for v in moved.outputs):
            found.reason = "forward is not finite"
            return found
        entries = everything[[g.is_finite() for g in self.gradient]]
        if moved.met and entries.size == everything.size:
            found.ties = self._wrong_at_ties()
        if moved.kinks or not moved.finite or entries.size < everything.size:
            entries = self._without_kinks(entries)
            if not entries.size:
                found.reason = "kinks, or ends of its domain, at all entries"
                return found
            direction = self.runs.drawn(entries)
            moved = self.runs.along(direction)
            if moved.met or not moved.finite:
                found.reason = "kinks of several entries meet"
                return found
        self.still = moved.still
        self._judge(found, entries, self._sums(entries, direction, moved), locate=locate)
        return found

    @cached_property
    def largest(self) -> dict[int, arb]:
        """The size of the largest finite entry of each input's gradient."""
        finite = [abs(g.mid()) if g.is_finite() else ZERO for g in self.gradient]
        return {k: max((finite[int(e)] for e in part), default=ZERO) for k, part in self.parts.items()}

    # Kinks.

    def _wrong_at_ties(self) -> tuple[float, float] | None:
        """Both sides along a direction in which equal entries move alike and zeros stay; None if they agree.

        If no tie is broken along it, all smooth pieces that meet at the point have the same slope, and so has every
        gradient that belongs to one of them, or is a mixture.
        """
        direction = self.runs.drawn_alike()
        moved = self.runs.along(direction)
        if moved.met or moved.rounded or not moved.finite or not direction:
            return None
        sums = self._sums(direction, direction, moved)
        return None if sums.surely <= self.small else _both(sums)

    def _without_kinks(self, entries: Array) -> Array:
        """The entries along which no kink, and no end of a domain, is met: found by bisection."""
        met: list[int] = []
        blocks = [entries]
        while blocks:
            block = blocks.pop()
            moved = self.runs.along(self.runs.drawn(block))
            if not moved.met and moved.finite:
                continue
            if block.size > 1:
                blocks += np.array_split(block, 2)
            else:
                met.append(int(block[0]))
        return np.setdiff1d(entries, met)

    # Comparison.

    def _sums(self, entries: Iterable[int], direction: dict[int, int], moved: Moved) -> Sums:
        left = [c * s for c, s in zip(self.weights, moved.slopes, strict=True)]
        right = [self.gradient[e] * direction[e] for e in map(int, entries)]
        size = (sum(map(abs, left), ZERO) + sum(map(abs, right), ZERO)) / 2
        why = STILL if self.still else ROUNDS if moved.rounded else TIED if moved.met else ""
        return Sums(sum(left, ZERO), sum(right, ZERO), size, why)

    def _along(self, entries: Array) -> Sums:
        direction = self.runs.drawn(entries)
        return self._sums(entries, direction, self.runs.along(direction))

    def _judge(self, found: Proof, entries: Array, sums: Sums, *, locate: bool) -> None:
        """Judges each entry as right or wrong, as far as there is time."""
        waiting, open_ones = [(entries, sums)], 0
        try:
            while waiting:
                block, sums = waiting.pop()
                inputs = self._inputs_of(block)
                agrees = sums.share <= 10.0**-AGREED_DIGITS or self._nothing(sums)
                constants = None if agrees else self._by_constants(block, sums)
                if agrees and block.size > 1 and self._could_hide(block, sums):
                    split = True
                elif agrees or constants:
                    self._mark(found, block, constants or sums)
                    split = False
                elif sums.open:
                    found.reason = sums.open
                    open_ones += block.size == 1
                    split = block.size > 1 and not self.still and open_ones < MOST_OPEN
                elif sums.difference.contains(0):
                    raise Undecidable("the two sides of the comparison")
                elif block.size == 1:
                    self._accuse(found, int(block[0]))
                    split = False
                else:
                    split = locate or len(inputs) > 1 or sums.surely <= self.allowed
                    if not split:
                        self._refute(found.inputs[inputs[0]], self._places(inputs[0], block), sums)
                if split:
                    waiting += [(part, self._along(part)) for part in self._parts(block)]
        except NotRun as error:
            found.reason = str(error)

    def _inputs_of(self, block: Array) -> list[int]:
        return sorted(set(self.owner[block].tolist()))

    def _parts(self, block: Array) -> list[Array]:
        """The block in parts: what is zero and what is not, else by its inputs, else in halves."""
        sizes = [self._size(e) for e in block]
        nothing = max(sizes) * arb(2) ** (-ctx.prec // 2)
        zero = np.array([bool(s <= nothing) for s in sizes])
        if zero.any() and not zero.all():
            return [block[zero], block[~zero]]
        inputs = self._inputs_of(block)
        return [block[self.owner[block] == k] for k in inputs] if len(inputs) > 1 else self._by_size(block)

    def _by_size(self, block: Array) -> list[Array]:
        """Two halves, the smaller entries and the larger ones: beside these the small ones could hide."""
        return np.array_split(np.array(sorted(block.tolist(), key=self._size)), 2)

    def _places(self, index: int, block: Array) -> Array:
        """The indices within one input of its entries in the block."""
        mine: Array = block[self.owner[block] == index] - int(self.parts[index][0])
        return mine

    def _nothing(self, sums: Sums) -> bool:
        """Whether both sides are zero as far as balls can tell, that is to half of their bits."""
        least = arb(2) ** (WEIGHT_BITS - ctx.prec // 2) * sum(map(abs, self.weights), ZERO)
        return bool(sums.difference.contains(0) and sums.size < least)

    def _by_constants(self, block: Array, sums: Sums) -> Sums | None:
        """The worst of several directions, if rounded constants explain the difference along each; else None."""
        allowed = self._allowed(block, sums)
        if allowed is None or not sums.difference.abs_upper() <= allowed:
            return None
        for _ in range(self.directions - 1 if block.size > 1 else 0):
            sums = max(sums, self._along(block), key=lambda each: each.share)
            if not sums.difference.abs_upper() <= allowed:
                return None
        # The digits are those of the terms, even if these cancel.
        largest = max((self.largest[k] for k in self._inputs_of(block)), default=ZERO)
        return replace(sums, size=sums.size.max(2 ** (WEIGHT_BITS - 1) * largest))

    def _allowed(self, block: Array, sums: Sums) -> arb | None:
        """How far apart rounded constants may move the sides; None if so much could hide a small entry.

        It is some roundoffs of the terms, or of the largest entries of the inputs, since an entry may be a difference
        of terms of that size. But it must not matter to the smallest entry.
        """
        own = self.allowed * sums.size
        entries = sum((int((self.owner[block] == k).sum()) * self.largest[k] for k in self._inputs_of(block)), ZERO)
        cancelled: arb = self.allowed * 2**WEIGHT_BITS * entries
        if block.size == 1:
            return own.max(cancelled.min(self.small * sums.size))
        if self._beside(block, cancelled / MOST_ALLOWED, min):
            return cancelled
        return own if self._beside(block, own, min) else None

    def _could_hide(self, block: Array, sums: Sums) -> bool:
        """Whether the difference of both sides is large enough to be a mistake that matters to the smallest entry."""
        if sums.difference.is_zero() or self._nothing(sums):
            return False
        return not self._beside(block, sums.difference.abs_upper() / HIDDEN_CHANCE, min)

    def _beside(self, block: Array, amount: arb, which: Callable[[Iterable[arb]], arb]) -> bool:
        """Whether an amount, along a direction, is small beside the largest or smallest entry of each input."""
        for k in self._inputs_of(block):
            entry = which(map(self._size, block[self.owner[block] == k]))
            if not amount <= self.small * 2**WEIGHT_BITS * entry:
                return False
        return True

    def _size(self, entry: int) -> arb:
        return abs(self.gradient[int(entry)].mid())

    def _mark(self, found: Proof, block: Array, sums: Sums) -> None:
        digits = -np.log10(sums.share) if sums.share > 0 and not self._nothing(sums) else np.inf
        for index in self._inputs_of(block):
            proven = found.inputs[index]
            places = self._places(index, block)
            proven.right[places] = True
            proven.bound[places] = 2.0 ** (1 - WEIGHT_BITS) * float(sums.difference.abs_upper())
            proven.digits = min(proven.digits, float(digits))

    def _refute(self, proven: Proven, places: Array, sums: Sums) -> None:
        proven.wrong[places] = True
        proven.along, proven.share = _both(sums), sums.surely

    def _accuse(self, found: Proof, entry: int) -> None:
        (index,) = self._inputs_of(np.array([entry]))
        place = entry - int(self.parts[index][0])
        proven = found.inputs[index]
        proven.wrong[place] = True
        alone = {entry: 1}
        proven.exact[place] = float(self._sums(alone, alone, self.runs.along(alone)).forward.mid())


def _open(value: Array) -> Proven:
    """Nothing is proved yet."""
    return Proven(value, np.zeros(value.size, bool), np.zeros(value.size, bool), np.zeros(value.size))


def _both(sums: Sums) -> tuple[float, float]:
    """Both sides as floats, backward's and forward's, for weights of size one."""
    backward, forward = (2.0**-WEIGHT_BITS * float(side.mid()) for side in (sums.backward, sums.forward))
    return backward, forward
