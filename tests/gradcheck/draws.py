"""What the catalogues draw their inputs from: functions of a generator that give a tuple of arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], tuple[np.ndarray, ...]]


def normal(*shapes: tuple[int, ...], scale: float = 1.0, shift: float = 0.0) -> Draw:
    return lambda rng: tuple(shift + scale * rng.standard_normal(s) for s in shapes)


def between(low: float, high: float, *shapes: tuple[int, ...]) -> Draw:
    return lambda rng: tuple(rng.uniform(low, high, s) for s in shapes)


def far(low: float, high: float, count: int = 6) -> Draw:
    """Numbers of both signs and of such sizes."""
    return lambda rng: (rng.uniform(low, high, count) * rng.choice([-1.0, 1.0], count),)


def decades(low: float, high: float, count: int = 6, base: float = 0.0, sign: float = 1.0) -> Draw:
    """Numbers at distances of 10^low to 10^high from `base`."""
    return lambda rng: (base + sign * 10.0 ** rng.uniform(low, high, count),)


def given(*values: float) -> Draw:
    """These values, in any order."""
    return lambda rng: (rng.permutation(np.array(values, float)),)


def cast(draw: Draw, dtype: Any) -> Draw:
    return lambda rng: tuple(a.astype(dtype) for a in draw(rng))


def viewed(draw: Draw, view: Callable[[np.ndarray], np.ndarray]) -> Draw:
    return lambda rng: tuple(view(a) for a in draw(rng))


def read_only(a: np.ndarray) -> np.ndarray:
    a.flags.writeable = False
    return a


def with_ties(rng):
    """Small integers, with two equal largest numbers in one window."""
    x = rng.permutation(18).reshape(1, 1, 3, 6).astype(float)
    x[0, 0, 0, 0] = x[0, 0, 0, 1] = 20
    return (x,)


def with_zeros(rng):
    return (rng.permutation(np.concatenate([np.zeros(2), rng.standard_normal(6)])),)


def with_a_zero(rng):
    return (rng.permutation(np.append(0.0, rng.uniform(0.5, 2, 3))),)
