"""A call of `check_gradient`, written again: the names of its functions, and the adapter that made them."""

import ast
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.trees import LEAF, Option, Structure

ADAPTERS = "scratchcnn.gradcheck.adapters"
# In numbers: arrays that are bound to a function are written out up to this size.
MOST_NUMBERS = 8
# Letters of an option's value.
MOST_LETTERS = 60


class Unwritable(Exception):
    """Something has no expression; the text says what."""


@dataclass(frozen=True)
class Made:
    """What an adapter was given to make a pair of functions.

    Attributes
    ----------
    adapter
        Its name.
    given
        What it was given before the inputs, by the name of the parameter: functions, a loss or a layer.
    names, structures
        Of the inputs, if they were given.
    options
        Those that are not the defaults.
    """

    adapter: str
    given: Mapping[str, Any]
    names: tuple[str, ...]
    structures: tuple[Structure, ...] | None
    options: Mapping[str, Any]

    @property
    def inputs(self) -> int | None:
        """How many leaves the inputs have: parameters of a layer may follow. None where no inputs were given."""
        return None if self.structures is None else sum(s.size for s in self.structures)


def note_call(
    function: Callable[..., Any], adapter: Callable[..., Any], inputs: Any, given: Any, **options: Any
) -> Any:
    """The function that an adapter made, with a note of the adapter's call; options with the default are left out."""
    defaults = inspect.signature(adapter).parameters
    said = {name: value for name, value in options.items() if value is not defaults[name].default}
    made = Made(adapter.__name__, given, inputs.names, inputs.structures, said)
    function.made = made  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class Written:
    """A call, as text.

    Attributes
    ----------
    functions
        The functions, as arguments.
    adapter
        The name of the adapter that is given them and the inputs; empty where there is none.
    adapted, reference
        The options of the adapter, and the option `reference`, as arguments after a comma; empty where there are none.
    before
        Imports, and comments that say what a name stands for.
    names, structures
        Of the inputs, which may be trees.
    missing
        Why the call cannot be written; empty where it can.
    """

    functions: str = ""
    adapter: str = ""
    adapted: str = ""
    reference: str = ""
    before: tuple[str, ...] = ()
    names: tuple[str, ...] | None = None
    structures: tuple[Structure, ...] | None = None
    missing: str = ""

    def call(self, arguments: Sequence[str], options: str) -> str:
        """The expression of the call, with these inputs and these options."""
        inside = ", ".join(filter(None, (self.functions, *arguments)))
        if self.adapter:
            inside = f"*{self.adapter}({inside}{self.adapted})"
        return f"check_gradient({inside}{options}{self.reference})"


def written(
    forward: Callable[..., Any], backward: Callable[..., Any], reference: Callable[..., Any] | None, inputs: Any
) -> Written:
    """How a call is written; `inputs` are the names and structures of its trees, None where there are no trees."""
    page = _Page()
    try:
        made = getattr(forward, "made", None)
        given = {"forward": forward, "backward": backward} if made is None else made.given
        functions = ", ".join(page.name(function, role) for role, function in given.items())
        said = "" if reference is None else f", reference={page.name(reference, 'reference')}"
        of = made or inputs
        return Written(
            functions=functions,
            adapter="" if made is None else made.adapter,
            adapted="" if made is None else "".join(f", {n}={page.value(v, n)}" for n, v in made.options.items()),
            reference=said,
            before=(*page.imports(made), *page.comments),
            names=None if of is None else of.names,
            structures=None if of is None else of.structures,
        )
    except Unwritable as error:
        return Written(missing=str(error))


def asked(names: Any, outputs: Any, convention: str) -> str:
    """The options that say what is differentiated, as a call has them; empty where they are the defaults."""
    given = {
        "names": None if names is None else list(names),
        "outputs": outputs,
        "convention": None if convention == "torch" else convention,
    }
    return "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)


@dataclass
class _Page:
    """What is noted while a call is written."""

    comments: list[str] = field(default_factory=list)
    partials: bool = False

    def imports(self, made: Made | None) -> Iterator[str]:
        if self.partials:
            yield "from functools import partial"
        if made is not None:
            yield f"from {ADAPTERS} import {made.adapter}"

    def name(self, function: Any, role: str) -> str:
        """The expression of a function; where it has none, its role, and a comment that says what this stands for."""
        function = getattr(function, "stands_for", function)
        if str(getattr(function, "__module__", "")).startswith(ADAPTERS + "."):
            raise Unwritable(f"{role} was made by an adapter: check it again as you did")
        if isinstance(function, partial):
            try:
                return self._partial(function, role)
            except Unwritable:
                self.comments.append(f"# {role}: {_shown(function.func)} with what is bound to it")
                return role
        if known := _known(function):
            return known
        self.comments.append(f"# {role}: {_shown(function)}")
        return role

    def _partial(self, function: partial[Any], role: str) -> str:
        known = _known(function.func)
        if not known:
            raise Unwritable(role)
        bound = [self.value(value, role) for value in function.args]
        bound += [f"{name}={self.value(value, name)}" for name, value in function.keywords.items()]
        self.partials = self.partials or bool(bound)
        return f"partial({', '.join((known, *bound))})" if bound else known

    def value(self, value: Any, name: str) -> str:
        """The expression of an option's value."""
        if callable(value):
            return self.name(value, name)
        if isinstance(value, Mapping):
            return "{" + ", ".join(f"{key!r}: {self.value(v, str(key))}" for key, v in value.items()) + "}"
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.size <= MOST_NUMBERS:
            return literal(value, f"np.{value.dtype}")
        text = f"slice({value.start}, {value.stop}, {value.step})" if isinstance(value, slice) else repr(value)
        try:
            same = isinstance(value, slice) or ast.literal_eval(text) == value
        except (ValueError, SyntaxError):
            same = False
        if not same or len(text) > MOST_LETTERS:
            raise Unwritable(f"{name} is too long to show: check it again as you did")
        return text


def literal(array: Array, dtype: str) -> str:
    """The array as an expression, every digit of it; `dtype` is the expression of its number format."""
    usual = dtype in ("np.float64", "np.int64") and array.size
    numbers = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(array.tolist()))
    return f"np.array({numbers}{'' if usual else f', {dtype}'})"


def tree(structure: Structure, leaves: Iterator[str]) -> str:
    """A tree as an expression, made of those of its leaves."""
    if structure == LEAF:
        return next(leaves)
    if isinstance(structure, Option):
        return repr(structure.value)
    parts = [tree(child, leaves) for child in structure.children]
    if structure.kind is complex:
        return f"{parts[0]} + 1j * {parts[1]}"
    if structure.kind is dict:
        return "{" + ", ".join(f"{key!r}: {part}" for key, part in zip(structure.keys, parts, strict=True)) + "}"
    if structure.kind is list:
        return f"[{', '.join(parts)}]"
    if structure.kind is tuple:
        return f"({', '.join(parts)},)"
    raise Unwritable(f"an input holds a {getattr(structure.kind, '__name__', '')}: check it again as you did")


def _known(function: Any) -> str:
    """The name under which a function is reached where it was defined; empty where there is none."""
    name = str(getattr(function, "__name__", ""))
    for place, of in (("np", np), ("np.linalg", np.linalg)):
        if name and getattr(of, name, None) is function:
            return f"{place}.{name}"
    owner = getattr(function, "__self__", None)
    if not inspect.isroutine(function) and not isinstance(function, type):
        return ""
    if owner is not None and not isinstance(owner, type) and not inspect.ismodule(owner):
        return ""
    whole = str(getattr(function, "__qualname__", name)).rpartition("<locals>.")[2]
    return whole if all(part.isidentifier() for part in whole.split(".")) else ""


def _shown(function: Any) -> str:
    """What a function without a name is, in words."""
    code = getattr(function, "__code__", None)
    name = str(getattr(function, "__qualname__", "")).rpartition("<locals>.")[2]
    if code is not None and not inspect.ismethod(function):
        return f"{'the lambda' if '<lambda>' in name else name} at {Path(code.co_filename).name}:{code.co_firstlineno}"
    return f"the method {name} of an object" if name else f"an object of {type(function).__name__}"
