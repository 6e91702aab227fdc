"""The layers of a network: each an operation with its options, and the parameters that it learns.

A layer holds no state. Like the operations it calls, `forward(x, *parameters)` gives the output, and
`backward(grad_output, x, *parameters)` gives the gradient of each argument: that of x, then those of the parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scratchcnn.operations.activations import (
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_backward, conv2d_grad_filters
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.flatten import flatten, flatten_backward
from scratchcnn.operations.geometry import Padding, Pair, pair
from scratchcnn.operations.padding import pad2d, pad2d_backward
from scratchcnn.operations.pooling import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward

Array = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """What all layers share. A subclass names its operation and the derivative; its fields are the options of both."""

    operation: ClassVar[Callable[..., Array]]
    derivative: ClassVar[Callable[..., tuple[Array, ...]]]

    @property
    def options(self) -> dict[str, Any]:
        """The keywords that operation and derivative are called with."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the parameters: weights, then biases; or none."""
        return ()

    def forward(self, x: Array, *parameters: Array) -> Array:
        """Call the operation."""
        return type(self).operation(x, *parameters, **self.options)

    def backward(self, grad_output: Array, x: Array, *parameters: Array) -> tuple[Array, ...]:
        """Pass the gradient of E from the output to x and to the parameters."""
        return type(self).derivative(grad_output, x, *parameters, **self.options)

    def backward_parameters(self, grad_output: Array, x: Array, *parameters: Array) -> tuple[Array, ...]:
        """Pass it to the parameters alone: what a first layer needs, whose x is not learnt."""
        return self.backward(grad_output, x, *parameters)[1:] if parameters else ()


@dataclass(frozen=True)
class Conv2d(Layer):
    """`conv2d` of `channels` channels with `filters` filters, each with a bias."""

    operation = staticmethod(conv2d)
    derivative = staticmethod(conv2d_backward)

    channels: int
    filters: int
    window: Pair
    stride: Pair = 1
    padding: Padding = 0

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of `conv2d`; the other fields are in the shape of its filters."""
        return {"stride": self.stride, "padding": self.padding}

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Filters (K, C, R, S) and biases (K,)."""
        return (self.filters, self.channels, *pair("window", self.window, least=1)), (self.filters,)

    def backward_parameters(self, grad_output: Array, x: Array, *parameters: Array) -> tuple[Array, ...]:
        """∂E/∂f and ∂E/∂b, without the work for ∂E/∂x."""
        filters, _ = parameters
        return conv2d_grad_filters(grad_output, x, filters.shape[2:], **self.options), grad_output.sum(axis=(0, 2, 3))


@dataclass(frozen=True)
class Dense(Layer):
    """`dense` from `features` numbers a sample to `neurons`."""

    operation = staticmethod(dense)
    derivative = staticmethod(dense_backward)

    features: int
    neurons: int

    @property
    def options(self) -> dict[str, Any]:
        """None: both fields are in the shape of the weights."""
        return {}

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """Weights (M, K) and biases (K,)."""
        return (self.features, self.neurons), (self.neurons,)


@dataclass(frozen=True)
class MaxPool2d(Layer):
    """`max_pool2d`; without a stride the windows stand side by side."""

    operation = staticmethod(max_pool2d)
    derivative = staticmethod(max_pool2d_backward)

    window: Pair
    stride: Pair | None = None
    padding: Padding = 0


@dataclass(frozen=True)
class AvgPool2d(Layer):
    """`avg_pool2d`; without a stride the windows stand side by side."""

    operation = staticmethod(avg_pool2d)
    derivative = staticmethod(avg_pool2d_backward)

    window: Pair
    stride: Pair | None = None
    padding: Padding = 0


@dataclass(frozen=True)
class Pad2d(Layer):
    """`pad2d`: zeros around the image."""

    operation = staticmethod(pad2d)
    derivative = staticmethod(pad2d_backward)

    padding: Padding


@dataclass(frozen=True)
class Flatten(Layer):
    """`flatten`: an image becomes the features of a sample."""

    operation = staticmethod(flatten)
    derivative = staticmethod(flatten_backward)


@dataclass(frozen=True)
class Sigmoid(Layer):
    """`sigmoid`, entry by entry."""

    operation = staticmethod(sigmoid)
    derivative = staticmethod(sigmoid_backward)


@dataclass(frozen=True)
class Tanh(Layer):
    """`tanh`, entry by entry."""

    operation = staticmethod(tanh)
    derivative = staticmethod(tanh_backward)


@dataclass(frozen=True)
class Relu(Layer):
    """`relu`, entry by entry."""

    operation = staticmethod(relu)
    derivative = staticmethod(relu_backward)


@dataclass(frozen=True)
class LeakyRelu(Layer):
    """`leaky_relu`, entry by entry."""

    operation = staticmethod(leaky_relu)
    derivative = staticmethod(leaky_relu_backward)

    alpha: float = 0.01


LAYERS: dict[str, type[Layer]] = {layer.__name__: layer for layer in Layer.__subclasses__()}


def draw(shape: Shape, rng: np.random.Generator, dtype: Any) -> Array:
    """Draw parameters: biases are 0, weights normal with variance 2 / (numbers that each output adds up).

    With that variance the outputs of a layer and a ReLU are as large as its inputs, however many layers follow.

    Source: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015), section 2.2.
    """
    if len(shape) == 1:
        return np.zeros(shape, dtype)
    terms = shape[0] if len(shape) == 2 else prod(shape[1:])  # (M, K) of dense, (K, C, R, S) of conv2d
    return rng.normal(scale=(2 / terms) ** 0.5, size=shape).astype(dtype)
