"""The constant that a value in the source has to be multiplied by, and the sign that it lacks."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.places import AXIS, EXPONENT, FACTOR, INDEX, LIMIT, TERM
from scratchcnn.gradcheck.diagnosis.edits.scales import scales, stretches
from scratchcnn.gradcheck.diagnosis.estimates import Estimate
from tests.gradcheck.diagnosis.claims import drawn, scene_of
from tests.gradcheck.diagnosis.edits.made import expression, made, told

X, VALUE = drawn(5), np.array([1.0, 2.0, 5.0])
LARGE = 2.0**30


def linear(x, g, v):
    """A gradient in which a value `v` is a factor of one of two terms; 1 is right."""
    return g * (v * np.cos(x) + 3 * x**2)


def squared(x, g, v):
    return g * (v**2 * np.cos(x) + 3 * x**2)


def cancelling(x, g, v):
    return g * (v * LARGE * np.cos(x) - LARGE * np.cos(x)) + linear(x, g, 1)


def scene_with(gradient, v, *, calls=100_000, record=True, twice=2.0, options=None, scale=1.0, at=X):
    """A point at which the gradient has the value `v`, which can be made twice as large, or zero."""

    def forward(x):
        if not record and type(x) is not np.ndarray:
            raise TypeError("floats only")
        return np.sin(x) + 1.0 * x**3

    cotangent = scale * drawn(5, seed=1)
    scene = scene_of(forward, lambda g, x: gradient(x, g, v), at, calls=calls, cotangent=cotangent)
    here = scene.cotangent
    scene.options = options or {}
    scene.__dict__["look"] = SimpleNamespace(
        twice=lambda number: None if twice is None else [gradient(at, here, twice * v)],
        without=lambda number: [gradient(at, here, 0 * v)],
        of_forward={},
        forward_sites=[],
    )
    return scene


def changes(family, scene, role=FACTOR, value=None, text="v", known=True):
    seen = told(VALUE if value is None else value)
    return made(family(scene, 0, known=known), expression(text, role), seen)


def numbers(found):
    return {said: (kind, np.round(value, 9).tolist()) for said, (kind, value) in found.items()}


@pytest.mark.parametrize("record", [True, False])
@pytest.mark.parametrize(
    ("v", "said", "kind", "times"),
    [
        (-1.0, "-v", "sign", -1),
        (0.5, "2 * v", "constant-factor", 2),
        (3.0, "1/3 * v", "constant-factor", 1 / 3),
        (-0.5, "-2 * v", "constant-factor", -2),
        (0.7, "1.42857 * v", "constant-factor", 1 / 0.7),
    ],
)
def test_the_constant_that_makes_the_gradient_right_is_found(record, v, said, kind, times):
    scene, known = scene_with(linear, v, record=record), v != 0.7
    found = changes(scales, scene, known=known)
    assert numbers(found) == {f"`{said}` in place of `v`": ([kind], np.round(times * VALUE, 9).tolist())}
    assert changes(scales, scene, known=not known) == {}


def test_a_number_of_the_check_is_recognized():
    found = changes(scales, scene_with(linear, 5.0), value=0.5)
    ((said, (kind, value)),) = found.items()
    assert said.startswith("`1/5 * v` in place of `v` (5 is the length of axis 0 of x")
    assert (kind, round(value, 12)) == (["constant-factor"], 0.1)
    option = changes(scales, scene_with(linear, 0.3, options={"rate": 0.3}))
    assert numbers(option) == {
        "`3.33333 * v` in place of `v` (0.3 is the option rate)": (
            ["option-ignored", "constant-factor"],
            np.round(VALUE / 0.3, 9).tolist(),
        )
    }


def test_a_complex_value_has_a_scale_too():
    found = changes(scales, scene_with(linear, 0.5), value=np.array([1 + 2j, 3j]))
    assert numbers(found) == {"`2 * v` in place of `v`": (["constant-factor"], [2 + 4j, 6j])}


def test_roundoff_of_large_terms_that_cancel_hides_no_constant():
    found = changes(scales, scene_with(cancelling, 0.999), known=False)
    assert numbers(found) == {"`1.001 * v` in place of `v`": (["constant-factor"], np.round(VALUE / 0.999, 9).tolist())}


def test_where_no_constant_makes_the_whole_gradient_right_none_is_found():
    scene = scene_with(lambda x, g, v: linear(x, g, v) + g * x**2, 2.0)
    for known in (True, False):
        assert changes(scales, scene, known=known) == {}


def test_entries_of_which_nothing_is_known_hide_no_constant():
    scene = scene_with(linear, 0.5)
    truth = scene.truth(0)
    unknown = np.arange(5) == 2
    scene.truth = lambda index: Estimate(truth.value + unknown, np.where(unknown, np.inf, truth.error))
    assert list(changes(scales, scene)) == ["`2 * v` in place of `v`"]


@pytest.mark.parametrize("role", [AXIS, INDEX, EXPONENT])
def test_an_axis_an_index_and_an_exponent_have_no_scale(role):
    assert changes(scales, scene_with(linear, 2.0), role) == changes(stretches, scene_with(squared, 2.0), role) == {}


def test_a_whole_number_and_no_number_have_no_scale():
    for value in (3, None, "a", np.array([1, 2])):
        site, seen = expression("v", FACTOR), told(value)
        assert made(scales(scene_with(linear, 2.0), 0, known=True), site, seen) == {}


def test_without_a_run_of_the_code_nothing_is_known():
    scene = scene_with(linear, 2.0, twice=None)
    assert changes(scales, scene) == {}
    scene.__dict__["look"] = None
    assert changes(scales, scene) == {}
    other = scene_with(linear, 2.0)
    for answer in (None, np.ones(4)):
        other.look.twice = lambda number, answer=answer: [answer]
        assert changes(scales, other) == {}
    less = scene_with(linear, 2.0)
    for answer in (None, [np.ones(4)]):
        less.look.without = lambda number, answer=answer: answer
        assert changes(scales, less) == {}


def test_a_value_that_is_right_or_that_matters_to_nothing_has_no_constant():
    assert changes(scales, scene_with(linear, 1.0)) == {}
    assert changes(scales, scene_with(lambda x, g, v: g * x, 2.0)) == {}
    assert changes(scales, scene_with(lambda x, g, v: g * (v * np.cos(x) + x**2), 2.0)) == {}
    # Without the value, it is right: a factor of zero is none.
    assert changes(scales, scene_with(lambda x, g, v: g * ((1 + v) * np.cos(x) + 3 * x**2), 2.0)) == {}


@pytest.mark.parametrize("scale", [2.0**-60, 1.0, 2.0**60])
def test_where_the_gradient_is_not_linear_the_first_guess_is_a_stretch(scale):
    scene = scene_with(squared, 2.0, scale=scale)
    assert changes(scales, scene) == changes(stretches, scene) == {}
    found = changes(stretches, scene, known=False)
    ((said, (kind, value)),) = found.items()
    # From 4 to 16 for twice the value, and 1 is right: a quarter less.
    assert (said, kind) == ("`0.75 * v` in place of `v`", ["operand"])
    np.testing.assert_allclose(value, 0.75 * VALUE)
    assert changes(stretches, scene, LIMIT, known=False) == {}
    assert changes(stretches, scene_with(linear, 2.0), known=False) == {}
    option = changes(stretches, scene_with(squared, 2.0, options={"share": 0.75}))
    assert {said: kind for said, (kind, _) in option.items()} == {
        "`0.75 * v` in place of `v` (0.75 is the option share)": ["option-ignored"]
    }


@pytest.mark.parametrize("role", [TERM, FACTOR])
def test_where_no_factor_is_known_a_few_are_tried(role):
    scene = scene_with(linear, 2.0, twice=None)
    found = changes(stretches, scene, role)
    assert numbers(found) == {
        f"`{said} * v` in place of `v`": (["constant-factor"], np.round(times * VALUE, 9).tolist())
        for said, times in (("2", 2.0), ("3", 3.0), ("0.5", 0.5), ("0.333333", 1 / 3))
    }
    assert changes(stretches, scene, LIMIT) == changes(stretches, scene, role, known=False) == {}
    assert changes(stretches, scene, role, value=3) == {}


@pytest.mark.parametrize(("v", "found"), [(0.5, True), (1.3, False), (0.3, True)])
def test_along_a_direction_only_plain_numbers_are_taken_for_the_constant(v, found):
    for at in (X, 2.0**-40 * X):
        scene = scene_with(linear, v, calls=5 * 12 - 1, record=False, options={"rate": 0.3}, at=at)
        assert bool(changes(scales, scene)) == found
        assert changes(scales, scene, known=False) == {}  # any value has some factor


def test_along_a_direction_a_value_that_matters_to_nothing_has_no_constant():
    scene = scene_with(lambda x, g, v: g * np.sinh(x), 2.0, calls=5 * 12 - 1, record=False)
    assert changes(scales, scene) == {}
