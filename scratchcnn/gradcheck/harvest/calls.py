"""The calls of a function that are kept: few, copied, and in bounded memory."""

import copy
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from inspect import CO_VARARGS, CO_VARKEYWORDS
from itertools import islice
from types import FrameType
from typing import Any

import numpy as np

from scratchcnn.gradcheck.raised import in_words

# In bytes: a call with larger arguments is not kept.
MOST_BYTES = 4 * 2**20
# In bytes: what is kept of all functions.
MOST_IN_ALL = 256 * 2**20
# In bytes: a check at larger arguments takes many seconds, and is made only where there are no smaller ones.
AFFORDABLE = 128 * 2**10
# Of how many kinds of options the calls of a function are kept.
MOST_OPTIONS = 16
# How many calls of a kind are kept, since a test may expect that some raise.
EACH = 3
# How deep arrays are sought in an object, and among how many parts of a container.
DEPTH, PARTS = 4, 1000


@dataclass(frozen=True, eq=False)
class Call:
    """A call: copies of the arguments, by the names of the parameters, and who made it.

    Attributes
    ----------
    arguments
        In the order of the parameters; those of `*parameters` are a tuple, those of `**options` a dict.
    spread
        The names of these two parameters, or empty.
    where
        The test that made the call.
    size
        The bytes of its arrays.
    options
        What tells calls of different options apart.
    """

    arguments: Mapping[str, Any]
    spread: tuple[str, str]
    where: str
    size: int
    options: tuple[Any, ...]


@dataclass
class Memory:
    """What all functions share: how many bytes their calls have, and whether one is being looked at."""

    used: int = 0
    busy: bool = False


@dataclass
class Calls:
    """The calls of one function that are kept: the smallest of each kind of options, and the largest of all.

    `count` is how many were looked at, `too_large` how many were too large to keep; `rule` says that the first argument
    is the rule of a framework itself, of which no copy is made.
    """

    memory: Memory
    rule: bool = False
    count: int = 0
    too_large: int = 0
    not_kept: str = ""
    smallest: dict[tuple[Any, ...], list[Call]] = field(default_factory=dict)
    largest: list[Call] = field(default_factory=list)

    def see(self, frame: FrameType) -> None:
        """Looks at a call, unless looking at another makes it, and keeps it if it is worth it.

        An exception is noted: the caller must not see it.
        """
        if self.memory.busy:
            return
        self.memory.busy = True
        self.count += 1
        try:
            self._look(frame)
        except Exception as error:  # a caller's object that cannot be looked at, or copied
            self.not_kept = in_words(error)
        finally:
            self.memory.busy = False

    def _look(self, frame: FrameType) -> None:
        arguments, spread = _arguments(frame)
        if self.rule:
            del arguments[next(iter(arguments))]
        size, options = 0, []
        for value in arguments.values():
            more = _bytes(value)
            if more is None:
                return
            size += more
            options.append(_option(value))
        if size:
            self._offer(size, tuple(options), lambda: Call(_copies(arguments), spread, _test(), size, tuple(options)))

    def _offer(self, size: int, options: tuple[Any, ...], make: Callable[[], Call]) -> None:
        """Keeps a call of this size and with these options, if it is worth it."""
        kind = self.smallest.get(options, [] if len(self.smallest) < MOST_OPTIONS else None)
        smaller = kind is not None and (len(kind) < EACH or size < kind[-1].size)
        larger = size <= AFFORDABLE and (len(self.largest) < EACH or size > self.largest[-1].size)
        if size > MOST_BYTES or self.memory.used + size > MOST_IN_ALL:
            self.too_large += smaller or larger
        elif smaller or larger:
            call = make()
            self.memory.used += size
            if kind is not None and smaller:
                self.smallest[options] = sorted([*kind, call], key=lambda kept: kept.size)[:EACH]
            if larger:
                self.largest = sorted([*self.largest, call], key=lambda kept: -kept.size)[:EACH]

    def merge(self, other: "Calls") -> None:
        """Adds the calls that another process has kept."""
        self.count += other.count
        self.too_large += other.too_large
        self.not_kept = self.not_kept or other.not_kept
        for call in other.kept():
            self.add(call)

    def add(self, call: Call | None) -> None:
        """Adds a call, if there is one, and if it is worth it."""
        if call is not None:
            self._offer(call.size, call.options, lambda: call)

    def kept(self) -> list[Call]:
        """All calls that are kept, the smallest first."""
        kept = {id(call): call for calls in (*self.smallest.values(), self.largest) for call in calls}
        return sorted(kept.values(), key=lambda call: call.size)

    def chosen(self, best: Callable[[Iterable[Call]], Call | None]) -> list[Call]:
        """The calls to check: the smallest, the largest that is affordable, and one whose options are others.

        Parameters
        ----------
        best
            The first of several calls that can be checked, or None. Where none can, the smallest is chosen all the
            same, to say why.
        """
        kept = self.kept()
        smallest = best(kept)
        if smallest is None:
            return kept[:1]
        largest = best(call for call in reversed(kept) if smallest.size < call.size <= AFFORDABLE)
        chosen = [call for call in (smallest, largest) if call is not None]
        used = {call.options for call in chosen}
        other = best(call for call in kept if call.options not in used)
        return chosen if other is None else [*chosen, other]


def _arguments(frame: FrameType) -> tuple[dict[str, Any], tuple[str, str]]:
    """The arguments of the call that a frame begins, in order, and the names of `*parameters` and `**options`."""
    code, local = frame.f_code, frame.f_locals
    plain = code.co_argcount + code.co_kwonlyargcount
    starred = bool(code.co_flags & CO_VARARGS)
    double = bool(code.co_flags & CO_VARKEYWORDS)
    names = list(code.co_varnames[: plain + starred + double])
    spread = names[plain] if starred else "", names[-1] if double else ""
    if starred:  # it stands after the keywords; in a call it stands before them
        names.insert(code.co_argcount, names.pop(plain))
    return {name: local[name] for name in names}, spread


def _bytes(value: Any, depth: int = DEPTH) -> int | None:
    """The bytes of the arrays in a value; None where there are some that are no plain real numbers."""
    if isinstance(value, np.ndarray):
        plain = type(value) is np.ndarray and value.dtype.kind in "fiub" and value.dtype.itemsize <= 8
        return value.nbytes if plain else None
    if isinstance(value, int | float | str | bytes | type(None) | np.generic) or depth == 0:
        return 0
    if type(value).__name__.endswith("Tracer"):  # JAX traces the function: there are no numbers yet
        return None
    if hasattr(type(value), "nbytes"):  # a framework's tensor
        return int(value.nbytes)
    parts = value.values() if isinstance(value, dict) else getattr(value, "__dict__", {}).values()
    sizes = [_bytes(part, depth - 1) for part in islice(value if isinstance(value, tuple | list) else parts, PARTS)]
    return None if None in sizes else sum(filter(None, sizes))


def _option(value: Any) -> Any:
    """What of an argument tells calls apart: the value of an option; of an array how many axes it has.

    Attributes are sought in the type: a mock in a test makes, and notes, whatever it is asked for.
    """
    if isinstance(value, int | float | str | bytes | type(None)):
        return value
    if hasattr(type(value), "ndim"):
        return "array", value.ndim
    if isinstance(value, tuple | list):
        return tuple(map(_option, value))
    return type(value).__name__


def _copies(arguments: Mapping[str, Any]) -> dict[str, Any]:
    memo: dict[int, Any] = {}
    return {name: _copy(value, memo) for name, value in arguments.items()}


def _copy(value: Any, memo: dict[int, Any]) -> Any:
    if type(value) is np.ndarray:
        return value.copy("K")
    if hasattr(type(value), "detach"):  # a tensor of torch's, which may be part of a graph
        return value.detach().clone().requires_grad_(value.requires_grad)
    if type(value) in (tuple, list):
        return type(value)(_copy(part, memo) for part in value)
    return copy.deepcopy(value, memo)


def _test() -> str:
    """The test that runs, as pytest says it."""
    return os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")[0]
