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


def _first_line(node: ast.AST) -> int | None:
    """The line where a piece of source begins, its decorators included; None for one without a line."""
    decorators = getattr(node, "decorator_list", [])
    return getattr(decorators[0] if decorators else node, "lineno", None)
