"""What a layer needs beside its inputs: a flag for training, a reset, generators that draw the same again."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.methods import RESETS, bound, usual_method
from scratchcnn.gradcheck.adapters.calling.words import plain
from scratchcnn.gradcheck.adapters.layers.slots import Slot, slots_of
from scratchcnn.gradcheck.adapters.state import put_state, state_of

FLAGS = frozenset({"training", "train", "istraining", "istrain", "trainflg", "trainflag", "trainmode", "mode", "phase"})
# What a flag in words says.
WORDS = {True: "train", False: "test"}


def flag_of(function: Callable[..., Any]) -> inspect.Parameter | None:
    """The parameter of forward that says whether it is training."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return next((p for p in parameters if plain(p.name) in FLAGS), None)


def keywords_of(flag: inspect.Parameter | None, training: Any) -> dict[str, Any]:
    """What forward is called with for its flag: nothing where its default will do."""
    if flag is None or (training is None and flag.default is not flag.empty):
        return {}
    usual = "train" if flag.default is flag.empty and plain(flag.name) == "mode" else flag.default
    return {flag.name: _like(usual, True if training is None else training)}


def set_training(layer: Any, training: Any, call: str) -> None:
    """Puts a layer whose forward takes no flag in the mode that is asked for: by a method, or an attribute.

    Raises
    ------
    TypeError
        It has neither.
    """
    flag = next((n for n in dir(layer) if plain(n) in FLAGS and not callable(getattr(layer, n))), None)
    method = getattr(layer, "train" if training else "eval", None)
    if flag is not None:
        setattr(layer, flag, _like(getattr(layer, flag), training))
    elif isinstance(training, bool) and callable(method):
        method()
    else:
        raise TypeError(
            f"{type(layer).__name__} has no flag for training (a parameter of forward, an attribute, or a method"
            f" 'train' or 'eval'): set it in forward, {call.removesuffix(')')}, forward=lambda layer, x: ...)"
        )


def _like(before: Any, training: Any) -> Any:
    """The flag in words where it was a word."""
    return WORDS[training] if isinstance(before, str) and isinstance(training, bool) else training


def reset_of(layer: Any, reset: Any) -> str | Callable[..., Any] | None:
    """What is called before each forward so that gradients do not add up: what is given, or a usual method."""
    if reset is False or reset is True:
        return None
    return reset if reset is not None else usual_method(layer, RESETS)


def call_reset(layer: Any, reset: str | Callable[..., Any] | None) -> None:
    """Calls the method of the layer, or the function with the layer."""
    if reset is not None:
        bound(layer, reset)()


def generators_of(layer: Any) -> tuple[tuple[Slot, bytes], ...]:
    """The layer's own random generators, and their states as they are now."""
    found = slots_of(layer, lambda v: isinstance(v, np.random.Generator | np.random.RandomState))
    return tuple((slot, state_of(generator)) for slot, generator in found)


def restart(layer: Any, generators: Sequence[tuple[Slot, bytes]]) -> None:
    """Makes the layer's generators draw again what they drew from these states."""
    for slot, state in generators:
        put_state(slot.get(layer), state)
