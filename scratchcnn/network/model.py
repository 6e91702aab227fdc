"""A network with its parameters, and the file that keeps both. What a file holds is validated in full before use."""

import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from scratchcnn.files import MOST_BYTES, read_npz, write_atomically
from scratchcnn.network.layers import Layer, Shape
from scratchcnn.network.network import Network
from scratchcnn.operations import Array

FORMAT = "scratchcnn network, version 1"  # the first entry of a model's file, by which `Model.load` knows it
MOST_TEXT = 2**20  # characters of a text in a file
DEEPEST = 8  # lists in lists, in such a text


@dataclass(frozen=True, eq=False)
class Model:
    """A network with values for its parameters.

    Attributes
    ----------
    network : Network
        The layers.
    parameters : tuple of arrays
        The parameters of all layers, in order; shaped as `network.shapes`.

    Raises
    ------
    TypeError
        If `network` is no network, or the parameters are no arrays.
    ValueError
        If there are more or fewer parameters than `network.shapes`, or none, or one has another shape.
    """

    network: Network
    parameters: tuple[Array, ...]

    def __post_init__(self) -> None:
        """Check the shapes of the parameters."""
        if not isinstance(self.network, Network):
            raise TypeError(f"network must be a Network, got {self.network!r}")
        shapes = self.network.shapes
        if not shapes:
            raise ValueError("none of its layers has parameters")
        require_shapes("parameter", self.parameters, shapes)

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

        Raises
        ------
        ValueError
            If the output is not finite: the parameters are so large that sums of products overflow, or `x` is.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # reported below
            output = self.network.forward(x.astype(self.parameters[0].dtype, copy=False), *self.parameters)
        if not np.isfinite(output).all():
            raise ValueError("the output of the network is not finite: its parameters, or its input, are too large")
        return output

    def save(self, path: Path | str, beside: Mapping[str, Array] | None = None) -> None:
        """Write the model to an .npz file. If that fails, an existing file of that name stays as it is.

        Parameters
        ----------
        path : Path or str
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
            If a parameter is not finite or neither float32 nor float64, an array beside the model has the name of one
            of its own, or the arrays are too large for a file that could be loaded.
        """
        layers = [{"layer": type(layer).__name__, **asdict(layer)} for layer in self.network.layers]
        arrays: dict[str, Any] = {"format": FORMAT, "layers": json.dumps(layers, default=_without_numpy)}
        arrays |= {f"parameter_{k}": require_finite(f"parameter_{k}", p) for k, p in enumerate(self.parameters)}
        taken = arrays.keys() & (beside or {}).keys()
        if taken:
            raise ValueError(f"beside must have other names than the model's arrays, got {', '.join(sorted(taken))}")
        buffer = io.BytesIO()
        np.savez(buffer, **(arrays | dict(beside or {})))
        if buffer.tell() > MOST_BYTES:
            raise ValueError(f"the model is too large for a file: {buffer.tell():,} bytes, {MOST_BYTES:,} are allowed")
        write_atomically(Path(path), buffer.getvalue())

    @classmethod
    def load(cls, path: Path | str) -> "Model":
        """Read a model that `save` wrote.

        Parameters
        ----------
        path : Path or str
            The file's name.

        Returns
        -------
        Model
            The model.

        Raises
        ------
        TypeError
            If `path` is neither str nor Path.
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
        path : Path or str
            The file's name.

        Returns
        -------
        Model
            The model.
        dict of str to array
            The arrays beside it.

        Raises
        ------
        TypeError, OSError, ValueError
            As `load`.
        """
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path must be a str or a Path, got {path!r}")
        arrays = read_npz(Path(path))
        if str(arrays.pop("format", "")) != FORMAT:
            raise ValueError(f"{path} is not a model that scratchcnn has saved (it does not say {FORMAT!r})")
        try:
            network = Network(tuple(map(_layer, _list(read_json(take(arrays, "layers"))))))
            names = [f"parameter_{k}" for k in range(len(network.shapes))]
            model = cls(network, tuple(require_finite(name, take(arrays, name)) for name in names))
        except Exception as error:  # the class of a layer, which may be the user's own, raises what it likes
            raise ValueError(f"{path} is not a model that scratchcnn has saved: {error}") from error
        return model, arrays


def take(arrays: dict[str, Array], name: str) -> Array:
    """Take an array out of those of a file.

    Parameters
    ----------
    arrays : dict of str to array
        The arrays; it is removed from them.
    name : str
        Its name.

    Returns
    -------
    array
        The array.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in arrays:
        raise ValueError(f"it has no array {name}")
    return arrays.pop(name)


def read_json(text: Array) -> Any:
    """Read JSON from a file's array. It is limited in size and in depth, and has no NaN.

    Parameters
    ----------
    text : array of shape ()
        The text.

    Returns
    -------
    list, dict, str, int, float, bool or None
        What it says.

    Raises
    ------
    ValueError
        If it is no text or no JSON, too long, or nested too deeply.
    """
    if text.shape != () or text.dtype.kind != "U":
        raise ValueError(f"a text belongs where it has shape {text.shape}, dtype {text.dtype}")
    words = str(text)
    if len(words) > MOST_TEXT:
        raise ValueError(f"its text has {len(words):,} characters; {MOST_TEXT:,} are allowed")
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", words)  # what brackets in strings say does not count
    depth = max(accumulate((sign in "[{") - (sign in "]}") for sign in outside), default=0)
    if depth > DEEPEST:
        raise ValueError(f"its text is nested {depth} deep; {DEEPEST} are allowed")
    return json.loads(words, parse_constant=_refuse_constant)


def require_finite(name: str, array: Array) -> Array:
    """Check an array that is read from a file, or is to be written.

    Parameters
    ----------
    name : str
        Its name, for the message.
    array : array
        The array.

    Returns
    -------
    array
        The same array.

    Raises
    ------
    ValueError
        If it is neither float32 nor float64, or has an entry that is not finite.
    """
    if array.dtype not in (np.float32, np.float64) or not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers, float32 or float64, got dtype {array.dtype}")
    return array


def require_shapes(what: str, arrays: Sequence[Array], shapes: Sequence[Shape]) -> None:
    """Check that each parameter of a network has its array.

    Parameters
    ----------
    what : str
        What the arrays are, for the message: "parameter".
    arrays : sequence of arrays
        The arrays.
    shapes : sequence of tuples of int
        The shapes of the parameters.

    Raises
    ------
    TypeError
        If they are no arrays.
    ValueError
        If there are more or fewer arrays, or one has another shape than its parameter.
    """
    if not isinstance(arrays, tuple | list) or not all(isinstance(array, np.ndarray) for array in arrays):
        raise TypeError(f"the arrays of the kind {what} must be in a tuple, got {arrays!r}")
    if len(arrays) != len(shapes):
        raise ValueError(f"the network has {len(shapes)} parameters, got {len(arrays)} of the kind {what}")
    for k, (array, shape) in enumerate(zip(arrays, shapes, strict=True)):
        if array.shape != shape:
            raise ValueError(f"{what}_{k} must have the shape {shape}, got shape {array.shape}")


def _without_numpy(value: object) -> Any:
    """Convert an option that is a number or an array of NumPy's, such as a stride of np.int64, for JSON."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"an option of a layer cannot be saved: {value!r}")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"its layers must be a list, got {type(value).__name__}")
    return value


def _layer(described: Any) -> Layer:
    """Make a layer from its description in JSON, which has lists in place of tuples. Its class checks the options."""
    if not isinstance(described, dict) or not isinstance(described.get("layer"), str):
        raise TypeError(f"a layer must be described by its name and its options, got {described!r:.60}")
    options = {name: _lists_to_tuples(value) for name, value in described.items() if name != "layer"}
    name = described["layer"]
    if name not in Layer.named:
        raise ValueError(
            f"there is no layer {name!r}, only {', '.join(Layer.named)}; if it is your own, import its class first"
        )
    return Layer.named[name](**options)


def _lists_to_tuples(value: Any) -> Any:
    return tuple(map(_lists_to_tuples, value)) if isinstance(value, list) else value
