"""The rungs of a ladder: outputs at halving steps along a line, to the left and right of a point."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.probe import Line
from scratchcnn.gradcheck.numerical.steps import SMALLEST_ROUNDOFFS, UNEVEN_STEP

# In units, as a power of two: the largest step of a ladder. A saturated function (a sigmoid at 30) wakes within it.
TOP_EXPONENT = 5


@dataclass(frozen=True)
class Rungs:
    """What a ladder sees of some outputs, the largest step first.

    Attributes
    ----------
    h
        (rungs,) the steps.
    y
        (rungs, 2, outputs) the outputs at -h and h.
    y0
        (outputs,) the outputs at the point.
    outputs
        (outputs,) which they are, as flat indices into all outputs of forward.
    """

    h: Array
    y: Array
    y0: Array
    outputs: Array

    def of(self, which: Array) -> "Rungs":
        """The same of some of these outputs."""
        return Rungs(self.h, self.y[:, :, which], self.y0[which], self.outputs[which])


def take_rungs(line: Line, unit: float) -> Rungs:
    """All outputs at steps from 32 units down to 256 roundoffs of one, without the steps that x rounds away."""
    x, size, probe = line.x, np.abs(line.direction), line.probe
    h: list[Any] = []
    bottom = np.log2(SMALLEST_ROUNDOFFS * np.finfo(probe.dtype).eps)
    exponents = UNEVEN_STEP * 2.0 ** np.arange(TOP_EXPONENT, bottom - 1, -1)
    y: Array = np.empty((len(exponents), 2, probe.outputs), probe.dtype)
    for step in exponents:
        # A multiple of the coarsest spacing, so that all entries move by exactly the same (sizes are powers of two).
        spacing = (np.spacing(np.abs(x) + size * (unit * step)) / size).max()
        length = np.rint(unit * step / spacing) * spacing
        if length == 0:
            break
        line.move(-length, y[len(h), 0])
        line.move(length, y[len(h), 1])
        h.append(length)
    return Rungs(np.array(h, probe.dtype), y[: len(h)], probe.y0, np.arange(probe.outputs))
