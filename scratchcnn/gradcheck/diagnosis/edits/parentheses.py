"""A pair of parentheses that is missing, that is too many, or of which one stands elsewhere; also that of a call."""

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from typing import Any

from scratchcnn.gradcheck.diagnosis.edits.change import Change, is_value
from scratchcnn.gradcheck.diagnosis.edits.places import of_module
from scratchcnn.gradcheck.diagnosis.edits.readings import Reading, computed, instead, is_whole, read
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site

# Operands of a chain of operations that is tried, at most.
MOST_OPERANDS = 12
OPERATOR = re.compile(r"\s*(\*\*|//|<<|>>|[-+*/@%&|^])\s*")
SYMBOLS: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
}
# After these, parentheses around what these join change nothing.
FREE = {"+": {"+", "-"}, "*": {"*", "/"}}


def parentheses(site: Site, seen: Seen) -> Iterator[Change]:
    """The other readings of a whole expression."""
    if is_value(seen.value) and is_whole(site):
        for reading in readings(site.text):
            said = f"other parentheses: `{reading.text}` in place of `{site.text}`"
            yield Change("operand", said, computed(reading.code))


def neighbours(site: Site, seen: Seen) -> Iterator[Change]:
    """A whole expression without two factors that stand side by side."""
    if is_value(seen.value) and is_whole(site):
        yield from instead(site, without_two(site.text), "missing-factor", "operand")


@lru_cache(maxsize=1024)
def readings(text: str) -> tuple[Reading, ...]:
    """The expressions that differ from one by a pair of parentheses, or by where one of them stands."""
    return read(text, _grouped, _called, _of_methods)


@lru_cache(maxsize=1024)
def without_two(text: str) -> tuple[Reading, ...]:
    """The expressions that lack two neighbouring factors of one."""
    return read(text, _shortened)


def _shortened(text: str, tree: ast.expr) -> Iterator[str]:
    """The text without two factors of a product, one after the other."""
    for start, end in _chains(tree):
        operands, operators = _split(text[start:end])
        for k in range(len(operands) - 2 if len(operands) <= MOST_OPERANDS else 0):
            if operators[k].strip() == operators[k + 1].strip() == "*":
                for first in (k, k + 1):
                    rest = [*operands[:first], *operands[first + 2 :]], [*operators[:k], *operators[k + 2 :]]
                    yield text[:start] + _joined(*rest) + text[end:]


def _grouped(text: str, tree: ast.expr) -> Iterator[str]:
    """The text with the operands of a chain of operations in other groups."""
    for start, end in _chains(tree):
        operands, operators = _split(text[start:end])
        if 1 < len(operands) <= MOST_OPERANDS:
            for regrouped in _regrouped(operands, operators):
                yield text[:start] + regrouped + text[end:]


def _chains(tree: ast.expr) -> Iterator[tuple[int, int]]:
    """Where the operations begin and end that are a part of no other but by way of parentheses or a call."""
    inner = {id(side) for node in ast.walk(tree) if isinstance(node, ast.BinOp) for side in (node.left, node.right)}
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            if id(node) not in inner:
                yield node.col_offset, node.end_col_offset or 0
            for side in (node.left, node.right):
                if isinstance(side, ast.BinOp) and not _is_joined(node, side):
                    yield side.col_offset, side.end_col_offset or 0


def _is_joined(node: ast.BinOp, side: ast.BinOp) -> bool:
    """Whether an operand has no parentheses around it: then it begins or ends where the operation does."""
    if side is node.left:
        return side.col_offset == node.col_offset
    return side.end_col_offset == node.end_col_offset


def _split(text: str) -> tuple[list[str], list[str]]:
    """The operands of a chain, in parentheses where they stand in some, and the operators between them."""
    operands, operators, depth, begin, k = [], [], 0, 0, 0
    while k < len(text):
        depth += (text[k] in "([{") - (text[k] in ")]}")
        found = OPERATOR.match(text, k) if depth == 0 and text[begin:k].strip() else None
        if found is None:
            k += 1
            continue
        operands.append(text[begin:k])
        operators.append(found.group())
        begin = k = found.end()
    return [*operands, text[begin:]], operators


def _regrouped(operands: list[str], operators: list[str]) -> Iterator[str]:
    """The chain with one more pair of parentheses, one fewer, or one of which an end stands elsewhere."""
    count = len(operands)
    signs = [operator.strip() for operator in operators]
    for i, j in combinations(range(count), 2):
        if j - i < count - 1 and not (i and FREE.get(signs[i - 1], set()).issuperset(signs[i:j])):
            yield _joined(operands, operators, i, j)
    for k, operand in enumerate(operands):
        if operand.startswith("(") and _closes(operand):
            inner, between = _split(operand[1:-1])
            all_operands = [*operands[:k], *inner, *operands[k + 1 :]]
            all_operators = [*operators[:k], *between, *operators[k:]]
            first, last = k, k + len(inner) - 1
            yield _joined(all_operands, all_operators)
            for i, j in combinations(range(len(all_operands)), 2):
                if (i == first) != (j == last):
                    yield _joined(all_operands, all_operators, i, j)


def _closes(operand: str) -> bool:
    """Whether the parenthesis that an operand begins with is closed at its end."""
    depth = 0
    for k, letter in enumerate(operand):
        depth += (letter in "([{") - (letter in ")]}")
        if depth == 0:
            return k == len(operand) - 1
    return False


def _joined(operands: list[str], operators: list[str], first: int = -1, last: int = -1) -> str:
    """The text of a chain, with parentheses from one operand to another."""
    parts = [f"{'(' * (k == first)}{operand}{')' * (k == last)}" for k, operand in enumerate(operands)]
    return "".join(part + operator for part, operator in zip(parts, [*operators, ""], strict=True))


def _called(text: str, tree: ast.expr) -> Iterator[str]:
    """The text with an operand within a call that it stands beside, or beside the call that it stands in."""

    def replaced(node: ast.expr, other: str) -> str:
        return text[: node.col_offset] + other + text[node.end_col_offset :]

    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp):
            operator = SYMBOLS[type(node.op)]
            for call in (node.left, node.right):
                if isinstance(call, ast.Call) and call.args:
                    first, head, tail = _around(text, call)
                    sides = (first, node.right) if call is node.left else (node.left, first)
                    yield replaced(node, f"{head}{_part(text, sides[0])} {operator} {_part(text, sides[1])}{tail}")
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.BinOp):
            inside, head, tail = _around(text, node)
            operator, left, right = SYMBOLS[type(inside.op)], _part(text, inside.left), _part(text, inside.right)
            yield replaced(node, f"({head}{left}{tail} {operator} {right})")
            yield replaced(node, f"({left} {operator} {head}{right}{tail})")


def _of_methods(text: str, tree: ast.expr) -> Iterator[str]:
    """The same of calls of methods: the square of a sum, or the sum of squares."""
    for node in ast.walk(tree):
        call = node.left if isinstance(node, ast.BinOp) else node
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or of_module(call):
            continue
        tail = f".{call.func.attr}{text[call.func.end_col_offset : call.end_col_offset]}"
        start, end = text[: node.col_offset], text[node.end_col_offset :]  # type: ignore[attr-defined]
        owner = call.func.value
        if isinstance(node, ast.BinOp):
            operator, right = SYMBOLS[type(node.op)], _part(text, node.right)
            yield f"{start}({_part(text, owner)} {operator} {right}){tail}{end}"
        elif isinstance(owner, ast.BinOp):
            operator, left, right = SYMBOLS[type(owner.op)], _part(text, owner.left), _part(text, owner.right)
            yield f"{start}({left}{tail} {operator} {right}){end}"


def _part(text: str, node: ast.expr) -> str:
    """An operand, in parentheses where it is an operation itself."""
    found = text[node.col_offset : node.end_col_offset]
    return f"({found})" if isinstance(node, ast.BinOp) else found


def _around(text: str, call: ast.Call) -> tuple[Any, str, str]:
    """The first argument of a call, and the texts before and after it."""
    first = call.args[0]
    return first, text[call.col_offset : first.col_offset], text[first.end_col_offset : call.end_col_offset]
