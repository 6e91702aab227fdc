"""The constants in forward's code, and what may be taken for each of them."""

import inspect
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.constants.roles import (
    AXIS,
    CONSTANT,
    INDEX,
    LIMIT,
    SMALL_INTEGER,
    around,
    instructions,
    role,
)
from scratchcnn.gradcheck.diagnosis.constants.variant import Place, variant
from scratchcnn.gradcheck.diagnosis.rearrangements import rearrangements
from scratchcnn.gradcheck.proof.balls.scalar import NotHeld

# Axes of arrays that are tried, and constants of a check.
AXES, MOST_PLACES = 4, 40
# An instruction has one byte for the number of a constant.
MOST_CONSTANTS = 255


@dataclass(frozen=True)
class Other:
    """What may be taken for a constant: the kind of the mistake, the value, and the constant and the value in words."""

    kind: str
    value: Any
    said: str


def places(forward: Callable[..., Any]) -> list[Place]:
    """The constants in the code of forward and of the caller's functions that it calls.

    None where there is a `while` loop: with another constant it might not end. And none where it cannot be copied.
    """
    try:
        world, _ = variant(forward)
    except NotHeld:
        return []
    if any(map(_may_not_end, world.codes)):
        return []
    found: list[Place] = []
    for function in world.functions:
        found += _defaults(function)
        found += _enclosed(function)
    for original, names in world.globals.values():
        found += [Place(original, n, original[n]) for n in sorted(names) if _is_number(original[n])]
    found += [Place(a, None, a) for a in world.arrays if a.size > 1]
    for code in dict.fromkeys(world.codes):
        found += _loaded(code)
    return found[:MOST_PLACES]


def _may_not_end(code: CodeType) -> bool:
    """Whether there is a loop that is not over the items of something."""
    at = {instruction.offset: instruction.opname for instruction in instructions(code)}
    back = (i.argval for i in instructions(code) if "JUMP_BACKWARD" in i.opname)
    return any(at[target] not in ("FOR_ITER", "SEND") for target in back)


def _loaded(code: CodeType) -> Iterator[Place]:
    if len(code.co_consts) < MOST_CONSTANTS:
        for instruction in instructions(code):
            value = instruction.argval
            known = _is_number(value) or _is_axes(value) or _is_index(value)
            if instruction.opname in (CONSTANT, SMALL_INTEGER) and known:
                yield Place(code, instruction.offset, value)


def _defaults(function: FunctionType) -> Iterator[Place]:
    for k, value in enumerate(function.__defaults__ or ()):
        if _is_option(value) or _is_axes(value):
            yield Place(function, k, value)
    for name, value in (function.__kwdefaults__ or {}).items():
        if _is_option(value) or _is_axes(value):
            yield Place(function, name, value)


def _enclosed(function: FunctionType) -> Iterator[Place]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not assigned yet
            value = cell.cell_contents
            if _is_option(value) or _is_axes(value):
                yield Place(cell, name, value)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_option(value: Any) -> bool:
    return type(value) in (int, float, bool)


def _is_axes(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and all(type(n) is int for n in value)


def _is_index(value: Any) -> bool:
    """Whether it is what stands in brackets, as `1:` or `:, 1`; since Python 3.14 that is one constant."""
    return isinstance(value, slice) or (isinstance(value, tuple) and any(isinstance(each, slice) for each in value))


def others(place: Place) -> Iterator[Other]:
    """What may be taken for a constant."""
    value = place.value
    if isinstance(value, np.ndarray):
        yield from _of_array(value)
    elif _role(place) == AXIS or _is_axes(value):
        yield from _of_axes(value)
    elif _is_index(value):
        yield from _of_index(value)
    elif isinstance(place.owner, CodeType):
        yield from _of_number(value, _role(place))
    else:
        yield from (Other("option-ignored", x, f"{x:g} in place of {value:g}") for x in _near(value) if x != value)


def limits(place: Place) -> Iterator[Other]:
    """What a limit is where it limits nothing."""
    if isinstance(place.owner, CodeType) and _role(place) == LIMIT and _is_number(place.value):
        for x in (-np.inf, np.inf):
            yield Other("subset", x, f"no limit in place of {place.value:g}")


def _role(place: Place) -> str:
    if isinstance(place.owner, CodeType):
        return role(place.owner, place.key)
    is_named = isinstance(place.key, str) or isinstance(place.owner, FunctionType)
    return AXIS if is_named and any(word in _parameter(place) for word in ("axis", "dim")) else ""


def _of_axes(value: Any) -> Iterator[Other]:
    for axis in range(AXES):
        if axis != value:
            yield Other("broadcast", axis, f"axis {axis} in place of {value}")
    for count in range(1, AXES + 1):
        for axes in combinations(range(AXES), count):
            if axes != value:
                yield Other("broadcast", axes, f"axes {axes} in place of {value}")


def _of_number(value: float, role: str) -> Iterator[Other]:
    """The other constants of a number, by what it is for."""
    for x in _near(value):
        if x != value:
            beside = type(value) is int and abs(x - value) == 1
            kind = "shifted" if role == INDEX and beside else "operand" if role in (INDEX, LIMIT) else _kind(value, x)
            yield Other(kind, x, f"{x:g} in place of {value:g}")


def _of_index(index: Any) -> Iterator[Other]:
    """The index with another number in it."""
    for number, with_another in _numbers_in(index):
        for other in _of_number(number, INDEX):
            yield Other(other.kind, with_another(other.value), other.said)


def _numbers_in(index: Any) -> Iterator[tuple[int, Callable[[Any], Any]]]:
    """The numbers in an index, each with a function that puts another one in its place."""
    if type(index) is int:
        yield index, lambda number: number
    parts = (index.start, index.stop, index.step) if isinstance(index, slice) else index
    for k, part in enumerate(parts if isinstance(parts, tuple) else ()):
        for number, within in _numbers_in(part):
            yield number, partial(_with, index, parts, k, within)


def _with(index: Any, parts: tuple[Any, ...], k: int, within: Callable[[Any], Any], number: int) -> Any:
    changed = (*parts[:k], within(number), *parts[k + 1 :])
    return slice(*changed) if isinstance(index, slice) else changed


def _near(value: float) -> Iterator[float]:
    """Numbers that stand in place of another one by mistake."""
    if type(value) is bool:
        return iter((not value,))
    if type(value) is int:
        return iter(dict.fromkeys((0, 1, -value, value - 1, value + 1, 2 * value)))
    return iter(dict.fromkeys((0.0, 1.0, -value, 2 * value, value / 2)))


def _kind(value: float, other: float) -> str:
    """The kind of a mistake in which a number to calculate with is another one."""
    return {-value: "sign", 0: "missing-term", 1: "missing-factor"}.get(other, "constant-factor")


def _of_array(array: np.ndarray) -> Iterator[Other]:
    shape = "x".join(map(str, array.shape))
    for kind, message, function in rearrangements(array.shape):
        if kind != "permuted" or array.ndim == 1:
            moved = np.ascontiguousarray(function(array))
            if not np.array_equal(moved, array):
                yield Other(kind, moved, message.replace("the true one", f"the table of {shape} numbers"))
    if array.dtype.kind == "f":
        yield Other("option-ignored", np.ones_like(array), f"ones in place of the table of {shape} numbers")
        yield Other("option-ignored", np.zeros_like(array), f"zeros in place of the table of {shape} numbers")
        if array.ndim == 2 and len(array) == array.shape[1]:
            yield Other("missing-factor", np.eye(len(array)), f"no matrix in place of the table of {shape} numbers")
    if array.dtype.kind == "b":
        yield Other("option-ignored", np.ones_like(array), f"the mask of {shape} entries left out")


def named(place: Place) -> str:
    """Where a constant stands, for a reader."""
    owner = place.owner
    if isinstance(owner, CodeType):
        text = around(owner, place.key) or owner.co_name
        return f" in `{text}` ({os.path.basename(owner.co_filename)}:{_line(owner, place.key)})"
    if isinstance(owner, FunctionType):
        return f" for `{_parameter(place)}` of `{owner.__name__}`"
    return f" for `{place.key}`" if place.key else ""


def numbers(places: Sequence[Place]) -> list[float]:
    """Those that stand in the code itself, other than small whole ones and a half."""
    return [v for v in literals(places) if isinstance(v, float) and v not in (0, 0.5, 1, 2)]


def literals(places: Sequence[Place]) -> list[float]:
    """Those that stand in the code itself."""
    loaded = {place.value for place in places if isinstance(place.owner, CodeType)}
    return sorted(v for v in loaded if type(v) in (int, float) and np.isfinite(v))


def default_of(place: Place) -> tuple[str, Any] | None:
    """The name of an option and its default, where a constant is that, and is a number other than 0 and 1."""
    if isinstance(place.owner, FunctionType) and _is_number(place.value) and place.value not in (0, 1):
        return _parameter(place), place.value
    return None


def _parameter(place: Place) -> str:
    """The name of the parameter or variable that a constant is the value of."""
    if isinstance(place.key, str):
        return place.key
    parameters = inspect.signature(place.owner).parameters.values()
    return [p.name for p in parameters if p.default is not p.empty][int(place.key)]


def _line(code: CodeType, offset: int) -> int:
    return next((i.positions.lineno or 0 for i in instructions(code) if i.offset == offset and i.positions), 0)
