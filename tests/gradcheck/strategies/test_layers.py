"""Calls of dense layers and normalizations: what hides a mistake varies, and right gradients are right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import dense, dense_backward
from scratchcnn.gradcheck import assert_gradient
from scratchcnn.gradcheck.strategies import dense_layers, normalizations
from tests.gradcheck.strategies.draws import drawn

KINDS = ["batch", "layer", "instance", "group"]


@given(dense_layers())
def test_a_dense_layer_is_right(case):
    if case.bias is None:
        assert_gradient(np.matmul, lambda g, x, w: (g @ w.T, x.T @ g), *case.inputs)
    else:
        assert_gradient(dense, dense_backward, *case.inputs, **case.options)


DENSE = {
    "one sample": lambda case: len(case.x) == 1,
    "several samples": lambda case: len(case.x) > 1,
    "a square weight": lambda case: case.weight.shape[0] == case.weight.shape[1] > 1,
    "a weight that is not square": lambda case: case.weight.shape[0] != case.weight.shape[1],
    "one neuron": lambda case: case.weight.shape[1] == 1,
    "no bias": lambda case: case.bias is None,
    "a bias of zeros": lambda case: case.bias is not None and not case.bias.any(),
    "another bias": lambda case: case.bias is not None and case.bias.all(),
}


@pytest.fixture(scope="module")
def some_dense_layers():
    return drawn(dense_layers())


@pytest.mark.parametrize("condition", DENSE.values(), ids=DENSE)
def test_a_dense_layer_has(some_dense_layers, condition):
    assert any(map(condition, some_dense_layers))


@given(dense_layers(bias=True, largest=2, dtype=np.float32))
def test_what_is_asked_for_is_fixed(case):
    assert {a.dtype for a in case.inputs} == {np.dtype(np.float32)}
    assert len(case.inputs) == 3
    assert max(*case.x.shape, *case.weight.shape) <= 2


def per_feature(kind, a, like):
    """(F,) numbers in a shape that is broadcast over all axes but that of the features."""
    return a if kind == "layer" else a.reshape(-1, *(1 for _ in range(like.ndim - 2)))


def standardized(case, x):
    """The normalized numbers in the shape that is averaged over, and the deviation."""
    n, c = x.shape[:2]
    z = x if case.groups is None else x.reshape(n, case.groups, c // case.groups, *x.shape[2:])
    deviation = np.sqrt(z.var(axis=case.axes, keepdims=True) + case.eps)
    return (z - z.mean(axis=case.axes, keepdims=True)) / deviation, deviation


def normalization(kind, case):
    """Forward, and its gradient as in Ioffe and Szegedy (2015), section 3."""

    def forward(x, scale, shift):
        z, _ = standardized(case, x)
        return per_feature(kind, scale, x) * z.reshape(x.shape) + per_feature(kind, shift, x)

    def backward(g, x, scale, shift):
        z, deviation = standardized(case, x)
        h = (g * per_feature(kind, scale, x)).reshape(z.shape)
        means = [a.mean(axis=case.axes, keepdims=True) for a in (h, h * z)]
        others = tuple(range(x.ndim - 1)) if kind == "layer" else (0, *range(2, x.ndim))
        grad_x = ((h - means[0] - z * means[1]) / deviation).reshape(x.shape)
        return grad_x, (g * z.reshape(x.shape)).sum(axis=others), g.sum(axis=others)

    return forward, backward


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_normalization_is_right(kind, data):
    case = data.draw(normalizations(kind))
    assert_gradient(*normalization(kind, case), *case.inputs)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_normalization_averages_over_three_numbers_at_least(kind, data):
    """Two distinct numbers are normalized to 1 and -1 whatever they are, but for eps."""
    case = data.draw(normalizations(kind))
    z, _ = standardized(case, case.x)
    assert np.prod([z.shape[axis] for axis in case.axes]) >= 3
    assert set(case.options) == ({"eps", "groups"} if kind == "group" else {"eps"})


NORMALIZATIONS = {
    "one sample": lambda case: len(case.x) == 1,
    "several samples": lambda case: len(case.x) > 1,
    "one feature": lambda case: case.scale.size == 1,
    "several features": lambda case: case.scale.size > 1,
    "a scale of ones": lambda case: (case.scale == 1).all(),
    "another scale": lambda case: len(set(case.scale)) > 1,
    "a shift of zeros": lambda case: not case.shift.any(),
    "another shift": lambda case: case.shift.any(),
    "a small eps": lambda case: case.eps < 1e-4,
    "an eps that cannot be overlooked": lambda case: case.eps > 0.01,
    "images, or sequences": lambda case: case.x.ndim > 2,
}
# Of one feature there is no average along the last axis.
KINDS_OF = {"one feature": ["batch", "instance", "group"]}
PAIRS = [
    pytest.param(kind, condition, id=f"{kind}: {name}")
    for name, condition in NORMALIZATIONS.items()
    for kind in KINDS_OF.get(name, KINDS)
]


@pytest.fixture(scope="module")
def some_normalizations():
    return {kind: drawn(normalizations(kind)) for kind in KINDS}


@pytest.mark.parametrize(("kind", "condition"), PAIRS)
def test_a_normalization_has(some_normalizations, kind, condition):
    assert any(map(condition, some_normalizations[kind]))


def test_groups_are_one_and_all_and_between(some_normalizations):
    shares = {(case.groups, case.x.shape[1]) for case in some_normalizations["group"]}
    assert {(1, 3), (3, 3), (2, 2)} <= shares
    assert any(case.x.ndim == 2 for case in some_normalizations["batch"])
    assert any(case.x.ndim == 2 for case in some_normalizations["layer"])


def test_another_kind_is_refused():
    with pytest.raises(ValueError, match="kind must be one of 'batch', 'layer', 'instance', 'group'; got 'weight'"):
        normalizations("weight")
