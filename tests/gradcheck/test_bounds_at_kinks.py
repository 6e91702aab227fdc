"""The numerical side's bounds at points that sit on a kink or a jump."""

from collections.abc import Callable
from dataclasses import dataclass

import mpmath as mp
import numpy as np
import pytest

from scratchcnn.gradcheck import numerical_gradient
from scratchcnn.gradcheck.numerical.kinks import DECIDED
from tests.gradcheck.draws import Draw, given
from tests.gradcheck.known import exact, exp, over

SEEDS = range(5)


@dataclass(frozen=True)
class Turning:
    """A function with its left and right derivatives: `sides(g, x)` takes and gives arrays of mpmath numbers."""

    name: str
    forward: Callable[[np.ndarray], np.ndarray]
    sides: Callable[..., tuple[np.ndarray, np.ndarray]]
    draw: Draw


def elementwise(left: Callable, right: Callable) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    return lambda g, x: (g * over(left)(x), g * over(right)(x))


def among_others(*values: float, scale: float = 1.0) -> Draw:
    """These values twice, among others that are drawn."""
    return lambda rng: (rng.permutation(np.concatenate([values, values, scale * rng.standard_normal(4)])),)


def largest_sides(g, x):
    """An entry that is the largest of its row loses on the left if others are as large, and gains on the right."""
    top = x == x.max(axis=1, keepdims=True)
    alone = top & (top.sum(axis=1, keepdims=True) == 1)
    return g[:, None] * alone, g[:, None] * top


def with_tied_rows(rng):
    x = rng.standard_normal((4, 5))
    x[1, 3] = x[1, 0] = 3.0
    x[2] = x[2, 0]
    return (x,)


WEIGHTS = np.array([[2.0, -1.0, 0.5], [0.25, 3.0, -4.0]])


def mixed_sides(g, x):
    slope = g @ exact(WEIGHTS).T
    return np.where(x > 0, slope, -slope), np.where(x < 0, -slope, slope)


KINKS = [
    Turning("relu", lambda x: np.maximum(x, 0), elementwise(lambda x: int(x > 0), lambda x: int(x >= 0)),
            among_others(0)),
    Turning("leaky relu", lambda x: np.where(x > 0, x, x / 8),
            elementwise(lambda x: 1 if x > 0 else mp.mpf(0.125), lambda x: 1 if x >= 0 else mp.mpf(0.125)),
            among_others(0)),
    Turning("abs", np.abs, elementwise(lambda x: 1 if x > 0 else -1, lambda x: -1 if x < 0 else 1), among_others(0)),
    Turning("abs of 1e150", np.abs, elementwise(lambda x: 1 if x > 0 else -1, lambda x: -1 if x < 0 else 1),
            among_others(0, scale=1e150)),
    Turning("abs of 1e-150", np.abs, elementwise(lambda x: 1 if x > 0 else -1, lambda x: -1 if x < 0 else 1),
            among_others(0, scale=1e-150)),
    Turning("clip", lambda x: np.clip(x, -1, 1), elementwise(lambda x: int(-1 < x <= 1), lambda x: int(-1 <= x < 1)),
            among_others(-1, 1)),
    Turning("exponential and line", lambda x: np.where(x > 0, 3 * x, np.expm1(x)),
            elementwise(lambda x: mp.exp(x) if x <= 0 else 3, lambda x: mp.exp(x) if x < 0 else 3), among_others(0)),
    Turning("larger of x and square", lambda x: np.maximum(x, x * x),
            elementwise(lambda x: 1 if 0 < x <= 1 else 2 * x, lambda x: 1 if 0 <= x < 1 else 2 * x),
            among_others(0, 1)),
    Turning("x abs x", lambda x: x * np.abs(x), elementwise(lambda x: 2 * abs(x), lambda x: 2 * abs(x)),
            among_others(0)),
    Turning("exp of minus abs", lambda x: np.exp(-np.abs(x)),
            lambda g, x: tuple(g * exp(-np.abs(x)) * s for s in (np.where(x > 0, -1, 1), np.where(x < 0, 1, -1))),
            among_others(0)),
    Turning("largest of a row, with ties", lambda x: x.max(axis=1), largest_sides, with_tied_rows),
    Turning("abs, mixed with both signs", lambda x: np.abs(x) @ WEIGHTS, mixed_sides,
            lambda rng: (np.array([[0.0, 1.5], [-0.5, 0.0], *rng.standard_normal((2, 2))]),)),
]  # fmt: skip


# Where the slope is no Lipschitz function, quotients change at all steps: the slope is known, or nobody can tell.
def powers(p, at):
    name = f"power {p} at {at}"
    zero = elementwise(*[lambda x: mp.mpf(0)] * 2)
    return [
        Turning(f"{name}, from there on", lambda x: (x - at) ** p, zero, given(at, at)),
        Turning(f"{name}, of the positive part", lambda x: np.maximum(x - at, 0) ** p, zero, given(at, at)),
        Turning(f"{name}, even", lambda x: np.abs(x - at) ** p, zero, given(at, at)),
        Turning(f"{name}, odd", lambda x: np.sign(x - at) * np.abs(x - at) ** p, zero, given(at, at)),
        Turning(f"{name}, odd, offset", lambda x: 5 + np.sign(x - at) * np.abs(x - at) ** p, zero, given(at, at)),
    ]


FLAT = [case for p in (1.02, 1.1, 1.2, 1.3, 1.5, 1.9) for at in (0.0, 1.0) for case in powers(p, at)]
FLAT += [
    Turning("square times logarithm", lambda x: np.where(x > 0, x * x * np.log(np.where(x > 0, x, 1)), 0),
            elementwise(*[lambda x: mp.mpf(0)] * 2), given(0, 0)),
    Turning("x over logarithm", lambda x: (x - 1) / np.log(np.abs(x - 1) / 9 + 1e-300),
            elementwise(*[lambda x: mp.mpf(0)] * 2), given(1, 1)),
]  # fmt: skip
STEEP = [
    ("root", np.sqrt, 0.0, 0.5),
    ("root of the positive part", lambda x: np.sqrt(np.maximum(x, 0)), 0.0, 0.5),
    ("root of the size", lambda x: np.sqrt(np.abs(x)), 0.0, -0.5),
    ("odd root", np.cbrt, 0.0, 0.5),
    ("root at 1", lambda x: np.sqrt(x - 1), 1.0, 2.0),
    ("power 0.95", lambda x: x**0.95, 0.0, 0.5),
    ("arccos", np.arccos, 1.0, 0.5),
    ("entropy", lambda x: np.where(x > 0, x * np.log(np.where(x > 0, x, 1)), 0), 0.0, 0.5),
]

# The slope at a jump is that of the side on which the function is continuous.
JUMPS = [
    Turning("floor", np.floor, elementwise(lambda x: 0, lambda x: 0), among_others(1, -2)),
    Turning("step", lambda x: (x > 0) * 1.0, elementwise(lambda x: 0, lambda x: 0), among_others(0)),
    Turning("sign", np.sign, elementwise(lambda x: 0, lambda x: 0), among_others(0)),
    Turning("rounded", np.round, elementwise(lambda x: 0, lambda x: 0), among_others(0.5, 1.5)),
    Turning("line and floor", lambda x: 3 * x + np.floor(x), elementwise(lambda x: 3, lambda x: 3), among_others(2)),
    Turning("two branches", lambda x: np.where(x > 0.25, x + 1, x * x),
            elementwise(*[lambda x: 1 if x > 0.25 else 2 * x] * 2), among_others(0.25)),
]  # fmt: skip


def found_and_known(case: Turning, seed: int):
    """The numerical gradient, where it is decided, and where its interval holds the left and the right derivative."""
    rng = np.random.default_rng(seed)
    (x,) = case.draw(rng)
    shape = case.forward(x).shape
    g = rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape)
    found = numerical_gradient(case.forward, [x], 0, g)
    with mp.workdps(50), np.errstate(invalid="ignore"):  # what is undecided may have no value
        value, bound = exact(found.value), exact(found.bound)
        holds = [np.abs(side - value) <= bound for side in case.sides(exact(g), exact(x))]
    return found, np.isin(found.status, DECIDED), holds


@pytest.mark.parametrize("case", KINKS, ids=lambda c: c.name)
def test_the_interval_at_a_kink_spans_the_one_sided_derivatives(case):
    for seed in SEEDS:
        found, decided, holds = found_and_known(case, seed)
        assert decided.all(), f"seed {seed}: {found}"
        assert (holds[0] & holds[1]).all(), f"seed {seed}: {found}"


@pytest.mark.parametrize("case", FLAT, ids=lambda c: c.name)
def test_a_slope_that_drifts_to_zero_is_undecided_or_held(case):
    found, decided, holds = found_and_known(case, 0)
    assert (holds[0] | ~decided).all(), found
    assert set(found.status[~decided]) <= {"drifting"}, found


@pytest.mark.parametrize(("forward", "at", "beside"), [s[1:] for s in STEEP], ids=[s[0] for s in STEEP])
def test_a_slope_without_end_is_undecided(forward, at, beside):
    found = numerical_gradient(forward, [[at, beside]], 0, [1.0, 1.0])
    assert found.status[0] == "drifting", found
    assert found.status[1] == "ok", found


@pytest.mark.parametrize("case", JUMPS, ids=lambda c: c.name)
def test_a_point_on_a_jump_is_undecided_or_has_the_slope_of_its_side(case):
    for seed in SEEDS:
        found, decided, holds = found_and_known(case, seed)
        assert (holds[0] | ~decided).all(), f"seed {seed}: {found}"
        assert decided.mean() >= 0.4, f"seed {seed}: {found}"  # the four entries that are beside the jumps
