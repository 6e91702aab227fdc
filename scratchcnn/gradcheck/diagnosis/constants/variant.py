"""A copy of forward's code in which one constant is another one."""

import dis
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.constants.roles import CONSTANT
from scratchcnn.gradcheck.diagnosis.floats import Floats


@dataclass(frozen=True)
class Place:
    """Where a constant stands.

    Attributes
    ----------
    owner
        The code, function, globals, cell of a closure or array that it belongs to.
    key
        The offset of the instruction that loads it, the index or name of the default, the name of the variable; None
        for an array.
    value
        The constant.
    """

    owner: Any
    key: Any
    value: Any


class Variant(Floats):
    """A copy of the caller's code with one constant changed.

    Parameters
    ----------
    place, value
        The constant, and what is in its place; None to change nothing.
    """

    def __init__(self, place: Place | None = None, value: Any = None) -> None:
        super().__init__()
        self.place, self.value = place, value
        self.codes: list[types.CodeType] = []
        self.functions: list[types.FunctionType] = []
        self.arrays: list[np.ndarray] = []
        self.globals: dict[int, tuple[dict[str, Any], set[str]]] = {}

    def _made(self, function: types.FunctionType, names: dict[str, Any]) -> Any:
        made = super()._made(function, names)
        if self.is_harness(function.__globals__):
            return made
        self.codes.append(function.__code__)
        self.functions.append(function)
        if self._changes(function.__code__):
            made.__code__ = changed(function.__code__, self.place.key, self.value)  # type: ignore[union-attr]
        if self._changes(function):
            self._later(lambda: self._change_default(made))
        return made

    def _changes(self, owner: Any) -> bool:
        return self.place is not None and self.place.owner is owner

    def _change_default(self, made: types.FunctionType) -> None:
        key = self.place.key  # type: ignore[union-attr]
        if isinstance(key, str):
            made.__kwdefaults__ = {**(made.__kwdefaults__ or {}), key: self.value}
        else:
            given = list(made.__defaults__ or ())
            given[key] = self.value
            made.__defaults__ = tuple(given)

    def _cell(self, cell: types.CellType) -> types.CellType:
        made = super()._cell(cell)
        if self._changes(cell):
            self._later(lambda: setattr(made, "cell_contents", self.value))
        return made

    def _array(self, array: np.ndarray) -> Any:
        self.arrays.append(array)
        return self._remember(array, self.value if self._changes(array) else array.copy())

    def fill(self, original: dict[str, Any], names: Any) -> None:
        """Copies these globals."""
        super().fill(original, names)
        if self.is_harness(original):
            return
        self.globals.setdefault(id(original), (original, set()))[1].update(n for n in names if n in original)
        if self._changes(original) and self.place.key in names:  # type: ignore[union-attr]
            self.names_of(original)[self.place.key] = self.value  # type: ignore[union-attr]


def changed(code: types.CodeType, offset: int, value: Any) -> types.CodeType:
    """The code with another constant loaded by one instruction."""
    content = bytearray(code.co_code)
    content[offset : offset + 2] = dis.opmap[CONSTANT], len(code.co_consts)
    return code.replace(co_code=bytes(content), co_consts=(*code.co_consts, value))


def variant(forward: Callable[..., Any], place: Place | None = None, value: Any = None) -> tuple[Variant, Any]:
    """The world of a copy, and the copy of forward in it."""
    world = Variant(place, value)
    return world, world.at_home(forward).translated(forward)
