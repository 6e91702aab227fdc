"""Forward rounds to fewer digits inside: the derivative of what it rounds, with a bound, and what is no staircase."""

from functools import partial

import numpy as np
import pytest
from hypothesis import settings

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.numerical import staircases
from scratchcnn.gradcheck.numerical.gradient import Derivatives, derivatives
from scratchcnn.gradcheck.numerical.kinks import DECIDED
from scratchcnn.gradcheck.numerical.noise import measure_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from tests.gradcheck.everyday.case import softmax
from tests.gradcheck.everyday.inside import softmax_backward

# Two draws of each case; twenty-five in the deep profile.
SEEDS = range(max(2, settings().max_examples // 400))


def bfloat16(a):
    bits = np.asarray(a, np.float64).astype(np.float32).view(np.uint32)
    return ((bits + 0x8000) & 0xFFFF0000).view(np.float32).astype(np.float64)


def bfloat16_towards_zero(a):
    bits = np.asarray(a, np.float64).astype(np.float32).view(np.uint32)
    return (bits & 0xFFFF0000).view(np.float32).astype(np.float64)


def float16(a):
    return np.asarray(a).astype(np.float16).astype(np.float64)


def float32(a):
    return np.asarray(a).astype(np.float32).astype(np.float64)


# A format, its eps, the share of the largest derivative that most bounds keep below, and a factor that must be found.
FORMATS = {"bfloat16": (bfloat16, 2.0**-7, 0.1, 2.0), "float16": (float16, 2.0**-10, 0.02, 1.05),
           "float32": (float32, 2.0**-23, 1e-5, 1.001)}  # fmt: skip
SMOOTH = {
    "sin": (np.sin, np.cos, 3.0),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, 1.0),
    "cubic": (lambda x: x**3 - 2 * x, lambda x: 3 * x**2 - 2, 1.0),
    "line": (lambda x: 3 * x - 1, lambda x: 3 + 0 * x, 1.0),
    "of thousands": (lambda x: np.sin(x / 1e3), lambda x: np.cos(x / 1e3) / 1e3, 1e3),
    "of thousandths": (lambda x: np.sin(1e3 * x), lambda x: 1e3 * np.cos(1e3 * x), 1e-3),
}


def found_of(forward, *inputs, index=0, seed=0):
    """What is known of one input's derivatives, and the weights of the outputs."""
    probe = Probe(forward, [np.asarray(x, float) for x in inputs], index)
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 2, probe.outputs) * rng.choice([-1, 1], probe.outputs)
    with np.errstate(all="ignore"):
        noise = measure_noise(probe, np.random.default_rng(0))
        return derivatives(Contraction(probe, weights, noise), np.arange(probe.base.size)), weights


@pytest.mark.parametrize("where", ["inside", "outside"])
@pytest.mark.parametrize("function", SMOOTH)
@pytest.mark.parametrize("to", FORMATS)
def test_the_derivative_of_what_is_rounded_lies_within_a_bound_that_is_small(to, function, where):
    rounded, _, share, _ = FORMATS[to]
    f, slope, scale = SMOOTH[function]
    forward = (lambda x: f(rounded(x))) if where == "inside" else (lambda x: rounded(f(x)))
    for seed in SEEDS:
        x = scale * np.random.default_rng(seed).standard_normal(12)
        found, weights = found_of(forward, x, seed=seed)
        truth = weights * slope(x)
        assert (found.status == "ok").all()
        assert (np.abs(found.value - truth) <= found.bound).all()
        assert np.median(found.bound) <= share * np.abs(truth).max()


@pytest.mark.parametrize("to", FORMATS)
def test_the_precision_is_that_of_the_format_wherever_it_rounds(to):
    rounded, eps, _, _ = FORMATS[to]
    w = np.random.default_rng(1).standard_normal((6, 3))
    for forward in (lambda x: np.tanh(rounded(x)), lambda x: rounded(np.tanh(x)), lambda x: rounded(x @ w)):
        found, _ = found_of(forward, np.random.default_rng(0).standard_normal((4, 6)))
        assert eps / 2 <= found.precision <= 2 * eps
        assert found.stepped.all()


@pytest.mark.parametrize("point", [np.zeros(4), np.array([0.0, 1, -2, 4]), np.ones((2, 2))], ids=str)
@pytest.mark.parametrize("to", [*(f[0] for f in FORMATS.values()), bfloat16_towards_zero])
def test_numbers_that_the_format_has_are_no_exception(to, point):
    # About zero all moves that differ by a power of two share one rounding, and differences agree on what is wrong.
    found, weights = found_of(lambda x: np.arctan(to(x)), point)
    truth = weights / (1 + point.reshape(-1) ** 2)
    assert (np.abs(found.value - truth) <= found.bound).all()
    right = check_gradient(lambda x: np.arctan(to(x)), lambda g, x: g / (1 + to(x) ** 2), point)
    assert right.verdict is not Verdict.WRONG, right


def dense(x, w):
    return x @ w


def dense_backward(g, x, w):
    return g @ w.T, x.T @ g


def normed(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)


def normed_backward(g, x):
    h = normed(x)
    inner = g - g.mean(axis=1, keepdims=True) - h * (g * h).mean(axis=1, keepdims=True)
    return (inner / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5),)


def times(factor, backward, g, *inputs):
    return tuple(factor * d for d in backward(g, *inputs))


LAYERS = {
    "dense": (dense, dense_backward, [(4, 6), (6, 3)]),
    "layer norm": (normed, normed_backward, [(3, 6)]),
    "softmax": (softmax, softmax_backward, [(3, 5)]),
    "mean": (lambda x: x.mean(), lambda g, x: (np.full_like(x, g / x.size),), [(4, 4)]),
}


@pytest.mark.parametrize("where", ["inside", "outside"])
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("to", FORMATS)
def test_a_right_layer_is_not_accused_and_a_factor_is_found(to, layer, where):
    rounded, _, _, factor = FORMATS[to]
    f, slopes, shapes = LAYERS[layer]
    for seed in SEEDS[:4]:
        rng = np.random.default_rng(seed)
        inputs = [rng.standard_normal(s) for s in shapes]
        if where == "inside":
            forward, backward = (lambda *x: f(*map(rounded, x))), (lambda g, *x: slopes(g, *map(rounded, x)))
        else:
            forward, backward = (lambda *x: rounded(f(*x))), slopes
        right = check_gradient(forward, backward, *inputs, seed=seed)
        assert right.verdict is not Verdict.WRONG, right
        if to == "float32":
            assert right.verdict is Verdict.RIGHT, right
        first = seed == SEEDS[0]
        wrong = check_gradient(forward, partial(times, factor, backward), *inputs, seed=seed, diagnosis=first)
        assert wrong.verdict is Verdict.WRONG, wrong


KINKED = {
    "abs of sine": (lambda x: np.abs(np.sin(9 * x)), lambda x: 9 * np.cos(9 * x) * np.sign(np.sin(9 * x))),
    "relu": (lambda x: np.maximum(x, 0), lambda x: x > 0),
    "clip": (lambda x: np.clip(x, -1, 1), lambda x: np.abs(x) < 1),
    "fast sine": (lambda x: np.sin(30 * x), lambda x: 30 * np.cos(30 * x)),
    "saturated": (lambda x: np.tanh(4 * x), lambda x: 4 * (1 - np.tanh(4 * x) ** 2)),
}


@pytest.mark.parametrize("function", KINKED)
def test_bounds_hold_where_the_function_turns_within_reach(function):
    f, slope = KINKED[function]
    outside = decided = 0
    for to in (bfloat16, float16, float32):
        for seed in range(20):
            x = np.random.default_rng(seed).standard_normal(20)
            found, weights = found_of(lambda x, to=to: f(to(x)), x, seed=seed)
            known = np.isin(found.status, DECIDED)
            outside += int((np.abs(found.value - weights * slope(x)) > found.bound)[known].sum())
            decided += int(known.sum())
    assert decided >= 0.97 * 1200
    assert outside <= 0.01 * decided


def test_bounds_hold_about_rounded_numbers():
    # Roundings to the left and right are opposite there.
    outside = 0
    for to in (bfloat16, float16):
        for seed in range(40):
            x = to(np.random.default_rng(seed).standard_normal(20))
            found, weights = found_of(lambda x, to=to: np.sin(to(x)), x, seed=seed)
            outside += int((np.abs(found.value - weights * np.cos(x)) > found.bound).sum())
    assert outside == 0


def test_bounds_hold_near_the_end_of_a_domain():
    for seed in SEEDS:
        x = np.random.default_rng(seed).uniform(0.3, 3, 12)
        found, weights = found_of(lambda x: np.log(np.round(x * 16) / 16), x, seed=seed)
        known = np.isin(found.status, DECIDED)
        assert (np.abs(found.value - weights / x) <= found.bound)[known].all()


def test_a_rounding_towards_zero_shrinks_every_move_from_zero():
    found, weights = found_of(lambda x: 3 * bfloat16_towards_zero(x), np.zeros(5))
    assert (np.abs(found.value - 3 * weights) <= found.bound).all()
    assert (found.value / weights < 3).all()


@pytest.mark.parametrize("size", [1.0, 10.0, 1e3, 1e6])
def test_a_bias_of_zeros_may_be_lost_in_steps_of_the_output(size):
    rng = np.random.default_rng(0)
    x, w = size * rng.standard_normal((6, 8)), rng.standard_normal((8, 4))
    right = check_gradient(lambda b: bfloat16(x @ w + b), lambda g, b: g.sum(axis=0), np.zeros(4))
    assert right.verdict is not Verdict.WRONG, right
    wrong = check_gradient(lambda b: bfloat16(x @ w + b), lambda g, b: 2 * g.sum(axis=0), np.zeros(4))
    assert wrong.verdict is Verdict.WRONG, wrong


def test_an_output_that_an_entry_hardly_moves_may_hide_a_step():
    # Moved by 0.4, the first entry changes the sum by less than a step of it: that is no derivative of zero.
    w = np.array([[1e-3], [1.0], [2.0], [-1.5]])
    x = np.array([[0.7, 1.1, -0.4, 1.3]])
    found, weights = found_of(lambda x: bfloat16(x @ w), x)
    truth = weights[0] * w[:, 0]
    assert (np.abs(found.value - truth) <= found.bound).all()
    assert found.bound[0] >= truth[0] / 2


def test_a_smooth_part_may_be_added_to_the_steps():
    for seed in SEEDS:
        x = np.random.default_rng(seed).standard_normal((3, 4))
        for to in (bfloat16, float16, float32):
            right = check_gradient(
                lambda x, to=to: np.tanh(to(x)) + x**2, lambda g, x: g * (1 - np.tanh(x) ** 2 + 2 * x), x, seed=seed
            )
            assert right.verdict is not Verdict.WRONG, right
            wrong = check_gradient(lambda x, to=to: np.tanh(to(x)) + x**2, lambda g, x: 4 * g * x, x, seed=seed)
            assert wrong.verdict is Verdict.WRONG, wrong


def test_the_slope_is_that_of_both_the_steps_and_the_smooth_part():
    for to in (bfloat16, bfloat16_towards_zero, float16, float32):
        for seed in range(30):
            x = np.random.default_rng(seed).standard_normal(12)
            found, weights = found_of(lambda x, to=to: np.tanh(to(x)) + x**2, x, seed=seed)
            truth = weights * (1 - np.tanh(x) ** 2 + 2 * x)
            known = found.status == "ok"
            assert (np.abs(found.value - truth) <= found.bound + 4 * found.precision * np.abs(truth))[known].all()
            assert known.mean() >= 0.8


def two_layers(to):
    """Rounds all that it is given, and all that it makes of it; with its gradient by x."""

    def forward(x, w):
        return np.tanh(to(to(x) @ to(w))).sum(axis=1)

    def gradient(g, x, w):
        return (g[:, None] * (1 - np.tanh(to(to(x) @ to(w))) ** 2)) @ to(w).T

    return forward, gradient


def test_bounds_hold_where_many_roundings_meet():
    for to in (bfloat16, bfloat16_towards_zero, float16):
        forward, gradient = two_layers(to)
        for seed in range(30):
            rng = np.random.default_rng(seed)
            x, w = rng.standard_normal((3, 6)), 0.4 * rng.standard_normal((6, 5))
            found, weights = found_of(forward, x, w, seed=seed)
            truth = gradient(weights, x, w).reshape(-1)
            known = found.status == "ok"
            # Backward rounds as well: a few eps of it, and of the largest.
            allowed = found.bound + 4 * found.precision * np.abs(truth) + found.precision * np.abs(truth).max()
            assert (np.abs(found.value - truth) <= allowed)[known].all()
            assert known.mean() >= 0.8


def test_some_entries_may_be_rounded_and_others_not():
    x = np.random.default_rng(2).standard_normal(8)
    found, weights = found_of(lambda x: np.concatenate([np.tanh(bfloat16(x[:4])), np.sin(x[4:])]), x)
    truth = weights * np.concatenate([1 - np.tanh(x[:4]) ** 2, np.cos(x[4:])])
    assert (np.abs(found.value - truth) <= found.bound).all()
    assert found.stepped[:4].all()
    assert not found.stepped[4:].any()
    assert (found.bound[4:] < 1e-8).all()


def test_a_kink_among_the_steps_accuses_neither_side():
    for seed in SEEDS:
        # Both signs, on the kink, and within a step or a few of it.
        x = np.concatenate([np.random.default_rng(seed).standard_normal(8), [0.0, 0.002, -0.002, 0.03, -0.03]])
        for to in (bfloat16, float16, float32):
            right = check_gradient(lambda x, to=to: np.maximum(to(x), 0), lambda g, x, to=to: g * (to(x) > 0), x)
            assert right.verdict is not Verdict.WRONG, right


def test_the_largest_of_rounded_numbers_is_a_staircase_of_one_of_them():
    for seed in SEEDS:
        x = np.random.default_rng(seed).standard_normal(24)
        found, weights = found_of(lambda x: bfloat16(x).reshape(-1, 4).max(axis=1), x)
        windows = bfloat16(x).reshape(-1, 4)
        truth = (weights[:, None] * (windows == windows.max(axis=1, keepdims=True))).reshape(-1)
        decided = found.status == "ok"
        assert (np.abs(found.value - truth) <= found.bound)[decided].all()
        assert decided.mean() >= 0.8


# What stands still here and there, and moves at every point elsewhere; or jumps once.
NO_STAIRS = {
    "relu": lambda x: np.maximum(x, 0),
    "clip": lambda x: np.clip(x, -0.5, 0.5),
    "saturated": lambda x: np.tanh(40 * x),
    "one jump": lambda x: (x > 0.3) * 1.0,
    "two jumps": lambda x: (x > 0.3) * 1.0 + (x > 0.6) * 1.0,
    "sine and one jump": lambda x: np.sin(x) + (x > 0.4),
    "fast": lambda x: np.sin(1000 * x),
    "stiff": lambda x: np.exp(40 * x),
    "largest of a window": lambda x: x.reshape(-1, 2).max(axis=1),
    "two clips in a sum": lambda x: np.clip(x, -1, 0) + np.clip(x, 0.5, 1),
    "random": lambda x: x + 1e-3 * np.sin(1e9 * x),
}


@pytest.mark.parametrize("name", NO_STAIRS)
def test_what_else_stands_still_is_no_staircase(name):
    for seed in SEEDS:
        x = np.random.default_rng(seed).standard_normal(16)
        found, _ = found_of(NO_STAIRS[name], x)
        assert not found.step, name
        assert not found.stepped.any()


def test_steps_as_wide_as_the_unit_leave_differences_of_zero_in_doubt():
    found, _ = found_of(np.round, np.array([0.8, 1.2, 1.9, 2.6, 3.3]))
    assert found.step > staircases.RESOLVED_WIDTH
    assert found.flat[found.value == 0].all()
    assert not found.stepped.any()


def test_the_slope_of_the_staircase_itself_is_not_wrong():
    x = np.random.default_rng(0).standard_normal((3, 4))
    report = check_gradient(lambda x: np.tanh(float16(x)), lambda g, x: 0 * g, x)
    assert report.verdict is Verdict.UNDECIDED, report
    assert "steps" in report.inputs[0].reason


def test_along_a_direction_all_entries_step_together():
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        x, w = rng.standard_normal((4, 6)), rng.standard_normal((6, 3))
        probe = Probe(lambda x, w: float16(float16(x) @ float16(w)), [x, w], 0)
        weights = rng.uniform(0.5, 2, 12) * rng.choice([-1, 1], 12)
        direction = probe.unit * rng.choice([-1.0, 1.0], 24)
        fit = staircases.along(Contraction(probe, weights, np.zeros(12)), direction, 2.0**-10)
        truth = (weights.reshape(4, 3) @ float16(w).T).reshape(-1) @ direction
        assert abs(fit.value[0] - truth) <= fit.bound[0]
        assert fit.bound[0] <= 0.05 * np.abs(direction).sum()
        assert fit.agrees[0]


def test_what_differences_settle_costs_nothing_more():
    calls = []

    def forward(x, w):
        calls.append(1)
        return np.tanh(x @ w)

    probe = Probe(forward, [np.eye(3) + 0.5, np.arange(6.0).reshape(3, 2) / 5], 0)
    contraction = Contraction(probe, np.ones(6), measure_noise(probe, np.random.default_rng(0)))
    found = Derivatives(contraction, np.arange(9))
    found.by_differences()
    before = len(calls)
    found.by_stairs()
    assert (found.status == "ok").all()
    assert len(calls) == before


def test_a_series_is_called_no_farther_than_it_has_to_be():
    """It is summed until its terms are small, which takes as many rounds as its argument is large."""
    farthest = 0.0

    def series(x):
        nonlocal farthest
        farthest = max(farthest, float(np.abs(x).max()))
        total, term, n = np.zeros_like(x), np.ones_like(x), 0
        while np.abs(term).max() > 1e-6 and n < 1000:
            total, n = total + term, n + 1
            term = term * x / n
        return total

    x = np.random.default_rng(5).normal(size=5)
    check_gradient(series, lambda g, x: g * np.exp(x), x, proof=False)
    assert farthest < 100 * np.abs(x).max()
