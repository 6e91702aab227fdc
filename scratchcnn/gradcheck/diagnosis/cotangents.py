"""Mistakes with the cotangent: ignored, averaged, of one sample only, turned, multiplied once too often."""

from collections.abc import Callable, Iterator
from itertools import permutations

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.places import is_sequence
from scratchcnn.gradcheck.diagnosis.rearrangements import rearrangements
from scratchcnn.gradcheck.diagnosis.scene import Scene

Other = Callable[[Scene], Array]


def of_another_cotangent(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of a cotangent that is not the one that came."""
    for kind, message, other in _others(scene):
        yield Claim(kind, message, lambda s, other=other: s.is_derivative(index, other(s)), along=True)  # type: ignore[misc]


def of_some_outputs(scene: Scene, index: int) -> Iterator[Claim]:
    """Of several outputs, the true gradient without one of them, or of one alone, or with one's sign wrong."""
    start = 0
    for name, count in scene.parts:
        row = slice(start, start + count)
        start += count
        for said, factor in (
            (f"the true one without the part of {name}", 0.0),
            (f"the true one with minus the part of {name}", -1.0),
        ):
            kind = "sign" if factor else "missing-term"
            yield Claim(kind, said, _derivative_of(index, row, factor, 1.0), along=True)
        yield Claim("missing-term", f"that of {name} alone", _derivative_of(index, row, 1.0, 0.0), along=True)


def _derivative_of(index: int, row: slice, inside: float, outside: float) -> Callable[[Scene], bool]:
    """Whether the gradient is that of a cotangent times a number in a row of outputs, and another one elsewhere."""

    def holds(s: Scene) -> bool:
        factor = np.full(s.cotangent.shape, outside)
        factor[row] = inside
        return s.is_derivative(index, factor * s.cotangent)

    return holds


def _place(scene: Scene, axis: int, place: int) -> str:
    """An index of the output, for a reader."""
    start = 0
    for name, count in scene.parts:
        if place < start + count:
            return f"entry {place - start} of {name}"
        start += count
    return f"index {place} of the output's axis {axis}"


def _others(scene: Scene) -> Iterator[tuple[str, str, Other]]:
    shape = scene.cotangent.shape
    yield "ignores-cotangent", "the true one for a cotangent of ones", lambda s: np.ones_like(s.cotangent)
    if scene.cotangent.size > 1:
        yield "missing-factor", "the true one for the cotangent's mean", _mean(tuple(range(len(shape))))
        yield "missing-factor", "the true one for the cotangent's sum", _total
    for axis, length in enumerate(shape):
        if length > 1:
            first, last = _place(scene, axis, 0), _place(scene, axis, length - 1)
            samples = axis == 0 and not scene.parts and not _is_sequence(scene)
            kind = "batch" if samples else "subset"
            yield kind, f"the true one of {'the first sample' if samples else first} alone", _part(axis, 0)
            yield kind, f"the true one of {'the last sample' if samples else last} alone", _part(axis, length - 1)
            if len(shape) > 1:
                yield "broadcast", f"the true one for the cotangent's mean over axis {axis}", _mean((axis,))
                yield "broadcast", f"the true one for the cotangent's sum over axis {axis}", _sum(axis)
            if length > 2:
                end = "border" if axis >= 2 else kind  # of images
                yield end, f"the true one without {first}", _rest(axis, 0)
                yield end, f"the true one without {last}", _rest(axis, -1)
    if len(shape) > 2:
        yield "single-entry", "that of the first output alone along the last two axes", _corner
    yield "other", "the true one for the cotangent's absolute value", lambda s: np.abs(s.cotangent)
    yield "other", "the true one for the cotangent's square", lambda s: s.cotangent**2
    yield from _times_outputs()
    yield from _times_vectors(scene)
    for kind, message, function in rearrangements(shape):
        if kind != "permuted" or len(shape) > 1:
            said = message.replace("the true one", "the cotangent", 1)
            yield kind, f"the true one for {said}", _rearranged(function)


def _is_sequence(scene: Scene) -> bool:
    try:
        return is_sequence(scene)
    except TooDear:  # nobody knows: mostly it is none
        return False


def _rearranged(function: Callable[[Array], Array]) -> Other:
    return lambda s: function(s.cotangent)


def _times_outputs() -> Iterator[tuple[str, str, Other]]:
    factors: dict[str, Callable[[Array], Array]] = {
        "the output": lambda y: y,
        "1 - output": lambda y: 1 - y,
        "1 + output": lambda y: 1 + y,
        "output (1 - output)": lambda y: y * (1 - y),
        "1 - output²": lambda y: 1 - y**2,
        "(output > 0)": lambda y: (y > 0).astype(float),
    }
    for name, factor in factors.items():
        yield "missing-factor", f"the true one without the factor {name}", _divided(factor)
        yield "missing-factor", f"the true one times {name} once more", _multiplied(factor)


def _times_vectors(scene: Scene) -> Iterator[tuple[str, str, Other]]:
    """A vector that scales the output along an axis: once too often, not at all, along another axis."""
    shape = scene.cotangent.shape
    for k, array in enumerate(scene.inputs):
        if array.ndim != 1 or array.dtype.kind != "f" or len(shape) < 2:
            continue
        name, axes = scene.names[k], [axis for axis, length in enumerate(shape) if length == array.size]
        for axis in axes:
            yield "missing-factor", f"the true one without the scale {name}", _scaled(k, None, axis)
            yield "missing-factor", f"the true one with the scale {name} counted twice", _scaled(k, axis, None)
        for axis, other in permutations(axes, 2):
            said = f"the true one with the scale {name} along axis {axis} in place of axis {other}"
            yield "broadcast", said, _scaled(k, axis, other)


def _scaled(k: int, times: int | None, over: int | None) -> Other:
    """The cotangent times an input along an axis, or divided by it, or both."""

    def other(s: Scene) -> Array:
        factor: Array = np.ones(())
        for axis, power in ((times, 1), (over, -1)):
            if axis is not None:
                lengths = [1] * s.cotangent.ndim
                lengths[axis] = -1
                factor = factor * s.inputs[k].reshape(lengths) ** power
        return s.cotangent * factor

    return other


def _divided(factor: Callable[[Array], Array]) -> Other:
    def other(s: Scene) -> Array:
        with np.errstate(all="ignore"):
            quotient: Array = s.cotangent / factor(s.output)
        return quotient

    return other


def _multiplied(factor: Callable[[Array], Array]) -> Other:
    return lambda s: s.cotangent * factor(s.output)


def _mean(axes: tuple[int, ...]) -> Other:
    return lambda s: np.broadcast_to(s.cotangent.mean(axis=axes, keepdims=True), s.cotangent.shape)


def _sum(axis: int) -> Other:
    return lambda s: np.broadcast_to(s.cotangent.sum(axis=axis, keepdims=True), s.cotangent.shape)


def _total(s: Scene) -> Array:
    return np.full_like(s.cotangent, s.cotangent.sum())


def _part(axis: int, place: int) -> Other:
    def other(s: Scene) -> Array:
        part = np.zeros_like(s.cotangent)
        where = (slice(None),) * axis + (place,)
        part[where] = s.cotangent[where]
        return part

    return other


def _corner(s: Scene) -> Array:
    part = np.zeros_like(s.cotangent)
    part[..., 0, 0] = s.cotangent[..., 0, 0]
    return part


def _rest(axis: int, place: int) -> Other:
    def other(s: Scene) -> Array:
        rest = s.cotangent.copy()
        rest[(slice(None),) * axis + (place,)] = 0
        return rest

    return other
