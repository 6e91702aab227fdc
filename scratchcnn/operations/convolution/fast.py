"""The convolution and its two derivatives, each by the lowering that is the fastest for its shapes.

A lowering is a way to bring a convolution to products of matrices:

- `plain` is the definition, by patches and `tensordot`, for numbers of any ring. The others are tested against it.
- `columns` for small convolutions, few copies or many filters: what each window sees is a column of one matrix.
- `pointwise` for filters of one pixel: the images are the matrices.
- `winograd` for filters of three rows and many channels: half the multiplications.
- `rows` for everything else: each input row is copied once a filter column, and nothing for the filter rows.
- `flat`, for ∂E/∂f: one product a filter row, with a sum over all places of an image.
- `scatter`, for ∂E/∂X: gathered over the filter rows, added up over the filter columns.

Which one is chosen depends on shapes alone (`rule`). All of them work on tiles (`tiles`) that fit into the cache,
on as many cores as BLAS may use (`threads`); the `plan` puts that together, once for all calls of the same shapes.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from operator import iadd
from typing import Any, TypeVar

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array, any_ring
from scratchcnn.operations.convolution import rule
from scratchcnn.operations.convolution.lowerings import plain, pointwise, scatter
from scratchcnn.operations.convolution.machinery import plan, threads
from scratchcnn.operations.convolution.machinery.tiles import Tile
from scratchcnn.operations.convolution.machinery.workspace import Workspace

Result = TypeVar("Result")


def forward(x: Array, filters: Array, windows: Windows) -> Array:
    """Z (N, K, P, Q) of x (N, C, H, W) and f (K, C, R, S)."""
    if any_ring(x) or any_ring(filters):
        return plain.forward(x, filters, windows)
    dtype, x, filters = _alike(x, filters)
    output = np.empty((len(x), len(filters), *windows.places), dtype)
    if output.size == 0:
        return output
    most = plan.threads_for(output.size * (filters.size // len(filters)))
    lowering, shares = plan.forward(x.shape, filters.shape, windows, dtype, most)
    weights = lowering.weights(filters)

    def work(tiles: Sequence[Tile], workspace: Workspace) -> None:
        for tile in tiles:
            seen, part = tile.of_images(x), tile.of_output(output)
            lowering.forward(seen, weights, tile.windows, part, workspace, tile.innermost)

    _in_threads(work, shares, dtype)
    return output


def grad_filters(grad_output: Array, x: Array, windows: Windows) -> Array:
    """∂E/∂f (K, C, R, S) of ∂E/∂Z (N, K, P, Q) and x (N, C, H, W)."""
    if any_ring(grad_output) or any_ring(x):
        return plain.grad_filters(grad_output, x, windows)
    dtype, grad_output, x = _alike(grad_output, x)
    shape = (grad_output.shape[1], x.shape[1], *windows.size)
    if grad_output.size * x.shape[1] == 0:
        return np.zeros(shape, dtype)
    most = plan.threads_for(grad_output.size * prod(shape[1:]))
    lowering, shares = plan.grad_filters(x.shape, shape, windows, dtype, most)

    def work(tiles: Sequence[Tile], workspace: Workspace) -> Array:
        parts = ((tile.of_output(grad_output), tile.of_images(x), tile.windows) for tile in tiles)
        return reduce(iadd, (lowering(*part, workspace) for part in parts))

    return np.ascontiguousarray(reduce(iadd, _in_threads(work, shares, dtype)))


def grad_input(grad_output: Array, filters: Array, image: tuple[int, int], windows: Windows) -> Array:
    """∂E/∂X (N, C, H, W) of ∂E/∂Z (N, K, P, Q) and f (K, C, R, S)."""
    if any_ring(grad_output) or any_ring(filters):
        return plain.grad_input(grad_output, filters, image, windows)
    dtype, grad_output, filters = _alike(grad_output, filters)
    shape = (len(grad_output), filters.shape[1], *image)
    if rule.is_pointwise(windows) and windows.stride != (1, 1):
        grad_x = np.zeros(shape, dtype)
        each = windows._replace(stride=(1, 1))
        pointwise.seen(grad_x, windows)[...] = grad_input(grad_output, filters, windows.places, each)
        return grad_x
    full = plan.full_convolution(shape, filters.shape, windows, dtype)
    if full is not None:
        return forward(grad_output, filters[:, :, ::-1, ::-1].transpose(1, 0, 2, 3), full)
    grad_x = np.empty(shape, dtype)
    if grad_x.size == 0:
        return grad_x
    most = plan.threads_for(grad_output.size * (filters.size // len(filters)))
    shares = plan.grad_input(shape, filters.shape, windows, dtype, most)
    weights = scatter.weights(filters, windows.stride[0])

    def work(tiles: Sequence[Tile], workspace: Workspace) -> None:
        for tile in tiles:
            seen, part = tile.of_output(grad_output), tile.of_images(grad_x)
            scatter.grad_input(seen, weights, tile.windows, part, workspace, tile.innermost)

    _in_threads(work, shares, dtype)
    return grad_x


def _in_threads(
    work: Callable[[Sequence[Tile], Workspace], Result], shares: plan.Shares, dtype: np.dtype[Any]
) -> list[Result]:
    """Call `work` with each share of the tiles, in as many threads, each with a workspace of its own."""

    def with_workspace(tiles: Sequence[Tile]) -> Result:
        with Workspace(dtype) as workspace:
            return work(tiles, workspace)

    return threads.side_by_side(with_workspace, shares)


def _alike(one: Array, other: Array) -> tuple[np.dtype[Any], Array, Array]:
    """Bring both to the dtype that their products have."""
    dtype = one.dtype
    if dtype is other.dtype and dtype.isnative:
        return dtype, one, other
    dtype = np.result_type(one, other)
    return dtype, one.astype(dtype, copy=False), other.astype(dtype, copy=False)
