"""The expressions in a function's source, and the function compiled so that each of them tells its value."""

import __future__

import ast
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from scratchcnn.gradcheck.diagnosis.constants.roles import small_integers
from scratchcnn.gradcheck.diagnosis.edits.places import NOWHERE, RESULTS, STORE, WINDOW, Place, place_of, skipped
from scratchcnn.gradcheck.diagnosis.edits.site import Site, numbers
from scratchcnn.gradcheck.diagnosis.edits.together import Together
from scratchcnn.gradcheck.diagnosis.source import functions_of, tree_of
from scratchcnn.gradcheck.diagnosis.steps.words import cut

# The names under which the compiled code finds what it calls. Each expression tells its value to a name of its own.
SEE, PUT, PART, PRODUCT, ROUND = "__see_{}__", "__put__", "__part__", "__product__", "__round__"
# What an assignment does with what is there: `=` has no operator.
ASSIGNS: dict[type, str] = {type(None): "=", ast.Add: "+=", ast.Sub: "-="}
_FUTURE = __future__.annotations.compiler_flag


@dataclass(frozen=True)
class Watched:
    """A function compiled so that its expressions tell their values.

    Attributes
    ----------
    code
        The function.
    sites
        Its expressions, those that stand for several among them.
    groups
        By the number of an expression that stands for several: their numbers.
    """

    code: CodeType
    sites: tuple[Site, ...]
    groups: dict[int, tuple[int, ...]]


def watched(code: CodeType) -> Watched | None:
    """The function of some code; None where its source is not what is run."""
    return _watched(code, code.co_filename)


@lru_cache(maxsize=256)
def _watched(code: CodeType, filename: str) -> Watched | None:
    """The same; code of other files may be equal."""
    for node in functions_of(code):
        try:
            plain = _compiled(node, code)
        except (SyntaxError, ValueError):
            continue
        if plain is not None and _same(plain, code):
            wrapping, again = _Wrapping(filename), pickle.loads(pickle.dumps(node))  # quicker than a deep copy
            made = _compiled(wrapping.function(again), code)
            if made is not None and made.co_freevars == code.co_freevars:
                groups = dict(wrapping.groups())
                return Watched(made, tuple(wrapping.sites), groups)
    return None


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two functions are compiled from the same source."""
    return _source(one) == _source(other)


def _source(code: CodeType) -> tuple[object, ...]:
    constants = [_source(c) if isinstance(c, CodeType) else c for c in (*code.co_consts, *small_integers(code))]
    return code.co_linetable, code.co_names, code.co_varnames, code.co_freevars, len(code.co_code), constants


@lru_cache(maxsize=16)
def _imports(filename: str) -> list[ast.stmt]:
    """What a file imports: a call of that is compiled in another way."""
    return [s for s in tree_of(filename).body if isinstance(s, ast.Import | ast.ImportFrom)]


def _compiled(node: ast.AST, code: CodeType) -> CodeType | None:
    """The code of a function in the middle of others, whose variables it sees as before."""
    if isinstance(node, ast.Lambda):
        inner: list[ast.stmt] = [ast.copy_location(ast.Expr(node), node)]
    else:
        # Its own name may be one that it looks up: its own function, or the one that a method is called like.
        own = [] if code.co_name in code.co_freevars else [ast.Global([code.co_name], lineno=1, col_offset=0)]
        inner = [*own, node]  # type: ignore[list-item]
    names = [ast.arg(name, lineno=1, col_offset=0) for name in code.co_freevars]
    arguments = ast.arguments([], names, None, [], [], None, [])
    outer = ast.FunctionDef("around", arguments, inner, [], lineno=1, col_offset=0)
    if hasattr(outer, "type_params"):
        outer.type_params = []
    module = ast.Module([*_imports(code.co_filename), outer], [])
    made = compile(module, code.co_filename, "exec", flags=code.co_flags & _FUTURE, dont_inherit=True)
    around = next(c for c in made.co_consts if isinstance(c, CodeType))
    return next((c for c in around.co_consts if isinstance(c, CodeType) and c.co_name == code.co_name), None)


class _Wrapping:
    """Puts a call around each expression of a function that tells its value."""

    def __init__(self, filename: str) -> None:
        self.filename, self.sites = filename, list[Site]()
        self._counters: list[str] = []  # of the loops around
        self._call: ast.AST = ast.Pass()  # whose arguments are looked at
        self._together = Together()

    def function(self, node: ast.AST) -> ast.AST:
        """The function, changed in place."""
        self._inside(node, "", ("body",))
        return node

    def groups(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The number of each site that stands for several expressions, and theirs."""
        self.sites += self._together.groups()
        yield from ((site.number, site.members) for site in self.sites if site.members)

    def _inside(self, node: ast.AST, role: str, fields: Sequence[str] = ()) -> None:
        """Watches the parts of a piece of source; all are looked at before the first is changed."""
        parts = [(field, k, child) for field, k, child in _parts(node) if field in (fields or node._fields)]
        places = [place_of(child, node, field, role) for field, _, child in parts]
        for (field, k, child), place in zip(parts, places, strict=True):
            if skipped(child, node, field):
                continue
            made = self._part(child, node, place)
            if k is None:
                setattr(node, field, made)
            else:
                getattr(node, field)[k] = made

    def _part(self, child: Any, parent: ast.AST, place: Place) -> Any:
        if isinstance(parent, ast.Call):
            self._call = parent
        around = self._call if isinstance(parent, ast.keyword) else _around(child, parent)
        site = self._site(child, around, place) if place.looked_at else None
        if site is not None and (to := _added_to(child, parent)) is not None:
            self._together.add(site, self._text(to))
        if isinstance(child, ast.stmt):
            self._together.begin()
        counters = list(_counters(child))
        self._counters += counters
        self._inside(child, place.role)
        del self._counters[len(self._counters) - len(counters) :]
        if isinstance(child, ast.Subscript):
            self._windowed(child)
        if isinstance(child, ast.Assign | ast.AugAssign | ast.Return | ast.Expr):
            self._together.end(self._site_of(child))
        if isinstance(child, ast.Assign | ast.AugAssign):
            return self._stored(child)
        if isinstance(child, ast.BinOp) and isinstance(child.op, ast.MatMult):
            child = self._product(child)
        if isinstance(child, ast.For | ast.AsyncFor | ast.While):
            child.body.insert(0, ast.copy_location(ast.Expr(_call(ROUND, child, [])), child))
        if isinstance(child, ast.comprehension):
            child.ifs.append(_call(ROUND, child.iter, []))
        return child if site is None else _seen(site, child, child)

    def _site(self, child: ast.AST, around: ast.AST, place: Place) -> Site:
        site = self._site_of(child, around, place)
        self.sites.append(site)
        self._together.meet(site, around)
        return site

    def _site_of(self, child: ast.AST, around: ast.AST | None = None, place: Place = NOWHERE) -> Site:
        line: int = child.lineno  # type: ignore[attr-defined]
        texts = self._text(child), self._text(around or child)
        return Site(next(numbers), place, *texts, self.filename, line, tuple(dict.fromkeys(self._counters)))

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
            node.slice = _seen(site, node, _index(node.slice))

    def _product(self, node: ast.BinOp) -> ast.AST:
        """`a @ b` as a call that may take them in the other order."""
        site = self._site(node, node, Place(True, RESULTS))
        both = ast.copy_location(ast.Tuple([node.left, node.right], ast.Load()), node)
        return _call(PRODUCT, node, [_seen(site, node, both)])

    def _stored(self, node: ast.Assign | ast.AugAssign) -> ast.AST:
        """`a[i] = v`, `a[i] += v` and `a[i] -= v` as calls that may do another of these."""
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        several = isinstance(node, ast.Assign) and len(node.targets) > 1
        how = ASSIGNS.get(type(getattr(node, "op", None)))
        if several or not isinstance(target, ast.Subscript) or how is None:
            return node
        site = self._site(node, node, Place(True, STORE))
        given = [_constant(site.number, node), _constant(how, node), node.value, target.value, _index(target.slice)]
        return ast.copy_location(ast.Expr(_call(PUT, node, given)), node)


def _added_to(child: ast.AST, parent: ast.AST) -> ast.AST | None:
    """The array to whose entries an expression is added; None where it is to none."""
    if isinstance(parent, ast.AugAssign) and isinstance(parent.target, ast.Subscript):
        return parent.target.value
    if isinstance(parent, ast.Call) and getattr(parent.func, "attr", "") == "at" and child is parent.args[-1]:
        return parent.args[0]
    return None


def _index(index: ast.expr) -> ast.expr:
    """What stands in brackets, as an expression of its own."""
    if isinstance(index, ast.Slice):
        parts = [part or _constant(None, index) for part in (index.lower, index.upper, index.step)]
        return _call(PART, index, parts)
    if isinstance(index, ast.Tuple):
        index.elts = [_index(e) for e in index.elts]
    return index


def _seen(site: Site, at: ast.AST, value: ast.expr) -> ast.Call:
    """A value that an expression tells."""
    return _call(SEE.format(site.number), at, [_constant(site.number, at), value])


def _call(name: str, at: ast.AST, arguments: list[ast.expr]) -> ast.Call:
    called = ast.copy_location(ast.Name(name, ast.Load()), at)
    return ast.copy_location(ast.Call(called, arguments, []), at)


def _constant(value: Any, at: ast.AST) -> ast.Constant:
    return ast.copy_location(ast.Constant(value), at)


def _parts(node: ast.AST) -> Iterator[tuple[str, int | None, ast.AST]]:
    """The parts of a piece of source: the field, the place in it where that is a list, and the part."""
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield field, None, value
        elif isinstance(value, list):
            yield from ((field, k, child) for k, child in enumerate(value) if isinstance(child, ast.AST))


def _counters(node: ast.AST) -> Iterator[str]:
    """The variables of a loop."""
    loops = [node] if isinstance(node, ast.For) else getattr(node, "generators", [])
    for loop in loops:
        yield from (name.id for name in ast.walk(loop.target) if isinstance(name, ast.Name))


def _around(child: ast.AST, parent: ast.AST) -> ast.AST:
    """The expression or statement that shows what an expression is for."""
    return parent if isinstance(parent, ast.expr | ast.Assign | ast.AugAssign | ast.For) else child
