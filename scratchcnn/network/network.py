"""A network: layers in a list, the chain rule through all of them, and a file to keep what was learnt."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scratchcnn.files import read_npz, write_atomically
from scratchcnn.network.layers import Layer, Shape
from scratchcnn.operations import Array
from scratchcnn.operations.losses import softmax_cross_entropy, softmax_cross_entropy_backward

FORMAT = "scratchcnn network, version 1"


@dataclass(frozen=True)
class Network:
    """Layers, each of which takes what the one before it gives.

    It is an operation like those it is made of: `forward(x, *parameters)`, and `backward(grad_output, x, *parameters)`
    gives a gradient for each argument. `parameters` are those of all layers, in order.
    """

    layers: tuple[Layer, ...]

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of all parameters."""
        return tuple(shape for layer in self.layers for shape in layer.shapes)

    def draw(self, rng: np.random.Generator, dtype: Any = np.float32) -> tuple[Array, ...]:
        """Draw parameters to start from."""
        return tuple(parameter for layer in self.layers for parameter in layer.draw(rng, dtype))

    def forward(self, x: Array, *parameters: Array) -> Array:
        """What the last layer gives."""
        for layer, own in self._deal(parameters):
            x = layer.forward(x, *own)
        return x

    def backward(self, grad_output: Array, x: Array, *parameters: Array) -> tuple[Array, ...]:
        """∂E/∂x, then ∂E by each parameter: the chain rule, from the last layer to the first."""
        *inputs, _ = self._values(x, parameters)
        return self._backward(grad_output, inputs, parameters)

    def error_and_gradients(self, x: Array, labels: Array, *parameters: Array) -> tuple[Array, tuple[Array, ...]]:
        """E = `softmax_cross_entropy` of the output, and ∂E by each parameter: all that a step of training needs.

        Parameters
        ----------
        x
            What the first layer takes.
        labels
            The true classes, (N,) integers.
        parameters
            Those of all layers, in order.

        Returns
        -------
        E, shape (), and the gradients shaped like the parameters. ∂E/∂x, which no step needs, is not computed.
        """
        *inputs, logits = self._values(x, parameters)
        error = softmax_cross_entropy(logits, labels)
        grad_logits, _ = softmax_cross_entropy_backward(np.ones((), logits.dtype), logits, labels)
        return error, self._backward(grad_logits, inputs, parameters, learnt_only=True)

    def _values(self, x: Array, parameters: Sequence[Array]) -> list[Array]:
        """What each layer gets, and what the last one gives."""
        values = [x]
        for layer, own in self._deal(parameters):
            values.append(layer.forward(values[-1], *own))
        return values

    def _backward(
        self, grad: Array, inputs: Sequence[Array], parameters: Sequence[Array], learnt_only: bool = False
    ) -> tuple[Array, ...]:
        gradients: list[Array] = []
        layers = list(zip(self._deal(parameters), inputs, strict=True))
        while layers:
            (layer, own), x = layers.pop()
            if learnt_only and not any(rest for (_, rest), _ in layers):
                return *layer.backward_parameters(grad, x, *own), *gradients  # below it nothing is learnt
            grad, *grad_own = layer.backward(grad, x, *own)
            gradients[:0] = grad_own
        return grad, *gradients

    def _deal(self, parameters: Sequence[Array]) -> Iterator[tuple[Layer, tuple[Array, ...]]]:
        """Deal the parameters out to the layers."""
        if len(parameters) != len(self.shapes):
            raise ValueError(f"the network has {len(self.shapes)} parameters, got {len(parameters)}")
        rest = iter(parameters)
        for layer in self.layers:
            yield layer, tuple(next(rest) for _ in layer.shapes)


@dataclass(frozen=True, eq=False)
class Model:
    """A network with parameters.

    Attributes
    ----------
    network
        The layers.
    parameters
        Those of all layers, in order.
    """

    network: Network
    parameters: tuple[Array, ...]

    def logits(self, x: Array) -> Array:
        """What the last layer gives for x, of the parameters' dtype."""
        return self.network.forward(x.astype(self.parameters[0].dtype, copy=False), *self.parameters)

    def save(self, path: Path, beside: Mapping[str, Array] | None = None) -> None:
        """Write an .npz file; where that fails, an old one of that name stays.

        Parameters
        ----------
        path
            Its name.
        beside
            What else to keep in it: arrays by name.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        layers = [{"layer": type(layer).__name__, **asdict(layer)} for layer in self.network.layers]
        arrays: dict[str, Any] = {"format": FORMAT, "layers": json.dumps(layers), **(beside or {})}
        arrays |= {_name(k): parameter for k, parameter in enumerate(self.parameters)}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_atomically(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Read what `save` wrote.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If it is damaged, or something else.
        """
        return cls.load_with_beside(path)[0]

    @classmethod
    def load_with_beside(cls, path: Path) -> tuple["Model", dict[str, Array]]:
        """Read what `save` wrote, and the arrays beside it. Raises as `load`."""
        arrays = read_npz(path)
        if str(arrays.pop("format", "")) != FORMAT:
            raise ValueError(f"{path} is not a model that scratchcnn has saved (it does not say {FORMAT!r})")
        try:
            network = Network(tuple(_layer(**described) for described in json.loads(str(arrays.pop("layers")))))
            parameters = tuple(finite(arrays.pop(_name(k)), shape) for k, shape in enumerate(network.shapes))
            if not parameters:
                raise ValueError("none of its layers has parameters")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a model that scratchcnn has saved: {error}") from error
        return cls(network, parameters), arrays


def _name(k: int) -> str:
    return f"parameter_{k}"


def _layer(layer: str, **options: Any) -> Layer:
    """Make a layer of its description in JSON, which has lists for tuples."""
    if layer not in Layer.named:
        raise ValueError(
            f"there is no layer {layer!r}, only {', '.join(Layer.named)}; if it is your own, import its class first"
        )
    return Layer.named[layer](**{name: _tuples(value) for name, value in options.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def finite(array: Array, shape: Shape) -> Array:
    """Refuse what a file must not hold where finite numbers of this shape belong."""
    if array.shape != shape or array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
        raise ValueError(
            f"finite numbers of shape {shape}, float32 or float64, belong where it has "
            f"shape {array.shape}, dtype {array.dtype}"
        )
    return array
