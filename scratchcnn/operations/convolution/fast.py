"""The convolution and its two derivatives, each by the lowering that is the fastest for its shapes.

A lowering is a way to bring a convolution to products of matrices:

- `columns`, where there is little to copy: what each window sees is a column of one matrix.
- `winograd`, for filters of three rows and many channels: half the multiplications.
- `rows`, for every other forward pass: each input row is copied once a filter column, and nothing for the filter rows.
- `flat`, for ∂E/∂f: one product a filter row, with a sum over all places of an image.
- `scatter`, for ∂E/∂X: gathered over the filter rows, added up over the filter columns.

Which one is chosen depends on shapes alone (`rule`). Each works on tiles that fit into the cache, in as many threads as
BLAS may use.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from math import prod
from typing import Any

import numpy as np

from scratchcnn.operations import threads
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution import rule
from scratchcnn.operations.convolution.lowerings.columns import pixels
from scratchcnn.operations.convolution.machinery.tiles import Lowering, Shape, Tile, cut
from scratchcnn.operations.convolution.machinery.workspace import Workspace
from scratchcnn.operations.geometry import Windows

PARALLEL = 30_000_000
"""Multiplications that are worth a second thread: with fewer, threads wait for Python, and for each other."""


def forward(x: Array, filters: Array, windows: Windows) -> Array:
    """Z (N, K, P, Q) of x (N, C, H, W) and f (K, C, R, S)."""
    x, filters = _alike(x, filters)
    output = np.empty((len(x), len(filters), *windows.places), x.dtype)
    if output.size:
        _run(rule.for_forward, x, output, filters.shape, windows, filters)
    return output


def grad_filters(grad_output: Array, x: Array, windows: Windows) -> Array:
    """∂E/∂f (K, C, R, S) of ∂E/∂Z (N, K, P, Q) and x (N, C, H, W)."""
    grad_output, x = _alike(grad_output, x)
    shape = (grad_output.shape[1], x.shape[1], *windows.size)
    if grad_output.size * x.shape[1] == 0:
        return np.zeros(shape, x.dtype)
    parts = _run(rule.for_grad_filters, x, grad_output, shape, windows)
    return np.ascontiguousarray(reduce(_added, parts))


def grad_input(grad_output: Array, filters: Array, image: tuple[int, int], windows: Windows) -> Array:
    """∂E/∂X (N, C, H, W) of ∂E/∂Z (N, K, P, Q) and f (K, C, R, S)."""
    grad_output, filters = _alike(grad_output, filters)
    shape = (len(grad_output), filters.shape[1], *image)
    if windows.is_pointwise and windows.stride != (1, 1):
        grad_x = np.zeros(shape, grad_output.dtype)
        seen = windows._replace(stride=(1, 1))
        pixels(grad_x, windows)[...] = grad_input(grad_output, filters, windows.places, seen)
        return grad_x
    full = rule.full_convolution(shape, filters.shape, windows)
    if full is not None:
        return forward(grad_output, filters[:, :, ::-1, ::-1].transpose(1, 0, 2, 3), full)
    grad_x = np.empty(shape, grad_output.dtype)
    if grad_x.size:
        _run(rule.for_grad_input, grad_x, grad_output, filters.shape, windows, filters)
    return grad_x


def _run(
    choose: Callable[..., Lowering], x: Array, z: Array, shape: Shape, windows: Windows, filters: Array | None = None
) -> list[Any]:
    """Do all tiles of a pass, in as many threads as pay; `shape` is that of the filters, which ∂E/∂f does not read.

    Returns what the tiles of each thread return, added up: ∂E/∂f, or None.
    """
    most = threads.allowed() if z.size * prod(shape[1:]) >= PARALLEL else 1
    lowering, shares = _plan(choose, x.shape, shape, windows, x.dtype, most)
    weights = None if filters is None else lowering.weights(filters, windows)

    def work(tiles: Sequence[Tile]) -> Any:
        with Workspace(x.dtype) as space:
            results = (lowering.run(tile.of_images(x), tile.of_output(z), weights, tile, space) for tile in tiles)
            return reduce(_added, results)

    return threads.side_by_side(work, shares)


def _added(total: Array | None, part: Array | None) -> Array | None:
    """Add what a tile returns to the total."""
    return None if total is None or part is None else np.add(total, part, out=total)


@lru_cache(maxsize=64)  # to find a plan takes longer than a small convolution
def _plan(
    choose: Callable[..., Lowering], x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any], most: int
) -> tuple[Lowering, list[Sequence[Tile]]]:
    """The lowering, and the tiles of each of at most so many threads."""
    lowering = choose(x, filters, windows, dtype)
    return lowering, cut(lowering, x, filters, windows, dtype, most)


def _alike(one: Array, other: Array) -> tuple[Array, Array]:
    """Bring both to the dtype that their products have."""
    if one.dtype is other.dtype and one.dtype.isnative:
        return one, other
    dtype = np.result_type(one, other)
    return one.astype(dtype, copy=False), other.astype(dtype, copy=False)
