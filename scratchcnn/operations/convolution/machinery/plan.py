"""How a convolution is done: by which lowering, in which tiles, in how many threads.

All of it follows from shapes, and is found once: for a small convolution it would take longer than the arithmetic.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution import rule
from scratchcnn.operations.convolution.machinery import threads, tiles
from scratchcnn.operations.convolution.machinery.tiles import Tile, cut, of_places, of_rows, strips
from scratchcnn.operations.convolution.machinery.workspace import LINE
from scratchcnn.operations.convolution.rule import Lowering, Shape

PARALLEL = 30_000_000
"""Multiplications that are worth a second thread: with fewer, the threads wait for Python, and for each other."""
once = lru_cache(maxsize=64)
Shares: TypeAlias = list[Sequence[Tile]]
"""The tiles of each thread."""


def threads_for(multiplications: int) -> int:
    """How many threads to use, at most, for so many multiplications."""
    return threads.allowed() if multiplications >= PARALLEL else 1


@once
def forward(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any], most: int) -> tuple[ModuleType, Shares]:
    """The plan for images x (N, C, H, W) and filters (K, C, R, S), in so many threads at most."""
    lowering = rule.for_forward(x, filters, windows, dtype)
    return lowering, _by_places(lowering, x, filters, windows, dtype, most)


@once
def grad_filters(
    x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any], most: int
) -> tuple[Callable[..., Array], Shares]:
    """The plan for ∂E/∂f."""
    lowering = rule.for_grad_filters(x, filters, windows, dtype)
    return lowering, _by_places(lowering, x, filters, windows, dtype, most)


@once
def grad_input(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any], most: int) -> Shares:
    """The plan for ∂E/∂X by `scatter`."""
    # The copy of ∂E/∂Z counts half: it is read once a tile, while what is gathered is written, and read again.
    gathered, laid_out = x[1] * windows.size[1], filters[0] // (2 * windows.stride[0])
    row_bytes = max(gathered, laid_out) * windows.places[1] * dtype.itemsize
    line = LINE // dtype.itemsize if rule.adds_innermost(LINE // dtype.itemsize, windows) else 1
    parts = [
        of_rows(images, rows, x[3], windows)._replace(innermost=rule.adds_innermost(_length(images), windows))
        for images, rows in cut(x[0], x[2], row_bytes, 0, most, tiles.BYTES, line)
    ]
    return _shares(parts, x, windows, most)


@once
def full_convolution(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> Windows | None:
    """The windows of the full convolution that is ∂E/∂X, if that is the better way to find it."""
    full = rule.is_full_convolution(x, filters, windows, dtype)
    return rule.full_convolution(x[2:], windows) if full else None


def _by_places(
    lowering: Lowering, x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any], most: int
) -> Shares:
    """Cut the images along what the windows of some output places see."""
    (size, _), (stride, _), (rows, columns) = windows.size, windows.stride, windows.places

    def innermost(images: int) -> bool:
        return rule.moves_innermost(lowering, images, filters, windows, dtype)

    whole = LINE // dtype.itemsize
    wide = strips(columns, rule.widest(lowering, x, filters, windows, dtype), 2 * whole)
    row_bytes = rule.row_bytes(lowering, x, windows, dtype) * _length(wide[0])
    line, largest = whole if innermost(whole) else 1, rule.tile_bytes(lowering, filters, dtype)
    parts = cut(x[0], rows, row_bytes, (size - 1) // stride, most, largest, line)
    cuts = [
        of_places(images, (band, strip), (x[2], x[3]), windows)._replace(innermost=innermost(_length(images)))
        for images, band in parts
        for strip in wide
    ]
    return _shares(cuts, x, windows, most)


def _shares(parts: list[Tile], x: Shape, windows: Windows, most: int) -> Shares:
    """Share tiles out among so many threads at most; of a tile that is everything, no views need be taken."""
    (height, width), (rows, columns) = x[2:], windows.places
    everything = (slice(0, height), slice(0, width)), (slice(0, rows), slice(0, columns))
    if len(parts) == 1 and (parts[0].pixels, parts[0].places) == everything:
        parts = [parts[0]._replace(alone=True)]
    return threads.share_out(parts, most)


def _length(part: slice) -> int:
    return int(part.stop - part.start)
