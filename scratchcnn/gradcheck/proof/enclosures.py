"""Between which numbers a straight-through gradient lies, whichever numbers it takes: rounded ones, or those before."""

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
    until: float,
) -> dict[int, tuple[float, float]]:
    """The least and the largest derivative by each of some entries of an input, as far as there is time.

    An entry is missing where forward does not run on balls as wide as its roundings, or meets a kink.

    Parameters
    ----------
    functions
        Forward and backward.
    point, until
        As in `Runs`.
    index, entries
        Which input, and which of its entries (flat indices).
    """
    found: dict[int, tuple[float, float]] = {}
    try:
        with precision(BITS):
            runs = Runs(functions, point, [index], [index], np.random.default_rng(0), until, Rounding.BETWEEN)
            for entry in entries:
                moved = runs.along({int(entry): 1})
                if moved.met or not moved.finite:
                    continue
                slope = sum((c * s for c, s in zip(runs.weights, moved.slopes, strict=True)), ZERO)
                found[int(entry)] = float(slope.lower()), float(slope.upper())
    except (Undecidable, NotRun):
        return found
    return found
