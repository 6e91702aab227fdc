"""How images lie in memory while they are convolved, and the products of what lies there.

A row layout is an array (B, H, C, t, L, G): row by row, all channels of a row beside each other. The columns of a row
are sorted by w mod t, the stride, so that what one column of a filter sees, every t-th column, is one run. Images lie
either one after the other (B = N, G = 1), or innermost (B = 1, G = N), which makes short runs N times as long.
"""

import numpy as np

from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.workspace import Workspace, strided
from scratchcnn.operations.geometry import Edges, Windows
from scratchcnn.operations.threads import evenly

SMALL_PRODUCT = 1_000_000
"""Multiplications up to which OpenBLAS multiplies operands as they lie, without a copy of them: best for thin ones."""
LONG_SUM, LONG_SUM_ACROSS = 300, 800
"""Terms from which on a part of a sum is worth a product of its own; and where the right operand lies by columns."""
PARTS, FEWEST_ROWS = (1, 2, 4, 8), 6
"""Parts that a product may be made in, and rows of each at least: every part reads all of the right operand."""


def lay_out(x: Array, padding: Edges, stride: int, space: Workspace, innermost: bool) -> Array:
    """Copy images (N, C, H, W) into row layout, with zeros around them."""
    count, channels, tall, wide = *x.shape[:2], *(n + sum(zeros) for n, zeros in zip(x.shape[2:], padding, strict=True))
    blocks, group = (1, count) if innermost else (count, 1)
    rows = space("rows", blocks, tall, channels, stride, -(-wide // stride), group)
    put(as_batch(rows.transpose(0, 5, 2, 3, 1, 4)), x, padding)
    return rows


def as_batch(array: Array) -> Array:
    """View (B, G, ...), of which one is 1, as (N, ...)."""
    return array[0] if len(array) == 1 else array[:, 0]


def put(images: Array, x: Array, padding: Edges) -> None:
    """Copy images (N, C, H, W) into (N, C, t, H', W'), their columns sorted by w mod t, with zeros around them."""
    stride = images.shape[2]
    for a in range(stride):
        first, before = phase(a, padding[1][0], stride)
        put_inside(images[:, :, a], x[..., first::stride], padding[0][0], before)


def put_inside(images: Array, x: Array, above: int, before: int) -> None:
    """Copy images (N, C, H, W) into larger ones, with zeros above, before, below and beyond them."""
    below, beyond = above + x.shape[2], before + x.shape[3]
    if above or below < images.shape[2]:
        images[:, :, :above] = images[:, :, below:] = 0
    if before or beyond < images.shape[3]:
        images[..., :before] = images[..., beyond:] = 0
    images[:, :, above:below, before:beyond] = x


def phase(a: int, before: int, stride: int) -> tuple[int, int]:
    """The first pixel whose place is `a` modulo the stride, with `before` zeros before the image; its place there."""
    first = (a - before) % stride
    return first, (before + first) // stride


def spread(rows: Array, width: int, places: int, space: Workspace) -> Array:
    """Copy every row once for each filter column, moved so that what belongs to a place stands at that place.

    moved[b, h, c, s, q, g] is row h of channel c at column q t + s.
    """
    blocks, tall, channels, stride, long, group = rows.shape
    moved = space("spread", blocks, tall, channels, width, places, group)
    line = long * group
    steps = (tall * channels * stride * line, channels * stride * line, stride * line, group, group, 1)
    for a in range(min(stride, width)):
        seen = moved[:, :, :, a::stride]
        np.copyto(seen, strided(rows, seen.shape, steps, a * line))
    return moved


def spread_directly(x: Array, windows: Windows, space: Workspace) -> Array:
    """Spread images (N, C, H, W) that stay one after the other, with zeros around them, in one copy."""
    tall, width, places = windows.of_padded(x.shape[2:])[0], windows.size[1], windows.places[1]
    moved = space("spread", len(x), tall, x.shape[1], width, places, 1)
    images = moved[..., 0].transpose(0, 2, 3, 1, 4)
    for s in range(width):
        put_seen(images[:, :, s], x, s, windows, windows.padding[0][0])
    return moved


def put_seen(images: Array, x: Array, s: int, windows: Windows, above: int) -> None:
    """Copy what filter column s sees of images (N, C, H, W) into (N, C, H', Q), with zeros around.

    It sees every t-th image column from s - left on; at the first and last places it may see zeros.
    """
    left, stride = windows.padding[1][0], windows.stride[1]
    first = max(s - left, (s - left) % stride)
    before = (first + left - s) // stride
    put_inside(images, x[..., first::stride][..., : max(images.shape[3] - before, 0)], above, before)


def multiply(left: Array, right: Array, out: Array) -> None:
    """`left` (..., M, L) @ `right` (..., L, N) into `out`, by parts of M where that makes small products."""
    rows, inner = left.shape[-2:]
    largest = SMALL_PRODUCT // (inner * right.shape[-1])  # rows of a small product
    parts = next((p for p in PARTS if rows % p == 0 and FEWEST_ROWS <= rows // p <= largest), 1)
    if parts > 1:
        left = left.reshape(*left.shape[:-2], parts, rows // parts, inner)
        out = out.reshape(*out.shape[:-2], parts, rows // parts, out.shape[-1])
        right = right[..., np.newaxis, :, :]
    np.matmul(left, right, out=out)


def sum_of_products(left: Array, right: Array, out: Array, space: Workspace) -> None:
    """The sum over b of `left[b]` (M, L) @ `right[b]` (L, N) into `out`, by parts of L that make small products."""
    blocks, _, length = left.shape
    longest = SMALL_PRODUCT // out.size
    least = LONG_SUM_ACROSS if right.strides[1] < right.strides[2] else LONG_SUM
    parts = evenly(length, -(-length // longest) if longest >= least else 1)
    if blocks == len(parts) == 1:
        multiply(left[0], right[0], out)
        return
    together = max(1, SMALL_PRODUCT // (out.size * len(parts)))
    out[...] = 0
    for start in range(0, blocks, together):
        some = slice(start, min(start + together, blocks))
        products = space("product", len(parts), some.stop - start, *out.shape)
        for part, product in zip(parts, products, strict=True):
            multiply(left[some, :, part], right[some, part], product)
        out += products.reshape(-1, *out.shape).sum(axis=0)
