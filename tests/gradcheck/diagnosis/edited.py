"""A mistake as it is typed: the source of a right backward with another text in one place."""

import inspect
import linecache
import textwrap
from functools import partial
from typing import NamedTuple

from tests.gradcheck.diagnosis.labelled import Labelled
from tests.gradcheck.operations import Operation


class Typed(NamedTuple):
    """The kinds that name a mistake justly, what it is, the right text and the wrong one."""

    kinds: str
    what: str
    right: str
    wrong: str


def edited(operation: Operation, *mistakes: tuple[str, str, str, str]) -> list[Labelled]:
    """The operation with each of some mistakes in its backward."""
    return [_labelled(operation, Typed(*mistake)) for mistake in mistakes]


def _labelled(operation: Operation, typed: Typed) -> Labelled:
    backward = operation.backward
    function = backward.func if isinstance(backward, partial) else backward
    source = textwrap.dedent(inspect.getsource(function))
    name = f"{operation.name}: {typed.what}"
    assert source.count(typed.right) == 1, f"{name}: {source.count(typed.right)} times"
    made = _compiled(source.replace(typed.right, typed.wrong), function, f"{name}.py")
    wrong = partial(made, **backward.keywords) if isinstance(backward, partial) else made
    return Labelled(name, tuple(typed.kinds.split()), operation, lambda: (operation.forward, wrong), operation.draw)


def _compiled(text, function, file):
    """A function from its source, which tracebacks and messages can show."""
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names = dict(function.__globals__)
    exec(compile(text, file, "exec"), names)
    return names[function.__name__]
