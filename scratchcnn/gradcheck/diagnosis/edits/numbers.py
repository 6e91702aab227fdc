"""A number in the source that is another one: an axis, an index, an exponent, a constant, an option."""

import ast
from collections.abc import Iterator
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import (
    Change,
    constant,
    expression,
    is_array,
    is_mask,
    is_number,
    is_whole,
    made_by,
    rewritten,
    variable,
)
from scratchcnn.gradcheck.diagnosis.edits.places import (
    AXIS,
    BASE,
    DIVISOR,
    EXPONENT,
    FACTOR,
    INDEX,
    SUBSCRIPTS,
    TERM,
)
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.variables import is_name

# Axes that are tried.
MOST_AXES = 4
# The largest whole number that is tried.
LONGEST = 1000
# Functions of which another axis is another order, of which it is another turn, and a transpose.
ORDERS = ("roll", "repeat", "stack", "concatenate", "split")
TURNS = ("flip", "rot90")
TRANSPOSES = ("swapaxes", "transpose", "moveaxis")


def axes(site: Site, seen: Seen) -> Iterator[Change]:
    """Another axis, or others."""
    named = "ax" in site.place.name and type(seen.value) is int  # assigned to a variable for an axis
    if not named and (site.role != AXIS or not (seen.value is None or isinstance(seen.value, int | tuple))):
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
    if any(f"{name}(" in around for name in TURNS):
        return "rotated"
    return "permuted" if any(f"{name}(" in around for name in ORDERS) else "broadcast"


def indices(site: Site, seen: Seen) -> Iterator[Change]:
    """The index before, or the next one."""
    value = seen.value
    several = isinstance(value, np.ndarray) and value.dtype.kind == "i"
    if several or (site.role == INDEX and is_number(value)):
        for by, sign in ((1, "+"), (-1, "-")):
            digits = site.text.isdigit()
            said = f"{value + by} in place of `{site.text}`" if digits else _beside(site.text, sign)
            for kind in _kinds_of_index(site.around):
                yield Change(kind, said, made_by(partial(_plus, by)))


def _beside(text: str, sign: str) -> str:
    """The end of "right with ...": an index with 1 added or taken away, where that is not `i + 1 - 1`."""
    for other in ("+", "-"):
        before, _, rest = text.rpartition(f" {other} 1")
        if before and not rest and other != sign:
            return f"`{before}` in place of `{text}`"
    return rewritten(text, f"{{}} {sign} 1")


def _kinds_of_index(around: str) -> tuple[str, ...]:
    """What it is that an index is the next one: a wrong length, the end of a sum, or an entry beside."""
    if ".shape[" in around:
        return "constant-factor", "broadcast"
    return ("shifted", "missing-term") if ":" in around else ("shifted",)


def _plus(by: int, value: Any) -> Any:
    return value + by


def exponents(site: Site, seen: Seen) -> Iterator[Change]:
    """An exponent that is larger or smaller by one, or has the other sign."""
    value = seen.value
    if site.role == EXPONENT and is_number(value):
        literal = expression(site.text.removeprefix("-"))
        named = literal is not None and not isinstance(literal, ast.Constant)
        texts = (_beside(site.text, "+"), _beside(site.text, "-"), _negative(site.text))
        for other, text in zip((value + 1, value - 1, -value), texts, strict=True):
            said = f"the exponent {text}" if named else f"{other:g} in place of the exponent {value:g}"
            for kind in ("missing-factor", "operand"):
                yield Change(kind, said, constant(other))


def _negative(text: str) -> str:
    """The end of "right with ...": an exponent with the other sign."""
    tree = expression(text)
    if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Sub):
        left, right = (ast.get_source_segment(text, side) for side in (tree.left, tree.right))
        if isinstance(tree.right, ast.Name | ast.Constant | ast.Attribute):
            return f"`{right} - {left}` in place of `{text}`"
    return rewritten(text, "-{}")


def constants(site: Site, seen: Seen) -> Iterator[Change]:
    """Another option in place of a number, other degrees of freedom."""
    value = seen.value
    whole_power = site.role == BASE and not isinstance(value, float)  # a large one, to a power, fills the memory
    if not is_number(value) or site.role in (AXIS, INDEX) or whole_power:
        return
    literal = not isinstance(value, float) or site.text.replace(".", "").replace("-", "").isdigit()
    if site.role not in (FACTOR, DIVISOR):
        yield from literals(site, seen)
    # What it is a part of, as in `sqrt(D)` for `D`, is the likeliest; then variables.
    known = sorted(seen.variables.items(), key=lambda v: (f"({site.text})" not in v[0], not is_name(v[0])))
    for name, other in known if literal else ():
        # What is computed hardly stands for a term, nor a count for a number that is spelled out.
        named = is_name(name) or not (site.role == TERM or (site.text.isdigit() and type(other) is int))
        if named and _may_be(value, other, site.role) and other != value and name not in (site.text, site.place.name):
            chosen = type(value) in (int, float) and _is_chosen(name, other)
            kind = "sign" if other == -value else "option-ignored" if chosen else "operand"
            yield Change(kind, f"`{name}` in place of `{site.text}`", variable(name))
    if isinstance(value, int) and site.place.name == "ddof":
        yield Change("constant-factor", f"ddof={1 - value} in place of {value}", constant(1 - value))


def literals(site: Site, seen: Seen) -> Iterator[Change]:
    """A number that is spelled out, and is too large or too small by one. As a factor that may be any mistake."""
    factor = site.role in (FACTOR, DIVISOR)
    whole = type(seen.value) is int and site.text.isdigit() and site.role not in (AXIS, INDEX, EXPONENT, BASE)
    for by in (1, -1) if whole and not (factor and seen.value == 1) else ():
        yield Change("operand", f"{seen.value + by} in place of `{site.text}`", constant(seen.value + by))


def ones(site: Site, seen: Seen) -> Iterator[Change]:
    """A mask or a weight in place of 1, and the root or the square of a number that is spelled out."""
    value = seen.value
    if not is_number(value) or site.role not in (TERM, FACTOR, DIVISOR):
        return
    for name, other in seen.variables.items() if value == 1 and not _counts(site, seen) else ():
        if is_name(name) and (is_mask(other) or is_array(other)):
            kind = "subset" if is_mask(other) else "missing-factor"
            yield Change(kind, f"`{name}` in place of `{site.text}`", variable(name))
    if value > 1 and site.text.replace(".", "").isdigit():
        yield Change("constant-factor", f"`sqrt({site.text})` in place of `{site.text}`", constant(float(value) ** 0.5))
        yield Change("constant-factor", f"`{site.text} ** 2` in place of `{site.text}`", constant(value * value))


def _counts(site: Site, seen: Seen) -> bool:
    """Whether a number stands among whole numbers alone, as in `k + 1`: there it counts, and weighs nothing."""
    tree = expression(site.around)
    known = [seen.variables.get(n.id) for n in ast.walk(tree) if isinstance(n, ast.Name)] if tree is not None else []
    return bool(known) and all(
        each.dtype.kind in "iu" if isinstance(each, np.ndarray) else is_whole(each) for each in known
    )


def _is_chosen(name: str, value: Any) -> bool:
    """Whether a number is a literal, or a variable or attribute that is no result of a calculation with arrays."""
    return type(value) in (int, float) and name.replace(".", "").replace("_", "").isalnum()


def _may_be(value: Any, other: Any, role: str) -> bool:
    """Whether one number may stand in place of the other: a whole one may be a length, for which memory is needed."""
    if role in (FACTOR, DIVISOR, TERM):
        return is_number(other)
    whole = isinstance(other, int | np.integer) and not isinstance(other, bool) and abs(int(other)) <= LONGEST
    return whole if isinstance(value, int | np.integer) else is_number(other)


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
