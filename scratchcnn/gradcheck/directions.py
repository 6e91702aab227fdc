"""Directions that move a whole input at once: one number that a mistake at any of its entries changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.analytic import FEW, ULPS, trembling
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical import stairs
from scratchcnn.gradcheck.numerical.direction import UNEVEN_SHARE, directional, moved_along
from scratchcnn.gradcheck.numerical.kinks import DECIDED, slope
from scratchcnn.gradcheck.numerical.ladder import climb
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Array, Probe
from scratchcnn.gradcheck.verdict import Verdict, small_in
from scratchcnn.gradcheck.wording import apart

# Roundoffs of a sum over all entries, in the precision that backward is run in.
ROUNDOFFS = 64.0


@dataclass(frozen=True)
class Along:
    """What a direction tells: the gradient's value along it, and that of the differences with its tolerance."""

    verdict: Verdict
    analytic: float = np.nan
    value: float = np.nan
    tolerance: float = np.nan

    def __str__(self) -> str:
        analytic, value = apart(self.analytic, self.value)
        return f"the gradient gives {analytic}, differences {value} ± {self.tolerance:.2g}"


def compare(
    case: Case,
    index: int,
    probe: Probe,
    inputs: Sequence[Array],
    cotangent: Array,
    gradient: Array,
    rng: np.random.Generator,
    noise: Callable[[], Array],
    precision: float = EPS,
    step: float = 0.0,
) -> Along:
    """Compares the derivative along a random direction of input `index`.

    Parameters
    ----------
    probe
        The forward pass as a function of that input, at `inputs`.
    inputs, cotangent
        What backward is called with, in the precision that it is judged in.
    gradient
        (size of the input,) what it answers.
    noise
        Measures a bound (outputs,) for their roundoff, if it is asked.
    precision
        The eps that the gradient is held to.
    step
        How wide the steps are in which forward moves, by an entry's unit; 0 where it is no staircase.

    Returns
    -------
    Along
        RIGHT where the two agree and the tolerance is small against the gradient, WRONG where they differ; what is not
        known to be finite, or smooth, along the direction is no evidence, and leaves it UNDECIDED.
    """
    unit = probe.unit
    direction = unit * rng.choice([-1.0, 1.0], unit.size)
    weights = cotangent.astype(np.float64).reshape(-1)
    analytic = float(gradient @ direction)
    parts = np.abs(gradient * direction)
    rounding = (UNEVEN_SHARE + ROUNDOFFS * float(np.finfo(inputs[index].dtype).eps)) * float(parts.sum())
    if precision > EPS:
        rounding += FEW * precision * float(parts.sum())
    zero = ROUNDOFFS * EPS * float(np.abs(weights) @ np.nan_to_num(np.abs(probe.y0)))
    enough = small_in(precision) * float(np.sqrt((parts**2).sum())) + zero

    def trembled(relative: float) -> float:
        changes = trembling(case, cotangent, inputs, relative)[index]
        return ULPS * float(np.abs(changes @ direction).max())

    def told(value: float, tolerance: float) -> Along:
        return Along(Verdict.RIGHT if tolerance <= enough else Verdict.UNDECIDED, analytic, value, tolerance)

    if step:
        fit = stairs.along(probe, direction, weights, step)
        value, tolerance = float(fit.value[0]), float(fit.bound[0]) + rounding
        if not fit.agrees[0] or not gradient.any():  # strictly the slope of a staircase is zero
            return Along(Verdict.UNDECIDED, analytic, value, tolerance)
        if abs(analytic - value) <= tolerance:
            return told(value, tolerance)
        tolerance += trembled(precision / 2)
        return Along(
            Verdict.WRONG if abs(analytic - value) > tolerance else Verdict.UNDECIDED, analytic, value, tolerance
        )
    y = moved_along(probe, direction)
    # What agrees within the least bound that there can be need not be asked for its noise.
    value, bound, agrees = directional(probe, y, weights, least_noise(probe))
    if agrees and abs(analytic - value) <= bound + rounding:
        return told(value, bound + rounding)
    measured = noise()
    value, bound, agrees = directional(probe, y, weights, measured)
    tolerance = bound + rounding
    if not np.isfinite(gradient).all() or not agrees:
        return Along(Verdict.UNDECIDED, analytic, value, tolerance)
    if abs(analytic - value) <= tolerance:
        return told(value, tolerance)
    eps = float(np.finfo(inputs[index].dtype).eps)
    tolerance += sum(trembled(relative) for relative in {eps, precision / 2 if precision > EPS else EPS})
    if abs(analytic - value) <= tolerance:
        return told(value, tolerance)
    # A second look, at all scales: three steps may agree by chance where the function turns faster than they.
    everything = np.arange(unit.size)
    steepest = float(unit.max())
    climbed = climb(probe, everything, direction / steepest, steepest, np.ones(probe.outputs, bool), weights, measured)
    seen = slope(climbed, weights)
    slack = tolerance - bound
    apart = seen.status in DECIDED and abs(analytic - steepest * seen.value) > steepest * seen.bound + slack
    return Along(Verdict.WRONG if apart else Verdict.UNDECIDED, analytic, value, tolerance)
