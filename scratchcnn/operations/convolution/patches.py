"""The patches of an image: what a filter sees at each of its places; and their derivative.

Letters as in `conv2d`.
"""

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like
from scratchcnn.operations.geometry import NONE, Padding, Pair, Windows, place_windows


def patches(x: ArrayLike, window: Pair, *, stride: Pair = 1, padding: Padding = 0) -> Array:
    """Cut out what the filter sees at each of its places: patches[n, c, p, q, r, s] = X[n, c, p t0 + r, q t1 + s].

    Source: the article, "CNN from Scratch using NumPy", which gathers the patches in a loop.

    Parameters
    ----------
    x : (N, C, H, W) array
        Images.
    window : int or pair of int
        (R, S), or one number for both.
    stride : int or pair of int
        One number, or (vertical, horizontal).
    padding : int, pair of int, pair of pairs of int, or str
        Zeros around the image: one number, or (vertical, horizontal), or ((top, bottom), (left, right)), or "valid"
        (none), or "same" (TensorFlow's rule).

    Returns
    -------
    (N, C, P, Q, R, S) array
        P = (H + top + bottom - R) // t0 + 1, and Q likewise. A view, of `x` itself where there is no
        padding; read-only, since one pixel stands in many patches.

    Raises
    ------
    TypeError
        If `x` does not hold numbers, or an option is not made of integers.
    ValueError
        If `x` has not four axes, an option is too small, or the window is larger than the padded image.
    """
    x = as_array("x", x, "NCHW")
    return cut_out(x, place_windows(x.shape[2:], window, stride, padding))


def patches_backward(
    grad_output: ArrayLike, x: ArrayLike, window: Pair, *, stride: Pair = 1, padding: Padding = 0
) -> tuple[Array]:
    """Add up, for each pixel, the gradients of all its copies (the padding's are dropped).

        ∂E/∂X[n, c, h, w] = sum of ∂E/∂patches[n, c, p, q, r, s] over all p t0 + r = h, q t1 + s = w

    Parameters
    ----------
    grad_output : (N, C, P, Q, R, S) array
        ∂E/∂patches.
    x, window, stride, padding
        As in `patches`.

    Returns
    -------
    tuple of one array
        ∂E/∂x, shaped like `x`.

    Raises
    ------
    TypeError, ValueError
        As `patches`; `ValueError` also if `grad_output` has not the shape of its output.
    """
    x = as_array("x", x, "NCHW")
    windows = place_windows(x.shape[2:], window, stride, padding)
    grad_output = as_cotangent(grad_output, (*x.shape[:2], *windows.places, *windows.size))
    return gradients_like((x,), add_up(grad_output, x.shape[2:], windows))


def cut_out(x: Array, windows: Windows) -> Array:
    """View images, or a copy with their padding, as patches: a step to the next window is `stride` pixels long."""
    if windows.padding != NONE:
        (top, left), (height, width), images = windows.before, x.shape[2:], x
        x = np.zeros((*x.shape[:2], *windows.of_padded((height, width))), x.dtype)
        x[:, :, top : top + height, left : left + width] = images
    image, channel, down, right = x.strides
    return np.lib.stride_tricks.as_strided(
        x,
        shape=(*x.shape[:2], *windows.places, *windows.size),
        strides=(image, channel, down * windows.stride[0], right * windows.stride[1], down, right),
        writeable=False,
    )


def add_up(grad_patches: Array, image: tuple[int, ...], windows: Windows) -> Array:
    """Add the gradients of all patches (N, C, P, Q, R, S) where they were cut out, and take the padding off."""
    (top, left), (height, width), (down, across), (rows, columns) = (
        windows.before,
        image,
        windows.stride,
        windows.places,
    )
    padded = np.zeros((*grad_patches.shape[:2], *windows.of_padded(image)), grad_patches.dtype)
    for r in range(windows.size[0]):
        for s in range(windows.size[1]):
            seen = padded[:, :, r : r + rows * down : down, s : s + columns * across : across]
            seen += grad_patches[..., r, s]
    return padded[:, :, top : top + height, left : left + width]
