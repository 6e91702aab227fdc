"""Whether two calls of a function with the same arguments gave the same."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array

# In roundoffs of the largest entry: how far two calls with the same arguments may differ.
SAME_ROUNDOFFS = 64.0


def are_same(a: Array, b: Array, eps: float | None = None) -> bool:
    """Whether two arrays of one shape differ by no more than roundoff may; `eps` is by default that of their dtype."""
    if np.array_equal(a, b):
        return True
    if a.dtype.kind not in "fc" or b.dtype.kind not in "fc":
        return False
    finite = np.isfinite(a) & np.isfinite(b)
    if not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return False
    size = np.abs(a[finite]).max(initial=0)
    roundoff = float(np.finfo(a.dtype).eps) if eps is None else eps
    return not (np.abs(a[finite] - b[finite]) > SAME_ROUNDOFFS * roundoff * size).any()
