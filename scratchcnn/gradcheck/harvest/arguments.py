"""The arguments of a call, which are inputs of a check or options, and functions bound to the options."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.pair import named, title
from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.trees import LEAF, flatten

_POSITIONAL_ONLY = inspect.Parameter.POSITIONAL_ONLY


@dataclass(frozen=True)
class Arguments:
    """The arguments of a call of forward: some are inputs of the check, the others options that stay as they are."""

    function: Callable[..., Any]
    call: Call

    @property
    def values(self) -> dict[str, Any]:
        """All by name; those of `*parameters` and `**options` one by one."""
        starred, double = self.call.spread
        values: dict[str, Any] = {}
        for name, value in self.call.arguments.items():
            if name == starred:
                values |= {f"{name}[{k}]": part for k, part in enumerate(value)}
            elif name == double:
                values |= value
            else:
                values[name] = value
        return values

    @property
    def inputs(self) -> dict[str, Any]:
        """Those that are inputs of a check."""
        return {name: value for name, value in self.values.items() if is_input(value)}

    @property
    def fixed(self) -> dict[str, Any]:
        """Those that are not."""
        return {name: value for name, value in self.values.items() if not is_input(value)}

    def taking_inputs(self) -> Callable[..., Any]:
        """The function of the inputs alone: bound to its options where the inputs come first, as people write it."""
        function, fixed = self.function, self.values
        positional, keywords = self._order()
        names = tuple(self.inputs)
        bound = _partial(function, self.fixed)
        if bound is not None and positional[: len(names)] == list(names):
            return bound

        def of_inputs(*inputs: Any) -> Any:
            values = fixed | dict(zip(names, inputs, strict=True))
            return function(*[values[name] for name in positional], **{name: values[name] for name in keywords})

        return named(of_inputs, title(function), names)

    def _order(self) -> tuple[list[str], list[str]]:
        """The names of the arguments that are passed by position, and by keyword."""
        starred, double = self.call.spread
        parameters = inspect.signature(self.function).parameters
        positional: list[str] = []
        keywords: list[str] = []
        for name, parameter in parameters.items():
            if name == starred:
                positional += [n for n in self.values if n.startswith(f"{name}[")]
            elif name == double:
                keywords += [n for n in self.values if n not in parameters and not n.startswith(f"{starred}[")]
            else:
                (keywords if parameter.kind is parameter.KEYWORD_ONLY else positional).append(name)
        return positional, keywords


def bound_to(options: Mapping[str, Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """Backward with these options."""
    bound = _partial(backward, options)
    signature = inspect.signature(backward)
    parameters = signature.parameters
    rest = signature.replace(parameters=[p for n, p in parameters.items() if n not in options])
    if bound is not None:
        if bound is not backward:
            bound.__signature__ = rest  # type: ignore[attr-defined]
        return bound
    own = {n: v for n, v in options.items() if n in parameters}
    others = {n: v for n, v in options.items() if n not in parameters}

    def of_rest(*given: Any, **keywords: Any) -> Any:
        call = signature.bind_partial()
        call.arguments |= rest.bind_partial(*given, **keywords).arguments | own
        return backward(*call.args, **call.kwargs, **others)

    found = named(of_rest, title(backward), ())
    found.__signature__ = rest  # type: ignore[attr-defined]
    return found


def _partial(function: Callable[..., Any], options: Mapping[str, Any]) -> Callable[..., Any] | None:
    """The function bound to its options, as people write it; None where one of them comes before an argument.

    It keeps an option that is its default as it is.
    """
    parameters = inspect.signature(function).parameters
    names = [name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD]
    free = [name for name in names if name not in options]
    if names[: len(free)] != free or any(parameters[n].kind is _POSITIONAL_ONLY for n in options if n in parameters):
        return None
    others = {n: v for n, v in options.items() if n not in parameters or v is not parameters[n].default}
    return partial(function, **others) if others else function


def is_input(value: Any) -> bool:
    """Whether an argument is an array, or a tree with one that holds floats."""
    if isinstance(value, np.ndarray) or hasattr(value, "__dlpack__"):
        return True
    if isinstance(value, list) and value and all(isinstance(part, float) for part in value):
        return True
    leaves, structure = flatten(value)
    return structure is not LEAF and any(isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f" for leaf in leaves)
