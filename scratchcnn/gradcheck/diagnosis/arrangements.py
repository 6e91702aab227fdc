"""Mistakes of arrangement: axes exchanged or turned, entries in another order, another input's gradient."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import Estimate, is_far
from scratchcnn.gradcheck.diagnosis.places import wrong_entries
from scratchcnn.gradcheck.diagnosis.rearrangements import rearrangements
from scratchcnn.gradcheck.diagnosis.scene import Scene

MOST = 3  # pixels that a crop may be misplaced by
SEEN = 0.2  # the share of entries that has to be left for a crop to be recognized


def arranged(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient with its entries elsewhere."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape:
        return
    for kind, message, function in rearrangements(shape):
        yield Claim(kind, message, lambda s, f=function: s.is_rearranged(index, f))  # type: ignore[misc]


def displaced(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient moved along its last two axes, whatever comes in at the border: a crop in the wrong place."""
    shape = scene.inputs[index].shape
    if len(shape) < 2 or scene.analytic(index).shape != shape:
        return
    for down, right in product(range(-MOST, MOST + 1), repeat=2):
        if (down or right) and abs(down) < shape[-2] and abs(right) < shape[-1]:
            moved = f"the true one moved by {down} and {right} along its last two axes"
            kinds = ("padding-not-cropped", "shifted")
            for kind in kinds if down >= 0 and right >= 0 else kinds[::-1]:
                said = f"{moved}: cropped in the wrong place, or an index is off"
                yield Claim(kind, said, _displaced(index, down, right))


def _displaced(index: int, down: int, right: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        truth = s.truth(index)
        (to_rows, from_rows), (to_columns, from_columns) = _overlap(down), _overlap(right)
        to, source = (..., to_rows, to_columns), (..., from_rows, from_columns)
        if is_far(s.analytic(index)[to], truth.value[source], truth.most, s.eps):
            return False
        value, error = np.zeros_like(truth.value), np.full_like(truth.error, np.inf)
        value[to], error[to] = truth.value[source], truth.error[source]
        if not s.agrees(index, Estimate(value, error)):
            return False
        known, (bad, _) = np.isfinite(error), wrong_entries(s, index)
        # What is right anyway tells nothing, and what lies outside may be anything.
        explained = 2 * (bad & known).sum() >= max(known.sum(), bad.sum())
        return bool(explained and known.sum() >= SEEN * value.size and len(np.unique(value[known])) > 2)

    return holds


def _overlap(by: int) -> tuple[slice, slice]:
    """Of a move along an axis: where entries come to, and where they come from."""
    return (slice(by, None), slice(None, -by or None)) if by >= 0 else (slice(None, by), slice(-by, None))


def not_transposed(scene: Scene, index: int) -> Iterator[Claim]:
    """The Jacobian, not transposed, times the cotangent."""
    if scene.analytic(index).shape == scene.cotangent.shape == scene.inputs[index].shape and scene.cotangent.ndim:

        def holds(s: Scene) -> bool:
            jacobian = s.jacobian(index)
            c = s.cotangent.reshape(-1)
            product = Estimate(jacobian.value @ c, jacobian.error @ np.abs(c))
            return s.agrees(index, product.reshaped(s.cotangent.shape))

        yield Claim("transposed", "the Jacobian times the cotangent, not the transposed Jacobian", holds)


def swapped(scene: Scene, index: int) -> Iterator[Claim]:
    """Another input's true gradient."""
    for other in scene.wrt:
        if other != index and scene.inputs[other].shape == scene.analytic(index).shape:
            name = scene.names[other]
            yield Claim(
                "swapped",
                f"that of {name}",
                lambda s, other=other: s.agrees(index, s.truth(other)),  # type: ignore[misc]
            )


def of_exchanged_inputs(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of a forward that takes two inputs for each other."""
    shape, name = scene.inputs[index].shape, scene.names[index]
    for other, array in enumerate(scene.inputs):
        if other != index and array.shape == shape and array.dtype.kind == "f":
            said = f"that of a forward with {name} and {scene.names[other]} exchanged"
            yield Claim("swapped", said, _exchanged(index, other), along=True)


def _exchanged(index: int, other: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        def forward(*inputs: Array) -> Any:
            given = list(inputs)
            given[index], given[other] = given[other], given[index]
            return s.forward(*given)

        return s.is_derivative(index, forward=forward)

    return holds
