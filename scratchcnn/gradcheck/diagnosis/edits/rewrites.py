"""Another sign of an operation: of a comparison, of a division; and the slope of silu among other factors."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.activations import sigmoid
from scratchcnn.gradcheck.diagnosis.edits.change import Change, is_array, is_mask, is_number, is_value
from scratchcnn.gradcheck.diagnosis.edits.derived import CLOSE
from scratchcnn.gradcheck.diagnosis.edits.readings import Reading, instead, is_whole, read
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.variables import is_name

# What may stand in place of a comparison's sign: the other direction first.
SIGNS: dict[type, tuple[str, ...]] = {
    ast.Lt: (">", "<=", ">="),
    ast.LtE: (">=", "<", ">"),
    ast.Gt: ("<", ">=", "<="),
    ast.GtE: ("<=", ">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
}
# The slope of a sigmoid, by its value, among other factors.
SLOPE = re.compile(r"(\()?(?<![\w.])([\w.]+) \* \(1(?:\.0)? - \2\)(?(1)\))")


def divisions(site: Site, seen: Seen) -> Iterator[Change]:
    """A quotient in place of a whole one."""
    if "//" in site.text and _is_numbers(seen.value) and is_whole(site):
        yield from instead(site, with_quotients(site.text), "operand")


def _is_numbers(value: Any) -> bool:
    """Whether it is a number, or an array of numbers, whole ones or floats."""
    return is_number(value) or (isinstance(value, np.ndarray) and value.dtype.kind in "iuf")


def comparisons(site: Site, seen: Seen) -> Iterator[Change]:
    """A comparison the other way round, or one that equal numbers pass where they should not, or do not."""
    if is_mask(seen.value) or isinstance(seen.value, bool | np.bool_):
        yield from instead(site, compared_otherwise(site.text), "subset", "operand")


@lru_cache(maxsize=1024)
def compared_otherwise(text: str) -> tuple[Reading, ...]:
    """The comparison of the same two expressions with another sign."""
    return read(text, _with_another_sign)


def _with_another_sign(text: str, tree: ast.expr) -> Iterator[str]:
    if isinstance(tree, ast.Compare) and len(tree.ops) == 1:
        left, right = ast.get_source_segment(text, tree.left), ast.get_source_segment(text, tree.comparators[0])
        yield from (f"{left} {sign} {right}" for sign in SIGNS.get(type(tree.ops[0]), ()))


@lru_cache(maxsize=1024)
def with_quotients(text: str) -> tuple[Reading, ...]:
    """The expression with `/` in place of `//`."""
    return read(text, lambda written, _: iter([written.replace("//", "/")]))


def sigmoid_slopes(site: Site, seen: Seen) -> Iterator[Change]:
    """The slope of silu in place of that of the sigmoid, where both factors of it stand in a product."""
    found = SLOPE.search(site.text) if is_value(seen.value) and is_whole(site) else None
    value = seen.variables.get(found.group(2)) if found else None
    if found is None or not is_array(value):
        return
    for name, other in seen.variables.items():
        if is_name(name) and is_array(other) and _is_sigmoid(other, value):
            yield from instead(site, read(site.text, partial(_slope_of_silu, found.group(2), name)), "operand")


def _is_sigmoid(z: Any, value: Any) -> bool:
    return z.shape == value.shape and bool(np.allclose(sigmoid(z), value, rtol=CLOSE, atol=0))


def _slope_of_silu(value: str, z: str, text: str, _: ast.expr) -> Iterator[str]:
    yield SLOPE.sub(f"({value} * (1 + {z} * (1 - {value})))", text, count=1)
