"""Derivatives of each output at a point, along random directions and by single entries: by differences of forward."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.budget import Budget
from scratchcnn.gradcheck.diagnosis.estimates import STEPS, Estimate, estimate_slopes
from scratchcnn.gradcheck.effort import FEW_STRIDES
from scratchcnn.gradcheck.numerical.noise import measure_noise, noise_at
from scratchcnn.gradcheck.numerical.probe import Joined, Probe
from scratchcnn.gradcheck.numerical.steps import units

# The step of a first look, in units of the entries: one at which functions are straight, and one at which the roundoff
# of float32 is small, too.
FINE, COARSE = 2.0**-20, 2.0**-13


class Noise:
    """The roundoff of forward: measured where it is first asked for, and taken to grow with the outputs elsewhere."""

    def __init__(self) -> None:
        self._measured: tuple[Array, Array] | None = None

    def of(self, probe: Probe) -> Array:
        """(outputs,) the roundoff of the outputs of a probe."""
        if self._measured is None or self._measured[0].shape != probe.y0.shape:
            floats = [k for k, a in enumerate(probe.arrays) if a.dtype.kind == "f" and a.size]
            joined = Joined(probe.forward, probe.arrays, floats, fresh=True)
            self._measured = joined.y0, measure_noise(joined, np.random.default_rng(0), FEW_STRIDES)
        y0, noise = self._measured
        return noise_at(probe.y0, y0, noise)


class Slopes:
    """Derivatives of forward at a point.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`.
    inputs
        The point, floating inputs in float64.
    budget
        The calls of forward that are left.
    noise
        The roundoff of forward, at this point and others.
    """

    def __init__(self, forward: Callable[..., Any], inputs: Sequence[Array], budget: Budget, noise: Noise) -> None:
        self.forward, self.inputs, self.budget, self.noise = forward, inputs, budget, noise
        self._directions: dict[int, Array] = {}

    def direction(self, index: int) -> Array:
        """A random direction of an input, of its shape."""
        if index not in self._directions:
            rng, unit = np.random.default_rng(index), units(self.inputs[index].reshape(-1))
            signs, sizes = rng.choice([-1.0, 1.0], unit.size), rng.uniform(0.5, 1.5, unit.size)
            self._directions[index] = (unit * signs * sizes).reshape(self.inputs[index].shape)
        return self._directions[index]

    def keep(self, index: int, known: Array) -> None:
        """Takes all other entries out of the random direction of an input."""
        self._directions[index] = np.where(known, self.direction(index), 0.0)

    def along(
        self, index: int, *, forward: Callable[..., Any] | None = None, inputs: Sequence[Array] | None = None
    ) -> Estimate:
        """The derivative of each output along the random direction of an input.

        Forward, or the inputs, may be others than those of the point.
        """
        self.budget.afford(2 * len(STEPS))
        probe = Probe(forward or self.forward, self.inputs if inputs is None else inputs, index, fresh=True)
        noise = (self.noise if forward is None else Noise()).of(probe)
        moves = [(np.arange(probe.base.size), self.direction(index).reshape(-1))]
        return estimate_slopes(probe, moves, noise).reshaped(probe.output_shape)

    def by_entries(self, index: int) -> Estimate:
        """(outputs, entries) the derivative of each output by each entry of an input."""
        self.budget.afford(self.calls_by_entries(index))
        probe = Probe(self.forward, self.inputs, index, fresh=True)
        moves = [(np.array([k]), probe.unit[k : k + 1]) for k in range(probe.base.size)]
        found = estimate_slopes(probe, moves, self.noise.of(probe))
        return Estimate(found.value / probe.unit, found.error / probe.unit)

    def calls_by_entries(self, index: int) -> int:
        """How many calls of forward the derivatives by each entry take."""
        return 2 * len(STEPS) * self.inputs[index].size

    def off(
        self,
        index: int,
        gradient: Array,
        weights: Array,
        *,
        forward: Callable[..., Any] | None = None,
        inputs: Sequence[Array] | None = None,
        size: float = FINE,
    ) -> float:
        """How far a gradient is from what two calls of forward show along the random direction.

        It is a share of the gradient's parts along the direction; infinite where something has another shape.
        """
        step = size * self.direction(index)
        if gradient.shape != step.shape:
            return np.inf
        change = self._change(index, step, forward or self.forward, self.inputs if inputs is None else inputs)
        if change.shape != weights.shape:
            return np.inf
        parts = gradient * step
        distance, typical = abs(float((weights * change).sum()) - float(parts.sum())), float(np.sqrt((parts**2).sum()))
        return 0.0 if distance == 0 else distance / typical if typical else np.inf

    @staticmethod
    def _change(index: int, step: Array, call: Callable[..., Any], inputs: Sequence[Array]) -> Array:
        """By how much the outputs change with a step of an input: half the change from one side to the other."""

        def output(move: Array) -> Array:
            given = [a.copy() for a in inputs]  # forward may write into them
            given[index] = given[index] + move
            return np.array(call(*given), np.float64)

        half: Array = (output(step) - output(-step)) / 2
        return half
