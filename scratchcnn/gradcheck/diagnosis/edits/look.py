"""What backward's expressions do at a point: their values, and what becomes of the gradients if one is changed."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.diagnosis.budget import Budget, TooDear
from scratchcnn.gradcheck.diagnosis.edits.change import Change, is_array, is_mask, is_numeric, made_by, upside_down
from scratchcnn.gradcheck.diagnosis.edits.places import AXES, AXIS
from scratchcnn.gradcheck.diagnosis.edits.seen import Edit, Rounds, Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.watched import Rerun

# Rounds of loops in backward that take as long as a call of forward.
ROUNDS_A_CALL = 1000


class Code:
    """The caller's code of a case, copied when it is first asked for; `wide` as in `Floats`."""

    def __init__(self, case: Case, *, wide: bool = False) -> None:
        self.case, self.wide = case, wide
        self._made: Rerun | None = None
        self._tried = False

    @property
    def rerun(self) -> Rerun | None:
        """The copy; None where there is none."""
        if not self._tried:
            self._tried = True
            try:
                self._made = Rerun(self.case, wide=self.wide)
            except Exception:  # it cannot be copied, or the copy does not run
                self._made = None
        return self._made


def is_steps(value: Any) -> bool:
    """Whether these are the values of an expression in a loop, all of the same shape."""
    return isinstance(value, Rounds) and len({np.shape(v) for v in value}) == 1


class Suspect(NamedTuple):
    """An expression that may be wrong, and what it told.

    Attributes
    ----------
    alone
        Whether it matters to wrong entries alone.
    copied
        Whether forward has the same expression, in the same place, and with the same value: it is hardly wrong.
    shared
        Whether it matters to a gradient that is right, too: then that has to be right by a coincidence.
    """

    site: Site
    seen: Seen
    alone: bool
    copied: bool = False
    shared: bool = False


def _twice(value: Any) -> Any:
    return upside_down(value) if is_mask(value) else 2 * value


def _moved(value: Any) -> Any:
    return value + 1 + np.arange(value.size).reshape(value.shape) / value.size


def _others(one: Array, other: Array) -> Array:
    """Where two gradients are not the same."""
    where: Array = (one != other) & ~(np.isnan(one) & np.isnan(other))
    return where


def look_at(code: Code, inputs: list[Array], cotangent: Array, gradients: list[Any], budget: Budget) -> "Look | None":
    """A copy of backward at a point; None where it answers otherwise than backward did."""
    if code.rerun is None:
        return None
    try:
        found = Look(code.rerun, inputs, cotangent, budget)
    except Exception:  # the copy does not run
        return None
    return found if all(map(_equal, found.before, gradients)) else None


def _equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return one is other
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=True)


class Look:
    """A copy of backward at a point.

    Parameters
    ----------
    rerun
        The copy.
    inputs, cotangent
        The point.
    budget
        Every run of the copy counts as a call of forward.
    """

    def __init__(self, rerun: Rerun, inputs: list[Array], cotangent: Array, budget: Budget) -> None:
        self.rerun, self.inputs, self.cotangent, self.budget = rerun, inputs, cotangent, budget
        self.before, self.seen = rerun.watched(inputs, cotangent)
        self.of_forward, self.by_forward = rerun.world.of_forward, rerun.by_forward
        if self.seen.keys() & self.by_forward.keys():
            self._split()
        self.suspects: dict[int, list[Suspect]] = {}  # by the gradient that they may make wrong
        self.held: list[tuple[Site, Change]] = []  # changes that make a gradient right
        self.unfinished: set[int] = set()  # the gradients for which not all changes were tried
        self._twice: dict[int, list[Any] | None] = {}
        self._changed: dict[tuple[int, str], list[Any] | None] = {}

    def _split(self) -> None:
        """Tells the expressions of the gradients from those of the output, which one function gives both."""
        self.rerun.world.looked = self.seen
        groups = self.rerun.world.groups
        single = self.seen.keys() - groups.keys()
        numeric = {k for k in single if is_numeric(self.seen[k].value)}
        of_output = {k for k in numeric if self._matters_to_output(k)}
        sites = self.rerun.world.sites
        of_output |= {k for k in single - numeric if self._is_part(k, numeric, of_output)}
        of_output |= {k for k in self.seen.keys() & groups.keys() if of_output.issuperset(groups[k])}
        self.by_forward = {k: seen for k, seen in self.by_forward.items() if k in of_output}
        self.seen = {k: seen for k, seen in self.seen.items() if k not in of_output}
        others = {sites[k].text for k in self.seen} - {sites[k].text for k in of_output}
        self.of_forward = {text: value for text, value in self.of_forward.items() if text not in others}

    def _is_part(self, number: int, numeric: set[int], of_output: set[int]) -> bool:
        """Whether an expression is a part of one that matters to the output: else, whether such stand in its line."""
        sites = self.rerun.world.sites
        beside = {sites[k].text: k for k in self.seen if sites[k].line == sites[number].line}
        around: int | None = number
        while around is not None and around not in numeric:
            outer = beside.get(sites[around].around)
            around = outer if outer != around else None
        return around in of_output if around is not None else any(k in of_output for k in beside.values())

    def _matters_to_output(self, number: int) -> bool:
        self.budget.spend(1)
        given = [a.copy() for a in self.inputs]
        try:
            with np.errstate(all="ignore"):
                output = self.rerun.forward(*given)
                other = self.rerun.other_forward(number, made_by(_twice))(*given)
        except Exception:  # it does not run with another value
            return True
        return not np.array_equal(output, other, equal_nan=True)

    @property
    def sites(self) -> Iterator[tuple[Site, Seen]]:
        """The expressions that were computed, in this order, and what they told."""
        world = self.rerun.world
        for number, seen in self.seen.items():
            site = world.sites[number]
            _, _, function, argument = site.place
            parameters = world.parameters.get(function, ())
            if 0 <= argument < len(parameters) and parameters[argument] in AXES:
                site = replace(site, place=site.place._replace(role=AXIS))
            yield site, seen

    @property
    def values_of_forward(self) -> dict[str, Array]:
        """The arrays that forward computed, by the text of the expression; those of a loop as one array."""
        values = {k: np.array(v) if is_steps(v) else v for k, v in self.of_forward.items()}
        return {k: v for k, v in values.items() if isinstance(v, np.ndarray)}

    @property
    def forward_sites(self) -> Iterator[tuple[Site, Seen]]:
        """The expressions that forward computed, and what they told."""
        yield from ((self.rerun.world.sites[number], seen) for number, seen in self.by_forward.items())

    def changed(self, number: int, change: Change) -> list[Any] | None:
        """The gradients with one expression changed; None where that does not run. Raises `TooDear`."""
        key = number, change.said
        if key not in self._changed:
            self._changed[key] = self._edited(number, change.edit)
        return self._changed[key]

    def _edited(self, number: int, edit: Edit) -> list[Any] | None:
        calls = 1 + self.rerun.rounds // ROUNDS_A_CALL
        self.budget.afford(calls)
        self.budget.spend(calls)
        try:
            self.rerun.world.of_forward, self.rerun.world.looked = self.of_forward, self.seen
            with np.errstate(all="ignore"):
                gradients = self.rerun.edited(self.inputs, self.cotangent, number, edit)
        except TooDear:
            raise
        except (Exception, SystemExit):  # whatever it raises with another value in it
            return None
        return gradients if len(gradients) == len(self.before) else None

    def forgetful(self) -> list[Any]:
        """The gradients without anything that is kept from earlier calls; none where that does not run."""
        try:
            return self.rerun.forgetful(self.inputs, self.cotangent)
        except Exception:  # what it keeps is no cache
            return []

    def twice(self, number: int) -> list[Any] | None:
        """The gradients with an expression twice as large, or a mask upside down."""
        if number not in self._twice:
            self._twice[number] = self._edited(number, made_by(_twice))
        return self._twice[number]

    def moved(self, number: int) -> list[Any] | None:
        """The gradients with an array that has zeros in it moved away from them."""
        return self.changed(number, Change("", "other numbers", made_by(_moved)))

    def without(self, number: int) -> list[Any] | None:
        """The gradients with zero in place of an expression."""
        return self.changed(number, Change("", "zero", made_by(lambda v: 0 * v)))

    def reach(self, number: int, index: int) -> Array | None:
        """Which entries of a gradient are others if an expression is twice as large; None where that is not known.

        Of several expressions: those of each.
        """
        known = [self._reach(member, index) for member in self.rerun.world.alike(number)]
        reached = [each for each in known if each is not None]
        return np.logical_or.reduce(reached) if reached else None

    def _reach(self, number: int, index: int) -> Array | None:
        if number not in self.seen:
            return None
        twice, before = self.twice(number), self.before[index]
        if twice is None or before is None or twice[index] is None or twice[index].shape != before.shape:
            return None
        reached = _others(twice[index], before)
        value = self.seen[number].value
        if not reached.all() and is_array(value) and not value.all():  # twice zero is zero
            other = self.moved(number)
            if other is not None and other[index] is not None and other[index].shape == before.shape:
                reached |= _others(other[index], before)
        return reached

    def differs(self, gradients: list[Any], index: int) -> bool:
        """Whether a gradient is another one than backward's own."""
        one, other = gradients[index], self.before[index]
        if one is None or other is None:
            return one is not other
        return not np.array_equal(one, other, equal_nan=True)
