"""Directions that move a whole input at once: one number that a mistake at any of its entries changes."""

from collections.abc import Callable, Sequence

import numpy as np

from scratchcnn.gradcheck.analytic import ULPS, trembling
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical.direction import UNEVEN_SHARE, directional, moved_along
from scratchcnn.gradcheck.numerical.kinks import DECIDED, slope
from scratchcnn.gradcheck.numerical.ladder import climb
from scratchcnn.gradcheck.numerical.noise import least_noise
from scratchcnn.gradcheck.numerical.probe import Array, Probe


def compare(
    case: Case,
    index: int,
    probe: Probe,
    inputs: Sequence[Array],
    cotangent: Array,
    gradient: Array,
    rng: np.random.Generator,
    noise: Callable[[], Array],
) -> str:
    """What is wrong along a random direction of input `index`; empty where nothing is, or nothing can be told.

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
    """
    unit = probe.unit
    direction = unit * rng.choice([-1.0, 1.0], unit.size)
    weights = cotangent.astype(np.float64).reshape(-1)
    analytic = float(gradient @ direction)
    eps = float(np.finfo(inputs[index].dtype).eps)
    rounding = (UNEVEN_SHARE + 64 * eps) * float(np.abs(gradient) @ np.abs(direction))
    y = moved_along(probe, direction)
    # What agrees within the least bound that there can be need not be asked for its noise.
    value, bound, agrees = directional(probe, y, weights, least_noise(probe))
    if agrees and abs(analytic - value) <= bound + rounding:
        return ""
    measured = noise()
    value, bound, agrees = directional(probe, y, weights, measured)
    tolerance = bound + rounding
    # What is not known to be finite, or smooth, along the direction is no evidence.
    if not np.isfinite(gradient).all() or not agrees or abs(analytic - value) <= tolerance:
        return ""
    tolerance += ULPS * np.abs(trembling(case, cotangent, inputs, index, eps) @ direction).max()
    if abs(analytic - value) <= tolerance:
        return ""
    # A second look, at all scales: three steps may agree by chance where the function turns faster than they.
    everything = np.arange(unit.size)
    steepest = float(unit.max())
    climbed = climb(probe, everything, direction / steepest, steepest, np.ones(probe.outputs, bool), weights, measured)
    seen = slope(climbed, weights)
    slack = tolerance - bound
    if seen.status not in DECIDED or abs(analytic - steepest * seen.value) <= steepest * seen.bound + slack:
        return ""
    return f"the gradient gives {analytic:.10g}, differences {value:.10g} ± {tolerance:.2g}"
