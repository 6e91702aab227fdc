"""What is harvested while a program runs: the pairs of packages, and the calls of each."""

import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from types import FrameType
from typing import Any

from scratchcnn.gradcheck.harvest.calls import Call, Calls, Memory
from scratchcnn.gradcheck.harvest.pairs import Pair, find_pairs
from scratchcnn.gradcheck.harvest.watching import watch

# How many calls of a function are looked at in each test, so that one with a loop takes no longer.
LOOKS = 100
# The packages whose every rule is harvested, and the method that applies one.
FRAMEWORKS: dict[str, Callable[[], Any]] = {
    "torch": lambda: import_module("torch").autograd.Function.apply,
    "jax": lambda: import_module("jax").custom_vjp.__call__,
}


@dataclass(frozen=True)
class Watched:
    """A pair, and the calls of its forward and of its backward pass."""

    pair: Pair
    forward: Calls
    backward: Calls

    @property
    def called(self) -> bool:
        """Whether either was called."""
        return self.forward.count + self.backward.count > 0

    def chosen(self, best: Callable[[Iterable[Call]], Call | None]) -> list[Call]:
        """The calls to check it at: those of forward, or what calls of backward say of them; `best` as in `Calls`."""
        if self.forward.kept():
            return self.forward.chosen(best)
        told = Calls(Memory())
        for call in self.backward.kept():
            told.add(self._of_forward(call))
        return told.chosen(best)

    def _of_forward(self, call: Call) -> Call | None:
        """The call of forward that a call of backward tells of; None where backward is not given all of it."""
        parameters = inspect.signature(self.pair.forward).parameters
        known = {n: call.arguments.get(n, p.default) for n, p in parameters.items()}
        spread = any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters.values())
        if self.pair.owner is not None or spread or any(v is inspect.Parameter.empty for v in known.values()):
            return None
        return Call(known, ("", ""), call.where, call.size, call.options)

    def merge(self, other: "Watched") -> None:
        """Adds what another process saw of the same pair."""
        self.forward.merge(other.forward)
        self.backward.merge(other.backward)


class Harvest:
    """Watches the pairs of packages.

    Parameters
    ----------
    packages
        Their names; `torch` and `jax` stand for the rules that are applied, whoever wrote them.
    patterns
        As for `find_pairs`.

    Attributes
    ----------
    found
        The pairs, by name.
    """

    def __init__(self, packages: Sequence[str], patterns: Sequence[str] = ()) -> None:
        self.found: dict[str, Watched] = {}
        self._packages = tuple(p for p in packages if p not in FRAMEWORKS)
        self._patterns = patterns
        self._memory = Memory()
        self._functions: dict[int, _Function] = {}
        self._modules: set[str] = set()
        self._ends: list[Callable[[], None]] = []
        for framework in set(packages) & set(FRAMEWORKS):
            method = FRAMEWORKS[framework]()
            function = inspect.unwrap(getattr(method, "__func__", method))
            self._ends.append(watch(function, partial(self._see_rule, framework)))

    def look(self) -> None:
        """Looks for pairs in the modules that are new. Called before each test."""
        for function in self._functions.values():
            function.left = LOOKS
        new = [name for name in sys.modules if name not in self._modules]
        self._modules.update(new)
        for name in new:
            module = sys.modules[name]
            if any(name == p or name.startswith(f"{p}.") for p in self._packages) and hasattr(module, "__dict__"):
                self._add(find_pairs(module, self._patterns))

    def end(self) -> None:
        """Ends the watch: every function is as it was."""
        while self._ends:
            self._ends.pop()()

    def _add(self, pairs: Iterable[Pair]) -> None:
        for pair in pairs:
            if pair.owner is None or isinstance(pair.owner, type):  # an object is covered by its class
                calls = (self._calls(method, pair.owner) for method in (pair.forward, pair.backward))
                self.found[pair.name] = Watched(pair, *calls)

    def _calls(self, method: Any, owner: Any) -> Calls:
        """The calls of a function, or of a method of objects of this very class."""
        function = inspect.unwrap(getattr(method, "__func__", method))
        if owner is not None and isinstance(inspect.getattr_static(owner, method.__name__), staticmethod):
            owner = None  # its calls do not tell of whose they are
        seen = self._functions.get(id(function))
        if seen is None:
            seen = self._functions[id(function)] = _Function()
            self._ends.append(watch(function, seen.look))
        return seen.by_owner.setdefault(owner, Calls(self._memory))

    def _see_rule(self, framework: str, frame: FrameType) -> None:
        """Looks at the application of a rule that is not the framework's own."""
        rule = frame.f_locals["cls" if framework == "torch" else "self"]
        if rule.__module__.partition(".")[0] == framework:
            return
        pair = Pair(f"{rule.__module__}.{rule.__qualname__}", rule, rule, framework=framework)
        new = Watched(pair, Calls(self._memory, rule=True), Calls(self._memory))
        watched = self.found.setdefault(pair.name, new)
        if watched.pair.forward is rule:
            watched.forward.see(frame)


@dataclass
class _Function:
    """A function that is watched: its calls, by the class of the object that it is a method of, or None."""

    by_owner: dict[Any, Calls] = field(default_factory=dict)
    left: int = LOOKS

    def look(self, frame: FrameType) -> None:
        """Looks at a call, as long as a test has not made many."""
        if self.left <= 0:
            return
        calls = self.by_owner.get(None)
        if calls is None:
            names = frame.f_code.co_varnames
            first = frame.f_locals.get(names[0]) if names else None
            calls = self.by_owner.get(first if isinstance(first, type) else type(first))
        if calls is not None:
            calls.see(frame)
        if len(self.by_owner) == 1 or all(calls.count for calls in self.by_owner.values()):
            self.left -= 1
