"""The layers of a network: each an operation with its options, and the parameters that it learns.

A layer holds no state. Like the operations it calls, `forward(x, *parameters)` gives the output, and
`backward(grad_output, x, *parameters)` gives the gradient of each argument: that of x, then those of the parameters.

`Conv2d` and `Dense` have parameters and are written out. The layer of an operation with one input is made from its row
of the catalogue: `Relu` from `relu`, `MaxPool2d` from `max_pool2d`.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from inspect import Parameter
from math import prod
from typing import Any, ClassVar

import numpy as np

from scratchcnn.catalogue import CATALOGUE, Operation
from scratchcnn.operations import Array
from scratchcnn.operations._geometry import Padding, Pair, pair
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_backward, conv2d_grad_filters
from scratchcnn.operations.dense import dense, dense_backward

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """What all layers share. A subclass names its operation and the derivative; its fields are the options of both.

    A subclass with parameters also says their `shapes`, and how they are drawn (`draw`). A network that has a layer of
    your own is saved under the name of its class; load it after the class is defined.
    """

    operation: ClassVar[Callable[..., Array]]
    derivative: ClassVar[Callable[..., tuple[Array, ...]]]
    named: ClassVar[dict[str, type["Layer"]]] = {}

    def __init_subclass__(cls) -> None:
        known = Layer.named.setdefault(cls.__name__, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"there is a layer {cls.__name__} in {known.__module__} already; give yours another name")
        Layer.named[cls.__name__] = cls  # a class that is defined again, in a notebook, takes the place of the old one

    @staticmethod
    def of(operation: Operation) -> type["Layer"]:
        """Make the layer of an operation with one input, from its row of the catalogue.

        Parameters
        ----------
        operation
            The row.

        Returns
        -------
        A class, named like the operation in capitals (`MaxPool2d` of `max_pool2d`), with a field for each option.

        Raises
        ------
        ValueError
            If the operation has several inputs: a layer of its own has to say which of them are parameters.
        """
        if operation.inputs != 1:
            raise ValueError(f"{operation.name} has {operation.inputs} inputs: write a Layer that says what it learns")
        name = "".join(word.capitalize() for word in operation.name.split("_"))
        functions = {"operation": staticmethod(operation.forward), "derivative": staticmethod(operation.backward)}
        about = {"__doc__": f"`{operation.name}` as a layer.", "__module__": __name__}
        options = [_as_field(option) for option in operation.options]
        return make_dataclass(name, options, bases=(Layer,), namespace=functions | about, frozen=True)

    @property
    def options(self) -> dict[str, Any]:
        """The keywords that operation and derivative are called with."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the parameters; none, unless a subclass has some."""
        return ()

    def draw(self, rng: np.random.Generator, dtype: Any) -> tuple[Array, ...]:
        """Draw parameters to start from, of these shapes."""
        if self.shapes:
            raise NotImplementedError(f"{type(self).__name__} has parameters: its method draw has to make them")
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

    def draw(self, rng: np.random.Generator, dtype: Any) -> tuple[Array, ...]:
        """Each output adds up C R S products."""
        filters, biases = self.shapes
        return draw_weights(rng, filters, prod(filters[1:]), dtype), np.zeros(biases, dtype)

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

    def draw(self, rng: np.random.Generator, dtype: Any) -> tuple[Array, ...]:
        """Each output adds up M products."""
        weights, biases = self.shapes
        return draw_weights(rng, weights, self.features, dtype), np.zeros(biases, dtype)


def draw_weights(rng: np.random.Generator, shape: Shape, terms: int, dtype: Any) -> Array:
    """Draw normal weights of variance 2 / terms, where each output adds up so many products.

    With that variance the outputs of a layer and a ReLU are as large as its inputs, however many layers follow.

    Source: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015), section 2.2.
    """
    return rng.normal(scale=(2 / terms) ** 0.5, size=shape).astype(dtype)


def _as_field(option: Parameter) -> tuple[str, Any, Any]:
    return option.name, Any, field(default=MISSING if option.default is Parameter.empty else option.default)


for _operation in CATALOGUE:
    if _operation.inputs == 1:
        Layer.of(_operation)


def __getattr__(name: str) -> Any:
    if name in Layer.named:
        return Layer.named[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
