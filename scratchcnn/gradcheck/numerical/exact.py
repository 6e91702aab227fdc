"""Exact derivatives of polynomials of low degree: on small integers float64 makes no roundoff, and `==` decides.

Convolution, dense layers and averages are linear in each input, a squared error is quadratic. For such a function
`(f(x + v) - f(x - v)) / 2` is the derivative along v without truncation, and on a lattice of small integers without
roundoff, so no relative error, however small, gets through. The lattice lies at the caller's own point, rounded, so
that what depends on the values (a threshold, a zero) is met there too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.probe import Probe

# Largest integers used. A sum of 2^20 products of three of them is below 2^53.
LARGEST_POINT, LARGEST_COTANGENT, LARGEST_DIRECTION = 2**9, 2**4, 2**8
LATTICE_DIRECTIONS = 4
# Where a direction shows a mistake, so many slopes may be taken to find its entries; more where the arrays are small,
# as long as they read and write no more numbers than that in all.
LEAST_SLOPES, MOST_NUMBERS = 200, 2 * 10**7
# An exact gradient is an integer over a small power of two (squared errors halve), times the caller's factor.
DYADIC_FACTOR = 2**8
EXACT_LIMIT = 2.0**53


@dataclass(frozen=True)
class Exact:
    """The outcome for one input on the lattice: `proven` says that the arithmetic was exact there.

    `analytic` and `numerical` are flat arrays; `wrong` marks the entries that differ. `entries` are the flat indices of
    those that were looked at: all, unless very many are wrong. At the others `numerical` is NaN, and nothing is marked.
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

    An array of nothing but zeros is drawn, since zeros hide mistakes.
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

    Four random integer directions are tried first: a wrong entry is missed by one with a probability of 1/512 at most,
    by all four below 2e-11. Where one of them differs, halves that differ lead to the wrong entries.

    Parameters
    ----------
    backward
        `backward(grad_output, *inputs)`, one gradient per input.
    wrt
        Which inputs.
    degree
        1 or 2: the degree of forward in each input taken alone.
    factor
        What the lattice is multiplied by so that the divisions of forward are exact.
    fresh
        As in `Probe`: forward writes into its inputs.
    """
    points = [lattice(np.asarray(x), factor, rng) for x in inputs]
    probes = {i: Probe(forward, points, i, fresh=fresh) for i in wrt}
    output = probes[wrt[0]]
    cotangent = rng.integers(1, LARGEST_COTANGENT, output.outputs) * rng.choice(
        [-2.0 * factor, 2.0 * factor], output.outputs
    )
    gradients = backward(cotangent.reshape(output.output_shape), *(p.copy() for p in points))
    found = {}
    for i, probe in probes.items():
        analytic = np.asarray(gradients[i], np.float64).reshape(-1)
        found[i] = _compare(probe, analytic, cotangent, degree, factor, rng)
    return found


def _compare(
    probe: Probe, analytic: Array, cotangent: Array, degree: int, factor: int, rng: np.random.Generator
) -> Exact:
    possible = analytic * DYADIC_FACTOR == np.rint(analytic * DYADIC_FACTOR)  # no other number is a derivative here
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
    """Slopes of one input on the lattice, beside those of the gradient that is claimed."""

    probe: Probe
    claimed: Array
    cotangent: Array
    degree: int
    factor: int
    rng: np.random.Generator
    taken: int = 0

    def corrected(self, most: int) -> Array:
        """The gradient, with NaN where so many slopes, about, were not enough to find it."""
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
        """How much larger than claimed the slope along some entries is, times `factor`."""
        self.taken += 1
        direction = self.factor * direction
        claimed = self.claimed[where] * direction
        if not np.abs(claimed).sum() * DYADIC_FACTOR < EXACT_LIMIT:
            raise _InexactError
        return _slope(self.probe, where, direction, self.cotangent, self.degree) - float(claimed.sum())


def _slope(probe: Probe, where: Any, direction: Array, cotangent: Array, degree: int) -> float:
    """The derivative along a direction.

    The proof that it is exact is the difference of order degree + 1, which is zero for a polynomial of that degree
    computed exactly.
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
