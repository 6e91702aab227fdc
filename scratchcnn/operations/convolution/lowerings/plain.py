"""Convolution as it is defined, by patches and `tensordot`: the specification of every lowering.

patches[n, c, p, q, r, s] = X[n, c, p t0 + r, q t1 + s]
"""

import numpy as np

from scratchcnn.operations._geometry import Windows
from scratchcnn.operations._validate import Array


def forward(x: Array, filters: Array, windows: Windows) -> Array:
    """Z[n, k, p, q] = sum over c, r, s of patches[n, c, p, q, r, s] f[k, c, r, s]."""
    return np.tensordot(patches(x, windows), filters, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)


def grad_filters(grad_output: Array, x: Array, windows: Windows) -> Array:
    """∂E/∂f[k, c, r, s] = sum over n, p, q of ∂E/∂Z[n, k, p, q] patches[n, c, p, q, r, s]."""
    return np.tensordot(grad_output, patches(x, windows), axes=((0, 2, 3), (0, 2, 3)))


def grad_input(grad_output: Array, filters: Array, image: tuple[int, ...], windows: Windows) -> Array:
    """∂E/∂patches[n, c, p, q, r, s] = sum over k of ∂E/∂Z[n, k, p, q] f[k, c, r, s], added up for each pixel."""
    grad_patches = np.tensordot(grad_output, filters, axes=(1, 0)).transpose(0, 3, 1, 2, 4, 5)
    return add_up(grad_patches, image, windows)


def patches(x: Array, windows: Windows) -> Array:
    """Show `x`, padded, as patches (N, C, P, Q, R, S): a step to the next window is as long as `stride` pixels."""
    padded = _pad(x, windows)
    images, channels, down, right = padded.strides
    return np.lib.stride_tricks.as_strided(
        padded,
        shape=(*x.shape[:2], *windows.places, *windows.size),
        strides=(images, channels, down * windows.stride[0], right * windows.stride[1], down, right),
        writeable=False,
    )


def add_up(grad_patches: Array, image: tuple[int, ...], windows: Windows) -> Array:
    """Add the gradients of all patches (N, C, P, Q, R, S) where they were cut out, and take the padding off."""
    (top, bottom), (left, right) = windows.padding
    (height, width), (down, across), (rows, columns) = image, windows.stride, windows.places
    padded = np.zeros((*grad_patches.shape[:2], top + height + bottom, left + width + right), grad_patches.dtype)
    for r in range(windows.size[0]):
        for s in range(windows.size[1]):
            seen = padded[:, :, r : r + rows * down : down, s : s + columns * across : across]
            seen += grad_patches[..., r, s]
    return padded[:, :, top : top + height, left : left + width]


def _pad(x: Array, windows: Windows) -> Array:
    """Put zeros around the images (in a copy), or return `x` itself if there are none to put."""
    (top, bottom), (left, right) = windows.padding
    if top == bottom == left == right == 0:
        return x
    height, width = x.shape[2:]
    padded = np.zeros((*x.shape[:2], top + height + bottom, left + width + right), x.dtype)
    padded[:, :, top : top + height, left : left + width] = x
    return padded
