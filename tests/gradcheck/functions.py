"""Functions of one variable, applied to each entry of an array, with their derivatives."""

import mpmath as mp
import numpy as np

from tests.gradcheck.draws import between, decades, far, normal
from tests.gradcheck.known import elementwise

# Entries of a draw; FEW where each is looked at over all scales, at a hundred evaluations.
MANY, FEW = (150,), (32,)
BUMP = 1e8


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_slope(x):
    e = mp.exp(-x)
    return e / (1 + e) ** 2


def power_slope(p):
    return lambda x: mp.mpf(p) * x ** (mp.mpf(p) - 1) if x > 0 else mp.mpf(0)


def beside_zero(rng):
    """Numbers just below 0, among others."""
    return (np.append(-(10.0 ** rng.uniform(-11, -6, FEW[0] // 2)), rng.standard_normal(FEW[0] // 2)),)


def among_giants(rng):
    """Numbers of size one, and zeros, among others of 1e15."""
    return (np.concatenate([1e15 * rng.standard_normal(20), np.zeros(4), rng.standard_normal(8)]),)


def with_zeros(rng):
    return (np.append(np.zeros(4), rng.uniform(0, 1, 28)),)


def step(x):
    return mp.mpf(int(x > 0))


SMOOTH = [
    elementwise("sin", "smooth", np.sin, mp.cos, normal(MANY, scale=3)),
    elementwise("exp", "smooth", np.exp, mp.exp, normal(MANY, scale=2)),
    elementwise("tanh", "smooth", np.tanh, lambda x: mp.sech(x) ** 2, normal(MANY, scale=1.5)),
    elementwise("sigmoid", "smooth", sigmoid, sigmoid_slope, normal(MANY, scale=3)),
    elementwise("cubic", "smooth", lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2, normal(MANY)),
    elementwise("softplus", "smooth", lambda x: np.logaddexp(0, x), lambda x: 1 / (1 + mp.exp(-x)),
                normal(MANY, scale=3)),
    elementwise("rational", "smooth", lambda x: x / (1 + x * x), lambda x: (1 - x * x) / (1 + x * x) ** 2,
                normal(MANY, scale=2)),
    elementwise("gauss", "smooth", lambda x: np.exp(-x * x), lambda x: -2 * x * mp.exp(-x * x), normal(MANY)),
    elementwise("log", "smooth", np.log, lambda x: 1 / x, between(0.5, 5, MANY)),
    elementwise("sqrt", "smooth", np.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), between(0.5, 5, MANY)),
    elementwise("arctan", "smooth", np.arctan, lambda x: 1 / (1 + x * x), normal(MANY, scale=2)),
    elementwise("arcsinh", "smooth", np.arcsinh, lambda x: 1 / mp.sqrt(1 + x * x), normal(MANY, scale=2)),
    elementwise("sin of square", "smooth", lambda x: np.sin(x * x), lambda x: 2 * x * mp.cos(x * x), normal(MANY)),
    elementwise("swish", "smooth", lambda x: x * sigmoid(x), lambda x: (1 + x / (1 + mp.exp(x)))
                / (1 + mp.exp(-x)), normal(MANY, scale=2)),
    elementwise("linear", "smooth", lambda x: 3 * x - 1, lambda x: mp.mpf(3), normal(MANY)),
]  # fmt: skip

HARD = [
    # Stiff, oscillating, saturated.
    elementwise("exp 40x", "hard", lambda x: np.exp(40 * x), lambda x: 40 * mp.exp(40 * x), normal(MANY)),
    elementwise("sin 1000x", "hard", lambda x: np.sin(1000 * x), lambda x: 1000 * mp.cos(1000 * x), normal(FEW)),
    elementwise("sin 1/x", "hard", lambda x: np.sin(1 / x), lambda x: -mp.cos(1 / x) / x**2, between(0.02, 0.5, MANY)),
    elementwise("narrow bump", "hard", lambda x: 1 / (1e-6 + x * x), lambda x: -2 * x / (mp.mpf(1e-6) + x * x) ** 2,
                normal(MANY, scale=0.01)),
    elementwise("steep tanh", "hard", lambda x: np.tanh(300 * x), lambda x: 300 * mp.sech(300 * x) ** 2,
                normal(MANY, scale=0.01)),
    elementwise("sigmoid far out", "hard", sigmoid, sigmoid_slope, between(15, 45, MANY)),
    elementwise("sigmoid, near and far", "hard", sigmoid, sigmoid_slope, normal(MANY, scale=20)),
    elementwise("tanh far out", "hard", np.tanh, lambda x: mp.sech(x) ** 2, far(5, 30, *MANY)),
    # Cancelling, offset.
    elementwise("offset put on and taken off", "hard", lambda x: (BUMP + np.sin(x)) - BUMP, mp.cos, normal(FEW)),
    elementwise("offset kept", "hard", lambda x: BUMP + np.sin(x), mp.cos, normal(FEW)),
    elementwise("offset in the argument", "hard", lambda x: np.sin(x - 1e6), lambda x: mp.cos(x - 10**6),
                normal(MANY, shift=1e6)),
    elementwise("1 - cos over square", "hard", lambda x: (1 - np.cos(x)) / x**2,
                lambda x: mp.sin(x) / x**2 - 2 * (1 - mp.cos(x)) / x**3, decades(-4, 0, *FEW)),
    elementwise("exp less one", "hard", lambda x: np.exp(x) - 1, mp.exp, decades(-12, 0, *FEW)),
    elementwise("expanded square", "hard", lambda x: x * x - 2000 * x + 1e6, lambda x: 2 * x - 2000,
                normal(MANY, shift=1000)),
    elementwise("roots of neighbours", "hard", lambda x: np.sqrt(x + 1) - np.sqrt(x),
                lambda x: (1 / mp.sqrt(x + 1) - 1 / mp.sqrt(x)) / 2, decades(2, 8, *FEW)),
    elementwise("1 - cos", "hard", lambda x: 1 - np.cos(x), mp.sin, decades(-12, 0, *FEW)),
    elementwise("x less its sine", "hard", lambda x: x - np.sin(x), lambda x: 1 - mp.cos(x), decades(-10, 0, *FEW)),
    elementwise("hypotenuse less one", "hard", lambda x: np.sqrt(1 + x * x) - 1, lambda x: x / mp.sqrt(1 + x * x),
                decades(-12, 0, *FEW)),
    # Outputs that stand still.
    elementwise("size and sine, beside 0", "hard", lambda x: np.abs(x) + np.sin(x), lambda x: mp.sign(x) + mp.cos(x),
                beside_zero),
    elementwise("sigmoid made of a tanh", "hard", lambda x: 0.5 * (1 + np.tanh(x / 2)),
                lambda x: mp.sech(x / 2) ** 2 / 4, between(-45, -25, FEW)),
    elementwise("softplus without a care", "hard", lambda x: np.log(1 + np.exp(x)), lambda x: 1 / (1 + mp.exp(-x)),
                between(-45, -20, FEW)),
    elementwise("gauss far out", "hard", lambda x: np.exp(-x * x), lambda x: -2 * x * mp.exp(-x * x), far(3, 32, *FEW)),
    elementwise("gauss far out, less one", "hard", lambda x: 1 - np.exp(-x * x), lambda x: 2 * x * mp.exp(-x * x),
                far(3, 32, *FEW)),
    elementwise("logarithm of a sigmoid", "hard", lambda x: np.log(sigmoid(x)), lambda x: 1 / (1 + mp.exp(x)),
                between(25, 45, FEW)),
    # Scales.
    elementwise("values of 1e-300", "hard", lambda x: 1e-300 * np.sin(x), lambda x: mp.mpf(1e-300) * mp.cos(x),
                normal(MANY)),
    elementwise("values of 1e300", "hard", lambda x: 1e300 * np.sin(x), lambda x: mp.mpf(1e300) * mp.cos(x),
                normal(MANY)),
    elementwise("arguments of 1e-300", "hard", lambda x: np.sin(1e300 * x),
                lambda x: mp.mpf(1e300) * mp.cos(mp.mpf(1e300) * x), normal(MANY, scale=1e-300)),
    elementwise("arguments of 1e300", "hard", lambda x: np.sin(x / 1e300),
                lambda x: mp.cos(x / mp.mpf(1e300)) / mp.mpf(1e300), normal(MANY, scale=1e300)),
    elementwise("over decades", "hard", lambda x: x * np.exp(-x), lambda x: (1 - x) * mp.exp(-x),
                decades(-9, 2, *MANY)),
    elementwise("cube over decades", "hard", lambda x: x**3, lambda x: 3 * x**2, decades(-30, 30, *MANY)),
    elementwise("tanh among giants", "hard", np.tanh, lambda x: mp.sech(x) ** 2, among_giants),
    elementwise("arctan, and one, among giants", "hard", lambda x: 1 + np.arctan(x), lambda x: 1 / (1 + x * x),
                among_giants),
    elementwise("logarithm guarded by 1e-20", "hard", lambda x: np.log(x + 1e-20), lambda x: 1 / (x + mp.mpf(1e-20)),
                with_zeros),
    elementwise("root guarded by 1e-30", "hard", lambda x: np.sqrt(x + 1e-30),
                lambda x: 1 / mp.sqrt(x + mp.mpf(1e-30)) / 2, with_zeros),
    # Edges of a domain.
    elementwise("power 1.3 from 0 on", "hard", lambda x: x**1.3, power_slope(1.3), with_zeros),
    elementwise("power 1.5 from 0 on", "hard", lambda x: x**1.5, power_slope(1.5), with_zeros),
    elementwise("power 1.9 of the positive", "hard", lambda x: np.maximum(x, 0) ** 1.9, power_slope(1.9), with_zeros),
    elementwise("log near 0", "hard", np.log, lambda x: 1 / x, decades(-12, 0, *MANY)),
    elementwise("sqrt near 0", "hard", np.sqrt, lambda x: 1 / (2 * mp.sqrt(x)), decades(-12, 0, *MANY)),
    elementwise("arccos near 1", "hard", np.arccos, lambda x: -1 / mp.sqrt(1 - x * x),
                decades(-9, 0, *FEW, base=1.0, sign=-1.0)),
    elementwise("arctanh near -1", "hard", np.arctanh, lambda x: 1 / ((1 - x) * (1 + x)),
                decades(-9, 0, *FEW, base=-1.0)),
    elementwise("x log x", "hard", lambda x: x * np.log(x), lambda x: mp.log(x) + 1, decades(-6, 0, *MANY)),
    elementwise("power 3/2 near 0", "hard", lambda x: x**1.5, lambda x: 3 * mp.sqrt(x) / 2, decades(-9, 0, *MANY)),
    # Through float32 inside.
    elementwise("sine of float32", "hard", lambda x: np.sin(x.astype(np.float32)).astype(np.float64), mp.cos,
                normal(FEW)),
    elementwise("square of float32", "hard", lambda x: (x.astype(np.float32) ** 2).astype(np.float64), lambda x: 2 * x,
                normal(FEW)),
]  # fmt: skip

# Points that are not on a kink or jump.
BROKEN = [
    elementwise("relu", "broken", lambda x: np.maximum(x, 0), step, normal(MANY)),
    elementwise("leaky relu", "broken", lambda x: np.where(x > 0, x, 0.01 * x),
                lambda x: mp.mpf(1 if x > 0 else 0.01), normal(MANY)),
    elementwise("elu", "broken", lambda x: np.where(x > 0, x, np.expm1(x)), lambda x: mp.exp(min(x, 0)), normal(MANY)),
    elementwise("abs", "broken", np.abs, mp.sign, normal(MANY)),
    elementwise("clip", "broken", lambda x: np.clip(x, -1, 1), lambda x: step(1 - abs(x)), normal(MANY)),
    elementwise("abs sin", "broken", lambda x: np.abs(np.sin(9 * x)),
                lambda x: 9 * mp.cos(9 * x) * mp.sign(mp.sin(9 * x)), normal(MANY)),
    elementwise("relu close by", "broken", lambda x: np.maximum(x, 0), step,
                lambda rng: (rng.choice([-1, 1], MANY) * 10.0 ** rng.uniform(-13, 0, MANY),)),
    elementwise("clip close by", "broken", lambda x: np.clip(x, -1, 1), lambda x: step(1 - x),
                lambda rng: (1 + rng.choice([-1, 1], FEW) * 10.0 ** rng.uniform(-13, -1, FEW),)),
    elementwise("sine and floor", "broken", lambda x: np.sin(x) + np.floor(x), mp.cos, normal(MANY)),
    elementwise("step", "broken", lambda x: (x > 0.3) * 1.0, lambda x: mp.mpf(0), normal(MANY)),
    elementwise("squared hinge", "broken", lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * x * step(x), normal(MANY)),
    elementwise("exponential of a relu", "broken", lambda x: np.exp(np.maximum(x, 0)), lambda x: step(x) * mp.exp(x),
                normal(MANY)),
    elementwise("relu of six", "broken", lambda x: np.clip(x, 0, 6), lambda x: step(x) * step(6 - x),
                normal(MANY, scale=6)),
    elementwise("step close by", "broken", lambda x: (x > 1) * 1.0, lambda x: mp.mpf(0),
                lambda rng: (1 + rng.choice([-1, 1], FEW) * 10.0 ** rng.uniform(-13, -1, FEW),)),
]  # fmt: skip

OF_ONE = [*SMOOTH, *HARD, *BROKEN]
