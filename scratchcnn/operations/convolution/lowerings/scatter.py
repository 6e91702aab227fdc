"""∂E/∂X gathered over the filter rows and scattered over the filter columns.

Padded input row u = m t0 + a is seen by the filter rows r = a, a + t0, a + 2 t0, ... (J of them), from the output rows
m, m - 1, m - 2, ... These lie one after the other: they are one matrix (J K, Q), a view, and one product takes the sum
over r and k. What is left are the S columns of the filter:

    T[n, u] (C S, Q) = f[:, :, a::t0] (C S, J K), its rows reversed @ ∂E/∂Z[n, :, m - J + 1 .. m] (J K, Q)
    ∂E/∂X[n, c, u, q t1 + s] += T[n, u, c, s, q]

The columns stay sorted by w mod t1 until all is added up, so that what is added is one run.
"""

from typing import Any

import numpy as np

from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import as_batch, lay_out, multiply, phase
from scratchcnn.operations.convolution.machinery.tiles import Lowering, Shape, Tile
from scratchcnn.operations.convolution.machinery.workspace import LINE, Workspace, strided
from scratchcnn.operations.geometry import Windows

LONG_RUN = 256
"""Numbers of a run that NumPy should add as they lie: with its usual buffer, of 8192, it copies strided operands."""
SHORT, LONG = 24, 48
"""Places of a row that is a short run, and of one that is long enough by itself."""
FEWEST_IMAGES = 4
"""Images that make short runs long enough when they lie innermost; others take twice as many."""


def weights(filters: Array, windows: Windows) -> list[Array]:
    """The matrix (C S, J K) of f for each a."""
    (count, channels, _, width), down = filters.shape, windows.stride[0]
    phases = (filters[:, :, a::down][:, :, ::-1] for a in range(down))
    return [f.transpose(1, 3, 2, 0).reshape(channels * width, f.shape[2] * count) for f in phases]


def grad_input(grad_x: Array, grad_z: Array, weights: list[Array], tile: Tile, space: Workspace) -> None:
    """Write ∂E/∂X."""
    (size, width), (down, across), ((top, _), (left, right)), _ = tile.windows
    height, around = grad_x.shape[2], -(-size // down) - 1
    g = lay_out(grad_z, ((around, around), (0, 0)), 1, space, tile.innermost)
    long = -(-(left + grad_x.shape[3] + right) // across)
    planes = space("gradient", len(g), grad_x.shape[1], across, height, long, g.shape[-1])
    for a, matrix in enumerate(weights):
        taps = matrix.shape[1] // grad_z.shape[1]
        first, last = (-(-(row - a) // down) for row in (top, top + height))  # the m of rows inside the image
        own = planes[:, :, :, first * down + a - top :: down]
        seen = range(first, min(last, grad_z.shape[2] + taps - 1))
        if taps and seen:
            _add_up(own, _gathered(g, matrix, seen, around - taps + 1, width, space))
        else:
            own[...] = 0  # between the windows, where the stride is larger than they are
    sums = as_batch(planes.transpose(0, 5, 1, 2, 3, 4))
    for a in range(across):
        begin, before = phase(a, left, across)
        columns = grad_x[..., begin::across]
        columns[...] = sums[:, :, a, :, before : before + columns.shape[3]]


def _gathered(g: Array, matrix: Array, rows: range, before: int, width: int, space: Workspace) -> Array:
    """T for one a and some m, (B, M, C, S, Q, G); the rows of g for m begin at m + before."""
    blocks, tall, count, _, columns, group = g.shape
    run = columns * group
    row = count * run
    seen = strided(g, (blocks, len(rows), matrix.shape[1], run), (tall * row, row, run, 1), (before + rows.start) * row)
    gathered = space("gathered", blocks, len(rows), len(matrix), run)
    multiply(matrix, seen, gathered)
    return gathered.reshape(blocks, len(rows), len(matrix) // width, width, columns, group)


def _add_up(phases: Array, gathered: Array) -> None:
    """Set phases (B, C, t1, M, V, G) to the sum of what was gathered, each part moved to its columns."""
    across, (count, _, width, places, group) = phases.shape[2], gathered.shape[1:]
    phases[:, :, :, count:] = 0
    phases[:, :, :, :count, places:] = 0
    phases[:, :, width:, :count, :places] = 0
    with np.errstate():  # restores the buffer's size
        if places * group >= LONG_RUN:
            np.setbufsize(LONG_RUN)
        for s in range(width):
            seen = phases[:, :, s % across, :count, s // across : s // across + places]
            part = gathered[:, :, :, s].swapaxes(1, 2)
            if s < across:
                np.copyto(seen, part)
            else:
                np.add(seen, part, out=seen)


def _numbers(filters: Shape, windows: Windows) -> int:
    # The copy of ∂E/∂Z counts half: it is read once a tile, while what is gathered is written, and read again.
    return max(filters[1] * filters[3], filters[0] // (2 * windows.stride[0]))


def suits_innermost(images: int, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether the images make the additions longer, which are along the rows of ∂E/∂Z."""
    fills = windows.places[1] * dtype.itemsize % (2 * LINE) == 0  # fast as they are; and their planes' pitch is even
    fewest = FEWEST_IMAGES if windows.places[1] < SHORT else 2 * FEWEST_IMAGES
    return images >= fewest and windows.places[1] < LONG and not fills


GRAD_INPUT = Lowering("scatter", grad_input, _numbers, weights, suits_innermost, by_pixels=True)
