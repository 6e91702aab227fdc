"""The caller's backward, copied so that its expressions tell their values and can be given others."""

import ast
import copy
import sys
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.diagnosis.edits.change import expression, is_value
from scratchcnn.gradcheck.diagnosis.edits.places import ASSIGNED, INDEX, TOGETHER
from scratchcnn.gradcheck.diagnosis.edits.seen import EACH, MOST_ROUNDS, Earlier, Edit, Moment, Rounds, Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.sites import PART, PRODUCT, PUT, ROUND, SEE, watched
from scratchcnn.gradcheck.diagnosis.edits.sizes import MOST_NUMBERS, of_bounded_size
from scratchcnn.gradcheck.diagnosis.edits.variables import Around, numbers_of, parts_of
from scratchcnn.gradcheck.diagnosis.floats import Floats
from scratchcnn.gradcheck.diagnosis.widths import with_wider_names

# As often as before, and some times: a loop that takes more rounds after a change has no end.
LONGER, SOME = 4, 100
# What an expression tells its value to where nobody looks: it returns its second argument, and takes no time.
UNSEEN = dict[int, Any]().get


class Endless(Exception):
    """A loop of the caller's code, with one expression changed, does not end."""


class Watching(Floats):
    """A copy of the caller's code whose expressions tell their values."""

    def __init__(self, *, wide: bool = False) -> None:
        super().__init__(wide=wide)
        self.sites: dict[int, Site] = {}
        self.groups: dict[int, tuple[int, ...]] = {}  # expressions that may be changed together, by the group's number
        self.grouped: dict[int, list[int]] = {}  # the numbers of the groups that an expression is in
        self.parameters: dict[str, tuple[str, ...]] = {}  # of functions, by their names
        self.unknown: set[types.CodeType] = set()  # functions whose source is not known
        self.edited: frozenset[int] = frozenset()  # the expressions that are changed
        self.edit: Edit = lambda value, _: value
        self.seen: dict[int, Seen] | None = None
        self.begun = 0  # how many rounds of loops
        self.most: float = np.inf  # how many may be
        self.longest = 1  # of the axes of the inputs and the output
        self.looked: Mapping[int, Seen] = {}  # what the expressions told, for an edit
        self.of_forward: dict[str, Any] = {}  # what forward computes, and its numbers, by the text of the expression
        self._rounds: Counter[int] = Counter()  # how often each changed expression was computed
        self._earlier: dict[tuple[types.FrameType, str], tuple[Earlier, ...]] = {}  # what variables were before
        self._globals: dict[int, dict[str, Any]] = {}  # the numbers and arrays of modules
        self._numbers = 0  # that were kept of rounds
        # where variables were used since they were assigned: what they told, and the round
        self._used: dict[tuple[types.FrameType, str], list[tuple[Seen, int, int]]] = {}
        self.kept: list[Any] = []  # lists, dicts and sets: some may be caches

    def _container(self, value: Any) -> Any:
        made = super()._container(value)
        if isinstance(made, list | dict | set):
            self.kept.append(made)
        return made

    def _made(self, function: types.FunctionType, names: dict[str, Any]) -> Any:
        made = super()._made(function, names)
        if self.is_callers(function.__globals__.get("__name__", "")) and not self.is_harness(function.__globals__):
            found = watched(function.__code__)
            if found is not None:
                made.__code__ = with_wider_names(found.code) if self.wide else found.code
                self._builtins.update({PUT: self._put, PART: slice, PRODUCT: _product, ROUND: self._round})
                self._tell(UNSEEN, (site.number for site in found.sites))
                self.sites.update((site.number, site) for site in found.sites)
                self.groups.update(found.groups)
                for group, member in ((group, m) for group, members in found.groups.items() for m in members):
                    self.grouped.setdefault(member, []).append(group)
                code = function.__code__
                self.parameters[code.co_name] = code.co_varnames[: code.co_argcount]
            else:
                self.unknown.add(function.__code__)
        return made

    def alike(self, number: int) -> frozenset[int]:
        """The expressions that a number stands for."""
        return frozenset(self.groups.get(number, (number,)))

    def _tell(self, to: Callable[[int, Any], Any], numbers: Iterable[int]) -> None:
        """From now on some expressions tell their values to a function, which gives those in their places."""
        self._builtins.update((SEE.format(number), to) for number in numbers)

    def begin(self, number: int, edit: Edit) -> None:
        """From now on an expression is changed, and those that it stands for."""
        self.edited, self.edit = self.alike(number), edit
        self._rounds.clear()
        self._tell(self._change, self.edited)

    def end(self) -> None:
        """From now on no expression is changed."""
        self._tell(UNSEEN, self.edited)
        self.edited = frozenset()

    def look(self, seen: dict[int, Seen] | None) -> None:
        """From now on what expressions tell is written down; or it is not."""
        self.seen, self._numbers = seen, 0
        self._earlier.clear()
        self._used.clear()
        self._globals.clear()
        self._tell(UNSEEN if seen is None else self._see, self.sites)

    def _round(self) -> bool:
        """Counts a round of a loop."""
        self.begun += 1
        if self.begun > self.most:
            raise Endless
        return True

    def _change(self, number: int, value: Any) -> Any:
        moment = Moment(number, self._rounds[number], self.looked)
        self._rounds[number] += 1
        other = self.edit(value, Around(sys._getframe(1), self.of_forward, moment))
        if isinstance(other, np.ndarray) and other is not value:
            other = other.copy()  # the code may write into it: another variable must stay as it is
        return of_bounded_size(value, other, self._axes(number), self.longest)

    def _axes(self, number: int) -> int:
        """How many axes an expression has where nothing is changed."""
        seen = self.looked.get(number)
        return 0 if seen is None else int(getattr(seen.value, "ndim", 0))

    def _see(self, number: int, value: Any) -> Any:
        if self.seen is not None:
            if number not in self.seen:
                self._record(number, _copied(value), sys._getframe(1))
            if number in self.seen:
                self._again(number, value, sys._getframe(1))
        return value

    def _again(self, number: int, value: Any, frame: types.FrameType) -> None:
        """Adds a value to those that an expression had."""
        site, seen = self.sites[number], self.seen[number]  # type: ignore[index]
        if len(seen.rounds) < MOST_ROUNDS:
            seen.rounds.append(self._of_round(value))
            seen.objects.append(id(value))
            seen.earlier.append(self._earlier.get((frame, site.text), ()))
            seen.later.append(None)
            if site.text.isidentifier():
                self._used.setdefault((frame, site.text), []).append((seen, len(seen.rounds) - 1, site.line))
        if site.role == ASSIGNED:
            for used, n, line in self._used.pop((frame, site.assigned), ()):
                used.later[n] = self._of_round(value) if line != site.line else None
        if site.assigned and site.assigned in frame.f_locals:
            before = self._earlier.get((frame, site.assigned), ())
            if len(before) < MOST_ROUNDS:
                value = Earlier(self._of_round(frame.f_locals[site.assigned]), site.updates)
                self._earlier[frame, site.assigned] = (*before, value)

    def _of_round(self, value: Any) -> Any:
        """A copy of a value of one round; None where all of them would need too much memory."""
        self._numbers += value.size if isinstance(value, np.ndarray) else 1
        return _copied(value) if self._numbers <= MOST_NUMBERS else None

    def _record(self, number: int, value: Any, frame: types.FrameType) -> None:
        """Keeps what an expression told, unless a function calls for it whose own expressions nobody sees."""
        depth = sum(1 for _ in _codes(frame))
        if self.seen is not None and (not self.unknown or self.unknown.isdisjoint(_codes(frame))):
            own = {k: _copied(v) for k, v in frame.f_locals.items()}
            variables = {**self.of_forward, **parts_of(own), **self._global(frame), **own}
            self.seen[number] = Seen(value, variables, depth)
            for group in self.grouped.get(number, ()):
                self.seen.setdefault(group, self.seen[number])

    def _global(self, frame: types.FrameType) -> dict[str, Any]:
        """The numbers and arrays around a function, which hardly change while it runs."""
        key = id(frame.f_globals)
        if key not in self._globals:
            self._globals[key] = numbers_of(frame.f_globals)
        return self._globals[key]

    def _put(self, number: int, how: str, value: Any, array: Any, index: Any) -> None:
        """`array[index] = value`, or `+=` or `-=` as `how` says; an edit says how in place of it."""
        if self.seen is not None and number not in self.seen and isinstance(array, np.ndarray):
            self._record(number, how, sys._getframe(1))
        if number in self.edited:
            how = self.edit(how, {})
        if how == "add.at":
            np.add.at(array, index, value)
        elif how == "subtract.at":
            np.subtract.at(array, index, value)
        elif how == "-=":
            array[index] -= value
        elif how == "+=":
            array[index] += value
        elif how == "=":
            array[index] = value


class Rerun:
    """Backward of a case, again and again, with one expression changed; `wide` as in `Floats`."""

    def __init__(self, case: Case, *, wide: bool = False) -> None:
        self.world = Watching(wide=wide)
        forward, backward = case.unmeasured
        self.world.at_home(forward).at_home(backward)
        self.forward = self.world.translated(forward)
        self.case = replace(case, backward=self.world.translated(backward))
        self.by_forward: dict[int, Seen] = {}  # what forward's expressions told
        self.rounds = 0  # of loops, in a run of backward that nothing changes
        self.forward_rounds = 0  # and in one of forward
        self.keeps = True
        self.keeps = self._remembers()

    def _remembers(self) -> bool:
        """Whether backward uses what forward kept: the answer after a call of forward on other inputs is another."""
        inputs, cotangent = list(self.case.inputs), np.ones_like(self.case.output)
        answers = []
        for given in ([a + a.dtype.type(0.5) if a.dtype.kind == "f" else a for a in inputs], inputs):
            try:
                self._forward(given)
            except Exception:  # it is not defined there: nobody knows
                return True
            answers.append(self._gradients(inputs, cotangent))
        pairs = zip(*answers, strict=True)
        return not all(one is other or np.array_equal(one, other, equal_nan=True) for one, other in pairs)

    def watched(self, inputs: list[Array], cotangent: Array) -> tuple[list[Any], dict[int, Seen]]:
        """What it answers, and what its expressions told: those of its own, not of what forward calls, too.

        Where one function gives the output and the gradients both, it has none of its own: then all of them.
        """
        world = self.world
        shared: dict[int, Seen] = {}
        told: dict[int, Seen] = {}
        world.of_forward = {}
        world.longest = max((length for a in (*inputs, cotangent) for length in a.shape), default=1)
        try:
            world.look(shared)
            world.begun = 0
            self._forward(inputs, always=True)
            self.forward_rounds = world.begun
            world.look(told)
            self.by_forward = shared
            own = min((seen.depth for seen in shared.values()), default=0) + 1  # not of the helpers of its helpers
            outer = ((k, seen) for k, seen in shared.items() if seen.depth <= own)
            told_by = ((world.sites[k], seen) for k, seen in outer if _tells(world.sites[k], seen))
            world.of_forward = {site.text: seen.value for site, seen in told_by if site.role not in TOGETHER}
            world.of_forward.update(_rounds((world.sites[k].text, seen.rounds) for k, seen in shared.items()))
            world.begun = 0
            gradients = self._gradients(inputs, cotangent)
            self.rounds = world.begun
            return gradients, {k: seen for k, seen in told.items() if k not in shared} or told
        finally:
            world.look(None)

    def edited(self, inputs: list[Array], cotangent: Array, number: int, edit: Edit) -> list[Any]:
        """What it answers with one expression changed."""
        self._forward(inputs)
        with self._changed(number, edit, self.rounds):
            return self._gradients(inputs, cotangent)

    @contextmanager
    def _changed(self, number: int, edit: Edit, rounds: int) -> Iterator[None]:
        """A block in which an expression is changed, and in which no loop goes on without end."""
        self.world.begin(number, edit)
        self.world.begun, self.world.most = 0, LONGER * rounds + SOME
        try:
            yield
        finally:
            self.world.end()
            self.world.most = np.inf

    def other_forward(self, number: int, edit: Edit) -> Callable[..., Any]:
        """Forward with one expression changed."""

        def forward(*inputs: Array) -> Any:
            self.world.looked = self.by_forward
            with self._changed(number, edit, self.forward_rounds):
                return self.forward(*inputs)

        return forward

    def forgetful(self, inputs: list[Array], cotangent: Array) -> list[Any]:
        """What it answers without anything kept from earlier calls in lists, dicts and sets."""
        before = [copy.copy(each) for each in self.world.kept]
        try:
            for each in self.world.kept:
                each.clear()
            self._forward(inputs, always=True)
            return self._gradients(inputs, cotangent)
        finally:
            for each, content in zip(self.world.kept, before, strict=True):
                each.clear()
                (each.extend if isinstance(each, list) else each.update)(content)

    def _forward(self, inputs: list[Array], *, always: bool = False) -> None:
        """A layer may keep what its backward needs."""
        if self.keeps or always:
            self.forward(*(a.copy() for a in inputs))

    def _gradients(self, inputs: list[Array], cotangent: Array) -> list[Any]:
        given = self.case.in_order(self.case.backward(cotangent.copy(), *(a.copy() for a in inputs)))
        return [None if g is None else np.array(g) for g in given]


def _rounds(of: Iterable[tuple[str, list[Any]]]) -> Iterator[tuple[str, Rounds]]:
    """The states of forward's loops, under names that no variable has: numbers or arrays that each round changes."""
    known: dict[str, list[Any]] = {}
    for text, values in of:
        numeric = 1 < len(values) < MOST_ROUNDS and all(map(is_value, values))
        steady = not numeric or _equal(values[1:], values[:-1])
        if not steady and text not in known and not any(_equal(values, other) for other in known.values()):
            known[text] = values
            yield EACH + text, Rounds(values)


def _equal(one: list[Any], other: list[Any]) -> bool:
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def _tells(site: Site, seen: Seen) -> bool:
    """Whether an expression is a number, or makes an array that no variable holds.

    A number of Python's own is a count if it is calculated, and not in each round of a loop anew.
    """
    array = seen.value
    if isinstance(array, float | np.integer):
        return True
    if type(array) is int:
        calculated = isinstance(expression(site.text), ast.BinOp)
        return calculated and not site.counters and site.role != INDEX
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or array.size < 2:
        return False
    own = (v for name, v in seen.variables.items() if name.isidentifier())
    return not any(isinstance(v, np.ndarray) and np.array_equal(v, array) for v in own)


def _codes(frame: types.FrameType | None) -> Iterator[types.CodeType]:
    """The functions that are on their way."""
    while frame is not None:
        yield frame.f_code
        frame = frame.f_back


def _product(both: tuple[Any, Any]) -> Any:
    left, right = both
    return left @ right


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else value
