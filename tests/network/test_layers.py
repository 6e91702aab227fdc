"""Layers: their operations, their first parameters, and the layers that a user writes."""

import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from scratchcnn.catalogue import CATALOGUE
from scratchcnn.gradcheck import assert_gradient
from scratchcnn.network.layers import Conv2d, Dense, Flatten, Layer, LeakyRelu, MaxPool2d, Pad2d, Relu, Standardize
from scratchcnn.network.model import Model
from scratchcnn.network.network import Network
from scratchcnn.network.validate import check_options
from tests.network.cases import names, same


@pytest.mark.parametrize("operation", [each for each in CATALOGUE if each.inputs == 1], ids=lambda each: each.name)
def test_a_layer_is_its_operation_with_the_options_as_fields(operation):
    layer = Layer.named["".join(map(str.capitalize, operation.name.split("_")))]
    for sample in operation.samples(np.random.default_rng(0)):
        made = layer(**sample.options)
        output = operation.forward(*sample.inputs, **sample.options)
        assert np.array_equal(made.forward(*sample.inputs), output)
        for one, other in zip(
            made.backward(output, *sample.inputs),
            operation.backward(output, *sample.inputs, **sample.options),
            strict=True,
        ):
            assert np.array_equal(one, other)
        assert made == layer(**sample.options)
        assert made.shapes == made.draw(np.random.default_rng(0), np.float32) == ()


@pytest.mark.parametrize("operation", [each for each in CATALOGUE if each.inputs > 1], ids=lambda each: each.name)
def test_an_operation_with_several_inputs_has_to_say_what_it_learns(operation):
    with pytest.raises(ValueError, match=f"{operation.name} has {operation.inputs} inputs: write a Layer"):
        Layer.of(operation)


def test_parameters_are_drawn_with_the_variance_of_he():
    network = Network((Conv2d(20, 50, 5), Flatten(), Dense(500, 40)))
    filters, b1, weight, b2 = network.draw(np.random.default_rng(0))
    assert [a.shape for a in (filters, b1, weight, b2)] == [(50, 20, 5, 5), (50,), (500, 40), (40,)]
    assert {a.dtype for a in (filters, b1, weight, b2)} == {np.dtype(np.float32)}
    assert not b1.any()
    assert not b2.any()
    for weights, terms in ((filters, 500), (weight, 500)):
        # The variance of n normal numbers has a relative standard deviation of sqrt(2 / n); four of these are allowed.
        assert weights.var() == pytest.approx(2 / terms, rel=4 * (2 / weights.size) ** 0.5)


WRONG_FIELDS = [
    (Dense, (0, 3), ValueError, "features must be at least 1, got 0"),
    (Dense, (3, 2.0), TypeError, "neurons must be an integer, got 2.0"),
    (Conv2d, (True, 3, 3), TypeError, "channels must be an integer, got True"),
    (Conv2d, (1, 2**31, 3), ValueError, "filters must be at most 2147483647, got 2147483648"),
    (Conv2d, (1, 3, 2**31), ValueError, "window must be at most 2147483647, got 2147483648"),
    (Conv2d, (1, 3, {3, 2}), TypeError, "window must be an integer or a pair, got {2, 3}"),
    (Conv2d, (1, 3, 3, None), TypeError, "stride must be an integer or a pair, got None"),
    (Conv2d, (1, 3, 3, 1, "full"), ValueError, 'padding must be "valid", "same" or numbers of pixels, got \'full\''),
    (MaxPool2d, (2, (1, 0)), ValueError, "stride must be at least 1, got (1, 0)"),
    (MaxPool2d, (2, None, ((1, 0), (0, -1))), ValueError, "padding must be at least 0"),
    (Pad2d, ("same",), ValueError, "padding must be numbers of pixels where there is no window, got 'same'"),
    (LeakyRelu, (np.nan,), ValueError, "alpha must be finite, got nan"),
    (LeakyRelu, (10**400,), ValueError, "alpha must be finite, got 1"),
    (LeakyRelu, ("steep",), TypeError, "alpha must be a number, got 'steep'"),
    (Standardize, ((0, 1.5),), TypeError, "axis must be an integer, got 1.5"),
    (Standardize, (-(10**30),), ValueError, "axis must be at least -2147483647"),
]


@pytest.mark.parametrize(("kind", "fields", "error", "message"), WRONG_FIELDS, ids=str)
def test_a_wrong_field_is_refused_where_the_layer_is_made(kind, fields, error, message):
    with pytest.raises(error, match=re.escape(message)):
        kind(*fields)


def test_an_option_without_a_check_is_passed_over():
    """Whoever adds an operation with another option may leave its check to the operation."""
    assert check_options({"colour": "red", "window": 2}) is None
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        check_options({"colour": "red", "window": 0})


# A user's own layers


@dataclass(frozen=True)
class Scale(Layer):
    """Multiply each channel by a factor that is learnt: a layer whose parameter has three axes."""

    channels: int

    operation = staticmethod(lambda x, scale: x * scale)

    @staticmethod
    def derivative(grad_output, x, scale):
        return grad_output * scale, (grad_output * x).sum(axis=(0, 2, 3)).reshape(scale.shape)

    @property
    def options(self):
        return {}

    @property
    def shapes(self):
        return ((self.channels, 1, 1),)

    def draw(self, rng, dtype):
        return (rng.uniform(0.5, 1.5, self.shapes[0]).astype(dtype),)


def test_a_layer_of_ones_own_is_drawn_checked_saved_and_loaded(tmp_path):
    network = Network((Conv2d(1, 2, 3, padding=1), Scale(2), Flatten()))
    rng = np.random.default_rng(0)
    parameters = network.draw(rng, np.float64)
    assert_gradient(network.forward, network.backward, rng.normal(size=(2, 1, 4, 3)), *parameters, names=names(network))
    Model(network, parameters).save(tmp_path / "model.npz")
    assert same(Model.load(tmp_path / "model.npz"), Model(network, parameters))


def test_a_layer_that_is_not_known_where_it_is_loaded_is_named(tmp_path, monkeypatch):
    Model(Network((Scale(2),)), (np.ones((2, 1, 1), np.float32),)).save(tmp_path / "model.npz")
    monkeypatch.delitem(Layer.named, "Scale")
    with pytest.raises(ValueError, match=r"no layer 'Scale', only .*; if it is your own, import its class first"):
        Model.load(tmp_path / "model.npz")


def test_two_layers_cannot_have_one_name():
    with pytest.raises(TypeError, match=r"there is a layer Dense in scratchcnn\.network\.layers already"):
        type("Dense", (Layer,), {})


def test_the_layer_of_a_users_operation_does_not_replace_ours():
    def relu(x):
        return x

    row = next(row for row in CATALOGUE if row.name == "relu")
    with pytest.raises(TypeError, match=r"there is a layer Relu in scratchcnn\.network\.layers already"):
        Layer.of(replace(row, forward=relu))
    assert Layer.named["Relu"] is Relu


def test_a_layer_with_parameters_has_to_say_how_they_are_drawn(monkeypatch):
    monkeypatch.delattr(Scale, "draw")
    with pytest.raises(NotImplementedError, match="Scale has parameters: its method draw has to make them"):
        Network((Scale(2),)).draw(np.random.default_rng(0))


def test_a_layer_whose_options_are_no_fields_is_refused():
    class Sharp(Layer):
        operation = staticmethod(lambda x, sharpness=1.0: np.tanh(sharpness * x))

        def __init__(self, sharpness):
            object.__setattr__(self, "sharpness", sharpness)

    with pytest.raises(TypeError, match=r"Sharp has attributes that are no fields, sharpness: make it a dataclass"):
        Sharp(5.0).forward(np.ones(2))
    del Layer.named["Sharp"]


def test_the_derivative_of_one_input_may_be_a_bare_array():
    @dataclass(frozen=True)
    class Squared(Layer):
        operation = staticmethod(np.square)
        derivative = staticmethod(lambda g, x: 2 * g * x)

    (gradient,) = Squared().backward(np.ones(2), np.array([1.0, 3.0]))
    assert np.array_equal(gradient, [2.0, 6.0])
    del Layer.named["Squared"]
