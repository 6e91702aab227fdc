"""A gradient of the wrong shape: what it is besides."""

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import alike
from scratchcnn.gradcheck.diagnosis.scene import Scene


def misshapen(scene: Scene, index: int) -> Iterator[Claim]:
    """Right if reshaped, transposed, or summed over some axes."""
    gradient, shape = scene.gradients[index], scene.inputs[index].shape
    if gradient is None or gradient.shape == shape:
        return

    def becomes(kind: str, message: str, function: "object") -> Claim:
        def holds(s: Scene) -> bool:
            made: Array = function(s.gradients[index])  # type: ignore[operator]
            return alike(made, s.truth(index))

        return Claim(kind, message, holds)

    if gradient.size == int(np.prod(shape)):
        lengths = (
            ": it has axes of length 1 too many, or too few (keepdims)" if _squeezed(gradient.shape, shape) else ""
        )
        yield becomes("shape", f"right if reshaped to {shape}{lengths}", lambda g: g.reshape(shape))
        for order in permutations(range(gradient.ndim)):
            if tuple(gradient.shape[k] for k in order) == shape:
                said = f"right if its axes are put in the order {order}"
                yield becomes("transposed", said, lambda g, order=order: g.transpose(order))
    for count in range(1, gradient.ndim + 1):
        for axes in combinations(range(gradient.ndim), count):
            rest = tuple(n for k, n in enumerate(gradient.shape) if k not in axes)
            if rest == shape and any(gradient.shape[k] > 1 for k in axes):  # else it is a reshape, too
                said = f"right if summed over axis {' and '.join(map(str, axes))}: the input is broadcast there"
                yield becomes("broadcast", said, lambda g, axes=axes: g.sum(axis=axes))
    if gradient.ndim == len(shape) >= 2 and all(a >= b for a, b in zip(gradient.shape, shape, strict=True)):
        for top in range(gradient.shape[-2] - shape[-2] + 1):
            for left in range(gradient.shape[-1] - shape[-1] + 1):
                corner: Any = (..., slice(top, top + shape[-2]), slice(left, left + shape[-1]))
                said = f"right if cropped to [{top}:{top + shape[-2]}, {left}:{left + shape[-1]}] of its last two axes"
                yield becomes("padding-not-cropped", said, lambda g, corner=corner: g[corner])
    yield Claim("shape", f"an array of shape {gradient.shape}, not {shape}", lambda s: True)


def _squeezed(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes differ by axes of length 1 alone."""
    return [n for n in one if n != 1] == [n for n in other if n != 1]
