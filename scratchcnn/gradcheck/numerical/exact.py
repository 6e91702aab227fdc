"""Exact derivatives of polynomials of low degree: on small integers float64 makes no roundoff, and `==` decides.

Convolution, dense layers and averages are linear in each input, a squared error is quadratic. For such a function
`(f(x + v) - f(x - v)) / 2` is the derivative along v without truncation error, and on a lattice of small integers
without roundoff. No relative error, however small, gets through. The point of the lattice is the caller's own, rounded:
a mistake that depends on the values (a threshold, a zero) shows there too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.probe import Probe

# Without the caller's factor: the largest integer among the inputs, which are even. A sum of 2^20 products of an input,
# a cotangent and an entry of a direction is far below 2^53.
LARGEST_POINT = 2**9
# A cotangent is twice an integer below this, with a sign, times the caller's factor.
COTANGENT_INTEGERS = 2**4
# Without the caller's factor: the largest integer in a direction. There are twice as many numbers with a sign, so that
# a direction hides a mistake with a probability of 1/512 at most.
LARGEST_DIRECTION = 2**8
# How many directions are tried: together they hide a mistake with a probability below 2e-11.
LATTICE_DIRECTIONS = 4
# How many slopes may be taken at least to find the wrong entries, where a direction shows a mistake.
LEAST_SLOPES = 200
# In numbers read and written: where arrays are small, more slopes may be taken, up to this amount of work.
MOST_NUMBERS = 2 * 10**7
# An exact gradient, times the largest denominator (squared errors halve), is an integer.
DYADIC_FACTOR = 2**8
# Integers up to this are exact in float64.
EXACT_LIMIT = 2.0**53


@dataclass(frozen=True)
class Exact:
    """The outcome for one input on the lattice.

    Attributes
    ----------
    proven
        Whether the arithmetic was exact.
    analytic, numerical
        (size of the input,) the two gradients; `numerical` is NaN at entries that were not looked at.
    wrong
        (size of the input,) bool: which entries differ.
    entries
        Flat indices of the entries that were looked at: all, unless very many are wrong.
    """

    proven: bool
    analytic: Array
    numerical: Array
    wrong: Array
    entries: Array


class _InexactError(Exception):
    """The outputs do not prove that they were computed exactly."""


def lattice(x: Array, factor: int, rng: np.random.Generator) -> Array:
    """The array rounded to even integers of at most `LARGEST_POINT`, times `factor`. Zeros and signs stay.

    An array of zeros is replaced by drawn numbers, since zeros hide mistakes.
    """
    if x.dtype.kind != "f":
        return x
    scale = np.abs(x[np.isfinite(x)]).max(initial=0)
    if scale == 0:
        return 2.0 * factor * rng.integers(-4, 5, x.shape)
    rounded = np.rint(np.nan_to_num(x / scale) * (LARGEST_POINT / 2))
    return 2.0 * factor * np.where((rounded == 0) & (x != 0), np.sign(x), rounded).astype(np.float64)


def exact_gradients(
    forward: Callable[..., Any],
    backward: Callable[..., Sequence[Array | None]],
    inputs: Sequence[Array],
    wrt: Sequence[int],
    degree: int,
    factor: int,
    rng: np.random.Generator,
    *,
    fresh: bool = False,
) -> dict[int, Exact]:
    """Compares backward with exact derivatives on a lattice near `inputs`, input by input.

    Random integer directions are tried first. If both sides differ along one, the wrong entries are found by bisection.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`.
    backward
        `backward(grad_output, *inputs)`, one gradient per input.
    inputs, wrt
        The caller's point, and which inputs are compared.
    degree
        1 or 2: the degree of forward in each input taken alone.
    factor
        The lattice is multiplied by it, so that the divisions of forward are exact.
    rng
        Draws the cotangent and the directions.
    fresh
        As in `Probe`: forward writes into its inputs.
    """
    points = [lattice(np.asarray(x), factor, rng) for x in inputs]
    probes = {i: Probe(forward, points, i, fresh=fresh) for i in wrt}
    output = probes[wrt[0]]
    sizes = rng.integers(1, COTANGENT_INTEGERS, output.outputs)
    cotangent = sizes * rng.choice([-2.0 * factor, 2.0 * factor], output.outputs)
    gradients = backward(cotangent.reshape(output.output_shape), *(p.copy() for p in points))
    found = {}
    for i, probe in probes.items():
        analytic = np.asarray(gradients[i], np.float64).reshape(-1)
        found[i] = _compare(probe, analytic, cotangent, degree, factor, rng)
    return found


def _compare(
    probe: Probe, analytic: Array, cotangent: Array, degree: int, factor: int, rng: np.random.Generator
) -> Exact:
    possible = analytic * DYADIC_FACTOR == np.rint(analytic * DYADIC_FACTOR)  # no other number can be a derivative here
    slopes = _Slopes(probe, np.where(possible, analytic, 0), cotangent, degree, factor, rng)
    everything = np.arange(analytic.size)
    try:
        numerical = slopes.corrected(max(LEAST_SLOPES, MOST_NUMBERS // (probe.base.size + probe.outputs)))
    except _InexactError:
        return Exact(False, analytic, np.full_like(analytic, np.nan), np.zeros_like(possible), everything)
    seen = ~np.isnan(numerical)
    return Exact(True, analytic, numerical, seen & (numerical != analytic), everything[seen])


@dataclass
class _Slopes:
    """Slopes of one input on the lattice, compared with those of the gradient that is claimed."""

    probe: Probe
    claimed: Array
    cotangent: Array
    degree: int
    factor: int
    rng: np.random.Generator
    taken: int = 0

    def corrected(self, most: int) -> Array:
        """The gradient, with NaN at entries that about `most` slopes were not enough to find."""
        gradient = self.claimed.copy()
        blocks = [self.rng.permutation(gradient.size)] if self._differ(slice(None)) else []
        while blocks and self.taken < most:
            block = blocks.pop()
            if block.size == 1:
                gradient[block] += self._excess(block, np.ones(1)) / self.factor
            else:
                blocks += [half for half in np.array_split(block, 2) if self._differ(half)]
        for block in blocks:
            gradient[block] = np.nan
        return gradient

    def _differ(self, where: Any) -> bool:
        """Whether some entries are not as claimed."""
        count = self.claimed[where].size
        for _ in range(LATTICE_DIRECTIONS):
            direction = self.rng.integers(1, LARGEST_DIRECTION + 1, count) * self.rng.choice([-1.0, 1.0], count)
            if self._excess(where, direction):
                return True
        return False

    def _excess(self, where: Any, direction: Array) -> float:
        """The slope along some entries less the one that is claimed, times `factor`."""
        self.taken += 1
        direction = self.factor * direction
        claimed = self.claimed[where] * direction
        if not np.abs(claimed).sum() * DYADIC_FACTOR < EXACT_LIMIT:
            raise _InexactError
        return _slope(self.probe, where, direction, self.cotangent, self.degree) - float(claimed.sum())


def _slope(probe: Probe, where: Any, direction: Array, cotangent: Array, degree: int) -> float:
    """The derivative along a direction.

    The difference of order degree + 1 proves that it is exact: for a polynomial of that degree, computed exactly, this
    difference is zero.
    """
    y = np.empty((3, probe.outputs))
    for row, t in zip(y, (-1, 1, 2)[: degree + 1], strict=False):
        probe.move(where, probe.base[where] + t * direction, row)
    below, above, beyond = y
    second = above - 2 * probe.y0 + below
    remainder = second if degree == 1 else beyond - 2 * above + probe.y0 - second
    weighted = cotangent * (above - below) / 2
    if remainder.any() or not np.abs(weighted).sum() < EXACT_LIMIT:
        raise _InexactError
    return float(weighted.sum())
