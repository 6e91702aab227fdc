"""Outputs that backward leaves out: a part of a concatenation, the rows that a loop does not reach."""

from collections.abc import Callable, Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.sets import sets


def without_some_outputs(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of a cotangent that is zero where backward leaves outputs out."""
    for said, kind, some in sets(scene.cotangent.shape):
        named = kind if kind == "border" else _kind(some)
        yield Claim(named, f"the true one without the outputs {said}", _left_out(index, some), along=True)


def _kind(some: Array) -> str:
    """The kind of a set, by the axes along which it ends: those of samples, of parts that are joined, of pixels."""
    ends = {axis for axis in range(some.ndim) if (np.diff(some, axis=axis)).any()}
    if ends == {0}:
        return "subset"
    return "border" if some.ndim > 2 and max(ends) >= 2 else "missing-term"


def _left_out(index: int, some: Array) -> Callable[[Scene], bool]:
    return lambda s: s.is_derivative(index, np.where(some, 0.0, s.cotangent))
