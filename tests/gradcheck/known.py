"""A function with its derivative in mpmath numbers, exact to as many digits as are asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import mpmath as mp
import numpy as np

from tests.gradcheck.draws import Draw


@dataclass(frozen=True)
class Known:
    """`gradient(g, *inputs)` gives what a backward gives, but takes and gives arrays of mpmath numbers.

    `kind` is "smooth" (and well scaled), "hard" (stiff, oscillating, saturated, cancelling, an extreme scale, an edge
    of the domain, float32 inside) or "broken" (kinks and jumps, at points that are not on one).
    """

    name: str
    kind: Literal["smooth", "hard", "broken"]
    forward: Callable[..., np.ndarray]
    gradient: Callable[..., tuple[np.ndarray, ...]]
    draw: Draw


def elementwise(name: str, kind: Any, forward: Any, derivative: Callable[[Any], Any], draw: Draw) -> Known:
    """A function of one variable, applied to each entry: `derivative` takes and gives one number."""
    return Known(name, kind, forward, lambda g, x: (g * over(derivative)(x),), draw)


def over(function: Callable[..., Any], arguments: int = 1) -> Callable[..., Any]:
    """A function of numbers as one of arrays of objects."""
    return np.frompyfunc(function, arguments, 1)


# The numbers that floats stand for, and functions of arrays of them.
exact = over(lambda x: mp.mpf(float(x)))
exp, log, sqrt, cos, sin, tanh = (over(f) for f in (mp.exp, mp.log, mp.sqrt, mp.cos, mp.sin, mp.tanh))


def inverse(a: np.ndarray) -> np.ndarray:
    return np.array((mp.matrix(a.tolist()) ** -1).tolist())


def determinant(a: np.ndarray) -> Any:
    return mp.det(mp.matrix(a.tolist()))
