"""The derivative along a direction that moves many entries of an input at once: one number that sees them all."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.differences import TINY_EXPONENT, contracted, settle
from scratchcnn.gradcheck.numerical.groups import Group
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# An entry's move differs from its exact share of the step by a rounding of x, at the steps that decide.
MOVE_ROUNDING = 2.0**-44
# In units of the entries; the tiny step comes last. They are more than one entry gets, down to smaller ones: the bound
# must show what is wrong with one entry of many.
DIRECTION_STEPS = UNEVEN_STEP * 2.0 ** -np.array([5, 6, 7, 8, 9, TINY_EXPONENT])


def moved_along(probe: Probe, direction: Array, entries: Array | slice = slice(None)) -> Array:
    """(steps, 2, 1, outputs) the outputs where entries move along `direction`, backwards and forwards.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    direction
        (entries,) how far each entry moves for a step of one: some part of its unit, with a sign.
    entries
        Which entries move: flat indices, or all.
    """
    y = np.empty((len(DIRECTION_STEPS), 2, 1, probe.outputs), probe.dtype)
    for k, step in enumerate(DIRECTION_STEPS):
        probe.move(entries, probe.base[entries] - step * direction, y[k, 0, 0])
        probe.move(entries, probe.base[entries] + step * direction, y[k, 1, 0])
    return y


def directional_derivative(probe: Probe, y: Array, cotangent: Array, noise: Array) -> tuple[float, float, bool]:
    """The derivative of the contracted output along a direction, its bound, and whether the tiny step agrees.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    y
        (steps, 2, 1, outputs) what `moved_along` gave.
    cotangent, noise
        (outputs,) weights of the outputs, and a bound for their roundoff.
    """
    quotient = contracted(
        probe, Group(np.array([0])), None, y, DIRECTION_STEPS[:, None].astype(probe.dtype), cotangent, noise
    )
    assert quotient is not None  # a group of one owns every output
    value, bound, agrees = settle(quotient)
    return float(value[0]), float(bound[0]), bool(agrees[0])
