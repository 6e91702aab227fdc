"""A whole number that is another one: a length, how many entries there are, what a loop counts."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from math import prod
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import (
    Change,
    Changes,
    combined,
    constant,
    is_mask,
    is_number,
    is_whole,
    made_by,
    rewritten,
    variable,
)
from scratchcnn.gradcheck.diagnosis.edits.places import ASSIGNED, DIVISOR, FACTOR, INDEX, TERM, VALUE
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.variables import is_name
from scratchcnn.gradcheck.diagnosis.scene import Scene

# A name of a variable.
WORDS = re.compile(r"[^\W\d]\w*")
# A larger number is no stride, no padding and no dilation.
WIDEST = 8
# What else may be written for a number of entries.
MULTIPLES = {
    "{} - 1": lambda n: n - 1,
    "{} + 1": lambda n: n + 1,
    "2 * {}": lambda n: 2 * n,
    "{} // 2": lambda n: n // 2,
}
# What a padding does to what a loop counts, and what another option does.
SHIFTS = {"{} - {name}": lambda n, by: n - by, "{} + {name}": lambda n, by: n + by}
STEPS = {"{} * {name}": lambda n, by: n * by}
PADDING = re.compile(r"p|pad.*|.*pad(ding)?")
# Names that strides and dilations have: other numbers that are the same come after them.
STRIDE = re.compile(r"s|d|st.*|.*stride|dil.*|.*dilation|step.*", re.IGNORECASE)


def lengths(site: Site, seen: Seen) -> Iterator[Change]:
    """The length of an axis, or the size, of an array in place of another number of entries."""
    if not _is_count(site, seen):
        return
    tried = {seen.value}
    for name, array in seen.variables.items():
        if is_name(name) and isinstance(array, np.ndarray):
            for said, length in _lengths(array):
                if length(array) not in tried:
                    tried.add(length(array))
                    text = f"`{name}.{said}` in place of `{site.text}`"
                    yield Change("constant-factor", text, combined(name, lambda _, a, length=length: length(a)))  # type: ignore[misc]


def _lengths(array: Any) -> Iterator[tuple[str, Any]]:
    for axis in range(array.ndim):
        yield f"shape[{axis}]", partial(_length, axis)
    if array.ndim > 1:
        yield "size", np.size


def _length(axis: int, array: Any) -> int:
    return int(array.shape[axis])


def _is_count(site: Site, seen: Seen) -> bool:
    """Whether it is a length, or calculated from such, or how many entries a mask has."""
    calculated = "(" not in site.text.replace("len(", "") and not site.text.isdigit()
    counted = calculated if type(seen.value) is int else isinstance(seen.value, np.integer)
    return counted and site.role in (ASSIGNED, FACTOR, DIVISOR)


def multiples(site: Site, seen: Seen) -> Iterator[Change]:
    """One less than a number of entries, one more, twice or half of it."""
    if _is_count(site, seen) and site.text not in site.counters:
        for said, function in MULTIPLES.items():
            yield Change("constant-factor", rewritten(site.text, said), made_by(function))


def counts(scene: Scene, index: int) -> Changes:
    """A number of entries in place of another: other lengths of an array, multiplied."""
    arrays = scene.inputs[index], scene.cotangent
    sizes = {prod(some) for a in arrays for n in range(1, a.ndim + 1) for some in combinations(a.shape, n)}

    def changes(site: Site, seen: Seen) -> Iterator[Change]:
        if type(seen.value) is int and seen.value in sizes and site.role in (ASSIGNED, FACTOR, DIVISOR):
            for size in sorted(sizes - {seen.value}):
                yield Change("constant-factor", f"{size} in place of `{site.text}`", constant(size))

    return changes


def counters(site: Site, seen: Seen) -> Iterator[Change]:
    """The variable of a loop in place of an index, or of that of another loop."""
    index = site.role == INDEX and (site.text.isdigit() or site.text.isidentifier())
    if is_whole(seen.value) and (index or site.text in site.counters):
        kind = "subset" if site.text.isdigit() else "operand"
        for name in site.counters:
            if name != site.text and is_whole(seen.variables.get(name)):
                said = f"`{name}` in place of `{site.text}`"
                yield Change(kind, f"index {said}" if index else said, variable(name))


def strides(site: Site, seen: Seen) -> Iterator[Change]:
    """What a loop counts, times a stride or a dilation, or moved by a padding."""
    counted = set(site.counters).intersection(WORDS.findall(site.text))
    for name, by in options_of(seen).items() if counted else ():
        moves = PADDING.fullmatch(name) is not None
        for said, function in (SHIFTS if moves else STEPS if by > 1 else {}).items():
            if is_whole(seen.value) and name not in counted and (moves or site.text in counted):
                yield Change("option-ignored", rewritten(site.text, said, name), combined(name, function))
            parts = site.text.split(", ")
            if isinstance(seen.value, tuple) and all(map(is_whole, seen.value)) and counted.issuperset(parts):
                made = ", ".join(said.format(part, name=name) for part in parts)
                text = f"`{made}` in place of `{site.text}`"
                yield Change("option-ignored", text, combined(name, partial(_each, function)))


def options_of(seen: Seen) -> dict[str, int]:
    """The variables that may be a stride, a dilation or a padding, those first that are called so."""
    wholes = {name: int(v) for name, v in seen.variables.items() if is_name(name) and _is_option(v)}
    return dict(sorted(wholes.items(), key=lambda option: not STRIDE.fullmatch(option[0])))


def _is_option(value: Any) -> bool:
    """Whether it is a small whole number, or an array of a single one, as adapters make of options in a dict."""
    single = isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iu"
    return (single or is_whole(value)) and 0 < int(value) <= WIDEST


def _each(function: Any, numbers: Any, by: int) -> Any:
    return tuple(function(n, by) for n in numbers)


def sums_of_masks(site: Site, seen: Seen) -> Iterator[Change]:
    """How many entries of a mask there are along an axis, in place of 1: as of margins that are violated."""
    if site.role in (TERM, FACTOR, VALUE) and is_number(seen.value) and seen.value == 1:
        for name, mask in seen.variables.items():
            for axis in range(np.ndim(mask)) if is_name(name) and is_mask(mask) and np.ndim(mask) > 1 else ():
                said = f"`{name}.sum(axis={axis})` in place of `{site.text}`"
                yield Change("missing-factor", said, combined(name, partial(_counted, axis)))


def _counted(axis: int, _: Any, mask: Any) -> Any:
    return mask.sum(axis=axis)
