"""The mean of a kernel's gradient over points beside each other, where its roundings cancel and a mistake stays.

The inputs and the cotangent move a little, up or down by chance, to other numbers of their format (dithering). The
derivatives are those of forward in float64, by central differences at each point: they need only be better than the
format.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical.probe import Probe

# Over how many points the mean is, at most and at least.
MOST_POINTS, LEAST_POINTS = 32, 8
# How far a number may go: in units of its last place; or as a share of it, if that is more.
FARTHEST, SHARE = 1.5, 2.0**-6
# In units: the step of the differences.
STEP = 2.0**-17
# Sides that differ by more belong to a kink: in u of the largest derivative; or as a share of it, if that is more.
SIDES, SIDES_SHARE = 0.125, 2.0**-10


@dataclass(frozen=True)
class Dithered:
    """(entries,) the distance of the gradient from the derivative, its mean and deviation; of how many points."""

    distance: Array
    deviation: Array
    value: Array
    points: Array


def dithered(
    case: Case, cotangent: Array, index: int, entries: Array, points: int, rng: np.random.Generator
) -> Dithered:
    """The means over `points` points around the inputs; entries at a kink are left out there."""
    distance, squares, value, count = np.zeros((4, entries.size))
    for near, weights in _neighbours(case, cotangent, points, rng):
        gradient = np.asarray(case.gradients(weights, [a.copy() for a in near])[index], np.float64).reshape(-1)[entries]
        derivative, smooth = _differences(Probe(case.forward, near, index), weights, entries, case.eps(index))
        smooth &= np.isfinite(gradient)
        off = np.where(smooth, gradient - derivative, 0)
        distance += off
        squares += off**2
        value[smooth] += derivative[smooth]
        count += smooth
    some = np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(squares - distance**2 / some, 0) / np.maximum(count - 1, 1))
    return Dithered(distance / some, deviation, value / some, count)


def _neighbours(
    case: Case, cotangent: Array, points: int, rng: np.random.Generator
) -> Iterator[tuple[tuple[Array, ...], Array]]:
    def moved(array: Array, eps: float) -> Array:
        if array.dtype.kind != "f":
            return array.copy()
        moves = 1 + max(FARTHEST * eps, SHARE) * rng.uniform(-1, 1, array.shape)
        return (array * moves).astype(array.dtype)

    output = 0.0 if case.output_format is None else case.output_format.eps
    for _ in range(points):
        inputs = case.rounded([moved(a, case.own_eps(k)) for k, a in enumerate(case.inputs)])
        yield inputs, case.rounded_cotangent(moved(cotangent, output))


def _differences(probe: Probe, cotangent: Array, entries: Array, eps: float) -> tuple[Array, Array]:
    """(entries,) the derivatives, and where the two sides agree."""
    weights = cotangent.astype(np.float64).reshape(-1)
    up, down = np.empty((2, entries.size))
    y, steps = np.empty(probe.outputs), STEP * probe.unit[entries]
    for k, (entry, step) in enumerate(zip(entries, steps, strict=True)):
        for side, sign in ((up, 1.0), (down, -1.0)):
            probe.move(entry, probe.base[entry] + sign * step, y)
            side[k] = sign * (weights @ (y - probe.y0)) / step
    value = (up + down) / 2
    smooth = np.abs(up - down) <= max(SIDES * eps / 2, SIDES_SHARE) * np.nanmax(np.abs(value), initial=0)
    return value, smooth
