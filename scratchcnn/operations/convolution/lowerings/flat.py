"""∂E/∂f by one long product a filter row.

Filter row r sees the padded input rows r, r + t0, r + 2 t0, ..., one for each output row. Sorted by h mod t0, they lie
one after the other: the P Q places of an image are one axis of a *view*, and nothing is copied for the r.

    ∂E/∂f[:, :, r, :] = sum over n of ∂E/∂Z[n] (K, P Q) @ seen[n, r]ᵀ (P Q, S C)

`seen` is x, each pixel beside its S - 1 neighbours. Where channels are many, they come last, and the product is made
as it stands. Few would be short runs: they come first, and the product is seen (S C, P Q) @ ∂E/∂Zᵀ. Small images are
taken together, row by row, for one sum over P N Q.
"""

from functools import partial

import numpy as np

from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.lowerings.rows import numbers
from scratchcnn.operations.convolution.machinery.layout import as_batch, phase, put, put_seen, sum_of_products
from scratchcnn.operations.convolution.machinery.tiles import Lowering, Tile
from scratchcnn.operations.convolution.machinery.workspace import Workspace
from scratchcnn.operations.geometry import Windows

SMALL_IMAGE = 60
"""Places of an image that is summed over together with others: a sum over fewer would be a short product."""


def grad_filters(x: Array, grad_z: Array, _: None, tile: Tile, space: Workspace, channels_last: bool) -> Array:
    """∂E/∂f."""
    (images, count, rows, columns), (size, width), down = grad_z.shape, tile.windows.size, tile.windows.stride[0]
    if images > 1 and rows * columns <= SMALL_IMAGE:
        g = space("cotangent", 1, count, rows, images, columns)
        g[0] = grad_z.transpose(1, 2, 0, 3)
    else:
        g = np.ascontiguousarray(grad_z)[:, :, :, np.newaxis]
    moved = (_channels_last if channels_last else _channels_first)(x, g.shape, tile.windows, space)
    blocks, taps, g = len(g), width * x.shape[1], g.reshape(len(g), count, -1)
    total = np.empty((size, count, taps) if channels_last else (size, taps, count), x.dtype)
    for r in range(size):
        seen = moved[:, :, :, r % down, r // down : r // down + rows].reshape(blocks, taps, -1)
        left, right = (g, seen) if channels_last else (seen, g)
        sum_of_products(left, right.transpose(0, 2, 1), total[r], space)
    if not channels_last:
        total = total.transpose(0, 2, 1)
    return total.reshape(size, count, width, x.shape[1]).transpose(1, 3, 0, 2)


def _channels_first(x: Array, g: tuple[int, ...], windows: Windows, space: Workspace) -> Array:
    """What the filters see of x, (B, S, C, t0, H', G, Q), for ∂E/∂Z (B, K, P, G, Q)."""
    (blocks, _, _, group, columns), down, high = g, windows.stride[0], _high(x, windows)
    moved = space("spread", blocks, windows.size[1], x.shape[1], down, high, group, columns)
    images = as_batch(moved.transpose(0, 5, 1, 2, 3, 4, 6))
    for a, s in np.ndindex(down, windows.size[1]):
        first, above = phase(a, windows.padding[0][0], down)
        put_seen(images[:, s, :, a], x[:, :, first::down], s, windows, above)
    return moved


def _channels_last(x: Array, g: tuple[int, ...], windows: Windows, space: Workspace) -> Array:
    """The same, with the channels, and each pixel's neighbours, innermost in memory."""
    (blocks, _, _, group, columns), (down, across), high = g, windows.stride, _high(x, windows)
    rows = space("rows", blocks, down, high, group, windows.of_padded(x.shape[2:])[1], x.shape[1])
    rows = rows.transpose(0, 5, 1, 2, 3, 4)
    moved = space("spread", blocks, down, high, group, columns, windows.size[1], x.shape[1])
    moved = moved.transpose(0, 5, 6, 1, 2, 3, 4)
    put(as_batch(rows.transpose(0, 4, 1, 2, 5, 3)), x.swapaxes(2, 3), windows.padding[::-1])
    block, channel, kind, row, image, pixel = rows.strides
    steps = (block, pixel, channel, kind, row, image, across * pixel)
    np.copyto(moved, np.lib.stride_tricks.as_strided(rows, moved.shape, steps))
    return moved


def _high(x: Array, windows: Windows) -> int:
    """How many padded rows are alike modulo the stride."""
    return -(-windows.of_padded(x.shape[2:])[0] // windows.stride[0])


CHANNELS_FIRST = Lowering("flat, channels first", partial(grad_filters, channels_last=False), numbers)
CHANNELS_LAST = Lowering("flat, channels last", partial(grad_filters, channels_last=True), numbers)
