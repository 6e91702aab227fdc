"""∂E/∂X gathered over the filter rows and scattered over the filter columns.

Padded input row u = m t0 + a is seen by the filter rows r = a, a + t0, a + 2 t0, ... (J of them), from the output rows
m, m - 1, m - 2, ... These lie one after the other: they are one matrix (J K, Q), a view, and one product takes the sum
over r and k. What is left are the S columns of the filter:

    T[n, u] (C S, Q) = f[:, :, a::t0] (C S, J K), its rows reversed @ ∂E/∂Z[n, :, m - J + 1 .. m] (J K, Q)
    ∂E/∂X[n, c, u, q t1 + s] += T[n, u, c, s, q]

The columns are kept sorted by w mod t1 until all is added up, so that what is added is in one run.

Where C is small, as in a first layer, a full convolution would multiply by a matrix of as few rows; here it has C S.
"""

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import by_planes, lay_out, multiply, phase, planes_as_images
from scratchcnn.operations.convolution.machinery.workspace import Workspace, strided


def weights(filters: Array, stride: int) -> list[Array]:
    """The matrix (C S, J K) of f for each a."""
    count, channels, _, width = filters.shape
    phases = (filters[:, :, a::stride][:, :, ::-1] for a in range(stride))
    return [f.transpose(1, 3, 2, 0).reshape(channels * width, f.shape[2] * count) for f in phases]


def grad_input(
    grad_output: Array, weights: list[Array], windows: Windows, grad_x: Array, workspace: Workspace, innermost: bool
) -> None:
    """Write ∂E/∂X of a tile into `grad_x`."""
    (top, _), (left, right) = windows.padding
    count, channels, height, width = grad_x.shape
    (down, across), around = windows.stride, -(-windows.size[0] // windows.stride[0]) - 1
    g = lay_out(grad_output, ((around, around), (0, 0)), workspace, innermost)
    long = -(-(left + width + right) // across)
    planes = by_planes(workspace, "gradient", (count, channels * across, height, long), innermost)
    phases = planes.reshape(len(planes), channels, across, *planes.shape[2:])  # the columns sorted by w mod t1
    for a, matrix in enumerate(weights):
        taps = matrix.shape[1] // grad_output.shape[1]
        first, last = (-(-(row - a) // down) for row in (top, top + height))  # the m of rows inside the image
        own = phases[:, :, :, first * down + a - top :: down]
        seen = range(first, min(last, grad_output.shape[2] + taps - 1))
        if taps and seen:
            _add_up(own, _gathered(g, matrix, seen, around, windows.size[1], workspace))
        else:
            own[...] = 0  # between the windows, where the stride is larger than they are
    images = planes_as_images(planes).reshape(count, channels, across, height, long)
    for a in range(across):
        begin, before = phase(a, left, across)
        columns = grad_x[..., begin::across]
        columns[...] = images[:, :, a, :, before : before + columns.shape[3]]


def _gathered(g: Array, matrix: Array, rows: range, around: int, width: int, workspace: Workspace) -> Array:
    """T for one a and some m, (B, M, C, S, Q, G), from g with as many rows of zeros around it."""
    blocks, tall, count, columns, group = g.shape
    taps, run = matrix.shape[1] // count, columns * group
    row = count * run
    begin = (around - taps + 1 + rows.start) * row
    seen = strided(g, (blocks, len(rows), taps * count, run), (tall * row, row, run, 1), begin)
    gathered = workspace("gathered", blocks, len(rows), len(matrix), run)
    multiply(matrix, seen, gathered)
    return gathered.reshape(blocks, len(rows), len(matrix) // width, width, columns, group)


def _add_up(phases: Array, gathered: Array) -> None:
    """Set phases (B, C, t1, M, V, G) to the sum of what was gathered, each part moved to its columns."""
    across, (count, _, width, places, group) = phases.shape[2], gathered.shape[1:]
    phases[:, :, :, count:] = 0
    phases[:, :, :, :count, places:] = 0
    phases[:, :, width:, :count, :places] = 0
    with np.errstate():
        if places * group >= 256:
            # NumPy adds strided operands through a buffer of 8192 numbers, unless it is shorter than their runs.
            np.setbufsize(256)
        for s in range(width):
            seen = phases[:, :, s % across, :count, s // across : s // across + places]
            part = gathered[:, :, :, s].swapaxes(1, 2)
            if s < across:
                np.copyto(seen, part)
            else:
                np.add(seen, part, out=seen)
