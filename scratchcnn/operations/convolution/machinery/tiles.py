"""Cutting a convolution into small ones, each of which works in the cache: some images, or a part of one image."""

from itertools import pairwise
from typing import NamedTuple

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array

BYTES = 700_000
"""What the largest buffer of a tile may take, about: a core's second-level cache holds it and what goes with it."""


class Tile(NamedTuple):
    """A part of a convolution that is a convolution itself."""

    images: slice
    pixels: tuple[slice, slice]
    """Of the images, along the height and the width."""
    places: tuple[slice, slice]
    """Of the output, likewise."""
    windows: Windows
    innermost: bool = False
    """Whether its images are to lie innermost."""
    alone: bool = False
    """Whether it is all of the convolution."""

    def of_images(self, x: Array) -> Array:
        """Show what the tile has of images (N, C, H, W)."""
        return x if self.alone else x[self.images, :, self.pixels[0], self.pixels[1]]

    def of_output(self, output: Array) -> Array:
        """Show what the tile has of an output (N, K, P, Q)."""
        return output if self.alone else output[self.images, :, self.places[0], self.places[1]]


def cut(
    count: int, rows: int, row_bytes: int, halo: int, threads: int, most: int, line: int
) -> list[tuple[slice, slice]]:
    """Cut `count` images of `rows` rows into parts: (images, rows), at least as many as there are threads.

    A row of one image takes `row_bytes` of the largest buffer, which may take `most`; a part of an image needs `halo`
    rows more than its own. Images that will lie innermost come by whole lines of the cache, `line` of them in each, or
    by a half or a quarter of one.
    """
    image_bytes = (rows + halo) * row_bytes
    together = most // image_bytes
    while line > max(1, 2 * together) or count // line < min(threads, count):
        line //= 2
    share = -(-count // threads)
    # Of four images in pairs there are not enough for three threads.
    together = min(max(1, together), share if -(-count // share) >= threads else max(1, count // threads))
    if line > 1 and together < count:
        odd = 2 * max(0, round((together / line - 1) / 2)) + 1  # at a pitch of an even number of lines caches miss
        together = min(odd, count // (threads * line)) * line
    else:
        together = -(-count // -(-count // together))  # all alike
    images = _every(together, count, line)
    bands = min(-(-threads // len(images)), rows)
    if image_bytes > 2 * most:
        # As high as the halo, at least: else most of the work would be done twice.
        bands = max(bands, -(-rows // max(most // row_bytes - halo, halo, 1)))
    height = -(-rows // bands)
    height += -height % 4  # the step of `winograd`
    return [(some, band) for some in images for band in _every(height, rows)]


def _every(step: int, count: int, least: int = 1) -> list[slice]:
    """Parts of `step` things; a rest of fewer than `least` goes with the last of them."""
    starts = [0, *range(step, count - least + 1, step)]
    return [slice(*part) for part in pairwise([*starts, count])]


def strips(columns: int, widest: int, line: int) -> list[slice]:
    """Cut so many columns into strips of about `widest`, of whole lines, unless they hardly exceed it."""
    parts = 1 if 2 * columns <= 3 * widest else -(-columns // widest)
    return evenly(columns, parts, line)


def evenly(count: int, parts: int, line: int = 1) -> list[slice]:
    """Cut so many things into parts, neighbours, of as many as can be: whole lines, one more or less, and the rest."""
    lines = -(-count // line)
    parts = min(parts, lines)
    ends = [min(lines * part // parts * line, count) for part in range(parts + 1)]
    return [slice(*part) for part in pairwise(ends)]


def of_places(images: slice, places: tuple[slice, slice], image: tuple[int, int], windows: Windows) -> Tile:
    """The tile of some output places: of images of this size it has the pixels that their windows see."""
    axes = zip(places, image, windows.size, windows.stride, windows.padding, strict=True)
    (rows, above), (columns, beside) = (_seen(*axis) for axis in axes)
    counts = (places[0].stop - places[0].start, places[1].stop - places[1].start)
    return Tile(images, (rows, columns), places, windows._replace(padding=(above, beside), places=counts))


def _seen(
    places: slice, length: int, size: int, stride: int, padding: tuple[int, int]
) -> tuple[slice, tuple[int, int]]:
    """Which of `length` pixels the windows at some places see, and how much padding before and after them."""
    start, stop = places.start * stride - padding[0], (places.stop - 1) * stride + size - padding[0]
    first, last = (min(max(pixel, 0), length) for pixel in (start, stop))
    # A window may lie in the padding altogether.
    before = min(max(-start, 0), stop - start) if first < last else stop - start
    return slice(first, last), (before, stop - start - before - (last - first))


def of_rows(images: slice, rows: slice, width: int, windows: Windows) -> Tile:
    """The tile of some image rows: its windows are all that see them."""
    (top, _), sides = windows.padding
    size, stride = windows.size[0], windows.stride[0]
    start, stop = rows.start + top, rows.stop + top
    first = min(max(-(-(start - size + 1) // stride), 0), start // stride, windows.places[0] - 1)
    last = min(max((stop - 1) // stride, first) + 1, windows.places[0])
    above, below = start - first * stride, max((last - 1) * stride + size - stop, 0)
    own = windows._replace(padding=((above, below), sides), places=(last - first, windows.places[1]))
    return Tile(images, (rows, slice(0, width)), (slice(first, last), slice(0, windows.places[1])), own)
