"""A number in the source that is another one: an axis, an index, an exponent, a constant, an option."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import Change, constant, is_number, made_by, variable
from scratchcnn.gradcheck.diagnosis.edits.places import AXIS, EXPONENT, INDEX, SUBSCRIPTS
from scratchcnn.gradcheck.diagnosis.edits.sites import Site
from scratchcnn.gradcheck.diagnosis.edits.watched import Seen

# Axes that are tried.
MOST_AXES = 4
# Functions of which another axis is another order, and of which it is a transpose.
ORDERS = ("flip", "roll", "rot90", "repeat", "stack", "concatenate", "split")
TRANSPOSES = ("swapaxes", "transpose", "moveaxis")


def axes(site: Site, seen: Seen) -> Iterator[Change]:
    """Another axis, or others."""
    if site.role != AXIS or not (seen.value is None or isinstance(seen.value, int | tuple)):
        return
    sets: list[Any] = list(range(MOST_AXES))
    for count in range(2, MOST_AXES):
        sets += combinations(range(MOST_AXES), count)
    for other in sets:
        if other != seen.value:
            said = f"{'axes' if isinstance(other, tuple) else 'axis'} {other} in place of {seen.value}"
            yield Change(_kind_of_axis(site.around), said, constant(other))


def _kind_of_axis(around: str) -> str:
    if any(f"{name}(" in around for name in TRANSPOSES):
        return "transposed"
    return "permuted" if any(f"{name}(" in around for name in ORDERS) else "broadcast"


def indices(site: Site, seen: Seen) -> Iterator[Change]:
    """The index before, or the next one."""
    value = seen.value
    several = isinstance(value, np.ndarray) and value.dtype.kind == "i"
    if several or (site.role == INDEX and is_number(value)):
        for by, sign in ((1, "+"), (-1, "-")):
            other = f"{value + by}" if site.text.isdigit() else f"`{site.text} {sign} 1`"
            yield Change("shifted", f"{other} in place of `{site.text}`", made_by(lambda v, by=by: v + by))  # type: ignore[misc]


def constants(site: Site, seen: Seen) -> Iterator[Change]:
    """Another exponent, another option in place of a number, other degrees of freedom."""
    value = seen.value
    if not is_number(value) or site.role in (AXIS, INDEX):
        return
    for by in (1, -1) if site.role == EXPONENT else ():
        said = f"{value + by:g} in place of the exponent {value:g}"
        for kind, why in (("missing-factor", ", a factor more or less"), ("operand", "")):
            yield Change(kind, f"{said}{why}", constant(value + by))
    for name, other in seen.variables.items():
        if is_number(other) and other != value and name != site.text:
            kind = "sign" if other == -value else "option-ignored"
            yield Change(kind, f"`{name}` in place of `{site.text}`", variable(name))
    if isinstance(value, int) and site.place.name == "ddof":
        yield Change("constant-factor", f"ddof={1 - value} in place of {value}", constant(1 - value))


def subscripts(site: Site, seen: Seen) -> Iterator[Change]:
    """Two letters of a term of einsum exchanged."""
    if site.role != SUBSCRIPTS or not isinstance(seen.value, str):
        return
    inside, arrow, result = seen.value.replace(" ", "").partition("->")
    terms = [*inside.split(","), result]
    for k, term in enumerate(terms):
        for one, other in combinations(sorted(set(term)), 2):
            turned = term.translate(str.maketrans(one + other, other + one))
            made = [*terms[:k], turned, *terms[k + 1 :]]
            text = ",".join(made[:-1]) + arrow + made[-1]
            yield Change("transposed", f"'{text}' in place of '{seen.value}'", constant(text))
