"""The complex step: where forward is holomorphic, one evaluation gives a derivative that is right to roundoff.

    f(x + ih) = f(x) + ih f'(x) - h² f''(x) / 2 - ...,  so  Im f(x + ih) / h = f'(x) + O(h²)

Nothing is subtracted, so h may be 1e-20 and the second term vanishes, however far f is offset (Squire and Trapp 1998).
It is never trusted alone: `abs`, `>=`, `max`, a conjugate, or a buffer of floats break it silently. It must agree with
differences: at some entries, or along directions that move all of them.
"""

from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.caller_warnings import filtered_here
from scratchcnn.gradcheck.numerical.differences import largest
from scratchcnn.gradcheck.numerical.directional import MOVE_ROUNDING, directional_derivative, moved_along
from scratchcnn.gradcheck.numerical.noise import EPS, FLOOR_ROUNDOFFS, NOISE_COVERAGE, noise_at
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

IMAGINARY_STEP = 1e-20
# A smaller step gives the same result where forward is holomorphic at the point. At the end of a domain (x^1.5 at 0)
# the result falls or rises with the step.
SMALLER_STEP = IMAGINARY_STEP * 2.0**-32
# Roundoffs of the sum Σ|c||∂y/∂x| that the result is taken to be off by, at least; and what its distance to the
# clongdouble twin is multiplied by.
LEAST_ROUNDOFFS, COMPLEX_TWIN_FACTOR = 64.0, 4.0
BESIDE_SHARE = UNEVEN_STEP * 2.0**-20  # a relative distance at which roundoff is another
# Along how many directions it is held to differences, and how far off it must be to be seen for sure.
HOLDING_DIRECTIONS, DETECTION_FACTOR = 8, 16.0
# What differs more than this along the first direction need not be asked for entry by entry.
EARLY_MISMATCH = 1e-3
# What the differences would let pass must be below this share of an entry, or of the largest.
UNDETECTED_SHARE = 1e-6


def complex_step(
    probe: Probe, entries: Array, unit: Array, cotangent: Array, noise: Array
) -> tuple[Array, Array] | None:
    """Derivatives of the contracted output by `entries`, with bounds; None where forward refuses complex numbers.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    entries
        Flat indices into that input.
    unit
        (size of the input,) the scale of each entry.
    cotangent, noise
        (outputs,) the weights of the outputs, and a bound for their roundoff.
    """
    narrow, wide = (_Stepper(probe, dtype) for dtype in (np.complex128, np.clongdouble))
    found = narrow.contracted(entries, unit, cotangent)
    if found is None:
        return None
    value, size = found[:2]
    distance = np.zeros(len(entries))
    # The distance to the twin may vanish by chance, where both round alike: it is taken close by, too.
    for beside in (0.0, BESIDE_SHARE, -BESIDE_SHARE):
        one = narrow.contracted(entries, unit, cotangent, beside) if beside else found
        twin = wide.contracted(entries, unit, cotangent, beside, SMALLER_STEP)
        if twin is None and not beside:
            twin = narrow.contracted(entries, unit, cotangent, beside, SMALLER_STEP)
        if one is not None and twin is not None:
            distance = np.maximum(distance, np.abs(twin[0] - one[0]).astype(np.float64))
    # An entry along which no output moves has their roundoff for a bound: its terms may have cancelled (x - sin x).
    still = np.where(size == 0, np.abs(cotangent) @ noise / unit[entries], 0)
    bound: Array = LEAST_ROUNDOFFS * EPS * size + COMPLEX_TWIN_FACTOR * distance + still
    return value, bound


@dataclass(frozen=True)
class Held:
    """Complex steps that differences hold to, each (entries,).

    `known` says where the two together vouch for the result: what the differences would let pass is small there. It is
    nowhere so unless they agree. `scale` is Σ|c||y| over the outputs that the entry moves, by the largest |y| along the
    directions, and `roundoff` that of this sum; both by the entry's unit.
    """

    value: Array
    bound: Array
    roundoff: Array
    scale: Array
    known: Array
    agree: bool = True


def held_to_directions(
    probe: Probe, entries: Array, unit: Array, cotangent: Array, noise: Array, rng: np.random.Generator
) -> Held | None:
    """Complex steps for many entries, held to differences along random directions; None where forward refuses them.

    Each direction moves every entry by half its unit to a whole one, to either side. Were the complex step off at an
    entry by `DETECTION_FACTOR` times what a direction can tell, the direction would show it with a probability of
    1 - 2 / DETECTION_FACTOR, whatever the errors at the others: all directions miss it once in 10^7.

    Parameters
    ----------
    probe, entries, unit, cotangent
        As in `complex_step`.
    noise
        (outputs,) a bound for the roundoff of the outputs.
    rng
        Draws the directions.
    """
    shape = (HOLDING_DIRECTIONS, len(entries))
    directions = unit[entries] * rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1, shape)
    stepper = _Stepper(probe, np.complex128)
    reached = np.abs(probe.y0)
    along, differences, blur = np.empty((3, HOLDING_DIRECTIONS))
    nothing = np.zeros(len(entries))
    disagree = Held(nothing, nothing, nothing, nothing, nothing != 0, agree=False)
    for k, direction in enumerate(directions):
        found = stepper.along(entries, direction, step=SMALLER_STEP)
        if found is None:
            return None
        along[k] = found @ cotangent
        y = moved_along(probe, direction, entries)
        reached = largest(np.abs(y).reshape(-1, probe.outputs), reached)
        differences[k], blur[k], agrees = directional_derivative(probe, y, cotangent, noise)
        if not agrees or abs(along[k] - differences[k]) > blur[k] + EARLY_MISMATCH * abs(along[k]):
            return disagree
    weights = np.abs(cotangent)[:, None] * np.stack(
        [noise_at(reached, probe.y0, noise) / FLOOR_ROUNDOFFS, reached], axis=1
    )
    contracted = stepper.contracted(entries, unit, cotangent, weights=weights)
    if contracted is None:
        return None
    value, size, (roundoff, scale) = contracted
    # What the entries' own roundoff adds up to along the directions; and what blurs the point where it is taken.
    own = float(np.abs(directions @ value - along).max())
    blur += MOVE_ROUNDING * (np.abs(directions) @ np.abs(value)) + own
    if (np.abs(directions @ value - differences) > blur).any():
        return disagree
    bound = LEAST_ROUNDOFFS * EPS * size + (NOISE_COVERAGE * own + np.abs(cotangent) @ noise) / unit[entries]
    passing = DETECTION_FACTOR * blur.max() / unit[entries]
    return Held(
        value, bound, roundoff, scale, passing <= UNDETECTED_SHARE * np.maximum(np.abs(value), np.abs(value).max())
    )


class _Stepper:
    """Forward in complex numbers: Im f(x + ih) / h along a direction, or None where it refuses them."""

    def __init__(self, probe: Probe, dtype: DTypeLike) -> None:
        self.forward, self.dtype = probe.forward, np.dtype(dtype)
        # All are as precise: what float64 rounds among the other inputs would be the same in a twin.
        real = np.empty(0, dtype).real.dtype
        self.arrays = [a.astype(real if a.dtype.kind == "f" else a.dtype) for a in probe.arrays]
        self.arrays[probe.index] = self.arrays[probe.index].astype(dtype, order="C")
        self.x = self.arrays[probe.index].reshape(-1)
        self.called, self.outputs = False, probe.outputs

    def along(
        self, entries: Array | int, direction: Array, beside: float = 0, step: float = IMAGINARY_STEP
    ) -> Array | None:
        """(outputs,) the derivative along a direction that moves some entries, at or beside the point."""
        here = self.x[entries]
        self.x[entries] += beside * here + 1j * (step * direction)
        try:
            # The first call shows whether forward drops imaginary parts.
            with nullcontext() if self.called else filtered_here("error", np.exceptions.ComplexWarning):
                y = np.asarray(self.forward(*self.arrays))
        except Exception:
            return None
        self.called = True
        self.x[entries] = here
        if y.dtype != self.dtype or y.size != self.outputs or not np.all(step * direction):
            return None
        derivative: Array = y.imag.reshape(-1) / step
        return derivative

    def contracted(
        self,
        entries: Array,
        unit: Array,
        cotangent: Array,
        beside: float = 0,
        step: float = IMAGINARY_STEP,
        weights: Array | None = None,
    ) -> tuple[Array, Array, Array] | None:
        """Σ c ∂y/∂x and Σ|c||∂y/∂x|, each (entries,), and what the outputs that move weigh by the unit.

        (sums, entries) sums of `weights` (outputs, sums), over all outputs where none moves.
        """
        value, size = np.zeros((2, len(entries)), self.x.real.dtype)
        weight = np.abs(cotangent)
        weights = np.zeros((len(weight), 0)) if weights is None else weights
        moved = np.zeros((len(entries), weights.shape[1]))
        for k, entry in enumerate(entries):
            row = self.along(entry, unit[entry], beside, step)
            if row is None:
                return None
            value[k], size[k] = row @ cotangent, np.abs(row) @ weight
            moved[k] = (row != 0) @ weights if row.any() else weights.sum(axis=0)
        return value / unit[entries], size / unit[entries], moved.T / unit[entries]
