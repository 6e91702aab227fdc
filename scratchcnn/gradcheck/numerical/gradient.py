"""Derivatives of a black box, each with a bound: the methods in the order in which they are asked."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical import staircases
from scratchcnn.gradcheck.numerical.caller_warnings import quiet, undisturbed
from scratchcnn.gradcheck.numerical.complex_step import complex_step, held_to_directions
from scratchcnn.gradcheck.numerical.differences import central_differences, separate, wide_unit
from scratchcnn.gradcheck.numerical.groups import Group, depends, elementwise
from scratchcnn.gradcheck.numerical.kinks import Slope, slope
from scratchcnn.gradcheck.numerical.ladder import Climb, climb
from scratchcnn.gradcheck.numerical.least_squares import Fit
from scratchcnn.gradcheck.numerical.noise import EPS, FLOOR_ROUNDOFFS, least_noise, measure_noise
from scratchcnn.gradcheck.numerical.not_finite import finite_part, lost_entries
from scratchcnn.gradcheck.numerical.probe import Probe


@dataclass(frozen=True)
class NumericalGradient:
    """A numerical gradient: four arrays of the shape of the input.

    The derivative lies within `value - bound .. value + bound` where `status` is `"ok"`; where it is `"kink"`, the
    whole interval between the one-sided derivatives does. Else `status` says why the entry is undecided: `"jump"`,
    `"noise"`, `"domain"`, `"drifting"`, `"not finite"`. `method` is `"differences"`, `"ladder"`, `"one-sided"` or
    `"complex step"`.
    """

    value: Array
    bound: Array
    method: Array
    status: Array


# At how many other entries the complex step must agree before it is believed, and the relative bound that calls for it.
WITNESSES, LOOSE_BOUND = 24, 1e-8
# From so many entries on complex steps that are held to directions cost less than differences of each, also where an
# exponential of complex numbers takes twenty times as long as one of real numbers.
MANY_ENTRIES = 256
# Where differences leave more than this share open, forward may move in steps; and so it may along an entry that is
# this much smaller than its unit, since about zero all steps of differences share one rounding.
VAGUE_SHARE, NEAR_ZERO_SHARE = 1e-6, 2.0**-16
# Steps below so many roundoffs of the largest output, or of the largest entry, are not taken for those of a format:
# float32's are 2^29 of their own output's.
OUTPUT_STEP_ROUNDOFFS, INPUT_STEP_ROUNDOFFS = 2.0**16, 8.0


class Derivatives:
    """The contracted output's derivatives with respect to some entries of one input.

    Parameters
    ----------
    probe
        The forward pass as a function of that input.
    entries
        (entries,) flat indices.
    cotangent
        (outputs,) the weights that the outputs are contracted with.
    noise
        (outputs,) a bound for their roundoff.
    """

    def __init__(self, probe: Probe, entries: Array, cotangent: Array, noise: Array) -> None:
        self.entries = entries
        self.unit = probe.unit.copy()
        self.lost = lost_entries(probe, entries, self.unit)  # nobody knows what these change
        # Which outputs are looked at: those that are finite.
        self.outputs = np.flatnonzero(np.isfinite(probe.y0))
        self.probe = probe if self.outputs.size == probe.outputs else finite_part(probe)
        self.cotangent, self.noise = cotangent.astype(probe.dtype)[self.outputs], noise[self.outputs]
        self.turns: dict[int, Slope] = {}  # what was seen at the entries (indices into `entries`) that sit on a kink
        count = len(entries)
        self.value, self.bound, self.roundoff, self.scale = np.zeros((4, count), probe.dtype)
        self.status = np.full(count, "not finite", object)
        self.method = np.full(count, "differences", object)
        self.dropped = False  # whether complex steps ran, and did not agree with differences
        self.skipped = np.empty(0, np.intp)  # the entries (indices into `entries`) that there was no time to climb at
        self.doubtful = np.zeros(count, bool)  # what differences settled, but perhaps on the steps of a staircase
        self.stepped = np.zeros(count, bool)  # whose derivative is that of what forward rounds, in steps
        self.flat = np.zeros(count, bool)  # whose derivative may be that of a single step, wider than the unit
        self.step = 0.0  # how wide these are, by the unit of an entry
        self.precision = EPS  # the eps of the lowest precision that forward goes through

    @cached_property
    def together(self) -> Group | None:
        """All entries that are not lost as one group, where each output depends on a single one of them."""
        return elementwise(self.probe, self.entries[~self.lost], self.unit)

    def by_directions(self, rng: np.random.Generator) -> None:
        """Decides, where forward is holomorphic, what complex steps and differences along directions vouch for."""
        probe = self.probe
        if self.lost.any() or len(self.entries) < MANY_ENTRIES or probe.dtype != np.float64 or probe.fresh:
            return
        if self.together is not None:  # then a few differences tell all
            return
        held = held_to_directions(probe, self.entries, self.unit, self.cotangent, self.noise, rng)
        if held is None:
            return
        known = held.known
        self.dropped = not held.agree
        self.value[known], self.bound[known] = held.value[known], held.bound[known]
        self.roundoff[known], self.scale[known] = held.roundoff[known], held.scale[known]
        self.status[known], self.method[known] = "ok", "complex step"

    def by_differences(self) -> None:
        """Decides what is smooth of that which is open; the rest is left undecided ("noise")."""
        rest = np.flatnonzero((self.status != "ok") & ~self.lost)
        if not len(rest):
            return
        groups = [self.together] if self.together is not None else separate(self.probe, self.entries[rest], self.unit)
        found = central_differences(self.probe, groups, self.entries[rest], self.unit, self.cotangent, self.noise)
        self.value[rest], self.bound[rest] = found.value, found.bound
        self.roundoff[rest], self.scale[rest] = found.roundoff, found.scale
        narrow = self.entries[rest][found.narrow]
        self.unit[narrow] = wide_unit(self.unit)[narrow]
        self.status[rest] = np.where(found.settled, "ok", "noise").astype(object)
        self.doubtful[rest] = found.doubtful

    def by_stairs(self, most: int | None = None) -> None:
        """Decides entries along which forward moves in steps: at most so many, where they do not move together.

        Those that differences did not settle, or only seem to have settled, since nothing moved or they are near zero.
        """
        if not self.probe.outputs:
            return
        settled, size = self.status == "ok", np.abs(self.value)
        loose = (
            ~settled & ~self.lost
            | self.doubtful
            | (self.bound > VAGUE_SHARE * np.maximum(size, size[settled].max(initial=0)))
        )
        unit = self.probe.unit
        near_zero = np.abs(self.probe.base[self.entries]) < NEAR_ZERO_SHARE * unit[self.entries]
        quiet = settled & ~loose & ((size == 0) | near_zero)
        steps = staircases.find(self.probe, self.entries[loose], self.entries[quiet], unit, self.cotangent)
        # Low steps are those of float64, in terms that cancel (1 - cos x near 0; x - mean x), and of no format.
        x = np.abs(self.probe.base[self.entries[~self.lost]]).max(initial=0)
        own = EPS * float(max(OUTPUT_STEP_ROUNDOFFS * np.abs(self.probe.y0).max(initial=0), INPUT_STEP_ROUNDOFFS * x))
        steps = [s for s in steps if s.height > own]
        self.step = staircases.usual_width(steps)
        which = np.flatnonzero(loose | quiet) if self.step else np.empty(0, np.intp)
        if which.size and not self.probe.base.any():  # zeros say nothing of their unit
            wider, steps = staircases.in_natural_units(steps)
            unit = wider * unit
        resolved = staircases.usual_width(steps) <= staircases.RESOLVED_WIDTH
        self.stepped[which], self.flat[which] = resolved, not resolved
        if not which.size or not resolved:
            return
        self.precision = staircases.precision(steps)
        if self.together is None:
            which, self.skipped = which[:most], which[len(which) if most is None else most :]
        groups = [Group(self.entries[which])] if self.together is None else [self.together]
        self._take(staircases.beyond(self.probe, groups, self.entries[which], unit, self.cotangent, steps), which, unit)

    def _take(self, found: Fit, which: Array, unit: Array) -> None:
        """Makes fits the derivatives of some entries; those on a kink and on no step stay as they are."""
        for k in which[~found.agrees]:
            self.stepped[k] = not staircases.moves(self.probe, self.entries[k], unit, self.cotangent)
        taken = self.stepped[which]
        found, which = found.at(taken), which[taken]
        entries = self.entries[which]
        self.value[which], self.method[which] = found.value, "steps"
        self.status[which] = np.where(found.agrees, "ok", "steps").astype(object)
        self.roundoff[which] = np.abs(self.cotangent) @ least_noise(self.probe) / FLOOR_ROUNDOFFS / unit[entries]
        self.bound[which] = found.bound + self.roundoff[which]

    def by_ladder(self, which: Array) -> None:
        """Looks at some of the entries (indices into `entries`) over all scales."""
        for k in which[~self.lost[which]]:
            climbed = self._climbed(self.entries[[k]], np.ones(1, self.probe.dtype))
            seen = self._slope(climbed)
            # What matters may show on another scale than that of the data: where outputs are steepest, or first move.
            weight, unit = np.abs(self.cotangent[climbed.outputs]), self.unit[self.entries[k]]
            scale = weight @ climbed.steepest
            if self.scale[k] == 0:
                scale = max(scale, weight @ climbed.reached[climbed.outputs] / unit)
            self.scale[k] = max(self.scale[k], scale)
            self.roundoff[k] = max(self.roundoff[k], np.finfo(self.probe.dtype).eps * scale)
            self.value[k], self.bound[k] = seen.value, seen.bound
            self.status[k], self.method[k] = seen.status, seen.method
            if seen.status == "kink":
                self.turns[int(k)] = seen

    def by_complex_step(self, which: Array) -> None:
        """Tightens some entries where forward is holomorphic; it must agree with what is known of these and others."""
        known = np.flatnonzero(self.status == "ok")
        sample = known[:: max(1, len(known) // WITNESSES)][:WITNESSES]
        asked = np.union1d(which, sample)
        if not len(which) or self.probe.dtype != np.float64:
            return
        probe = self.probe
        found = complex_step(probe, self.entries[asked], self.unit, self.cotangent, self.noise)
        if found is None:
            return
        value, bound = found
        agree = np.abs(value - self.value[asked]) <= bound + self.bound[asked]
        chosen = np.isin(asked, which) & (bound > 0) & (bound < self.bound[asked])
        if agree.all():
            self.value[asked[chosen]], self.bound[asked[chosen]] = value[chosen], bound[chosen]
            self.method[asked[chosen]] = "complex step"
        else:
            self.dropped = True

    def climb(self, entries: Array, direction: Array) -> Slope:
        """The derivative along a direction of entries that move together, in the unit of the first."""
        return self._slope(self._climbed(entries, direction))

    def _climbed(self, entries: Array, direction: Array) -> Climb:
        unit = float(self.unit[entries].max())
        depend = np.zeros(self.probe.outputs, bool)
        for entry in entries:
            depend |= depends(self.probe, int(entry), self.unit)
        return climb(self.probe, entries, direction, unit, depend, self.cotangent, self.noise)

    def _slope(self, climbed: Climb) -> Slope:
        seen = slope(climbed, self.cotangent)
        drifts = self.cotangent[climbed.outputs[climbed.drifts]].any()
        status = "drifting" if seen.status == "domain" and drifts else seen.status
        return replace(seen, status=status, outputs=self.outputs[seen.outputs])


def numerical_gradient(
    forward: Callable[..., Any], inputs: Sequence[Any], index: int, grad_output: Any
) -> NumericalGradient:
    """The derivative of `sum(grad_output * forward(*inputs))` with respect to `inputs[index]`, with bounds.

    Nothing is asked of forward but its values: it may be any function of arrays, of any scale, with kinks, with a
    domain that ends.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`. It is called with float64 arrays, once for each move of an entry and side.
    inputs
        Arrays, or what NumPy makes arrays of.
    index
        Which of them to differentiate by; a floating array.
    grad_output
        The cotangent: an array of the output's shape.

    Returns
    -------
    NumericalGradient

    Raises
    ------
    TypeError, ValueError
        The input is not floating, or grad_output has another shape than the output.
    """
    arrays, index = [np.array(a) for a in inputs], operator.index(index)
    if not 0 <= index < len(arrays):
        raise ValueError(f"index must be 0 .. {len(arrays) - 1}, got {index}")
    if arrays[index].dtype.kind != "f":
        raise TypeError(f"input {index} has dtype {arrays[index].dtype}: only floating inputs have a gradient")
    probe = Probe(partial(undisturbed, forward), arrays, index)
    cotangent = np.asarray(grad_output, np.float64)
    if cotangent.shape != probe.output_shape:
        raise ValueError(f"grad_output must have the output's shape {probe.output_shape}, got {cotangent.shape}")
    with quiet():
        noise = measure_noise(probe, np.random.default_rng(0))
        found = derivatives(probe, np.arange(probe.base.size), cotangent.reshape(-1), noise)
    shape = probe.shape
    return NumericalGradient(
        found.value.reshape(shape), found.bound.reshape(shape), found.method.reshape(shape), found.status.reshape(shape)
    )


def derivatives(
    probe: Probe,
    entries: Array,
    cotangent: Array,
    noise: Array,
    rng: np.random.Generator | None = None,
    climbs: int | None = None,
    expected: Array | None = None,
) -> Derivatives:
    """Every method in turn: differences, the ladder for what they left undecided, the complex step for the loose.

    With `rng`, which draws directions, complex steps come first where entries cannot be moved together. At most
    `climbs` entries are looked at over all scales: those farthest from what is `expected` (entries,) of them.
    """
    found = Derivatives(probe, entries, cotangent, noise)
    if rng is not None:
        found.by_directions(rng)
    found.by_differences()
    found.by_stairs(None if climbs is None else staircases.ENTRIES_PER_CLIMB * climbs)
    unsettled = np.setdiff1d(np.flatnonzero(found.status == "noise"), found.skipped)
    if climbs is not None and expected is not None and len(unsettled) > climbs:
        distance = np.nan_to_num(np.abs(found.value - expected)[unsettled], nan=np.inf)
        unsettled = unsettled[np.argsort(-distance, kind="stable")]
        found.skipped = np.union1d(found.skipped, unsettled[climbs:])
    found.by_ladder(unsettled[:climbs])
    loose = (
        (found.status == "ok")
        & np.isin(found.method, ("ladder", "steps"))
        & (found.bound > LOOSE_BOUND * np.abs(found.value))
    )
    found.by_complex_step(np.flatnonzero(loose))
    return found
