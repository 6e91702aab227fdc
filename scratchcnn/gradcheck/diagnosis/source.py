"""The source of the caller's code: the tree of a file, and the functions in it that some code may be compiled from."""

import ast
import linecache
from collections import deque
from functools import lru_cache
from types import CodeType

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@lru_cache(maxsize=16)
def tree_of(filename: str) -> ast.Module:
    """The source of a file; nothing where that is no Python."""
    try:
        return ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def functions_of(code: CodeType) -> list[ast.AST]:
    """The functions that begin in the line where some code does, the outer ones first."""
    line, found = code.co_firstlineno, list[ast.AST]()
    left: deque[ast.AST] = deque([tree_of(code.co_filename)])
    while left:
        for child in ast.iter_child_nodes(left.popleft()):
            first = _first_line(child)
            if first is None or first <= line <= (child.end_lineno or first):  # type: ignore[attr-defined]
                left.append(child)
                if isinstance(child, _FUNCTIONS) and first == line:
                    found.append(child)
    return found


def power_of(tree: ast.expr | None) -> tuple[ast.expr, float] | None:
    """The base and the exponent of a power with a number for it, as `x ** 3`, `x * x` or a root; None for no power."""
    if isinstance(tree, ast.BinOp):
        if isinstance(tree.op, ast.Mult):
            return (tree.left, 2.0) if ast.dump(tree.left) == ast.dump(tree.right) else None
        exponent = tree.right.value if isinstance(tree.right, ast.Constant) else None
        is_power = isinstance(tree.op, ast.Pow) and isinstance(exponent, int | float)
        return (tree.left, float(exponent)) if is_power else None  # type: ignore[arg-type]
    exponent = {"sqrt": 0.5, "square": 2.0}.get(called(tree))
    return (tree.args[0], exponent) if isinstance(tree, ast.Call) and tree.args and exponent is not None else None


def called(tree: ast.expr | None) -> str:
    """The name of the function or method that is called; empty where that has none."""
    function = tree.func if isinstance(tree, ast.Call) else None
    return str(getattr(function, "attr", getattr(function, "id", "")))


def _first_line(node: ast.AST) -> int | None:
    """The line where a piece of source begins, its decorators included; None for one without a line."""
    decorators = getattr(node, "decorator_list", [])
    return getattr(decorators[0] if decorators else node, "lineno", None)
