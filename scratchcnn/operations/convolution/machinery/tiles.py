"""What a lowering is, and how a convolution is cut into tiles for it: small ones, each of which works in the cache."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.workspace import LINE
from scratchcnn.operations.geometry import Windows
from scratchcnn.operations.threads import evenly

Shape: TypeAlias = tuple[int, ...]
BYTES = 2_000_000
"""What the largest buffer of a tile may take: with what goes with it, it stays in a core's share of the caches."""


@dataclass(frozen=True)
class Lowering:
    """A way to bring one pass of a convolution to products of matrices, a tile at a time."""

    name: str
    run: Callable[..., Any]
    """run(x, z, weights, tile, workspace): of images, outputs and filters it writes one, or returns ∂E/∂f."""
    numbers: Callable[[Shape, Windows], int]
    """Numbers of its largest buffer for each place of a row, by the filters' shape (K, C, R, S)."""
    weights: Callable[[Array, Windows], Any] = lambda filters, _: filters
    """Lays out the filters for the products, once for all tiles."""
    suits_innermost: Callable[[int, Shape, Windows, np.dtype[Any]], bool] = lambda *_: False
    """Tells whether so many images of a tile are better innermost, as `layout` has it."""
    by_pixels: bool = False
    """Whether tiles are parts of the images, with all windows that see them; else of the output, with all they see."""


class Tile(NamedTuple):
    """A part of a convolution that is a convolution itself."""

    images: slice
    pixels: tuple[slice, slice]
    """Of the images, along the height and the width."""
    places: tuple[slice, slice]
    """Of the output, likewise."""
    windows: Windows
    innermost: bool

    def of_images(self, x: Array) -> Array:
        """Show what the tile has of images (N, C, H, W)."""
        return x[self.images, :, self.pixels[0], self.pixels[1]]

    def of_output(self, output: Array) -> Array:
        """Show what the tile has of an output (N, K, P, Q)."""
        return output[self.images, :, self.places[0], self.places[1]]


def cut(
    lowering: Lowering, x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any], threads: int
) -> list[Sequence[Tile]]:
    """Cut a convolution of images x (N, C, H, W) into tiles, and share them out among at most so many threads."""
    (rows, columns), halo = windows.places, (windows.size[0] - 1) // windows.stride[0]
    if lowering.by_pixels:
        rows, halo = x[2], 0
    place = lowering.numbers(filters, windows) * dtype.itemsize
    most = max(BYTES, prod(filters) * dtype.itemsize)  # each tile reads the filters, or writes them

    together = min(max(1, most // ((rows + halo) * columns * place)), x[0])
    innermost = lowering.suits_innermost(together, filters, windows, dtype)
    together = min(together, max(1, x[0] // threads))
    line = LINE // dtype.itemsize if innermost else 1  # innermost images by whole cache lines, or halves of one
    while line > together:
        line //= 2
    images = evenly(x[0], ceil(x[0] / (together * threads)) * threads, line)

    least = max(halo, 1)  # of lower bands, most of the work would be done twice
    strips = evenly(columns, 1 if lowering.by_pixels else ceil((least + halo) * columns * place / (2 * most)))
    row = ceil(columns / len(strips)) * place
    bands = ceil(threads / len(images))
    if (rows + halo) * row > 1.5 * most:
        bands = max(bands, ceil(rows / max(most // row - halo, least)))
    heights = evenly(rows, bands, 4)  # the step of `winograd`

    if lowering.by_pixels:
        tiles = [_of_pixels(some, band, x[3], windows, innermost) for some, band in product(images, heights)]
    else:
        places = product(images, product(heights, strips))
        tiles = [_of_places(some, part, x[2:], windows, innermost) for some, part in places]
    return [tiles[share] for share in evenly(len(tiles), threads)]


def _of_places(images: slice, places: tuple[slice, slice], image: Shape, windows: Windows, innermost: bool) -> Tile:
    """The tile of some output places: it has the pixels that their windows see."""
    pixels, padding = [], []
    for part, length, size, stride, (before, _) in zip(places, image, *windows[:3], strict=True):
        start, stop = part.start * stride - before, (part.stop - 1) * stride + size - before
        first, last = (min(max(pixel, 0), length) for pixel in (start, stop))
        # A window may lie in the padding altogether.
        zeros = min(max(-start, 0), stop - start) if first < last else stop - start
        pixels.append(slice(first, last))
        padding.append((zeros, stop - start - zeros - (last - first)))
    counts = (places[0].stop - places[0].start, places[1].stop - places[1].start)
    own = windows._replace(padding=(padding[0], padding[1]), places=counts)
    return Tile(images, (pixels[0], pixels[1]), places, own, innermost)


def _of_pixels(images: slice, rows: slice, width: int, windows: Windows, innermost: bool) -> Tile:
    """The tile of some image rows: it has all windows that see them."""
    (top, _), sides = windows.padding
    size, stride = windows.size[0], windows.stride[0]
    start, stop = rows.start + top, rows.stop + top
    first = min(max(-(-(start - size + 1) // stride), 0), start // stride, windows.places[0] - 1)
    last = min(max((stop - 1) // stride, first) + 1, windows.places[0])
    above, below = start - first * stride, max((last - 1) * stride + size - stop, 0)
    own = windows._replace(padding=((above, below), sides), places=(last - first, windows.places[1]))
    return Tile(images, (rows, slice(0, width)), (slice(first, last), slice(0, windows.places[1])), own, innermost)
