"""How images lie in memory while they are convolved: row by row, all channels of a row beside each other.

A row layout is an array (B, H, C, W, G). Images lie either one after the other (B = N, G = 1), or innermost
(B = 1, G = N): then every run along the width is N times as long, which is what short rows need.
"""

import numpy as np

from scratchcnn.operations._geometry import Edges
from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.tiles import evenly
from scratchcnn.operations.convolution.machinery.workspace import Workspace, strided

SMALL_PRODUCT = 1_000_000
"""Multiplications of a product up to which OpenBLAS uses its operands as they lie: the fastest way for thin ones."""
FEWEST_ROWS = 6
"""Rows on the left for which it still is: a product of fewer reads all that is on the right for a few rows."""
LONG_SUM, LONG_SUM_ACROSS = 100, 800
"""Terms from which on the result of a product is worth being added to others; and where the right lies by columns."""


def by_rows(workspace: Workspace, name: str, images: tuple[int, ...], innermost: bool) -> Array:
    """A buffer in row layout for images (N, C, H, W)."""
    count, channels, height, width = images
    return workspace(name, *((1, height, channels, width, count) if innermost else (count, height, channels, width, 1)))


def by_planes(workspace: Workspace, name: str, images: tuple[int, ...], innermost: bool) -> Array:
    """A buffer for images (N, C, H, W), plane by plane: (B, C, H, W, G). Copies to images have longer runs so."""
    count, channels, height, width = images
    return by_rows(workspace, name, (count, height, channels, width), innermost)


def planes_as_images(planes: Array) -> Array:
    """Show what lies plane by plane as images: (B, C, H, W, G) as (N, C, H, W)."""
    return as_images(planes.swapaxes(1, 2))


def as_images(rows: Array) -> Array:
    """Show a row layout as images: (B, H, C, W, G) as (N, C, H, W)."""
    images = rows.transpose(0, 4, 2, 1, 3)
    return images[0] if len(images) == 1 else images[:, 0]


def as_rows(x: Array) -> Array:
    """Show images (N, C, H, W) row by row: (N, H, C, W, 1)."""
    return x.transpose(0, 2, 1, 3)[..., np.newaxis]


def lay_out(x: Array, padding: Edges, workspace: Workspace, innermost: bool) -> Array:
    """Copy images (N, C, H, W) into row layout, with zeros around them."""
    (top, bottom), (left, right) = padding
    count, channels, height, width = x.shape
    padded = (count, channels, top + height + bottom, left + width + right)
    rows = by_rows(workspace, "rows", padded, innermost)
    put_inside(as_images(rows), x, padding)
    return rows


def put_inside(images: Array, x: Array, padding: Edges) -> None:
    """Copy images (N, C, H, W) into larger ones, with zeros around them."""
    (top, bottom), (left, right) = padding
    below, beyond = top + x.shape[2], left + x.shape[3]
    if top or bottom:
        images[:, :, :top] = images[:, :, below:] = 0
    if left or right:
        images[:, :, :, :left] = images[:, :, :, beyond:] = 0
    images[:, :, top:below, left:beyond] = x


def spread(rows: Array, width: int, stride: int, places: int, workspace: Workspace) -> Array:
    """Copy every row once for each filter column, moved so that what belongs to a place stands at that place.

    Of rows (B, H, C, W, G), spread[b, h, c, s, q, g] = rows[b, h, c, q stride + s, g].
    """
    blocks, height, channels, _, group = rows.shape
    moved = workspace("spread", blocks, height, channels, width, places, group)
    block, row, channel, pixel, image = rows.strides
    steps = (block, row, channel, pixel, stride * pixel, image)
    if rows.flags.c_contiguous:
        np.copyto(moved, np.ndarray(moved.shape, rows.dtype, rows, 0, steps))
    else:
        np.copyto(moved, np.lib.stride_tricks.as_strided(rows, moved.shape, steps))
    return moved


def spread_apart(x: Array, padding: Edges, width: int, stride: int, places: int, workspace: Workspace) -> Array:
    """Spread images (N, C, H, W) that stay one after the other, with zeros around them, in one copy.

    Filter column s sees the image columns from s - left on; at the first and the last places it may see zeros.
    """
    (top, bottom), (left, _) = padding
    count, channels, height, wide = x.shape
    moved = workspace("spread", count, top + height + bottom, channels, width, places, 1)
    if top or bottom:
        moved[:, :top] = moved[:, top + height :] = 0
    rows, inside = as_rows(x), moved[:, top : top + height]
    for s in range(width):
        first = min(max(-(-(left - s) // stride), 0), places)
        last = min(max((left - s + wide - 1) // stride + 1, first), places)
        begin, end = first * stride + s - left, last * stride + s - left
        if first:
            inside[:, :, :, s, :first] = 0
        if last < places:
            inside[:, :, :, s, last:] = 0
        inside[:, :, :, s, first:last] = rows[:, :, :, begin:end:stride]
    return moved


def phase(a: int, left: int, stride: int) -> tuple[int, int]:
    """The first image column whose place in the padded image is `a` modulo the stride; its place among those."""
    first = (a - left) % stride
    return first, (left + first) // stride


def spread_by_phases(x: Array, padding: Edges, width: int, stride: int, places: int, workspace: Workspace) -> Array:
    """Lay images (N, C, H, W) out innermost, and spread them, where a stride leaves columns out.

    A filter column s sees every stride-th column from s on. The columns are sorted by w mod stride first: then what s
    sees is one long run, and not one run of N numbers a place.
    """
    (top, bottom), (left, right) = padding
    count, channels, height, wide = x.shape
    tall, long = top + height + bottom, -(-(left + wide + right) // stride)
    phases = by_rows(workspace, "rows", (count, channels * stride, tall, long), innermost=True)
    images = as_images(phases).reshape(count, channels, stride, tall, long)
    for a in range(stride):
        first, before = phase(a, left, stride)
        columns = x[..., first::stride]
        put_inside(images[:, :, a], columns, ((top, bottom), (before, long - before - columns.shape[3])))
    moved, line = workspace("spread", 1, tall, channels, width, places, count), long * count
    for a in range(min(stride, width)):
        seen = moved[0, :, :, a::stride]
        steps = (channels * stride * line, stride * line, count, count, 1)
        np.copyto(seen, strided(phases, seen.shape, steps, a * line))
    return moved


def multiply(left: Array, right: Array, out: Array) -> None:
    """`left` (..., M, L) @ `right` (..., L, N) into `out`, by parts of M where that makes small products."""
    rows, inner = left.shape[-2:]
    largest = SMALL_PRODUCT // (inner * right.shape[-1])  # rows of a small one
    parts = 1
    while rows // parts > largest and rows % (2 * parts) == 0:
        parts *= 2
    if parts > 1 and FEWEST_ROWS <= rows // parts <= largest:
        left = left.reshape(*left.shape[:-2], parts, rows // parts, inner)
        out = out.reshape(*out.shape[:-2], parts, rows // parts, out.shape[-1])
        right = right[..., np.newaxis, :, :]
    np.matmul(left, right, out=out)


def sum_of_products(left: Array, right: Array, out: Array, workspace: Workspace) -> None:
    """The sum over b of `left[b]` (M, L) @ `right[b]` (L, N) into `out`, by small products if they can be."""
    blocks, _, length = left.shape
    longest = SMALL_PRODUCT // out.size
    least = LONG_SUM_ACROSS if right.strides[1] < right.strides[2] else LONG_SUM
    parts = -(-length // longest) if longest >= least else 1
    if parts == blocks == 1:
        multiply(left[0], right[0], out)
        return
    products = workspace("product", parts, blocks, *out.shape)
    for some, product in zip(evenly(length, parts), products, strict=True):
        multiply(left[:, :, some], right[:, some], product)
    products.reshape(-1, out.size).sum(axis=0, out=out.reshape(-1))
