"""Layers that take their step themselves: where they keep the rate, or an optimiser."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.arguments import OPTIMIZERS, RATES
from scratchcnn.gradcheck.adapters.calling.words import plain
from scratchcnn.gradcheck.adapters.layers.slots import Slot, slot, slots_of
from scratchcnn.gradcheck.adapters.pair import title


def rates_of(made: Any, rate: str | None, call: str) -> tuple[Slot, ...]:
    """Where the rate is kept: where the caller says, or wherever a number has such a name.

    Raises
    ------
    ValueError
        The layer has no such attribute.
    """
    if rate is not None:
        return (_there(made, rate, "rate", call),)
    numbers = slots_of(made, lambda v: isinstance(v, int | float) and not isinstance(v, bool))
    return tuple(place for place, _ in numbers if place.way and plain(place.way[-1].key) in RATES)


def optimizers_of(made: Any, optimizer: str | Sequence[str] | None, call: str) -> tuple[Slot, ...]:
    """Where optimisers are kept: where the caller says, or in attributes of such a name.

    Raises
    ------
    ValueError
        The layer has no such attribute.
    """
    if optimizer is not None:
        asked = (optimizer,) if isinstance(optimizer, str) else optimizer
        return tuple(_there(made, text, "optimizer", call) for text in asked)
    return tuple(place for place, _ in slots_of(made, _is_object) if _names_optimizer(place))


def _there(made: Any, text: str, option: str, call: str) -> Slot:
    place = slot(text)
    if not place.is_in(made):
        raise ValueError(f"{option} names {text!r}, which {title(type(made))} has not: {call}")
    return place


def _is_object(value: Any) -> bool:
    return value is not None and not isinstance(value, bool | int | float | str | list | tuple | dict | np.ndarray)


def _names_optimizer(place: Slot) -> bool:
    """`optimizer`, `W_opt`, `optimizers['W']`."""
    keys = [str(step.key).lower() for step in place.way[-2:]]
    words = keys[-1].split("_") if keys else []
    return any(word in OPTIMIZERS for word in words) or any(word.rstrip("s") in OPTIMIZERS for word in keys[:-1])
