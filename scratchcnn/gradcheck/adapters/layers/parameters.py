"""Which arrays in a layer are its parameters: those that it keeps, and that its output depends on."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.words import plain
from scratchcnn.gradcheck.adapters.layers.running import Parameter
from scratchcnn.gradcheck.adapters.layers.slots import Slot, is_array, is_gradient_slot, is_number, slot, slots_of

# Statistics that a layer keeps; no gradient is taken with respect to them.
STATISTICS = ("running", "moving", "runmean", "runvar", "avgmean", "avgvar")
# What a parameter is moved by, as a share of its largest entry, to see whether the output depends on it.
MOVE = 2.0**-6

Forward = Callable[[Any], Any]


def find_parameters(layer: Any, run: Forward, copied: Callable[[Any], Any], after: Sequence[Slot]) -> list[Parameter]:
    """The parameters of a layer, in the order in which it keeps them.

    An array that forward leaves where it is (no cache), and that the output depends on, or that has a gradient by its
    name. Single numbers are parameters only where they have a gradient by their name.

    Parameters
    ----------
    layer
        A layer that has run forward; it is left as it is.
    run
        `run(layer) -> output`.
    copied
        Copies a layer.
    after
        The slots of numbers in it after backward, gradients among them.
    """
    found = []
    for slots, value in _kept(copied(layer), run):
        names_gradient = any(is_gradient_slot(g, s, alike=False) for g in after for s in slots if g not in slots)
        statistics = any(plain(step.key).startswith(STATISTICS) for step in slots[0].way)
        if names_gradient or (
            is_array(value) and not statistics and _depends(lambda: copied(layer), run, slots, value)
        ):
            found.append(Parameter(slots[0].name, slots))
    return found


def asked_parameters(
    layer: Any, asked: Sequence[str] | str, all_of: Callable[[], list[Parameter]], call: str
) -> list[Parameter]:
    """The parameters that the caller names: arrays, or containers, of which all that are parameters are taken.

    Parameters
    ----------
    all_of
        Finds all parameters of the layer.

    Raises
    ------
    ValueError
        There is no such place, or no array in it.
    """
    found: list[Parameter] = []
    names = (asked,) if isinstance(asked, str) else tuple(asked)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"params names {twice[0]!r} twice")
    for text in names:
        place = slot(text)
        if not place.is_in(layer):
            raise ValueError(f"params names {text!r}, which is no part of {_contents(layer, call)}")
        value = place.get(layer)
        within = [Parameter(place.name, (place,))] if is_number(value) else [p for p in all_of() if p.is_within(place)]
        if not within:
            raise ValueError(f"params names {text!r}, which holds no parameters of {_contents(layer, call)}")
        found += [p for p in within if p.name not in {known.name for known in found}]
    return found


def _contents(layer: Any, call: str) -> str:
    names = ", ".join(str(place) for place, _ in slots_of(layer, is_array)) or "no arrays"
    return f"the layer, which has {names}: {call.removesuffix(')')}, params=('...',))"


def _kept(layer: Any, run: Forward) -> list[tuple[tuple[Slot, ...], Any]]:
    """The numbers that are still where they were after another forward, each with all places that hold it."""
    before = slots_of(layer, is_number)
    run(layer)
    groups: dict[int, tuple[list[Slot], Any]] = {}
    for place, value in before:
        if not place.is_in(layer) or place.get(layer) is not value:
            continue
        key = id(value) if is_array(value) else id(place)
        groups.setdefault(key, ([], value))[0].append(place)
    # Of an array that a cache holds, too, the cache is made anew by forward.
    return [(tuple([s for s in slots if not s.is_in_tuple(layer)] or slots), value) for slots, value in groups.values()]


def _depends(another: Callable[[], Any], run: Forward, slots: Sequence[Slot], value: Any) -> bool:
    """Whether the output is another where the parameter is, by a ramp over its entries."""
    outputs: list[Any] = []
    ramp = MOVE * (np.abs(value).max(initial=0) or 1) * (0.5 + np.arange(value.size) / max(value.size, 1))
    for moved in (value, value + ramp.reshape(value.shape).astype(value.dtype)):
        trial = another()
        try:
            Parameter("", tuple(slots)).put(trial, moved.copy())
            outputs.append(np.asarray(run(trial)))
        except Exception:
            # What cannot be replaced, or be anything else, is no parameter.
            return False
    return not np.array_equal(outputs[0], outputs[1], equal_nan=True)
