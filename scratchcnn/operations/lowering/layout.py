"""How the lowerings lay images out in memory.

Letters: G groups of n images, C channels, H x W pixels, Hs with padding; K filters of R x S; P x Q windows on an image,
t = (t0, t1) their stride. Images come as (G, C, H, W, n): one by one (n = 1), or with the batch innermost (G = 1).
"""

from collections.abc import Iterator
from functools import cache

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array


def one_by_one(images: Array) -> Array:
    """(N, C, H, W) as N groups of one image: a view."""
    return images[..., np.newaxis]


def batch_innermost(images: Array) -> Array:
    """(N, C, H, W) as one group, (1, C, H, W, N): a view, whose copy has long rows where there were short ones."""
    return images.transpose(1, 2, 3, 0)[np.newaxis]


def spread(images: Array, windows: Windows) -> Array:
    """Copy images (G, C, H, W, n) S-fold: X[g, h, c, s, q] = padded image[g, c, h, q t1 + s], (G, Hs, C, S, Q, n).

    What the filters see for an output row p, in the order r, c, s, is then one contiguous piece of X: the rows from
    p t0 on. (Copied R S-fold, as the columns of "im2col" are, it would take R times the memory and the time.)
    """
    groups, channels, height, _, count = images.shape
    (top, bottom), _ = windows.padding
    shape = (groups, top + height + bottom, channels, windows.size[1], windows.places[1], count)
    result = np.empty(shape, images.dtype)
    padded = any(map(any, windows.padding))
    if padded:
        clear_around(result, 1, slice(top, top + height))
    for s, places, pixels in visible_columns(images.shape[3], windows):
        own = result[:, top : top + height, :, s]
        if padded:
            clear_around(own, 3, places)
        own[:, :, :, places] = images[:, :, :, pixels].swapaxes(1, 2)
    return result


def clear_around(array: Array, axis: int, inside: slice) -> None:
    """Put zeros before and after a part of an axis. (Zeros everywhere, fresh ones, cost a page fault each 4 KB.)"""
    along = array.swapaxes(0, axis)
    along[: inside.start] = 0
    along[inside.stop :] = 0


def windows_of_rows(x: Array, windows: Windows) -> Array:
    """View X of `spread` as a matrix for each output row: (G, P, R C S, Q n). The matrices overlap."""
    groups, _, channels, columns, places, count = x.shape
    (group, row, *_), item = x.strides, x.itemsize
    shape = (groups, windows.places[0], windows.size[0] * channels * columns, places * count)
    return np.ndarray(shape, x.dtype, x, 0, (group, windows.stride[0] * row, places * count * item, item))


@cache
def visible_columns(width: int, windows: Windows) -> tuple[tuple[int, slice, slice], ...]:
    """For each filter column s: the places q at which it sees the image, and the pixels q t1 + s - left there."""
    left, step, found = windows.padding[1][0], windows.stride[1], []
    for s in range(windows.size[1]):
        first = min(max(0, -((s - left) // step)), windows.places[1])
        last = max(first, min((width - 1 - s + left) // step + 1, windows.places[1]))
        pixel = first * step + s - left
        pixels = slice(pixel, pixel + (last - first - 1) * step + 1, step) if first < last else slice(0, 0)
        found.append((s, slice(first, last), pixels))
    return tuple(found)


def bands(height: int, windows: Windows, most: int) -> Iterator[tuple[slice, slice, Windows]]:
    """Cut the windows on an image into bands of at most `most` output rows.

    Yields the rows of the image that a band sees, its output rows, and the windows of this smaller convolution.
    """
    (top, _), sides = windows.padding
    for first in range(0, windows.places[0], most):
        last = min(first + most, windows.places[0])
        begin, end = first * windows.stride[0] - top, (last - 1) * windows.stride[0] + windows.size[0] - top
        seen = slice(min(max(begin, 0), height), min(max(end, 0), height))
        above = min(max(-begin, 0), end - begin)
        padding = (above, end - begin - above - (seen.stop - seen.start)), sides
        yield seen, slice(first, last), windows._replace(padding=padding, places=(last - first, windows.places[1]))


def bands_of_input(height: int, windows: Windows, most: int) -> Iterator[tuple[slice, slice, Windows]]:
    """Cut an image into bands of at most `most` rows.

    Yields the rows of a band, the output rows that see any of them, and the windows of this smaller convolution.
    """
    (top, _), sides = windows.padding
    (size, _), (step, _) = windows.size, windows.stride
    for first in range(0, height, most):
        last = min(first + most, height)
        begin = min(max(0, -((size - 1 - first - top) // step)), windows.places[0])
        end = max(begin, min((last - 1 + top) // step + 1, windows.places[0]))
        padding = (first + top - begin * step, 0), sides
        places = end - begin, windows.places[1]
        yield slice(first, last), slice(begin, end), windows._replace(padding=padding, places=places)
