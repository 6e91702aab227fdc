"""Derivatives with a bound for their error: by differences of forward along some moves."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.differences import TINY_EXPONENT
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.quotients import Quotients, settle
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# Steps of the differences, in units of an entry; the last, tiny one tells kinks.
STEPS = UNEVEN_STEP * 2.0 ** -np.array([5.0, 6, 7, 8, 9, TINY_EXPONENT])
# How much smaller moves are that meet a kink: a relu among many entries that wakes.
CLOSER = (2.0**-10, 2.0**-20)
# Roundoffs that two ways to compute a gradient may be apart, by the terms that are summed.
ROUNDOFFS = 64.0
# How much larger than the roundoff of the largest entry a mistake is that shows at large entries.
FAR_LARGER = 2.0**20
# An estimate says something of an entry where its error is below this share of the gradient's largest entry.
SHARP = 1e-5


@dataclass(frozen=True)
class Estimate:
    """A value and a bound for its error, entry by entry; where nothing is known the bound is infinite."""

    value: Array
    error: Array

    @cached_property
    def most(self) -> float:
        """The largest bound."""
        return float(self.error.max(initial=0))

    @cached_property
    def largest(self) -> int:
        """Where the largest value stands that is known, in the flat array."""
        return int(np.where(np.isfinite(self.error), np.abs(self.value), -1).argmax())

    def reshaped(self, shape: tuple[int, ...]) -> "Estimate":
        """The same in another shape."""
        return Estimate(self.value.reshape(shape), self.error.reshape(shape))

    def mapped(self, function: Callable[[Array], Array]) -> "Estimate":
        """What a rearrangement of entries makes of it."""
        return Estimate(function(self.value), function(self.error))

    def times(self, factor: Any) -> "Estimate":
        """The product with numbers that are known."""
        product = self.value * factor
        return Estimate(product, self.error * np.abs(factor) + EPS * np.abs(product))

    def plus(self, other: "Estimate") -> "Estimate":
        """The sum of two."""
        return Estimate(self.value + other.value, self.error + other.error)


def alike(array: Array, predicted: Estimate, eps: float = EPS, slack: float = 0.0) -> bool:
    """Whether an array is what is predicted, wherever that is known, and known well enough to matter.

    `slack` is how far an entry may be off whatever its size.
    """
    if array.shape != predicted.value.shape or is_far(array, predicted.value, predicted.error, eps):
        return False
    known = np.isfinite(predicted.error) & np.isfinite(predicted.value)
    if not known.any() or not np.isfinite(array[known]).all():
        return False
    value, error = predicted.value[known], predicted.error[known]
    scale = max(float(np.abs(value).max()), float(np.abs(array[known]).max()))
    if scale > 0 and (error > max(SHARP, 2 * ROUNDOFFS * eps) * scale).any():
        return False
    roundoff = ROUNDOFFS * eps * np.maximum(np.abs(value), np.abs(array[known]))
    tolerance = error + np.maximum(roundoff, slack)
    return bool((np.abs(array[known] - value) <= tolerance).all())


def slack_of(gradient: Array, truth: Estimate, eps: float) -> float:
    """How far two ways to compute an entry may be apart whatever its size: some roundoffs of the largest entry.

    An entry may be a small difference of large numbers, such as 1 - t² where t is nearly 1. It is 0 where what is wrong
    with the gradient is not much larger.
    """
    if gradient.shape != truth.value.shape:
        return 0.0
    with np.errstate(all="ignore"):
        off = np.nan_to_num(np.abs(gradient - truth.value) - truth.error, nan=np.inf)
    known = np.isfinite(truth.error)
    roundoffs = ROUNDOFFS * eps * float(np.abs(truth.value[known]).max(initial=0))
    return roundoffs if off[known].max(initial=0) > FAR_LARGER * roundoffs else 0.0


def is_far(array: Array, value: Array, error: float | Array, eps: float = EPS) -> bool:
    """Whether an array is known to be another one at its largest entry: so are most predictions that are wrong."""
    if not array.size:
        return False
    largest = int(np.abs(array).argmax())
    one, other = array.item(largest), value.item(largest)
    bound = error if isinstance(error, float) else error.item(largest)
    return bool(abs(one - other) > bound + ROUNDOFFS * eps * max(abs(one), abs(other)))


def estimate_slopes(probe: Probe, moves: Sequence[tuple[Array, Array]], noise: Array) -> Estimate:
    """(outputs, moves) derivatives along some moves, each of some entries by some amounts for a step of one.

    Moves that meet a kink are made smaller, until they don't.
    """
    found = _once(probe, moves, noise)
    for closer in CLOSER:
        loose = ~(found.error <= SHARP * np.abs(found.value).max(axis=0, initial=0)).all(axis=0)
        again = np.flatnonzero(loose).tolist()
        if not again:
            break
        smaller = _once(probe, [(moves[m][0], closer * moves[m][1]) for m in again], noise)
        value, error = smaller.value / closer, smaller.error / closer
        better = error < found.error[:, again]
        found.value[:, again] = np.where(better, value, found.value[:, again])
        found.error[:, again] = np.where(better, error, found.error[:, again])
    return found


def _once(probe: Probe, moves: Sequence[tuple[Array, Array]], noise: Array) -> Estimate:
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
        # Of very many outputs some seem to bend by chance; at a kink the last quotients are apart, or both sides are.
        rough = 2 * np.ptp(quotients.central[-3:], axis=0) + np.abs(quotients.bend[-1])
        rough[~(rough <= SHARP * np.abs(value[smooth]).max(initial=0))] = np.inf
    bound = np.where(smooth, bound + 2.0**-40 * np.abs(value), rough)
    shape = (len(moves), probe.outputs)
    return Estimate(value.reshape(shape).T.copy(), bound.reshape(shape).T.copy())
