"""A part of a product or a sum that is wrong: too much, missing, another variable, a function of it."""

import ast
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import (
    Change,
    broadcasts,
    combined,
    expression,
    is_array,
    is_mask,
    is_number,
    is_positions,
    is_value,
    is_whole,
    made_by,
    rewritten,
    variable,
)
from scratchcnn.gradcheck.diagnosis.edits.places import ASSIGNED, AXIS, DIVISOR, EXPONENT, FACTOR, INDEX, LIMIT, TERM
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.variables import is_name
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS
from scratchcnn.gradcheck.numerical.noise import EPS

# What may be made of a value: what is said, with {} for it, and the function.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "1 - {}": lambda v: 1 - v,
    "1 + {}": lambda v: 1 + v,
    "{} ** 2": lambda v: v * v,
    "1 / {}": np.reciprocal,
    "sqrt({})": np.sqrt,
    "abs({})": np.abs,
    "exp({})": np.exp,
    "log({})": np.log,
    "sign({})": np.sign,
    "tanh({})": np.tanh,
}
# Nobody writes these of a number.
OF_NO_NUMBER = ("abs({})", "sign({})", "tanh({})")
# What may be made of a value and a variable.
PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "{} * {name}": lambda v, a: v * a,
    "{} / {name}": np.divide,
    "{} * (1 - {name})": lambda v, a: v * (1 - a),
    "{} * (1 - {name} ** 2)": lambda v, a: v * (1 - a * a),
    "{} * log({name})": lambda v, a: v * np.log(a),
    "{} * ({name} > 0)": lambda v, a: v * (a > 0),
}
PLAIN = ("{} * {name}", "{} / {name}")
MASKED = {"{} * {name}": PRODUCTS["{} * {name}"]}
POSITIONS = {said: PRODUCTS[said] for said in PLAIN}
SUMS: dict[str, Callable[[Any, Any], Any]] = {
    "{} + {name}": lambda v, a: v + a,
    "{} - {name}": lambda v, a: v - a,
}


def superfluous(site: Site, seen: Seen) -> Iterator[Change]:
    """A factor, a divisor or a term that should not be there."""
    if is_array(seen.value) or is_number(seen.value):
        if site.role in (FACTOR, DIVISOR):
            kind = "constant-factor" if type(seen.value) in (int, float) else "missing-factor"
            yield Change(kind, f"no {site.role} `{site.text}`", made_by(lambda v: v * 0 + 1))
        if site.role == TERM:
            yield Change("missing-term", f"no term `{site.text}`", made_by(lambda v: v * 0))


def offsets(site: Site, seen: Seen) -> Iterator[Change]:
    """A number that has to be added."""
    if is_array(seen.value) and site.role not in (TERM, INDEX):
        kind = "option-ignored" if site.role == LIMIT else "missing-term"
        for name, other in seen.variables.items():
            if is_number(other) and other != 0 and (type(other) is float or site.role == LIMIT):
                for said, function in SUMS.items():
                    yield Change(kind, rewritten(site.text, said, name), combined(name, function))


def opposites(site: Site, seen: Seen) -> Iterator[Change]:
    """A sign, where the gradient is not linear in the value: also of what an array is rolled by."""
    if is_whole(seen.value) and "roll(" in site.around and not site.text.startswith("-"):
        yield Change("shifted", rewritten(site.text, "-{}"), made_by(lambda v: -v))
    if is_array(seen.value) and site.role not in (INDEX, LIMIT):
        for kind in ("operand", "sign"):
            yield Change(kind, rewritten(site.text, "-{}"), made_by(lambda v: -v))


def variables(site: Site, seen: Seen) -> Iterator[Change]:
    """Another variable in place of one, or one minus it."""
    yield from _others(site, seen, {k: v for k, v in seen.variables.items() if is_name(k)})


def computed(site: Site, seen: Seen) -> Iterator[Change]:
    """What forward computes and no variable holds in place of one, or one minus it."""
    yield from _others(site, seen, {k: v for k, v in seen.variables.items() if not is_name(k)})


def _others(site: Site, seen: Seen, others: dict[str, Any]) -> Iterator[Change]:
    if site.role in (AXIS, EXPONENT):
        return
    for name, other in others.items():
        if name not in (site.text, _assigned(site)) and _alike(seen.value, other) and _decides(site, other):
            kind = "subset" if is_mask(seen.value) and is_mask(other) else _kind_of_other(site, seen, name, other)
            for each in dict.fromkeys((kind, "operand")):
                yield Change(each, f"`{name}` in place of `{site.text}`", variable(name))
            if is_array(other) and site.role != LIMIT and 0 <= other.min() <= other.max() <= 1:  # a share
                yield Change(kind, rewritten(site.text, "1 - {name}", name), combined(name, lambda _, a: 1 - a))


def _decides(site: Site, other: Any) -> bool:
    """Whether a value that is compared with a number is larger at some entries and smaller at others."""
    tree = expression(site.around) if site.role == LIMIT else None
    if not isinstance(tree, ast.Compare) or not isinstance(other, np.ndarray):
        return True
    limits = [side.value for side in (tree.left, *tree.comparators) if isinstance(side, ast.Constant)]
    return not limits or bool(other.min() < limits[0] < other.max())


def names(site: Site, seen: Seen) -> Iterator[Change]:
    """Another variable of the function in place of one."""
    if is_name(site.text):
        yield from (c for c in variables(site, seen) if "1 - " not in c.said)


def before(site: Site, seen: Seen) -> Iterator[Change]:
    """The entry before, of what a loop has kept of its rounds; before the first round, what it began with."""
    kept, _, counter = site.text.removesuffix("]").partition("[")
    if counter in site.counters and is_array(seen.value) and len(seen.variables.get(kept, ())) > 1:
        for name, first in seen.variables.items():
            if is_name(name) and isinstance(first, np.ndarray) and first.shape == seen.value.shape:
                said = f"`{kept}[{counter} - 1]` in place of `{site.text}`, `{name}` where {counter} is 0"
                yield Change("stale", said, partial(_before, kept, counter, name))


def _before(kept: str, counter: str, first: str, _: Any, variables: dict[str, Any]) -> Any:
    return variables[kept][variables[counter] - 1] if variables[counter] else variables[first]


def functions(site: Site, seen: Seen) -> Iterator[Change]:
    """A function of a value in its place."""
    whole = isinstance(seen.value, np.ndarray) and seen.value.dtype.kind == "i" and site.role != INDEX
    if whole and (seen.value < 0).any() and not (seen.value <= 0).all():
        yield Change("operand", rewritten(site.text, "abs({})"), made_by(np.abs))
    if is_value(seen.value) and site.role != INDEX:
        left_out = OF_NO_NUMBER if isinstance(expression(site.text), ast.Constant) else ()
        for said, function in ((said, made) for said, made in FUNCTIONS.items() if said not in left_out):
            kind = "missing-term" if said.startswith("1 +") else "operand"
            if _matters(seen, function(seen.value)):
                yield Change(kind, rewritten(site.text, said), made_by(function))


def factors(site: Site, seen: Seen) -> Iterator[Change]:
    """A variable that is missing as a factor or as a divisor."""
    yield from _factors(site, seen, {said: PRODUCTS[said] for said in PLAIN}, is_name)


def masked(site: Site, seen: Seen) -> Iterator[Change]:
    """A mask of truth values that is forgotten."""
    if is_array(seen.value) and site.role not in (FACTOR, DIVISOR, INDEX, LIMIT):
        for name, other in seen.variables.items():
            truths = is_name(name) and name != site.text and is_mask(other) and other.dtype == bool
            if truths and broadcasts(other.astype(np.float64), seen.value):
                yield from _combinations(site, seen, name, MASKED, "subset")


def derivatives(site: Site, seen: Seen) -> Iterator[Change]:
    """A factor that is missing and that is computed: from a variable, or by forward."""
    yield from _factors(site, seen, {said: PRODUCTS[said] for said in PLAIN}, lambda name: not is_name(name))
    if site.role != LIMIT:  # a limit is no derivative
        yield from _factors(site, seen, {said: made for said, made in PRODUCTS.items() if said not in PLAIN})


def _factors(
    site: Site,
    seen: Seen,
    ways: dict[str, Callable[[Any, Any], Any]],
    counts: Callable[[str], bool] = lambda name: True,
) -> Iterator[Change]:
    if is_value(seen.value) and site.role not in (FACTOR, DIVISOR, INDEX):
        for name, other in ((name, other) for name, other in seen.variables.items() if counts(name)):
            chosen = is_name(name) and is_number(other) and other not in (0, 1)
            if name != site.text and (chosen or (broadcasts(other, seen.value) and not _equal(other, seen.value))):
                yield from _combinations(site, seen, name, ways, "missing-factor")
            if is_name(name) and is_positions(other, seen.value) and ways.keys() <= POSITIONS.keys():
                yield from _combinations(site, seen, name, POSITIONS, "missing-factor")


def terms(site: Site, seen: Seen) -> Iterator[Change]:
    """A term that is missing."""
    if is_value(seen.value) and site.role not in (TERM, INDEX):
        for name, other in seen.variables.items():
            if name != site.text and is_name(name) and broadcasts(other, seen.value):
                yield from _combinations(site, seen, name, SUMS, "missing-term")


def products(site: Site, seen: Seen) -> Iterator[Change]:
    """A matrix that is missing."""
    value, kind = seen.value, _kind(site, "missing-factor")
    if not is_array(value) or value.ndim != 2:
        return
    for name, other in seen.variables.items():
        if name != site.text and is_array(other) and other.ndim == 2 and other.shape[0] == other.shape[1]:
            if len(other) == value.shape[0]:
                said = f"`{name} @ {site.text}` in place of `{site.text}`"
                yield Change(kind, said, combined(name, lambda v, a: a @ v))
            if len(other) == value.shape[1]:
                said = f"`{site.text} @ {name}` in place of `{site.text}`"
                yield Change(kind, said, combined(name, lambda v, a: v @ a))


def _assigned(site: Site) -> str:
    """The variable that the expression is assigned to: what it was before is no other value for it."""
    return site.place.name if site.role == ASSIGNED else ""


def _combinations(
    site: Site, seen: Seen, name: str, functions: dict[str, Callable[[Any, Any], Any]], kind: str
) -> Iterator[Change]:
    for said, function in functions.items():
        if _matters(seen, function(seen.value, seen.variables[name])):
            made = "subset" if "> 0" in said else _kind(site, kind)
            yield Change(made, rewritten(site.text, said, name), combined(name, function))


def _matters(seen: Seen, made: Any) -> bool:
    """Whether a value in place of another one is worth a run: it is finite where that is, and it is another one."""
    if np.isfinite(seen.value).all() and not np.isfinite(made).all():
        return False
    return len(seen.rounds) > 1 or not np.array_equal(made, seen.value)


def _kind(site: Site, kind: str) -> str:
    """What is compared with a limit is a wrong operand, whatever it lacks."""
    return "operand" if site.role == LIMIT else kind


def _kind_of_other(site: Site, seen: Seen, name: str, other: Any) -> str:
    """What the mistake is where another expression should stand: a factor or a term that it lacks, or an operand."""
    value = seen.value
    if is_array(value) and _same_everywhere(other - value):
        return "missing-term"
    known = (v for v in seen.variables.values() if is_array(value) and broadcasts(v, value))
    if any(_alike_to_roundoff(value * v, other) or _alike_to_roundoff(other * v, value) for v in known):
        return "missing-factor"
    one, tree = expression(site.text), expression(name)
    if one is None or tree is None:
        return "operand"
    way = _way(tree, ast.dump(one))
    if way and all(isinstance(op, ast.Mult | ast.Div | ast.MatMult) for op in way):
        return "missing-factor"
    return "missing-term" if way and all(isinstance(op, ast.Add | ast.Sub) for op in way) else "operand"


def _way(tree: ast.expr, inner: str) -> list[ast.operator]:
    """The operations that lead from an expression to one inside; none where it is not there."""
    if isinstance(tree, ast.BinOp):
        for part in (tree.left, tree.right):
            if ast.dump(part) == inner:
                return [tree.op]
            if way := _way(part, inner):
                return [tree.op, *way]
    return []


def _equal(one: Any, other: Any) -> bool:
    """Whether two arrays are the same one: its square is tried by itself."""
    return bool(np.array_equal(one, other))


def _alike_to_roundoff(one: Any, other: Any) -> bool:
    return bool((np.abs(one - other) <= ROUNDOFFS * EPS * np.abs(other)).all())


def _same_everywhere(values: Any) -> bool:
    return bool(np.ptp(values) <= ROUNDOFFS * EPS * np.abs(values).max())


def _alike(value: Any, other: Any) -> bool:
    """Whether one may stand in place of the other, and is something else."""
    if isinstance(value, float):
        return isinstance(other, float) and value != other
    if isinstance(value, np.ndarray):
        if not isinstance(other, np.ndarray) or value.size < 2 or value.dtype.kind != other.dtype.kind:
            return False
        if value.shape != other.shape:  # a column may stand where a table belongs
            return value.ndim == other.ndim > 1 and broadcasts(value, other)
        return not np.array_equal(value, other)
    return isinstance(value, list) and isinstance(other, list) and len(value) == len(other) and value is not other
