"""Which of the steps that explain a wrong gradient are spoken of, in what order, and how often."""

import re

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.steps.claims import (
    oddly_wrong_step,
    own_depth,
    same,
    wrong_inner_step,
    wrong_step,
)
from scratchcnn.gradcheck.diagnosis.steps.tape import LEFT, Step
from tests.gradcheck.diagnosis.claims import drawn, scene_of
from tests.gradcheck.diagnosis.hidden import hidden

X, Y = drawn(4), drawn(3, seed=1)


def said(family, forward, backward, *inputs, **options):
    """What is said of the gradient of the first input, in order."""
    scene = scene_of(forward, backward, *inputs, **options)
    found = [c.message.removeprefix("the true one ") for c in family(scene, 0) if c.holds(scene)]
    return [re.sub(r" \([^)]*\)", "", message) for message in found]  # without the lines, and what a number is


def joined(x, y):
    return np.exp(np.concatenate([np.sin(x), y]))


def joined_backward(g, x, y, to_y=lambda d: d):
    d = g * joined(x, y)
    return -d[:4] * np.cos(x), to_y(d[4:])


@pytest.mark.parametrize(
    ("to_y", "first"),
    [
        (lambda d: d, "np.sin(x)"),
        (lambda d: -d, "np.exp(np.concatenate([np.sin(x), y]))"),
        (lambda d: None, "np.exp(np.concatenate([np.sin(x), y]))"),
        (lambda d: d[:2], "np.exp(np.concatenate([np.sin(x), y]))"),
    ],
    ids=["right", "wrong, too", "no gradient", "another shape"],
)
def test_of_two_steps_that_explain_a_gradient_the_one_that_explains_the_others_comes_first(to_y, first):
    found = said(wrong_step, joined, lambda g, x, y: joined_backward(g, x, y, to_y), X, Y)
    assert found[0].startswith(f"with the wrong sign where `{first}`")
    assert len(set(found)) == len(found) == 2


def test_so_it_is_with_factors():
    def forward(x, y):
        return np.concatenate([x**2, y]) ** 2

    def without(steps):
        return [f"without the factor 2 of the derivative of `{step}`" for step in steps]

    found = said(wrong_step, forward, lambda g, x, y: (2 * g[:4] * x**3, 2 * g[4:] * y), X, Y)
    assert found == without(("x**2", "np.concatenate([x**2, y]) ** 2"))

    def other(x, y):
        z = np.concatenate([x, y]) ** 2
        return np.concatenate([z[:4] ** 2, z[4:]])

    found = said(wrong_step, other, lambda g, x, y: (2 * g[:4] * x**3, g[4:] * y), X, Y)
    assert found == without(("np.concatenate([x, y]) ** 2", "z[:4] ** 2"))


def test_two_steps_may_explain_it_with_different_factors():
    def forward(x):
        return 3.5 * np.tanh(x) + np.cos(x) + np.tanh(x)

    def backward(g, x):
        return g * (8 * (1 - np.tanh(x) ** 2) - np.sin(x))

    assert "with 2 times what flows back to `x` in `np.tanh(x)`" in said(wrong_step, forward, backward, drawn(7))
    assert "with 4.5 times what flows back to `x` in `np.tanh(x)`" in said(
        wrong_inner_step, forward, backward, drawn(7)
    )


def test_a_step_before_the_likely_one_may_have_the_number_in_its_derivative():
    def forward(x, y):
        return np.sin(np.concatenate([x**2, y]))

    def backward(g, x, y):
        d = g * np.cos(np.concatenate([x**2, y]))
        return d[:4] * x, d[4:] / 2

    assert said(wrong_step, forward, backward, X, Y) == ["without the factor 2 of the derivative of `x**2`"]


def bent(x):
    return np.tanh(x) + np.cos(x)


def bent_backward(g, x, factor):
    return g * (factor * (1 - np.tanh(x) ** 2) - np.sin(x))


@pytest.mark.parametrize(("factor", "number"), [(0.5, "1/2"), (2.0, "2"), (1.7, "1.7"), (-1.7, "-1.7")])
def test_a_half_and_a_double_are_known_and_other_numbers_are_said_of_last(factor, number):
    found = {
        family: said(family, bent, lambda g, x: bent_backward(g, x, factor), drawn(7))
        for family in (wrong_step, wrong_inner_step)
    }
    known = abs(factor) != 1.7
    assert found[wrong_step if known else wrong_inner_step] == [
        f"with {number} times what flows back to `np.tanh(x)` in `np.tanh(x) + np.cos(x)`",
        f"with {number} times what flows back to `x` in `np.tanh(x)`",
    ]
    assert found[wrong_inner_step if known else wrong_step] == []


@pytest.mark.parametrize("factor", [0, -1])
def test_a_constant_and_a_sign_are_no_factors(factor):
    for family in (wrong_step, wrong_inner_step):
        scene = scene_of(bent, lambda g, x: bent_backward(g, x, factor), drawn(7))
        assert {c.kind for c in family(scene, 0)} <= {"missing-term" if factor == 0 else "sign"}


SIZES = {
    "np.abs": lambda x: np.abs(x) + np.cos(x),
    "abs": lambda x: abs(x) + np.cos(x),
    "np.absolute": lambda x: np.absolute(x) + np.cos(x),
}


@pytest.mark.parametrize("name", SIZES)
def test_where_all_numbers_are_negative_a_size_lacks_its_derivative_and_has_no_wrong_sign(name):
    found = said(wrong_step, SIZES[name], lambda g, x: g * (1 - np.sin(x)), -np.abs(drawn(7)))
    assert f"without the derivative of `{name}(x)` by `x`" in found
    assert not any(f"wrong sign where `{name}(x)`" in message for message in found)


def test_of_a_single_entry_any_step_may_have_a_factor():
    found = said(wrong_step, lambda x: np.sin(x), lambda g, x: 0.5 * g * np.cos(x), drawn(1))
    assert found == ["with 1/2 times what flows back to `x` in `np.sin(x)`"]


def test_an_option_is_said_even_of_a_multiple_of_the_whole_gradient():
    def forward(x, rate=0.3):
        return np.sin(rate * x)

    scene = scene_of(forward, lambda g, x: g * np.cos(0.3 * x), X)
    scene.options = {"rate": 0.3}
    found = [c.message.partition(" (")[0] for c in wrong_step(scene, 0) if c.kind == "option-ignored"]
    assert found == [f"the true one with an option left out of `{step}`" for step in ("np.sin(rate * x)", "rate * x")]


def kept(s):
    return np.stack([np.tanh(s), s])


@pytest.mark.parametrize("helper", [kept, hidden(kept)], ids=["shown", "hidden"])
@pytest.mark.parametrize(
    ("factor", "what"),
    [
        (-1, "with the wrong sign where `{1}` is differentiated by `{0}`"),
        (0.5, "with 1/2 times what flows back to `{0}` in `{1}`"),
    ],
)
def test_a_step_that_is_not_spoken_of_hides_no_earlier_one(helper, factor, what):
    """A helper that hands on some of its numbers as they are is no step, nor is one without a source."""

    def forward(x):
        return helper(np.sin(x)) + np.cos(x)

    def backward(g, x):
        return g[0] * (factor * (1 - np.tanh(np.sin(x)) ** 2) * np.cos(x) - np.sin(x))

    found = said(wrong_step, forward, backward, X, cotangent=np.stack([np.arange(1, 5), np.zeros(4)]))
    assert what.format("x", "np.sin(x)") in found
    assert what.format("np.sin(x)", "helper(np.sin(x))") not in found


def helped(x):
    return bent(np.exp(x)) * x


def test_the_sign_of_a_step_of_a_helper_is_said_by_a_family_of_its_own():
    def backward(g, x):
        e = np.exp(x)
        return g * (bent(e) + x * e * (np.tanh(e) ** 2 - 1 - np.sin(e)))

    found = [said(family, helped, backward, X) for family in (wrong_step, wrong_inner_step, oddly_wrong_step)]
    steps = "np.tanh(x) + np.cos(x)` is differentiated by `np.tanh(x)`", "np.tanh(x)` is differentiated by `x`"
    assert found == [[], [f"with the wrong sign where `{step}" for step in steps], []]


def test_another_mistake_in_a_helper_is_said_by_the_family_of_odd_ones():
    def backward(g, x):
        e = np.exp(x)
        return g * (bent(e) + x * e * (1 / (1 - np.tanh(e) ** 2) - np.sin(e)))

    found = [said(family, helped, backward, X) for family in (wrong_step, wrong_inner_step, oddly_wrong_step)]
    assert found == [[], [], ["with 1 / d in place of d, the derivative of `np.tanh(x)` by `x`"]]


def test_a_step_without_a_place_is_no_deeper_than_forward():
    assert own_depth([]) == own_depth([Step((), LEFT)]) == 0


def test_gradients_are_the_same_as_a_share_of_their_own_size():
    small = scene_of(np.sin, lambda g, x: 1e-3 * X, X)
    assert same(small, 0, 1e-3 * X)
    assert not same(small, 0, 1e-3 * X + 1e-11)
    assert same(scene_of(np.sin, lambda g, x: 0 * x, X), 0, 0 * X)
    assert same(scene_of(np.sin, lambda g, x: g, drawn(0)), 0, drawn(0))
