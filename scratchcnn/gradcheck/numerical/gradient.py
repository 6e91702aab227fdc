"""Derivatives of a black box, each with a bound: the methods, in the order in which they are asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical import staircases
from scratchcnn.gradcheck.numerical.caller_warnings import quiet, undisturbed
from scratchcnn.gradcheck.numerical.complex_step import complex_step, held_to_directions
from scratchcnn.gradcheck.numerical.differences import central_differences, separate, wide_unit
from scratchcnn.gradcheck.numerical.groups import Group, elementwise
from scratchcnn.gradcheck.numerical.kinks import Slope, slope
from scratchcnn.gradcheck.numerical.ladder import CLIMB_EVALUATIONS, Climb, climb_each
from scratchcnn.gradcheck.numerical.least_squares import Fit
from scratchcnn.gradcheck.numerical.noise import EPS, FLOOR_ROUNDOFFS, least_noise, measure_noise
from scratchcnn.gradcheck.numerical.not_finite import finite_part, lost_entries
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.numerical.question import validated_question
from scratchcnn.gradcheck.numerical.spreading import spread


@dataclass(frozen=True)
class NumericalGradient:
    """A numerical gradient: four arrays of the shape of the input.

    Attributes
    ----------
    value, bound
        The derivative lies within `value ± bound` where `status` is `"ok"`. Where it is `"kink"`, the whole interval
        between the one-sided derivatives lies there.
    method
        `"differences"`, `"ladder"`, `"one-sided"`, `"complex step"` or `"steps"`.
    status
        `"ok"`, `"kink"`, or why the entry is undecided: `"jump"`, `"noise"`, `"domain"`, `"drifting"`, `"steps"`,
        `"not finite"`.
    """

    value: Array
    bound: Array
    method: Array
    status: Array


# At how many other entries the complex step must agree with differences before it is believed.
WITNESSES = 24
# As a share of the derivative: a larger bound of the ladder calls for the complex step.
LOOSE_BOUND = 1e-8
# For so many entries, complex steps that are held to directions cost less than differences of each. This holds even
# where the exponential of a complex number takes twenty times as long as that of a real one.
MANY_ENTRIES = 256
# As a share of the derivative, or of the largest: where differences leave a larger bound, forward may move in steps.
VAGUE_SHARE = 1e-6
# As a share of its unit: along a smaller entry forward may move in steps that differences miss, since about zero all of
# them share one rounding.
NEAR_ZERO_SHARE = 2.0**-16
# In roundoffs of the largest output: steps below this height are those of float64, and not of a format. (The steps of
# float32 are 2^29 roundoffs of their own output.)
OUTPUT_STEP_ROUNDOFFS = 2.0**16
# In roundoffs of the largest entry: the same for steps of an input.
INPUT_STEP_ROUNDOFFS = 8.0


class Derivatives:
    """The contracted output's derivatives with respect to some entries of one input.

    Parameters
    ----------
    contraction
        The number whose derivatives are sought.
    entries
        (entries,) flat indices into the input.
    """

    def __init__(self, contraction: Contraction, entries: Array) -> None:
        probe = contraction.probe
        self.entries = entries
        self.unit = probe.unit.copy()
        self.lost = lost_entries(probe, entries, self.unit)  # they may move an output that is not finite
        self.outputs = np.flatnonzero(np.isfinite(probe.y0))  # the finite outputs, which alone are looked at
        self.probe = probe if self.outputs.size == probe.outputs else finite_part(probe)
        cotangent = contraction.cotangent.astype(probe.dtype)[self.outputs]
        self.contraction = Contraction(self.probe, cotangent, contraction.noise[self.outputs])
        self.turns: dict[int, Slope] = {}  # what was seen at entries on a kink, by their index into `entries`
        count = len(entries)
        self.value, self.bound, self.roundoff, self.scale = np.zeros((4, count), probe.dtype)
        self.status = np.full(count, "not finite", object)
        self.method = np.full(count, "differences", object)
        self.attempt = np.zeros(count, np.intp)  # of those of the differences, the one that settled the entry
        self.dropped = False  # whether complex steps ran, and did not agree with differences
        self.skipped = np.empty(0, np.intp)  # indices into `entries`: those that there was no time to climb at
        self.doubtful = np.zeros(count, bool)  # settled by differences, but perhaps on the steps of a staircase
        self.stepped = np.zeros(count, bool)  # forward moves in steps along the entry, which fits see beyond
        self.flat = np.zeros(count, bool)  # the entry may stand on a single step that is wider than its unit
        self.step = 0.0  # the usual width of the steps, in units of the entry
        self.precision = EPS  # the eps of the lowest precision that forward goes through

    @cached_property
    def together(self) -> Group | None:
        """All entries that are not lost as one group, where each output depends on a single one of them."""
        return elementwise(self.probe, self.entries[~self.lost], self.unit)

    def by_directions(self, rng: np.random.Generator) -> None:
        """Decides entries by complex steps that are held to differences along directions.

        This is for a holomorphic forward pass and many entries that cannot be moved together.
        """
        probe = self.probe
        if self.lost.any() or len(self.entries) < MANY_ENTRIES or probe.dtype != np.float64 or probe.fresh:
            return
        if self.together is not None:  # then a few differences tell all
            return
        held = held_to_directions(self.contraction, self.entries, self.unit, rng)
        if held is None:
            return
        known = held.known
        self.dropped = not held.agree
        self.value[known], self.bound[known] = held.value[known], held.bound[known]
        self.roundoff[known], self.scale[known] = held.roundoff[known], held.scale[known]
        self.status[known], self.method[known] = "ok", "complex step"

    def by_differences(self) -> None:
        """Decides the open entries along which forward is smooth; the others are left undecided ("noise")."""
        rest = np.flatnonzero((self.status != "ok") & ~self.lost)
        if not len(rest):
            return
        groups = [self.together] if self.together is not None else separate(self.probe, self.entries[rest], self.unit)
        found = central_differences(self.contraction, groups, self.entries[rest], self.unit)
        self.value[rest], self.bound[rest] = found.value, found.bound
        self.roundoff[rest], self.scale[rest] = found.roundoff, found.scale
        narrow = self.entries[rest][found.narrow]
        self.unit[narrow] = wide_unit(self.unit)[narrow]
        self.status[rest] = np.where(found.settled, "ok", "noise").astype(object)
        self.doubtful[rest], self.attempt[rest] = found.doubtful, found.attempt

    def by_stairs(self, most: int | None = None) -> None:
        """Decides entries along which forward moves in steps.

        Differences did not settle these entries, or only seem to have settled them: nothing moved, or the entries are
        near zero.

        Parameters
        ----------
        most
            How many entries are looked at, where they do not move together; None for all.
        """
        if not self.probe.outputs:
            return
        loose, resting = self._suspects()
        unit = self.probe.unit
        steps = self._high_enough(staircases.find(self.contraction, unit, self.entries[loose], self.entries[resting]))
        self.step = staircases.usual_width(steps)
        which = np.flatnonzero(loose | resting) if self.step else np.empty(0, np.intp)
        if which.size and not self.probe.base.any():  # an input of zeros has no unit of its own
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
        self._take(staircases.beyond(self.contraction, unit, groups, self.entries[which], steps), which, unit)

    def _suspects(self) -> tuple[Array, Array]:
        """(entries,) bool twice: which are loose, and which are known but may stand on a step."""
        settled, size = self.status == "ok", np.abs(self.value)
        vague = self.bound > VAGUE_SHARE * np.maximum(size, size[settled].max(initial=0))
        loose = ~settled & ~self.lost | self.doubtful | vague
        near_zero = np.abs(self.probe.base[self.entries]) < NEAR_ZERO_SHARE * self.probe.unit[self.entries]
        return loose, settled & ~loose & ((size == 0) | near_zero)

    def _high_enough(self, steps: Sequence[staircases.Steps]) -> list[staircases.Steps]:
        """The steps of a format. Lower ones are of float64, in terms that cancel (1 - cos x near 0; x - mean x)."""
        x = np.abs(self.probe.base[self.entries[~self.lost]]).max(initial=0)
        own = EPS * float(max(OUTPUT_STEP_ROUNDOFFS * np.abs(self.probe.y0).max(initial=0), INPUT_STEP_ROUNDOFFS * x))
        return [s for s in steps if s.height > own]

    def _take(self, found: Fit, which: Array, unit: Array) -> None:
        """Makes fits the derivatives of some entries; an entry on a kink that stands on no step stays as it is."""
        for k in which[~found.agrees]:
            self.stepped[k] = not staircases.moves(self.contraction, unit, self.entries[k])
        taken = self.stepped[which]
        found, which = found.at(taken), which[taken]
        entries = self.entries[which]
        self.value[which], self.method[which] = found.value, "steps"
        self.status[which] = np.where(found.agrees, "ok", "steps").astype(object)
        roundoff = np.abs(self.contraction.cotangent) @ least_noise(self.probe) / FLOOR_ROUNDOFFS
        self.roundoff[which] = roundoff / unit[entries]
        self.bound[which] = found.bound + self.roundoff[which]

    def by_ladder(self, which: Array) -> None:
        """Looks at some of the entries (indices into `entries`) over all scales."""
        cotangent, which = self.contraction.cotangent, which[~self.lost[which]]
        look = partial(climb_each, cotangent=cotangent, noise=self.contraction.noise)
        entries = self.entries[which]
        pieces = spread(self.probe, look, entries, self.unit[entries], evaluations=CLIMB_EVALUATIONS)
        for k, climbed in zip(which, chain.from_iterable(pieces), strict=True):
            seen = self._slope(climbed)
            # A derivative may matter on another scale than that of the data: where outputs are steepest, or first move.
            weight, unit = np.abs(cotangent[climbed.outputs]), self.unit[self.entries[k]]
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
        """Tightens some entries where forward is holomorphic: the results must agree with known derivatives."""
        known = np.flatnonzero(self.status == "ok")
        sample = known[:: max(1, len(known) // WITNESSES)][:WITNESSES]
        asked = np.union1d(which, sample)
        if not len(which) or self.probe.dtype != np.float64:
            return
        found = complex_step(self.contraction, self.entries[asked], self.unit)
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

    def _slope(self, climbed: Climb) -> Slope:
        cotangent = self.contraction.cotangent
        seen = slope(climbed, cotangent)
        drifts = cotangent[climbed.outputs[climbed.drifts]].any()
        status = "drifting" if seen.status == "domain" and drifts else seen.status
        return replace(seen, status=status, outputs=self.outputs[seen.outputs])


def numerical_gradient(
    forward: Callable[..., Any], inputs: Sequence[Any], index: int, grad_output: Any
) -> NumericalGradient:
    """The derivative of `sum(grad_output * forward(*inputs))` with respect to `inputs[index]`, with bounds.

    Only the values of forward are used: it may be any function of arrays, of any scale, with kinks, or with a domain
    that ends.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`. It is called with float64 arrays, many times.
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
        As `check_gradient`: an input is no array of real numbers, that of the index is not floating, the output is no
        single array of real numbers, or grad_output is not finite or has another shape.
    CallerError
        forward raised; the original exception is chained.
    """
    __tracebackhide__ = True
    asked = validated_question(forward, inputs, index, grad_output)
    if not asked.inputs[asked.index].size:
        nothing = np.zeros(asked.inputs[asked.index].shape)
        words = np.full(nothing.shape, "", object)
        return NumericalGradient(nothing, nothing.copy(), words, words.copy())
    probe = Probe(partial(undisturbed, forward), asked.inputs, asked.index)
    with quiet():
        noise = measure_noise(probe, np.random.default_rng(0))
        contraction = Contraction(probe, asked.cotangent.reshape(-1), noise)
        found = derivatives(contraction, np.arange(probe.base.size))
    value, bound, method, status = (
        a.reshape(probe.shape) for a in (found.value, found.bound, found.method, found.status)
    )
    return NumericalGradient(value, bound, method, status)


def derivatives(
    contraction: Contraction,
    entries: Array,
    rng: np.random.Generator | None = None,
    climbs: int | None = None,
    expected: Array | None = None,
) -> Derivatives:
    """Every method in turn: differences, fits beyond steps, the ladder, and the complex step for loose bounds.

    Parameters
    ----------
    contraction
        The number whose derivatives are sought.
    entries
        (entries,) flat indices into the input.
    rng
        Draws directions. With it, complex steps come first where entries cannot be moved together.
    climbs
        How many entries may be looked at over all scales; None for all.
    expected
        (entries,) what the derivatives are expected to be: those farthest from it are looked at first.
    """
    found = Derivatives(contraction, entries)
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
    loose = found.bound > LOOSE_BOUND * np.abs(found.value)
    loose &= (found.status == "ok") & np.isin(found.method, ("ladder", "steps"))
    found.by_complex_step(np.flatnonzero(loose))
    return found
