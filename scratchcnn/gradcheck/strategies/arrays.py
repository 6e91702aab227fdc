"""Arrays of floats at which a gradient can be checked: no two entries are equal, and none is far smaller than another.

Hypothesis's own `arrays` repeats one value wherever it likes (its `fill`), and likes zeros, huge numbers and tiny ones.
At equal entries a transposed gradient, or one summed over the wrong axis, looks right; beside huge ones it is lost in
roundoff. What is drawn here are multiples of a power of two, which every precision holds exactly.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from hypothesis.extra.numpy import array_shapes
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.strategies.arguments import Shape, Shapes, finite, flag, floating, integer, shapes_of
from scratchcnn.gradcheck.strategies.choices import BYTE, composite, numbers

# Up to four axes, of up to four entries each; scalars, too.
SHAPES: SearchStrategy[Shape] = array_shapes(min_dims=0, max_dims=4, max_side=4)
# The largest size of an entry, where nothing else is asked for.
LARGEST = 4.0
# How many times as large as the smallest entry the largest may be.
SPREAD = 16
# In units, a power of two: an entry is a multiple of this, and farther from a kink.
STEP, GAP = 1 / 32, 1 / 8
# The unit is the largest size divided by this, or a little less.
UNITS = 4
# The most bits that are looked for in a number of a dtype. None of NumPy's has as many.
MOST_BITS = 128
# Of arrays with equal entries: from how many different sizes they are drawn.
FEW = 4


@dataclass(frozen=True)
class _Entries:
    """What the entries of an array may be.

    Attributes
    ----------
    dtype
        That of each number: of a complex array, that of its real and imaginary parts.
    largest
        The largest size.
    whole
        Whether they are integers.
    distinct
        Whether no two have the same size.
    away_from, at
        Kinks: what no entry comes close to, and what some entries are equal to.
    """

    dtype: np.dtype[Any]
    largest: float
    whole: bool
    distinct: bool
    away_from: tuple[float, ...]
    at: tuple[float, ...]

    @property
    def unit(self) -> float:
        return 1.0 if self.whole else 2.0 ** math.floor(math.log2(self.largest / UNITS))

    def multiples(self, steps: Sequence[float], most: float = math.inf) -> tuple[float, ...]:
        """The positive multiples of each step in turn, each half of the one before, up to the `most`-th of each.

        Those are left out that the dtype does not hold, or that are close to a kink.
        """
        found: list[Array] = []
        for step in steps:
            count = min(math.floor(self.largest / self.unit / step), most)
            # The even multiples are those of the step before.
            found.append(np.arange(1, count + 1, 2 if found else 1) * step * self.unit)
        sizes = np.concatenate(found)
        with np.errstate(over="ignore"):
            held = sizes.astype(self.dtype).astype(np.float64) == sizes
        far = [np.abs(np.abs(sizes) - abs(kink)) > GAP * self.unit for kink in self.away_from]
        large = np.full(sizes.shape, True) if self.whole else sizes >= self.largest / SPREAD
        return tuple(sizes[np.logical_and.reduce([held, large, *far])].tolist())


@lru_cache(maxsize=64)
def _sizes(entries: _Entries, count: int) -> tuple[float, ...]:
    """At least `count` positive numbers if there are as many, those of few digits first.

    Neither such a number nor its opposite is close to a kink.

    Raises
    ------
    ValueError
        There is none.
    """
    if entries.whole:  # of which there may be very many: no more are made than can be picked
        most = count + BYTE
        while len(found := entries.multiples([1.0], most)) < count and most < entries.largest:
            most *= 2
    else:
        found = _fractions(entries, count)
    if not found:
        kinks = ", ".join(f"{kink:g}" for kink in entries.away_from)
        raise ValueError(f"away_from leaves no number of a size up to {entries.largest:g}: it has {kinks}")
    return found


def _fractions(entries: _Entries, count: int) -> tuple[float, ...]:
    """The same of numbers that are not whole: of smaller and smaller steps until there are enough."""
    steps = [2.0**-k for k in range(MOST_BITS) if 2.0**-k >= STEP]
    found = entries.multiples(steps)
    while len(found) < count:
        steps = [*steps, steps[-1] / 2]
        more = entries.multiples(steps)
        if len(more) == len(found):  # the dtype holds no more
            break
        found = more
    return found


def arrays(
    shape: Shapes = SHAPES,
    *,
    dtype: DTypeLike = np.float64,
    largest: float | None = None,
    distinct: bool = True,
    degree: int | None = None,
    away_from: float | Iterable[float] = (),
    at: float | Iterable[float] = (),
) -> SearchStrategy[Array]:
    """Arrays whose entries are all of a different size, of either sign, and within a factor of 16 of each other.

    They shrink to 1, 2, 3, ... in order.

    Parameters
    ----------
    shape
        An integer, a tuple, or a strategy of these. Default: up to four axes of up to four entries.
    dtype
        That of floats of any precision, or complex: then both parts are drawn.
    largest
        The largest size of an entry. Default: 4, or twice that of the largest kink; of integers, see `degree`.
    distinct
        False for ties and zeros: every entry is 0 or one of eight numbers. Where a dtype holds fewer numbers than an
        array has entries, sizes occur again, as rarely as possible.
    degree
        For the exact check (`check_gradient(degree=...)`): entries are integers, so small that products of them are
        exact, with half of the dtype's bits left for sums: sizes up to 2^(bits // (2 (degree + 2))), which is 256 in
        float64 for degree 1. That counts as factors the input in this degree, another input and the cotangent.
    away_from
        Kinks, such as 0 of a relu: every entry, and its opposite, is farther from them than `largest` / 64.
    at
        Kinks that one entry is exactly equal to, at least.

    Returns
    -------
    SearchStrategy
        Of arrays.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type or out of its range, or no number is left that is away from all kinks.
    """
    kind = floating(dtype)
    part = np.zeros((), kind).real.dtype if kind.kind == "c" else kind
    away, on = finite("away_from", away_from), finite("at", at)
    if degree is not None:
        degree = integer("degree", degree, 1)
    entries = _Entries(
        part, _largest(largest, part, degree, away + on), degree is not None, flag("distinct", distinct), away, on
    )
    _refuse_kinks(entries)
    _sizes(entries, 1)
    return _arrays(shapes_of(shape), kind, entries)


def _refuse_kinks(entries: _Entries) -> None:
    """Refuses kinks to sit at that no entry may be: beyond the largest, or among those to stay away from."""
    beyond = [kink for kink in entries.at if abs(kink) > entries.largest]
    if beyond:
        raise ValueError(f"at must be of a size up to largest, {entries.largest:g}, got {beyond[0]:g}")
    close = [k for k in entries.at if any(abs(abs(k) - abs(a)) <= GAP * entries.unit for a in entries.away_from)]
    if close:
        raise ValueError(f"at must be none of the kinks that away_from keeps entries from, got {close[0]:g}")


@composite
def _arrays(draw: DrawFn, shapes: SearchStrategy[Shape], dtype: np.dtype[Any], entries: _Entries) -> Array:
    shape = draw(shapes)
    size = math.prod(shape)
    parts = [_values(draw, size, entries) for _ in range(2 if dtype.kind == "c" else 1)]
    values = parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]
    return values.astype(dtype).reshape(shape)


def _values(draw: DrawFn, size: int, entries: _Entries) -> Array:
    """(size,) entries in float64."""
    drawn = draw(numbers(size))
    values = _distinct(drawn, _sizes(entries, size)) if entries.distinct else _few(drawn, entries)
    if entries.at and size:
        first = draw(numbers(1, size))[0]
        picked = draw(numbers(size))
        here = (picked % 4 == 3) | (np.arange(size) == first)
        values = np.where(here, np.array(entries.at)[picked // 4 % len(entries.at)], values)
    return values


def _distinct(drawn: Array, sizes: Sequence[float]) -> Array:
    """Each number of `drawn` picks a sign and one of the sizes that are left; none is left out before all are used."""
    left: list[float] = []  # the last comes first: of a long list one near the end is taken out quickly
    values = np.empty(len(drawn))
    for k, number in enumerate(drawn.tolist()):
        left = left or list(reversed(sizes))
        values[k] = left.pop(-1 - number // 2 % len(left)) * (-1) ** number
    return values


def _few(drawn: Array, entries: _Entries) -> Array:
    """Each number of `drawn` picks 0, or one of few sizes and a sign."""
    few = _sizes(entries, 1)[:FEW]
    zero = [] if any(abs(kink) <= GAP * entries.unit for kink in entries.away_from) else [0.0]
    choices = np.array([*zero, *(sign * size for size in few for sign in (1, -1))])
    values: Array = choices[drawn % len(choices)]
    return values


def _largest(largest: float | None, dtype: np.dtype[Any], degree: int | None, kinks: Sequence[float]) -> float:
    """The largest size of an entry."""
    if largest is not None:
        (most,) = finite("largest", [largest])
        if not 0 < most <= _greatest(dtype):
            raise ValueError(f"largest must be a positive number that {dtype} holds, got {largest!r}")
        if degree is not None and most < 1:
            raise ValueError(f"largest must be at least 1 where entries are integers (degree), got {largest!r}")
        return most
    if degree is not None:
        return float(2 ** max(1, _bits(dtype) // (2 * (degree + 2))))
    return max(LARGEST, min(_greatest(dtype), 2 * max(map(abs, kinks), default=0.0)))


def _bits(dtype: np.dtype[Any]) -> int:
    """How many binary digits a number of the dtype has: the first k where 2^k + 1 is rounded."""

    def rounds(k: int) -> bool:
        # In a longdouble 2^64 + 1 is exact as a sum, where it would not be as a float of Python's.
        power, one = np.array(2.0**k).astype(dtype), np.array(1.0).astype(dtype)
        return bool(power + one == power)

    with np.errstate(over="ignore"):
        return next(k for k in range(1, MOST_BITS) if rounds(k))


def _greatest(dtype: np.dtype[Any]) -> float:
    """A number that the dtype holds, with room for products."""
    powers = np.array([2.0**k for k in range(8, 512)])
    with np.errstate(over="ignore"):
        held = np.isfinite(powers.astype(dtype).astype(np.float64))
    return float(powers[held].max(initial=1.0))
