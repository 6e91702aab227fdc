"""An optimiser that changes nothing and remembers which gradient it was handed with which parameter."""

import copy

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.layers.recorder import METHODS, Recorder

W, B, DW, DB, OTHER = (np.full(2, float(k)) for k in range(5))


@pytest.fixture
def recorder():
    made = Recorder()
    made.expect([W, B])
    return made


@pytest.mark.parametrize(
    "call",
    [
        lambda r: r.update(W, DW),
        lambda r: r.update(DW, W),
        lambda r: r(W, DW, 0.1),
        lambda r: r.step(0.1, param=W, grad=DW),
        lambda r: r.apply_gradients([W, OTHER], [DW, OTHER]),
        lambda r: r.optimize({"w": DW, "b": OTHER}, {"w": W, "b": OTHER}),
        lambda r: r.adjust((W,), (DW, DB)),
        lambda r: r.get_update(W, DW),
        lambda r: r.update(W, DW, [OTHER]),
    ],
)
def test_a_gradient_is_remembered_with_its_parameter(recorder, call):
    call(recorder)
    assert recorder.gradient(0) is DW
    assert recorder.gradient(1) is None


def test_parameters_are_told_by_what_they_are_and_not_by_their_numbers(recorder):
    recorder.update(W.copy(), DW)
    assert recorder.gradients == {}


def test_the_parameter_is_returned_as_it_was(recorder):
    assert recorder.update(W, DW) is W
    assert recorder.update(DW, W) is W
    assert recorder.update(DW, B) is B
    parameters, gradients = [OTHER, B], [DW, DB]
    assert recorder.update(parameters, gradients) is parameters
    assert recorder.update(gradients, parameters) is parameters
    assert recorder.update(OTHER) is OTHER
    assert recorder.update(0.1, name="sgd") is None


def test_what_was_handed_before_is_forgotten(recorder):
    recorder.update(B, DB)
    assert recorder.gradient(1) is DB
    recorder.expect([B])
    assert recorder.gradients == {}
    recorder.update(B, DB)
    assert recorder.gradient(0) is DB


def test_it_knows_no_parameters_before_it_is_told():
    fresh = Recorder()
    assert fresh.update(W, DW) is DW
    assert (fresh.parameters, fresh.gradients, fresh.gradient(0)) == ([], {}, None)


def test_it_has_the_methods_of_optimisers_alone(recorder):
    assert all(getattr(recorder, f"{name}x") is recorder for name in METHODS)
    with pytest.raises(AttributeError, match=r"^momentum$"):
        _ = recorder.momentum


def test_a_copy_of_a_layer_has_the_same_one(recorder):
    assert copy.deepcopy({"optimizer": recorder})["optimizer"] is recorder
