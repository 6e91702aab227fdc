"""The methods of other people's layers: under which names they are found, and what they take."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from scratchcnn.gradcheck.adapters.calling.words import plain
from scratchcnn.gradcheck.adapters.pair import title

FORWARDS = (
    *("forward", "forward_pass", "fprop", "feed_forward", "forward_propagation", "forward_propagate"),
    *("forward_prop", "propagate", "fwd", "call", "__call__"),
)
BACKWARDS = (
    *("backward", "backward_pass", "bprop", "back_propagate", "back_propagation", "backprop", "backward_propagation"),
    *("backward_propagate", "backward_prop", "bwd", "backwards", "gradient", "grad"),
)
LOSSES = ("forward", "loss", "compute", "calculate", "value", "cost", "f", "__call__")
GRADIENTS = (
    *("backward", "gradient", "grad", "loss_gradient", "loss_grad", "derivative", "prime", "loss_prime", "df"),
    *("gradients", "delta", "bprop", "backprop"),
)
RESETS = (
    *("zero_grad", "zero_grads", "zero_gradients", "zero_gradient", "reset_grad", "reset_grads", "reset_gradients"),
    *("clear_grad", "clear_grads", "clear_gradients", "clear_gradient", "flush_gradients", "flush_grads"),
    *("reset_state", "reset_states"),
)
STEPS = ("update", "step", "update_params", "update_parameters", "update_weights", "apply_gradients", "optimize")


def method_of(layer: Any, usual: Sequence[str], given: str | None, role: str, call: str) -> str:
    """The name of a method: the one that is given, or the first of the usual ones that the layer has.

    Raises
    ------
    TypeError
        It has none of them, or not the one that is given.
    """
    if given is not None:
        bound(layer, given)
    found = given if given is not None else usual_method(layer, usual)
    if found is None:
        raise TypeError(
            f"{title(layer)} has no method of a usual name ({', '.join(usual)}): it has {_methods(layer)}."
            f" Name it: {call.removesuffix(')')}, {role}='...')"
        )
    return found


def usual_method(layer: Any, usual: Sequence[str]) -> str | None:
    """The first of the usual names that the layer has a method of, in whatever spelling (`feedForward`)."""
    methods = {plain(name) if name != "__call__" else name: name for name in _callables(layer)}
    for name in usual:
        found = methods.get(plain(name) if name != "__call__" else name)
        if found is not None:
            return found
    return None


def bound(layer: Any, method: str | Callable[..., Any]) -> Callable[..., Any]:
    """The method of this layer; a function is given the layer first.

    Raises
    ------
    TypeError
        The layer has no such method.
    """
    if isinstance(method, str):
        found: Callable[..., Any] | None = getattr(layer, method, None)
        if not callable(found):
            raise TypeError(f"{title(layer)} has no method {method!r}: it has {_methods(layer)}")
        return found
    return partial(method, layer)


def _callables(layer: Any) -> list[str]:
    names = [name for name in dir(layer) if not name.startswith("_") or name == "__call__"]
    kind = layer if isinstance(layer, type) else type(layer)
    own = {} if layer is kind else getattr(layer, "__dict__", {})
    # Not from the layer itself: a property might compute something.
    return [name for name in names if callable(own.get(name, getattr(kind, name, None)))]


def _methods(layer: Any) -> str:
    return ", ".join(_callables(layer)) or "none"
