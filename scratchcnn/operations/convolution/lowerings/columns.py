"""What each window sees as a column of one matrix an image ("im2col").

    Z[n] (K, P Q) = f (K, C R S) @ columns[n] (C R S, P Q)
    ∂E/∂f         = sum over n of ∂E/∂Z[n] (K, P Q) @ columns[n]ᵀ (P Q, C R S)

Each pixel is copied R S times. That is little for windows that hardly overlap, and for small images, where the number
of calls counts; and beside the products of very many filters, which need not be laid out anew.
"""

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import put_inside, sum_of_products
from scratchcnn.operations.convolution.machinery.workspace import Workspace, strided


def weights(filters: Array) -> Array:
    """The matrix of f, (K, C R S)."""
    return filters.reshape(len(filters), -1)


def forward(x: Array, weights: Array, windows: Windows, output: Array, workspace: Workspace, innermost: bool) -> None:
    """Write the convolution of a tile into `output`."""
    np.matmul(weights, _columns(x, windows, workspace), out=output.reshape(len(x), len(weights), -1))


def grad_filters(grad_output: Array, x: Array, windows: Windows, workspace: Workspace) -> Array:
    """∂E/∂f of a tile."""
    images, count = grad_output.shape[:2]
    columns = _columns(x, windows, workspace).transpose(0, 2, 1)
    total = np.empty((count, columns.shape[2]), x.dtype)
    sum_of_products(grad_output.reshape(images, count, -1), columns, total, workspace)
    return total.reshape(count, x.shape[1], *windows.size)


def _columns(x: Array, windows: Windows, workspace: Workspace) -> Array:
    """(N, C R S, P Q)."""
    (top, bottom), (left, right) = windows.padding
    if top or bottom or left or right or not x.flags.c_contiguous:
        padded = workspace("rows", *x.shape[:2], top + x.shape[2] + bottom, left + x.shape[3] + right)
        put_inside(padded, x, windows.padding)
        x = padded
    (images, channels, height, width), (down, across) = x.shape, windows.stride
    columns = workspace("columns", images, channels, *windows.size, *windows.places)
    steps = (channels * height * width, height * width, width, 1, down * width, across)
    np.copyto(columns, strided(x, columns.shape, steps))
    size, places = windows.size, windows.places
    return columns.reshape(images, channels * size[0] * size[1], places[0] * places[1])
