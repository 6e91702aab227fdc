"""Derivatives of a black box, each with a bound: the methods in the order in which they are asked."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from scratchcnn.gradcheck.numerical.complex_step import complex_step, held_to_directions
from scratchcnn.gradcheck.numerical.differences import central_differences, separate
from scratchcnn.gradcheck.numerical.kinks import Slope, slope
from scratchcnn.gradcheck.numerical.ladder import climb
from scratchcnn.gradcheck.numerical.noise import measure_noise
from scratchcnn.gradcheck.numerical.probe import Array, Probe
from scratchcnn.gradcheck.numerical.structure import Group, depends, elementwise


@dataclass(frozen=True)
class NumericalGradient:
    """A numerical gradient: four arrays of the shape of the input.

    The derivative lies within `value - bound .. value + bound` where `status` is `"ok"`; where it is `"kink"`, the
    whole interval between the one-sided derivatives does. Else `status` says why the entry is undecided: `"jump"`,
    `"noise"`, `"domain"`, `"not finite"`. `method` is `"differences"`, `"ladder"`, `"one-sided"` or `"complex step"`.
    """

    value: Array
    bound: Array
    method: Array
    status: Array


# At how many other entries the complex step must agree before it is believed, and the relative bound that calls for it.
WITNESSES, LOOSE = 24, 1e-8
# From so many entries on complex steps that are held to directions cost less than differences of each, also where an
# exponential of complex numbers takes twenty times as long as one of real numbers.
MANY = 256


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
        self.probe = probe
        self.entries = entries
        self.cotangent = cotangent.astype(probe.dtype)
        self.unit = probe.unit
        self.turns: dict[int, Slope] = {}  # what was seen at the entries (indices into `entries`) that sit on a kink
        self.finite = bool(np.isfinite(probe.y0).all() and np.isfinite(probe.base).all())
        count = len(entries)
        self.value, self.bound, self.roundoff = np.zeros((3, count), probe.dtype)
        self.status = np.full(count, "not finite", object)
        self.method = np.full(count, "differences", object)
        self.noise = noise
        self.dropped = False  # whether complex steps ran, and did not agree with differences

    @cached_property
    def together(self) -> Group | None:
        """All entries as one group, where each output depends on a single one of them."""
        return elementwise(self.probe, self.entries, self.unit)

    def by_directions(self, rng: np.random.Generator) -> None:
        """Decides, where forward is holomorphic, what complex steps and differences along directions vouch for."""
        probe = self.probe
        if not self.finite or len(self.entries) < MANY or probe.dtype != np.float64 or probe.fresh:
            return
        if self.together is not None:  # then a few differences tell all
            return
        held = held_to_directions(probe, self.entries, self.unit, self.cotangent, self.noise, rng)
        if held is None:
            return
        known = held.known
        self.dropped = not held.agree
        self.value[known], self.bound[known] = held.value[known], held.bound[known]
        self.roundoff[known] = held.roundoff[known]
        self.status[known], self.method[known] = "ok", "complex step"

    def by_differences(self) -> None:
        """Decides what is smooth of that which is open; the rest is left undecided ("noise")."""
        rest = np.flatnonzero(self.status != "ok")
        if not self.finite or not len(rest):
            return
        groups = [self.together] if self.together is not None else separate(self.probe, self.entries[rest], self.unit)
        found = central_differences(self.probe, groups, self.entries[rest], self.unit, self.cotangent, self.noise)
        self.value[rest], self.bound[rest], self.roundoff[rest] = found.value, found.bound, found.roundoff
        self.status[rest] = np.where(found.settled, "ok", "noise").astype(object)

    def by_ladder(self, which: Array) -> None:
        """Looks at some of the entries (indices into `entries`) over all scales."""
        if not self.finite:
            return
        for k in which:
            seen = self.climb(self.entries[[k]], np.ones(1, self.probe.dtype))
            self.value[k], self.bound[k] = seen.value, seen.bound
            self.status[k], self.method[k] = seen.status, seen.method
            if seen.status == "kink":
                self.turns[int(k)] = seen

    def by_complex_step(self, which: Array) -> None:
        """Tightens some entries where forward is holomorphic; it must agree with what is known of these and others."""
        known = np.flatnonzero(self.status == "ok")
        sample = known[:: max(1, len(known) // WITNESSES)][:WITNESSES]
        asked = np.union1d(which, sample)
        if not self.finite or not len(which) or self.probe.dtype != np.float64:
            return
        probe = self.probe
        found = complex_step(probe, self.entries[asked], self.unit, self.cotangent)
        if found is None:
            return
        value, bound = found
        agree = np.abs(value - self.value[asked]) <= bound + self.bound[asked]
        chosen = np.isin(asked, which)
        if agree.all():
            self.value[asked[chosen]], self.bound[asked[chosen]] = value[chosen], bound[chosen]
            self.method[asked[chosen]] = "complex step"
        else:
            self.dropped = True

    def climb(self, entries: Array, direction: Array) -> Slope:
        """The derivative along a direction of entries that move together, in the unit of the first."""
        unit = float(self.unit[entries].max())
        depend = np.zeros(self.probe.outputs, bool)
        for entry in entries:
            depend |= depends(self.probe, int(entry), self.unit)
        return slope(climb(self.probe, entries, direction, unit, depend, self.cotangent, self.noise), self.cotangent)


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
    arrays = [np.array(a) for a in inputs]
    if not 0 <= index < len(arrays):
        raise ValueError(f"index must be 0 .. {len(arrays) - 1}, got {index}")
    if arrays[index].dtype.kind != "f":
        raise TypeError(f"input {index} has dtype {arrays[index].dtype}: only floating inputs have a gradient")
    probe = Probe(forward, arrays, index)
    cotangent = np.asarray(grad_output, np.float64)
    if cotangent.shape != probe.output_shape:
        raise ValueError(f"grad_output must have the output's shape {probe.output_shape}, got {cotangent.shape}")
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what forward says of points that it was moved to
        noise = measure_noise(probe, np.random.default_rng(0))
        found = derivatives(probe, np.arange(probe.base.size), cotangent.reshape(-1), noise)
    shape = probe.shape
    return NumericalGradient(
        found.value.reshape(shape), found.bound.reshape(shape), found.method.reshape(shape), found.status.reshape(shape)
    )


def derivatives(
    probe: Probe, entries: Array, cotangent: Array, noise: Array, rng: np.random.Generator | None = None
) -> Derivatives:
    """Every method in turn: differences, the ladder for what they left undecided, the complex step for the loose.

    With `rng`, which draws directions, complex steps come first where entries cannot be moved together.
    """
    found = Derivatives(probe, entries, cotangent, noise)
    if rng is not None:
        found.by_directions(rng)
    found.by_differences()
    found.by_ladder(np.flatnonzero(found.status == "noise"))
    loose = (found.status == "ok") & (found.method == "ladder") & (found.bound > LOOSE * np.abs(found.value))
    found.by_complex_step(np.flatnonzero(loose))
    return found
