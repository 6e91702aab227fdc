"""∂E/∂f by one long product a filter row.

Filter row r sees the padded input rows r, r + t0, r + 2 t0, ..., one for each output row. Where these lie one after
the other, all P Q places of an image are one axis, and the sum over them is one product of a view: nothing is copied
for the r.

    ∂E/∂f[:, :, r, :] = sum over n of ∂E/∂Z[n] (K, P Q) @ seen[n, r] (P Q, S C)

`seen` is x with its channels last, and each pixel beside its S - 1 neighbours. With few channels that would be a copy
of short runs: then the channels come first, and the product is (C S, P Q) @ (P Q, K). Where there is a stride, the
rows are sorted by h mod t0 first.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.lowering.layout import SMALL_PRODUCT, put_inside
from scratchcnn.operations.lowering.workspace import Workspace, strided


def channels_last(grad_output: Array, x: Array, windows: Windows, workspace: Workspace) -> Array:
    """∂E/∂f of a tile."""
    (images, channels), count, width = x.shape[:2], grad_output.shape[1], windows.size[1]
    tall, wide = _padded_size(x, windows)
    padded = workspace("rows", images, tall, wide, channels)
    put_inside(padded.transpose(0, 3, 1, 2), x, windows.padding)
    moved = workspace("spread", images, *_sorted_size(tall, windows), windows.places[1], width * channels)
    line = wide * channels
    for phase in range(windows.stride[0]):
        rows = moved[:, phase, : -(-(tall - phase) // windows.stride[0])]
        steps = (tall * line, windows.stride[0] * line, windows.stride[1] * channels, 1)
        np.copyto(rows, strided(padded, rows.shape, steps, phase * line))
    moved = moved.reshape(images, -1, width * channels)
    g = np.ascontiguousarray(grad_output).reshape(images, count, -1)
    total = np.zeros((windows.size[0], count, width * channels), x.dtype)
    product = workspace("product", images, count, width * channels)
    for r, places, seen in _sums(tall, windows, product[0].size):
        total[r] += np.matmul(g[:, :, places], moved[:, seen], out=product).sum(axis=0)
    return total.reshape(-1, count, width, channels).transpose(1, 3, 0, 2)


def channels_first(grad_output: Array, x: Array, windows: Windows, workspace: Workspace) -> Array:
    """∂E/∂f of a tile."""
    (images, channels), count, width = x.shape[:2], grad_output.shape[1], windows.size[1]
    tall, wide = _padded_size(x, windows)
    padded = workspace("rows", images, channels, tall, wide)
    put_inside(padded, x, windows.padding)
    moved = workspace("spread", images, channels, width, *_sorted_size(tall, windows), windows.places[1])
    for phase in range(windows.stride[0]):
        rows = moved[:, :, :, phase, : -(-(tall - phase) // windows.stride[0])]
        steps = (channels * tall * wide, tall * wide, 1, windows.stride[0] * wide, windows.stride[1])
        np.copyto(rows, strided(padded, rows.shape, steps, phase * wide))
    moved = moved.reshape(images, channels * width, -1)
    g = np.ascontiguousarray(grad_output).reshape(images, count, -1).transpose(0, 2, 1)
    total = np.zeros((windows.size[0], channels * width, count), x.dtype)
    product = workspace("product", images, channels * width, count)
    for r, places, seen in _sums(tall, windows, product[0].size):
        total[r] += np.matmul(moved[:, :, seen], g[:, places], out=product).sum(axis=0)
    return total.reshape(-1, channels, width, count).transpose(3, 1, 0, 2)


def _padded_size(x: Array, windows: Windows) -> tuple[int, int]:
    return x.shape[2] + sum(windows.padding[0]), x.shape[3] + sum(windows.padding[1])


def _sorted_size(tall: int, windows: Windows) -> tuple[int, int]:
    """Rows sorted by h mod t0: how many kinds, and how many of each."""
    return windows.stride[0], -(-tall // windows.stride[0])


def _sums(tall: int, windows: Windows, size: int) -> Iterator[tuple[int, slice, slice]]:
    """Each filter row, some of the P Q places, and where they are in the sorted rows.

    As many places as keep a product with a result of this `size` small, but not fewer than make a sum worthwhile.
    """
    (rows, columns), kinds = windows.places, windows.stride[0]
    parts = -(-rows // max(SMALL_PRODUCT // (size * columns), -(-64 // columns)))
    ends = [rows * part // parts for part in range(parts + 1)]
    for r in range(windows.size[0]):
        begin = r % kinds * _sorted_size(tall, windows)[1] + r // kinds
        for start, stop in pairwise(ends):
            yield r, slice(start * columns, stop * columns), slice((begin + start) * columns, (begin + stop) * columns)
