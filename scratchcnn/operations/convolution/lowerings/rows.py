"""Products of rows: the forward pass of most convolutions.

What the windows of output row p see lies in the R padded input rows from p t0 on. `spread` copies each input row S
times (not each pixel R S times, as "im2col" does), in the order h, c, s, q. There the R rows lie one after the other:
what the windows of row p see, a matrix (R C S, Q), is a *view*. The views of neighbouring rows overlap.

    Z[n, :, p, :] (K, Q) = f (K, R C S) @ seen[n, p] (R C S, Q)
"""

from math import prod
from typing import Any

import numpy as np

from scratchcnn.operations._validate import Array
from scratchcnn.operations.convolution.machinery.layout import as_batch, lay_out, multiply, spread, spread_directly
from scratchcnn.operations.convolution.machinery.tiles import Lowering, Shape, Tile
from scratchcnn.operations.convolution.machinery.workspace import LINE, Workspace, strided
from scratchcnn.operations.geometry import NONE, Windows

FEWEST_IMAGES = 4
"""Images that make a row long enough when they lie innermost."""
SHORTEST, SHORT, LONG = 10, 24, 32
"""Places of a row that is always too short for a product; mostly; and if it does not fill whole vector registers."""
FEW_COLUMNS = 3
"""Columns of a filter for each of which images with zeros around them are copied in a call of its own."""
TAPS_A_FILTER = 8
"""Numbers of a window, for each filter, from which on the products pay for moving the images innermost and back."""


def forward(x: Array, z: Array, weights: Array, tile: Tile, space: Workspace) -> None:
    """Write Z."""
    (height, width), (down, across), padding, places = tile.windows
    if tile.innermost or (padding != NONE and across == 1 and width > FEW_COLUMNS):
        moved = spread(lay_out(x, padding, across, space, tile.innermost), width, places[1], space)
    else:
        moved = spread_directly(x, tile.windows, space)
    blocks, tall, channels, _, _, group = moved.shape
    run = places[1] * group
    row = channels * width * run
    seen = strided(moved, (blocks, places[0], height * channels * width, run), (tall * row, down * row, run, 1))
    if not tile.innermost:
        multiply(weights, seen, z.transpose(0, 2, 1, 3))
        return
    planes = space("output", 1, len(weights), *places, group)
    multiply(weights, seen, planes.reshape(1, len(weights), places[0], run).transpose(0, 2, 1, 3))
    z[...] = as_batch(planes.transpose(0, 4, 1, 2, 3))


def numbers(filters: Shape, windows: Windows) -> int:
    """A place of an output row needs t0 rows of the copy; what is written for it may be four times as large."""
    return max(filters[1] * windows.size[1] * windows.stride[0], filters[0] // 4)


def suits_innermost(images: int, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether the rows of one image are too short for products, and the products pay for moving the images."""
    columns = windows.places[1]
    short = columns < SHORT or (columns < LONG and columns * dtype.itemsize % LINE > 0)
    pays = columns <= SHORTEST or prod(filters[1:]) >= TAPS_A_FILTER * filters[0]
    return images >= FEWEST_IMAGES and short and pays


FORWARD = Lowering(
    "rows",
    forward,
    numbers,
    lambda filters, _: filters.transpose(0, 2, 1, 3).reshape(len(filters), -1),
    suits_innermost,
)
