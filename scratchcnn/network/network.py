"""A network: a list of layers, the chain rule through all of them, and the file that keeps what was learnt."""

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

FORMAT = "scratchcnn network, version 1"  # the first entry of a model's file, by which `Model.load` knows it


@dataclass(frozen=True)
class Network:
    """Layers in a row; the input of each is the output of the one before it.

    A network has the form of an operation: `forward(x, *parameters)` gives the output, and
    `backward(grad_output, x, *parameters)` gives a gradient for each argument.

    Attributes
    ----------
    layers : tuple of Layer
        From the first to the last.
    """

    layers: tuple[Layer, ...]

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


@dataclass(frozen=True, eq=False)
class Model:
    """A network with values for its parameters.

    Attributes
    ----------
    network : Network
        The layers.
    parameters : tuple of arrays
        The parameters of all layers, in order; shaped as `network.shapes`.
    """

    network: Network
    parameters: tuple[Array, ...]

    def logits(self, x: Array) -> Array:
        """Compute the output of the last layer.

        Parameters
        ----------
        x : array
            The input of the first layer; it is cast to the dtype of the parameters.

        Returns
        -------
        array
            The output of the last layer.
        """
        return self.network.forward(x.astype(self.parameters[0].dtype, copy=False), *self.parameters)

    def save(self, path: Path | str, beside: Mapping[str, Array] | None = None) -> None:
        """Write the model to an .npz file. If that fails, an existing file of that name stays as it is.

        Parameters
        ----------
        path : Path
            The file's name.
        beside : mapping of str to array, or None
            More arrays to keep in the file, by name.

        Raises
        ------
        OSError
            If the file cannot be written.
        TypeError
            If an option of a layer cannot be written as JSON.
        ValueError
            If an array beside the model has the name of one of its own.
        """
        layers = [{"layer": type(layer).__name__, **asdict(layer)} for layer in self.network.layers]
        arrays: dict[str, Any] = {"format": FORMAT, "layers": json.dumps(layers, default=_without_numpy)}
        arrays |= {_parameter_name(k): parameter for k, parameter in enumerate(self.parameters)}
        taken = arrays.keys() & (beside or {}).keys()
        if taken:
            raise ValueError(f"beside must have other names than the model's arrays, got {', '.join(sorted(taken))}")
        buffer = io.BytesIO()
        np.savez(buffer, **(arrays | dict(beside or {})))
        write_atomically(Path(path), buffer.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> "Model":
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : Path
            The file's name.

        Returns
        -------
        Model
            The model.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If the file is damaged, or holds no model.
        """
        return cls.load_with_beside(path)[0]

    @classmethod
    def load_with_beside(cls, path: Path | str) -> tuple["Model", dict[str, Array]]:
        """Read a model that `save` wrote, and the arrays beside it.

        Parameters
        ----------
        path : Path
            The file's name.

        Returns
        -------
        Model
            The model.
        dict of str to array
            The arrays beside it.

        Raises
        ------
        OSError, ValueError
            As `load`.
        """
        arrays = read_npz(Path(path))
        if str(arrays.pop("format", "")) != FORMAT:
            raise ValueError(f"{path} is not a model that scratchcnn has saved (it does not say {FORMAT!r})")
        try:
            network = Network(tuple(_layer(**described) for described in json.loads(str(arrays.pop("layers")))))
            parameters = tuple(
                require_finite(arrays.pop(_parameter_name(k)), shape) for k, shape in enumerate(network.shapes)
            )
            if not parameters:
                raise ValueError("none of its layers has parameters")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a model that scratchcnn has saved: {error}") from error
        return cls(network, parameters), arrays


def _parameter_name(k: int) -> str:
    return f"parameter_{k}"


def _without_numpy(value: object) -> Any:
    """Convert an option that is a number or an array of NumPy's, such as a stride of np.int64, for JSON."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"an option of a layer cannot be saved: {value!r}")


def _layer(layer: str, **options: Any) -> Layer:
    """Make a layer from its description in JSON, which has lists in place of tuples."""
    if layer not in Layer.named:
        raise ValueError(
            f"there is no layer {layer!r}, only {', '.join(Layer.named)}; if it is your own, import its class first"
        )
    return Layer.named[layer](**{name: _lists_to_tuples(value) for name, value in options.items()})


def _lists_to_tuples(value: Any) -> Any:
    return tuple(map(_lists_to_tuples, value)) if isinstance(value, list) else value


def require_finite(array: Array, shape: Shape) -> Array:
    """Check an array from a file.

    Parameters
    ----------
    array : array
        The array.
    shape : tuple of int
        The shape that it must have.

    Returns
    -------
    array
        The same array.

    Raises
    ------
    ValueError
        If it has another shape, is neither float32 nor float64, or has an entry that is not finite.
    """
    if array.shape != shape or array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
        raise ValueError(
            f"finite numbers of shape {shape}, float32 or float64, belong where it has "
            f"shape {array.shape}, dtype {array.dtype}"
        )
    return array
