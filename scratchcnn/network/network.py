"""A network: a list of layers, and the chain rule through all of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.network.layers import Layer, Shape
from scratchcnn.operations import Array
from scratchcnn.operations.losses import softmax_cross_entropy, softmax_cross_entropy_backward


@dataclass(frozen=True)
class Network:
    """Layers in a row; the input of each is the output of the one before it.

    A network has the form of an operation: `forward(x, *parameters)` gives the output, and
    `backward(grad_output, x, *parameters)` gives a gradient for each argument.

    Attributes
    ----------
    layers : tuple of Layer
        From the first to the last.

    Raises
    ------
    TypeError
        If `layers` is not a tuple of layers.
    """

    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Check that there are layers only; anything else is a `TypeError`."""
        if not isinstance(self.layers, tuple) or not all(isinstance(layer, Layer) for layer in self.layers):
            raise TypeError(f"layers must be a tuple of layers, got {self.layers!r}")

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of the parameters of all layers, in order."""
        return tuple(shape for layer in self.layers for shape in layer.shapes)

    def draw(self, rng: np.random.Generator, dtype: Any = np.float32) -> tuple[Array, ...]:
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
        """
        return tuple(parameter for layer in self.layers for parameter in layer.draw(rng, dtype))

    def forward(self, x: Array, *parameters: Array) -> Array:
        """Compute the output of the last layer.

        Parameters
        ----------
        x : array
            The input of the first layer.
        parameters : arrays
            One for each of `shapes`.

        Returns
        -------
        array
            The output of the last layer.

        Raises
        ------
        ValueError
            If there are more or fewer parameters than `shapes`.
        """
        for layer, own in self._with_parameters(parameters):
            x = layer.forward(x, *own)
        return x

    def backward(self, grad_output: Array, x: Array, *parameters: Array) -> tuple[Array, ...]:
        """Apply the chain rule, from the last layer to the first.

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

        Raises
        ------
        ValueError
            As `forward`.
        """
        *inputs, _ = self._layer_values(x, parameters)
        return self._backward(grad_output, inputs, parameters)

    def error_and_gradients(self, x: Array, labels: Array, *parameters: Array) -> tuple[Array, tuple[Array, ...]]:
        """Compute E, the `softmax_cross_entropy` of the output, and its gradient by each parameter.

        A step of training needs no ∂E/∂x, which is not computed.

        Parameters
        ----------
        x : array
            The input of the first layer.
        labels : (N,) array of integers
            The true classes.
        parameters : arrays
            One for each of `shapes`.

        Returns
        -------
        array of shape ()
            E.
        tuple of arrays
            The gradient by each parameter, shaped like it.

        Raises
        ------
        TypeError, ValueError
            As `softmax_cross_entropy`; `ValueError` also if there are more or fewer parameters than `shapes`.
        """
        *inputs, logits = self._layer_values(x, parameters)
        error = softmax_cross_entropy(logits, labels)
        grad_logits, _ = softmax_cross_entropy_backward(np.ones((), logits.dtype), logits, labels)
        return error, self._backward(grad_logits, inputs, parameters, learnt_only=True)

    def _layer_values(self, x: Array, parameters: Sequence[Array]) -> list[Array]:
        """List the input of each layer, and the output of the last."""
        values = [x]
        for layer, own in self._with_parameters(parameters):
            values.append(layer.forward(values[-1], *own))
        return values

    def _backward(
        self, grad: Array, inputs: Sequence[Array], parameters: Sequence[Array], learnt_only: bool = False
    ) -> tuple[Array, ...]:
        """Pass the gradient back through all layers; `learnt_only`: only as far as there are parameters."""
        gradients: list[Array] = []
        layers = list(zip(self._with_parameters(parameters), inputs, strict=True))
        while layers:
            (layer, own), x = layers.pop()
            if learnt_only and not any(others for (_, others), _ in layers):  # this is the first layer that learns
                return *layer.backward_parameters(grad, x, *own), *gradients
            grad, *grad_own = layer.backward(grad, x, *own)
            gradients[:0] = grad_own
        return grad, *gradients

    def _with_parameters(self, parameters: Sequence[Array]) -> Iterator[tuple[Layer, tuple[Array, ...]]]:
        """Pair each layer with its own parameters."""
        if len(parameters) != len(self.shapes):
            raise ValueError(f"the network has {len(self.shapes)} parameters, got {len(parameters)}")
        rest = iter(parameters)
        for layer in self.layers:
            yield layer, tuple(next(rest) for _ in layer.shapes)
