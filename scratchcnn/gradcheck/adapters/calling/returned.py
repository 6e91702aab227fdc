"""What a backward pass returns, in whatever order and nesting, sorted to the inputs that it belongs to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.words import matching
from scratchcnn.gradcheck.raised import WrongForm
from scratchcnn.gradcheck.remarks import remark
from scratchcnn.gradcheck.trees import LEAF, Structure, flatten, keys

# Of more gradients the order is not sought by their shapes.
MOST_PERMUTED = 6


@dataclass(frozen=True)
class Leaf:
    """An array that has a gradient, or, where it is not floating, none."""

    name: str
    keys: tuple[Any, ...]
    shape: tuple[int, ...]
    floating: bool


def leaves_of(names: Sequence[str], ways: Sequence[tuple[Any, ...]], arrays: Sequence[Any]) -> list[Leaf]:
    """The leaves that these arrays are; where names are wanting, they are numbered."""
    missing = range(len(names), len(arrays))
    names = [*names[: len(arrays)], *(f"input {k}" for k in missing)]
    ways = [*ways[: len(arrays)], *((f"input {k}",) for k in missing)]
    kinds = [getattr(a, "dtype", np.dtype(float)).kind in "fcO" for a in arrays]
    return [Leaf(n, w, np.shape(a), f) for n, w, a, f in zip(names, ways, arrays, kinds, strict=True)]


def sorted_gradients(
    returned: Any,
    leaves: Sequence[Leaf],
    returns: Sequence[str | None] | None,
    call: str,
    optional: frozenset[int] = frozenset(),
) -> list[Any]:
    """One gradient for each leaf, None where there is none.

    Gradients in a dict are found by their keys, all others by their order, which is that of the leaves, or of the
    floating ones alone; where their shapes fit in one other order only, that is it.

    Parameters
    ----------
    returns
        The names of what is returned, in order; None for what is no gradient of an input.
    call
        The call to the adapter, for the message.
    optional
        The positions of leaves whose gradients may be elsewhere.

    Raises
    ------
    TypeError
        It cannot be told which gradient is which.
    ValueError
        `returns` names what is no input.
    """
    items, structure = _items(returned, len(leaves))
    if returns is not None:
        return _by_name(items, leaves, returns)
    found: dict[int, Any] = {}
    in_order = []
    for item, way in zip(items, keys(structure), strict=True):
        if not any(isinstance(key, str) for key in way):
            in_order.append(item)
        elif (k := _leaf_of(way, leaves)) is not None and k not in found:
            found[k] = item
    rest = [k for k in range(len(leaves)) if k not in found]
    asked = [k for k in rest if k not in optional]
    for those in (rest, _floating(rest, leaves), asked, _floating(asked, leaves)):
        if len(in_order) == len(those):
            found |= zip(_in_order_of_shapes(those, in_order, leaves), in_order, strict=True)
            break
    else:
        raise WrongForm(_unclear(items, structure, leaves, call, none_found=not found))
    return [found.get(k) for k in range(len(leaves))]


def by_key(gradients: Mapping[Any, Any], names: Sequence[str]) -> list[Any]:
    """The gradients of a dict, one for each input, None where there is none: keys are `w`, `dw`, `grad_w`, `w_grad`.

    Raises
    ------
    TypeError
        A key names no input, or two name the same one.
    """
    found: dict[int, Any] = {}
    for key, gradient in gradients.items():
        k = matching((key,), [(name,) for name in names])
        if k is None or k in found:
            raise TypeError(
                f"backward returns a dict with the keys {list(gradients)}: {key!r} must be the name of one of the"
                f" inputs {list(names)}, or that of its gradient, such as {f'd{names[0]}'!r}"
            )
        found[k] = gradient
    return [found.get(k) for k in range(len(names))]


def _floating(those: list[int], leaves: Sequence[Leaf]) -> list[int]:
    return [k for k in those if leaves[k].floating]


def _items(returned: Any, count: int) -> tuple[list[Any], Structure]:
    """The leaves of what is returned; a tuple is one of gradients, also where these are numbers."""
    numbers = isinstance(returned, tuple) or (isinstance(returned, list) and len(returned) == count > 1)
    items, structure = flatten(returned)
    if numbers and structure is LEAF:
        return list(returned), Structure(tuple, tuple(range(len(returned))), (LEAF,) * len(returned))
    return items, structure


def _by_name(items: Sequence[Any], leaves: Sequence[Leaf], returns: Sequence[str | None]) -> list[Any]:
    names = [leaf.name for leaf in leaves]
    unknown = [name for name in returns if name is not None and name not in names]
    if unknown:
        raise ValueError(f"returns names {unknown[0]!r}, which is none of the inputs {names}")
    if len(items) != len(returns):
        raise ValueError(f"returns has {len(returns)} names, but backward returns {len(items)} arrays")
    found = dict(zip(returns, items, strict=True))
    return [found.get(name) for name in names]


def _leaf_of(way: tuple[Any, ...], leaves: Sequence[Leaf]) -> int | None:
    """The leaf whose keys end as these do; positions at the start of the way may be left out."""
    keys_of_leaves = [leaf.keys for leaf in leaves]
    name = next(at for at, key in enumerate(way) if isinstance(key, str))
    found = (matching(way[at:], keys_of_leaves) for at in range(name + 1))
    return next((k for k in found if k is not None), None)


def _in_order_of_shapes(those: list[int], gradients: Sequence[Any], leaves: Sequence[Leaf]) -> list[int]:
    """The leaves in the order of these gradients: as they are, unless the shapes fit in one other order only."""
    shapes = [None if g is None else np.shape(g) for g in gradients]

    def fits(order: Sequence[int]) -> bool:
        return all(s is None or s == leaves[k].shape for s, k in zip(shapes, order, strict=True))

    if fits(those) or len(those) > MOST_PERMUTED:
        return those
    others = [list(order) for order in permutations(those) if fits(order)]
    if len(others) != 1:
        return those
    names = ", ".join(leaves[k].name for k in others[0])
    remark(f"backward returns its gradients in the order {names}: their shapes fit no other")
    return others[0]


def _unclear(items: Sequence[Any], structure: Structure, leaves: Sequence[Leaf], call: str, *, none_found: bool) -> str:
    given = [k for way in keys(structure) for k in way if isinstance(k, str)] or [
        "None" if i is None else str(np.shape(i)) for i in items
    ]
    what = "under the keys" if any(isinstance(k, str) for way in keys(structure) for k in way) else "of the shapes"
    of = ", ".join(f"{leaf.name} {leaf.shape}" for leaf in leaves)
    as_many = len(items) == sum(leaf.floating for leaf in leaves)  # then they are those by other names
    named = dict.fromkeys(way[0] if way else None for way in keys(structure))
    if none_found and not as_many and all(isinstance(name, str) for name in named):
        adapter, keyed = call.partition("(")[0], ", ".join(map(str, named))
        return (
            f"backward returns a dict with the keys {keyed}, which name none of the inputs {of}: pass a function of"
            f" what they are the gradients of, as {adapter}(lambda {keyed}: ..., {keyed})"
        )
    names = tuple(leaf.name for leaf in leaves)
    names = tuple(leaf.name for leaf in leaves if leaf.floating) or names
    shown = (*names[: len(items)], *[None] * (len(items) - len(names)))
    others = names[len(items) :]
    fixed = f" What is no input (labels) is fixed: fixed={{{others[0]!r}: ...}}." if others and "loss" in call else ""
    return (
        f"backward returns {len(items)} gradient{'s' if len(items) != 1 else ''}, {what} {', '.join(given)};"
        f" the inputs are {of}.{fixed} Name what it returns, in order, None for what is no gradient:"
        f" {call.removesuffix(')')}, returns={shown!r})"
    )
