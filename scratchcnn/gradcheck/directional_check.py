"""Directions that move a whole input at once: one number that a mistake at any of its entries changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.analytic import FEW_ROUNDOFFS, ULP_FACTOR, trembling
from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical import staircases
from scratchcnn.gradcheck.numerical.directional import MOVE_ROUNDING, directional_derivative, moved_along
from scratchcnn.gradcheck.numerical.kinks import DECIDED, slope
from scratchcnn.gradcheck.numerical.ladder import climb
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import Verdict, small_in

# Roundoffs of a sum over all entries, in the precision that backward is run in.
SUM_ROUNDOFFS = 64.0
# A direction vouches if it would show a mistake of this share of the gradient's norm along it.
VISIBLE_SHARE = 1e-3
# What is not smooth between the steps (a relu among thousands that wakes) may be so between smaller ones.
STEP_SHARES = (1.0, 2.0**-10, 2.0**-20)


@dataclass(frozen=True)
class DirectionalResult:
    """What a direction tells: the gradient's value along it, and that of the differences with its tolerance."""

    verdict: Verdict
    analytic: float = np.nan
    value: float = np.nan
    tolerance: float = np.nan

    def __str__(self) -> str:
        analytic, value = apart(self.analytic, self.value)
        return f"the gradient gives {analytic}, differences {value} ± {self.tolerance:.2g}"


class DirectionalCheck:
    """A random direction of input `index`, along which the gradient is compared with differences.

    Parameters
    ----------
    probe
        The forward pass as a function of that input, at `inputs`.
    inputs, cotangent
        What backward is called with, in the precision that it is judged in.
    gradient
        (size of the input,) what it answers.
    precision
        The eps that the gradient is held to.
    """

    def __init__(
        self,
        case: Case,
        index: int,
        probe: Probe,
        inputs: Sequence[Array],
        cotangent: Array,
        gradient: Array,
        rng: np.random.Generator,
        precision: float = EPS,
    ) -> None:
        self.case, self.index, self.probe, self.inputs, self.cotangent = case, index, probe, inputs, cotangent
        self.precision = precision
        self.eps = float(np.finfo(inputs[index].dtype).eps)
        self.direction = probe.unit * rng.choice([-1.0, 1.0], probe.unit.size)
        self.weights = cotangent.astype(np.float64).reshape(-1)
        self.analytic = float(gradient @ self.direction)
        self.known = bool(np.isfinite(gradient).all())
        parts = np.abs(gradient * self.direction)
        self.total = float(parts.sum())
        few = FEW_ROUNDOFFS * precision if precision > EPS else 0.0
        self.rounding = (SUM_ROUNDOFFS * self.eps + few) * self.total
        zero = SUM_ROUNDOFFS * EPS * float(np.abs(self.weights) @ np.nan_to_num(np.abs(probe.y0)))
        self.enough = max(VISIBLE_SHARE, small_in(precision)) * float(np.sqrt((parts**2).sum())) + zero

    def compare(self, noise: Callable[[], Array], step: float = 0.0, *, climbs: bool = True) -> DirectionalResult:
        """Compares the two.

        Parameters
        ----------
        noise
            Measures a bound (outputs,) for the roundoff of the outputs, if it is asked.
        step
            How wide the steps are in which forward moves, by an entry's unit; 0 where it is no staircase.
        climbs
            Whether there is time to look over all scales before a gradient is accused.

        Returns
        -------
        Along
            RIGHT where the two agree and the tolerance is small against the gradient, WRONG where they differ; what is
            not known to be finite, or smooth, along the direction is no evidence, and leaves it UNDECIDED.
        """
        if step:
            return self._beyond_steps(step)
        seen = []
        for closer in STEP_SHARES:
            seen.append((closer, moved_along(self.probe, closer * self.direction)))
            # What agrees within the least bound that there can be need not be asked for its noise.
            value, tolerance, agrees = self._difference(*seen[-1], least_noise(self.probe))
            if agrees and tolerance <= self.enough:
                break
        if agrees and tolerance <= self.enough and abs(self.analytic - value) <= tolerance:
            return self._told(value, tolerance)
        measured = noise()
        found = [self._difference(*moved, measured) for moved in seen]
        value, tolerance, agrees = min(found, key=lambda each: (not each[2], each[1]))  # the tightest that agrees
        if not agrees or not self.known:
            return self._along(Verdict.UNDECIDED, value, tolerance)
        if abs(self.analytic - value) <= tolerance:
            return self._told(value, tolerance)
        slack = self.rounding + sum(map(self._trembled, {self.eps, max(self.precision / 2, EPS)}))
        tolerance += slack - self.rounding
        if abs(self.analytic - value) <= tolerance:
            return self._told(value, tolerance)
        # Three steps may agree by chance where the function turns faster than they.
        apart = not climbs or self._differs_at_all_scales(measured, slack)
        return self._along(Verdict.WRONG if apart else Verdict.UNDECIDED, value, tolerance)

    def _along(self, verdict: Verdict, value: float, tolerance: float) -> DirectionalResult:
        return DirectionalResult(verdict, self.analytic, value, tolerance)

    def _told(self, value: float, tolerance: float) -> DirectionalResult:
        return self._along(Verdict.RIGHT if tolerance <= self.enough else Verdict.UNDECIDED, value, tolerance)

    def _trembled(self, relative: float) -> float:
        """How far the gradient along the direction moves when all inputs move by a relative amount."""
        changes = trembling(self.case, self.cotangent, self.inputs, relative)[self.index]
        return ULP_FACTOR * float(np.abs(changes @ self.direction).max())

    def _difference(self, closer: float, y: Array, noise: Array) -> tuple[float, float, bool]:
        """The derivative, its tolerance, and whether it is smooth, from moves by a share `closer` of the direction."""
        value, bound, agrees = directional_derivative(self.probe, y, self.weights, noise)
        # An entry's move is rounded: the more of it, the smaller the steps.
        return value / closer, (bound + MOVE_ROUNDING * self.total) / closer + self.rounding, agrees

    def _beyond_steps(self, step: float) -> DirectionalResult:
        fit = staircases.along(self.probe, self.direction, self.weights, step)
        value, tolerance = float(fit.value[0]), float(fit.bound[0]) + self.rounding
        if not fit.agrees[0] or self.total == 0:  # strictly the slope of a staircase is zero
            return self._along(Verdict.UNDECIDED, value, tolerance)
        if abs(self.analytic - value) <= tolerance:
            return self._told(value, tolerance)
        # Moves that are wide enough to see beyond the steps may cross kinks of many entries: they accuse nobody.
        return self._along(Verdict.UNDECIDED, value, tolerance)

    def _differs_at_all_scales(self, noise: Array, slack: float) -> bool:
        unit, steepest = self.probe.unit, float(self.probe.unit.max())
        everything, depend = np.arange(unit.size), np.ones(self.probe.outputs, bool)
        climbed = climb(self.probe, everything, self.direction / steepest, steepest, depend, self.weights, noise)
        found = slope(climbed, self.weights)
        return found.status in DECIDED and abs(self.analytic - steepest * found.value) > steepest * found.bound + slack
