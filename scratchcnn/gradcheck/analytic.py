"""The analytic side: what backward says, in which precision, and how far its own roundoff may have moved it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.low_precision import entry_tolerance
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.numerical.steps import units
from scratchcnn.gradcheck.points import Point

# A ratio: how many times its distance to the longdouble twin the roundoff of a gradient may be.
LONGDOUBLE_TWIN_FACTOR = 2.0
# A ratio: how many times its change under moves of one ulp the roundoff of a gradient may be.
ULP_FACTOR = 8.0
# How often every input is moved to either side. The signs of a move may cancel each other (x up, w down).
TREMBLING_MOVES = 3
# In roundoffs of its value: how far a gradient in a low precision may be off by a rounded constant or two.
FEW_ROUNDOFFS = 4.0
# In roundoffs of its value: how far off a gradient may be that was computed in a low precision throughout.
OWN_ROUNDOFFS = 16.0
# In roundoffs of the largest entry: what is allowed on top of that.
LARGEST_ROUNDOFFS = 8.0
# How often a backward pass that does not repeat itself is called again.
REPEATED_CALLS = 4
# A ratio: how many times the spread of these calls the gradient may be off.
SPREAD_FACTOR = 2.0


class Analytic:
    """The gradients that backward gives for one cotangent, judged in float64.

    For inputs in float32 or float16 backward is also run in float64, and this gradient is compared with the numerical
    one. `coarse` then says how far the gradient in the low precision may be from it.

    Parameters
    ----------
    case, cotangent
        The functions and the point.
    given
        The gradients as backward first returned them.
    unsteady
        Whether backward is known not to repeat itself.
    """

    def __init__(self, case: Case, cotangent: Array, given: Sequence[Any], *, unsteady: bool = False) -> None:
        self.case = case
        self.cotangent = cotangent
        self.given = given
        self.unsteady = unsteady
        self.low = any(a.dtype.kind == "f" and a.dtype.itemsize < 8 for a in case.inputs)
        self.double = self._run(np.float64) if self.low else None  # also None where backward refuses float64
        self._twin: list[Array | None] | None = None
        self._changes: dict[float, list[Array]] = {}

    @property
    def narrow(self) -> bool:
        """Whether backward answers in a low precision alone."""
        return self.low and self.double is None

    def terms(self, index: int) -> Array:
        """(entries,) the sizes of the terms that are summed, as moves of inputs and cotangent by roundings show them.

        It is the root of the sum of their squares: roundings are as often up as down.
        """
        eps = self.eps(index)
        self._change(index, eps)
        changes = self._changes[eps][index]
        # The points of the two differences of each move are two moves apart, and one.
        steps = np.resize([2.0, 1.0], len(changes))[:, None]
        sizes: Array = np.sqrt(np.mean((changes / steps) ** 2, axis=0)) / eps
        return sizes

    def values(self, index: int) -> Array:
        """(entries,) float64: the gradient that is compared with the numerical one."""
        if self.double is not None and self.double[index] is not None:
            return np.asarray(self.double[index], np.float64).reshape(-1)
        return np.asarray(self.given[index], np.float64).reshape(-1)

    def eps(self, index: int) -> float:
        """The eps that a gradient is held to: that of its input, or of the answer if that is less precise."""
        answer = np.asarray(self.given[index]).dtype
        own = float(np.finfo(self.case.inputs[index].dtype).eps)
        # What is computed from all inputs in their own dtypes has the precision of the coarsest.
        floating = (k for k, a in enumerate(self.case.inputs) if a.dtype.kind == "f")
        of_input = max(map(self.case.eps, floating)) if self.narrow else own
        return max(EPS, of_input, float(np.finfo(answer).eps) if answer.kind == "f" else EPS)

    def spread(self, index: int) -> Array | float:
        """(entries,) how far calls with the same arguments differ; 0 unless backward is known not to repeat itself.

        It is infinite where a call gives fewer gradients, or one of another shape.
        """
        if not self.unsteady:
            return 0.0
        calls = [self.case.gradients(self.cotangent.copy(), self.case.copies()) for _ in range(REPEATED_CALLS)]
        if any(len(gradients) != len(self.given) for gradients in calls):
            return np.inf
        again = [np.asarray(gradients[index], np.float64) for gradients in calls]
        if any(gradient.shape != self.case.inputs[index].shape for gradient in again):
            return np.inf
        differences = [gradient.reshape(-1) - self.values(index) for gradient in again]
        widest: Array = SPREAD_FACTOR * np.abs(differences).max(axis=0)
        return widest

    def own_error(self, index: int, entries: Array, status: Array, vouching: Array, inside: float = EPS) -> Array:
        """(entries,) by how much roundoff may have moved the gradient.

        It is the larger of two measures. One is some times the change when every input moves by one ulp, but not at a
        kink, where a move breaks ties. The other is some times the distance to the longdouble twin, where that distance
        is small: a twin that differs more took another path, and acquits nobody. In a low precision, some of its
        roundoffs are added, and the change when every input moves by one of them.

        Parameters
        ----------
        entries
            Which entries are asked for.
        status
            (entries,) what the numerical side says of each.
        vouching
            (entries,) the largest bound that would vouch for each.
        inside
            The eps of the lowest precision inside forward; backward may have the same.
        """
        if self.narrow and self.case.format is not None:
            tolerance = entry_tolerance(self.values(index), self.terms(index), self.case.format)
            return tolerance[entries]
        values, eps = np.abs(self.values(index)[entries]), max(inside, self.eps(index))
        smooth = status != "kink"
        error: Array = np.where(smooth, ULP_FACTOR * self._trembling(index)[entries], 0.0)
        if eps > EPS:
            change = np.where(smooth, ULP_FACTOR * self._change(index, eps / 2)[entries], 0.0)
            error += change + FEW_ROUNDOFFS * eps * values
        if self.narrow:
            error += OWN_ROUNDOFFS * eps * values + LARGEST_ROUNDOFFS * eps * _largest(self.values(index))
            return error
        twin = self._in_longdouble()[index]
        if twin is None:
            return error
        distance = np.abs(twin.reshape(-1)[entries] - self.values(index)[entries]).astype(np.float64)
        return np.maximum(error, np.where(distance <= vouching, LONGDOUBLE_TWIN_FACTOR * distance, 0.0))

    def own_roundoff(self, index: int, entries: Array, roundoff: Array) -> Array:
        """The roundoff of the operation divided by the entry's own size, in place of the array's unit.

        1 - O loses its digits where the sigmoid saturates, however large the other entries of the array are.
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
        eps = self.case.eps(index)
        size = np.nan_to_num(np.abs(self.values(index)), nan=0, posinf=0)
        # Below the smallest normal number a low precision has no relative accuracy.
        floor = float(np.finfo(dtype).smallest_normal)
        change = ULP_FACTOR * self._change(index, eps / 2)
        tolerance: Array = OWN_ROUNDOFFS * eps * size + LARGEST_ROUNDOFFS * eps * _largest(size) + change + floor
        return tolerance

    def _run(self, dtype: DTypeLike) -> list[Array | None] | None:
        """The gradients in another precision; None where backward refuses it, or answers in another one."""
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
        """(entries,) how far gradients differ after moves of every input by one ulp."""
        dtype = np.dtype(np.float64) if self.double is not None else self.case.inputs[index].dtype
        return self._change(index, float(np.finfo(dtype).eps))

    def _change(self, index: int, relative: float) -> Array:
        """(entries,) the same for moves by a relative amount."""
        if relative not in self._changes:
            dtype = np.float64 if self.double is not None else None
            cotangent = self.cotangent if dtype is None else self.cotangent.astype(dtype)
            self._changes[relative] = trembling(self.case, Point(self.case.copies(dtype), cotangent), relative)
        largest: Array = np.abs(self._changes[relative][index]).max(axis=0)
        return largest


def trembling(case: Case, point: Point, relative: float) -> list[Array]:
    """How the gradient of each input differs when all inputs and the cotangent move a little.

    They move by a relative amount to either side, with drawn signs; zeros move by that share of the array's unit. The
    gradient at the point itself is not used: a mistake at one value (`x == 0`) would look like roundoff. A move at
    which backward raises is left out.

    Returns
    -------
    (differences, entries) for each input: two differences for each move; 0 where they are not finite. A single row of
    zeros stands for an input that is not checked, or whose every move failed.
    """
    rng = np.random.default_rng(0)
    inputs = point.inputs
    arrays = [point.cotangent, *inputs]
    sizes = [relative * _sizes(a) for a in arrays]
    changes: list[list[Array]] = [[] for _ in inputs]
    for move in range(TREMBLING_MOVES):
        # In the first move all go away from zero: with other signs a product may stay as it is.
        signs = [np.where(a < 0, -1.0, 1.0) if move == 0 else rng.choice([-1.0, 1.0], a.shape) for a in arrays]
        steps = [size * sign for size, sign in zip(sizes, signs, strict=True)]
        try:
            # A second move up is twice as far: the gradient may have an extremum, and be the same up and down.
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
    """The size of each number, and the array's unit in place of zero; nothing of integers moves."""
    if a.dtype.kind != "f":
        return np.zeros(a.shape)
    sizes: Array = np.where(a == 0, units(a.reshape(-1)).reshape(a.shape), np.abs(a))
    return sizes


def _moved(arrays: Sequence[Array], steps: Sequence[Array], side: int) -> list[Array]:
    pairs = zip(arrays, steps, strict=True)
    return [(a + side * step).astype(a.dtype) if a.dtype.kind == "f" else a.copy() for a, step in pairs]


def _largest(values: Array) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))
