"""The caller's functions on balls at a point: forward along a direction that moves entries, and backward."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import thread_time
from typing import Any

import numpy as np
from flint import arb

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.balls.arrays import Balls, lift
from scratchcnn.gradcheck.proof.balls.ball import ZERO, Ball, constant
from scratchcnn.gradcheck.proof.balls.recording import recording
from scratchcnn.gradcheck.proof.outcome import Rounding
from scratchcnn.gradcheck.proof.world.run import NotRun, as_array, output, run
from scratchcnn.gradcheck.proof.world.world import World

# In bits: the size of the weights of a direction.
WEIGHT_BITS = 60
# How many other directions ties are looked at along.
TIE_DIRECTIONS = 4


@dataclass(frozen=True)
class Moved:
    """Outputs and their slopes along a direction.

    `met` says whether a tie was met, and `kinks` whether it is one at a kink or a jump. `rounded` says whether a moving
    number was rounded to a whole one, `still` whether all outputs are constants.
    """

    outputs: list[arb]
    slopes: list[arb]
    met: bool
    rounded: bool
    still: bool
    kinks: bool = False

    @property
    def finite(self) -> bool:
        """Whether all slopes are finite."""
        return all(s.is_finite() for s in self.slopes)


class Runs:
    """The functions in a world of their own, at a point.

    The entries of all inputs stand in a row; `parts` has the place of each input in it.

    Parameters
    ----------
    functions
        Forward and backward.
    point
        Where, in the caller's dtypes.
    wrt, asked
        Which inputs are looked at, and for which backward may answer alone.
    rng
        Draws the directions.
    until
        The time (of `thread_time`) at which runs are stopped.
    rounding
        What forward's moving numbers become where it rounds them.
    """

    def __init__(
        self,
        functions: tuple[Callable[..., Any], Callable[..., Any]],
        point: Point,
        wrt: Sequence[int],
        asked: Sequence[int],
        rng: np.random.Generator,
        until: float,
        rounding: Rounding = Rounding.CONSTANT,
    ) -> None:
        self.functions, self.wrt, self.asked = functions, list(wrt), sorted(asked)
        self.rng, self.until, self.rounding = rng, until, rounding
        inputs, cotangent = point.inputs, point.cotangent
        dtypes = [inputs[k].dtype for k in wrt]
        self.eps = max(float(np.finfo(d).eps) for d in dtypes)
        self.world = World(max(dtypes, key=lambda d: np.finfo(d).eps))
        self.inputs = [lift(a) if a.dtype.kind == "f" else a for a in inputs]
        self.cotangent = lift(cotangent)
        self.weights = [constant(c).value for c in cotangent.reshape(-1).tolist()]
        ends = np.cumsum([self.inputs[k].size for k in self.wrt])
        self.parts = dict(zip(self.wrt, np.split(np.arange(ends[-1]), ends[:-1]), strict=True))

    def drawn(self, entries: Array) -> dict[int, int]:
        """A direction: for each of some entries an integer of 60 bits with a sign."""
        low, high = 1 << (WEIGHT_BITS - 1), 1 << WEIGHT_BITS
        sizes = self.rng.integers(low, high, entries.size).tolist()
        signs = self.rng.choice([-1, 1], entries.size).tolist()
        return {int(e): s * n for e, s, n in zip(entries, signs, sizes, strict=True)}

    def drawn_alike(self) -> dict[int, int]:
        """A direction in which entries of the same value move alike, whatever their input, and zeros stay."""
        values = [float(b.value) for k in self.wrt for b in np.asarray(self.inputs[k]).reshape(-1).tolist()]
        distinct = {v: e for e, v in enumerate(values) if v != 0}
        weights = self.drawn(np.array(list(distinct.values()), np.intp))
        return {e: weights[distinct[v]] for e, v in enumerate(values) if v != 0}

    def moved(self, direction: dict[int, int]) -> Moved:
        """Outputs and their slopes along a direction."""
        found = self.along(direction)
        if not found.met:
            return found
        # At a tie, the slopes on both sides must agree, and slopes must add up for this and some other directions.
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
        """The same in a single run. If a side is given, ties are decided as they are a little way to that side."""
        arrays = [self._given(index, direction) for index in range(len(self.inputs))]
        arrays = _fresh(arrays)  # forward may write into them
        with recording(side, self.rounding) as seen:
            found = output(self.world, self.functions[0], *arrays, seconds=self._left())
        balls = [constant(b) for b in np.asarray(found).reshape(-1).tolist()]
        if len(balls) != len(self.weights):
            raise NotRun("gives an output of another shape on balls")
        slopes = [ZERO if b.slope is None else b.slope for b in balls]
        still = all(b.slope is None for b in balls)
        return Moved([b.value for b in balls], slopes, seen.met > 0, seen.rounded > 0, still)

    def _given(self, index: int, direction: dict[int, int]) -> Any:
        """An input as forward is given it.

        Straight through roundings goes all that is made of the inputs, also where they stand still: with a slope of 0.
        """
        array = self.inputs[index]
        if type(array) is not Balls:
            return array
        rest = None if self.rounding is Rounding.CONSTANT else 0
        part = self.parts.get(index)
        slopes = [rest] * array.size if part is None else [direction.get(int(e), rest) for e in part]
        return array if all(s is None for s in slopes) else _moving(array, slopes)

    def backward(self) -> list[arb]:
        """The gradient, over the entries of all inputs."""
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
        left = self.until - thread_time()
        if left <= 0:
            raise NotRun("takes too long")
        return left


def _agree(some: Sequence[arb], others: Sequence[arb]) -> bool:
    """Whether numbers may be the same: their balls overlap."""
    return all(a.is_finite() and b.is_finite() and a.overlaps(b) for a, b in zip(some, others, strict=True))


def _moving(array: Array, slopes: list[int | None]) -> Balls:
    balls = np.asarray(array).reshape(-1).tolist()
    moved = np.empty(len(balls), object)
    moved[:] = [b if s is None else Ball(b.value, arb(s)) for b, s in zip(balls, slopes, strict=True)]
    return moved.reshape(array.shape).view(Balls)


def _fresh(inputs: Sequence[Any]) -> list[Any]:
    return [a.copy() for a in inputs]
