"""What an expression in the source is for: an axis, an index, a factor; and which expressions are looked at."""

import ast
import builtins
from typing import NamedTuple

from scratchcnn.gradcheck.diagnosis.constants.roles import LIMITS, POSITIONS, REDUCTIONS
from scratchcnn.gradcheck.diagnosis.source import called

AXIS, INDEX, LIMIT, EXPONENT, BASE = "axis", "index", "limit", "exponent", "base"
FACTOR, DIVISOR, TERM, MATRIX, SUBSCRIPTS = "factor", "divisor", "term", "matrix", "subscripts"
CALLED, ROUNDS, RESULTS, ASSIGNED, VALUE = "called", "rounds", "results", "assigned", "value"
STORE, MODE, BRANCH = "store", "mode", "branch"
# What stands in brackets and has slices; the operands of a product of matrices are `RESULTS`.
WINDOW = "window"
# Two expressions, or two variables, each of which may belong where the other stands.
PAIR, NAMES = "pair", "names"
# What an object keeps, all of it.
KEPT = "kept"
TOGETHER = (PAIR, NAMES, KEPT)
"""What is looked at as a whole: its parts are changed in different ways."""
# Names of keywords, and of parameters, that are an axis.
AXES = ("axis", "dim", "axes")
# Names of modules: functions of theirs take the array as an argument.
MODULES = ("np", "numpy", "jnp")
# In place of the position of an argument: the variable is changed by `+=` and its like.
AUGMENTED = -2
# How many results may be in another order.
MOST_RESULTS = 4
_STICKY = (INDEX, AXIS, LIMIT)


class Place(NamedTuple):
    """Whether an expression is looked at, and what it is for.

    `name` is that of the variable that it is assigned to, of the function that it is called as, or that it is an
    argument of, at the position `argument`, which is `AUGMENTED` where the variable is changed by `+=` and its like.
    """

    looked_at: bool
    role: str
    name: str = ""
    argument: int = -1


NOWHERE = Place(False, "")
"""Of what is not looked at."""


def skipped(child: ast.AST, parent: ast.AST, field: str) -> bool:
    """Whether a part of the source is left as it is: no value of the calculation, or what ends a loop."""
    if isinstance(parent, ast.keyword) and parent.arg == "out":
        return True  # what is written to
    if field == "test" and not isinstance(parent, ast.If | ast.IfExp):
        return True
    if isinstance(child, ast.JoinedStr | ast.expr_context | ast.operator | ast.cmpop | ast.arguments):
        return True
    if field in ("annotation", "returns", "decorator_list", "bases", "exc", "cause", "msg"):
        return True
    return isinstance(child, ast.Assert | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal | ast.Delete)


def place_of(child: ast.AST, parent: ast.AST, field: str, role: str) -> Place:
    """What a part of the source is for, given what its parent is for."""
    kept = role if role in _STICKY and not isinstance(parent, ast.Call | ast.Subscript | ast.keyword) else VALUE
    kept = role if isinstance(parent, ast.IfExp) else kept  # either branch is for what both are for
    found = _role(child, parent, field) or kept
    if not isinstance(child, ast.expr) or isinstance(getattr(child, "ctx", None), ast.Store | ast.Del):
        return Place(False, found)
    if field == "func":
        name = getattr(child, "attr", getattr(child, "id", ""))
        own = isinstance(child, ast.Name) and not hasattr(builtins, name)  # it may be a function of the caller's
        return Place(own or name in TWINS, CALLED, name)
    if isinstance(child, ast.Constant):
        numeric = type(child.value) in (int, float)
        known = numeric or found in (SUBSCRIPTS, MODE) or (found == AXIS and child.value is None)
        return Place(known, found, *_argument(child, parent))
    if isinstance(child, ast.Tuple | ast.List):
        several = 2 <= len(child.elts) <= MOST_RESULTS and found not in (INDEX, AXIS)
        kind = AXIS if found == AXIS else RESULTS if several else found
        return Place(several or found == AXIS, kind, *_argument(child, parent))
    if isinstance(child, ast.Slice | ast.Starred | ast.IfExp | ast.Yield | ast.YieldFrom | ast.Await | ast.Lambda):
        return Place(False, found)
    if field == "value" and isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
        return Place(False, found)  # what is written to
    if isinstance(child, ast.Name) and isinstance(parent, ast.Attribute) and child.id in (*MODULES, "self"):
        return Place(False, found)
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
        return Place(True, ASSIGNED, parent.targets[0].id)
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple):
        return Place(True, RESULTS)
    if isinstance(parent, ast.AugAssign) and isinstance(parent.target, ast.Name):
        return Place(True, found, parent.target.id, AUGMENTED)
    return Place(True, found, *_argument(child, parent))


def _argument(child: ast.expr, parent: ast.AST) -> tuple[str, int]:
    """The function of the caller's that an expression is an argument of, and its position; or the keyword."""
    if isinstance(parent, ast.keyword):
        return parent.arg or "", -1
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and child in parent.args:
        return parent.func.id, parent.args.index(child)
    return "", -1


def _role(child: ast.AST, parent: ast.AST, field: str) -> str:
    if isinstance(parent, ast.keyword):
        return AXIS if parent.arg in AXES else MODE if parent.arg == "mode" else ""
    if isinstance(parent, ast.Subscript):
        return INDEX if field == "slice" else ""
    if isinstance(parent, ast.Compare):
        return LIMIT
    if isinstance(parent, ast.If | ast.IfExp) and field == "test":
        return BRANCH
    if isinstance(parent, ast.BinOp | ast.AugAssign):
        return _of_operation(parent.op, right=field in ("right", "value"))
    if isinstance(parent, ast.For | ast.comprehension) and field == "iter":
        return ROUNDS
    if isinstance(parent, ast.Call) and field == "args":
        return _of_argument(child, parent)
    return ""


def _of_operation(op: ast.operator, *, right: bool) -> str:
    if isinstance(op, ast.Mult):
        return FACTOR
    if isinstance(op, ast.Div):
        return DIVISOR if right else FACTOR
    if isinstance(op, ast.Add | ast.Sub):
        return TERM
    if isinstance(op, ast.Pow):
        return EXPONENT if right else BASE
    return MATRIX if isinstance(op, ast.MatMult) else ""


def _of_argument(child: ast.AST, call: ast.Call) -> str:
    name = called(call)
    position = call.args.index(child)  # type: ignore[arg-type]
    if name in ("einsum",) and position == 0:
        return SUBSCRIPTS
    if name in REDUCTIONS and position == int(of_module(call) or isinstance(call.func, ast.Name)):
        return AXIS
    if name in POSITIONS:
        return INDEX
    if name in ("dot", "matmul", "outer", "einsum"):
        return MATRIX
    return LIMIT if name in LIMITS else ""


# Functions that reduce an array along some axes.
REDUCED = ("sum", "mean", "max", "min", "std", "var")


def of_module(call: ast.Call) -> bool:
    """Whether a function of a module is called, which takes the array as its first argument."""
    return isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") in MODULES


# What stands for the argument of a function in place of its value.
ITSELF = "its argument"
# Functions that are taken for each other.
TWINS = {
    "sum": ("mean",),
    "mean": ("sum",),
    "max": ("min",),
    "min": ("max",),
    "argmax": ("argmin",),
    "argmin": ("argmax",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "tril": ("triu",),
    "triu": ("tril",),
    "repeat": ("tile",),
    "tile": ("repeat",),
    "sin": ("cos",),
    "cos": ("sin",),
    "std": ("var",),
    "var": ("std",),
    "cumsum": (),
    "cumprod": (),
    "clip": (ITSELF,),
    **dict.fromkeys(("sqrt", "square", "exp", "log", "abs", "tanh", "sign"), (ITSELF,)),
}
