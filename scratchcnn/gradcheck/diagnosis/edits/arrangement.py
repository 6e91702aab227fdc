"""An array in the source whose entries belong elsewhere, and a mask that is moved or upside down."""

import ast
import re
from collections.abc import Iterator
from functools import partial
from itertools import permutations, product
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.edits.change import (
    Change,
    constant,
    expression,
    is_array,
    is_mask,
    is_value,
    made_by,
    upside_down,
)
from scratchcnn.gradcheck.diagnosis.edits.places import BRANCH, MATRIX
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.rearrangements import dealt, exchanged, exchanges, flips, pairs, turned

# What lays the entries of an array out in another way.
LAID_OUT = ("tile(", "repeat(", "reshape(", "stack(", "concatenate(", "::", "roll(", "flip(")


def masks(site: Site, seen: Seen) -> Iterator[Change]:
    """A mask inverted, or left out."""
    if is_mask(seen.value):
        for kind in ("subset", "operand"):
            yield Change(kind, f"`{site.text}` inverted", made_by(upside_down))
        yield Change("subset", f"no mask `{site.text}`", made_by(np.ones_like))


def branches(site: Site, seen: Seen) -> Iterator[Change]:
    """The other branch, where it is chosen by numbers of the calculation."""
    names = re.findall(r"\w+", site.text)
    numeric = any(is_value(seen.variables.get(n)) or is_mask(seen.variables.get(n)) for n in names)
    if site.role == BRANCH and isinstance(seen.value, bool | np.bool_) and numeric:
        for kind in ("subset", "operand"):
            yield Change(kind, f"`not {site.text}` in place of `{site.text}`", made_by(lambda v: not v))


def diagonals(site: Site, seen: Seen) -> Iterator[Change]:
    """A triangle of a matrix that ends one diagonal too early or too late."""
    value = seen.value
    if not isinstance(value, np.ndarray) or value.ndim != 2 or value.size < 2 or value.dtype.kind not in "biuf":
        return
    low, high = value.min(), value.max()
    if low == high or not ((value == low) | (value == high)).all():
        return
    for make, by in product((np.tri, _upper), (1, -1)):
        for diagonal in range(1 - len(value), value.shape[1]):
            if np.array_equal(np.where(make(*value.shape, diagonal), high, low), value):
                moved = np.where(make(*value.shape, diagonal + by), high, low).astype(value.dtype)
                yield Change("shifted", f"the triangle `{site.text}` moved by {by}", constant(moved))


def _upper(rows: int, columns: int, diagonal: int) -> Array:
    upper: Array = 1 - np.tri(rows, columns, diagonal - 1)
    return upper


def transposes(site: Site, seen: Seen) -> Iterator[Change]:
    """An array transposed, or a row of numbers as a column."""
    value = seen.value
    if not isinstance(value, np.ndarray) or value.ndim == 0 or value.size < 2:
        return
    for order in exchanges(value.shape):
        said = f"`{site.text}` with axes {exchanged(order)} exchanged"
        yield Change("transposed", said, made_by(partial(np.transpose, axes=order)))
    if value.ndim == 2 and value.shape[0] != value.shape[1] and (1 in value.shape or site.role == MATRIX):
        kind = "broadcast" if 1 in value.shape else "transposed"
        yield Change(kind, f"`{site.text}` transposed", made_by(np.transpose))
    for order in pairs(value.ndim) if value.ndim > 2 and _is_transpose(site.text) else ():
        if tuple(value.shape[k] for k in order) != value.shape:
            said = f"`{site.text}` with axes {exchanged(order)} exchanged"
            yield Change("transposed", said, made_by(partial(np.transpose, axes=order)))
    for one, to in permutations(range(value.ndim), 2) if value.ndim > 2 else ():
        if value.shape[one] == 1 < value.shape[to]:
            said = f"axis {one} of `{site.text}`, of length 1, as axis {to}"
            yield Change("broadcast", said, made_by(partial(np.moveaxis, source=one, destination=to)))
    if value.ndim == 1:
        yield Change("broadcast", f"`{site.text}` as a column", made_by(lambda v: v[:, None]))


def _is_transpose(text: str) -> bool:
    node = expression(text)
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "transpose"


def moved_masks(site: Site, seen: Seen) -> Iterator[Change]:
    """A mask in reverse, or moved by one; and what a reshape or the like lays out in another order."""
    if is_mask(seen.value) or any(word in site.text for word in LAID_OUT):
        yield from moves(site, seen)


def moves(site: Site, seen: Seen) -> Iterator[Change]:
    """An array in reverse, moved by one, or dealt out into equal parts."""
    value = seen.value
    if not (is_array(value) or is_mask(value)):
        return
    for some in flips(value.shape):
        if is_array(value) and np.allclose(np.flip(value, some), 1 - value):  # 1 less it
            continue
        kinds = ("permuted", "rotated") if len(some) == 1 and some[0] < max(value.ndim - 2, 1) else ("rotated",)
        for kind in kinds:
            yield Change(kind, f"`{site.text}` {turned(some, value.ndim)}", made_by(partial(np.flip, axis=some)))
    for (axis, length), by in product(enumerate(value.shape), (1, -1)):
        if length > 1:
            said = f"`{site.text}` moved by {by} along axis {axis}"
            yield Change("shifted", said, made_by(partial(_moved, by, axis)))
    for said, function in dealt(value.shape) if any(word in site.text for word in LAID_OUT) else ():
        yield Change("permuted", f"`{site.text}` with {said}", made_by(function))


def _moved(by: int, axis: int, value: Any) -> Any:
    return np.roll(value, by, axis)
