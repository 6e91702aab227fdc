"""Rows: one matrix product for each output row, on an image that was copied S-fold only.

The workhorse: it makes exactly the multiplications of the definition, and its copies stay in the cache.
"""

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.lowering.layout import clear_around, spread, visible_columns, windows_of_rows


def forward(images: Array, filters: Array, windows: Windows, out: Array) -> None:
    """Write Z into `out`: for each output row p, (K, R C S) @ (R C S, Q n).

        Z[k, p, q] = sum over r, c, s of f[k, c, r, s] X[p t0 + r, c, s, q],  with X of `spread`

    `images` (G, C, H, W, n), `filters` (K, C, R, S), `out` (G, K, P, Q, n), where K may have any stride.
    """
    flat = filters.swapaxes(1, 2).reshape(len(filters), -1)
    rows = out.swapaxes(1, 2)
    np.matmul(flat, windows_of_rows(spread(images, windows), windows), out=rows.reshape(*rows.shape[:3], -1))


def grad_filters(grad: Array, images: Array, windows: Windows) -> Array:
    """Give ∂E/∂f: the sum over output rows of (R C S, Q n) @ (Q n, K).

        ∂E/∂f[k, c, r, s] = sum over p, q of X[p t0 + r, c, s, q] ∂E/∂Z[k, p, q]

    `grad` (G, K, P, Q, n), `images` (G, C, H, W, n); the result is (K, C, R, S).
    """
    groups, count, rows = grad.shape[:3]
    columns = np.ascontiguousarray(grad.transpose(0, 2, 3, 4, 1)).reshape(groups, rows, -1, count)
    products: Array = windows_of_rows(spread(images, windows), windows) @ columns
    height, width = windows.size
    summed: Array = products.sum(axis=(0, 1))
    return summed.reshape(height, images.shape[1], width, count).transpose(3, 1, 0, 2)


def grad_input(grad: Array, filters: Array, windows: Windows, out: Array) -> None:
    """Write ∂E/∂X into `out`: gathered over the filter's rows by a product, scattered over its columns by additions.

    A row u of the padded image was seen by filter row r = u - p t0 of output row p. Those p are consecutive; t0 apart,
    rows of the image are seen by the same r. So for each remainder of u by t0, with its J filter rows, last one first,

        D[u, c, s, q] = sum over j, k of f[k, c, r_j, s] ∂E/∂Z[p_j, k, q]      (C S, J K) @ (J K, Q n)

    and D[u, c, s, q] is added to the pixel q t1 + s of row u.

    `grad` (G, K, P, Q, n), `filters` (K, C, R, S), `out` (G, C, H, W, n).
    """
    groups, count, rows, places, batch = grad.shape
    height, (step, _), top = out.shape[2], windows.stride, windows.padding[0][0]
    above = -(-windows.size[0] // step) - 1  # rows of zeros, for what was seen by fewer filter rows
    below = max(0, (top + height - 1) // step + 1 - rows)
    padded = np.empty((groups, above + rows + below, count, places * batch), grad.dtype)
    clear_around(padded, 1, slice(above, above + rows))
    padded[:, above : above + rows].reshape(groups, rows, count, places, batch)[...] = grad.swapaxes(1, 2)
    (group, row, line, item), channels = padded.strides, filters.shape[1]
    out[...] = 0
    for remainder in range(min(step, windows.size[0])):
        first, last = -((remainder - top) // step), (top + height - 1 - remainder) // step + 1
        first = max(first, 0)
        if first >= last:
            continue
        mine = filters[:, :, remainder::step][:, :, ::-1]
        flat = mine.transpose(1, 3, 2, 0).reshape(channels * windows.size[1], -1)
        shape = (groups, last - first, flat.shape[1], places * batch)
        offset = (first + above + 1 - mine.shape[2]) * row
        gathered = flat @ np.ndarray(shape, grad.dtype, padded, offset, (group, row, line, item))
        gathered = gathered.reshape(groups, last - first, channels, windows.size[1], places, batch)
        target = out[:, :, first * step + remainder - top :: step][:, :, : last - first].swapaxes(1, 2)
        for s, seen, pixels in visible_columns(out.shape[3], windows):
            target[:, :, :, pixels] += gathered[:, :, :, s, seen]
