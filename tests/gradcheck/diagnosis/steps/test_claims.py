"""What is said of a step of forward that is differentiated wrongly, and of several at once."""

from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.steps.chains import LONGEST, chains, without_a_chain
from scratchcnn.gradcheck.diagnosis.steps.claims import oddly_wrong_step, same, tells, wrong_step
from scratchcnn.gradcheck.diagnosis.steps.record import records
from scratchcnn.gradcheck.diagnosis.steps.statistics import without_statistics
from scratchcnn.gradcheck.diagnosis.steps.words import words
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of
from tests.gradcheck.diagnosis.hidden import hidden


def scenes_of(forward, backward, *shape):
    return [scene_of(forward, backward, drawn(*shape, seed=n)) for n in (0, 1)]


def squeezed(x, rate=0.3):
    return np.tanh(rate * np.sin(x)) + x * x


def squeezed_backward(g, x, rate=0.3):
    t = np.tanh(rate * np.sin(x))
    return g * ((1 - t * t) * np.cos(x) + 2 * x)


def square(x):
    return x @ x


def symmetric_backward(g, x):
    return 2 * (g @ x.T)


def softplus(x):
    return np.log1p(np.exp(np.sin(x))) * x


def softplus_backward(g, x):
    return g * (np.log1p(np.exp(np.sin(x))) + x)


def normed(x):
    centred = x - x.mean(axis=0)
    return centred / np.sqrt((centred * centred).mean(axis=0)) + np.sin(x)


def normed_backward(g, x):
    centred = x - x.mean(axis=0)
    return g / np.sqrt((centred * centred).mean(axis=0)) + g * np.cos(x)


def swapped(x):
    y = np.exp(x[:3]) * x[3:]
    return np.sin(y)


def swapped_backward(g, x):
    e, b = np.exp(x[:3]), x[3:]
    d = g * np.cos(e * b)
    return np.concatenate([d * e * e, d * e])


CASES = {
    "an option": (wrong_step, squeezed, squeezed_backward, (4,)),
    "equal ways": (wrong_step, square, symmetric_backward, (3, 3)),
    "a chain": (without_a_chain, softplus, softplus_backward, (4,)),
    "means": (without_statistics, normed, normed_backward, (5, 3)),
    "its own factor": (oddly_wrong_step, swapped, swapped_backward, (6,)),
}
SAID = {
    "an option": {
        "with an option left out of `rate * np.sin(x)` (": "option-ignored",
        "with 3.33333 times (0.3 is the option rate) what flows back to `np.sin(x)` in `rate": "constant-factor",
    },
    "equal ways": {"with the way back to `x` in `x @ x`": "missing-term"},
    "a chain": {"without the derivative of `np.log1p(np.exp(np.sin(x)))`": "missing-factor"},
    "means": {"with every mean in forward taken for a constant": "missing-term"},
    "its own factor": {
        "with `np.exp(x[:3])` in place of `x[3:]` where `np.exp(x[:3]) * x[3:]`": "swapped",
    },
}


def with_an_option(scenes):
    for scene in scenes:
        scene.options = {"rate": 0.3}
    return scenes


@pytest.mark.parametrize("name", CASES)
def test_a_step_inside_forward_is_said_and_seen_at_both_points(name):
    family, forward, backward, shape = CASES[name]
    scenes = with_an_option(scenes_of(forward, backward, *shape))
    found = [c for c in family(scenes[0], 0) if all(c.holds(scene) for scene in scenes)]
    for said, kind in SAID[name].items():
        assert {c.kind for c in found if c.message.startswith(f"the true one {said}")} == {kind}
    assert all(c.inside and not c.along for c in found)
    assert held(family, *scenes_of(forward, lambda g, x: np.sinh(x) * g.sum(), *shape)) == {}


def first(forward, backward, *inputs, index=0):
    """What is said first of a step."""
    scenes = [scene_of(forward, backward, *inputs), scene_of(forward, backward, *(a + 0.5 for a in inputs))]
    found = next(c for c in wrong_step(scenes[0], index) if all(c.holds(scene) for scene in scenes))
    return found.message.partition(" (")[0].removeprefix("the true one ")


def wide(x):
    return np.exp(2 * (np.sqrt(x) * 3)) + np.sin(x)


def norm(x, y):
    d = x - y
    return np.sqrt((d * d).sum() + 1) * np.exp(0.5 * y)


def test_of_steps_that_explain_as_much_the_one_that_has_the_number_in_its_derivative_is_said():
    def backward(g, x):
        return g * (6 * np.exp(6 * np.sqrt(x)) / np.sqrt(x) + np.cos(x))

    assert first(wide, backward, drawn(4) ** 2 + 0.5) == "without the factor 1/2 of the derivative of `np.sqrt(x)`"


def test_a_step_that_right_gradients_flow_through_is_hardly_wrong():
    def backward(g, x, y, *, of_root=0.5, half=0.5):
        d = x - y
        r = np.sqrt((d * d).sum() + 1)
        to_d = (g * np.exp(0.5 * y)).sum() * of_root / r * 2 * d
        return to_d, -to_d + half * g * r * np.exp(0.5 * y)

    inputs = drawn(4), drawn(4, seed=1)
    assert first(norm, partial(backward, half=1), *inputs, index=1) == "without the derivative of `0.5 * y`"
    for index in (0, 1):
        said = first(norm, partial(backward, of_root=1), *inputs, index=index)
        assert said == "without the factor 1/2 of the derivative of `np.sqrt((d * d).sum() + 1)`"


def test_of_a_multiple_of_the_whole_gradient_no_step_is_said_but_one_that_has_the_number():
    def said(factor):
        scene = scene_of(lambda x: np.sin(x**2) * 3, lambda g, x: factor * 6 * g * x * np.cos(x**2), drawn(4))
        return [c.message.partition(" (")[0] for c in wrong_step(scene, 0) if c.kind == "constant-factor"]

    assert said(0.5) == ["the true one without the factor 2 of the derivative of `x**2`"]
    assert said(2.0) == said(1.75) == []


@pytest.mark.parametrize(("family", "forward", "backward", "shape"), CASES.values(), ids=CASES)
def test_at_a_point_without_that_step_nothing_holds(family, forward, backward, shape):
    def opaque(x):
        if type(x) is not np.ndarray:
            raise TypeError("floats only")
        return forward(x)

    (scene, _) = with_an_option(scenes_of(forward, backward, *shape))
    claims = list(family(scene, 0))
    assert claims
    without_record = scene_of(opaque, lambda g, x: x, *scene.inputs)
    other = scene_of(lambda x: np.cos(x) * 3, lambda g, x: -3 * g * np.sin(x), *scene.inputs)
    assert without_record.record is None is not other.record
    assert not any(claim.holds(each) for claim in claims for each in (without_record, other))


@pytest.mark.parametrize("family", [wrong_step, oddly_wrong_step, without_a_chain])
def test_a_gradient_of_too_few_numbers_tells_nothing(family):
    def forward(x):
        return np.tanh(np.exp(np.sin(x)))

    few = scene_of(forward, lambda g, x: g * (np.arange(5) < 2), drawn(5))
    assert not tells(few, 0)
    assert list(family(few, 0)) == []
    assert tells(scene_of(forward, lambda g, x: g * (np.arange(5) < 3), drawn(5)), 0)
    assert tells(scene_of(forward, lambda g, x: g, drawn(2)), 0)
    other = scene_of(forward, lambda g, x: g[:3], drawn(5))
    assert not tells(other, 0)
    assert list(family(other, 0)) == []


def test_gradients_are_the_same_up_to_roundoff():
    scene = scene_of(np.sin, lambda g, x: np.array([1.0, -4.0, 0.0]), drawn(3))
    near = 64 * scene.eps * 4
    gradient = scene.analytic(0)
    others = np.array([gradient, gradient + 3.9e-10, gradient + 4.1e-10, -gradient, gradient * np.nan])
    assert near < 3.9e-10
    assert same(scene, 0, others).tolist() == [True, True, False, False, False]
    assert same(scene, 0, others.reshape(1, 5, 3)).shape == (1, 5)
    coarse = scene_of(np.sin, lambda g, x: gradient, drawn(3), eps=2.0**-20)
    assert same(coarse, 0, gradient + 3.9 * 64 * 2.0**-20).tolist() is True
    assert same(coarse, 0, gradient + 4.1 * 64 * 2.0**-20).tolist() is False
    endless = scene_of(np.sin, lambda g, x: np.array([np.inf, 1.0, 2.0]), drawn(3))
    assert not same(endless, 0, np.array([np.inf, 1.0, 3.0]))


def test_chains_are_steps_that_follow_each_other_alone():
    def forward(x):
        y = np.exp(np.sin(x))
        return np.tanh(y) * y + np.log1p(x * x)

    (record,) = records(forward, (drawn(2),), (0,))
    said = [[words(step).step.partition("` ")[0] for step in chain] for chain in chains(record)]
    assert ["`np.sin(x)", "`np.exp(np.sin(x))"] in said
    assert ["`np.sin(x)", "`np.exp(np.sin(x))", "`np.tanh(y)"] in said
    assert ["`x * x", "`np.log1p(x * x)"] in said
    assert not any("+" in text for chain in said for text in chain)
    assert len(said) == len({tuple(chain) for chain in said})


def test_a_chain_has_few_steps():
    def forward(x):
        return np.sin(np.cos(np.sin(np.cos(np.sin(np.cos(x))))))

    (record,) = records(forward, (drawn(2),), (0,))
    assert {len(chain) for chain in chains(record)} == set(range(2, LONGEST + 1))


def test_code_without_a_source_has_no_chains_to_speak_of():
    scene = scene_of(hidden(softplus), softplus_backward, drawn(4))
    assert chains(scene.record)
    assert list(without_a_chain(scene, 0)) == []
    assert held(wrong_step, scene) == {}


def test_a_chain_that_ends_in_code_without_a_source_is_not_spoken_of():
    last = hidden(lambda x: np.exp(x))
    scene = scene_of(lambda x: last(np.sin(x)) * x, softplus_backward, drawn(4))
    ends = [(words(chain[0]), words(chain[-1])) for chain in chains(scene.record)]
    assert any(first and not final for first, final in ends)
    assert len(list(without_a_chain(scene, 0))) <= len([1 for first, final in ends if first and final])


def test_a_single_statistic_is_a_step_by_itself():
    def forward(x):
        return x * x.mean(axis=0)

    scenes = scenes_of(forward, lambda g, x: g * x.mean(axis=0), 4, 3)
    assert held(without_statistics, *scenes) == {}
    assert any("taken for a constant" in message for message in held(wrong_step, *scenes))


def test_a_statistic_that_is_the_output_itself_is_none_of_several():
    def forward(x):
        return np.concatenate([x.mean(axis=0), x[0] * np.mean(x)])

    def backward(g, x):
        d = np.zeros_like(x)
        d[0] = g[3:] * x.mean()
        return d

    assert held(without_statistics, *scenes_of(forward, backward, 4, 3)) == {}


def test_nothing_but_zeros_and_another_shape_say_nothing_of_statistics():
    for backward in (lambda g, x: 0 * x, lambda g, x: x[0]):
        assert list(without_statistics(scene_of(normed, backward, drawn(5, 3)), 0)) == []


STATISTICS = {
    "every variance and deviation": (
        lambda x: x / x.std(axis=0) + x * np.var(x, axis=0),
        lambda g, x: g / x.std(axis=0) + g * x.var(axis=0),
    ),
    "every mean, variance and deviation": (
        lambda x: (x - np.mean(x, axis=0)) / x.std(axis=0) + np.exp(x),
        lambda g, x: g / x.std(axis=0) + g * np.exp(x),
    ),
    "every minimum and maximum": (
        lambda x: x / np.ptp(x, axis=0) + x * np.ptp(x),
        lambda g, x: g / np.ptp(x, axis=0) + g * np.ptp(x),
    ),
    "every sum": (
        lambda x: x / x.sum(axis=0) + x * np.sum(x, axis=1, keepdims=True),
        lambda g, x: g / x.sum(axis=0) + g * x.sum(axis=1, keepdims=True),
    ),
    "every statistic": (
        lambda x: x / x.sum(axis=0) + x * np.mean(x, axis=1, keepdims=True),
        lambda g, x: g / x.sum(axis=0) + g * x.mean(axis=1, keepdims=True),
    ),
}


@pytest.mark.parametrize(("said", "pair"), STATISTICS.items(), ids=STATISTICS)
def test_statistics_of_a_kind_are_constants_together(said, pair):
    found = held(without_statistics, *scenes_of(*pair, 5, 3))
    assert f"the true one with {said} in forward taken for a constant" in found


@pytest.mark.parametrize(
    ("forward", "step"), [(lambda x: np.sin(np.abs(x)), "np.abs(x)"), (lambda x: np.sin(-x), "-x")]
)
def test_the_derivative_of_a_size_is_missing_and_has_no_wrong_sign(forward, step):
    scene = scene_of(forward, lambda g, x: g * np.cos(x), -np.abs(drawn(4)))
    signs = [c.message.split("`")[1] for c in wrong_step(scene, 0) if c.kind == "sign"]
    assert (step in signs) is (step == "-x")
    assert any(f"without the derivative of `{step}`" in c.message for c in wrong_step(scene, 0))


def test_a_factor_that_is_missing_of_a_negative_product_is_told():
    def swish(x, beta):
        return x / (1 + np.exp(-beta * x))

    def backward(g, x, beta):
        s = 1 / (1 + np.exp(-beta * x))
        return g * (s + x * s * (1 - s)), (g * x * x * s * (1 - s)).sum()

    said = first(swish, backward, drawn(4), np.array(1.7))
    assert said == "without the derivative of `-beta * x`"
