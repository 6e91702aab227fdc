"""Backward is right for another forward: with another function in it, or another border."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.forward import LIMITED, MODES, REDUCTIONS, _limits, of_another_forward
from scratchcnn.gradcheck.diagnosis.edits.places import CALLED, FACTOR, MODE
from tests.gradcheck.diagnosis.claims import drawn, scene_of
from tests.gradcheck.diagnosis.edits.made import expression, told

X = drawn(4)


def scene_with(forward, backward, *sites):
    """A point at which an expression of forward is seen; `forward` is told its function or its mode."""
    scene = scene_of(lambda x: forward(x, sites[0][1].value), backward, X)

    def other_forward(number, edit):
        assert number == sites[0][0].number
        return lambda x: forward(x, edit(sites[0][1].value, {}))

    rerun = SimpleNamespace(other_forward=other_forward)
    scene.__dict__["look"] = SimpleNamespace(forward_sites=sites, rerun=rerun)
    return scene


def reduced(x, function):
    return x * function(x)


def padded(x, mode):
    return np.pad(x**2, 2, mode=mode)


def padded_backward(g, x):
    d = 2 * x * g[2:-2]
    d[:2] += 2 * x[:2] * g[1::-1]
    d[2:] += 2 * x[2:] * g[:5:-1]
    return d


def holding(scene):
    return {(claim.kind, claim.message) for claim in of_another_forward(scene, 0) if claim.holds(scene)}


def test_a_function_in_forward_may_be_another_one():
    site = expression("np.sum", CALLED, name="sum", around="np.sum(x)")
    scene = scene_with(reduced, lambda g, x: g * x.mean() + (g * x).sum() / 4, (site, told(np.sum)))
    claims = list(of_another_forward(scene, 0))
    where = "`np.sum(x)` (file.py:3)"
    said = [f"that of a forward with {other} in place of sum: {where}" for other in ("mean", "max", "min")]
    assert [claim.message for claim in claims] == said
    assert {claim.kind for claim in claims} == {"operand"}
    assert all(claim.along for claim in claims)
    before = scene.budget.spent
    assert holding(scene) == {("operand", said[0])}
    assert scene.budget.spent > before


def test_a_border_of_forward_may_be_another_one():
    site = expression("'wrap'", MODE, around="np.pad(x, 2, mode='wrap')")
    scene = scene_with(padded, padded_backward, (site, told("wrap")))
    where = "`np.pad(x, 2, mode='wrap')` (file.py:3)"
    said = f"that of a forward with mode 'symmetric' in place of 'wrap': {where}"
    assert holding(scene) == {("border", said), ("option-ignored", said)}
    assert len(list(of_another_forward(scene, 0))) == 2 * (len(MODES) - 1)


@pytest.mark.parametrize(
    ("name", "limited"),
    [
        ("maximum", lambda x, maximum: maximum(0.5, x) ** 2),
        ("minimum", lambda x, minimum: minimum(x, 0.5) ** 2),
        ("clip", lambda x, clip: clip(x, -0.5, 0.5) ** 2),
    ],
)
def test_forward_may_have_no_limit(name, limited):
    site = expression(f"np.{name}", CALLED, name=name, around=f"np.{name}(x)")
    scene = scene_with(limited, lambda g, x: 2 * g * x, (site, told(getattr(np, name))))
    said = f"that of a forward with no limit (a mask is forgotten): `np.{name}(x)` (file.py:3)"
    assert holding(scene) == {("subset", said)}


def test_what_is_not_limited_is_the_array_or_the_first_number():
    (change,) = _limits(expression("f", CALLED, name=LIMITED[0]))
    assert change.edit(X.clip, {})(0, out=None) is X
    assert change.edit(np.maximum, {})(0, X) is X
    assert change.edit(np.maximum, {})(3, 4) == 3


@pytest.mark.parametrize(
    ("site", "value"),
    [
        (expression("np.maximum", FACTOR, name="maximum"), np.maximum),
        (expression("np.exp", CALLED, name="exp"), np.exp),
        (expression("np.sum", FACTOR, name="sum"), np.sum),
        (expression("mode", FACTOR), "wrap"),
        (expression("mode", MODE), np.sum),
    ],
)
def test_other_expressions_of_forward_stay(site, value):
    scene = scene_with(lambda x, _: np.sin(x), lambda g, x: g, (site, told(value)))
    assert list(of_another_forward(scene, 0)) == []


def test_a_gradient_of_another_shape_is_that_of_no_other_forward():
    site = expression("np.sum", CALLED, name="sum")
    assert len(REDUCTIONS) == 4
    assert list(of_another_forward(scene_with(reduced, lambda g, x: g[:2], (site, told(np.sum))), 0)) == []
    scene = scene_with(reduced, lambda g, x: g, (site, told(np.sum)))
    scene.__dict__["look"] = None
    assert list(of_another_forward(scene, 0)) == []


MEAN = expression("x.mean()", around="x * x.mean()")


def with_mean(*sites, known=True, record=False):
    """The gradient of x times its mean, where the mean is taken for a constant."""

    def forward(x):
        if not record and type(x) is not np.ndarray:
            raise TypeError("floats only")
        return x * x.mean()

    scene = scene_of(forward, lambda g, x: g * x.mean(), X)
    rerun = SimpleNamespace(other_forward=lambda number, edit: lambda x: x * edit(x.mean(), {}))
    by_forward = {MEAN.number: told(X.mean())} if known else {}
    scene.__dict__["look"] = SimpleNamespace(forward_sites=sites, rerun=rerun, by_forward=by_forward)
    return scene


def test_without_a_record_an_expression_of_forward_may_be_taken_for_a_constant():
    scene = with_mean((MEAN, told(X.mean())))
    (claim,) = of_another_forward(scene, 0)
    assert claim.kind == "missing-term"
    said = "the true one with `x.mean()` in `x * x.mean()` (file.py:3) taken for a constant"
    assert claim.message == said
    assert (claim.along, claim.inside) == (True, True)
    before = scene.budget.spent
    assert claim.holds(scene)
    assert scene.budget.spent > before
    assert not claim.holds(with_mean(known=False))
    nowhere = with_mean()
    nowhere.__dict__["look"] = None
    assert not claim.holds(nowhere)
    scene.look.by_forward = {MEAN.number: told(1 + X.mean())}
    assert not claim.holds(scene)
    assert list(of_another_forward(with_mean((MEAN, told(X.mean())), record=True), 0)) == []


@pytest.mark.parametrize(
    ("site", "seen"),
    [
        (expression("x.mean()", around="x * x.mean()", members=(1, 2)), told(X.mean())),
        (expression("x.mean()"), told(X.mean())),
        (MEAN, told(X.mean(), rounds=[1.0, 2.0])),
        (MEAN, told(3)),
    ],
)
def test_only_a_part_of_an_expression_that_is_computed_once_is_a_constant(site, seen):
    assert list(of_another_forward(with_mean((site, seen)), 0)) == []
