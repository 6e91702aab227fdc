"""Between which numbers derivatives lie of a forward pass that rounds, whatever the roundings are taken for.

If rounded numbers are taken with those before them and all between, the derivatives are balls as wide as that. At a
kink of clipping, where a quantizer has its last step, they are those of both sides.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.balls.ball import ZERO, Undecidable, precision
from scratchcnn.gradcheck.proof.outcome import Rounding
from scratchcnn.gradcheck.proof.runs import Runs
from scratchcnn.gradcheck.proof.world.run import NotRun

# In bits: what the balls enclose is far wider than their roundoff.
BITS = 128


def enclosures(
    functions: tuple[Callable[..., Any], Callable[..., Any]],
    point: Point,
    index: int,
    entries: Sequence[int],
    rounding: Rounding,
    until: float,
) -> dict[int, tuple[float, float]]:
    """The least and the largest derivative by each of some entries of an input, as far as there is time.

    An entry is missing where forward does not run, above all on balls as wide as its roundings. With these no kink is
    looked at.

    Parameters
    ----------
    functions
        Forward and backward.
    point, rounding, until
        As in `Runs`.
    index, entries
        Which input, and which of its entries (flat indices).
    """
    found: dict[int, tuple[float, float]] = {}
    try:
        with precision(BITS):
            runs = Runs(functions, point, [index], [index], np.random.default_rng(0), until, rounding)
            for entry in map(int, entries):
                moved = [runs.along({entry: 1}, side) for side in ((0,) if rounding is Rounding.BETWEEN else (-1, 1))]
                met = rounding is Rounding.BETWEEN and moved[0].met
                if met or not all(m.finite for m in moved):
                    continue
                slopes = [sum((c * s for c, s in zip(runs.weights, m.slopes, strict=True)), ZERO) for m in moved]
                found[entry] = min(float(s.lower()) for s in slopes), max(float(s.upper()) for s in slopes)
    except (Undecidable, NotRun):
        return found
    return found
