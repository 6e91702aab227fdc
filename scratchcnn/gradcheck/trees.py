"""Trees: dicts, lists, tuples, named tuples and dataclasses of arrays, nested, as a row of leaves and back.

An array of complex numbers is a tree of two leaves, `z.real` and `z.imag`.

`leaves, structure = flatten(tree)`, then `unflatten(structure, leaves)` is the tree again, and `paths(structure,
"params")` names its leaves: `params['conv1']['w']`, `params[0]`, `params.bias`.
"""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Structure:
    """How a tree is built; of a leaf, `kind` is None.

    `keys` are those of a dict, the positions in a list or tuple, or the names of fields; there is a child for each.
    """

    kind: type | None = None
    keys: tuple[Any, ...] = ()
    children: tuple["Structure", ...] = ()

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return 1 if self.kind is None else sum(child.size for child in self.children)


LEAF = Structure()


@dataclass(frozen=True)
class Option(Structure):
    """What holds no numbers to differentiate, as `{"mode": "train"}`: it has no leaves, and stays as it is."""

    kind: type | None = object
    value: Any = None


def is_option(value: Any) -> bool:
    """Whether it is a text or None, or a container that holds such, or truth values, and no array."""
    leaves, structure = flatten(value)
    kinds = (str, type(None)) if structure is LEAF else (str, type(None), bool)
    return any(isinstance(leaf, kinds) for leaf in leaves) and not any(hasattr(leaf, "shape") for leaf in leaves)


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """The leaves of a tree, from left to right, and how it is built.

    Whatever is no container is a leaf, None too. A list of numbers, nested or not, is an array that is written out:
    a leaf.
    """
    if not is_tree(tree):
        return [tree], LEAF
    leaves: list[Any] = []
    children = []
    kind = complex if is_complex(tree) else type(tree)
    for part in _parts(tree):
        more, child = flatten(part)
        leaves += more
        children.append(child)
    return leaves, Structure(kind, _keys(tree), tuple(children))


def complex_array(real: Any, imag: Any) -> Any:
    """The array of complex numbers with these parts."""
    return np.asarray(real) + 1j * np.asarray(imag)


def unflatten(
    structure: Structure, leaves: Sequence[Any], complex_of: Callable[[Any, Any], Any] = complex_array
) -> Any:
    """The tree with these leaves; `complex_of` makes complex numbers of their parts.

    Raises
    ------
    ValueError
        There are more or fewer than the structure has.
    """
    if len(leaves) != structure.size:
        raise ValueError(f"the tree has {structure.size} leaves, got {len(leaves)}")
    return _built(structure, iter(leaves), complex_of)


def paths(structure: Structure, name: str = "") -> tuple[str, ...]:
    """The name of each leaf: that of the tree, and the way from it, as Python would write it."""
    return tuple(name + "".join(map(str, way)) for way in _ways(structure))


def keys(structure: Structure) -> tuple[tuple[Any, ...], ...]:
    """Of each leaf the keys on the way to it."""
    return tuple(tuple(step.key for step in way) for way in _ways(structure))


def is_tree(value: Any) -> bool:
    """Whether it is a container of leaves, and no array that is written out as a list of numbers."""
    if isinstance(value, np.ndarray):  # asked of every output: first what is quickly told
        return is_complex(value)
    if isinstance(value, dict) or is_complex(value):
        return True
    if isinstance(value, list | tuple):
        return _is_named(type(value)) or not _is_array(value)
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def is_complex(value: Any) -> bool:
    """Whether it is an array, or a number, of complex numbers."""
    return isinstance(value, complex | np.complexfloating) or (
        isinstance(value, np.ndarray) and value.dtype.kind == "c"
    )


@dataclass(frozen=True)
class _Step:
    key: Any
    field: bool

    def __str__(self) -> str:
        return f".{self.key}" if self.field else f"[{self.key!r}]"


def _is_array(value: Any) -> bool:
    """Whether a list holds numbers only; an empty one holds no leaves."""
    return bool(value) and all(
        isinstance(v, Number)
        or getattr(v, "shape", None) == ()
        or (isinstance(v, list | tuple) and not _is_named(type(v)) and _is_array(v))
        for v in value
    )


def _is_named(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _keys(tree: Any) -> tuple[Any, ...]:
    if is_complex(tree):
        return ("real", "imag")
    if isinstance(tree, dict):
        return tuple(tree)
    if isinstance(tree, list | tuple):
        return tuple(getattr(tree, "_fields", range(len(tree))))
    return tuple(field.name for field in dataclasses.fields(tree) if field.init)


def _parts(tree: Any) -> list[Any]:
    if is_complex(tree):
        return [np.real(tree), np.imag(tree)]
    if isinstance(tree, dict):
        return list(tree.values())
    return list(tree) if isinstance(tree, list | tuple) else [getattr(tree, name) for name in _keys(tree)]


def _built(structure: Structure, leaves: Iterator[Any], complex_of: Callable[[Any, Any], Any]) -> Any:
    kind = structure.kind
    if kind is None:
        return next(leaves)
    if isinstance(structure, Option):
        return copy.deepcopy(structure.value)  # the caller's functions may write into it
    parts = [_built(child, leaves, complex_of) for child in structure.children]
    if kind is complex:
        return None if parts[0] is None else complex_of(*parts)
    if issubclass(kind, dict):
        made = kind.__new__(kind)  # a defaultdict takes something else in its call
        made.update(zip(structure.keys, parts, strict=True))
        return made
    if issubclass(kind, list | tuple) and not _is_named(kind):
        return kind(parts)
    return kind(**dict(zip(structure.keys, parts, strict=True)))


def _ways(structure: Structure) -> list[tuple[_Step, ...]]:
    if structure.kind is None:
        return [()]
    field = _is_named(structure.kind) or not issubclass(structure.kind, dict | list | tuple)
    pairs = zip(structure.keys, structure.children, strict=True)
    return [(_Step(key, field), *rest) for key, child in pairs for rest in _ways(child)]
