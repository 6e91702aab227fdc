"""The true gradient's numbers in another order, whatever that is."""

from collections.abc import Iterator

import numpy as np

from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS
from scratchcnn.gradcheck.diagnosis.places import wrong_entries
from scratchcnn.gradcheck.diagnosis.scene import Scene

# So many different numbers are the same by no accident.
SEVERAL = 4


def reordered(scene: Scene, index: int) -> Iterator[Claim]:
    """The numbers of the true gradient, each as often as there, in an order that has no name."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape == shape and shape:
        said = "made of the true one's numbers, each at the place of another one"
        yield Claim("permuted", said, lambda s: _same_numbers(s, index))


def _same_numbers(s: Scene, index: int) -> bool:
    truth, (bad, known) = s.truth(index), wrong_entries(s, index)
    analytic = s.analytic(index)
    if not known.all() or not np.isfinite(analytic).all():
        return False
    value, found = np.sort(truth.value[bad]), np.sort(analytic[bad])
    tolerance = float(truth.error.max() + ROUNDOFFS * s.eps * np.abs(truth.value).max())
    different = 1 + int((np.diff(value) > 2 * tolerance).sum())
    return different >= SEVERAL and bool((np.abs(value - found) <= tolerance).all())
