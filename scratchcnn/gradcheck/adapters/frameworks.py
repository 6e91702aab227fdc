"""What the adapters of torch, JAX and TensorFlow share: an import that names its extra, NumPy arrays in and out."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.pair import named
from scratchcnn.gradcheck.formats import format_of
from scratchcnn.gradcheck.trees import flatten, unflatten


def framework(name: str) -> Any:
    """The framework's module.

    Raises
    ------
    ModuleNotFoundError
        It is not installed; the message names the extra that brings it.
    """
    __tracebackhide__ = True
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(f'from_{name} needs {name}: pip install "scratchcnn[{name}]"', name=name) from None


def as_numpy(value: Any) -> Any:
    """A tensor of whatever framework, on whatever device, as an array; trees of them as trees of arrays."""
    leaves, structure = flatten(value)
    return unflatten(structure, [_array(leaf) for leaf in leaves])


def computed_by(function: Callable[..., Any], framework: str) -> Callable[..., Any]:
    """The function, marked as one that computes in the framework's floats: a proof in balls is not tried."""
    function.computed_by = framework  # type: ignore[attr-defined]
    return function


def common_dtype(arrays: Sequence[Any]) -> np.dtype[Any] | None:
    """The dtype that the floating ones are computed in together; None where there are none."""
    floating = [a.dtype for a in arrays if is_floating(a.dtype)]
    return np.result_type(*floating) if floating else None


def is_floating(dtype: np.dtype[Any]) -> bool:
    """Whether it is a dtype of real or complex numbers, the small formats among them."""
    return dtype.kind in "fc" or format_of(dtype) is not None


def supported(arrays: Sequence[Any], name: str) -> None:
    """Refuses the precisions that no framework has, so that none is silently rounded.

    Raises
    ------
    TypeError
        An array is of longdouble, or of objects (balls are).
    """
    for a in arrays:
        if type(a) is not np.ndarray:
            raise TypeError(f"{name} takes arrays of numbers, got {type(a).__name__}")
        if format_of(a.dtype) is not None:
            continue
        if a.dtype.kind not in "fiubc" or (a.dtype.kind in "fc" and a.real.dtype.itemsize > 8):
            raise TypeError(f"{name} has no arrays of {a.dtype}")


class Numbers:
    """Python's own numbers and strings among the arguments: options, that are passed as given, beside arrays.

    Attributes
    ----------
    fixed
        The positions and values of the options.
    """

    def __init__(self, arguments: Sequence[Any]) -> None:
        own = {k: a for k, a in enumerate(arguments) if type(a) in (bool, int, float, complex, str)}
        self.fixed = own if len(own) < len(arguments) else {}
        self.given = [a for k, a in enumerate(arguments) if k not in self.fixed]

    def others(self, parameters: Sequence[str]) -> Callable[..., Any]:
        """A function whose parameters have the names of the others."""
        return named(lambda *arrays: None, "forward", [n for k, n in enumerate(parameters) if k not in self.fixed])

    def among(self, arguments: Sequence[Any]) -> list[Any]:
        """All arguments, of those that are no options."""
        rest = iter(arguments)
        count = len(arguments) + len(self.fixed)
        return [self.fixed[k] if k in self.fixed else next(rest) for k in range(count)]


class Drawn:
    """Whether a function draws, and in which dtype it was first called.

    What it draws in another precision are other numbers: there it is another function, and refused.
    """

    def __init__(self) -> None:
        self.dtype: np.dtype[Any] | None = None
        self.draws: bool | None = None

    def first(self, leaves: Sequence[Any], outputs: Callable[[], Sequence[Any]]) -> None:
        """Finds it out at the first call: `outputs` are those of two seeds."""
        if self.draws is None:
            one, other = outputs()
            self.dtype, self.draws = common_dtype(leaves), np.asarray(one).tobytes() != np.asarray(other).tobytes()
        elif self.draws and common_dtype(leaves) != self.dtype:
            raise TypeError(f"the function draws: in {common_dtype(leaves)} other numbers than in {self.dtype}")


def _small(tensor: Any) -> np.dtype[Any] | None:
    """The dtype of a torch tensor in a small format, which NumPy knows by the package ml_dtypes; else None."""
    name = str(tensor.dtype).removeprefix("torch.")
    if not name.startswith(("bfloat", "float8", "float4")):
        return None
    try:
        small: np.dtype[Any] = np.dtype(getattr(import_module("ml_dtypes"), name))
        return small
    except ModuleNotFoundError:
        message = f'{name} needs ml_dtypes: pip install "scratchcnn[torch]"'
        raise ModuleNotFoundError(message, name="ml_dtypes") from None


def _array(leaf: Any) -> Any:
    if hasattr(leaf, "detach"):  # torch: the gradient's tape, another device and lazy conjugates stay behind
        small = _small(leaf)
        if small is None:
            return leaf.numpy(force=True)
        tensor = leaf.detach().cpu()
        return tensor.unsqueeze(-1).view(framework("torch").uint8).numpy().view(small).reshape(tensor.shape)
    if hasattr(leaf, "numpy"):  # TensorFlow
        return np.asarray(leaf)
    if isinstance(leaf, np.ndarray | np.generic | int | float) or not hasattr(leaf, "__dlpack__"):
        return leaf
    try:
        return np.from_dlpack(leaf)
    except (BufferError, RuntimeError):  # NumPy takes no small formats that way
        return np.asarray(leaf)
