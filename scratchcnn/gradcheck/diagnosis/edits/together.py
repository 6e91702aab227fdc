"""Which expressions of a function may be wrong together: those that are alike, and two that are exchanged."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from scratchcnn.gradcheck.diagnosis.edits.places import (
    CALLED,
    KEPT,
    NAMES,
    PAIR,
    REDUCED,
    STORE,
    WINDOW,
    Place,
    of_module,
)
from scratchcnn.gradcheck.diagnosis.edits.site import Site, numbers

# Variables of a statement, and statements that add to an array, of which any two are tried.
MOST_NAMES, MOST_ADDED = 8, 4


class Together:
    """The expressions of a function, as they are met."""

    def __init__(self) -> None:
        self._alike: dict[tuple[str, ...], list[Site]] = {}
        self._exchanged: list[Site] = []
        self._added: dict[str, list[Site]] = {}
        self._statement: list[Site] = []  # those of the statement that is looked at

    def begin(self) -> None:
        """A statement begins."""
        self._statement = []

    def meet(self, site: Site, around: ast.AST) -> None:
        """Notes an expression: a mistake is often repeated where it stands again."""
        self._alike.setdefault((site.role, _likeness(site, around)), []).append(site)
        self._statement.append(site)

    def add(self, site: Site, to: str) -> None:
        """Notes what is added to the entries of an array."""
        self._added.setdefault(to, []).append(site)

    def end(self, statement: Site) -> None:
        """A statement ends: of two windows, or two variables, each may belong where the other stands."""
        for text, sites in _by_text(self._statement).items():
            for role in dict.fromkeys(site.role for site in sites) if text.isdigit() else ("",):
                some = [site for site in sites if role in ("", site.role)]  # an index and a factor are not alike
                self._alike[f"line {statement.number}", text, role] = some
        windows = [site for site in self._statement if site.role == WINDOW]
        self._exchanged += [_pair(statement, f"[{a.text}]", f"[{b.text}]", a, b) for a, b in _unlike(windows)]
        names = _by_text([s for s in self._statement if s.text.isidentifier() and s.role != CALLED])
        for one, other in combinations(list(names)[:MOST_NAMES], 2):
            pair = _pair(statement, one, other, *names[one], *names[other])
            self._exchanged.append(replace(pair, place=Place(True, NAMES)))

    def groups(self) -> Iterator[Site]:
        """The sites that stand for several expressions."""
        found: set[tuple[int, ...]] = set()
        for alike in (*self._alike.values(), *self._added.values()):
            members = tuple(site.number for site in alike)
            if len(alike) > 1 and members not in found:
                found.add(members)
                yield replace(alike[0], number=next(numbers), members=members)
        for added in self._added.values():
            for one, other in _unlike(added[:MOST_ADDED]):
                yield _pair(one, one.text, other.text, one, other)
        yield from self._exchanged
        kept = [site for alike in self._alike.values() for site in alike if re.fullmatch(r"self\.\w+", site.text)]
        members = tuple(dict.fromkeys(site.number for site in kept))
        if len({site.text for site in kept}) > 1:
            yield replace(kept[0], number=next(numbers), place=Place(True, KEPT), members=members)


def _by_text(sites: list[Site]) -> dict[str, list[Site]]:
    found: dict[str, list[Site]] = {}
    for site in sites:
        found.setdefault(site.text, []).append(site)
    return found


def _unlike(sites: list[Site]) -> Iterator[tuple[Site, Site]]:
    return ((one, other) for one, other in combinations(sites, 2) if one.text != other.text)


def _pair(statement: Site, one: str, other: str, *sites: Site) -> Site:
    """Two expressions, or all that are like one of them, that may be exchanged."""
    members = tuple(site.number for site in sites)
    return replace(
        statement, number=next(numbers), place=Place(True, PAIR), text=f"{one}` and `{other}", members=members
    )


def _likeness(site: Site, around: ast.AST) -> str:
    """What expressions that may be wrong alike have in common."""
    if site.role == STORE:
        return ""
    if site.role == CALLED and isinstance(around, ast.Call):
        axes = [k.value for k in around.keywords if k.arg == "axis"] or around.args[int(of_module(around)) :][:1]
        return " ".join(map(ast.unparse, axes)) if site.place.name in REDUCED else site.text
    return site.text
