"""The analytic side: what backward says, in which precision, and how far its own roundoff may have moved it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.numerical.steps import units

# What the distance to the longdouble twin, or the change under moves of one ulp, is multiplied by.
LONGDOUBLE_TWIN_FACTOR, ULP_FACTOR = 2.0, 8.0
# How often every input is moved to either side: with signs that may cancel each other (x up, w down), so several times.
TREMBLING_MOVES = 3
# A gradient in a low precision may be off by so many roundoffs of its value: a rounded constant or two.
FEW_ROUNDOFFS = 4.0
# And one that was computed in it from beginning to end, by so many of its value and of the largest.
OWN_ROUNDOFFS, LARGEST_ROUNDOFFS = 16.0, 8.0
# How often a backward pass that does not repeat itself is called again, and what its spread is multiplied by.
REPEATED_CALLS, SPREAD_FACTOR = 4, 2.0


class Analytic:
    """The gradients that backward gives for one cotangent, judged in float64.

    Inputs in float32 or float16 decide the precision of the answer: there backward is run in float64 too, and that is
    what the numerical side is compared with; `coarse` then says where the low-precision twin strays from it.
    """

    def __init__(self, case: Case, cotangent: Array, given: Sequence[Any], *, unsteady: bool = False) -> None:
        self.case = case
        self.cotangent = cotangent
        self.given = given
        self.unsteady = unsteady
        self.low = any(a.dtype.kind == "f" and a.dtype.itemsize < 8 for a in case.inputs)
        self.double = self._run(np.float64) if self.low else None  # None too where backward refuses float64
        self._twin: list[Array | None] | None = None
        self._changes: dict[float, list[Array]] = {}

    def values(self, index: int) -> Array:
        """(entries,) float64: the gradient that is compared with the numerical one."""
        if self.double is not None and self.double[index] is not None:
            return np.asarray(self.double[index], np.float64).reshape(-1)
        return np.asarray(self.given[index], np.float64).reshape(-1)

    def eps(self, index: int) -> float:
        """The precision that a gradient is held to: that of its input, or of the answer where that is lower."""
        dtypes = [self.case.inputs[index].dtype, np.asarray(self.given[index]).dtype]
        return max([EPS, *(float(np.finfo(d).eps) for d in dtypes if d.kind == "f")])

    def spread(self, index: int) -> Array | float:
        """(entries,) how far calls at the same arguments differ, where backward is known not to repeat itself."""
        if not self.unsteady:
            return 0.0
        again = [self.case.gradients(self.cotangent.copy(), self.case.copies())[index] for _ in range(REPEATED_CALLS)]
        differences = [np.asarray(g, np.float64).reshape(-1) - self.values(index) for g in again]
        widest: Array = SPREAD_FACTOR * np.abs(differences).max(axis=0)
        return widest

    def own_error(self, index: int, entries: Array, status: Array, vouching: Array, inside: float = EPS) -> Array:
        """(entries,) by how much roundoff may have moved the gradient.

        Eight times the change when every input moves by one ulp; not at a kink, where a move breaks ties. And twice
        the distance to the longdouble twin, trusted only where that is small: a twin that differs more took another
        path and acquits nobody. In a low precision, a few of its roundoffs, and what its roundoffs of the inputs do.

        Parameters
        ----------
        status
            (entries,) what the numerical side says of each.
        vouching
            (entries,) the largest bound that would vouch for each.
        inside
            The eps of the lowest precision inside forward, which backward may share.
        """
        values, eps = np.abs(self.values(index)[entries]), max(inside, self.eps(index))
        smooth = status != "kink"
        error: Array = np.where(smooth, ULP_FACTOR * self._trembling(index)[entries], 0.0)
        if eps > EPS:
            error += (
                np.where(smooth, ULP_FACTOR * self._change(index, eps / 2)[entries], 0.0) + FEW_ROUNDOFFS * eps * values
            )
        if self.low and self.double is None:
            error += OWN_ROUNDOFFS * eps * values + LARGEST_ROUNDOFFS * eps * _largest(self.values(index))
            return error
        twin = self._in_longdouble()[index]
        if twin is None:
            return error
        distance = np.abs(twin.reshape(-1)[entries] - self.values(index)[entries]).astype(np.float64)
        return np.maximum(error, np.where(distance <= vouching, LONGDOUBLE_TWIN_FACTOR * distance, 0.0))

    def own_roundoff(self, index: int, entries: Array, roundoff: Array) -> Array:
        """The roundoff of the operation by the entry's own size, in place of the array's unit.

        1 - O loses its digits where the sigmoid bends, however large the array's other entries are.
        """
        x = self.case.inputs[index].reshape(-1).astype(np.float64)
        size, unit = np.abs(x[entries]), units(x)[entries]
        closer: Array = np.where(size > 0, np.minimum(size / unit, 1), 1)
        return roundoff / closer

    def coarse(self, index: int) -> Array | None:
        """(entries,) the tolerance for the low-precision gradient around the float64 one; None where there is none."""
        dtype = self.case.inputs[index].dtype
        if self.double is None or self.double[index] is None or dtype.itemsize >= 8:
            return None
        eps = float(np.finfo(dtype).eps)
        size = np.nan_to_num(np.abs(self.values(index)), nan=0, posinf=0)
        # Below the smallest normal number a low precision has no relative accuracy to hold it to.
        floor = float(np.finfo(dtype).smallest_normal)
        change = self._change(index, eps / 2)
        tolerance: Array = (
            OWN_ROUNDOFFS * eps * size + LARGEST_ROUNDOFFS * eps * _largest(size) + ULP_FACTOR * change + floor
        )
        return tolerance

    def _run(self, dtype: DTypeLike) -> list[Array | None] | None:
        """The gradients in another precision, or None where backward refuses it or answers in one of its own."""
        try:
            found = self.case.gradients(self.cotangent.astype(dtype), self.case.copies(dtype))
        except Exception:
            return None
        if len(found) != len(self.given):
            return None
        arrays = [None if g is None else np.asarray(g) for g in found]
        if any(
            arrays[i] is None or arrays[i].dtype != dtype or arrays[i].shape != self.case.inputs[i].shape  # type: ignore[union-attr]
            for i in self.case.wrt
        ):
            return None
        return arrays

    def _in_longdouble(self) -> list[Array | None]:
        if self._twin is None:
            wider = np.finfo(np.longdouble).eps < np.finfo(np.float64).eps
            self._twin = (self._run(np.longdouble) if wider else None) or [None] * len(self.given)
        return self._twin

    def _trembling(self, index: int) -> Array:
        """(entries,) how far gradients differ after a few moves of every input by one ulp."""
        dtype = np.dtype(np.float64) if self.double is not None else self.case.inputs[index].dtype
        return self._change(index, float(np.finfo(dtype).eps))

    def _change(self, index: int, relative: float) -> Array:
        if relative not in self._changes:
            dtype = np.float64 if self.double is not None else None
            cotangent = self.cotangent if dtype is None else self.cotangent.astype(dtype)
            self._changes[relative] = trembling(self.case, cotangent, self.case.copies(dtype), relative)
        largest: Array = np.abs(self._changes[relative][index]).max(axis=0)
        return largest


def trembling(case: Case, cotangent: Array, inputs: Sequence[Array], relative: float) -> list[Array]:
    """Of each input (moves, entries): how its gradient differs when all inputs and the cotangent move a little.

    They move by a relative amount to either side, with drawn signs; zeros move by that share of the array's unit. The
    gradient at the inputs themselves is not among them: a mistake at one value (`x == 0`) would make it look like
    roundoff. What is not finite, and a move at which backward raises, is no evidence and left out.
    """
    rng = np.random.default_rng(0)
    arrays = [cotangent, *inputs]
    sizes = [relative * _sizes(a) for a in arrays]
    changes: list[list[Array]] = [[] for _ in inputs]
    for move in range(TREMBLING_MOVES):
        # First all away from zero: with other signs a product may stay as it is.
        signs = [np.where(a < 0, -1.0, 1.0) if move == 0 else rng.choice([-1.0, 1.0], a.shape) for a in arrays]
        steps = [size * sign for size, sign in zip(sizes, signs, strict=True)]
        try:
            # Twice as far up, too: where the gradient turns it is the same up and down.
            moved = [
                case.gradients(first, rest) for first, *rest in (_moved(arrays, steps, side) for side in (1, -1, 2))
            ]
            for index in case.wrt:
                up, down, far = (np.asarray(g[index], np.float64).reshape(inputs[index].size) for g in moved)
                changes[index] += [up - down, up - far]
        except Exception:
            continue
    return [
        np.where(np.isfinite(c), c, 0) if c else np.zeros((1, a.size)) for c, a in zip(changes, inputs, strict=True)
    ]


def _sizes(a: Array) -> Array:
    if a.dtype.kind != "f":
        return np.zeros(a.shape)
    sizes: Array = np.where(a == 0, units(a.reshape(-1)).reshape(a.shape), np.abs(a))
    return sizes


def _moved(arrays: Sequence[Array], steps: Sequence[Array], side: int) -> list[Array]:
    pairs = zip(arrays, steps, strict=True)
    return [(a + side * step).astype(a.dtype) if a.dtype.kind == "f" else a.copy() for a, step in pairs]


def _largest(values: Array) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))
