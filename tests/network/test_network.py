"""Networks of layers: the gradient of a whole network, and planted mistakes in one layer."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings

from scratchcnn import softmax_cross_entropy
from scratchcnn.gradcheck import Verdict, assert_gradient, check_gradient
from scratchcnn.network.layers import (
    AvgPool2d,
    Conv2d,
    Dense,
    Flatten,
    Layer,
    LeakyRelu,
    MaxPool2d,
    Pad2d,
    Relu,
    Sigmoid,
    Standardize,
    Tanh,
)
from scratchcnn.network.network import Network
from tests.network.cases import names, networks

SMALL = Network((Conv2d(1, 2, 3, padding=1), MaxPool2d(2), Relu(), Flatten(), Dense(8, 3)))


def error(network, labels, *arguments):
    return softmax_cross_entropy(network.forward(*arguments), labels)


# The gradient of a whole network


@settings(max_examples=15)
@given(networks())
def test_the_gradient_of_any_network(drawn):
    network, x, parameters, _ = drawn
    assert_gradient(network.forward, network.backward, x, *parameters, names=names(network), max_entries=12)


@settings(max_examples=15)
@given(networks())
def test_the_gradient_that_training_follows(drawn):
    network, x, parameters, labels = drawn

    def backward(grad_output, *parameters):
        _, gradients = network.error_and_gradients(x, labels, *parameters)
        return tuple(grad_output * gradient for gradient in gradients)

    forward = partial(error, network, labels, x)
    assert_gradient(forward, backward, *parameters, names=names(network)[1:], max_entries=12)
    assert network.error_and_gradients(x, labels, *parameters)[0] == forward(*parameters)


@given(networks())
def test_forward_is_layer_after_layer(drawn):
    network, x, parameters, _ = drawn
    rest = list(parameters)
    values = x
    for layer in network.layers:
        values = layer.forward(values, *(rest.pop(0) for _ in layer.shapes))
    assert np.array_equal(network.forward(x, *parameters), values)
    assert rest == []


def test_every_layer_is_drawn():
    drawn = set()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(networks())
    def draw(drawn_network):
        drawn.update(type(layer).__name__ for layer in drawn_network[0].layers)

    draw()
    images = {"Conv2d", "MaxPool2d", "AvgPool2d", "Pad2d", "Flatten"}
    assert drawn == images | {"Relu", "Tanh", "Sigmoid", "LeakyRelu", "Dense"}


# Planted mistakes

DEEP = Network(
    (
        Pad2d(1),
        Conv2d(1, 2, 3),
        Tanh(),
        AvgPool2d(2, stride=1),
        Standardize(),
        Sigmoid(),
        Conv2d(2, 2, 2),
        MaxPool2d(2),
        LeakyRelu(),
        Relu(),
        Flatten(),
        Dense(8, 3),
    )
)


def of_deep():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 1, 6, 6)), *(rng.normal(size=shape) for shape in DEEP.shapes)


def test_the_deep_one_is_right():
    assert_gradient(DEEP.forward, DEEP.backward, *of_deep(), names=names(DEEP), max_entries=4)


@pytest.mark.parametrize("name", sorted({type(layer).__name__ for layer in DEEP.layers}))
def test_a_mistake_in_a_layer_is_found(monkeypatch, name):
    """The largest entry of the layer's gradient is off by a thousandth, and ∂E/∂x with it."""
    right = Layer.named[name].derivative

    def wrong(*arguments, **options):
        gradient, *others = right(*arguments, **options)
        gradient = gradient.copy()
        gradient[np.unravel_index(abs(gradient).argmax(), gradient.shape)] *= 1.001
        return gradient, *others

    monkeypatch.setattr(Layer.named[name], "derivative", staticmethod(wrong))
    # One layer's mistake is diagnosed as well, which takes longer than the check.
    diagnosis = name == "Dense"
    report = check_gradient(DEEP.forward, DEEP.backward, *of_deep(), wrt=[0], max_entries=4, diagnosis=diagnosis)
    assert report.verdict is Verdict.WRONG


@pytest.mark.parametrize("layer", [Conv2d(1, 2, 3), Dense(4, 2)], ids=["Conv2d", "Dense"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_mistake_in_the_gradient_of_parameters_is_found(monkeypatch, layer, which):
    network = Network((layer,) if isinstance(layer, Dense) else (layer, Flatten()))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4) if isinstance(layer, Dense) else (3, 1, 4, 4))
    right = type(layer).backward_parameters

    def wrong(self, *arguments):
        gradients = list(right(self, *arguments))
        gradients[which] = gradients[which] * 1.001
        return tuple(gradients)

    def backward(grad_output, *parameters):
        return tuple(grad_output * g for g in network.error_and_gradients(x, labels, *parameters)[1])

    labels = np.array([0, 1, 1])
    parameters = [rng.normal(size=shape) for shape in network.shapes]
    assert check_gradient(partial(error, network, labels, x), backward, *parameters)
    monkeypatch.setattr(type(layer), "backward_parameters", wrong)
    report = check_gradient(partial(error, network, labels, x), backward, *parameters)
    assert [i.verdict for i in report.inputs] == [Verdict.WRONG if k == which else Verdict.RIGHT for k in range(2)]


def test_the_first_layer_is_not_asked_for_the_gradient_of_x(monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("∂E/∂x is not needed")

    first, *others = SMALL.layers
    monkeypatch.setattr(Conv2d, "derivative", staticmethod(fail))
    parameters = SMALL.draw(np.random.default_rng(0))
    images, labels = np.ones((2, 1, 4, 4), np.float32), np.array([0, 2])
    # Layers without parameters below it are not asked either: the convolution is the first layer that learns.
    for network in (SMALL, Network((Relu(), Pad2d(0), first, *others))):
        _, gradients = network.error_and_gradients(images, labels, *parameters)
        assert [each.shape for each in gradients] == [each.shape for each in parameters]


def test_parameters_that_are_missing_are_named():
    with pytest.raises(ValueError, match="the network has 4 parameters, got 3"):
        SMALL.forward(np.ones((1, 1, 4, 4)), *SMALL.draw(np.random.default_rng(0))[:3])
