"""Winograd's F(4, 3) along the height: four output rows from six products, where the definition makes twelve.

For a filter of three rows, Z = Aᵀ [(G f) · (Bᵀ X)], with six rows of X and four of Z (Winograd 1980; Lavin and Gray,
"Fast Algorithms for Convolutional Neural Networks", 2016, section 4.2; the points 0, ±1, ±2 and infinity). Along the
width it stays a sum over s, as in `rows`. Stride 1 only. G is held as 24 G, in integers, and what comes out is divided
by 24: so results on integers stay exact. Roundoff is about twice that of `rows`.
"""

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.lowering.layout import clear_around

FILTER_ROWS, OUTPUT_ROWS, POINTS, SCALE = 3, 4, 6, 24
# fmt: off
B_TRANSPOSED = np.array([
    [4,  0, -5,  0, 1, 0],
    [0, -4, -4,  1, 1, 0],
    [0,  4, -4, -1, 1, 0],
    [0, -2, -1,  2, 1, 0],
    [0,  2, -1, -2, 1, 0],
    [0,  4,  0, -5, 0, 1],
])
G_SCALED = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]])
A_TRANSPOSED = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])
# fmt: on


def forward(images: Array, filters: Array, windows: Windows, out: Array) -> None:
    """Write Z into `out` (N, K, P, Q), from `images` (N, C, H, W) and `filters` (K, C, 3, S).

    For each group j of four output rows and each of the six points e: (K, C S) @ (C S, Q).
    """
    size, count, rows, places = out.shape
    columns, dtype = windows.size[1], out.dtype
    u = G_SCALED.astype(dtype) @ filters.transpose(2, 0, 1, 3).reshape(FILTER_ROWS, -1)
    v = _transformed(images, windows)
    spread = np.empty((*v.shape[:4], columns, places), dtype)
    for s in range(columns):
        spread[..., s, :] = v[..., s : s + places]
    m = u.reshape(POINTS, count, -1) @ spread.reshape(*v.shape[:3], -1, places)
    z = A_TRANSPOSED.astype(dtype) @ m.reshape(*v.shape[:3], -1)
    in_order = z.reshape(size, -1, count, places)[:, :rows].swapaxes(1, 2)
    np.divide(in_order, SCALE, out=out)


def grad_filters(grad: Array, images: Array, windows: Windows) -> Array:
    """Give ∂E/∂f (K, C, 3, S) by the transposed transforms: Gᵀ [(A ∂E/∂Z) (Bᵀ X)ᵀ].

    For each of the six points: (C S, J Q) @ (J Q, K), over all groups j of four output rows.
    """
    size, count, rows, places = grad.shape
    columns, dtype = windows.size[1], grad.dtype
    v = _transformed(images, windows)
    groups, channels = v.shape[1], v.shape[3]
    spread = np.empty((size, POINTS, channels, columns, groups, places), dtype)
    for s in range(columns):
        spread[:, :, :, s] = v[..., s : s + places].transpose(0, 2, 3, 1, 4)
    in_order = np.zeros((size, groups * OUTPUT_ROWS, places, count), dtype)
    in_order[:, :rows] = grad.transpose(0, 2, 3, 1)
    w = np.empty((size, POINTS, groups, places * count), dtype)
    np.matmul(
        A_TRANSPOSED.T.astype(dtype), in_order.reshape(size, groups, OUTPUT_ROWS, -1), out=w.transpose(0, 2, 1, 3)
    )
    shape = (size, POINTS, channels * columns, groups * places)
    u = (spread.reshape(shape) @ w.reshape(size, POINTS, groups * places, count)).sum(axis=0)
    result: Array = G_SCALED.T.astype(dtype) @ u.reshape(POINTS, -1) / SCALE
    return result.reshape(FILTER_ROWS, channels, columns, count).transpose(3, 1, 0, 2)


def _transformed(images: Array, windows: Windows) -> Array:
    """Bᵀ X for each group j of four output rows: (N, J, 6, C, Ws). Its six rows of X are 4 j .. 4 j + 5."""
    size, channels, height, width = images.shape
    (top, _), (left, right) = windows.padding
    groups = -(-windows.places[0] // OUTPUT_ROWS)
    padded = np.empty((size, groups * OUTPUT_ROWS + 2, channels, left + width + right), images.dtype)
    clear_around(padded, 1, slice(top, top + height))
    clear_around(padded, 3, slice(left, left + width))
    padded[:, top : top + height, :, left : left + width] = images.swapaxes(1, 2)
    (image, row, _, item), line = padded.strides, padded[0, 0].size
    shape = (size, groups, POINTS, line)
    sixes = np.ndarray(shape, padded.dtype, padded, 0, (image, OUTPUT_ROWS * row, row, item))
    v: Array = B_TRANSPOSED.astype(images.dtype) @ sixes
    return v.reshape(size, groups, POINTS, channels, left + width + right)
