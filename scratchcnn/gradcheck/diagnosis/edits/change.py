"""What may be changed in an expression of backward."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.seen import Edit, Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site


@dataclass(frozen=True)
class Change:
    """A change of an expression that may make the gradient right.

    Attributes
    ----------
    kind
        The mistake, if it does: one of DESIGN's names.
    said
        The change: the end of "right with ...".
    edit
        From the value to the one in its place.
    """

    kind: str
    said: str
    edit: Edit


Changes = Callable[[Site, Seen], Iterator[Change]]
"""From an expression and what it told: in what ways it may be wrong."""


def is_number(value: Any) -> bool:
    """Whether it is a single number."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_array(value: Any) -> bool:
    """Whether it is an array of floats with an axis."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim > 0 and value.size > 1


def is_value(value: Any) -> bool:
    """Whether it is an array of floats, or a single one."""
    return isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 0)


def is_single(value: Any) -> bool:
    """Whether it is a float, or an array of one without axes."""
    return isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 0)


def is_mask(value: Any) -> bool:
    """Whether it is an array of truth values, or of zeros and ones."""
    if not isinstance(value, np.ndarray) or value.size < 2:
        return False
    if value.dtype.kind not in "iuf" or value.item(0) not in (0, 1):
        return bool(value.dtype == bool)
    return bool(((value == 0) | (value == 1)).all() and value.any() and not value.all())


def broadcasts(other: Any, value: Any) -> bool:
    """Whether an array may be combined with another one without making it larger; or a number with a number."""
    if is_single(value) or is_single(other):
        return is_single(value) and is_single(other)
    if not is_array(other):
        return False
    try:
        shape: tuple[int, ...] = np.broadcast_shapes(other.shape, value.shape)
    except ValueError:
        return False
    return bool(shape == value.shape)


def is_positions(other: Any, value: Any) -> bool:
    """Whether an array of whole numbers may be combined with another one."""
    whole = isinstance(other, np.ndarray) and other.dtype.kind in "iu" and other.size > 1
    return whole and broadcasts(other.astype(np.float64), value)


def upside_down(mask: Any) -> Any:
    """The other entries of a mask."""
    return ~mask if mask.dtype == bool else 1 - mask


def rewritten(text: str, pattern: str, name: str = "") -> str:
    """The end of "right with ...": what a pattern makes of an expression, `{}`, and another one, `{name}`."""
    one = text if "({})" in pattern else _operand(text)
    return f"`{pattern.format(one, name=_operand(name))}` in place of `{text}`"


@lru_cache(maxsize=4096)
def expression(text: str) -> ast.expr | None:
    """An expression of the source, parsed; None where it is none by itself, as a slice."""
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        return None


def _operand(text: str) -> str:
    """An expression as an operand: in parentheses where it is an operation itself."""
    tree = expression(text)
    return f"({text})" if isinstance(tree, ast.BinOp | ast.UnaryOp | ast.Compare | ast.IfExp | ast.BoolOp) else text


def constant(value: Any) -> Edit:
    """What is in its place is always the same."""
    return lambda *_: value


def is_numeric(value: Any) -> bool:
    """Whether it is an array of floats or a mask, or a single float: twice as large, it is another one."""
    return is_array(value) or is_mask(value) or isinstance(value, float)


def made_by(function: Callable[[Any], Any]) -> Edit:
    """A function of a value in its place."""
    return lambda value, _: function(value)


def variable(name: str) -> Edit:
    """A variable in its place."""
    return lambda _, variables: variables[name]


def combined(name: str, function: Callable[[Any, Any], Any]) -> Edit:
    """A function of a value and a variable in its place."""
    return lambda value, variables: function(value, variables[name])
