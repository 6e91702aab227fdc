"""A sum inside a derivative that is taken over other axes: in a softmax, in the mean or the deviation of a norm."""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations, product

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS, SHARP
from scratchcnn.gradcheck.diagnosis.rearrangements import axes_in_words
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Axes of an array whose sums are tried.
AXES = 3
# Entries that one coefficient has to fit.
ENTRIES = 3

Axes = tuple[int, ...]


def summed_elsewhere(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient, but B Σ (B' c) has its sum over other axes, B and B' being known arrays, c the cotangent.

    The derivative of a softmax is such, c y - y Σ (c y), and that of a norm, where it is divided by the deviation: the
    term may have a factor for each place off the axes of the right sum.
    """
    shape = scene.inputs[index].shape
    if scene.cotangent.shape != shape or not 2 <= len(shape) <= AXES or scene.analytic(index).shape != shape:
        return
    sets = [axes for count in range(1, len(shape) + 1) for axes in combinations(range(len(shape)), count)]
    for right, wrong in permutations(sets, 2):
        if np.prod([shape[k] for k in right]) < ENTRIES or set(right) <= set(wrong):
            continue  # too few, or both sums are the same along the right axes: any term that is constant there fits
        message = f"the true one with a sum over {axes_in_words(wrong)} in it that belongs over {axes_in_words(right)}"
        yield Claim("broadcast", message, _term(index, right, wrong))


def _term(index: int, right: Axes, wrong: Axes) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        truth, gradient = s.truth(index), s.analytic(index)
        if not _reach(s, index, right):  # a term that is less by one sum and more by another may be read either way
            return False
        missing = gradient - truth.value
        error = truth.error + ROUNDOFFS * s.eps * (np.abs(truth.value) + np.abs(gradient))
        if not (error <= SHARP * np.abs(missing).max()).all():
            return False
        arrays = list(_arrays(s, index, right))
        cotangents = [s.cotangent, *(s.cotangent * a for a in _scales(s, index))]
        for outer, inner, c in product(arrays, arrays, cotangents):
            for reduced in (np.sum, np.mean):
                there, here = (reduced(inner * c, axis=axes, keepdims=True) for axes in (right, wrong))
                if _fits(outer * (there - here), missing, error, right):
                    return True
        return False

    return holds


def _reach(s: Scene, index: int, axes: Axes) -> bool:
    """Whether outputs depend on entries at other places along each of the axes, as where a sum is taken over them."""
    jacobian, shape = s.jacobian(index), s.cotangent.shape
    moved = (np.abs(jacobian.value) > 2 * jacobian.error).reshape(shape + shape)
    for axis in axes:
        others = tuple(k for k in range(moved.ndim) if k not in (axis, axis + len(shape)))
        if not (moved.any(axis=others) & ~np.eye(shape[axis], dtype=bool)).any():
            return False
    return True


def _arrays(s: Scene, index: int, axes: Axes) -> Iterator[Array]:
    """What may stand before a sum and in it."""
    x = s.inputs[index]
    yield np.ones_like(x)
    yield x
    yield s.output
    power = np.exp(x - x.max(axis=axes, keepdims=True))
    yield power / power.sum(axis=axes, keepdims=True)
    yield (x - x.mean(axis=axes, keepdims=True)) / x.std(axis=axes, keepdims=True)


def _scales(s: Scene, index: int) -> Iterator[Array]:
    """Inputs that the output may be scaled by."""
    for k, array in enumerate(s.inputs):
        if k != index and array.dtype.kind == "f" and 0 < array.ndim < s.inputs[index].ndim:
            try:
                yield np.broadcast_to(array, s.cotangent.shape)
            except ValueError:  # it has other axes
                continue


def _fits(term: Array, missing: Array, error: Array, axes: Axes) -> bool:
    """Whether the missing part is the term times a number for each place off the axes."""
    size = (term**2).sum(axis=axes, keepdims=True)
    factor = (term * missing).sum(axis=axes, keepdims=True) / np.where(size > 0, size, 1)
    spread = np.sqrt((error**2).sum(axis=axes, keepdims=True))
    return bool((np.abs(missing - factor * term) <= error + spread).all())
