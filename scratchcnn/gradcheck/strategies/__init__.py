"""Hypothesis strategies for tests of gradients: arrays, and calls of layers, at which mistakes show.

They need Hypothesis (`pip install hypothesis`), and are loaded only where they are imported. Each function returns a
strategy: what it draws shrinks to the smallest layer, and the simplest numbers, at which a test still fails. A check
may take longer than Hypothesis allows by default, so that tests need `deadline=None`.

Examples
--------
>>> import numpy as np
>>> from hypothesis import given, settings
>>> from scratchcnn.gradcheck import assert_gradient
>>> from scratchcnn.gradcheck.strategies import arrays
>>> @settings(deadline=None)
... @given(arrays(away_from=0))
... def test_relu(x):
...     assert_gradient(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), x)
>>> test_relu()
"""

try:
    import hypothesis as _  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "hypothesis":
        raise
    message = 'scratchcnn.gradcheck.strategies needs Hypothesis: pip install hypothesis, or "scratchcnn[test]"'
    raise ModuleNotFoundError(message, name="hypothesis") from None

from scratchcnn.gradcheck.strategies.arrays import arrays
from scratchcnn.gradcheck.strategies.layers import Dense, Normalization, dense_layers, normalizations
from scratchcnn.gradcheck.strategies.softmax import (
    Attention,
    Classification,
    attentions,
    classifications,
    temperatures,
)
from scratchcnn.gradcheck.strategies.structured import (
    distributions,
    indices,
    masks,
    one_hot_labels,
    positive_definite_matrices,
    sorted_arrays,
    symmetric_matrices,
)
from scratchcnn.gradcheck.strategies.windows import (
    Convolution,
    Pooling,
    convolutions,
    dilations,
    paddings,
    poolings,
    strides,
)

__all__ = [
    "Attention",
    "Classification",
    "Convolution",
    "Dense",
    "Normalization",
    "Pooling",
    "arrays",
    "attentions",
    "classifications",
    "convolutions",
    "dense_layers",
    "dilations",
    "distributions",
    "indices",
    "masks",
    "normalizations",
    "one_hot_labels",
    "paddings",
    "poolings",
    "positive_definite_matrices",
    "sorted_arrays",
    "strides",
    "symmetric_matrices",
    "temperatures",
]
