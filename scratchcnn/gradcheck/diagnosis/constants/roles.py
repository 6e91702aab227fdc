"""What a constant in the source is for: an axis, an index, a limit, or a number to calculate with."""

import ast
import dis
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType

from scratchcnn.gradcheck.diagnosis.source import called, functions_of

AXIS, INDEX, LIMIT, NUMBER = "axis", "index", "limit", "number"
# How a constant is loaded; since Python 3.14 a small integer has an instruction of its own.
CONSTANT, SMALL_INTEGER = "LOAD_CONST", "LOAD_SMALL_INT"
Position = tuple[int | None, int | None]
# Functions that take an axis, a place or a limit.
REDUCTIONS = {
    "sum",
    "mean",
    "std",
    "var",
    "max",
    "min",
    "prod",
    "cumsum",
    "argmax",
    "argmin",
    "norm",
    "softmax",
    "flip",
}
POSITIONS = {"range", "arange", "roll", "tri", "tril", "triu", "eye", "take"}
LIMITS = {"maximum", "minimum", "fmax", "fmin", "clip"}


def role(code: CodeType, offset: int) -> str:
    """What the constant that an instruction loads is for; empty without a source."""
    return _roles(code, code.co_filename).get(_positions(code).get(offset), ("", None))[0]


def around(code: CodeType, offset: int) -> str:
    """The text of the expression around the constant that an instruction loads; empty without a source."""
    _, node = _roles(code, code.co_filename).get(_positions(code).get(offset), ("", None))
    return ast.unparse(node) if node is not None else ""


@lru_cache(maxsize=256)
def instructions(code: CodeType) -> list[dis.Instruction]:
    """The instructions of a function, in their order."""
    return list(dis.get_instructions(code))


def small_integers(code: CodeType) -> list[int]:
    """The integers that since Python 3.14 stand in an instruction, and not among the constants of the code."""
    return [int(i.argval) for i in instructions(code) if i.opname == SMALL_INTEGER]


@lru_cache(maxsize=256)
def _positions(code: CodeType) -> dict[int, Position]:
    """The line and column of each instruction."""
    places = ((i.offset, i.positions) for i in instructions(code))
    return {offset: (p.lineno, p.col_offset) for offset, p in places if p is not None}


@lru_cache(maxsize=256)
def _roles(code: CodeType, filename: str) -> dict[Position | None, tuple[str, ast.expr | None]]:
    """The role of each constant of a function, and the expression around it, by line and column.

    Code of other files may be equal.
    """
    trees = functions_of(code)
    return {(node.lineno, node.col_offset): (kind, near) for tree in trees for node, kind, near in _constants(tree)}


def _constants(tree: ast.AST) -> Iterator[tuple[ast.expr, str, ast.expr | None]]:
    """The constants of a function, the role of each, and the expression around it."""
    left: list[tuple[ast.AST, str, ast.expr | None]] = [(tree, NUMBER, None)]
    while left:
        parent, kind, around = left.pop()
        near = parent if isinstance(parent, ast.Call | ast.Compare | ast.BinOp | ast.Subscript) else around
        for child in ast.iter_child_nodes(parent):
            inner = _inside(parent, child, kind)
            if isinstance(child, ast.Constant | ast.UnaryOp | ast.Tuple | ast.Slice):
                yield child, inner, near
            left.append((child, inner, near))


def _inside(parent: ast.AST, child: ast.AST, kind: str) -> str:
    """What a constant inside `child`, a part of `parent`, is for."""
    if isinstance(parent, ast.keyword):
        return AXIS if parent.arg in ("axis", "dim", "axes") else NUMBER
    if isinstance(parent, ast.Subscript) and child is parent.slice:
        return INDEX
    if isinstance(parent, ast.Compare):
        return LIMIT
    if isinstance(parent, ast.Call):
        name = called(parent)
        by_name = ((AXIS, REDUCTIONS), (INDEX, POSITIONS), (LIMIT, LIMITS))
        return next((role for role, names in by_name if name in names), NUMBER)
    plain = isinstance(parent, ast.BinOp | ast.Lambda | ast.stmt)
    return NUMBER if plain and kind != INDEX else kind
