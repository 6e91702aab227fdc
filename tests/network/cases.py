"""A Hypothesis strategy for networks, and what tests of networks share."""

import numpy as np
from hypothesis import strategies as st

from scratchcnn.network.layers import (
    AvgPool2d,
    Conv2d,
    Dense,
    Flatten,
    LeakyRelu,
    MaxPool2d,
    Pad2d,
    Relu,
    Sigmoid,
    Tanh,
)
from scratchcnn.network.network import Network


@st.composite
def networks(draw):
    """Draw (network, x, parameters, labels): up to three layers on images, then one or two dense layers."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 2)), *draw(st.tuples(st.integers(2, 5), st.integers(2, 5))))
    layers = []
    values = np.zeros(shape)
    for _ in range(draw(st.integers(1, 3))):
        layers.append(draw(image_layers(values.shape)))
        values = layers[-1].forward(values, *map(np.zeros, layers[-1].shapes))
    layers += [Flatten(), Dense(values[0].size, draw(st.integers(1, 4)))]
    if draw(st.booleans()):
        layers += [draw(activations()), Dense(layers[-1].neurons, draw(st.integers(1, 3)))]
    network = Network(tuple(layers))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    parameters = [rng.normal(size=s) for s in network.shapes]  # also the biases: zeros would hide mistakes
    return network, rng.normal(size=shape), parameters, rng.integers(0, layers[-1].neurons, shape[0])


def activations():
    return st.sampled_from([Relu(), Tanh(), Sigmoid(), LeakyRelu(), LeakyRelu(alpha=0.3)])


@st.composite
def image_layers(draw, shape):
    """Draw a layer that takes images of this shape."""
    window = tuple(draw(st.integers(1, min(side, 3))) for side in shape[2:])
    stride = draw(st.integers(1, 2))
    kind = draw(st.sampled_from([Conv2d, MaxPool2d, AvgPool2d, Pad2d, None]))
    if kind is Conv2d:
        padding = draw(st.sampled_from([0, "same", ((1, 0), (0, 1))]))
        return Conv2d(shape[1], draw(st.integers(1, 3)), window, stride=stride, padding=padding)
    if kind is Pad2d:
        return Pad2d(((0, 1), (1, 0)))
    if kind is None:
        return draw(activations())
    return kind(window, stride=draw(st.sampled_from([None, stride])), padding=draw(st.sampled_from([0, "same"])))


def names(network):
    return ["x", *(f"parameter_{k}" for k in range(len(network.shapes)))]


def same(one, other):
    return one.network == other.network and all(map(np.array_equal, one.parameters, other.parameters))
