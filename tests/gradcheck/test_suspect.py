"""The harness as a suspect: does it find every planted mistake, and does it leave right code alone?"""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from scratchcnn import sigmoid
from scratchcnn.gradcheck import Verdict, check_gradient
from tests.gradcheck.difficult import DIFFICULT
from tests.gradcheck.mistakes import MISTAKES
from tests.gradcheck.mistakes.planting import BREACHES, VALUES

# Six draws of each case; twenty-five in the deep profile.
SEEDS = range(max(6, settings().max_examples // 400))

# No claim explains these, or the one that does goes by another name: the derivative of a closure, or of two mistakes.
UNNAMED = {
    "avg_pool2d: the padding counted",
    "avg_pool2d: to the maximum alone",
    "clip: no mask",
    "max_pool2d: one pixel twice",
    "max_pool2d: the padded image's corner",
    "max_pool2d: the padding's zeros win",
    "network: hidden derivative",
    "network: weights updated before they pass back",
    "recurrent: nothing through time",
    "recurrent: weight of the last step",
    "ridge: penalty's 2 forgotten",
    "scratchcnn's relu: masked by another sample",
    "softmax: summed over the samples",
    "softmax_cross_entropy: softmax over the samples",
    "softmax_cross_entropy: the true class alone",
    "square standardize: not through the mean",
}


# Those that are named justly by another kind than their own.
NAMED = {
    "conv2d: bias as a mean": "broadcast",
    "average pool: not divided": "missing-factor",
    "square squared_error: ∂E/∂O: factor 2": "missing-factor",
    "softmax_cross_entropy: not averaged": "missing-factor",
    "squared error: 2 forgotten in the error": "missing-factor",
    "batch norm: deviation of n - 1": "missing-factor",
}


def test_the_catalogues_are_large_and_name_every_kind():
    assert len({m.name for m in MISTAKES}) == len(MISTAKES) >= 60
    assert len({d.name for d in DIFFICULT}) == len(DIFFICULT) >= 40
    assert {m.kind for m in MISTAKES} >= {*VALUES, *BREACHES}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_a_planted_mistake_is_wrong_at_every_seed(mistake):
    for seed in SEEDS:
        forward, wrong = mistake.pair()
        inputs = mistake.draw(np.random.default_rng(seed))
        with np.errstate(all="ignore"):
            report = check_gradient(forward, wrong, *inputs, seed=seed, diagnosis=seed == 1, **mistake.right.options)
        if seed == 1 and mistake.kind != "other" and mistake.name not in UNNAMED:
            kind = NAMED.get(mistake.name, mistake.kind)
            assert kind in list(dict.fromkeys(d.kind for d in report.diagnoses))[:2], str(report)
        assert report.verdict is Verdict.WRONG, f"seed {seed}: {report}"
        violations = {v.kind for v in report.violations}
        # A wrong value is found by its value, not for a breach that the planting brought along.
        values = violations <= {"stale", "elsewhere", "ignores-cotangent"}
        assert mistake.kind in violations if mistake.kind in BREACHES else values, f"{seed}: {report}"


# What mistakes are planted in, once each, at every draw that a mistake has.
PLANTED_IN = {(m.right.name, m.draw): m for m in MISTAKES}


@pytest.mark.parametrize("mistake", PLANTED_IN.values(), ids=lambda m: m.name)
def test_the_right_gradient_in_its_place_is_right(mistake):
    right = mistake.right
    for seed in SEEDS[:5]:
        inputs = mistake.draw(np.random.default_rng(seed))
        # Every entry, however long that takes: a busy machine must not leave a kink to the directions.
        report = check_gradient(right.forward, right.backward, *inputs, seed=seed, max_entries=None, **right.options)
        assert report.verdict is Verdict.RIGHT, f"seed {seed}: {report}"


@pytest.mark.parametrize("case", DIFFICULT, ids=lambda d: d.name)
def test_right_but_difficult_code_is_never_accused(case):
    for seed in SEEDS:
        inputs = case.draw(np.random.default_rng(seed))
        with np.errstate(all="ignore"):
            report = check_gradient(case.forward, case.backward, *inputs, seed=seed, **case.options)
        allowed = ("right", "undecided") if case.expected == "either" else (case.expected,)
        assert report.verdict.value in allowed, f"seed {seed}: {report}"
        if report.verdict is Verdict.UNDECIDED:
            assert any(case.reason in i.reason for i in report.inputs), f"seed {seed}: {report}"


# Smooth functions: value, and derivative by the value's argument(s), given the value too.
UNARY = {
    "sin": (np.sin, lambda x, y: np.cos(x)),
    "tanh": (np.tanh, lambda x, y: 1 - y * y),
    "exp": (np.exp, lambda x, y: y),
    "arctan": (np.arctan, lambda x, y: 1 / (1 + x * x)),
    "square": (np.square, lambda x, y: 2 * x),
    "reciprocal": (lambda x: 1 / (1 + x * x), lambda x, y: -2 * x * y * y),
    "root": (lambda x: np.sqrt(1 + x * x), lambda x, y: x / y),
    "softplus": (lambda x: np.logaddexp(0, x), lambda x, y: sigmoid(x)),
    "triple": (lambda x: 3 * x - 1, lambda x, y: 3 + 0 * x),
    "centred": (lambda x: x - x.mean(), None),
}
BINARY = {
    "add": (np.add, lambda a, b, y: (1, 1)),
    "subtract": (np.subtract, lambda a, b, y: (1, -1)),
    "multiply": (np.multiply, lambda a, b, y: (b, a)),
    "logaddexp": (np.logaddexp, lambda a, b, y: (sigmoid(a - b), sigmoid(b - a))),
    "hypotenuse": (lambda a, b: np.sqrt(1 + a * a + b * b), lambda a, b, y: (a / y, b / y)),
    "ratio": (lambda a, b: a / (1 + b * b), lambda a, b, y: (1 / (1 + b * b), -2 * a * b / (1 + b * b) ** 2)),
}
# Beyond it a composition is a matter of roundoff alone: sin(1e8 x) has no digits to compare.
LARGEST = 1e8


def values(steps, inputs):
    """What each step of a composition gives: a step is a function's name and the places of its arguments."""
    found = list(inputs)
    for name, *places in steps:
        function = (UNARY if len(places) == 1 else BINARY)[name][0]
        found.append(function(*(found[p] for p in places)))
    return found


def chain_rule(steps, g, inputs):
    """The gradients of the inputs, from the last step back to the first."""
    found = values(steps, inputs)
    gradients = [np.zeros_like(v) for v in found]
    gradients[-1] = gradients[-1] + g
    for k in reversed(range(len(steps))):
        name, *places = steps[k]
        here = gradients[len(inputs) + k]
        if name == "centred":
            gradients[places[0]] = gradients[places[0]] + here - here.mean()
            continue
        arguments = [found[p] for p in places]
        slope = (UNARY if len(places) == 1 else BINARY)[name][1](*arguments, found[len(inputs) + k])
        for p, part in zip(places, slope if isinstance(slope, tuple) else (slope,), strict=True):
            gradients[p] = gradients[p] + here * part
    return tuple(gradients[: len(inputs)])


@st.composite
def compositions(draw):
    """Steps over one or two inputs; the last one takes what the one before gave."""
    count = draw(st.integers(1, 2))
    steps = []
    for k in range(draw(st.integers(1, 6))):
        last = count + k - 1
        earlier = st.integers(0, last)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(sorted(UNARY))), last))
        else:
            steps.append((draw(st.sampled_from(sorted(BINARY))), *draw(st.permutations([last, draw(earlier)]))))
    return count, steps


# Here two terms of the series cancel at one step: both results that the best one is made from share its error.
@example((1, [("exp", 0), ("exp", 1), ("reciprocal", 2)]), 3)
# And here the function is 0, and its gradient roundoff throughout.
@example((1, [("hypotenuse", 0, 0), ("logaddexp", 1, 1), ("subtract", 2, 1), ("centred", 3), ("multiply", 4, 0)]), 0)
@given(compositions(), st.integers(0, 2**32 - 1))
def test_a_smooth_composition_with_its_right_gradient_is_never_accused(composition, seed):
    count, steps = composition
    inputs = np.random.default_rng(seed).standard_normal((count, 3))
    with np.errstate(all="ignore"):
        assume(all(np.isfinite(v).all() and np.abs(v).max() < LARGEST for v in values(steps, inputs)))
        report = check_gradient(
            lambda *x: values(steps, x)[-1], lambda g, *x: chain_rule(steps, g, x), *inputs, seed=seed % 1000
        )
    assert report.verdict is not Verdict.WRONG, f"{report}"
