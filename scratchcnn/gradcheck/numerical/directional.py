"""The derivative along a direction that moves many entries of an input at once: one number that sees them all."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.differences import TINY_EXPONENT
from scratchcnn.gradcheck.numerical.groups import Group
from scratchcnn.gradcheck.numerical.probe import Contraction, Line
from scratchcnn.gradcheck.numerical.quotients import Moves, contracted, settle
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# As a share of an entry's move: how far it may differ from its exact part of the step, since x is rounded there.
MOVE_ROUNDING = 2.0**-44
# In units of the entries; the tiny step comes last. There are more steps than for a single entry, and smaller ones: the
# bound must show a mistake at one entry of many.
DIRECTION_STEPS = UNEVEN_STEP * 2.0 ** -np.array([5, 6, 7, 8, 9, TINY_EXPONENT])


def moved_along(line: Line) -> Array:
    """(steps, 2, 1, outputs) the outputs where entries move along a line, backwards and forwards.

    `line.direction` is some part of each entry's unit, with a sign.
    """
    y = np.empty((len(DIRECTION_STEPS), 2, 1, line.probe.outputs), line.probe.dtype)
    for k, step in enumerate(DIRECTION_STEPS):
        line.move(-step, y[k, 0, 0])
        line.move(step, y[k, 1, 0])
    return y


def directional_derivative(contraction: Contraction, y: Array) -> tuple[float, float, bool]:
    """The derivative of the contracted output along a line, its bound, and whether the tiny step agrees.

    Parameters
    ----------
    contraction
        The number whose derivative is sought.
    y
        (steps, 2, 1, outputs) what `moved_along` gave.
    """
    moves = Moves(y, DIRECTION_STEPS[:, None].astype(contraction.probe.dtype))
    quotients = contracted(contraction, Group(np.array([0])), None, moves)
    assert quotients is not None  # a group of one owns every output
    value, bound, agrees = settle(quotients)
    return float(value[0]), float(bound[0]), bool(agrees[0])
