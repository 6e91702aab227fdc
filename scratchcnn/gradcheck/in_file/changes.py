"""What of a file a pair depends on, so that after a save only that is checked again which has changed."""

import ast
from collections.abc import Iterable, Iterator

from scratchcnn.gradcheck.harvest.pairs import Pair
from scratchcnn.gradcheck.in_file.target import short_name


def code_of(pair: Pair, source: str) -> str:
    """The code of a pair, of its samples, and of all in the file that these use; comments and layout do not count.

    Parameters
    ----------
    pair
        The functions.
    source
        The text of the file.
    """
    functions = [getattr(function, "__name__", "") for function in (pair.forward, pair.backward)]
    names = [short_name(pair), *functions] if pair.owner is None else [short_name(pair)]
    statements = ast.parse(source).body
    by_name: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for name in _defined(statement):
            by_name.setdefault(name, []).append(statement)
    needed = [statement for statement in statements if not any(_defined(statement))]
    unseen = [*names, "samples", *(f"{name}_samples" for name in names)]
    seen: set[str] = set()
    while unseen:
        name = unseen.pop()
        if name in by_name and name not in seen:
            seen.add(name)
            needed += by_name[name]
            unseen += _used(by_name[name])
    return "\n".join(ast.dump(statement) for statement in statements if statement in needed)


def _defined(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module gives values to."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).partition(".")[0] for alias in statement.names)
    else:
        yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _used(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for statement in statements:
        yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name))
