"""Other readings of a whole expression: its text with something changed, computed in the same place."""

import ast
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from types import CodeType
from typing import NamedTuple

from scratchcnn.gradcheck.diagnosis.edits.change import Change, expression
from scratchcnn.gradcheck.diagnosis.edits.seen import Edit
from scratchcnn.gradcheck.diagnosis.edits.site import Site

# Other readings of an expression that are tried, at most.
MOST_READINGS = 60


class Reading(NamedTuple):
    """Another expression: its text, and the code that computes it."""

    text: str
    code: CodeType


def is_whole(site: Site) -> bool:
    """Whether an expression is no part of another one, but of a tuple, a list or a dict."""
    around = expression(site.around)
    return site.around == site.text or around is None or isinstance(around, ast.Tuple | ast.List | ast.Dict)


def computed(code: CodeType) -> Edit:
    """Another expression, computed in the same place."""
    return lambda _, variables: variables.computed(code)  # type: ignore[attr-defined]


def instead(site: Site, readings: Iterable[Reading], *kinds: str) -> Iterator[Change]:
    """Each of some readings in place of an expression, as a mistake of each of some kinds."""
    for reading in readings:
        for kind in kinds:
            yield Change(kind, f"`{reading.text}` in place of `{site.text}`", computed(reading.code))


def read(text: str, *ways: Callable[[str, ast.expr], Iterator[str]]) -> tuple[Reading, ...]:
    """The other expressions that some ways make of one, each once."""
    tree = expression(text)
    found: dict[str, Reading] = {}
    if tree is not None and text.isascii():  # columns count bytes
        for other in chain.from_iterable(way(text, tree) for way in ways):
            made = expression(other)
            if made is not None and ast.dump(made) != ast.dump(tree) and len(found) < MOST_READINGS:
                code = compile(ast.Expression(made), "<changed>", "eval")
                found.setdefault(ast.dump(made), Reading(other, code))
    return tuple(found.values())
