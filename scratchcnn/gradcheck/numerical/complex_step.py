"""The complex step: where forward is holomorphic, one evaluation gives a derivative that is right to roundoff.

    f(x + ih) = f(x) + ih f'(x) - h² f''(x) / 2 - ...,  so  Im f(x + ih) / h = f'(x) + O(h²)

Nothing is subtracted, so h may be 1e-20, and the second term vanishes however far f is offset (Squire and Trapp 1998).
The complex step is never trusted alone: `abs`, `>=`, `max`, a conjugate, or a buffer of floats break it silently. It
must agree with differences: at some entries, or along directions that move all of them.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.caller_warnings import filtered_here
from scratchcnn.gradcheck.numerical.directional import MOVE_ROUNDING, directional_derivative, moved_along
from scratchcnn.gradcheck.numerical.noise import EPS, FLOOR_ROUNDOFFS, NOISE_COVERAGE, noise_at
from scratchcnn.gradcheck.numerical.probe import Contraction, Line, Probe
from scratchcnn.gradcheck.numerical.quotients import largest
from scratchcnn.gradcheck.numerical.spreading import spread
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# In units: the imaginary step. Its square is far below roundoff.
IMAGINARY_STEP = 1e-20
# In units: a second step. It gives the same result where forward is holomorphic; at the end of a domain (x^1.5 at 0)
# the result falls or rises with the step.
SMALLER_STEP = IMAGINARY_STEP * 2.0**-32
# In roundoffs of Σ|c||∂y/∂x|: the least bound of a result.
LEAST_ROUNDOFFS = 64.0
# A ratio: how many times its distance to the twin (clongdouble, or the smaller step) a result may be off.
COMPLEX_TWIN_FACTOR = 4.0
# As a share of x: how far away the twin is asked a second time, so that roundoff is another.
BESIDE_SHARE = UNEVEN_STEP * 2.0**-20
# How many directions hold the complex steps to differences.
HOLDING_DIRECTIONS = 8
# A ratio: a direction shows an error of this many times its own bound with a probability of 1 - 2 / 16 at least.
DETECTION_FACTOR = 16.0
# As a share of the derivative along a direction: a larger mismatch ends the comparison before entries are looked at.
EARLY_MISMATCH = 1e-3
# How many times longer forward takes in complex numbers, about.
COMPLEX_SLOWDOWN = 3
# As a share of an entry, or of the largest: a complex step is known if an error that the directions miss is smaller.
UNDETECTED_SHARE = 1e-6


def complex_step(contraction: Contraction, entries: Array, unit: Array) -> tuple[Array, Array] | None:
    """Derivatives of the contracted output by `entries`, with bounds; None where forward refuses complex numbers.

    Parameters
    ----------
    contraction
        The number whose derivatives are sought.
    entries
        Flat indices into the input.
    unit
        (size of the input,) the scale of each entry.
    """
    cotangent = contraction.cotangent
    narrow, wide = (_Stepper(contraction.probe, dtype) for dtype in (np.complex128, np.clongdouble))
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
    # Where no output moves, the bound is the roundoff of the outputs: their terms may have cancelled (x - sin x).
    still = np.where(size == 0, np.abs(cotangent) @ contraction.noise / unit[entries], 0)
    bound: Array = LEAST_ROUNDOFFS * EPS * size + COMPLEX_TWIN_FACTOR * distance + still
    return value, bound


@dataclass(frozen=True)
class Held:
    """Complex steps that were held to differences along directions.

    Attributes
    ----------
    value, bound
        (entries,) the derivatives, and their bounds.
    roundoff, scale
        (entries,) Σ|c||y| over the outputs that the entry moves, by the largest |y| along the directions, is `scale`;
        its roundoff is `roundoff`. Both are divided by the entry's unit.
    known
        (entries,) bool: where an error that the directions miss would be small. It is nowhere so unless they agree.
    agree
        Whether the directions agree.
    """

    value: Array
    bound: Array
    roundoff: Array
    scale: Array
    known: Array
    agree: bool = True


def _disagreeing(count: int) -> Held:
    nothing = np.zeros(count)
    return Held(nothing, nothing, nothing, nothing, nothing != 0, agree=False)


def held_to_directions(contraction: Contraction, entries: Array, unit: Array, rng: np.random.Generator) -> Held | None:
    """Complex steps of many entries, held to differences along random directions; None where forward refuses them.

    Each direction moves every entry to either side, by half its unit to a whole one. Suppose the complex step is off at
    an entry by `DETECTION_FACTOR` times the bound of a direction. The direction then shows it with a probability of
    1 - 2 / `DETECTION_FACTOR`, whatever the errors at the other entries. All directions miss it once in 10^7.

    Parameters
    ----------
    contraction, entries, unit
        As in `complex_step`.
    rng
        Draws the directions.
    """
    probe, cotangent, noise = contraction.probe, contraction.cotangent, contraction.noise
    shape = (HOLDING_DIRECTIONS, len(entries))
    directions = unit[entries] * rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1, shape)
    stepper = _Stepper(probe, np.complex128)
    reached = np.abs(probe.y0)
    along, differences, blur = np.empty((3, HOLDING_DIRECTIONS))
    for k, direction in enumerate(directions):
        found = stepper.along(entries, direction, step=SMALLER_STEP)
        if found is None:
            return None
        along[k] = found @ cotangent
        y = moved_along(Line(probe, entries, direction))
        reached = largest(np.abs(y).reshape(-1, probe.outputs), reached)
        differences[k], blur[k], agrees = directional_derivative(contraction, y)
        if not agrees or abs(along[k] - differences[k]) > blur[k] + EARLY_MISMATCH * abs(along[k]):
            return _disagreeing(len(entries))
    roundoffs = noise_at(reached, probe.y0, noise) / FLOOR_ROUNDOFFS
    weights = np.abs(cotangent)[:, None] * np.stack([roundoffs, reached], axis=1)
    contracted = stepper.contracted(entries, unit, cotangent, weights=weights)
    if contracted is None:
        return None
    value, size, (roundoff, scale) = contracted
    # `own` is what the roundoff of the entries adds up to along a direction.
    own = float(np.abs(directions @ value - along).max())
    blur += MOVE_ROUNDING * (np.abs(directions) @ np.abs(value)) + own
    if (np.abs(directions @ value - differences) > blur).any():
        return _disagreeing(len(entries))
    bound = LEAST_ROUNDOFFS * EPS * size + (NOISE_COVERAGE * own + np.abs(cotangent) @ noise) / unit[entries]
    missed = DETECTION_FACTOR * blur.max() / unit[entries]
    known = missed <= UNDETECTED_SHARE * np.maximum(np.abs(value), np.abs(value).max())
    return Held(value, bound, roundoff, scale, known)


class _Stepper:
    """Forward in complex numbers: Im f(x + ih) / h along a direction, or None where forward refuses them."""

    def __init__(self, probe: Probe, dtype: DTypeLike, *, called: bool = False) -> None:
        self.probe, self.forward, self.dtype = probe, probe.forward, np.dtype(dtype)
        # The other inputs have the same precision: a rounding in float64 among them would be the same in the twin.
        real = np.empty(0, dtype).real.dtype
        self.arrays = [a.astype(real if a.dtype.kind == "f" else a.dtype) for a in probe.arrays]
        self.arrays[probe.index] = self.arrays[probe.index].astype(dtype, order="C")
        self.x = self.arrays[probe.index].reshape(-1)
        self.called, self.outputs = called, probe.outputs

    def along(
        self, entries: Array | int, direction: Array, beside: float = 0, step: float = IMAGINARY_STEP
    ) -> Array | None:
        """(outputs,) the derivative along a direction of some entries, at the point or a share of x beside it."""
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
        """The contracted derivatives of entries that move one by one; None where forward refuses complex numbers.

        Returns
        -------
        value, size
            (entries,) Σ c ∂y/∂x and Σ|c||∂y/∂x|.
        moved
            (sums, entries) the sums of `weights` (outputs, sums) over the outputs that the entry moves, or over all
            where it moves none, divided by its unit.
        """
        weights = np.zeros((len(cotangent), 0)) if weights is None else weights
        of = partial(_Stepper, dtype=self.dtype, called=self.called)
        each = partial(_one_by_one, of, beside=beside, step=step, cotangent=cotangent, weights=weights)
        pieces = spread(self.probe, each, entries, unit[entries], evaluations=COMPLEX_SLOWDOWN)
        known = [piece for piece in pieces if piece is not None]
        if len(known) < len(pieces):
            return None
        value, size, moved = (np.concatenate(parts) for parts in zip(*known, strict=True))
        return value / unit[entries], size / unit[entries], moved.T / unit[entries]


def _one_by_one(
    of: Callable[[Probe], _Stepper],
    probe: Probe,
    entries: Array,
    units: Array,
    *,
    beside: float,
    step: float,
    cotangent: Array,
    weights: Array,
) -> tuple[Array, Array, Array] | None:
    """The same in units of each entry, `moved` as (entries, sums)."""
    stepper = of(probe)
    value, size = np.zeros((2, len(entries)), stepper.x.real.dtype)
    weight = np.abs(cotangent)
    moved = np.zeros((len(entries), weights.shape[1]))
    for k, (entry, unit) in enumerate(zip(entries, units, strict=True)):
        row = stepper.along(entry, unit, beside, step)
        if row is None:
            return None
        value[k], size[k] = row @ cotangent, np.abs(row) @ weight
        moved[k] = (row != 0) @ weights if row.any() else weights.sum(axis=0)
    return value, size, moved
