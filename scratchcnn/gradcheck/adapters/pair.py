"""What every adapter returns: two functions with names, whose parameters are the leaves of the inputs."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.trees import Option, Structure, complex_array, flatten, is_option, keys, paths, unflatten

# (forward, backward, *arrays): the first two where no inputs are given.
Pair = tuple[Any, ...]


@dataclass(frozen=True)
class Inputs:
    """The inputs of a call as they are given: arrays, or trees of arrays, each with a name.

    Where none are given, `structures` is None: then each argument of a call is an array.
    """

    names: tuple[str, ...]
    leaves: tuple[Any, ...] = ()
    structures: tuple[Structure, ...] | None = None

    @property
    def paths(self) -> tuple[str, ...]:
        """The name of each leaf; those of the parameters alone where no inputs are given."""
        if self.structures is None:
            return self.names
        return tuple(p for n, s in zip(self.names, self.structures, strict=True) for p in paths(s, n))

    @property
    def keys(self) -> tuple[tuple[Any, ...], ...]:
        """Of each leaf its input's name and the keys on the way to it."""
        if self.structures is None:
            return tuple((name,) for name in self.names)
        return tuple((n, *way) for n, s in zip(self.names, self.structures, strict=True) for way in keys(s))

    def built(self, leaves: Sequence[Any], complex_of: Callable[[Any, Any], Any] = complex_array) -> list[Any]:
        """The arguments of a call, made of these leaves; `complex_of` makes complex numbers of their parts."""
        if self.structures is None:
            return list(leaves)
        arguments, start = [], 0
        for structure in self.structures:
            arguments.append(unflatten(structure, leaves[start : start + structure.size], complex_of))
            start += structure.size
        return arguments


def inputs_of(
    function: Callable[..., Any], given: Sequence[Any], *, skip: Sequence[str] = (), empty: bool = False
) -> Inputs:
    """The inputs that are given, named by the function's parameters, without those in `skip`.

    `empty` says that there are none where none are given; else that they are not known yet.
    """
    names = [name for name in positional(function) if name not in skip]
    if not given and not empty:
        return Inputs(tuple(names))
    names += [f"input {k}" for k in range(len(names), len(given))]
    flat = [([], Option(value=value)) if is_option(value) else flatten(value) for value in given]
    leaves = tuple(_array(name, leaf) for name, (more, _) in zip(names, flat, strict=False) for leaf in more)
    return Inputs(tuple(names[: len(given)]), leaves, tuple(structure for _, structure in flat))


def _array(name: str, leaf: Any) -> Any:
    try:
        return np.asarray(leaf)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"input {name!r} holds no array: {error}") from error


def positional(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters that arrays are passed for; none where they cannot be seen."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function written in C
        return []
    # After an option that functools.partial binds by name nothing can be passed by position.
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def title(function: Any) -> str:
    """The name that a reader knows a function, or an object, by."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isbuiltin(function):
        return function.__name__
    name = str(getattr(function, "__qualname__", None) or getattr(function, "__name__", type(function).__name__))
    return name.rpartition("<locals>.")[2]


def named(function: Callable[..., Any], name: str, parameters: Sequence[str]) -> Callable[..., Any]:
    """The function under another name, its parameters those that are named; unnamed where there are none to name."""
    function.__name__ = name.rpartition(".")[2]
    function.__qualname__ = name
    if parameters:
        function.__signature__ = inspect.Signature(list(map(_Leaf, parameters)))  # type: ignore[attr-defined]
    return function


def with_gradients(
    function: Callable[..., Any], returns: Sequence[str | None] | None, paths: Sequence[str]
) -> Callable[..., Any]:
    """The function that an adapter made, with a note of the leaves that have a gradient, where the caller said which.

    A check that is not told what to check takes these (`differentiated`).
    """
    if returns is not None:
        function.differentiated = tuple(k for k, p in enumerate(paths) if p in returns)  # type: ignore[attr-defined]
    return function


def chosen(output: Any, which: int | str | None, call: str, cotangents: int = 1) -> Any:
    """The output that is checked, of a forward that may have several; all of them where backward takes as many.

    Parameters
    ----------
    which
        Its index or key; None where there is only one.
    call
        The call to the adapter, for the message: `from_torch(f, ...)`.
    cotangents
        How many cotangents backward takes.

    Raises
    ------
    TypeError
        There are several, and none is named.
    ValueError
        There is none of that index or key.
    """
    if which is None:
        if isinstance(output, tuple | list) and len(output) == cotangents > 1:
            return tuple(output)
        if isinstance(output, tuple | list) and len(output) == 1 and not np.isscalar(output[0]):
            return output[0]
        if isinstance(output, dict) or (isinstance(output, tuple | list) and any(np.ndim(o) for o in output)):
            of, first = (list(output), next(iter(output), 0)) if isinstance(output, dict) else (len(output), 0)
            raise TypeError(
                f"forward returns a {type(output).__name__} of {of}: name the output to check,"
                f" as in {call.removesuffix(')')}, output={first!r})"
            )
        return output
    try:
        if isinstance(output, np.ndarray | np.generic):
            raise TypeError  # neither its rows nor its attributes are outputs
        if isinstance(which, str) and not isinstance(output, dict):
            return getattr(output, which)
        return output[which]
    except (AttributeError, KeyError, IndexError, TypeError, OverflowError):
        count = len(output) if isinstance(output, tuple | list) else np.size(output)
        has = list(output) if isinstance(output, dict) else f"{type(output).__name__} of {count}"
        raise ValueError(f"output={which!r} is no part of what forward returns: {has}") from None


class _Leaf(inspect.Parameter):
    """A parameter that has the name of a leaf, such as `params['w']`, which is no identifier."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        super().__init__("leaf", inspect.Parameter.POSITIONAL_ONLY)
        self._path = path

    def __reduce__(self) -> Any:
        return _Leaf, (self._path,)

    @property
    def name(self) -> str:
        """The leaf's path."""
        return self._path
