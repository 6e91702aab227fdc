"""A gradient of the wrong shape: what it is besides.

Backward multiplies the cotangent by the Jacobian, ∂E/∂x = Σ ∂E/∂o ∂o/∂x. Many write the Jacobian alone.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, permutations
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import alike
from scratchcnn.gradcheck.diagnosis.scene import Scene

Shape = tuple[int, ...]
PutRight = Callable[[Array, Array], Array]
"""The gradient put right: a function of the cotangent and the gradient."""
Repair = tuple[str, str, PutRight]
"""A kind of mistakes, the end of a sentence, and what puts the gradient right."""


def misshapen(scene: Scene, index: int) -> Iterator[Claim]:
    """The Jacobian, or right if reshaped, transposed, summed over some axes or cropped."""
    gradient, shape = scene.gradients[index], scene.inputs[index].shape
    if gradient is None or gradient.shape == shape:
        return
    repairs = (
        *_jacobians(scene.output.shape, shape, gradient.shape),
        *_rearranged(shape, gradient.shape),
        *_summed(shape, gradient.shape),
        *_cropped(shape, gradient.shape),
    )
    for kind, message, put_right in repairs:
        yield Claim(kind, message, partial(_is_right, index, put_right))
    yield Claim("shape", f"an array of shape {gradient.shape}, not {shape}", lambda s: True)


def _is_right(index: int, put_right: PutRight, scene: Scene) -> bool:
    gradient = scene.gradients[index]
    return gradient is not None and alike(put_right(scene.cotangent, gradient), scene.truth(index))


def _jacobians(output: Shape, shape: Shape, found: Shape) -> Iterator[Repair]:
    """Of the whole output, or of each sample alone."""
    axes = len(output)
    kind, what = "ignores-cotangent", f"the Jacobian, of shape {found}: it is right if multiplied by the cotangent"
    if axes and found == (*output, *shape):
        yield kind, f"{what} and summed over the output's axes", lambda g, a: np.tensordot(g, a, axes)
    elif axes and found == (*shape, *output):
        yield kind, f"{what} and summed over the output's axes", lambda g, a: np.tensordot(a, g, axes)
    if axes > 1 and output[:-1] == shape[:-1] and found == (*output, shape[-1]):
        said = f"{what} sample by sample and summed over the output's last axis"
        yield kind, said, lambda g, a: np.einsum("...i,...ij->...j", g, a)


def _rearranged(shape: Shape, found: Shape) -> Iterator[Repair]:
    if np.prod(found) != np.prod(shape):
        return
    lengths = ": it has axes of length 1 too many, or too few (keepdims)" if _squeezed(found, shape) else ""
    yield "shape", f"right if reshaped to {shape}{lengths}", lambda g, a: a.reshape(shape)
    for order in permutations(range(len(found))):
        if tuple(found[k] for k in order) == shape:
            said = f"right if its axes are put in the order {order}"
            yield "transposed", said, _transposed(order)


def _summed(shape: Shape, found: Shape) -> Iterator[Repair]:
    for count in range(1, len(found) + 1):
        for axes in combinations(range(len(found)), count):
            rest = tuple(n for k, n in enumerate(found) if k not in axes)
            if rest == shape and any(found[k] > 1 for k in axes):  # else it is a reshape, too
                said = f"right if summed over axis {' and '.join(map(str, axes))}: the input is broadcast there"
                yield "broadcast", said, _sum(axes)


def _cropped(shape: Shape, found: Shape) -> Iterator[Repair]:
    if not len(found) == len(shape) >= 2 or any(a < b for a, b in zip(found, shape, strict=True)):
        return
    for top in range(found[-2] - shape[-2] + 1):
        for left in range(found[-1] - shape[-1] + 1):
            corner: Any = (..., slice(top, top + shape[-2]), slice(left, left + shape[-1]))
            said = f"right if cropped to [{top}:{top + shape[-2]}, {left}:{left + shape[-1]}] of its last two axes"
            yield "padding-not-cropped", said, _corner(corner)


def _transposed(order: tuple[int, ...]) -> PutRight:
    return lambda g, a: a.transpose(order)


def _sum(axes: tuple[int, ...]) -> PutRight:
    return lambda g, a: np.asarray(a.sum(axis=axes))


def _corner(corner: Any) -> PutRight:
    return lambda g, a: np.asarray(a[corner])


def _squeezed(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether two shapes differ by axes of length 1 alone."""
    return [n for n in one if n != 1] == [n for n in other if n != 1]
