"""The complex step: where forward is holomorphic, one evaluation gives a derivative that is right to roundoff.

    f(x + ih) = f(x) + ih f'(x) - h² f''(x) / 2 - ...,  so  Im f(x + ih) / h = f'(x) + O(h²)

Nothing is subtracted, so h may be 1e-20 and the second term vanishes, however far f is offset (Squire and Trapp 1998).
It is never trusted alone: `abs`, `>=`, `max`, a conjugate, or a buffer of floats break it silently. It must agree with
differences: at some entries, or along directions that move all of them.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.numerical.direction import UNEVEN_SHARE, directional, moved_along
from scratchcnn.gradcheck.numerical.noise import COVERAGE, EPS, FLOOR, least_noise
from scratchcnn.gradcheck.numerical.probe import Array, Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN

STEP = 1e-20
# Roundoffs of the sum Σ|c||∂y/∂x| that the result is taken to be off by, at least; and what its distance to the
# clongdouble twin is multiplied by.
ROUNDOFFS, TWIN = 64.0, 4.0
BESIDE = UNEVEN * 2.0**-20  # a relative distance at which roundoff is another
# Along how many directions it is held to differences, and how far off it must be to be seen for sure.
DIRECTIONS, ROOM = 8, 16.0
# What differs more than this along the first direction need not be asked for entry by entry.
LOOSELY = 1e-3
# What the differences would let pass must be below this share of an entry, or of the largest.
SMALL = 1e-6


def complex_step(probe: Probe, entries: Array, unit: Array, cotangent: Array) -> tuple[Array, Array] | None:
    """Derivatives of the contracted output by `entries`, with bounds; None where forward refuses complex numbers.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    entries
        Flat indices into that input.
    unit
        (size of the input,) the scale of each entry.
    cotangent
        (outputs,) the weights of the outputs.
    """
    narrow, wide = (_Stepper(probe, dtype, least_noise(probe)) for dtype in (np.complex128, np.clongdouble))
    found = narrow.contracted(entries, unit, cotangent)
    if found is None:
        return None
    value, size, _ = found
    distance = np.zeros(len(entries))
    # The distance to the twin may vanish by chance, where both round alike: it is taken close by, too.
    for beside in (0.0, BESIDE, -BESIDE):
        one = narrow.contracted(entries, unit, cotangent, beside) if beside else found
        twin = wide.contracted(entries, unit, cotangent, beside)
        if one is not None and twin is not None:
            distance = np.maximum(distance, np.abs(twin[0] - one[0]).astype(np.float64))
    bound: Array = ROUNDOFFS * EPS * size + TWIN * distance
    return value, bound


@dataclass(frozen=True)
class Held:
    """Complex steps that differences hold to, each (entries,).

    `known` says where the two together vouch for the result: what the differences would let pass is small there. It is
    nowhere so unless they agree. `roundoff` is that of Σ|c||y| over the outputs that the entry moves, by its unit.
    """

    value: Array
    bound: Array
    roundoff: Array
    known: Array
    agree: bool = True


def held_to_directions(
    probe: Probe, entries: Array, unit: Array, cotangent: Array, noise: Array, rng: np.random.Generator
) -> Held | None:
    """Complex steps for many entries, held to differences along random directions; None where forward refuses them.

    Each direction moves every entry by half its unit to a whole one, to either side. Were the complex step off at an
    entry by `ROOM` times what a direction can tell, the direction would show it with a probability of 1 - 2 / ROOM,
    whatever the errors at the others: all directions miss it once in 10^7.

    Parameters
    ----------
    probe, entries, unit, cotangent
        As in `complex_step`.
    noise
        (outputs,) a bound for the roundoff of the outputs.
    rng
        Draws the directions.
    """
    shape = (DIRECTIONS, len(entries))
    directions = unit[entries] * rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1, shape)
    stepper = _Stepper(probe, np.complex128, noise / FLOOR)
    along, differences, blur = np.empty((3, DIRECTIONS))
    nothing = np.zeros(len(entries))
    disagree = Held(nothing, nothing, nothing, nothing != 0, agree=False)
    for k, direction in enumerate(directions):
        found = stepper.along(entries, direction)
        if found is None:
            return None
        along[k] = found @ cotangent
        y = moved_along(probe, direction, entries)
        differences[k], blur[k], agrees = directional(probe, y, cotangent, noise)
        if not agrees or abs(along[k] - differences[k]) > blur[k] + LOOSELY * abs(along[k]):
            return disagree
    contracted = stepper.contracted(entries, unit, cotangent)
    if contracted is None:
        return None
    value, size, moved = contracted
    # What the entries' own roundoff adds up to along the directions; and what blurs the point where it is taken.
    own = float(np.abs(directions @ value - along).max())
    blur += UNEVEN_SHARE * (np.abs(directions) @ np.abs(value)) + own
    if (np.abs(directions @ value - differences) > blur).any():
        return disagree
    bound = ROUNDOFFS * EPS * size + (COVERAGE * own + np.abs(cotangent) @ noise) / unit[entries]
    passing = ROOM * blur.max() / unit[entries]
    return Held(value, bound, moved, passing <= SMALL * np.maximum(np.abs(value), np.abs(value).max()))


class _Stepper:
    """Forward in complex numbers: Im f(x + ih) / h along a direction, or None where it refuses them."""

    def __init__(self, probe: Probe, dtype: DTypeLike, roundoff: Array) -> None:
        self.forward, self.roundoff, self.dtype = probe.forward, roundoff, np.dtype(dtype)
        # All are as precise: what float64 rounds among the other inputs would be the same in a twin.
        real = np.empty(0, dtype).real.dtype
        self.arrays = [a.astype(real if a.dtype.kind == "f" else a.dtype) for a in probe.arrays]
        self.arrays[probe.index] = self.arrays[probe.index].astype(dtype, order="C")
        self.x = self.arrays[probe.index].reshape(-1)

    def along(self, entries: Array | int, direction: Array, beside: float = 0) -> Array | None:
        """(outputs,) the derivative along a direction that moves some entries, at or beside the point."""
        here = self.x[entries]
        self.x[entries] += beside * here + 1j * (STEP * direction)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part that was dropped
                y = np.asarray(self.forward(*self.arrays))
        except Exception:
            return None
        self.x[entries] = here
        if y.dtype != self.dtype or not np.all(STEP * direction):
            return None
        derivative: Array = y.imag.reshape(-1) / STEP
        return derivative

    def contracted(
        self, entries: Array, unit: Array, cotangent: Array, beside: float = 0
    ) -> tuple[Array, Array, Array] | None:
        """Σ c ∂y/∂x, Σ|c||∂y/∂x|, and Σ|c| roundoff by the unit over the outputs that move: each (entries,)."""
        value, size, moved = np.zeros((3, len(entries)), self.x.real.dtype)
        weight = np.abs(cotangent)
        for k, entry in enumerate(entries):
            row = self.along(entry, unit[entry], beside)
            if row is None:
                return None
            value[k], size[k], moved[k] = (
                row @ cotangent,
                np.abs(row) @ weight,
                weight[row != 0] @ self.roundoff[row != 0],
            )
        return value / unit[entries], size / unit[entries], moved / unit[entries]
