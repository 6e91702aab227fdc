"""Products of rows: for everything that no other lowering does better.

What the windows of output row p see lies in the R padded input rows from p t0 on. `spread` copies each input row S
times (not each pixel R S times, as the columns of "im2col" do), in the order h, c, s, q. There the R rows are one
after the other, so that what the windows of row p see, a matrix (R C S, Q), is a *view*; the views of neighbouring
rows overlap, and nothing is copied for the R. One batch of products has exactly the arithmetic of the definition:

    Z[n, :, p, :] = f (K, R C S) @ seen[n, p] (R C S, Q)
    ∂E/∂f         = sum over n, p of seen[n, p] (R C S, Q) @ ∂E/∂Z[n, :, p, :]ᵀ (Q, K)
"""

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import (
    as_rows,
    by_planes,
    lay_out,
    multiply,
    planes_as_images,
    spread,
    spread_apart,
    spread_by_phases,
)
from scratchcnn.operations.convolution.machinery.workspace import LINE, Workspace, strided

MANY, LONG = 256, 24
"""Numbers a window, and places a row, from which on a product is worth a few places more than the output has."""


def weights(filters: Array) -> Array:
    """The matrix of f, (K, R C S)."""
    return filters.transpose(0, 2, 1, 3).reshape(len(filters), -1)


def places(columns: int, taps: int, itemsize: int) -> int:
    """How many places a row of the product has: the output's, and where it pays as many as fill whole registers."""
    wide = columns + -columns % (LINE // itemsize)
    return wide if taps >= MANY and columns >= LONG and 6 * (wide - columns) <= columns else columns


def forward(x: Array, weights: Array, windows: Windows, output: Array, workspace: Workspace, innermost: bool) -> None:
    """Write the convolution of a tile into `output`."""
    images, count, high, columns = output.shape
    wide = columns if innermost else places(columns, weights.shape[1], x.itemsize)
    seen = _seen(x, windows, wide, workspace, innermost)
    if not innermost and wide == columns:
        multiply(weights, seen, output.transpose(0, 2, 1, 3))
        return
    planes = by_planes(workspace, "output", (images, count, high, wide), innermost)
    multiply(weights, seen, planes.reshape(*planes.shape[:3], -1).transpose(0, 2, 1, 3))
    output[...] = planes_as_images(planes)[..., :columns]


def grad_filters(grad_output: Array, x: Array, windows: Windows, workspace: Workspace) -> Array:
    """∂E/∂f of a tile."""
    images, count, rows, columns = grad_output.shape
    seen = _seen(x, windows, columns, workspace, innermost=False)
    g = workspace("cotangent", images, rows, columns, count)
    np.copyto(g, grad_output.transpose(0, 2, 3, 1))
    product, total = workspace("product", seen.shape[2], count), np.zeros((seen.shape[2], count), x.dtype)
    for place in np.ndindex(images, rows):
        total += np.matmul(seen[place], g[place], out=product)
    (height, width), channels = windows.size, x.shape[1]
    return total.reshape(height, channels, width, count).transpose(3, 1, 0, 2)


def _seen(x: Array, windows: Windows, columns: int, workspace: Workspace, innermost: bool) -> Array:
    """What the windows of each output row, and some beyond it, see: (B, P, R C S, Q G)."""
    (height, width), (down, across), ((top, bottom), (left, right)) = windows.size, windows.stride, windows.padding
    right += max(0, (columns - 1) * across + width - (left + x.shape[3] + right))
    padding = (top, bottom), (left, right)
    if innermost and across > 1:
        moved = spread_by_phases(x, padding, width, across, columns, workspace)
    elif not innermost and not (top or bottom or left or right):
        moved = spread(as_rows(x), width, across, columns, workspace)
    elif not innermost and width <= 3:
        moved = spread_apart(x, padding, width, across, columns, workspace)
    else:
        moved = spread(lay_out(x, padding, workspace, innermost), width, across, columns, workspace)
    blocks, tall, channels, _, _, group = moved.shape
    run = columns * group
    row = channels * width * run
    shape = blocks, windows.places[0], height * channels * width, run
    return strided(moved, shape, (tall * row, down * row, run, 1))
