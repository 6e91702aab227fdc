"""The caller's functions on balls at a point: forward along a direction of all its inputs' entries, and backward."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from flint import arb

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.proof.balls.arrays import Balls, lift
from scratchcnn.gradcheck.proof.balls.ball import Ball, constant, recording
from scratchcnn.gradcheck.proof.world.run import NotRun, as_array, output, run
from scratchcnn.gradcheck.proof.world.world import World

# Bits of the weights of a direction.
WEIGHT_BITS = 60
# Other directions along which ties are looked at.
TIE_DIRECTIONS = 4
ZERO = arb(0)


@dataclass(frozen=True)
class Moved:
    """Outputs and their slopes along a direction; whether a tie was met, and whether it is one of a kink or a jump.

    `rounded` says whether what moves was rounded to whole numbers, `still` whether all outputs are constants.
    """

    outputs: list[arb]
    slopes: list[arb]
    met: bool
    rounded: bool
    still: bool
    kinks: bool = False

    @property
    def finite(self) -> bool:
        """Whether all slopes are."""
        return all(s.is_finite() for s in self.slopes)


class Runs:
    """The functions in a world of their own; `parts` has the entries of each input in a row of those of all."""

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
        self.functions, self.wrt, self.asked = (forward, backward), list(wrt), sorted(asked)
        self.rng, self.until = rng, until
        dtypes = [inputs[k].dtype for k in wrt]
        self.eps = max(float(np.finfo(d).eps) for d in dtypes)
        self.world = World(max(dtypes, key=lambda d: np.finfo(d).eps))
        self.inputs = [lift(a) if a.dtype.kind == "f" else a for a in inputs]
        self.cotangent = lift(cotangent)
        self.weights = [constant(c).value for c in cotangent.reshape(-1).tolist()]
        ends = np.cumsum([self.inputs[k].size for k in self.wrt])
        self.parts = dict(zip(self.wrt, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))

    def drawn(self, entries: Array) -> dict[int, int]:
        """A direction: an integer of 60 bits with a sign for each of some entries."""
        low, high = 1 << (WEIGHT_BITS - 1), 1 << WEIGHT_BITS
        sizes = self.rng.integers(low, high, entries.size).tolist()
        signs = self.rng.choice([-1, 1], entries.size).tolist()
        return {int(e): s * n for e, s, n in zip(entries, signs, sizes, strict=True)}

    def drawn_alike(self) -> dict[int, int]:
        """A direction in which entries of the same value, of whichever input, move alike, and zeros not at all."""
        values = [float(b.value) for k in self.wrt for b in np.asarray(self.inputs[k]).reshape(-1).tolist()]
        distinct = {v: e for e, v in enumerate(values) if v != 0}
        weights = self.drawn(np.array(list(distinct.values()), np.intp))
        return {e: weights[distinct[v]] for e, v in enumerate(values) if v != 0}

    def moved(self, direction: dict[int, int]) -> Moved:
        """Outputs and their slopes along a direction."""
        found = self.along(direction)
        if not found.met:
            return found
        # At a tie: as it is a little way to either side, and along other directions and the sums of them with this one.
        others = [self.drawn(np.array(list(direction))) for _ in range(TIE_DIRECTIONS)]
        left, right = self.along(direction, -1), self.along(direction, 1)
        linear = _agree(found.outputs, left.outputs) and _agree(found.outputs, right.outputs)
        linear = linear and _agree(left.slopes, right.slopes)
        for other in others if linear else ():
            one = self.along(other, 1).slopes
            both = self.along({e: other[e] + direction[e] for e in direction}, 1).slopes
            linear = linear and _agree(both, [a + b for a, b in zip(one, right.slopes, strict=True)])
        return replace(right, kinks=not linear)

    def along(self, direction: dict[int, int], side: int = 0) -> Moved:
        """The same, of one run: ties are decided as they are to a side, if any."""
        arrays = list(self.inputs)
        for index, part in self.parts.items():
            if any(int(e) in direction for e in part):
                arrays[index] = _moving(self.inputs[index], [direction.get(int(e)) for e in part])
        arrays = _fresh(arrays)  # forward may write into them
        with recording(side) as seen:
            found = output(self.world, self.functions[0], *arrays, seconds=self._left())
        balls = [constant(b) for b in np.asarray(found).reshape(-1).tolist()]
        if len(balls) != len(self.weights):
            raise NotRun("gives an output of another shape on balls")
        slopes = [ZERO if b.slope is None else b.slope for b in balls]
        still = all(b.slope is None for b in balls)
        return Moved([b.value for b in balls], slopes, seen.met > 0, seen.rounded > 0, still)

    def backward(self) -> list[arb]:
        """The gradients by all entries."""
        given = run(self.world, self.functions[1], self.cotangent.copy(), *_fresh(self.inputs), seconds=self._left())
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


def _agree(some: Sequence[arb], others: Sequence[arb]) -> bool:
    """Whether numbers are the same as far as is known."""
    return all(a.is_finite() and b.is_finite() and a.overlaps(b) for a, b in zip(some, others, strict=True))


def _moving(array: Array, slopes: list[int | None]) -> Balls:
    balls = np.asarray(array).reshape(-1).tolist()
    moved = np.empty(len(balls), object)
    moved[:] = [b if s is None else Ball(b.value, arb(s)) for b, s in zip(balls, slopes, strict=True)]
    return moved.reshape(array.shape).view(Balls)


def _fresh(inputs: Sequence[Any]) -> list[Any]:
    return [a.copy() for a in inputs]
