"""Filters of one pixel: each output pixel sees one input pixel, and a product of matrices is all there is.

    Z[n] (K, P Q) = f (K, C) @ X[n] (C, P Q)

Nothing is copied, unless a stride leaves pixels out. ∂E/∂X is the same with fᵀ, ∂E/∂f is `flat.channels_last`.
"""

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.lowering.layout import multiply
from scratchcnn.operations.lowering.workspace import Workspace


def weights(filters: Array) -> Array:
    """The matrix of f, (K, C)."""
    return filters.reshape(filters.shape[:2])


def forward(x: Array, weights: Array, windows: Windows, output: Array, workspace: Workspace, innermost: bool) -> None:
    """Write the convolution of a tile into `output`."""
    (count, channels), images = weights.shape, len(x)
    multiply(weights, seen(x, windows).reshape(images, channels, -1), output.reshape(images, count, -1))


def seen(x: Array, windows: Windows) -> Array:
    """The pixels that the filters see: a view."""
    (down, across), (rows, columns) = windows.stride, windows.places
    return x[:, :, : (rows - 1) * down + 1 : down, : (columns - 1) * across + 1 : across]
