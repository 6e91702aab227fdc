"""The rule: which lowering, from shapes alone. Nothing but speed hangs on it.

It was found by timing; `benchmarks/choose_lowerings.py` shows what each lowering earns.
"""

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from scratchcnn.operations.convolution.lowerings import columns, flat, rows, scatter, winograd
from scratchcnn.operations.convolution.machinery.tiles import Lowering, Shape
from scratchcnn.operations.geometry import Windows

SMALL = 40_000
"""Numbers that the windows of a small convolution see: copying all of them takes less than another lowering's calls."""
PLACES_A_FILTER = 4
"""Places of all images, for each filter, up to which copying the windows takes less than laying out the filters."""
FEW = 24
"""Numbers of a window, for each step of the stride, up to which ∂E/∂f copies all of them."""
LEAST_CHANNELS = 16
"""Channels, and filters, from which on halved products pay for Winograd's transformations."""
WEIGHTS_A_PLACE = 100
"""Weights, for each place of all images, up to which transforming ∂E/∂f back is little beside the sum."""
FILTERS_RIGHT = 32
"""Filters up to which a product with ∂E/∂Z as its right operand, transposed, is fast."""


def for_forward(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> Lowering:
    """The lowering of Z, for images x (N, C, H, W) and filters (K, C, R, S)."""
    apart = prod(windows.size) <= prod(windows.stride)
    few = x[0] * prod(windows.places) <= PLACES_A_FILTER * filters[0]
    if apart or few or _seen(x, windows) <= SMALL:
        return columns.FORWARD
    return winograd.FORWARD if _suits_winograd(filters, windows, dtype) else rows.FORWARD


def for_grad_filters(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> Lowering:
    """The lowering of ∂E/∂f."""
    count, channels, _, width = filters
    few = prod(filters[1:]) <= FEW * windows.stride[1]
    if windows.is_pointwise or few or _seen(x, windows) <= SMALL / 2:
        return columns.GRAD_FILTERS
    sums = count * channels <= WEIGHTS_A_PLACE * x[0] * prod(windows.places)
    if sums and _suits_winograd(filters, windows, dtype):
        return winograd.GRAD_FILTERS
    along_rows = channels * width < 2 * windows.places[1]  # the runs that are copied are longer than along channels
    return flat.CHANNELS_FIRST if along_rows and count <= FILTERS_RIGHT else flat.CHANNELS_LAST


def for_grad_input(x: Shape, filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> Lowering:
    """The lowering of ∂E/∂X, where it is no full convolution."""
    return scatter.GRAD_INPUT


@lru_cache(maxsize=64)
def full_convolution(x: Shape, filters: Shape, windows: Windows) -> Windows | None:
    """The windows by which ∂E/∂X is the convolution of ∂E/∂Z with the filters turned by 180 degrees, if that is faster.

    It needs a stride of 1, and less padding than a window has pixels. It copies K S numbers for each of H W pixels;
    `scatter` adds C S numbers, which takes twice as long, for each of H Q places. If it is small, it has fewer calls.
    """
    count, channels, height, width = filters
    (top, bottom), (left, right) = windows.padding
    if windows.stride != (1, 1) or max(top, bottom) >= height or max(left, right) >= width:
        return None
    padding = (height - 1 - top, height - 1 - bottom), (width - 1 - left, width - 1 - right)
    full = windows._replace(padding=padding, places=(x[2], x[3]))
    faster = 2 * channels * windows.places[1] >= count * x[3] or _seen((x[0], count), full) <= 2 * SMALL
    return full if faster or windows.size == (1, 1) else None


def _suits_winograd(filters: Shape, windows: Windows, dtype: np.dtype[Any]) -> bool:
    """Tell whether the filters have three rows, and the products are enough to pay for the transformations."""
    fits = windows.size[0] == 3 and windows.stride == (1, 1) and dtype.itemsize > 2  # float16 cannot hold them
    return fits and min(filters[:2]) >= LEAST_CHANNELS


def _seen(x: Shape, windows: Windows) -> int:
    """How many numbers the windows see altogether."""
    return prod((*x[:2], *windows.places, *windows.size))
