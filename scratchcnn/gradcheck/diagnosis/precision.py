"""A gradient that went through a lower precision."""

from collections.abc import Callable, Iterator

import numpy as np

from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Entries of which a rounding to a lower precision is believed: one may be a short number by chance.
ENTRIES = 3


def rounded(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient rounded to float32 or float16."""
    gradient = scene.analytic(index)
    if gradient.shape != scene.inputs[index].shape or gradient.size < ENTRIES:
        return
    for dtype in (np.float16, np.float32):
        name = np.dtype(dtype).name
        yield Claim("precision", f"the true one rounded to {name}", _rounded(index, dtype))


def _rounded(index: int, dtype: type) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        gradient, truth = s.analytic(index), s.truth(index)
        with np.errstate(all="ignore"):
            short = gradient.astype(dtype).astype(np.float64)
        if not np.array_equal(short, gradient):
            return False
        eps = float(np.finfo(dtype).eps)
        known = np.isfinite(truth.error)
        distance, size = np.abs(gradient - truth.value)[known], np.abs(truth.value)[known]
        return bool((distance <= truth.error[known] + 8 * eps * (size + size.max(initial=0))).all())

    return holds
