"""Functions in another form than a check takes: recognized, and the call to make is shown."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# Names of a parameter that takes what forward has kept.
CACHES = ("cache", "caches", "ctx", "saved", "residuals", "res")


def refuse_other_forms(forward: Any, backward: Any, inputs: Sequence[Any]) -> None:
    """Names the adapter for what is no pair of functions of arrays.

    Raises
    ------
    TypeError
        forward is an object with methods of its own, backward takes a cache or is a layer's method that takes the
        cotangent alone, or an input is a framework's tensor, a text or a random generator.
    """
    __tracebackhide__ = True
    for name, value in (("forward", forward), ("backward", backward)):
        if not callable(value) and any(hasattr(value, method) for method in ("forward", "backward")):
            raise TypeError(
                f"{name} is an object, {type(value).__name__}, not a function: for layers that keep their parameters,"
                " from scratchcnn.gradcheck.adapters import from_layer; check_gradient(*from_layer(layer, x))"
            )
    if not callable(forward) or not callable(backward):
        return
    takes = _parameters(backward)
    inputs_too = _parameters(forward) or ()  # `ctx` may be the context that attention looks at
    if takes is not None and any(name in CACHES and name not in inputs_too for name in takes):
        raise TypeError(
            f"backward takes {', '.join(takes)}: for functions that hand a cache on, from scratchcnn.gradcheck.adapters"
            " import from_cache; check_gradient(*from_cache(forward, backward, *inputs))"
        )
    owner = getattr(backward, "__self__", None)
    if owner is not None and owner is getattr(forward, "__self__", object()) and takes is not None and len(takes) == 1:
        raise TypeError(
            f"backward is a method of {type(owner).__name__} that takes the cotangent alone: for layers,"
            " from scratchcnn.gradcheck.adapters import from_layer; check_gradient(*from_layer(layer, x))"
        )
    for position, value in enumerate(inputs):
        framework = type(value).__module__.split(".")[0]
        if framework == "torch":
            raise TypeError(
                f"input {position} is a tensor of PyTorch: from scratchcnn.gradcheck.adapters import from_torch;"
                " check_gradient(*from_torch(function, *inputs))"
            )
        if isinstance(value, str | bytes | np.random.Generator | np.random.RandomState):
            raise TypeError(
                f"input {position} is a {type(value).__name__}, not an array of numbers: bind it to both functions, by"
                " functools.partial or a lambda"
            )


def _parameters(function: Callable[..., Any]) -> list[str] | None:
    """The parameters that are passed by position; None where they cannot be seen."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function written in C
        return None
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return None
    return [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
