"""How far the roundoff of floats may move a gradient: as wide as its balls are with as few bits as floats have."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.balls.ball import Undecidable, precision
from scratchcnn.gradcheck.proof.runs import Runs
from scratchcnn.gradcheck.proof.world.run import NotRun


def widths(
    functions: tuple[Callable[..., Any], Callable[..., Any]],
    point: Point,
    wrt: Sequence[int],
    asked: Sequence[int],
    bits: int,
    until: float,
) -> dict[int, Array]:
    """By the index of each input, (entries,) how far apart two gradients may be whose operations round to some bits.

    Nothing where backward does not run with balls as wide as that: they may not decide a comparison.

    Parameters
    ----------
    functions
        Forward and backward.
    point, wrt, asked, until
        As in `Runs`.
    bits
        Of the significands.
    """
    try:
        with precision(bits):
            runs = Runs(functions, point, wrt, asked, np.random.default_rng(0), until)
            gradient = runs.backward()
    except (Undecidable, NotRun):
        return {}
    wide = np.array([2 * float(g.rad()) for g in gradient])
    return {k: wide[part] for k, part in runs.parts.items()}
