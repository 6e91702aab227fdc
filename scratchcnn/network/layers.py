"""The layers of a network: each is an operation with its options, and with the parameters that it learns.

A layer holds no state. Like an operation, it has `forward(x, *parameters)` for the output, and
`backward(grad_output, x, *parameters)` for the gradients of E by x and by each parameter, in this order.

The classes `Conv2d` and `Dense` have parameters and are written out. The layers of operations with one input are made
from the catalogue: `Relu` from the row of `relu`, `MaxPool2d` from the row of `max_pool2d`.
"""

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from inspect import Parameter
from math import prod
from typing import Any, ClassVar

import numpy as np

from scratchcnn.catalogue import CATALOGUE, Operation
from scratchcnn.network.validate import check_options
from scratchcnn.operations import Array, Padding, Pair, pair
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_backward, conv2d_grad_bias, conv2d_grad_filters
from scratchcnn.operations.dense import dense, dense_backward

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """The base class of all layers.

    A subclass sets `operation` and `derivative`; its fields are the options of both. A subclass with parameters also
    defines their `shapes`, and how to `draw` them. A saved network names the class of each layer, so that a class of
    your own must be defined before such a network is loaded.
    """

    operation: ClassVar[Callable[..., Array]]
    derivative: ClassVar[Callable[..., tuple[Array, ...]]]
    named: ClassVar[dict[str, type["Layer"]]] = {}

    def __init_subclass__(cls) -> None:
        known = Layer.named.setdefault(cls.__name__, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"there is a layer {cls.__name__} in {known.__module__} already; give yours another name")
        Layer.named[cls.__name__] = cls  # a class that a notebook defines again replaces the old one

    @staticmethod
    def of(operation: Operation) -> type["Layer"]:
        """Make the layer of an operation with one input.

        Parameters
        ----------
        operation : Operation
            The operation's row in the catalogue.

        Returns
        -------
        type
            The class, named after the operation in capitals (`MaxPool2d` for `max_pool2d`), with a field per option.

        Raises
        ------
        ValueError
            If the operation has several inputs: only a class of its own can say which of them are parameters.
        TypeError
            If there is a layer of that name in another module.
        """
        if operation.inputs != 1:
            raise ValueError(f"{operation.name} has {operation.inputs} inputs: write a Layer that says what it learns")
        name = "".join(word.capitalize() for word in operation.name.split("_"))
        functions = {"operation": staticmethod(operation.forward), "derivative": staticmethod(operation.backward)}
        # A user's operation may have the name of one of ours. Its class then has another module, and is refused.
        ours = operation in CATALOGUE
        home = __name__ if ours else operation.forward.__module__
        about: dict[str, Any] = {"__doc__": f"`{operation.name}` as a layer.", "__module__": home}
        if ours:
            about["__post_init__"] = lambda self: check_options(vars(self))
        options = [_as_field(option) for option in operation.options]
        return make_dataclass(name, options, bases=(Layer,), namespace=functions | about, frozen=True)

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of operation and derivative."""
        names = [field.name for field in fields(self)]
        strangers = vars(self).keys() - set(names)
        if strangers:
            raise TypeError(
                f"{type(self).__name__} has attributes that are no fields, {', '.join(sorted(strangers))}: make it a"
                " dataclass, @dataclass(frozen=True), whose fields are the options of its operation"
            )
        return {name: getattr(self, name) for name in names}

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the parameters; a layer without parameters has none."""
        return ()

    def draw(self, rng: np.random.Generator, dtype: Any) -> tuple[Array, ...]:
        """Draw the first parameters.

        Parameters
        ----------
        rng : numpy.random.Generator
            The source of random numbers.
        dtype : dtype
            The dtype of the parameters.

        Returns
        -------
        tuple of arrays
            One for each of `shapes`.

        Raises
        ------
        NotImplementedError
            If a subclass has parameters but does not define this method.
        """
        if self.shapes:
            raise NotImplementedError(f"{type(self).__name__} has parameters: its method draw has to make them")
        return ()

    def forward(self, x: Array, *parameters: Array) -> Array:
        """Call the operation.

        Parameters
        ----------
        x : array
            The input, of the shape that the operation takes.
        parameters : arrays
            One for each of `shapes`.

        Returns
        -------
        array
            The output.
        """
        return type(self).operation(x, *parameters, **self.options)

    def backward(self, grad_output: Array, x: Array, *parameters: Array) -> tuple[Array, ...]:
        """Pass the gradient of E from the output to the input and the parameters.

        Parameters
        ----------
        grad_output : array shaped like the output
            The gradient of E by the output.
        x, parameters : arrays
            As in `forward`.

        Returns
        -------
        tuple of arrays
            ∂E/∂x, then the gradient by each parameter; each shaped like its argument.
        """
        gradients = type(self).derivative(grad_output, x, *parameters, **self.options)
        return gradients if isinstance(gradients, tuple) else (gradients,)  # of an operation with one input

    def backward_parameters(self, grad_output: Array, x: Array, *parameters: Array) -> tuple[Array, ...]:
        """Pass the gradient of E to the parameters alone, as the first layer needs it.

        Parameters
        ----------
        grad_output, x, parameters : arrays
            As in `backward`.

        Returns
        -------
        tuple of arrays
            The gradient by each parameter, shaped like it.
        """
        return self.backward(grad_output, x, *parameters)[1:] if parameters else ()


@dataclass(frozen=True)
class Conv2d(Layer):
    """The operation `conv2d` with filters and biases as parameters.

    Attributes
    ----------
    channels : int
        C, the channels of the input.
    filters : int
        K, the number of filters; each has a bias.
    window, stride, padding
        As in `conv2d`; `window` is (R, S), or one number for both.
    """

    operation = staticmethod(conv2d)
    derivative = staticmethod(conv2d_backward)

    channels: int
    filters: int
    window: Pair
    stride: Pair = 1
    padding: Padding = 0

    def __post_init__(self) -> None:
        """Check each field; a wrong one is a `TypeError` or a `ValueError`."""
        check_options(vars(self))
        if self.stride is None:  # of a pooling that is the window
            raise TypeError("stride must be an integer or a pair, got None")

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of `conv2d`; the other fields determine the shape of its filters."""
        return {"stride": self.stride, "padding": self.padding}

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the filters, (K, C, R, S), and of the biases, (K,)."""
        return (self.filters, self.channels, *pair("window", self.window, least=1)), (self.filters,)

    def draw(self, rng: np.random.Generator, dtype: Any) -> tuple[Array, ...]:
        """Draw filters with `draw_weights`, where each output is a sum of C R S products; the biases are 0."""
        filters, biases = self.shapes
        return draw_weights(rng, filters, prod(filters[1:]), dtype), np.zeros(biases, dtype)

    def backward_parameters(self, grad_output: Array, x: Array, *parameters: Array) -> tuple[Array, ...]:
        """Give ∂E/∂f and ∂E/∂b, without computing ∂E/∂x."""
        filters, _ = parameters
        return conv2d_grad_filters(grad_output, x, filters.shape[2:], **self.options), conv2d_grad_bias(grad_output)


@dataclass(frozen=True)
class Dense(Layer):
    """The operation `dense` with weights and biases as parameters.

    Attributes
    ----------
    features : int
        M, the numbers in each sample of the input.
    neurons : int
        K, the numbers in each sample of the output.
    """

    operation = staticmethod(dense)
    derivative = staticmethod(dense_backward)

    features: int
    neurons: int

    def __post_init__(self) -> None:
        """Check each field; a wrong one is a `TypeError` or a `ValueError`."""
        check_options(vars(self))

    @property
    def options(self) -> dict[str, Any]:
        """No keyword arguments: both fields determine the shape of the weights."""
        return {}

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the weights, (M, K), and of the biases, (K,)."""
        return (self.features, self.neurons), (self.neurons,)

    def draw(self, rng: np.random.Generator, dtype: Any) -> tuple[Array, ...]:
        """Draw weights with `draw_weights`, where each output is a sum of M products; the biases are 0."""
        weights, biases = self.shapes
        return draw_weights(rng, weights, self.features, dtype), np.zeros(biases, dtype)


def draw_weights(rng: np.random.Generator, shape: Shape, terms: int, dtype: Any) -> Array:
    """Draw normal weights of variance 2 / terms.

    With this variance the inputs of each layer have the same size, if a ReLU follows each layer.

    Source: He, Zhang, Ren and Sun, "Delving Deep into Rectifiers" (2015), section 2.2.

    Parameters
    ----------
    rng : numpy.random.Generator
        The source of random numbers.
    shape : tuple of int
        The shape of the weights.
    terms : int
        The number of products in the sum that is one output of the layer.
    dtype : dtype
        The dtype of the weights.

    Returns
    -------
    array
        The weights.
    """
    return rng.normal(scale=(2 / terms) ** 0.5, size=shape).astype(dtype)


def _as_field(option: Parameter) -> tuple[str, Any, Any]:
    """Describe an option to `make_dataclass`: its name, type and default."""
    return option.name, Any, field(default=MISSING if option.default is Parameter.empty else option.default)


for _operation in CATALOGUE:
    if _operation.inputs == 1:
        Layer.of(_operation)


def __getattr__(name: str) -> Any:
    if name in Layer.named:
        return Layer.named[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
