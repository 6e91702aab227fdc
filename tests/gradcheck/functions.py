"""Functions whose derivatives are known to fifty digits, for holding the numerical side's bounds to the truth."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

mp.mp.dps = 50


@dataclass(frozen=True)
class Known:
    """A function of one variable, applied to each entry of an array: `derivative` takes and gives mpmath numbers.

    `kind` is "smooth" (and well scaled), "hard" (stiff, an extreme scale, an edge of the domain, a cancellation) or
    "broken" (kinks and jumps).
    """

    name: str
    kind: str
    forward: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[Any], Any]
    draw: Callable[[np.random.Generator, int], np.ndarray]


def normal(scale: float = 1.0, shift: float = 0.0) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, n: shift + scale * rng.standard_normal(n)


def between(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, n: rng.uniform(low, high, n)


def decades(low: float, high: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    """Sizes spread evenly over the decades from 10^low to 10^high."""
    return lambda rng, n: 10.0 ** rng.uniform(low, high, n)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def mp_sigmoid_prime(x: Any) -> Any:
    e = mp.exp(-x)
    return e / (1 + e) ** 2


BUMP = 1e8

KNOWN = [
    # Smooth and well scaled.
    Known("sin", "smooth", np.sin, mp.cos, normal(3)),
    Known("exp", "smooth", np.exp, mp.exp, normal(2)),
    Known("tanh", "smooth", np.tanh, lambda x: mp.sech(x) ** 2, normal(1.5)),
    Known("sigmoid", "smooth", sigmoid, mp_sigmoid_prime, normal(3)),
    Known("cube", "smooth", lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2, normal()),
    Known("softplus", "smooth", lambda x: np.logaddexp(0, x), lambda x: 1 / (1 + mp.exp(-x)), normal(3)),
    Known("rational", "smooth", lambda x: x / (1 + x * x), lambda x: (1 - x * x) / (1 + x * x) ** 2, normal(2)),
    Known("gauss", "smooth", lambda x: np.exp(-x * x), lambda x: -2 * x * mp.exp(-x * x), normal()),
    Known("log", "smooth", np.log, lambda x: 1 / x, between(0.5, 5)),
    Known("sqrt", "smooth", np.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), between(0.5, 5)),
    Known("arctan", "smooth", np.arctan, lambda x: 1 / (1 + x * x), normal(2)),
    Known("sin of square", "smooth", lambda x: np.sin(x * x), lambda x: 2 * x * mp.cos(x * x), normal()),
    Known("linear", "smooth", lambda x: 3 * x - 1, lambda x: mp.mpf(3), normal()),
    # Stiff, oscillating, saturated.
    Known("exp 40x", "hard", lambda x: np.exp(40 * x), lambda x: 40 * mp.exp(40 * x), normal()),
    Known("sin 1000x", "hard", lambda x: np.sin(1000 * x), lambda x: 1000 * mp.cos(1000 * x), normal()),
    Known("sin 1/x", "hard", lambda x: np.sin(1 / x), lambda x: -mp.cos(1 / x) / x**2, between(0.02, 0.5)),
    Known(
        "narrow bump",
        "hard",
        lambda x: 1 / (1e-6 + x * x),
        lambda x: -2 * x / (mp.mpf(1e-6) + x * x) ** 2,
        normal(0.01),
    ),
    Known("steep tanh", "hard", lambda x: np.tanh(300 * x), lambda x: 300 * mp.sech(300 * x) ** 2, normal(0.01)),
    Known("sigmoid far out", "hard", sigmoid, mp_sigmoid_prime, between(15, 45)),
    Known("sigmoid wide", "hard", sigmoid, mp_sigmoid_prime, normal(20)),
    # Cancelling, offset.
    Known("offset in value", "hard", lambda x: (BUMP + np.sin(x)) - BUMP, mp.cos, normal()),
    Known("offset kept", "hard", lambda x: BUMP + np.sin(x), mp.cos, normal()),
    Known("offset in argument", "hard", lambda x: np.sin(x - 1e6), lambda x: mp.cos(x - mp.mpf(1e6)), normal(1, 1e6)),
    Known(
        "one minus cos",
        "hard",
        lambda x: (1 - np.cos(x)) / x**2,
        lambda x: mp.sin(x) / x**2 - 2 * (1 - mp.cos(x)) / x**3,
        decades(-4, 0),
    ),
    Known("expm1 by hand", "hard", lambda x: np.exp(x) - 1, mp.exp, decades(-12, 0)),
    Known("expanded square", "hard", lambda x: x * x - 2000 * x + 1e6, lambda x: 2 * x - 2000, normal(1, 1000)),
    # Scales.
    Known("tiny values", "hard", lambda x: 1e-300 * np.sin(x), lambda x: mp.mpf(1e-300) * mp.cos(x), normal()),
    Known("huge values", "hard", lambda x: 1e300 * np.sin(x), lambda x: mp.mpf(1e300) * mp.cos(x), normal()),
    Known(
        "tiny arguments",
        "hard",
        lambda x: np.sin(1e300 * x),
        lambda x: mp.mpf(1e300) * mp.cos(mp.mpf(1e300) * x),
        normal(1e-300),
    ),
    Known("decades", "hard", lambda x: x * np.exp(-x), lambda x: (1 - x) * mp.exp(-x), decades(-9, 2)),
    Known("cube of decades", "hard", lambda x: x**3, lambda x: 3 * x**2, decades(-30, 30)),
    # Edges of a domain.
    Known("log near 0", "hard", np.log, lambda x: 1 / x, decades(-12, 0)),
    Known("sqrt near 0", "hard", np.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), decades(-12, 0)),
    Known(
        "arccos near 1",
        "hard",
        np.arccos,
        lambda x: -1 / mp.sqrt(1 - x * x),
        lambda rng, n: 1 - 10.0 ** rng.uniform(-9, 0, n),
    ),
    Known("x log x", "hard", lambda x: x * np.log(x), lambda x: mp.log(x) + 1, between(1e-3, 2)),
    # Through float32 inside.
    Known("float32 inside", "hard", lambda x: np.sin(x.astype(np.float32)).astype(np.float64), mp.cos, normal()),
    Known(
        "float32 square", "hard", lambda x: (x.astype(np.float32) ** 2).astype(np.float64), lambda x: 2 * x, normal()
    ),
    # Kinks and jumps, at points that are not on one.
    Known("relu", "broken", lambda x: np.maximum(x, 0), lambda x: mp.mpf(int(x > 0)), normal()),
    Known(
        "leaky relu", "broken", lambda x: np.where(x > 0, x, 0.01 * x), lambda x: mp.mpf(1 if x > 0 else 0.01), normal()
    ),
    Known("abs", "broken", np.abs, mp.sign, normal()),
    Known("clip", "broken", lambda x: np.clip(x, -1, 1), lambda x: mp.mpf(int(abs(x) < 1)), normal()),
    Known(
        "abs sin",
        "broken",
        lambda x: np.abs(np.sin(9 * x)),
        lambda x: 9 * mp.cos(9 * x) * mp.sign(mp.sin(9 * x)),
        normal(),
    ),
    Known(
        "relu close by",
        "broken",
        lambda x: np.maximum(x, 0),
        lambda x: mp.mpf(int(x > 0)),
        lambda rng, n: rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-13, 0, n),
    ),
    Known(
        "clip close by",
        "broken",
        lambda x: np.clip(x, -1, 1),
        lambda x: mp.mpf(int(x < 1)),
        lambda rng, n: 1 + rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-13, -1, n),
    ),
    Known("smooth and floor", "broken", lambda x: np.sin(x) + np.floor(x), mp.cos, normal()),
    Known("step", "broken", lambda x: (x > 0.3) * 1.0, lambda x: mp.mpf(0), normal()),
]
