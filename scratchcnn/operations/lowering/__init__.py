"""How a convolution becomes matrix products: the lowerings, and the rule that chooses one from the shapes alone.

| lowering | what is copied | where it wins |
| --- | --- | --- |
| `pointwise` | nothing | filters of 1x1 |
| `rows`, images one by one | the image, S-fold | almost everywhere |
| `rows`, batch innermost | the same, and both ends transposed | short rows |
| `flat` | the image, S-fold | ∂E/∂f of many images |
| `winograd` | the image, 6/4 S-fold | three filter rows, many channels |

Each is tested against the plain form, `plain`.
"""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.lowering import flat, pointwise, rows, winograd
from scratchcnn.operations.lowering.blocks import cut, run
from scratchcnn.operations.lowering.layout import bands, bands_of_input, batch_innermost, one_by_one

Piece = tuple[slice, slice, slice, Windows]

# Rows of fewer bytes than this, a cache line, are done with the batch innermost; and those of fewer numbers in ∂E/∂X,
# where each addition of a run costs as much as some twenty numbers.
SHORT, FEW = 64, 28
# A single image of so few pixels: the fewest calls win.
TINY = 2048
# Winograd's transforms pay from so many channels and filters on; in ∂E/∂f sooner, since its products are larger.
CHANNELS, CHANNELS_OF_SUM = 24, 16


def forward(x: Array, filters: Array, windows: Windows) -> Array:
    """Z (N, K, P, Q) of images (N, C, H, W) and filters (K, C, R, S)."""
    x, filters = _alike(x, filters)
    if _is_pointwise(windows):
        return pointwise.forward(x, filters)
    (size, channels, height, _), (count, *seen), places = x.shape, filters.shape, windows.places
    out = np.empty((size, count, *places), x.dtype)
    by_points = _suits_winograd(windows, x.dtype) and min(channels, count) >= CHANNELS
    innermost = size > 1 and places[1] * x.itemsize < SHORT

    def piece(images: slice, rows_seen: slice, rows_made: slice, band: Windows) -> None:
        part, target = x[images, :, rows_seen], out[images, :, rows_made]
        if by_points:
            winograd.forward(part, filters, band, target)
        elif innermost:
            inner = np.empty((1, *target.shape[1:], len(target)), x.dtype)
            rows.forward(np.ascontiguousarray(batch_innermost(part)), filters, band, inner)
            target[...] = inner[0].transpose(3, 0, 1, 2)
        else:
            rows.forward(one_by_one(part), filters, band, one_by_one(target))

    multiplications = out.size * prod(seen)
    pieces = _pieces(size, height, windows, channels * x.itemsize, multiplications, by_points)
    run(piece, pieces, multiplications)
    return out


def grad_filters(grad: Array, x: Array, windows: Windows) -> Array:
    """∂E/∂f (K, C, R, S) of ∂E/∂Z (N, K, P, Q) and images (N, C, H, W)."""
    grad, x = _alike(grad, x)
    if _is_pointwise(windows):
        return pointwise.grad_filters(grad, x)
    (size, channels, height, _), count, places = x.shape, grad.shape[1], windows.places
    by_points = _suits_winograd(windows, x.dtype) and min(channels, count) >= CHANNELS_OF_SUM
    one_product = size > 1 and places[1] * x.itemsize >= SHORT

    def piece(images: slice, rows_seen: slice, rows_made: slice, band: Windows) -> Array:
        part, given = x[images, :, rows_seen], grad[images, :, rows_made]
        if by_points:
            return winograd.grad_filters(given, part, band)
        if one_product:
            return flat.grad_filters(given, part, band)
        return rows.grad_filters(batch_innermost(given), np.ascontiguousarray(batch_innermost(part)), band)

    multiplications = grad.size * channels * prod(windows.size)
    pieces = _pieces(size, height, windows, channels * x.itemsize, multiplications, by_points)
    found = run(piece, pieces, multiplications)
    return sum(found, start=np.zeros((count, channels, *windows.size), grad.dtype))


def grad_input(grad: Array, filters: Array, image: tuple[int, int], windows: Windows) -> Array:
    """∂E/∂X (N, C, H, W) of ∂E/∂Z (N, K, P, Q), filters (K, C, R, S) and (H, W)."""
    grad, filters = _alike(grad, filters)
    if _is_pointwise(windows):
        return pointwise.grad_input(grad, filters)
    (size, count), channels, (height, width) = grad.shape[:2], filters.shape[1], image
    by_points = _suits_winograd(windows, grad.dtype) and min(channels, count) >= CHANNELS
    tiny = size == 1 and height * width <= TINY
    turned = windows.turned(image) if by_points or tiny else None
    if turned is not None:
        return forward(grad, filters.swapaxes(0, 1)[:, :, ::-1, ::-1], turned)
    out = np.empty((size, channels, height, width), grad.dtype)
    innermost = size > 1 and windows.places[1] < FEW

    def piece(images: slice, rows_made: slice, rows_seen: slice, band: Windows) -> None:
        part, target = grad[images, :, rows_seen], out[images, :, rows_made]
        if innermost:
            inner = np.empty((1, *target.shape[1:], len(target)), grad.dtype)
            rows.grad_input(batch_innermost(part), filters, band, inner)
            target[...] = inner[0].transpose(3, 0, 1, 2)
        else:
            rows.grad_input(one_by_one(part), filters, band, one_by_one(target))

    multiplications = grad.size * channels * prod(windows.size)
    pieces = _pieces_of_input(size, height, windows, channels * grad.itemsize, multiplications)
    run(piece, pieces, multiplications)
    return out


@lru_cache
def _pieces(
    size: int, height: int, windows: Windows, pixel_bytes: int, multiplications: int, by_points: bool
) -> tuple[Piece, ...]:
    """Images, rows of the image, output rows and windows of each piece of a forward pass."""
    (down, across), columns = windows.places, windows.size[1]
    if by_points:  # six rows for four
        row_bytes, multiple = pixel_bytes * columns * across * 3 // 2, winograd.OUTPUT_ROWS
    else:
        row_bytes, multiple = pixel_bytes * columns * across * windows.stride[0], 1
    together, most = cut(size, down, row_bytes, multiplications, multiple)
    cuts = list(bands(height, windows, most))
    return tuple((slice(k, k + together), *band) for k in range(0, size, together) for band in cuts)


@lru_cache
def _pieces_of_input(
    size: int, height: int, windows: Windows, pixel_bytes: int, multiplications: int
) -> tuple[Piece, ...]:
    """Images, rows of the image, output rows that see them and windows of each piece of ∂E/∂X."""
    row_bytes = pixel_bytes * windows.size[1] * windows.places[1]
    together, most = cut(size, height, row_bytes, multiplications)
    cuts = list(bands_of_input(height, windows, most))
    return tuple((slice(k, k + together), *band) for k in range(0, size, together) for band in cuts)


def _alike(a: Array, b: Array) -> tuple[Array, Array]:
    dtype = np.result_type(a, b)
    return a.astype(dtype, copy=False), b.astype(dtype, copy=False)


def _is_pointwise(windows: Windows) -> bool:
    return windows.size == windows.stride == (1, 1) and not any(map(any, windows.padding))


def _suits_winograd(windows: Windows, dtype: np.dtype[Any]) -> bool:
    return windows.size[0] == winograd.FILTER_ROWS and windows.stride == (1, 1) and dtype.char in "fd"
