"""Filters of one pixel: each output pixel sees one input pixel, and a product of matrices is all there is.

    Z[n] (K, P Q) = f (K, C) @ X[n] (C, P Q)
    ∂E/∂f         = sum over n of ∂E/∂Z[n] (K, P Q) @ X[n]ᵀ (P Q, C)

Nothing is copied, unless a stride leaves pixels out. ∂E/∂X is the convolution of ∂E/∂Z with fᵀ.
"""

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import multiply
from scratchcnn.operations.convolution.machinery.workspace import Workspace


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


def grad_filters(grad_output: Array, x: Array, windows: Windows, workspace: Workspace) -> Array:
    """∂E/∂f of a tile."""
    images, count = grad_output.shape[:2]
    pixels = seen(x, windows).reshape(images, x.shape[1], -1).transpose(0, 2, 1)
    total: Array = (grad_output.reshape(images, count, -1) @ pixels).sum(axis=0)
    return total.reshape(count, -1, 1, 1)
