"""Slices that begin or end in the wrong place: moved by one, cut too short, as long as an axis where indices belong."""

import ast
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import permutations, product
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import Change, is_array, made_by
from scratchcnn.gradcheck.diagnosis.edits.counts import options_of
from scratchcnn.gradcheck.diagnosis.edits.places import WINDOW
from scratchcnn.gradcheck.diagnosis.edits.readings import Reading, instead, read
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site

WHOLE = slice(None)


def windows(site: Site, seen: Seen) -> Iterator[Change]:
    """The slices of an index, one by one or all of them; where an index comes twice in a statement, both times."""
    if site.role != WINDOW:
        return
    parts = seen.value if isinstance(seen.value, tuple) else (seen.value,)
    cut = [k for k, part in enumerate(parts) if isinstance(part, slice) and part != WHOLE]
    text = f"[{site.text}]"
    for k in cut:
        for by in (1, -1):
            if _moved(by, parts[k]) is not None:
                said = f"the slice of axis {k} in `{text}` moved by {by}"
                yield Change("shifted", said, made_by(partial(_each, partial(_moved, by), (k,))))
    for by in (1, -1) if len(cut) > 1 else ():
        if all(_moved(by, parts[k]) is not None for k in cut):
            said = f"the slices of axes {', '.join(map(str, cut))} in `{text}` moved by {by}"
            yield Change("shifted", said, made_by(partial(_each, partial(_moved, by), tuple(cut))))
    sets = [tuple(cut), *((k,) for k in cut)] if len(cut) > 1 else [tuple(cut)] if cut else []
    for some in sets:
        axes = ", ".join(map(str, some))
        for said, change in ENDS.items():
            yield Change("border", f"`{text}` {said} along axis {axes}", made_by(partial(_each, change, some)))
    options = options_of(seen)
    ways = [_by(name, by) for name, by in options.items() if by > 1]
    ways += [_instead(*one, *other) for one, other in permutations(options.items(), 2) if one[1] != other[1] > 1]
    for some, (said, change) in product(sets, (each for way in ways for each in way.items())):
        if len(some) == len(cut) or "beginnings times" in said:  # a stride may be forgotten along one axis
            axes = "" if len(some) == len(cut) else f" along axis {some[0]}"
            yield Change("option-ignored", f"`{text}` {said}{axes}", made_by(partial(_each, change, some)))
    # An array is compared with a slice entry by entry.
    whole = len(parts) == 2 and isinstance(parts[0], slice) and parts[0] == WHOLE
    if whole and isinstance(parts[1], np.ndarray) and parts[1].dtype.kind in "iu":
        said = f"one entry of each row, at `{text}`, in place of whole columns"
        yield Change("broadcast", said, made_by(lambda v: (np.arange(len(v[1])), v[1])))


def differences(site: Site, seen: Seen) -> Iterator[Change]:
    """All but the last entries, less all but the first, or the other way round: a difference flows to both its ends."""
    for sign in (" - ", " + ") if is_array(seen.value) else ():
        yield from instead(site, both_ends(site.text, sign), "missing-term")


@lru_cache(maxsize=1024)
def both_ends(text: str, sign: str) -> tuple[Reading, ...]:
    """`a[1:] - a[:-1]` in place of `a[1:]` or `a[:-1]`, along whatever axis."""
    return read(text, partial(_with_the_other_end, sign))


def _with_the_other_end(sign: str, text: str, tree: ast.expr) -> Iterator[str]:
    if isinstance(tree, ast.Subscript):
        array, index = text[: tree.slice.col_offset], text[tree.slice.col_offset :]
        for one, other in (("1:", ":-1"), (":-1", "1:")):
            parts = index.removesuffix("]").split(", ")
            if parts.count(one) == 1:
                beside = ", ".join(other if part == one else part for part in parts)
                yield f"({text}{sign}{array}{beside}])"


def _by(name: str, by: int) -> dict[str, Callable[[slice], slice]]:
    """What an option does to a slice."""
    return {
        f"with its beginnings times `{name}`": lambda p: slice(_times(by, p), _times(by, p) + _length(p), p.step),
        f"moved by `{name}`": lambda p: slice((p.start or 0) + by, p.stop + by, p.step),
        f"with every `{name}`-th place": lambda p: slice(p.start, (p.start or 0) + _length(p) * by, by),
    }


def _instead(name: str, by: int, other: str, wrong: int) -> dict[str, Callable[[slice], slice]]:
    """A slice that begins at a multiple of one option in place of another. Raises `ValueError` where it does not."""

    def change(part: slice) -> slice:
        count, rest = divmod(int(part.start or 0), wrong)
        if rest:
            raise ValueError(f"{part.start} is no multiple of {wrong}")
        return slice(count * by, count * by + _length(part), part.step)

    return {f"with its beginnings at multiples of `{name}` in place of `{other}`": change}


def _times(by: int, part: slice) -> int:
    return by * int(part.start or 0)


def _length(part: slice) -> int:
    return int(part.stop - (part.start or 0))


def _each(change: Any, which: tuple[int, ...], index: Any) -> Any:
    """An index with some of its slices changed."""
    if not isinstance(index, tuple):
        return change(index)
    return tuple(change(part) if k in which else part for k, part in enumerate(index))


def _moved(by: int, part: slice) -> slice | None:
    """A slice moved by some places; None where it would begin before the axis or end behind it."""
    if (part.step or 1) < 0:
        return _moved_backwards(by, part)
    start, stop = part.start or 0, 0 if part.stop is None else part.stop
    from_the_end = part.stop is None or stop < 0
    if start + by < 0 <= start or (from_the_end and stop + by > 0):
        return None
    return slice(start + by, None if from_the_end and stop + by == 0 else stop + by, part.step)


def _moved_backwards(by: int, part: slice) -> slice | None:
    """The same of a slice that goes from the end to the beginning."""
    start, stop = -1 if part.start is None else part.start, -1 if part.stop is None else part.stop
    if start + by >= 0 > start or stop + by < -1 <= stop:
        return None
    return slice(start + by, None if stop + by == -1 else stop + by, part.step)


def _from(by: int, part: slice) -> slice:
    start = (part.start or 0) + by
    return slice(None if start <= 0 <= start - by else start, part.stop, part.step)


def _to(by: int, part: slice) -> slice:
    if part.stop is None and by > 0:  # it ends where the axis does
        return part
    stop = 0 if part.stop is None else part.stop
    return slice(part.start, None if stop < 0 <= stop + by else stop + by, part.step)


def _other_end(part: slice) -> slice:
    """As many places at the other end of the axis. Raises `ValueError` where it is at none."""
    start, stop = part.start, part.stop
    if part.step is None and start in (None, 0) and stop:
        return slice(-stop, None)
    if part.step is None and stop is None and start:
        return slice(None, -start)
    raise ValueError(f"{part} is at no end")


ENDS = {
    "at the other end": _other_end,
    "as long as the axis": lambda part: slice(None, None, part.step),
    "longer by one at the beginning": partial(_from, -1),
    "longer by one at the end": partial(_to, 1),
    "longer by one at both ends": lambda part: _from(-1, _to(1, part)),
    "shorter by one at the beginning": partial(_from, 1),
    "shorter by one at the end": partial(_to, -1),
}
"""Other ends of a slice: what is said, and the slice."""
