"""Claims that backward has another constant than forward, or lacks a limit."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.constants import claims as module
from scratchcnn.gradcheck.diagnosis.constants.claims import with_another_constant, without_a_limit
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 3)


def clipped(x):
    return np.maximum(x * x - 0.5, 0) * np.exp(0.25 * x)


def unclipped_backward(g, x):
    return g * (2 * x + 0.25 * (x * x - 0.5)) * np.exp(0.25 * x)


def other_backward(g, x):
    c = np.maximum(x * x - 0.5, 0)
    return g * (2 * x * (c > 0) + 0.5 * c) * np.exp(0.5 * x)


def scenes(backward, forward=clipped):
    return [scene_of(forward, backward, drawn(4, 3, seed=n)) for n in (0, 1)]


def test_a_limit_that_backward_does_not_have_is_named():
    found = held(without_a_limit, *scenes(unclipped_backward))
    line = clipped.__code__.co_firstlineno + 1
    where = f"`np.maximum(x * x - 0.5, 0)` (test_claims.py:{line})"
    assert list(found) == [f"that of a forward with no limit in place of 0 in {where}: a mask is forgotten"]
    made = list(without_a_limit(scenes(unclipped_backward)[0], 0))
    assert {claim.kind for claim in made} == {"subset", "operand"}
    assert all(claim.along and not claim.inside for claim in made)
    assert held(without_a_limit, *scenes(other_backward)) == {}


def test_another_constant_in_backward_is_named():
    found = held(with_another_constant, *scenes(other_backward))
    line = clipped.__code__.co_firstlineno + 1
    said = f"that of a forward with 0.5 in place of 0.25 in `0.25 * x` (test_claims.py:{line})"
    assert found == {said: "constant-factor"}
    assert all(claim.along for claim in with_another_constant(scenes(other_backward)[0], 0))


@pytest.mark.parametrize("family", [without_a_limit, with_another_constant])
def test_without_the_caller_s_function_or_with_another_shape_there_is_no_constant(family):
    scene = scene_of(clipped, lambda g, x: g[:2], X)
    assert list(family(scene, 0)) == []
    scene = scene_of(clipped, other_backward, X)
    scene.unguarded = clipped  # not as the caller bound it
    assert list(family(scene, 0)) == []


def test_calls_of_another_forward_count_and_are_few(monkeypatch):
    scene = scene_of(clipped, other_backward, X)
    before = scene.budget.spent
    claims = with_another_constant(scene, 0)
    assert next(claims).holds(scene) is False
    assert scene.budget.spent == before + 2
    monkeypatch.setattr(module, "MOST_CALLS", 3)
    scene = scene_of(clipped, other_backward, X)
    tried = []
    for claim in with_another_constant(scene, 0):
        tried.append(claim)
        scene.budget.spend(2)
    of_one = [claim for claim in tried if claim.message.partition(" in place of ")[2][:3] == "0.5"]
    assert of_one == tried  # the constants after the first are left
