"""What the caller says of an input that cannot be seen: where forward is defined, and which form the values have."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case, indices_of
from scratchcnn.gradcheck.effort import Timed
from scratchcnn.gradcheck.invariants import STRUCTURES, has_structure
from scratchcnn.gradcheck.wrapping import wrapped

# pytest shows none of this module's frames.
__tracebackhide__ = True

WRITTEN = re.compile(r"\s*([\[(])\s*([^,\s]+)\s*,\s*([^,\s]+)\s*([\])])\s*")
EXPECTED = "(low, high), [low, high] or a string such as '[0, 1)'"


class Outside(ValueError):
    """Forward is called at a point where it is not defined."""


@dataclass(frozen=True)
class Interval:
    """The numbers from low to high, each of them included or not."""

    low: float
    high: float
    with_low: bool
    with_high: bool

    def __str__(self) -> str:
        return f"{'[' if self.with_low else '('}{self.low:g}, {self.high:g}{']' if self.with_high else ')'}"

    @property
    def written(self) -> str:
        """As `domain` takes it, with every digit."""
        return f"{'[' if self.with_low else '('}{self.low!r}, {self.high!r}{']' if self.with_high else ')'}"

    def holds(self, array: Array) -> Array:
        """Which of the numbers lie in it; of complex steps the real parts count."""
        x = array.real
        above = x >= self.low if self.with_low else x > self.low
        below = x <= self.high if self.with_high else x < self.high
        inside: Array = above & below
        return inside


def restricted(case: Case, domain: Any, structure: Any) -> Case:
    """The case with what the caller says of its inputs.

    Parameters
    ----------
    domain
        Of each input by its name or index, or of all: `(low, high)` without the ends, `[low, high]` with them, or a
        string such as "[0, 1)". None or infinity stands for no end.
    structure
        Of each input by its name or index, or of all: one of `STRUCTURES`.

    Raises
    ------
    TypeError, ValueError
        An input does not exist, lies outside its domain, or has not the form that it is said to have.
    """
    intervals = dict(_of_inputs(case, domain, "domain", _interval))
    structures = dict(_of_inputs(case, structure, "structure", _structure))
    for k, form in structures.items():
        if not has_structure(case.inputs[k], form):
            raise ValueError(f"structure says that {case.names[k]} is {form}, which it is not")
    for k, interval in intervals.items():
        _refuse_outside(case.names[k], case.inputs[k], interval)
    found = replace(case, domains=intervals, structures=structures)
    if not intervals:
        return found
    guarded = wrapped(case.forward, partial(_guarded, intervals))
    return replace(found, forward=Timed(guarded))


def _guarded(intervals: Mapping[int, Interval], function: Callable[..., Any], inputs: Sequence[Any]) -> Any:
    for k, interval in intervals.items():
        # A ball is left to the function: it knows where that is defined.
        if type(inputs[k]) is np.ndarray and inputs[k].dtype.kind in "fc" and not interval.holds(inputs[k]).all():
            raise Outside(f"input {k} leaves {interval}")
    return function(*inputs)


def _refuse_outside(name: str, array: Array, interval: Interval) -> None:
    outside = ~interval.holds(array)
    if outside.any():
        place = [int(i) for i in np.argwhere(outside)[0]]
        value = array[tuple(place)]
        raise ValueError(f"domain says that {name} lies in {interval}, but {name}{place if place else ''} is {value:g}")


def _of_inputs(case: Case, given: Any, option: str, read: Callable[[Any, str], Any]) -> Iterator[tuple[int, Any]]:
    """What is given of each input; a single value counts for all that are checked."""
    if given is None:
        return
    if isinstance(given, Mapping):
        for key, value in given.items():
            yield from ((k, read(value, option)) for k in indices_of(key, case.names, option))
    else:
        value = read(given, option)
        yield from ((k, value) for k in case.wrt)


def _interval(given: Any, option: str) -> Interval:
    if isinstance(given, str):
        written = WRITTEN.fullmatch(given)
        if written is None:
            raise ValueError(f"{option} takes {EXPECTED}; got {given!r}")
        opening, *ends, closing = written.groups()
        with_low, with_high = opening == "[", closing == "]"
    elif isinstance(given, tuple | list) and len(given) == 2:
        ends, with_low, with_high = list(given), isinstance(given, list), isinstance(given, list)
    else:
        raise TypeError(f"{option} takes {EXPECTED}; got {given!r}")
    low, high = _end(ends[0], -math.inf, given, option), _end(ends[1], math.inf, given, option)
    if not low < high:
        raise ValueError(f"{option} takes {EXPECTED}, with low below high; got {given!r}")
    return Interval(low, high, with_low, with_high)


def _end(end: Any, otherwise: float, given: Any, option: str) -> float:
    if end is None:
        return otherwise
    try:
        return float(end)
    except (TypeError, ValueError):
        raise TypeError(f"{option} takes {EXPECTED}; got {given!r}") from None


def _structure(given: Any, option: str) -> str:
    if given not in STRUCTURES:
        raise ValueError(f"{option} takes one of {', '.join(map(repr, STRUCTURES))}; got {given!r}")
    return str(given)
