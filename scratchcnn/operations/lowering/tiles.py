"""Cutting a convolution into small ones, each of which works in the cache: some images, or some rows of one image."""

from itertools import pairwise
from typing import NamedTuple

from scratchcnn.operations._geometry import Windows

BYTES = 700_000
"""What the largest buffer of a tile may take, about: a core's second-level cache holds it and what goes with it."""


class Tile(NamedTuple):
    """A part of a convolution that is a convolution itself."""

    images: slice
    rows: slice
    """Of the images."""
    places: slice
    """Of the output, along the height."""
    windows: Windows


def cut(count: int, rows: int, row_bytes: int, halo: int, threads: int) -> list[tuple[slice, slice]]:
    """Cut `count` images of `rows` rows into parts: (images, rows), at least as many as there are threads.

    A row of one image takes `row_bytes` of the largest buffer; a part of an image needs `halo` rows more than its own.
    """
    image_bytes = (rows + halo) * row_bytes
    images = min(count, max(threads, -(-count * image_bytes // BYTES)))
    while count // images % 16 == 0:
        images += 1  # a pitch that is a power of two makes the caches of the processor miss
    bands = min(-(-threads // images), rows)
    if image_bytes > 2 * BYTES:
        # As high as the halo, at least: else most of the work would be done twice.
        bands = max(bands, -(-rows // max(BYTES // row_bytes - halo, halo, 1)))
    height = -(-rows // bands)
    height += -height % 4  # the step of `winograd`
    starts = [*range(0, rows, height), rows]
    return [(some, slice(*band)) for some in evenly(count, images) for band in pairwise(starts)]


def evenly(count: int, parts: int) -> list[slice]:
    """Cut so many things into parts, neighbours, whose sizes differ by one at most."""
    ends = [count * part // parts for part in range(parts + 1)]
    return [slice(*part) for part in pairwise(ends)]


def of_places(images: slice, places: slice, height: int, windows: Windows) -> Tile:
    """The tile of some output rows: of an image of this height it has the rows that their windows see."""
    (top, _), sides = windows.padding
    start = places.start * windows.stride[0] - top
    stop = (places.stop - 1) * windows.stride[0] + windows.size[0] - top
    first, last = (min(max(row, 0), height) for row in (start, stop))
    # A window may lie in the padding altogether.
    above = min(max(-start, 0), stop - start) if first < last else stop - start
    below = stop - start - above - (last - first)
    own = windows._replace(padding=((above, below), sides), places=(places.stop - places.start, windows.places[1]))
    return Tile(images, slice(first, last), places, own)


def of_rows(images: slice, rows: slice, windows: Windows) -> Tile:
    """The tile of some image rows: its windows are all that see them."""
    (top, _), sides = windows.padding
    size, stride = windows.size[0], windows.stride[0]
    start, stop = rows.start + top, rows.stop + top
    first = min(max(-(-(start - size + 1) // stride), 0), start // stride, windows.places[0] - 1)
    last = min(max((stop - 1) // stride, first) + 1, windows.places[0])
    above, below = start - first * stride, max((last - 1) * stride + size - stop, 0)
    own = windows._replace(padding=((above, below), sides), places=(last - first, windows.places[1]))
    return Tile(images, rows, slice(first, last), own)
