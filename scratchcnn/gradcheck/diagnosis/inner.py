"""A factor or a term of the whole gradient that is a value which the code computes on its way."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS, SHARP
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Entries that a factor or a term has to differ at: fewer prove nothing.
SEVERAL = 4
# What may be made of a value.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "{}": lambda v: v,
    "(1 - {})": lambda v: 1 - v,
    "{0} (1 - {0})": lambda v: v * (1 - v),
    "(1 - {}²)": lambda v: 1 - v**2,
    "{}²": lambda v: v**2,
    "exp({})": np.exp,
}

Value = Callable[[Scene], Array]


def inner_factor(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient times such a value, or divided by it."""
    for name, value in _values(scene, index):
        for said, function in FUNCTIONS.items():
            text = said.format(f"`{name}`")
            yield Claim("missing-factor", f"the true one without the factor {text}", _without(index, value, function))
            yield Claim("missing-factor", f"the true one times {text} once more", _times(index, value, function))


def inner_term(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient less a multiple of such a value."""
    for name, value in _values(scene, index):
        yield Claim("missing-term", f"the true one less a multiple of `{name}`", _less(index, value))


def _values(scene: Scene, index: int) -> Iterator[tuple[str, Value]]:
    """Arrays of an input's shape that backward or forward computes: the text, and how to find it at a point."""
    shape, told = scene.inputs[index].shape, set[str]()
    for number, seen in scene.look.seen.items() if scene.look is not None and scene.inputs[index].size > 1 else ():
        for name, value in seen.variables.items():
            if name not in told and isinstance(value, np.ndarray) and value.shape == shape and value.dtype.kind == "f":
                told.add(name)
                yield name, _variable(number, name)


def _variable(number: int, name: str) -> Value:
    def value(s: Scene) -> Array:
        found = s.look.seen.get(number) if s.look is not None else None
        array = None if found is None else found.variables.get(name)
        return np.asarray(np.nan if array is None else array, np.float64)

    return value


def _times(index: int, value: Value, function: Callable[[Any], Any]) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        factor = function(value(s))
        return _varies(factor) and s.agrees(index, s.truth(index).times(factor))

    return holds


def _without(index: int, value: Value, function: Callable[[Any], Any]) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        factor = function(value(s))
        return _varies(factor) and bool(factor.all()) and s.agrees(index, s.truth(index).times(1 / factor))

    return holds


def _varies(factor: Array) -> bool:
    return bool(np.isfinite(factor).all()) and len(np.unique(factor)) >= SEVERAL


def _less(index: int, value: Value) -> Callable[[Scene], bool]:
    """Whether what is missing is a multiple of the value, whatever the multiple."""

    def holds(s: Scene) -> bool:
        truth, analytic, term = s.truth(index), s.analytic(index), value(s)
        if not _varies(term) or term.shape != analytic.shape or not np.isfinite(truth.error).all():
            return False
        missing = truth.value - analytic
        multiple = float((missing * term).sum() / (term**2).sum())
        size = np.abs(truth.value) + np.abs(analytic)
        tolerance = truth.error + ROUNDOFFS * s.eps * size
        if (tolerance > SHARP * np.abs(missing).max()).any():
            return False
        spread = float(np.sqrt((tolerance**2).sum()))
        return bool((np.abs(missing - multiple * term) <= tolerance + spread).all())

    return holds
