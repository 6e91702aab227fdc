"""The expressions in a function's source, and the function compiled so that each of them tells its value."""

import __future__

import ast
import copy
import linecache
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from types import CodeType
from typing import Any

from scratchcnn.gradcheck.diagnosis.edits.places import RESULTS, STORE, WINDOW, Place, place_of, skipped
from scratchcnn.gradcheck.diagnosis.steps.words import cut

# The names under which the compiled code finds what it tells values to.
SEE, PUT, PART, PRODUCT = "__see__", "__put__", "__part__", "__product__"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_FUTURE = __future__.annotations.compiler_flag


@dataclass(frozen=True)
class Site:
    """An expression in the caller's source.

    Attributes
    ----------
    number
        No two expressions have the same.
    place
        What it is for.
    text, around
        The expression, and the one that it is a part of.
    file, line
        Where that is.
    """

    number: int
    place: Place
    text: str
    around: str
    file: str
    line: int

    @property
    def role(self) -> str:
        """What it is for."""
        return self.place.role

    @property
    def where(self) -> str:
        """The expression around it and its line, for a reader."""
        return f"`{self.around}` ({os.path.basename(self.file)}:{self.line})"


@dataclass(frozen=True)
class Watched:
    """A function compiled so that its expressions tell their values, and these."""

    code: CodeType
    sites: tuple[Site, ...]


def watched(code: CodeType) -> Watched | None:
    """The function of some code; None where its source is not what is run."""
    return _watched(code, code.co_filename)


@lru_cache(maxsize=256)
def _watched(code: CodeType, filename: str) -> Watched | None:
    """The same; code of other files may be equal."""
    for node in _nodes(code):
        try:
            plain = _compiled(node, code)
        except (SyntaxError, ValueError):
            continue
        if plain is not None and _same(plain, code):
            wrapping = _Wrapping(filename)
            made = _compiled(wrapping.function(copy.deepcopy(node)), code)
            if made is not None and made.co_freevars == code.co_freevars:
                return Watched(made, tuple(wrapping.sites))
    return None


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two functions are compiled from the same source."""
    return _source(one) == _source(other)


def _source(code: CodeType) -> tuple[object, ...]:
    constants = [_source(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    return code.co_linetable, code.co_names, code.co_varnames, code.co_freevars, len(code.co_code), constants


@lru_cache(maxsize=16)
def _tree(filename: str) -> ast.Module:
    """The source of a file; nothing where that is no Python."""
    try:
        return ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError):
        return ast.Module([], [])


@lru_cache(maxsize=16)
def _functions(filename: str) -> dict[int, list[ast.AST]]:
    """The functions of a file, by their first lines."""
    found: dict[int, list[ast.AST]] = {}
    for node in ast.walk(_tree(filename)):
        if isinstance(node, _FUNCTIONS):
            decorators = getattr(node, "decorator_list", [])
            found.setdefault(decorators[0].lineno if decorators else node.lineno, []).append(node)
    return found


def _nodes(code: CodeType) -> list[ast.AST]:
    return _functions(code.co_filename).get(code.co_firstlineno, [])


def _compiled(node: ast.AST, code: CodeType) -> CodeType | None:
    """The code of a function in the middle of others, whose variables it sees as before."""
    if isinstance(node, ast.Lambda):
        inner: list[ast.stmt] = [ast.Expr(node)]
    else:
        bare = copy.copy(node)
        bare.decorator_list = []  # type: ignore[attr-defined]
        inner = [bare]  # type: ignore[list-item]
    names = [ast.arg(name) for name in code.co_freevars]
    arguments = ast.arguments([], names, None, [], [], None, [])
    outer = ast.FunctionDef("around", arguments, inner, [], lineno=1, col_offset=0)
    if hasattr(outer, "type_params"):
        outer.type_params = []
    # A call of what is imported is compiled in another way.
    imports = [s for s in _tree(code.co_filename).body if isinstance(s, ast.Import | ast.ImportFrom)]
    module = ast.fix_missing_locations(ast.Module([*imports, outer], []))
    made = compile(module, code.co_filename, "exec", flags=code.co_flags & _FUTURE, dont_inherit=True)
    around = next(c for c in made.co_consts if isinstance(c, CodeType))
    return next((c for c in around.co_consts if isinstance(c, CodeType) and c.co_name == code.co_name), None)


_numbers: Iterator[int] = count()


class _Wrapping:
    """Puts a call around each expression of a function that tells its value."""

    def __init__(self, filename: str) -> None:
        self.filename, self.sites = filename, list[Site]()
        self._windows: dict[str, list[ast.Subscript]] = {}  # of a statement, by their text

    def function(self, node: ast.AST) -> ast.AST:
        """The function, changed in place."""
        self._inside(node, "", ("body",))
        return node

    def _inside(self, node: ast.AST, role: str, fields: Sequence[str] = ()) -> None:
        """Watches the parts of a piece of source; all are looked at before the first is changed."""
        parts = [(field, k, child) for field, k, child in _parts(node) if field in (fields or node._fields)]
        places = [place_of(child, node, field, role) for field, _, child in parts]
        for (field, k, child), place in zip(parts, places, strict=True):
            if skipped(child, field):
                continue
            made = self._part(child, node, place)
            if k is None:
                setattr(node, field, made)
            else:
                getattr(node, field)[k] = made

    def _part(self, child: Any, parent: ast.AST, place: Place) -> Any:
        site = self._site(child, _around(child, parent), place) if place.looked_at else None
        self._inside(child, place.role)
        if isinstance(child, ast.Subscript):
            self._windowed(child)
        if isinstance(child, ast.Assign | ast.AugAssign):
            self._seen_twice()
            return self._stored(child)
        if isinstance(child, ast.BinOp) and isinstance(child.op, ast.MatMult):
            child = self._product(child)
        return child if site is None else _call(SEE, child, [ast.Constant(site.number), child])

    def _site(self, child: ast.AST, around: ast.AST, place: Place) -> Site:
        line: int = child.lineno  # type: ignore[attr-defined]
        site = Site(next(_numbers), place, self._text(child), self._text(around), self.filename, line)
        self.sites.append(site)
        return site

    def _text(self, node: ast.AST) -> str:
        """The source of an expression, or the first line of a loop."""
        first, last, right = node.lineno, node.end_lineno or node.lineno, node.end_col_offset  # type: ignore[attr-defined]
        if isinstance(node, ast.For) and last > first:
            last, right = first, None
        return cut(self.filename, (first, node.col_offset), (last, right))  # type: ignore[attr-defined]

    def _windowed(self, node: ast.Subscript) -> None:
        """Watches an index with slices as a whole."""
        if any(isinstance(part, ast.Slice) for part in ast.walk(node.slice)):
            site = self._site(node.slice, node, Place(True, WINDOW))
            self._windows.setdefault(site.text, []).append(node)
            node.slice = _call(SEE, node, [ast.Constant(site.number), _index(node.slice)])

    def _seen_twice(self) -> None:
        """Of a statement: watches indices that are the same as one."""
        for nodes in self._windows.values():
            if len(nodes) > 1:
                number = next(_numbers)
                first = next(s for s in self.sites if s.number == nodes[0].slice.args[0].value)  # type: ignore[attr-defined]
                self.sites.append(replace(first, number=number))
                for node in nodes:
                    node.slice = _call(SEE, node, [ast.Constant(number), node.slice])
        self._windows.clear()

    def _product(self, node: ast.BinOp) -> ast.AST:
        """`a @ b` as a call that may take them in the other order."""
        site = self._site(node, node, Place(True, RESULTS))
        both = ast.Tuple([node.left, node.right], ast.Load())
        return _call(PRODUCT, node, [_call(SEE, node, [ast.Constant(site.number), both])])

    def _stored(self, node: ast.Assign | ast.AugAssign) -> ast.AST:
        """`a[i] = v` and `a[i] += v` as calls that may do either."""
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        several = isinstance(node, ast.Assign) and len(node.targets) > 1
        added = isinstance(node, ast.AugAssign)
        if several or not isinstance(target, ast.Subscript) or (added and not isinstance(node.op, ast.Add)):  # type: ignore[union-attr]
            return node
        site = self._site(node, node, Place(True, STORE))
        base = target.value
        given = [ast.Constant(site.number), ast.Constant(added), node.value, base, _index(target.slice)]
        return ast.copy_location(ast.Expr(_call(PUT, node, given)), node)


def _index(index: ast.expr) -> ast.expr:
    """What stands in brackets, as an expression of its own."""
    if isinstance(index, ast.Slice):
        parts = [
            part or ast.copy_location(ast.Constant(None), index) for part in (index.lower, index.upper, index.step)
        ]
        return _call(PART, index, parts)
    if isinstance(index, ast.Tuple):
        index.elts = [_index(e) for e in index.elts]
    return index


def _call(name: str, at: ast.AST, arguments: list[ast.expr]) -> ast.Call:
    call = ast.copy_location(ast.Call(ast.Name(name, ast.Load()), arguments, []), at)
    return ast.fix_missing_locations(call)


def _parts(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """The parts of a piece of source: the field, the place in it where that is a list, and the part."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, k, child) for k, child in enumerate(value) if isinstance(child, ast.AST))


def _around(child: ast.AST, parent: ast.AST) -> ast.AST:
    """The expression or statement that shows what an expression is for."""
    return parent if isinstance(parent, ast.expr | ast.Assign | ast.AugAssign | ast.For) else child
