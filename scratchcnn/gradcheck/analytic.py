"""The analytic side: what backward says, in which precision, and how far its own roundoff may have moved it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical.probe import Array
from scratchcnn.gradcheck.numerical.steps import units
from scratchcnn.gradcheck.verdict import ROUNDOFFS, SMALL

# What the distance to the longdouble twin, or the change under moves of one ulp, is multiplied by.
TWIN, ULPS = 2.0, 8.0
# How often every input is moved to either side: with signs that may cancel each other (x up, w down), so several times.
MOVES = 3


class Analytic:
    """The gradients that backward gives for one cotangent, judged in float64.

    Inputs in float32 or float16 decide the precision of the answer: there backward is run in float64 too, and that is
    what the numerical side is compared with; `coarse` then says where the low-precision twin strays from it.
    """

    def __init__(self, case: Case, cotangent: Array, given: Sequence[Any]) -> None:
        self.case = case
        self.cotangent = cotangent
        self.given = given
        self.low = any(a.dtype.kind == "f" and a.dtype.itemsize < 8 for a in case.inputs)
        self.double = self._run(np.float64) if self.low else None  # None too where backward refuses float64
        self._twin: list[Array | None] | None = None

    def values(self, index: int) -> Array:
        """(entries,) float64: the gradient that is compared with the numerical one."""
        if self.double is not None and self.double[index] is not None:
            return np.asarray(self.double[index], np.float64).reshape(-1)
        return np.asarray(self.given[index], np.float64).reshape(-1)

    def own_error(
        self, index: int, entries: Array, value: Array, roundoff: Array, status: Array, largest: float
    ) -> Array:
        """(entries,) by how much roundoff may have moved the gradient.

        Eight times the change when every input moves by one ulp; not at a kink, where a move breaks ties. And twice
        the distance to the longdouble twin, trusted only where that is small: a twin that differs more took another
        path and acquits nobody.
        """
        values = self.values(index)[entries]
        error: Array = np.where(status == "kink", 0.0, ULPS * self._trembling(index)[entries])
        if self.low and self.double is None:
            eps = float(np.finfo(self.case.inputs[index].dtype).eps)
            error += 16 * eps * np.abs(values) + 8 * eps * np.abs(self.values(index)).max(initial=0)
            return error
        twin = self._in_longdouble()[index]
        if twin is None:
            return error
        distance = np.abs(twin.reshape(-1)[entries] - values).astype(np.float64)
        own = ROUNDOFFS * self.own_roundoff(index, entries, roundoff)
        scale = np.maximum(SMALL * np.maximum(np.abs(value), largest), own)
        return np.maximum(error, np.where(distance <= scale, TWIN * distance, 0.0))

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
        size = np.abs(self.values(index))
        cotangent, inputs = self.cotangent.astype(np.float64), self.case.copies(np.float64)
        change = np.abs(trembling(self.case, cotangent, inputs, index, eps / 2)).max(axis=0)
        # Below the smallest normal number a low precision has no relative accuracy to hold it to.
        floor = float(np.finfo(dtype).smallest_normal)
        tolerance: Array = 16 * eps * size + 8 * eps * size.max(initial=0) + 8 * change + floor
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
        eps = float(np.finfo(dtype).eps)
        changes = trembling(self.case, self.cotangent.astype(dtype), self.case.copies(dtype), index, eps)
        largest: Array = np.abs(changes).max(axis=0)
        return largest


def trembling(case: Case, cotangent: Array, inputs: Sequence[Array], index: int, relative: float) -> Array:
    """(moves, entries) how gradients differ when inputs and cotangent move by a relative amount to either side.

    The signs are drawn; zeros move by that share of the array's unit. The gradient at the inputs themselves is not
    among them: a mistake at one value (`x == 0`) would make it look like roundoff. Moves at which backward raises are
    left out.
    """
    changes = []
    rng = np.random.default_rng(0)
    arrays = [cotangent, *inputs]
    sizes = [relative * _sizes(a) for a in arrays]
    for move in range(MOVES):
        # First all away from zero: with other signs a product may stay as it is.
        signs = [np.where(a < 0, -1.0, 1.0) if move == 0 else rng.choice([-1.0, 1.0], a.shape) for a in arrays]
        steps = [size * sign for size, sign in zip(sizes, signs, strict=True)]
        try:
            # Twice as far up, too: where the gradient turns it is the same up and down.
            up, down, far = (
                np.asarray(case.gradients(first, others)[index], np.float64).reshape(-1)
                for first, *others in (_moved(arrays, steps, side) for side in (1, -1, 2))
            )
            changes += [up - down, up - far]
        except Exception:
            continue
    return np.array(changes) if changes else np.zeros((1, inputs[index].size))


def _sizes(a: Array) -> Array:
    if a.dtype.kind != "f":
        return np.zeros(a.shape)
    sizes: Array = np.where(a == 0, units(a.reshape(-1)).reshape(a.shape), np.abs(a))
    return sizes


def _moved(arrays: Sequence[Array], steps: Sequence[Array], side: int) -> list[Array]:
    pairs = zip(arrays, steps, strict=True)
    return [(a + side * step).astype(a.dtype) if a.dtype.kind == "f" else a.copy() for a, step in pairs]
