"""What the caller hands in: two functions and the point to check them at, validated and copied apart."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.numerical.probe import Array

Forward = Callable[..., Any]
Backward = Callable[..., Any]


class CallerError(Exception):
    """The caller's own function raised: which one, and what it was given."""


@dataclass(frozen=True)
class Case:
    """One check: the functions, the inputs in the caller's own dtype, their names, and which of them are checked."""

    forward: Forward
    backward: Backward
    inputs: tuple[Array, ...]
    names: tuple[str, ...]
    wrt: tuple[int, ...]
    output: Array = field(repr=False)

    def copies(self, dtype: DTypeLike | None = None) -> tuple[Array, ...]:
        """Fresh copies of the inputs, the floating ones in `dtype`."""
        return tuple(a.astype(dtype) if dtype is not None and a.dtype.kind == "f" else a.copy("K") for a in self.inputs)

    def gradients(self, cotangent: Array, inputs: Sequence[Array]) -> list[Any]:
        """What backward returns, as a list; one item for a bare array. Nothing is checked."""
        given = call(self.backward, "backward", cotangent, *inputs)
        return list(given) if isinstance(given, tuple | list) else [given]


def prepare(
    forward: Forward,
    backward: Backward,
    inputs: Sequence[Any],
    names: Sequence[str] | None = None,
    wrt: Sequence[int | str] | None = None,
) -> Case:
    """Validates the arguments of a check.

    Raises
    ------
    TypeError
        A function that can't be called, an input that is no array of numbers or is asked for and not floating, an
        output that is no single array.
    ValueError
        No inputs, a wrong number of names, an unknown name or index in `wrt`.
    CallerError
        forward raised.
    """
    for name, function in (("forward", forward), ("backward", backward)):
        if not callable(function):
            raise TypeError(f"{name} must be a function, got {type(function).__name__}")
    if not inputs:
        raise ValueError("no inputs: pass the arrays that forward takes, as in check_gradient(forward, backward, x, w)")
    arrays = tuple(_array(a, k) for k, a in enumerate(inputs))
    labels = _names(forward, names, len(arrays))
    chosen = _chosen(wrt, labels, arrays)
    output = output_array(call(forward, "forward", *(a.copy("K") for a in arrays)))
    return Case(forward, backward, arrays, labels, chosen, output)


def call(function: Callable[..., Any], role: str, *arguments: Array) -> Any:
    """Calls the caller's function; what it raises is reported with the shapes that it was given."""
    try:
        return function(*arguments)
    except Exception as error:
        given = ", ".join(f"{a.dtype}{list(a.shape)}" for a in arguments)
        raise CallerError(
            f"{role} ({describe(function)}) raised {type(error).__name__}: {error}\n  it was called with {given}"
        ) from error


def describe(function: Callable[..., Any]) -> str:
    """The name that a reader knows a function by."""
    while isinstance(function, partial):
        function = function.func
    return getattr(function, "__qualname__", type(function).__name__)


def output_array(output: Any) -> Array:
    """The output of forward as a copy.

    Raises
    ------
    TypeError
        It is no single array of real numbers.
    """
    if isinstance(output, tuple | list | dict) or output is None:
        raise TypeError(
            f"forward must return one array, got {type(output).__name__}: check the parts of its output one by one"
        )
    array = np.array(output)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"forward must return an array of real numbers, got dtype {array.dtype}")
    return array


def _array(value: Any, position: int) -> Array:
    if value is None:
        raise TypeError(f"input {position} is None: leave it out, or bind it with functools.partial on both functions")
    array = np.array(value, copy=True, order="K")
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"input {position} must be an array of real numbers, got {type(value).__name__} of dtype {array.dtype}"
        )
    return array


def _names(forward: Forward, names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if names is not None:
        if isinstance(names, str) or len(names) != count:
            raise ValueError(f"names must have one name for each of the {count} inputs, got {names!r}")
        if len(set(names)) != count:
            raise ValueError(f"names must differ, got {names!r}")
        return tuple(str(n) for n in names)
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):  # a function written in C has no signature to read
        parameters = {}.values()
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return tuple(positional[k] if k < len(positional) else f"input {k}" for k in range(count))


def _chosen(wrt: Sequence[int | str] | None, names: tuple[str, ...], arrays: tuple[Array, ...]) -> tuple[int, ...]:
    if wrt is None:
        chosen = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
        if not chosen:
            raise TypeError(f"no floating input to check: got dtypes {[str(a.dtype) for a in arrays]}")
        return tuple(chosen)
    if isinstance(wrt, str | int):
        wrt = (wrt,)
    indices = []
    for item in wrt:
        if isinstance(item, str):
            if item not in names:
                raise ValueError(f"wrt names {item!r}, which is none of {list(names)}")
            index = names.index(item)
        else:
            index = int(item)
            if not 0 <= index < len(arrays):
                raise ValueError(f"wrt has index {index}, but there are {len(arrays)} inputs")
        if arrays[index].dtype.kind != "f":
            raise TypeError(
                f"input {names[index]!r} has dtype {arrays[index].dtype}: only floating inputs have a gradient"
            )
        if index not in indices:
            indices.append(index)
    if not indices:
        raise ValueError("wrt is empty: name at least one input, or leave it out to check all")
    return tuple(indices)
