"""A point at which a gradient is wrong, and what can be computed there: derivatives of each output, and their sums."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.contract import copied
from scratchcnn.gradcheck.effort import FEW_STRIDES, Timed
from scratchcnn.gradcheck.numerical.differences import TINY_EXPONENT
from scratchcnn.gradcheck.numerical.noise import EPS, measure_noise
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.quotients import Quotients, settle
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP, units
from scratchcnn.gradcheck.points import Point

if TYPE_CHECKING:
    from scratchcnn.gradcheck.diagnosis.steps.sweep import Swept

# Steps of the differences, in units of an entry; the last, tiny one tells kinks.
STEPS = UNEVEN_STEP * 2.0 ** -np.array([5.0, 6, 7, 8, 9, TINY_EXPONENT])
# How much smaller moves are that meet a kink: a relu among many entries that wakes.
CLOSER = (2.0**-10, 2.0**-20)
# Roundoffs that two ways to compute a gradient may be apart, by the terms that are summed.
ROUNDOFFS = 64.0
# An estimate says something of an entry where its error is below this share of the gradient's largest entry.
SHARP = 1e-5
# The step of a first look, in units of the entries, and the share of the gradient that it may be off by.
COARSE, CLOSE = 2.0**-20, 0.05
# Numbers of a record that take as long as a call of forward.
NUMBERS_A_CALL = 4
# Numbers of a Jacobian that are kept at most.
LARGEST = 2_000_000


class TooDear(Exception):
    """It would take too many calls."""


class Outside(Exception):
    """Forward has no value where it was called."""


class Budget:
    """How many calls of forward a diagnosis may make.

    It counts calls, not seconds: the same check gives the same report on a slower machine.
    """

    def __init__(self, forward: Timed, calls: int) -> None:
        self.forward, self.last, self.others = forward, forward.calls + calls, 0

    @property
    def spent(self) -> int:
        """The calls up to now, and what counts as such."""
        return self.forward.calls + self.others

    def afford(self, calls: int) -> None:
        """Raise `TooDear` where so many more calls would be too many."""
        if self.spent + calls > self.last:
            raise TooDear

    def spend(self, calls: int) -> None:
        """Count what costs as much as so many calls."""
        self.others += calls

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function whose calls count as those of forward do."""

        def call(*inputs: Array) -> Any:
            self.spend(1)
            return function(*inputs)

        return call


@dataclass(frozen=True)
class Estimate:
    """A value and a bound for its error, entry by entry; where nothing is known the bound is infinite."""

    value: Array
    error: Array

    def reshaped(self, shape: tuple[int, ...]) -> "Estimate":
        """The same in another shape."""
        return Estimate(self.value.reshape(shape), self.error.reshape(shape))

    def mapped(self, function: Callable[[Array], Array]) -> "Estimate":
        """What a rearrangement of entries makes of it."""
        return Estimate(function(self.value), function(self.error))

    def times(self, factor: Any) -> "Estimate":
        """The product with numbers that are known."""
        with np.errstate(all="ignore"):
            return Estimate(self.value * factor, self.error * np.abs(factor) + EPS * np.abs(self.value * factor))

    def plus(self, other: "Estimate") -> "Estimate":
        """The sum of two."""
        return Estimate(self.value + other.value, self.error + other.error)


class Scene:
    """A point of a check: its inputs and cotangent, and the gradients that backward answers there.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`.
    names, inputs
        The inputs, floating ones in float64.
    wrt
        The inputs that are checked.
    cotangent
        Of the output's shape.
    gradients
        What backward answers, in any shape; None for inputs without a gradient.
    options
        The keywords that forward was bound to with `functools.partial`.
    budget
        The calls of forward that are left.
    eps
        Of the precision that backward was run in.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        names: Sequence[str],
        inputs: Sequence[Array],
        wrt: Sequence[int],
        cotangent: Array,
        gradients: Sequence[Any],
        options: dict[str, Any],
        budget: Budget,
        eps: float = EPS,
    ) -> None:
        self.eps = eps
        self.unguarded, self.names, self.wrt, self.options, self.budget = forward, names, tuple(wrt), options, budget
        self.inputs = [np.array(a, np.float64, order="C") if a.dtype.kind == "f" else np.array(a) for a in inputs]
        self.cotangent = np.array(cotangent, np.float64)
        self.gradients = [None if g is None else np.asarray(g, np.float64) for g in gradients]
        self._jacobians: dict[int, Estimate] = {}
        self.wrong: dict[int, tuple[Array, Array]] = {}  # what `places` has found
        self._truths: dict[int, Estimate] = {}
        self._directions: dict[int, Array] = {}
        self._here: dict[int, tuple[Array, Estimate]] = {}

    def forward(self, *inputs: Array) -> Any:
        """Forward at some inputs. Raises `Outside` where it raises."""
        try:
            return self.unguarded(*inputs)
        except Exception as error:  # whatever it raises at a point that was chosen for it
            raise Outside from error

    @property
    def caller(self) -> Callable[..., Any] | None:
        """Forward as the caller wrote it; None where it needs another precision than float64."""
        return partial(f.func, *f.args, **f.keywords) if isinstance(f := self.unguarded, partial) else None

    @cached_property
    def swept(self) -> "list[Swept]":
        """The gradients that one wrong step of forward gives, for each depth of the calls in it."""
        from scratchcnn.gradcheck.diagnosis.steps.claims import is_right
        from scratchcnn.gradcheck.diagnosis.steps.record import records
        from scratchcnn.gradcheck.diagnosis.steps.sweep import swept

        if self.caller is None:
            return []
        made = records(self.caller, self.inputs, self.wrt)
        self.budget.spend(sum(len(record.tape.parts) for record in made) // NUMBERS_A_CALL)
        found = [swept(record, self.cotangent) for record in made]
        return [s for s in found if s is not None and all(is_right(self, s, k) for k in s.right)]

    @cached_property
    def output(self) -> Array:
        """Forward's output."""
        return np.array(self.forward(*(a.copy() for a in self.inputs)), np.float64)

    def analytic(self, index: int) -> Array:
        """What backward answers for an input."""
        gradient = self.gradients[index]
        assert gradient is not None
        return gradient

    def jacobian(self, index: int) -> Estimate:
        """(outputs, entries) the derivative of each output by each entry of an input. Raises `TooDear`."""
        if index not in self._jacobians:
            probe = Probe(self.forward, self.inputs, index, fresh=True)
            self.budget.afford(2 * len(STEPS) * probe.base.size)
            if probe.base.size * probe.outputs > LARGEST:
                raise TooDear
            moves = [(np.array([k]), probe.unit[k : k + 1]) for k in range(probe.base.size)]
            slopes = _slopes(probe, moves, self._noise(probe))
            self._jacobians[index] = Estimate(slopes.value / probe.unit, slopes.error / probe.unit)
        return self._jacobians[index]

    def truth(self, index: int, cotangent: Array | None = None) -> Estimate:
        """The true gradient by an input, for this cotangent or another one. Raises `TooDear`."""
        if cotangent is None:
            if index not in self._truths:
                self._truths[index] = self._contracted(index, self.cotangent)
            return self._truths[index]
        return self._contracted(index, cotangent)

    def _contracted(self, index: int, cotangent: Array) -> Estimate:
        jacobian, weights = self.jacobian(index), cotangent.reshape(-1)
        used = weights != 0  # what is not asked for need not be known
        value, error = jacobian.value[used], jacobian.error[used]
        size = np.abs(weights[used])
        bound = size @ error + ROUNDOFFS * self.eps * (size @ np.abs(value))
        return Estimate(weights[used] @ value, bound).reshaped(self.inputs[index].shape)

    def along(
        self,
        index: int,
        *,
        forward: Callable[..., Any] | None = None,
        inputs: Sequence[Array] | None = None,
    ) -> tuple[Array, Estimate]:
        """A random direction of an input, of its shape, and the derivative of each output along it.

        Forward, or the inputs, may be others than those of the check.
        """
        self.budget.afford(2 * len(STEPS))
        probe = Probe(forward or self.forward, self.inputs if inputs is None else inputs, index, fresh=True)
        direction = self.direction(index)
        slopes = _slopes(probe, [(np.arange(probe.base.size), direction.reshape(-1))], self._noise(probe))
        return direction, slopes.reshaped(probe.output_shape)

    def is_derivative(
        self,
        index: int,
        cotangent: Array | None = None,
        *,
        forward: Callable[..., Any] | None = None,
        inputs: Sequence[Array] | None = None,
    ) -> bool:
        """Whether the gradient is the true one of another cotangent, another forward, or at other inputs.

        It is compared along a random direction, which every entry takes part in.
        """
        weights = self.cotangent if cotangent is None else cotangent
        gradient = self.analytic(index)
        if forward is None and inputs is None:
            direction, slopes = self.along_here(index)
        else:
            self.budget.afford(0)
            try:
                if not self._may_be(index, weights, forward, inputs):
                    return False
                direction, slopes = self.along(index, forward=forward, inputs=inputs)
            except Exception:  # forward does not take these
                return False
        if weights.shape != slopes.value.shape or gradient.shape != direction.shape:
            return False
        return self.same_along(gradient * direction, weights, slopes)

    def differs_along(self, index: int) -> bool:
        """Whether the gradient is known not to be the true one, along a random direction."""
        _, slopes = self.along_here(index)
        known = bool(np.isfinite(slopes.error[self.cotangent != 0]).all())
        return known and not self.is_derivative(index)

    def same_along(self, parts: Array, weights: Array, slopes: Estimate) -> bool:
        """Whether a gradient's parts along a direction add up to what the outputs' slopes do."""
        terms = weights * slopes.value
        with np.errstate(all="ignore"):
            error = float(np.where(weights != 0, np.abs(weights) * slopes.error, 0).sum())
        size = float(np.abs(terms).sum()) + float(np.abs(parts).sum())
        tolerance = error + ROUNDOFFS * self.eps * size
        typical = float(np.sqrt((parts**2).sum()))
        return tolerance <= SHARP * typical and abs(float(terms.sum() - parts.sum())) <= tolerance

    def is_times(self, index: int, factor: Any) -> bool:
        """Whether the gradient is the true one times some numbers.

        It is compared entry by entry where there is time to find the derivative of each; else along a direction.
        """
        try:
            return self.agrees(index, self.truth(index).times(factor))
        except TooDear:
            if not np.all(factor):
                return False
            direction, slopes = self.along_here(index)
            return self.same_along(self.analytic(index) / factor * direction, self.cotangent, slopes)

    def is_rearranged(self, index: int, function: Callable[[Array], Array]) -> bool:
        """Whether the gradient is the true one with its entries elsewhere. Compared as in `is_times`."""
        try:
            return self.agrees(index, self.truth(index).mapped(function))
        except TooDear:
            direction, slopes = self.along_here(index)
            if not np.array_equal(np.sort(function(direction), axis=None), np.sort(direction, axis=None)):
                return False  # entries are lost
            # Moved entries of both: their products are the same, in another order.
            return self.same_along(self.analytic(index) * function(direction), self.cotangent, slopes)

    def _may_be(
        self, index: int, weights: Array, forward: Callable[..., Any] | None, inputs: Sequence[Array] | None
    ) -> bool:
        """Whether two calls leave it open that the gradient is that derivative: most claims end here."""
        given = [a.copy() for a in (self.inputs if inputs is None else inputs)]
        call, step = forward or self.forward, COARSE * self.direction(index)
        gradient = self.analytic(index)
        if gradient.shape != step.shape:
            return False
        given[index] = given[index] + step
        above = np.array(call(*given), np.float64)
        given[index] = given[index] - 2 * step
        below = np.array(call(*given), np.float64)
        if above.shape != weights.shape:
            return False
        parts = gradient * step
        distance = abs(float((weights * (above - below)).sum()) / 2 - float(parts.sum()))
        return distance <= CLOSE * float(np.sqrt((parts**2).sum()))

    def direction(self, index: int) -> Array:
        """A random direction of an input, of its shape."""
        if index not in self._directions:
            rng, unit = np.random.default_rng(index), units(self.inputs[index].reshape(-1))
            signs, sizes = rng.choice([-1.0, 1.0], unit.size), rng.uniform(0.5, 1.5, unit.size)
            self._directions[index] = (unit * signs * sizes).reshape(self.inputs[index].shape)
        return self._directions[index]

    def along_here(self, index: int) -> tuple[Array, Estimate]:
        """A random direction of an input, and the derivative of each output along it."""
        if index not in self._here:
            self._here[index] = self.along(index)
        return self._here[index]

    @staticmethod
    def _noise(probe: Probe) -> Array:
        return measure_noise(probe, np.random.default_rng(0), FEW_STRIDES)

    def agrees(self, index: int, predicted: Estimate) -> bool:
        """Whether the gradient is what a claim predicts, at every entry of which the prediction is known."""
        return alike(self.analytic(index), predicted, self.eps)


def alike(array: Array, predicted: Estimate, eps: float = EPS) -> bool:
    """Whether an array is what is predicted, wherever that is known, and known well enough to matter."""
    if array.shape != predicted.value.shape:
        return False
    known = np.isfinite(predicted.error) & np.isfinite(predicted.value)
    if not known.any() or not np.isfinite(array[known]).all():
        return False
    value, error = predicted.value[known], predicted.error[known]
    scale = max(float(np.abs(value).max()), float(np.abs(array[known]).max()))
    if scale > 0 and (error > max(SHARP, 2 * ROUNDOFFS * eps) * scale).any():
        return False
    tolerance = error + ROUNDOFFS * eps * np.maximum(np.abs(value), np.abs(array[known]))
    return bool((np.abs(array[known] - value) <= tolerance).all())


def _slopes(probe: Probe, moves: Sequence[tuple[Array, Array]], noise: Array) -> Estimate:
    """(outputs, moves) derivatives along some moves, each of some entries by some amounts for a step of one.

    Moves that meet a kink are made smaller, until they don't.
    """
    found = _slopes_at(probe, moves, noise)
    for closer in CLOSER:
        loose = ~(found.error <= SHARP * np.abs(found.value).max(axis=0, initial=0)).all(axis=0)
        again = np.flatnonzero(loose).tolist()
        if not again:
            break
        smaller = _slopes_at(probe, [(moves[m][0], closer * moves[m][1]) for m in again], noise)
        value, error = smaller.value / closer, smaller.error / closer
        better = error < found.error[:, again]
        found.value[:, again] = np.where(better, value, found.value[:, again])
        found.error[:, again] = np.where(better, error, found.error[:, again])
    return found


def _slopes_at(probe: Probe, moves: Sequence[tuple[Array, Array]], noise: Array) -> Estimate:
    y = np.empty((len(STEPS), 2, len(moves), probe.outputs))
    for m, (entries, amounts) in enumerate(moves):
        for k, step in enumerate(STEPS):
            for side, sign in enumerate((-1.0, 1.0)):
                probe.move(entries, probe.base[entries] + sign * step * amounts, y[k, side, m])
    left, right, here = y[:, 0], y[:, 1], probe.y0
    with np.errstate(all="ignore"):
        h = np.broadcast_to(STEPS[:, None], (len(STEPS), len(moves) * probe.outputs))
        flat = (len(STEPS), -1)
        reached = np.maximum(np.maximum(np.abs(left), np.abs(right)), np.abs(here))
        local = np.maximum(noise, 2 * EPS * reached)
        nothing, never = np.zeros(h.shape[1]), np.zeros(h.shape[1], bool)
        quotients = Quotients(
            h=h,
            central=(right - left).reshape(flat) / (2 * h),
            noise=local.reshape(flat) / h,
            bend=((right - here) - (here - left)).reshape(flat) / h,
            rest=nothing,
            roundoff=nothing,
            scale=nothing,
            unmoved=never,
            in_steps=never,
            still=never,
        )
        value, bound, smooth = settle(quotients)
    bound = np.where(smooth, bound + 2.0**-40 * np.abs(value), np.inf)
    shape = (len(moves), probe.outputs)
    return Estimate(value.reshape(shape).T.copy(), bound.reshape(shape).T.copy())


def gradients_at(case: Case, point: Point, dtype: DTypeLike | None) -> tuple[list[Any], float]:
    """What backward answers at a point, in a dtype or the caller's own, and the eps of that answer."""
    inputs = [a.astype(dtype) if dtype is not None and a.dtype.kind == "f" else a.copy() for a in point.inputs]
    cotangent = point.cotangent.astype(dtype or point.cotangent.dtype)
    case.forward(*(a.copy() for a in inputs))  # a layer may keep what its backward needs
    gradients = [copied(g) for g in case.gradients(cotangent, inputs)]
    dtypes = [np.asarray(g).dtype for g in gradients if g is not None]
    return gradients, max([EPS, *(float(np.finfo(d).eps) for d in dtypes if d.kind == "f" and dtype is None)])
