"""The places in an object where arrays are kept: attributes, dicts, lists, objects within it."""

import ast
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.words import (
    CONTAINERS,
    FIELDS,
    GRADIENTS,
    SHORT_GRADIENTS,
    SHORT_VALUES,
    STORES,
    is_gradient_name,
    plain,
    same,
)

# Objects that are not looked into.
_CLOSED: tuple[type, ...] = (
    *(types.ModuleType, type, types.FunctionType, types.MethodType, types.BuiltinFunctionType, np.dtype),
    *(str, bytes, np.ndarray, np.random.Generator, np.random.RandomState, np.ufunc),
)


@dataclass(frozen=True)
class Step:
    """One step of the way to a slot: an attribute, or a key or index."""

    key: Any
    attribute: bool


@dataclass(frozen=True)
class Slot:
    """A place in an object: the way to it."""

    way: tuple[Step, ...]

    def __str__(self) -> str:
        return "".join(f".{s.key}" if s.attribute else f"[{s.key!r}]" for s in self.way).removeprefix(".")

    @property
    def name(self) -> str:
        """What its value is called: `W` of `W.data` and `W['val']`."""
        return str(Slot(self.way[:-1])) if self._ends_in_a_field else str(self)

    @property
    def _ends_in_a_field(self) -> bool:
        """Whether the last step is to the value of a parameter that is an object, or a dict."""
        if len(self.way) < 2 or plain(self.way[-1].key) not in FIELDS:
            return False
        owner = self.way[-2].key
        return isinstance(owner, str) and plain(owner) not in CONTAINERS

    @property
    def words(self) -> tuple[tuple[Any, ...], bool]:
        """The keys on the way, without those that say "value" or "gradient", and whether one of these says so."""
        keys = [step.key for step in self.way]
        graded = any(plain(k) in GRADIENTS for k in keys)
        *containers, last = keys[:-1] if self._ends_in_a_field else keys
        kept = [k for k in containers if plain(k) not in CONTAINERS | GRADIENTS | STORES]
        return (*kept, *([] if plain(last) in GRADIENTS else [last])), graded

    def get(self, layer: Any) -> Any:
        """What is there.

        Raises
        ------
        AttributeError, KeyError, IndexError
            There is no such place.
        """
        for step in self.way:
            layer = getattr(layer, step.key) if step.attribute else layer[step.key]
        return layer

    def is_in(self, layer: Any) -> bool:
        """Whether a layer has this place."""
        try:
            self.get(layer)
        except (AttributeError, KeyError, IndexError, TypeError):
            return False
        return True

    def is_in_tuple(self, layer: Any) -> bool:
        """Whether a tuple holds what is there: nothing else can be put there."""
        return isinstance(Slot(self.way[:-1]).get(layer), tuple)

    def put(self, layer: Any, value: Any) -> None:
        """Puts something else there; what was there stays as it is.

        Raises
        ------
        TypeError
            The place cannot be set, as that of `W.T` cannot.
        """
        *owner, last = self.way
        holder = Slot(tuple(owner)).get(layer)
        try:
            if last.attribute:
                setattr(holder, last.key, value)
            else:
                holder[last.key] = value
        except (AttributeError, TypeError) as error:
            raise TypeError(f"{self} of the layer cannot be set: {error}") from error


def slot(text: str) -> Slot:
    """The slot that is written as Python would: `params['W']`, `layers[0].W.grad`.

    Raises
    ------
    ValueError
        It is written in another way.
    """
    wrong = ValueError(f"{text!r} is no way to an array in a layer: write it as 'W', \"params['W']\" or 'layers[0].W'")
    try:
        node = ast.parse(f"layer{'' if text.startswith('[') else '.'}{text}", mode="eval").body
    except SyntaxError:
        raise wrong from None
    way: list[Step] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            way.insert(0, Step(node.attr, True))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            way.insert(0, Step(node.slice.value, False))
        else:
            raise wrong
        node = node.value
    return Slot(tuple(way))


def slots_of(layer: Any, wanted: Callable[[Any], bool]) -> list[tuple[Slot, Any]]:
    """All places in an object that hold what is wanted, in the order in which they were made; each object once."""
    return list(_within(layer, (), set(), wanted))


def is_array(value: Any) -> bool:
    """An array of floats."""
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


def is_number(value: Any) -> bool:
    """An array of floats, or a single one."""
    return is_array(value) or isinstance(value, float | np.floating)


def is_gradient_slot(gradient: Slot, value: Slot, *, alike: bool) -> bool:
    """Whether, by their names, the one holds the gradient of the other: `dW` and `W`, `grads[0]` and `params[0]`."""
    if _differs_in_a_letter(gradient, value):
        return True
    found, graded = gradient.words
    wanted, _ = value.words
    if not found or len(found) > len(wanted):
        return False
    pairs = list(zip(found, wanted[-len(found) :], strict=True))
    named = [is_gradient_name(a, b, alike=alike) for a, b in pairs]
    return (graded or any(named)) and all(n or same(a, b, alike=alike) for n, (a, b) in zip(named, pairs, strict=True))


def _differs_in_a_letter(gradient: Slot, value: Slot) -> bool:
    """`W.g` and `W.v`; `g['W']` and `p['W']`."""
    if len(gradient.way) != len(value.way) or len(value.way) < 2:
        return False
    others = [(a.key, b.key) for a, b in zip(gradient.way, value.way, strict=True) if a != b]
    return len(others) == 1 and others[0][0] in SHORT_GRADIENTS and others[0][1] in SHORT_VALUES


def _within(value: Any, way: tuple[Step, ...], seen: set[int], wanted: Callable[[Any], bool]) -> Iterator[Any]:
    if wanted(value):
        yield Slot(way), value
    if isinstance(value, _CLOSED) or id(value) in seen:
        return
    seen.add(id(value))
    for step, part in _parts(value):
        yield from _within(part, (*way, step), seen, wanted)


def _parts(value: Any) -> list[tuple[Step, Any]]:
    if isinstance(value, dict):
        return [(Step(k, False), v) for k, v in value.items() if isinstance(k, str | int)]
    if isinstance(value, list | tuple):
        return [(Step(k, False), v) for k, v in enumerate(value)]
    names = list(getattr(value, "__dict__", ()))
    names += [n for kind in type(value).__mro__ for n in _slots(kind) if hasattr(value, n)]
    return [(Step(n, True), getattr(value, n)) for n in names if not n.startswith("__")]


def _slots(kind: type) -> tuple[str, ...]:
    names = getattr(kind, "__slots__", ())
    return (names,) if isinstance(names, str) else tuple(names)
