"""Winograd's F(4, 3) along the height: four output rows from six products in place of twelve.

Four outputs of a filter of three taps are Aᵀ[(G f) * (Bᵀ x)], x six inputs, * elementwise; the matrices come from
interpolation at 0, 1, -1, 2, -2 and infinity.
Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015), sections 4.1 and 4.3.

Here the inputs are six rows with all their channels, and a tap is a row of the filters. The width stays as it is
(`spread`), so that each * is a product of matrices, over channels and filter columns. For four output rows:

    V = Bᵀ x,  M[e] (K, Q) = (G f)[e] (K, C S) @ V[e] (C S, Q),  Z = Aᵀ M

and, as everything is linear, the derivative by the transposes, with a sum over all n and fours of rows:

    ∂E/∂f = Gᵀ dU,  dU[e] (C S, K) = sum of V[e] (C S, Q) @ (A ∂E/∂Z)[e] (Q, K)

It takes half the multiplications, and makes twice the roundoff. G is 24 times as large as in the source: so it is
made of integers, the result is divided by 24 at the end, and on integers it is exact.
"""

from math import prod

import numpy as np

from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.lowerings.rows import numbers, suits_innermost
from scratchcnn.operations.convolution.machinery.layout import as_batch, lay_out, multiply, spread
from scratchcnn.operations.convolution.machinery.tiles import Lowering, Shape, Tile
from scratchcnn.operations.convolution.machinery.workspace import Workspace, strided
from scratchcnn.operations.geometry import Windows

OUTPUTS, INPUTS, SCALE = 4, 6, 24
B_T = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]])
A_T = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])


def weights(filters: Array, windows: Windows) -> Array:
    """The six matrices G f, (6, K, C S)."""
    count, _, taps, _ = filters.shape
    return (G.astype(filters.dtype) @ filters.transpose(2, 0, 1, 3).reshape(taps, -1)).reshape(INPUTS, count, -1)


def forward(x: Array, z: Array, weights: Array, tile: Tile, space: Workspace) -> None:
    """Write Z."""
    (_, count, places, columns), width = z.shape, tile.windows.size[1]
    v = _transformed(x, tile, space)
    blocks, fours, _, channels, _, long, group = v.shape
    moved = spread(v.reshape(blocks, -1, channels, 1, long, group), width, columns, space)
    product = space("product", blocks, fours, INPUTS, count, columns * group)
    multiply(weights, moved.reshape(blocks, fours, INPUTS, channels * width, columns * group), product)
    rows = space("output", blocks, fours, OUTPUTS, count * columns * group)
    np.matmul(A_T.astype(x.dtype), product.reshape(blocks, fours, INPUTS, -1), out=rows)
    sums = as_batch(rows.reshape(blocks, fours * OUTPUTS, count, columns, group).transpose(0, 4, 2, 1, 3))
    np.divide(sums[:, :, :places], z.dtype.type(SCALE), out=z)


def grad_filters(x: Array, grad_z: Array, _: None, tile: Tile, space: Workspace) -> Array:
    """∂E/∂f."""
    images, count, places, columns = grad_z.shape
    (taps, width), channels = tile.windows.size, x.shape[1]
    v = _transformed(x, tile, space)
    fours, wide = v.shape[1], v.shape[5]
    # All fours of all images beside each other, so that the sum over them and the columns is one product.
    moved = space("spread", INPUTS, channels, width, images, fours, columns)
    line = channels * wide
    np.copyto(moved, strided(v, moved.shape, (line, wide, 1, fours * INPUTS * line, INPUTS * line, 1)))
    g = space("cotangent", images, fours * OUTPUTS, columns, count)
    g[:, places:] = 0
    g[:, :places] = grad_z.transpose(0, 2, 3, 1)
    a = space("transformed cotangent", INPUTS, images * fours, columns * count)
    np.matmul(A_T.T.astype(x.dtype), g.reshape(images * fours, OUTPUTS, -1), out=a.transpose(1, 0, 2))
    product = moved.reshape(INPUTS, channels * width, -1) @ a.reshape(INPUTS, -1, count)
    total: Array = G.T.astype(x.dtype) @ product.reshape(INPUTS, -1)
    total /= x.dtype.type(SCALE)
    return total.reshape(taps, channels, width, count).transpose(3, 1, 0, 2)


def _transformed(x: Array, tile: Tile, space: Workspace) -> Array:
    """V, (B, J, 6, C, 1, W, G)."""
    (top, _), sides = tile.windows.padding
    fours = -(-tile.windows.places[0] // OUTPUTS)
    bottom = fours * OUTPUTS + INPUTS - OUTPUTS - top - x.shape[2]
    rows = lay_out(x, ((top, bottom), sides), 1, space, tile.innermost)
    blocks, tall, *row = rows.shape
    line = prod(row)
    v = space("transformed", blocks, fours, INPUTS, line)
    np.matmul(B_T.astype(x.dtype), strided(rows, v.shape, (tall * line, OUTPUTS * line, line, 1)), out=v)
    return v.reshape(blocks, fours, INPUTS, *row)


def _numbers(filters: Shape, windows: Windows) -> int:
    """As many as the copy of the rows has, for six transformed rows in place of four."""
    return numbers(filters, windows) * INPUTS // OUTPUTS


FORWARD = Lowering("winograd", forward, _numbers, weights, suits_innermost)
GRAD_FILTERS = Lowering("winograd", grad_filters, numbers)
