"""What each window sees as a column of one matrix an image ("im2col").

    Z[n] (K, P Q) = f (K, C R S) @ columns[n] (C R S, P Q)
    ∂E/∂f         = sum over n of ∂E/∂Z[n] (K, P Q) @ columns[n]ᵀ (P Q, C R S)

Each pixel is copied R S times: little where windows hardly overlap, and where images are small. If the window is one
pixel, the image is its own matrix, and nothing is copied.
"""

from math import prod

import numpy as np

from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import multiply, put_inside, sum_of_products
from scratchcnn.operations.convolution.machinery.tiles import Lowering, Shape, Tile
from scratchcnn.operations.convolution.machinery.workspace import Workspace, strided
from scratchcnn.operations.geometry import NONE, Windows


def forward(x: Array, z: Array, weights: Array, tile: Tile, space: Workspace) -> None:
    """Write Z."""
    out = z.reshape(len(x), len(weights), -1)
    multiply(weights, columns(x, tile.windows, space), out)
    if not np.may_share_memory(out, z):  # a strip of several rows, whose places are no single axis
        z[...] = out.reshape(z.shape)


def grad_filters(x: Array, grad_z: Array, _: None, tile: Tile, space: Workspace) -> Array:
    """∂E/∂f."""
    seen = columns(x, tile.windows, space)
    total = np.empty((grad_z.shape[1], seen.shape[1]), x.dtype)
    sum_of_products(grad_z.reshape(len(x), len(total), -1), seen.transpose(0, 2, 1), total, space)
    return total.reshape(len(total), x.shape[1], *tile.windows.size)


def columns(x: Array, windows: Windows, space: Workspace) -> Array:
    """The matrices (N, C R S, P Q)."""
    images, channels = x.shape[:2]
    size, places, (down, across) = windows.size, windows.places, windows.stride
    if windows.is_pointwise:
        return pixels(x, windows).reshape(images, channels, -1)
    if windows.padding != NONE or not x.flags.c_contiguous:
        padded = space("rows", images, channels, *windows.of_padded(x.shape[2:]))
        put_inside(padded, x, *windows.before)
        x = padded
    height, width = x.shape[2:]
    matrices = space("columns", images, channels, *size, *places)
    steps = (channels * height * width, height * width, width, 1, down * width, across)
    np.copyto(matrices, strided(x, matrices.shape, steps))
    return matrices.reshape(images, channels * size[0] * size[1], places[0] * places[1])


def pixels(x: Array, windows: Windows) -> Array:
    """View the pixels that windows of one pixel see."""
    (down, across), (rows, columns) = windows.stride, windows.places
    return x[:, :, ::down, ::across][:, :, :rows, :columns]


def _numbers(filters: Shape, windows: Windows) -> int:
    return prod(filters[1:])


FORWARD = Lowering("columns", forward, _numbers, lambda filters, _: filters.reshape(len(filters), -1))
GRAD_FILTERS = Lowering("columns", grad_filters, _numbers)
