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

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import as_images, by_rows, lay_out, multiply, spread
from scratchcnn.operations.convolution.machinery.workspace import LINE, Workspace, strided

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


def weights(filters: Array) -> Array:
    """The six matrices G f, (6, K, C S)."""
    count, _, taps, _ = filters.shape
    return (G.astype(filters.dtype) @ filters.transpose(2, 0, 1, 3).reshape(taps, -1)).reshape(INPUTS, count, -1)


def forward(x: Array, weights: Array, windows: Windows, output: Array, workspace: Workspace, innermost: bool) -> None:
    """Write the convolution of a tile into `output`."""
    images, count, places, columns = output.shape
    wide = columns if innermost else columns + -columns % (LINE // x.itemsize)  # whole vector registers
    v = _transformed(x, windows, wide - columns, workspace, innermost)
    blocks, fours, _, channels, width, group = v.shape
    moved = spread(v.reshape(blocks, fours * INPUTS, channels, width, group), windows.size[1], 1, wide, workspace)
    moved = moved.reshape(blocks, fours, INPUTS, channels * windows.size[1], wide * group)
    product = workspace("product", blocks, fours, INPUTS, count, wide * group)
    multiply(weights, moved, product)
    rows = by_rows(workspace, "output", (images, count, fours * OUTPUTS, wide), innermost)
    product, four = product.reshape(blocks, fours, INPUTS, -1), rows.reshape(blocks, fours, OUTPUTS, -1)
    np.matmul(A_T.astype(x.dtype), product, out=four)
    np.divide(as_images(rows)[:, :, :places, :columns], output.dtype.type(SCALE), out=output)


def grad_filters(grad_output: Array, x: Array, windows: Windows, workspace: Workspace) -> Array:
    """∂E/∂f of a tile."""
    images, count, places, columns = grad_output.shape
    (taps, width), channels = windows.size, x.shape[1]
    v = _transformed(x, windows, 0, workspace, innermost=False)
    fours, wide = v.shape[1], v.shape[4]
    # All fours of all images beside each other, so that the sum over them and the columns is one product.
    moved = workspace("spread", INPUTS, channels, width, images, fours, columns)
    line = channels * wide
    np.copyto(moved, strided(v, moved.shape, (line, wide, 1, fours * INPUTS * line, INPUTS * line, 1)))
    g = workspace("cotangent", images, fours * OUTPUTS, columns, count)
    g[:, places:] = 0
    g[:, :places] = grad_output.transpose(0, 2, 3, 1)
    a = workspace("transformed cotangent", INPUTS, images * fours, columns * count)
    np.matmul(A_T.T.astype(x.dtype), g.reshape(images * fours, OUTPUTS, -1), out=a.transpose(1, 0, 2))
    moved, a = moved.reshape(INPUTS, channels * width, -1), a.reshape(INPUTS, -1, count)
    product = np.matmul(moved, a).reshape(INPUTS, -1)
    total: Array = G.T.astype(x.dtype) @ product
    total /= x.dtype.type(SCALE)
    return total.reshape(taps, channels, width, count).transpose(3, 1, 0, 2)


def _transformed(x: Array, windows: Windows, more: int, workspace: Workspace, innermost: bool) -> Array:
    """V, (B, J, 6, C, W, G), with as many columns of zeros more."""
    (top, _), (left, right) = windows.padding
    fours = -(-windows.places[0] // OUTPUTS)
    bottom = fours * OUTPUTS + INPUTS - OUTPUTS - top - x.shape[2]
    rows = lay_out(x, ((top, bottom), (left, right + more)), workspace, innermost)
    blocks, tall, channels, wide, group = rows.shape
    line = channels * wide * group
    v = workspace("transformed", blocks, fours, INPUTS, line)
    np.matmul(B_T.astype(x.dtype), strided(rows, v.shape, (tall * line, OUTPUTS * line, line, 1)), out=v)
    return v.reshape(blocks, fours, INPUTS, channels, wide, group)
