"""The rule: which lowering, and how the images lie, from shapes alone.

It was found by timing all lowerings at hundreds of drawn shapes, and is simple rather than perfect: at shapes that it
had not seen, the best choice would have been 2 to 5 % faster on average. Nothing but speed hangs on it.
"""

from collections.abc import Callable
from math import prod
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.lowerings import columns, flat, pointwise, rows, winograd
from scratchcnn.operations.convolution.machinery import tiles
from scratchcnn.operations.convolution.machinery.workspace import LINE

Shape = tuple[int, ...]
Lowering: TypeAlias = ModuleType | Callable[..., Array]
"""A module for the forward pass, a function for ∂E/∂f."""
SMALL = 40_000
"""Numbers that the windows of a small convolution see altogether."""
FEW_COPIES = 24
"""So many numbers a window, for each step of the stride, are few enough to be copied one by one; so are up to four
times as many, if there are as many filters, by each of which they are multiplied."""
LARGE = 3000
"""A row of all filters' output that is large enough for a product by itself."""
MOST = 8
"""So many times as large as others a tile may be, where the filters are large."""
STRIP = 64
"""Places for which the products of rows are the fastest, where an image is wide."""
SHORTEST_SUM = 36
"""Places of an image that are enough for a product by themselves, where all filters are on the left of it."""
SHORTEST, SHORT = 10, 24
"""Rows of up to so many places are too short for products; rows of fewer than so many are short."""


def for_forward(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> ModuleType:
    """The module for images x (N, C, H, W) and filters (K, C, R, S)."""
    if is_pointwise(windows):
        return pointwise
    if _seen(x, windows) <= SMALL or prod(windows.size) <= prod(windows.stride):  # without an overlap, all are equal
        return columns
    places, (count, channels, _, width) = x[0] * prod(windows.places), filters
    moves = suits_innermost(x[0], filters, windows, dtype)
    if places <= (2 if moves else 4) * count:
        return columns  # which takes the filters as they are: to lay them out would take longer than the copies
    if _suits_winograd(x, filters, windows, dtype):
        return winograd
    # Many filters make little of the copies; but rows that are long, and fill whole registers, need none.
    wide = rows.places(windows.places[1], prod(filters[1:]), dtype.itemsize)
    if count > 2 * channels * width and wide < SHORT:
        return columns
    fills = wide >= SHORT and wide * dtype.itemsize % LINE == 0
    return rows if moves or fills or places > 16 * count else columns


def suits_innermost(images: int, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether the rows of a tile's output are too short for products, and its images enough to make them long.

    The images are moved innermost and back. That pays for the shortest of rows; for others only where each number goes
    into many products.
    """
    columns, stride, (count, channels, _, width) = windows.places[1], windows.stride[1], filters
    taps = prod(filters[1:])
    if columns <= SHORTEST:
        return images >= 4 and taps >= 24
    if rows.places(columns, taps, dtype.itemsize) > columns:
        return False
    short = columns < SHORT or (columns < 32 and stride == 1 and columns * dtype.itemsize % LINE > 0)
    many = taps >= (24 if count <= 4 else 50) and count <= 2 * channels * width
    return short and many and images >= (8 if stride > 1 else 4 if taps < 400 else 2)


def moves_innermost(lowering: Lowering, images: int, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether so many images of a tile are to be moved innermost: only some lowerings can."""
    return lowering in (rows, winograd) and suits_innermost(images, filters, windows, dtype)


def row_bytes(lowering: Lowering, x: Shape, windows: Windows, dtype: np.dtype[Any]) -> int:
    """What the largest buffer takes of an output row of one image, for one place: a copy of the rows, or of windows."""
    copies = windows.size[0] if lowering in (columns, columns.grad_filters) else windows.stride[0]
    return x[1] * windows.size[1] * copies * dtype.itemsize


def tile_bytes(lowering: Lowering, filters: Shape, dtype: np.dtype[Any]) -> int:
    """What the largest buffer of a tile may take.

    Of `columns` and for ∂E/∂f at least twice what the filters take, since each tile reads them, or writes them, once.
    """
    if lowering in (pointwise, rows, winograd):
        return tiles.BYTES
    own = prod(filters) * dtype.itemsize * (2 if lowering is winograd.grad_filters else 1)
    return min(max(tiles.BYTES, 2 * own), MOST * tiles.BYTES)


def widest(lowering: Lowering, x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> int:
    """How many places a row of a tile should have at most."""
    if lowering not in (rows, flat.channels_first, flat.channels_last):
        return windows.places[1]
    (height, width), most = windows.size, tile_bytes(lowering, filters, dtype)
    place = x[1] * width * dtype.itemsize
    fits = max(most // (2 * height * place), LINE // dtype.itemsize)  # in tiles twice as high as their windows
    enough = (windows.places[0] + height - 1) * place * STRIP >= most
    return min(fits, STRIP) if lowering is rows and enough else fits


def adds_innermost(images: int, windows: Windows) -> bool:
    """Tell whether a tile's images are enough to make its additions longer, which are along the rows of ∂E/∂Z."""
    columns, stride = windows.places[1], windows.stride[1]
    return columns < 2 * SHORT and images >= (4 if columns <= SHORTEST or stride > 1 else 8)


def for_grad_filters(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> Callable[..., Array]:
    """The function for images x (N, C, H, W) and filters (K, C, R, S)."""
    count, channels, height, _ = filters
    if is_pointwise(windows):
        return pointwise.grad_filters
    copies = FEW_COPIES * windows.stride[1]
    if prod(windows.places) >= SHORTEST_SUM:
        copies = max(copies, min(count, 4 * FEW_COPIES))
    if _seen(x, windows) <= SMALL / 2 or prod(filters[1:]) <= copies:
        return columns.grad_filters
    # What is to be transformed back is twice as large as ∂E/∂f: it should be little beside what is summed.
    summed = x[0] * prod(windows.places)
    if _suits_winograd(x, filters, windows, dtype) and windows.places[1] >= 16 and count * channels <= 100 * summed:
        return winograd.grad_filters
    if count * windows.places[1] >= LARGE and height >= 5 and channels <= 4:
        return rows.grad_filters
    few = (channels <= 6 and count <= 32) or max(channels, count) <= 8
    return flat.channels_first if few else flat.channels_last


def is_full_convolution(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether ∂E/∂X is better found as a convolution of ∂E/∂Z with the filters turned by 180 degrees.

    That takes a stride of 1, and no more padding than a window less one pixel. Of its H W pixels each copies K S
    numbers, while `scatter` adds C S, twice as slow, at each of H Q places. A small one has fewer calls in any case.
    """
    count, channels, height, width = filters
    (top, bottom), (left, right) = windows.padding
    if windows.stride != (1, 1) or max(top, bottom) >= height or max(left, right) >= width:
        return False
    return (
        2 * channels * windows.places[1] >= count * x[3]
        or height * width == 1
        or _seen((x[0], count), full_convolution(x[2:], windows)) <= 2 * SMALL
    )


def full_convolution(image: Shape, windows: Windows) -> Windows:
    """The windows of that convolution."""
    sizes = zip(windows.size, windows.padding, strict=True)
    (top, bottom), (left, right) = [(size - 1 - before, size - 1 - after) for size, (before, after) in sizes]
    return windows._replace(padding=((top, bottom), (left, right)), places=(image[0], image[1]))


def is_pointwise(windows: Windows) -> bool:
    """Tell whether a window is one pixel, and none of the padding."""
    return windows.size == (1, 1) and windows.padding == ((0, 0), (0, 0))


def _suits_winograd(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether the products are large enough to pay for the transformations (which float16 cannot hold)."""
    count, channels, height, _ = filters
    fits = height == 3 and windows.stride == (1, 1) and dtype.itemsize > 2
    return fits and min(count, channels) >= 16 and count * channels >= 1024 and count * _seen(x, windows) >= 1_000_000


def _seen(x: Shape, windows: Windows) -> int:
    """How many numbers the windows see altogether."""
    return prod((*x[:2], *windows.places, *windows.size))
