"""The convolution and its two derivatives, each by the lowering that is the fastest for its shapes.

A lowering is a way to bring a convolution to products of matrices:

- `plain` is the definition, by patches and `tensordot`. The others are tested against it.
- `columns` for small convolutions and few copies: what each window sees is copied into a column of one matrix.
- `pointwise` for filters of one pixel: the images are the matrices.
- `winograd` for filters of three rows and many channels: half the multiplications.
- `rows` for everything else: each input row is copied once a filter column, and nothing for the filter rows.
- `flat`, for ∂E/∂f: one product a filter row, with a sum over all places of an image.
- `scatter`, for ∂E/∂X: gathered over the filter rows, added up over the filter columns.

Which one is chosen depends on shapes alone (`rule`). All of them work on tiles (`tiles`) that fit into the cache,
on as many cores as BLAS may use (`threads`).
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeVar

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.lowering import pointwise, rule, scatter, threads
from scratchcnn.operations.lowering.tiles import Tile, cut, of_places, of_rows, strips
from scratchcnn.operations.lowering.workspace import LINE, Workspace

Result = TypeVar("Result")


def forward(x: Array, filters: Array, windows: Windows) -> Array:
    """Z (N, K, P, Q) of x (N, C, H, W) and f (K, C, R, S)."""
    dtype, x, filters = _alike(x, filters)
    output = np.empty((len(x), len(filters), *windows.places), dtype)
    lowering = rule.for_forward(x.shape, filters.shape, windows, dtype)
    weights = lowering.weights(filters)

    def work(tiles: Sequence[Tile], workspace: Workspace) -> None:
        for tile in tiles:
            seen, part = tile.of_images(x), tile.of_output(output)
            innermost = rule.suits_innermost(seen.shape, filters.shape, tile.windows, dtype)
            lowering.forward(seen, weights, tile.windows, part, workspace, innermost)

    if output.size:
        _over_tiles(_tiles_of_places, lowering, x.shape, filters.shape, windows, dtype, work)
    return output


def grad_filters(grad_output: Array, x: Array, windows: Windows) -> Array:
    """∂E/∂f (K, C, R, S) of ∂E/∂Z (N, K, P, Q) and x (N, C, H, W)."""
    dtype, grad_output, x = _alike(grad_output, x)
    shape = (grad_output.shape[1], x.shape[1], *windows.size)
    lowering = rule.for_grad_filters(x.shape, shape, windows, dtype)

    def work(tiles: Sequence[Tile], workspace: Workspace) -> Array:
        parts = ((tile.of_output(grad_output), tile.of_images(x), tile.windows) for tile in tiles)
        return reduce(np.add, (lowering(*part, workspace) for part in parts))

    if grad_output.size * x.shape[1] == 0:
        return np.zeros(shape, dtype)
    totals = _over_tiles(_tiles_of_places, lowering, x.shape, shape, windows, dtype, work)
    return np.ascontiguousarray(reduce(np.add, totals))


def grad_input(grad_output: Array, filters: Array, image: tuple[int, int], windows: Windows) -> Array:
    """∂E/∂X (N, C, H, W) of ∂E/∂Z (N, K, P, Q) and f (K, C, R, S)."""
    dtype, grad_output, filters = _alike(grad_output, filters)
    shape = (len(grad_output), filters.shape[1], *image)
    if rule.is_pointwise(windows) and windows.stride != (1, 1):
        grad_x = np.zeros(shape, dtype)
        each = windows._replace(stride=(1, 1))
        pointwise.seen(grad_x, windows)[...] = grad_input(grad_output, filters, windows.places, each)
        return grad_x
    if rule.is_full_convolution(shape, filters.shape, windows, dtype):
        turned = filters[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        return forward(grad_output, turned, rule.full_convolution(image, windows))
    grad_x = np.empty(shape, dtype)
    weights = scatter.weights(filters, windows.stride[0])

    def work(tiles: Sequence[Tile], workspace: Workspace) -> None:
        for tile in tiles:
            seen, part = tile.of_output(grad_output), tile.of_images(grad_x)
            scatter.grad_input(seen, weights, tile.windows, part, workspace, rule.adds_innermost(len(part), windows))

    if grad_x.size:
        _over_tiles(_tiles_of_rows, scatter, shape, filters.shape, windows, dtype, work)
    return grad_x


def _over_tiles(
    tiles_of: Callable[[rule.Lowering, rule.Shape, rule.Shape, Windows, np.dtype[Any], int], list[Tile]],
    lowering: rule.Lowering,
    x: rule.Shape,
    filters: rule.Shape,
    windows: Windows,
    dtype: np.dtype[Any],
    work: Callable[[Sequence[Tile], Workspace], Result],
) -> list[Result]:
    """Call `work` in one or more threads, each with a workspace and with its share of the tiles."""
    most = threads.allowed() if rule.multiplications(x, filters, windows) >= rule.PARALLEL else 1
    shares = threads.share_out(tiles_of(lowering, x, filters, windows, dtype, most), most)

    def with_workspace(tiles: Sequence[Tile]) -> Result:
        with Workspace(dtype) as workspace:
            return work(tiles, workspace)

    return threads.side_by_side(with_workspace, shares)


@rule.once
def _tiles_of_places(
    lowering: rule.Lowering, x: rule.Shape, filters: rule.Shape, windows: Windows, dtype: np.dtype[Any], most: int
) -> list[Tile]:
    (size, _), (stride, _), (rows, columns) = windows.size, windows.stride, windows.places
    wide = strips(columns, rule.widest(lowering, x, windows, dtype), 2 * LINE // dtype.itemsize)
    row_bytes = rule.row_bytes(lowering, x, windows, dtype) * (wide[0].stop - wide[0].start) * stride
    line = rule.line(lowering, x, filters, windows, dtype)
    parts = cut(x[0], rows, row_bytes, (size - 1) // stride, most, line)
    image = x[2], x[3]
    return [of_places(images, (high, strip), image, windows) for images, high in parts for strip in wide]


@rule.once
def _tiles_of_rows(
    lowering: rule.Lowering, x: rule.Shape, filters: rule.Shape, windows: Windows, dtype: np.dtype[Any], most: int
) -> list[Tile]:
    row_bytes = x[1] * windows.size[1] * windows.places[1] * dtype.itemsize
    line = LINE // dtype.itemsize if rule.adds_innermost(16, windows) else 1
    parts = cut(x[0], x[2], row_bytes, 0, most, line)
    return [of_rows(images, rows, x[3], windows) for images, rows in parts]


def _alike(one: Array, other: Array) -> tuple[np.dtype[Any], Array, Array]:
    """Bring both to the dtype that their products have."""
    dtype = np.result_type(one, other)
    return dtype, one.astype(dtype, copy=False), other.astype(dtype, copy=False)
