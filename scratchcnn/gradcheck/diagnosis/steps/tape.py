"""A record of forward: every number that it computed, and its derivative by the numbers that it was computed from.

The numbers are balls (`proof.balls`). In place of a slope, each has a `Slope`, which writes down what it is multiplied
by and added to. What is written down is filed under the expression in the caller's code that computed it.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from inspect import CO_GENERATOR
from types import CodeType, FrameType
from typing import Any, NamedTuple

import numpy as np
from flint import arb

import scratchcnn.gradcheck
from scratchcnn.gradcheck.proof.balls.ball import Ball, constant
from scratchcnn.gradcheck.proof.balls.rules import apply

# Numbers that are recorded at most.
MOST_NUMBERS = 20_000
# Derivatives of one number by another that are recorded at most.
MOST_PARTS = 100_000
# The same, of operations on numbers that move and on those that do not.
MOST_OPERATIONS = 1_000_000
# A number that stands between two others of the same expression is left out if it comes from at most so many.
FEW_PARTS = 8
# How far calls are followed from forward into its helpers, at most.
DEEPEST = 8

# The files of the harness: what stands between forward and the check is none of the caller's code.
OWN = os.path.dirname(scratchcnn.gradcheck.__file__)

Site = tuple[tuple[CodeType, int], ...]
"""An expression in the caller's code: the functions that are on their way, and the instruction of each."""

LEFT, RIGHT, ALL = "left", "right", "all"


class TooLarge(Exception):
    """There are too many numbers to record."""


@dataclass(frozen=True)
class Step:
    """An operand of an expression in the caller's code: what is differentiated there."""

    site: Site
    operand: str


class Part(NamedTuple):
    """What a number comes from: another number, and the derivative by it.

    Attributes
    ----------
    of
        The other number.
    factor
        The derivative.
    step
        The number of the step that it belongs to; -1 if to none.
    value
        The other number's value; NaN where it is not known.
    result
        The value of the number that comes from it; NaN where it is not known.
    at_result
        The derivative, taken at the result in place of the value; NaN where there is none.
    transposed, diagonal
        In a product of matrices, the derivative if the other matrix were transposed, or were the unit matrix; else NaN.
    """

    of: int
    factor: float
    step: int
    value: float = np.nan
    result: float = np.nan
    at_result: float = np.nan
    transposed: float = np.nan
    diagonal: float = np.nan


class _Here(NamedTuple):
    """The place in the caller's code where numbers are computed: many one after the other, for each entry of an array.

    Attributes
    ----------
    frame, instruction
        The innermost function of the caller's, and its instruction.
    site
        The expression.
    truncated
        Whether it is a call of a deeper one.
    steps
        By its operands, the numbers of the steps.
    """

    frame: FrameType | None
    instruction: int
    site: Site
    truncated: bool
    steps: dict[str, int]


NOWHERE = _Here(None, -1, (), False, {})


class Tape:
    """The record.

    Parameters
    ----------
    files
        The files of the caller's code.
    depth
        How many calls an expression is told apart by. With 1, a call of a helper is a single step.
    """

    def __init__(self, files: set[str], depth: int) -> None:
        self.files, self.depth, self.deepest = files, depth, 0
        self.parts: list[list[Part]] = []
        self.steps: dict[Step, int] = {}
        self.calls: set[Step] = set()  # steps that are calls of the caller's functions
        self.sums: set[Site] = set()  # expressions that add up several numbers
        self.sites: list[Site | None] = []  # the expression that computed each number; none for an entry of an input
        self.results: list[float] = []  # the value of each number; NaN where it is not known
        self._count = 0  # of all parts
        self._known: dict[Site, Site] = {}  # each expression once, so that two are the same object if they are equal
        self._here = NOWHERE
        self._maker = sys._getframe(1).f_code  # forward is called from there: what called that is no part of it

    def leaf(self) -> "Slope":
        """The slope of an entry of an input."""
        return self._number([], None)

    def _number(self, parts: list[Part], site: Site | None, result: float = np.nan) -> "Slope":
        self._count += len(parts)
        if len(self.parts) == MOST_NUMBERS or self._count > MOST_PARTS:
            raise TooLarge
        self.parts.append(parts)
        self.sites.append(site)
        self.results.append(result)
        return Slope(self, len(self.parts) - 1)

    def combined(self, operands: Sequence[tuple["Slope", float, str]]) -> "Slope":
        """The slope of a number that comes from others: of each its slope, the derivative by it, and its side."""
        here, seen = self._stand(sys._getframe(1)), _seen(sys._getframe(2))
        site, sites = here.site, self.sites
        parts: list[Part] = []
        within = [sites[slope.node] is site for slope, *_ in operands]
        if within == [True, False]:  # a sum so far, and one number more
            self.sums.add(site)
        for (slope, factor, operand), inside in zip(operands, within, strict=True):
            if inside and len(self.parts[slope.node]) <= FEW_PARTS:
                parts += [_further(part, factor, seen) for part in self.parts[slope.node]]
            else:
                step = -1 if inside else self._step(here, operand)
                value, at_result = seen.of(slope)
                self.tell(slope.node, value)
                parts.append(Part(slope.node, factor, step, value, seen.result, at_result))
        return self._number(self._merged(parts, here) if len(parts) > 1 else parts, site, seen.result)

    def tell(self, node: int, value: float) -> None:
        """Keeps the value of a number, where the operation that computed it did not show it."""
        if np.isnan(self.results[node]):
            self.results[node] = value

    def _merged(self, parts: list[Part], here: "_Here") -> list[Part]:
        """The parts, those of the same number as one; so a product of a number with itself is a square."""
        found: dict[int, Part] = {}
        for part in parts:
            other = found.get(part.of)
            if other is None:
                found[part.of] = part
            elif -1 in (part.step, other.step) or part.factor == -other.factor:
                return parts  # of a number less itself, either may be taken for a constant
            else:
                step = part.step if part.step == other.step else self._step(here, ALL)
                factor = part.factor + other.factor
                found[part.of] = Part(part.of, factor, step, part.value, part.result)
        return list(found.values())

    def _step(self, here: "_Here", operand: str) -> int:
        """The number of a step."""
        if operand not in here.steps:
            step = Step(here.site, ALL if here.truncated else operand)
            here.steps[operand] = self.steps.setdefault(step, len(self.steps))
            if here.truncated:
                self.calls.add(step)
        return here.steps[operand]

    def _stand(self, frame: FrameType | None) -> "_Here":
        """The expression in the caller's code that is being computed."""
        while frame is not None and frame.f_code is not self._maker and not self._is_callers(frame):
            frame = frame.f_back
        here = self._here
        if frame is None or frame is not here.frame or frame.f_lasti != here.instruction:
            here = self._here = self._new_place(frame)
        return here

    def _new_place(self, frame: FrameType | None) -> "_Here":
        path = tuple(self._path(frame))[::-1]
        self.deepest = max(self.deepest, len(path))
        site = path[: self.depth]
        here = _Here(None, -1, self._known.setdefault(site, site), len(path) > self.depth, {})
        if frame is None or frame.f_code.co_flags & CO_GENERATOR:  # one that is resumed has another caller each time
            return here
        return here._replace(frame=frame, instruction=frame.f_lasti)

    def end(self) -> None:
        """Lets go of the caller's variables."""
        self._here = NOWHERE

    def _path(self, frame: FrameType | None) -> Iterator[tuple[CodeType, int]]:
        """The functions of the caller's that are on their way, the innermost first, and the instruction of each."""
        while frame is not None and frame.f_code is not self._maker:
            if self._is_callers(frame):
                yield frame.f_code, frame.f_lasti
            frame = frame.f_back

    def _is_callers(self, frame: FrameType) -> bool:
        file = frame.f_code.co_filename
        return file in self.files and not file.startswith(OWN)

    def product(self, a: Any, b: Any) -> Any:
        """(m, n) balls: the product of (m, k) and (k, n), each number of it in one step."""
        (m, k), n = a.shape, b.shape[1]
        if self._count + m * k * n > MOST_PARTS:
            raise TooLarge
        here = self._stand(sys._getframe(1))
        left, right = (self._step(here, side) for side in (LEFT, RIGHT))
        x, y = ([[constant(e) for e in row] for row in side.tolist()] for side in (a, b))
        u, v = (np.array([[float(e.value) for e in row] for row in side]) for side in (x, y))
        made = np.empty((m, n), object)
        for i, j in np.ndindex(m, n):
            parts: list[Part] = []
            for c in range(k):
                if isinstance(s := x[i][c].slope, Slope):
                    turned = v[j, c] if k == n else np.nan
                    parts.append(Part(s.node, v[c, j], left, u[i, c], transposed=turned, diagonal=float(c == j)))
                if isinstance(s := y[c][j].slope, Slope):
                    turned = u[c, i] if k == m else np.nan
                    parts.append(Part(s.node, u[i, c], right, v[c, j], transposed=turned, diagonal=float(c == i)))
            value = sum((x[i][c].value * y[c][j].value for c in range(k)), arb(0))
            made[i, j] = moving(value, self._number(parts, here.site, float(value)) if parts else None)
        return made


class Slope:
    """The slope of a number on the tape, in place of an `arb`: what is done with it is recorded."""

    __slots__ = ("node", "tape")

    def __init__(self, tape: Tape, node: int) -> None:
        self.tape, self.node = tape, node

    def __add__(self, other: Any) -> "Slope":
        return self.tape.combined([(self, 1.0, LEFT), (other, 1.0, RIGHT)]) if isinstance(other, Slope) else self

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Slope":
        return self.tape.combined([(self, 1.0, LEFT), (other, -1.0, RIGHT)]) if isinstance(other, Slope) else self

    def __rsub__(self, other: Any) -> "Slope":
        return self.tape.combined([(self, -1.0, RIGHT)])

    def __neg__(self) -> "Slope":
        return self.tape.combined([(self, -1.0, RIGHT)])

    def __mul__(self, factor: Any) -> "Slope":
        return self.tape.combined([(self, float(factor), LEFT)])

    def __rmul__(self, factor: Any) -> "Slope":
        return self.tape.combined([(self, float(factor), RIGHT)])

    def __truediv__(self, divisor: Any) -> "Slope":
        return self.tape.combined([(self, float(1 / divisor), LEFT)])

    def __gt__(self, other: Any) -> bool:
        return False

    __lt__ = __gt__

    def is_zero(self) -> bool:
        """It is not known to be."""
        return False

    def is_finite(self) -> bool:
        """It is not taken to be: a number less itself is recorded as a difference."""
        return False

    def product(self, a: Any, b: Any) -> Any:
        """The product of two matrices of balls, some of which have slopes on the tape."""
        return self.tape.product(a, b)


def moving(value: arb, slope: Any) -> Ball:
    """A ball whose slope is on the tape, or none."""
    return Ball(value, slope)


class _Seen(NamedTuple):
    """What is known of an operation on balls while it is carried out."""

    balls: tuple[Any, ...] = ()
    result: float = np.nan
    at_result: float = np.nan

    def of(self, slope: Any) -> tuple[float, float]:
        """The value of the ball with a slope, and the derivative taken at the result."""
        for ball in self.balls:
            if type(ball) is Ball and ball.slope is slope:
                return float(ball.value), self.at_result
        return np.nan, np.nan


def _seen(frame: FrameType) -> _Seen:
    """What the frame of an operation on balls shows: the operation has no other way to tell."""
    names = frame.f_locals
    if frame.f_code is apply.__code__:
        rule, y = names["rule"], names["y"]
        return _Seen((names["x"],), float(y), float(rule.derivative(y, rule.value(y))))
    result = names.get("q", names.get("value"))
    return _Seen((names.get("self"), names.get("other")), np.nan if result is None else float(result))


def _further(part: Part, factor: float, seen: _Seen) -> Part:
    """A part of a number that stands between two others of the same expression, as one of the later number."""
    at_result = part.at_result if factor == 1 else np.nan
    return Part(part.of, part.factor * factor, part.step, part.value, seen.result, at_result)
