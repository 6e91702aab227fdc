"""Masking: keep the chosen values and set the others to zero."""

import numpy as np

from scratchcnn.operations._rings import all_finite
from scratchcnn.operations._validate import Array


def keep(values: Array, chosen: Array) -> Array:
    """Keep the chosen values: `np.where(chosen, values, 0)`."""
    # The product takes a tenth of the time of np.where, but 0 times infinity, or times NaN, is NaN.
    kept: Array = values * chosen if all_finite(values) else np.where(chosen, values, 0)
    return kept
