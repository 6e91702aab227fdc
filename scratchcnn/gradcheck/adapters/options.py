"""The options of the adapters, validated by what they are."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def require_options(**options: Any) -> None:
    """Refuses options of the wrong type.

    Parameters
    ----------
    options
        Values by their names, which are those of the adapters' parameters. None stands for an option that is not given.

    Raises
    ------
    TypeError
        The message names the first option that is wrong, and what it must be.
    ValueError
        A seed is out of its range.
    """
    __tracebackhide__ = True
    for name, value in options.items():
        fits, expected = KINDS[name]
        if not ((value is None and name not in NEEDED) or fits(value)):
            raise TypeError(f"{name} must be {expected}, got {value!r}")
    seed = options.get("seed")
    if seed is not None and not 0 <= seed < 2**32:
        raise ValueError(f"seed must be from 0 to 2**32 - 1, got {seed}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_name(value: Any) -> bool:
    return isinstance(value, str)


def _are_names(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(map(_is_name, value))


def _are_names_or_none(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(each is None or _is_name(each) for each in value)


def _is_a_name_or_some(value: Any) -> bool:
    return _is_name(value) or _are_names(value)


def _is_a_method(value: Any) -> bool:
    return _is_name(value) or callable(value)


def _maps_names(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_name, value))


NAMES = "a tuple or list of names"
METHOD = "the name of a method, or a function of the layer"
NEEDED = {"mean", "batch_axis", "cache"}  # None is no value of theirs
# For each option: whether a value fits, and what it must be.
KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "backward": (_is_a_method, METHOD),
    "batch_axis": (_is_integer, "an integer"),
    "cache": (lambda value: _is_integer(value) or isinstance(value, slice), "an integer or a slice"),
    "fixed": (_maps_names, "a dict of arguments by their names"),
    "forward": (_is_a_method, METHOD),
    "gradient": (callable, "a function"),
    "grads": (
        lambda value: _maps_names(value) and _are_names_or_none(list(value.values())),
        "a dict of where gradients are, by the names of their inputs and parameters",
    ),
    "mean": (lambda value: isinstance(value, bool) or _is_a_name_or_some(value), f"True, a name, or {NAMES}"),
    "optimizer": (_is_a_name_or_some, f"a name, or {NAMES}"),
    "order": (_are_names, NAMES),
    "output": (lambda value: _is_integer(value) or _is_name(value), "the index or the key of an output"),
    "params": (_is_a_name_or_some, f"a name, or {NAMES}"),
    "rate": (_is_name, "the name of an attribute"),
    "reset": (lambda value: isinstance(value, bool) or _is_a_method(value), f"True, False, {METHOD}"),
    "returns": (_are_names_or_none, f"{NAMES}, or None for what is no gradient"),
    "seed": (_is_integer, "an integer"),
    "step": (_is_a_method, METHOD),
    "training": (lambda value: isinstance(value, bool | str), "True, False, or a word that the layer knows"),
    "warm": (_is_a_method, METHOD),
}
