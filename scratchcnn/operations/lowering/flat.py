"""Flat: ∂E/∂f by one product for each filter row, over all output rows of an image at once."""

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array
from scratchcnn.operations.lowering.layout import visible_columns


def grad_filters(grad: Array, images: Array, windows: Windows) -> Array:
    """Give ∂E/∂f: for each filter row r, the sum over images of (C S, P Q) @ (P Q, K).

    Padded rows h are sorted by their remainder by t0, X[h mod t0, c, s, h div t0, q]: those that filter row r sees,
    h = p t0 + r, then follow each other, and what it sees of an image is a view whose rows are P Q long. Long sums
    make for fast products, where `rows` would sum over Q only.

    `grad` (N, K, P, Q), `images` (N, C, H, W); the result is (K, C, R, S).
    """
    (size, count, rows, places), (channels, height) = grad.shape, images.shape[1:3]
    (step, _), (top, bottom) = windows.stride, windows.padding[0]
    lines = -(-(top + height + bottom) // step)
    padded = any(map(any, windows.padding))
    x = (np.zeros if padded else np.empty)((size, step, channels, windows.size[1], lines, places), images.dtype)
    for s, seen, pixels in visible_columns(images.shape[3], windows):
        for remainder in range(step):
            first = (remainder - top) % step  # row of the image
            own = images[:, :, first::step, pixels]
            line = (first + top) // step
            x[:, remainder, :, s, line : line + own.shape[2], seen] = own
    columns = grad.reshape(size, count, rows * places).swapaxes(1, 2)
    image, sorted_by, _, channel, line, item = x.strides
    shape = (size, channels * windows.size[1], rows * places)
    result = np.empty((count, channels, *windows.size), grad.dtype)
    for r in range(windows.size[0]):
        offset = r % step * sorted_by + r // step * line
        product = np.ndarray(shape, x.dtype, x, offset, (image, channel, item)) @ columns
        result[:, :, r] = product.sum(axis=0).reshape(channels, windows.size[1], count).transpose(2, 0, 1)
    return result
