"""What the operations that choose need: values where they are chosen, zero elsewhere."""

import numpy as np

from scratchcnn.operations._rings import all_finite
from scratchcnn.operations._validate import Array


def keep(values: Array, chosen: Array) -> Array:
    """Keep the values that are chosen: `np.where(chosen, values, 0)`.

    The product takes a tenth of the time, but 0 times infinity or NaN is NaN.
    """
    kept: Array = values * chosen if all_finite(values) else np.where(chosen, values, 0)
    return kept
