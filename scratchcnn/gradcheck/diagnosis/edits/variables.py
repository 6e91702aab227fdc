"""The variables around an expression: those of its function, the attributes and items of these, and what is global."""

import re
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.seen import MOMENT, Moment

# A variable, its attributes, and its items under a text: `self.h`, `cache["z"]`.
NAME = re.compile(r"""[^\W\d]\w*(\.[^\W\d]\w*|\[(["'])\w+\2\])*""")
# Attributes and items of one variable, at most.
MOST_PARTS = 40


def is_name(text: str) -> bool:
    """Whether it is a variable, an attribute or an item, and no calculation."""
    return NAME.fullmatch(text) is not None


def numbers_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that are numbers or arrays."""
    return {name: value for name, value in variables.items() if isinstance(value, int | float | np.ndarray)}


def parts_of(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers and arrays that variables hold as attributes, or in dicts."""
    found: dict[str, Any] = {}
    for name, value in variables.items():
        if not isinstance(value, np.ndarray | float | int | str | tuple | list):  # most are
            parts = _parts(name, value)
            if len(parts) <= MOST_PARTS:
                found.update(parts)
    return found


def _parts(name: str, value: Any) -> dict[str, Any]:
    if type(value) is dict:
        items = ((f'{name}["{key}"]', item) for key, item in value.items() if isinstance(key, str))
    elif hasattr(value, "__dict__") and not isinstance(value, type | types.ModuleType | types.FunctionType):
        holders = [*map(vars, reversed(type(value).__mro__)), vars(value)]
        items = ((f"{name}.{key}", item) for holder in holders for key, item in holder.items() if key[:2] != "__")
    else:
        return {}
    return numbers_of(dict(items))


class Around(dict[str, Any]):
    """The variables around an expression by their names, each looked up when it is asked for; and the moment."""

    def __init__(self, frame: types.FrameType, of_forward: dict[str, Any], moment: Moment) -> None:
        super().__init__({MOMENT: moment})
        self._frame, self._of_forward = frame, of_forward

    def computed(self, code: types.CodeType) -> Any:
        """The value of another expression in the same place."""
        return eval(code, self._frame.f_globals, self._frame.f_locals)

    def __missing__(self, name: str) -> Any:
        """A variable of the code's own, or one around it, or what forward computed."""
        for known in (self._frame.f_locals, self._frame.f_globals):
            if name in known:
                return known[name]
        base = re.split(r"[.[]", name)[0]
        parts = _parts(base, self._frame.f_locals.get(base))
        return parts[name] if name in parts else self._of_forward[name]
