"""A step of forward in words: its text in the caller's code, and where that is."""

import ast
import linecache
import os
from dataclasses import dataclass
from types import CodeType

from scratchcnn.gradcheck.diagnosis.source import power_of
from scratchcnn.gradcheck.diagnosis.steps.tape import LEFT, RIGHT, Step

# In characters: a longer expression is cut short.
MOST_LETTERS = 60


@dataclass(frozen=True)
class Words:
    """The texts of a step: the expression, the operand that is differentiated, the other one."""

    step: str
    operand: str
    other: str


def words(step: Step) -> Words | None:
    """The texts of a step; None where the code has no source."""
    tree, text = _parsed(step)
    if tree is None:
        return None
    code, instruction = step.site[-1]
    where = f"{os.path.basename(code.co_filename)}:{source(code, instruction)[1]}"
    operand, other = _operands(tree, step.operand, code)
    short = f"`{_short(text)}` ({where})"
    return Words(short, f"`{_short(operand)}`" if operand else "its argument", f"`{_short(other)}`" if other else "it")


def exponent_of(step: Step) -> float | None:
    """The exponent of a power with a number for it, as `x ** 3`, `x * x` or a root; None where a step is none."""
    found = power_of(_parsed(step)[0])
    return None if found is None else found[1]


def _parsed(step: Step) -> tuple[ast.expr | None, str]:
    """The expression of a step and its text; None where the code has no source."""
    return parsed(*step.site[-1]) if step.site else (None, "")


def parsed(code: CodeType, instruction: int) -> tuple[ast.expr | None, str]:
    """The expression that an instruction computes, and its text; None where the code has no source."""
    text = source(code, instruction)[0]
    if not text:  # in parentheses, that would be a tuple
        return None, ""
    try:
        return ast.parse(f"({text})", mode="eval").body, text
    except (SyntaxError, ValueError):
        return None, ""


def source(code: CodeType, instruction: int) -> tuple[str, int]:
    """The text of the expression that an instruction computes, and its line; an empty text where there is none."""
    line, last, start, end = list(code.co_positions())[instruction // 2]
    if line is None or last is None or start is None or end is None:
        return "", 0
    return cut(code.co_filename, (line, start), (last, end)), line


def cut(filename: str, start: tuple[int, int], end: tuple[int, int | None]) -> str:
    """The source from one place to another, in one line; a place is a line and a column, None its end."""
    (first, left), (last, right) = start, end
    lines = [linecache.getline(filename, n).encode() for n in range(first, last + 1)]  # columns count bytes
    lines[-1] = lines[-1][:right]
    lines[0] = lines[0][left:]
    return " ".join(b" ".join(lines).decode(errors="replace").split())


def _operands(tree: ast.expr, which: str, code: CodeType) -> tuple[str, str]:
    """The operand that is differentiated, and the other one; empty where the expression is no operation on two."""
    if isinstance(tree, ast.UnaryOp):
        return ast.unparse(tree.operand), ""
    if isinstance(tree, ast.BinOp) and which in (LEFT, RIGHT):
        pair = (tree.right, tree.left) if which == RIGHT else (tree.left, tree.right)
        pair = pair[::-1] if isinstance(pair[0], ast.Constant) else pair  # a power is computed as a product
        return ast.unparse(pair[0]), ast.unparse(pair[1])
    given = [ast.unparse(argument) for argument in _arguments(tree, code)] if isinstance(tree, ast.Call) else []
    if len(given) == 2 and which in (LEFT, RIGHT):
        return (given[0], given[1]) if which == LEFT else (given[1], given[0])
    return (given[0], "") if len(given) == 1 else ("", "")


def _arguments(call: ast.Call, code: CodeType) -> list[ast.expr]:
    """What a call computes with: its arguments that are no literals, before them the object whose method it is."""
    arguments = [argument for argument in call.args if not _is_literal(argument)]
    if not isinstance(call.func, ast.Attribute):
        return arguments
    owner = call.func.value
    root = owner
    while isinstance(root, ast.Attribute):
        root = root.value
    # A function of a module, such as `np.linalg.norm`, is reached from a global name.
    in_module = isinstance(root, ast.Name) and root.id in code.co_names
    return arguments if in_module else [owner, *arguments]


def _is_literal(tree: ast.expr) -> bool:
    """Whether an argument is an axis, a shape or another number that the code spells out."""
    try:
        ast.literal_eval(tree)
    except ValueError:
        return False
    return True


def _short(text: str) -> str:
    if len(text) <= MOST_LETTERS:
        return text
    tree = ast.parse(f"({text})", mode="eval").body
    call = f"{ast.unparse(tree.func)}(...)" if isinstance(tree, ast.Call) else ""
    return call if 0 < len(call) <= MOST_LETTERS else text[:MOST_LETTERS] + "..."
