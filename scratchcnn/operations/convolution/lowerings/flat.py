"""∂E/∂f by one long product a filter row.

Filter row r sees the padded input rows r, r + t0, r + 2 t0, ..., one for each output row. Where these lie one after
the other, the P Q places of an image are one axis, and the sum over them is a product of a view: nothing is copied for
the r.

    ∂E/∂f[:, :, r, :] = sum over n of ∂E/∂Z[n] (K, P Q) @ seen[n, r] (P Q, S C)

`seen` is x with its channels last, and each pixel beside its S - 1 neighbours. With few channels that would be a copy
of short runs: then the channels come first, and the product is (C S, P Q) @ (P Q, K). Where there is a stride, the
rows are sorted by h mod t0 first. Small images are taken together, row by row, for one sum over P N Q.
"""

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import put_inside, sum_of_products
from scratchcnn.operations.convolution.machinery.workspace import Workspace, strided

SMALL_IMAGE = 200
"""Places of an image that is summed over together with others."""


def channels_last(grad_output: Array, x: Array, windows: Windows, workspace: Workspace) -> Array:
    """∂E/∂f of a tile."""
    (size, width), (down, across), channels = windows.size, windows.stride, x.shape[1]
    g = _cotangent(grad_output, workspace)
    blocks, count, places, group, columns = g.shape
    tall, wide = _padded(x, windows)
    padded = workspace("rows", blocks, tall, group, wide, channels)
    images = padded.transpose(0, 2, 4, 1, 3)
    put_inside(images[0] if blocks == 1 else images[:, 0], x, windows.padding)
    high, line = -(-tall // down), wide * channels
    moved = workspace("spread", blocks, down * high, group, columns, width * channels)
    for kind in range(min(down, tall)):
        rows = moved[:, kind * high : kind * high + len(range(kind, tall, down))]
        steps = (tall * group * line, down * group * line, line, across * channels, 1)
        np.copyto(rows, strided(padded, rows.shape, steps, kind * group * line))
    total = np.empty((size, count, width * channels), x.dtype)
    for r in range(size):
        begin = r % down * high + r // down
        seen = moved[:, begin : begin + places].reshape(blocks, places * group * columns, -1)
        sum_of_products(g.reshape(blocks, count, -1), seen, total[r], workspace)
    return total.reshape(size, count, width, channels).transpose(1, 3, 0, 2)


def channels_first(grad_output: Array, x: Array, windows: Windows, workspace: Workspace) -> Array:
    """∂E/∂f of a tile."""
    (size, width), (down, across), channels = windows.size, windows.stride, x.shape[1]
    g = _cotangent(grad_output, workspace)
    blocks, count, places, group, columns = g.shape
    tall, wide = _padded(x, windows)
    padded = workspace("rows", blocks, channels, tall, group, wide)
    images = padded.transpose(0, 3, 1, 2, 4)
    put_inside(images[0] if blocks == 1 else images[:, 0], x, windows.padding)
    high, line = -(-tall // down), group * wide
    moved = workspace("spread", blocks, channels, width, down * high, group, columns)
    for kind in range(min(down, tall)):
        rows = moved[:, :, :, kind * high : kind * high + len(range(kind, tall, down))]
        steps = (channels * tall * line, tall * line, 1, down * line, wide, across)
        np.copyto(rows, strided(padded, rows.shape, steps, kind * line))
    total = np.empty((size, channels * width, count), x.dtype)
    for r in range(size):
        begin = r % down * high + r // down
        seen = moved[:, :, :, begin : begin + places].reshape(blocks, channels * width, -1)
        sum_of_products(seen, g.reshape(blocks, count, -1).transpose(0, 2, 1), total[r], workspace)
    return total.reshape(size, channels, width, count).transpose(3, 1, 0, 2)


def _padded(x: Array, windows: Windows) -> tuple[int, int]:
    return x.shape[2] + sum(windows.padding[0]), x.shape[3] + sum(windows.padding[1])


def _cotangent(grad_output: Array, workspace: Workspace) -> Array:
    """∂E/∂Z as (N, K, P, 1, Q), or of small images as (1, K, P, N, Q)."""
    images, count, rows, columns = grad_output.shape
    if images == 1 or rows * columns > SMALL_IMAGE:
        return np.ascontiguousarray(grad_output)[:, :, :, np.newaxis]
    g = workspace("cotangent", 1, count, rows, images, columns)
    g[0] = grad_output.transpose(1, 2, 0, 3)
    return g
