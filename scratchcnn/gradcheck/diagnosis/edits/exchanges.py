"""Two expressions, or two variables, of which each belongs where the other stands; or one in place of another."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import Change, Changes, is_whole
from scratchcnn.gradcheck.diagnosis.edits.places import INDEX, NAMES, PAIR, WINDOW
from scratchcnn.gradcheck.diagnosis.edits.seen import MOMENT, Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.scene import Scene


def exchanges(site: Site, seen: Seen) -> Iterator[Change]:
    """Two windows of a statement, or what two statements add to an array: each in place of the other."""
    if site.role == PAIR:
        for kind in ("shifted", "permuted", "operand") if site.text.startswith("[") else ("operand", "permuted"):
            yield Change(kind, f"`{site.text}` exchanged", partial(_of_the_other, site.members))


def _of_the_other(members: tuple[int, ...], _: Any, variables: dict[str, Any]) -> Any:
    number, n, seen = variables[MOMENT]
    return seen[members[1 - members.index(number)]].rounds[n]


def exchanged_names(site: Site, seen: Seen) -> Iterator[Change]:
    """Two variables of a statement, each in place of the other wherever it stands."""
    one, other = site.text.split("` and `") if site.role == NAMES else ("", "")
    if may_be_exchanged(seen.variables.get(one), seen.variables.get(other)):
        for kind in ("operand", "swapped"):
            yield Change(kind, f"`{site.text}` exchanged", partial(_of_the_other_name, one, other))


def may_be_exchanged(one: Any, other: Any) -> bool:
    """Whether two values are numbers, or arrays of numbers, of the same kind and shape, and not the same."""
    if not all(isinstance(v, float | np.ndarray) for v in (one, other)):
        return False
    same_kind = np.asarray(one).dtype.kind == np.asarray(other).dtype.kind
    return same_kind and np.shape(one) == np.shape(other) and not np.array_equal(one, other)


def _of_the_other_name(one: str, other: str, value: Any, variables: dict[str, Any]) -> Any:
    return variables[other] if value is variables[one] else variables[one]


def other_indices(scene: Scene) -> Changes:
    """The index of another array, or its slices, in place of an index."""
    sites = [(s, seen) for s, seen in scene.look.sites if s.times == 1] if scene.look is not None else []
    indices = {s.text: s for s, seen in sites if s.role == INDEX and is_whole(seen.value)}
    windows = {s.text: (s, seen) for s, seen in sites if s.role == WINDOW}

    def changes(site: Site, seen: Seen) -> Iterator[Change]:
        if site.text in indices and site.role == INDEX:
            for text, other in indices.items():
                if text != site.text and not text.isdigit() and set(other.counters) <= set(site.counters):
                    said = f"index `{text}` in place of `{site.text}`"
                    yield Change("operand", said, partial(_of_another, other.number))
        if site.role == WINDOW and site.times == 1:
            for text, (other, told) in windows.items():
                if text != site.text and len(told.rounds) == len(seen.rounds):
                    said = f"`[{text}]` in place of `[{site.text}]`"
                    for kind in ("operand", "shifted"):
                        yield Change(kind, said, partial(_of_another, other.number))

    return changes


def _of_another(number: int, _: Any, variables: dict[str, Any]) -> Any:
    return variables[MOMENT].seen[number].rounds[variables[MOMENT].round]
