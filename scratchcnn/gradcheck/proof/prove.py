"""The proof: both sides of `<c, J v> == <Jᵀ c, v>` in ball arithmetic, for one random direction v (Freivalds 1977).

Forward, run on balls that move along v, gives the left side; backward, run on balls, the right one. If they differ the
gradient is wrong. If they agree to 25 digits of the terms that are summed, so does every entry: each weight of v is one
of 2^60 numbers, and a wrong entry would be hidden by one of them at most.

Where they do not agree so well, the constants of the two functions may be two roundings of one number. Then as many
roundoffs are allowed, but no longer of the whole sum, which could hide a small entry among many: entries are halved,
each part with a direction of its own, until what is allowed of a part is small beside its largest entry.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np
from flint import arb, ctx

from scratchcnn.gradcheck.numerical.probe import Array
from scratchcnn.gradcheck.proof.arrays import Balls, lift
from scratchcnn.gradcheck.proof.ball import Ball, Undecidable, constant, precision, recording
from scratchcnn.gradcheck.proof.run import NotRun, as_array, output, run
from scratchcnn.gradcheck.proof.world import World
from scratchcnn.gradcheck.verdict import small_in

# Bits of the arithmetic at first, and at most: what cannot be decided is tried with twice as many.
BITS, MOST_BITS = 256, 2048
# Bits of the weights of a direction.
WEIGHT = 60
# Digits to which both sides agree where the formulas are the same; and how many roundoffs their constants may differ by.
DIGITS, CONSTANTS = 25, 64
# So many entries at most are looked at one by one, to show what is wrong with them, or to leave out what has a kink.
SINGLE = 64
# Other directions along which ties are looked at.
TRIED = 4
ROUNDS = "forward rounds to whole numbers, and is constant in between"
TIED = "values are equal, and it matters which is taken for the larger"
ZERO = arb(0)


@dataclass(frozen=True)
class Sums:
    """Both sides along a direction, forward's and backward's, and the sum of the sizes of a side's terms."""

    forward: arb
    backward: arb
    size: arb

    @property
    def difference(self) -> arb:
        """Zero where the gradient is right."""
        return self.forward - self.backward

    @property
    def share(self) -> float:
        """How far apart the sides may be, by the size of what was summed."""
        if self.difference.is_zero():
            return 0.0
        return float((self.difference.abs_upper() / self.size).abs_upper()) if self.size > 0 else float("inf")

    @property
    def surely(self) -> float:
        """How far apart they are at least."""
        return float((self.difference.abs_lower() / self.size).abs_lower()) if self.size > 0 else 0.0


@dataclass
class Proven:
    """What is proved of the gradient of one input, over its entries.

    `value` (entries,) is backward in balls, rounded to float64. `right` and `wrong` (entries,) mark what is proved so;
    what is neither is left to other methods. `exact` has the derivatives of wrong entries by their index. The entries
    that are right agree to `digits`. Where it was not sought which entries are wrong, `along` has both sides along a
    direction that shows it, backward's and forward's, and `share` how far they are apart by the size of their terms.
    """

    value: Array
    right: Array
    wrong: Array
    digits: float = float("inf")
    exact: dict[int, float] = field(default_factory=dict)
    along: tuple[float, float] = (float("nan"), float("nan"))
    share: float = 0.0


@dataclass
class Proof:
    """What is proved at a point: of each input, by its index; nothing, and why, where the functions do not run on balls.

    `outputs` are those of forward, rounded to float64.
    """

    inputs: dict[int, Proven]
    outputs: Array | None = None
    reason: str = ""


def prove(
    forward: Callable[..., Any],
    backward: Callable[..., Sequence[Any]],
    inputs: Sequence[Array],
    wrt: Sequence[int],
    cotangent: Array,
    rng: np.random.Generator,
    seconds: float,
    *,
    asked: Sequence[int] | None = None,
    locate: bool = True,
) -> Proof:
    """Proves the gradients of some inputs right or wrong, as far as that is possible in so many seconds.

    Parameters
    ----------
    forward, backward
        The caller's functions.
    inputs
        The point, in the caller's dtypes.
    wrt
        Which inputs.
    cotangent
        Of the output's shape.
    rng
        Draws the directions.
    asked
        For which inputs backward may answer alone; default: `wrt`.
    locate
        Whether wrong entries are sought.
    """
    until = perf_counter() + seconds
    bits = BITS
    while True:
        try:
            with precision(bits):
                prover = _Prover(forward, backward, inputs, wrt, asked or wrt, cotangent, rng, until)
                return prover.proof(locate=locate)
        except Undecidable as error:
            if bits >= MOST_BITS:
                return Proof({}, reason=f"a comparison needs more than {bits} bits: {error}")
            bits *= 2
        except NotRun as error:
            return Proof({}, reason=str(error))


class _Prover:
    """The functions in a world of their own, and what was found so far."""

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        inputs: Sequence[Array],
        wrt: Sequence[int],
        asked: Sequence[int],
        cotangent: Array,
        rng: np.random.Generator,
        until: float,
    ) -> None:
        self.forward, self.backward, self.wrt, self.asked = forward, backward, list(wrt), sorted(asked)
        self.rng, self.until = rng, until
        self.rounds = self.tied = False
        dtypes = [inputs[k].dtype for k in wrt]
        self.eps = max(float(np.finfo(d).eps) for d in dtypes)
        self.allowed = min(CONSTANTS * self.eps, small_in(self.eps))  # no more than may vouch
        self.world = World(max(dtypes, key=lambda d: np.finfo(d).eps))
        self.inputs = [lift(a) if a.dtype.kind == "f" else a for a in inputs]
        self.cotangent = lift(cotangent)
        self.weights = [constant(c).value for c in cotangent.reshape(-1).tolist()]
        ends = np.cumsum([self.inputs[k].size for k in self.wrt])
        # The entries of all inputs in a row.
        self.parts = dict(zip(self.wrt, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))
        self.gradient: list[arb] = []

    def proof(self, *, locate: bool) -> Proof:
        """The whole proof."""
        everything = np.arange(sum(p.size for p in self.parts.values()))
        direction = self._drawn(everything)
        moved = self._moved(direction)
        self.gradient = self._backward()
        values = np.array([float(g.mid()) for g in self.gradient])
        proven = {k: Proven(values[p], *np.zeros((2, p.size), bool)) for k, p in self.parts.items()}
        found = Proof(proven, np.array([float(v.mid()) for v in moved.outputs]))
        if not all(v.is_finite() for v in moved.outputs):
            found.reason = "forward is not finite"
            return found
        entries = everything[[g.is_finite() for g in self.gradient]]
        if moved.kinks or not moved.finite or entries.size < everything.size:
            entries = self._without_kinks(entries)
            if not entries.size:
                found.reason = "kinks, or ends of its domain, at all entries"
                return found
            direction = self._drawn(entries)
            moved = self._run(direction)
            if moved.met or not moved.finite:
                found.reason = "kinks of several entries meet"
                return found
        self.tied = moved.met
        self._judge(found, entries, self._sums(entries, direction, moved.slopes), locate=locate)
        return found

    # Runs.

    def _drawn(self, entries: Array) -> dict[int, int]:
        """A direction: an integer of 60 bits with a sign for each of some entries."""
        low, high = 1 << (WEIGHT - 1), 1 << WEIGHT
        sizes = self.rng.integers(low, high, entries.size).tolist()
        signs = self.rng.choice([-1, 1], entries.size).tolist()
        return {int(e): s * n for e, s, n in zip(entries, signs, sizes, strict=True)}

    def _moved(self, direction: dict[int, int]) -> "_Moved":
        """Outputs and their slopes along a direction."""
        found = self._run(direction)
        if not found.met:
            return found
        # At a tie: as it is a little way to either side, and along other directions and the sums of them with this one.
        others = [self._drawn(np.array(list(direction))) for _ in range(TRIED)]
        left, right = self._run(direction, -1), self._run(direction, 1)
        linear = _agree(found.outputs, left.outputs) and _agree(found.outputs, right.outputs)
        linear = linear and _agree(left.slopes, right.slopes)
        for other in others if linear else ():
            one = self._run(other, 1).slopes
            both = self._run({e: other[e] + direction[e] for e in direction}, 1).slopes
            linear = linear and _agree(both, [a + b for a, b in zip(one, right.slopes, strict=True)])
        return replace(right, kinks=not linear)

    def _run(self, direction: dict[int, int], side: int = 0) -> "_Moved":
        arrays = list(self.inputs)
        for index, part in self.parts.items():
            if any(int(e) in direction for e in part):
                arrays[index] = _moving(self.inputs[index], [direction.get(int(e)) for e in part])
        arrays = _fresh(arrays)  # forward may write into them
        with recording(side) as seen:
            found = output(self.world, self.forward, *arrays, seconds=self._left())
        self.rounds |= seen.rounded > 0
        balls = [constant(b) for b in np.asarray(found).reshape(-1).tolist()]
        if len(balls) != len(self.weights):
            raise NotRun("gives an output of another shape on balls")
        slopes = [ZERO if b.slope is None else b.slope for b in balls]
        return _Moved([b.value for b in balls], slopes, seen.met > 0)

    def _backward(self) -> list[arb]:
        given = run(self.world, self.backward, self.cotangent.copy(), *_fresh(self.inputs), seconds=self._left())
        given = list(given) if isinstance(given, tuple | list) else [given]
        if len(given) != len(self.inputs) and len(given) == len(self.asked):
            given = [dict(zip(self.asked, given, strict=True)).get(k) for k in range(len(self.inputs))]
        if len(given) != len(self.inputs):
            raise NotRun("backward gives another number of gradients on balls")
        found = []
        for index in self.wrt:
            gradient = as_array(given[index], self.world)
            if gradient.shape != self.inputs[index].shape:
                raise NotRun("backward gives a gradient of another shape on balls")
            found += [constant(b).value for b in np.asarray(gradient).reshape(-1).tolist()]
        return found

    def _left(self) -> float:
        left = self.until - perf_counter()
        if left <= 0:
            raise NotRun("takes too long")
        return left

    # Kinks.

    def _without_kinks(self, entries: Array) -> Array:
        """Those of the entries that no kink, and no end of a domain, is met by; none where there are too many."""
        met: list[int] = []
        blocks = [entries]
        while blocks:
            block = blocks.pop()
            moved = self._run(self._drawn(block))
            if not moved.met and moved.finite:
                continue
            if block.size > 1:
                blocks += np.array_split(block, 2)
            else:
                met.append(int(block[0]))
        return np.setdiff1d(entries, met)

    # Comparison.

    def _sums(self, entries: Iterable[int], direction: dict[int, int], slopes: list[arb]) -> Sums:
        left = [c * s for c, s in zip(self.weights, slopes, strict=True)]
        right = [self.gradient[e] * direction[e] for e in map(int, entries)]
        size = (sum(map(abs, left), ZERO) + sum(map(abs, right), ZERO)) / 2
        return Sums(sum(left, ZERO), sum(right, ZERO), size)

    def _along(self, entries: Array) -> Sums:
        direction = self._drawn(entries)
        return self._sums(entries, direction, self._run(direction).slopes)

    def _judge(self, found: Proof, entries: Array, sums: Sums, *, locate: bool) -> None:
        """Says of each entry whether it is right or wrong, as far as there is time."""
        waiting = [(entries, sums)]
        try:
            while waiting:
                block, sums = waiting.pop()
                if sums.share <= 10.0**-DIGITS or self._nothing(sums) or self._by_constants(block, sums):
                    self._mark(found, block, sums)
                elif self.rounds or self.tied:
                    found.reason = ROUNDS if self.rounds else TIED  # a mistake is not proved there
                elif sums.difference.contains(0):
                    raise Undecidable("the two sides of the comparison")
                elif block.size == 1:
                    self._accuse(found, int(block[0]), sums)
                elif len(inputs := self._inputs_of(block)) > 1:
                    waiting += [(half, self._along(half)) for half in self._by_input(block)]
                elif locate or sums.surely <= self.allowed:
                    waiting += [(half, self._along(half)) for half in np.array_split(block, 2)]
                else:
                    self._refute(found.inputs[inputs[0]], self._places(inputs[0], block), sums)
        except NotRun as error:
            found.reason = str(error)

    def _inputs_of(self, block: Array) -> list[int]:
        return [k for k, part in self.parts.items() if np.isin(part, block).any()]

    def _by_input(self, block: Array) -> list[Array]:
        return [np.intersect1d(part, block) for part in self.parts.values() if np.isin(part, block).any()]

    def _places(self, index: int, block: Array) -> Array:
        return np.flatnonzero(np.isin(self.parts[index], block))

    def _nothing(self, sums: Sums) -> bool:
        """Whether both sides are zero, as far as balls can tell, with the other half of their bits to spare."""
        least = arb(2) ** (WEIGHT - ctx.prec // 2) * sum(map(abs, self.weights), ZERO)
        return bool(sums.difference.contains(0) and sums.size < least)

    def _by_constants(self, block: Array, sums: Sums) -> bool:
        """Whether what is allowed for rounded constants explains it, and is small beside each input's largest entry."""
        allowed = self.allowed
        if sums.share > allowed:
            return False
        if block.size == 1:
            return True
        whole = float(sums.size)
        sizes = np.abs([float(self.gradient[int(e)].mid()) for e in block]) * 2.0**WEIGHT
        return all(
            allowed * whole <= small_in(self.eps) * sizes[np.isin(block, self.parts[k])].max()
            for k in self._inputs_of(block)
        )

    def _mark(self, found: Proof, block: Array, sums: Sums) -> None:
        digits = -np.log10(sums.share) if sums.share > 0 and not self._nothing(sums) else np.inf
        for index in self._inputs_of(block):
            proven = found.inputs[index]
            proven.right[self._places(index, block)] = True
            proven.digits = min(proven.digits, float(digits))

    def _refute(self, proven: Proven, places: Array, sums: Sums) -> None:
        proven.wrong[places] = True
        scale = 2.0**-WEIGHT
        proven.along, proven.share = (scale * float(sums.backward.mid()), scale * float(sums.forward.mid())), sums.surely

    def _accuse(self, found: Proof, entry: int, sums: Sums) -> None:
        (index,) = self._inputs_of(np.array([entry]))
        place = entry - int(self.parts[index][0])
        proven = found.inputs[index]
        proven.wrong[place] = True
        slopes = self._run({entry: 1}).slopes
        exact = sum((c * s for c, s in zip(self.weights, slopes, strict=True)), ZERO)
        proven.exact[place] = float(exact.mid())


@dataclass(frozen=True)
class _Moved:
    """Outputs and their slopes along a direction; whether a tie was met, and whether it is one of a kink or a jump."""

    outputs: list[arb]
    slopes: list[arb]
    met: bool
    kinks: bool = False

    @property
    def finite(self) -> bool:
        """Whether all slopes are."""
        return all(s.is_finite() for s in self.slopes)


def _agree(some: Sequence[arb], others: Sequence[arb]) -> bool:
    """Whether numbers are the same as far as is known."""
    return all(a.is_finite() and b.is_finite() and a.overlaps(b) for a, b in zip(some, others, strict=True))


def _moving(array: Balls, slopes: list[int | None]) -> Balls:
    balls = np.asarray(array).reshape(-1).tolist()
    moved = np.empty(len(balls), object)
    moved[:] = [b if s is None else Ball(b.value, arb(s)) for b, s in zip(balls, slopes, strict=True)]
    return moved.reshape(array.shape).view(Balls)


def _fresh(inputs: Sequence[Any]) -> list[Any]:
    return [a.copy() for a in inputs]
