"""The convolution and its two derivatives, each by the lowering that is the fastest for its shapes.

A lowering is a way to bring a convolution to products of matrices:

- `plain` is the definition, by patches and `tensordot`. The others are tested against it.
- `columns` for small convolutions and few copies: what each window sees is copied into a column of one matrix.
- `pointwise` for filters of one pixel: the images are the matrices.
- `winograd` for filters of three rows and many channels: half the multiplications.
- `rows` for everything else: each input row is copied once a filter column, and nothing for the filter rows.
- `flat`, for ∂E/∂f: one product a filter row, with a sum over all places of an image.
- `scatter`, for ∂E/∂X: gathered over the filter rows, added up over the filter columns.

Which one is chosen depends on shapes alone. All of them work on tiles (`tiles`) that fit into the cache, on as many
cores as BLAS may use (`threads`).
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from math import prod
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.lowering import columns, flat, pointwise, rows, scatter, threads, winograd
from scratchcnn.operations.lowering.tiles import Tile, cut, of_places, of_rows
from scratchcnn.operations.lowering.workspace import LINE, Workspace

Shape = tuple[int, ...]
once = lru_cache(maxsize=64)
"""What follows from shapes is found once: for a small convolution it would take longer than the arithmetic."""
Result = TypeVar("Result")

# The thresholds, in numbers of multiplications or of places, were found by measuring. Nothing but speed hangs on them.
PARALLEL = 30_000_000
"""Multiplications that are worth a second thread: with fewer, the threads wait for Python, and for each other."""
SMALL = 40_000
"""Numbers that the windows of a small convolution see altogether."""
FEW_COPIES = 24
"""So many numbers a window, for each step of the stride, are few enough to be copied one by one."""
LARGE = 3000
"""A row of all filters' output that is large enough for a product by itself."""
SHORTEST, SHORT = 10, 24
"""Rows of up to so many places are too short for products; rows of fewer than so many are short."""


def forward(x: Array, filters: Array, windows: Windows) -> Array:
    """Z (N, K, P, Q) of x (N, C, H, W) and f (K, C, R, S)."""
    dtype, x, filters = _alike(x, filters)
    output = np.empty((len(x), len(filters), *windows.places), dtype)
    lowering = lowering_for_forward(x.shape, filters.shape, windows, dtype)
    weights = lowering.weights(filters)

    def work(tiles: Sequence[Tile], workspace: Workspace) -> None:
        for tile in tiles:
            seen, part = x[tile.images, :, tile.rows], output[tile.images, :, tile.places]
            innermost = suits_innermost(seen.shape, filters.shape, windows, dtype)
            lowering.forward(seen, weights, tile.windows, part, workspace, innermost)

    if output.size:
        tiles_of = _tiles_of_columns if lowering is columns else _tiles_of_places
        _over_tiles(tiles_of, x.shape, len(filters), windows, dtype, work)
    return output


def grad_filters(grad_output: Array, x: Array, windows: Windows) -> Array:
    """∂E/∂f (K, C, R, S) of ∂E/∂Z (N, K, P, Q) and x (N, C, H, W)."""
    dtype, grad_output, x = _alike(grad_output, x)
    shape = (grad_output.shape[1], x.shape[1], *windows.size)
    lowering = lowering_for_grad_filters(x.shape, shape, windows, dtype)

    def work(tiles: Sequence[Tile], workspace: Workspace) -> Array:
        parts = ((grad_output[t.images, :, t.places], x[t.images, :, t.rows], t.windows) for t in tiles)
        return reduce(np.add, (lowering(*part, workspace) for part in parts))

    if grad_output.size * x.shape[1] == 0:
        return np.zeros(shape, dtype)
    tiles_of = _tiles_of_columns if lowering is columns.grad_filters else _tiles_of_places
    totals = _over_tiles(tiles_of, x.shape, shape[0], windows, dtype, work)
    return np.ascontiguousarray(reduce(np.add, totals))


def grad_input(grad_output: Array, filters: Array, image: tuple[int, int], windows: Windows) -> Array:
    """∂E/∂X (N, C, H, W) of ∂E/∂Z (N, K, P, Q) and f (K, C, R, S)."""
    dtype, grad_output, filters = _alike(grad_output, filters)
    shape = (len(grad_output), filters.shape[1], *image)
    if _is_pointwise(windows) and windows.stride != (1, 1):
        grad_x = np.zeros(shape, dtype)
        each = windows._replace(stride=(1, 1))
        pointwise.seen(grad_x, windows)[...] = grad_input(grad_output, filters, windows.places, each)
        return grad_x
    if is_full_convolution(shape, filters.shape, windows, dtype):
        turned = filters[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        return forward(grad_output, turned, full_convolution(image, windows))
    grad_x = np.empty(shape, dtype)
    weights = scatter.weights(filters, windows.stride[0])

    def work(tiles: Sequence[Tile], workspace: Workspace) -> None:
        for tile in tiles:
            seen, part = grad_output[tile.images, :, tile.places], grad_x[tile.images, :, tile.rows]
            scatter.grad_input(seen, weights, tile.windows, part, workspace, adds_innermost(len(part), windows))

    if grad_x.size:
        _over_tiles(_tiles_of_rows, shape, len(filters), windows, dtype, work)
    return grad_x


@once
def lowering_for_forward(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> ModuleType:
    """The module for images x (N, C, H, W) and filters (K, C, R, S)."""
    if _is_pointwise(windows):
        return pointwise
    if _seen(x, windows) <= SMALL or prod(windows.size) <= prod(windows.stride):  # without an overlap, all are equal
        return columns
    return winograd if _suits_winograd(x, filters, windows, dtype) else rows


@once
def suits_innermost(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether the rows of a tile's output are too short for products, and its images enough to make them long.

    The images are moved innermost and back. That pays for the shortest of rows; for others only where each number goes
    into many products, and where no stride leaves runs of no more than the images.
    """
    columns, stride, (count, channels, _, width) = windows.places[1], windows.stride[1], filters
    taps = prod(filters[1:])
    if columns <= SHORTEST:
        return x[0] >= 4 * stride and taps >= 24
    short = columns < SHORT or (columns < 32 and columns * dtype.itemsize % LINE > 0)
    many = taps >= (24 if count <= 4 else 50) and count <= 2 * channels * width
    return short and many and stride == 1 and x[0] >= (4 if taps < 400 else 2)


@once
def adds_innermost(images: int, windows: Windows) -> bool:
    """Tell whether a tile's images are enough to make its additions longer, which are along the rows of ∂E/∂Z."""
    columns, stride = windows.places[1], windows.stride[1]
    if columns <= SHORTEST:
        return images >= 4 * stride
    return images >= 8 and columns < (2 * SHORT if stride == 1 else SHORT)


@once
def lowering_for_grad_filters(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> Callable[..., Array]:
    """The function for images x (N, C, H, W) and filters (K, C, R, S)."""
    count, channels, height, _ = filters
    if _is_pointwise(windows):
        return pointwise.grad_filters
    if _seen(x, windows) <= SMALL / 2 or prod(filters[1:]) <= FEW_COPIES * windows.stride[1]:
        return columns.grad_filters
    if _suits_winograd(x, filters, windows, dtype):
        return winograd.grad_filters
    if count * windows.places[1] >= LARGE and height >= 5 and channels <= 4:
        return rows.grad_filters
    few = (channels <= 6 and count <= 32) or max(channels, count) <= 8
    return flat.channels_first if few else flat.channels_last


@once
def is_full_convolution(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether ∂E/∂X is better found as a convolution of ∂E/∂Z with the filters turned by 180 degrees.

    That takes a stride of 1, and no more padding than a window less one pixel. Each of its H W pixels copies K S
    numbers, while `scatter` adds C S, twice as slow, at each of P Q places. A small one has fewer calls in any case.
    """
    count, channels, height, width = filters
    (top, bottom), (left, right) = windows.padding
    if windows.stride != (1, 1) or max(top, bottom) >= height or max(left, right) >= width:
        return False
    return (
        2 * channels * prod(windows.places) >= count * prod(x[2:])
        or height * width == 1
        or _seen((x[0], count), full_convolution(x[2:], windows)) <= 2 * SMALL
    )


@once
def full_convolution(image: Shape, windows: Windows) -> Windows:
    """The windows of that convolution."""
    sizes = zip(windows.size, windows.padding, strict=True)
    (top, bottom), (left, right) = [(size - 1 - before, size - 1 - after) for size, (before, after) in sizes]
    return windows._replace(padding=((top, bottom), (left, right)), places=(image[0], image[1]))


def _is_pointwise(windows: Windows) -> bool:
    return windows.size == (1, 1) and windows.padding == ((0, 0), (0, 0))


def _suits_winograd(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether the products are large enough to pay for the transformations (which float16 cannot hold)."""
    count, channels, height, _ = filters
    fits = height == 3 and windows.stride == (1, 1) and dtype.itemsize > 2
    return fits and min(count, channels) >= 16 and count * channels >= 1024 and _work(x, count, windows) >= 1_000_000


def _seen(x: Shape, windows: Windows) -> int:
    """How many numbers the windows see altogether."""
    return prod((*x[:2], *windows.places, *windows.size))


@once
def _work(x: Shape, filters: int, windows: Windows) -> int:
    """How many multiplications the definition has."""
    return prod((x[0], x[1], filters, *windows.places, *windows.size))


def _over_tiles(
    tiles_of: Callable[[Shape, Windows, int, int], list[Tile]],
    x: Shape,
    filters: int,
    windows: Windows,
    dtype: np.dtype[Any],
    work: Callable[[Sequence[Tile], Workspace], Result],
) -> list[Result]:
    """Call `work` in one or more threads, each with a workspace and with its share of the tiles."""
    most = threads.allowed() if _work(x, filters, windows) >= PARALLEL else 1
    shares = threads.share_out(tiles_of(x, windows, dtype.itemsize, most), most)

    def with_workspace(tiles: Sequence[Tile]) -> Result:
        with Workspace(dtype) as workspace:
            return work(tiles, workspace)

    return threads.side_by_side(with_workspace, shares)


@once
def _tiles_of_places(x: Shape, windows: Windows, itemsize: int, most: int) -> list[Tile]:
    (size, width), (stride, _), (rows, columns) = windows.size, windows.stride, windows.places
    row_bytes = x[1] * width * columns * itemsize * stride
    parts = cut(x[0], rows, row_bytes, (size - 1) // stride, most)
    return [of_places(images, places, x[2], windows) for images, places in parts]


@once
def _tiles_of_columns(x: Shape, windows: Windows, itemsize: int, most: int) -> list[Tile]:
    return _tiles_of_places(x, windows, windows.size[0] * itemsize, most)


@once
def _tiles_of_rows(x: Shape, windows: Windows, itemsize: int, most: int) -> list[Tile]:
    row_bytes = x[1] * windows.size[1] * windows.places[1] * itemsize
    parts = cut(x[0], x[2], row_bytes, windows.size[0] - 1, most)
    return [of_rows(images, rows, windows) for images, rows in parts]


def _alike(one: Array, other: Array) -> tuple[np.dtype[Any], Array, Array]:
    """Bring both to the dtype that their products have."""
    dtype = np.result_type(one, other)
    return dtype, one.astype(dtype, copy=False), other.astype(dtype, copy=False)
