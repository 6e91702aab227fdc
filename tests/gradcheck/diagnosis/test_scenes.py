"""The points at which a claim is proved: the two of the check, and further ones."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.diagnosis.budget import Budget
from scratchcnn.gradcheck.diagnosis.edits.look import Code
from scratchcnn.gradcheck.diagnosis.scenes import SEEDS, Shared, further_scenes, scenes_of
from scratchcnn.gradcheck.diagnosis.slopes import Noise
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.setting import Setting
from tests.gradcheck.diagnosis.claims import drawn

EPS64, EPS32 = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)


def scaled(x, w, power=2):
    return w * x**power


def scaled_backward(g, x, w, power=2):
    return power * g * w * x ** (power - 1), g * x**power


def setting_of(forward=scaled, backward=scaled_backward, second=True, dtype=np.float64, cotangent=None):
    """A check at one point, or at two."""
    inputs = [drawn(3, seed=n).astype(dtype) for n in (0, 1)]
    case = prepare(forward, backward, inputs)
    cotangent = drawn(3, seed=2) if cotangent is None else cotangent
    other = Point([drawn(3, seed=n) for n in (3, 4)], drawn(3, seed=5)) if second else None
    observed = SimpleNamespace(gradients=[])
    return Setting(case, cotangent.astype(dtype), observed, other, np.random.default_rng(6))


def shared_of(setting):
    return Shared(Budget(setting.case.forward, 1000), Code(setting.case), Noise())


def only(setting):
    """The scenes of a setting, and what they share."""
    shared = shared_of(setting)
    return list(scenes_of(setting, shared, frozenset({1}))), shared


def test_the_points_of_the_check_have_what_backward_answers_there():
    setting = setting_of()
    (first, second), shared = only(setting)
    for scene, point in ((first, setting.first), (second, setting.second)):
        np.testing.assert_array_equal(scene.inputs, point.inputs)
        np.testing.assert_array_equal(scene.cotangent, point.cotangent)
        np.testing.assert_array_equal(scene.gradients, scaled_backward(point.cotangent, *point.inputs))
        assert (scene.names, scene.wrt, scene.options) == (("x", "w"), (0, 1), {})
        assert scene.budget is shared.budget
        assert scene.eps == EPS64


def test_what_was_found_at_the_first_point_is_known_there_alone():
    (first, second), _ = only(setting_of())
    assert first.right_beside(0) == []
    assert second.right_beside(0) == [1]  # it is looked at, and right


def test_options_that_are_bound_are_those_of_the_scene():
    setting = setting_of(partial(scaled, power=3), partial(scaled_backward, power=3))
    (first, _), _ = only(setting)
    assert first.options == {"power": 3}


def test_without_a_second_point_there_is_a_second_cotangent_with_the_same_zeros_and_signs():
    cotangent = np.array([0.0, -1.5, 0.75])
    setting = setting_of(second=False, cotangent=cotangent)
    (first, second), shared = only(setting)
    np.testing.assert_array_equal(second.inputs, first.inputs)
    np.testing.assert_array_equal(np.sign(second.cotangent), [0, -1, 1])
    assert np.all(second.cotangent[1:] != cotangent[1:])
    assert list(further_scenes(setting, shared)) == []


def test_single_precision_is_left_for_float64_where_backward_takes_it():
    (first, _), _ = only(setting_of(dtype=np.float32))
    assert first.eps == EPS64
    exact = scaled_backward(first.cotangent, *first.inputs)
    np.testing.assert_array_equal(first.gradients, exact)
    assert first.look is not None


def narrow(function):
    """The same function for float32 alone."""

    def narrowed(*given):
        if any(each.dtype != np.float32 for each in given):
            raise TypeError("float32 only")
        return function(*given)

    return narrowed


def test_where_float64_is_refused_the_point_is_in_the_caller_s_precision():
    forward, backward = narrow(scaled), narrow(scaled_backward)
    setting = setting_of(forward, lambda g, *given: backward(g.astype(np.float32), *given), dtype=np.float32)
    scenes, shared = only(setting)
    assert [scene.eps for scene in scenes][:1] == [EPS32]
    np.testing.assert_array_equal(scenes[0].gradients, scaled_backward(setting.cotangent, *setting.case.inputs))
    wide = scaled(*scenes[0].inputs)
    np.testing.assert_allclose(scenes[0].output, wide, rtol=4 * EPS32)
    assert scenes[0].look is None
    # The roundoff is that of another precision.
    assert scenes[0]._slopes.noise is not shared.noise


def never(g, *inputs):
    raise ValueError("never")


@pytest.mark.parametrize("backward", [never, lambda g, *inputs: (g, g, g), lambda g, *inputs: (g,)])
def test_without_a_gradient_for_each_input_there_is_no_point(backward):
    setting = setting_of(backward=backward)
    scenes, shared = only(setting)
    assert scenes == list(further_scenes(setting, shared)) == []


def test_another_number_of_gradients_is_not_asked_for_again():
    asked = []

    def backward(g, *inputs):
        asked.append(g.dtype)
        return g, g, g

    assert only(setting_of(backward=backward, dtype=np.float32))[0] == []
    assert asked == [np.float64, np.float64]  # once at each point


def test_further_points_have_other_inputs_and_cotangents():
    setting = setting_of()
    shared = shared_of(setting)
    further = list(further_scenes(setting, shared))
    points = [setting.first, setting.second, *further]
    assert len(further) == len(SEEDS)
    for k, one in enumerate(points):
        for other in points[k + 1 :]:
            assert not np.array_equal(one.inputs, other.inputs)
            assert not np.array_equal(one.cotangent, other.cotangent)
    for scene in further:
        np.testing.assert_array_equal(np.sign(scene.cotangent), np.sign(setting.cotangent))
        np.testing.assert_array_equal(scene.gradients, scaled_backward(scene.cotangent, *scene.inputs))
    again = list(further_scenes(setting, shared))
    np.testing.assert_array_equal([s.inputs for s in again], [s.inputs for s in further])


def test_further_points_are_drawn_where_forward_is_finite():
    given = setting_of().case.inputs

    def forward(x, w):
        return scaled(x, w) if np.array_equal(x, given[0]) else np.full(3, np.inf)

    setting = setting_of(forward)
    assert list(further_scenes(setting, shared_of(setting))) == []
