"""The true gradient's numbers in another order, whatever that is."""

from collections.abc import Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS, alike
from scratchcnn.gradcheck.diagnosis.places import wrong_entries
from scratchcnn.gradcheck.diagnosis.scene import Scene

# So many different numbers are the same by no accident.
SEVERAL = 4


def reordered(scene: Scene, index: int) -> Iterator[Claim]:
    """The numbers of the true gradient, each as often as there, in an order that has no name."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape == shape and shape:
        said = "made of the true one's numbers, each at the place of another one"
        yield Claim("permuted", said, lambda s: has_the_numbers(s, index, s.analytic(index)))


def only_moves(s: Scene, index: int) -> bool:
    """Whether forward puts entries elsewhere and does nothing else: a wrong gradient then lacks no factor."""
    if not has_the_numbers(s, index, s.cotangent):
        return False
    there = s.cotangent.shape == s.inputs[index].shape and alike(s.cotangent, s.truth(index), s.eps)
    return not there


def has_the_numbers(s: Scene, index: int, array: Array) -> bool:
    """Whether the numbers of the true gradient are those of an array, and those that are wrong are several."""
    if array.size != s.inputs[index].size or s.analytic(index).shape != s.inputs[index].shape:
        return False
    try:
        truth, (bad, _) = s.truth(index), wrong_entries(s, index)
    except TooDear:
        return False
    value, found = np.sort(truth.value, axis=None), np.sort(array, axis=None)
    tolerance = float(truth.error.max() + ROUNDOFFS * s.eps * np.abs(truth.value).max())
    different = 1 + int((np.diff(np.sort(truth.value[bad])) > 2 * tolerance).sum())
    return different >= SEVERAL and bool((np.abs(value - found) <= tolerance).all())
