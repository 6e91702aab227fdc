"""Padding: a frame of zeros around the image, so that a filter can be centred on pixels at the border."""

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like
from scratchcnn.operations.geometry import Padding, check_padded, edges


def pad2d(x: ArrayLike, padding: Padding) -> Array:
    """Put zeros around each image: padded[n, c, top + h, left + w] = x[n, c, h, w].

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), section 2.2. The article
    leaves padding to its reader.

    Parameters
    ----------
    x : (N, C, H, W) array
        Images.
    padding : int, pair of int, or pair of pairs of int
        The width of the frame in pixels: one number, or (vertical, horizontal), or ((top, bottom), (left, right)).

    Returns
    -------
    (N, C, top + H + bottom, left + W + right) array
        A copy, even if the padding is 0.

    Raises
    ------
    TypeError
        If `x` does not hold numbers, or `padding` is not made of integers.
    ValueError
        If `x` does not have four axes, or `padding` is below 0, too large or a word: "same" has no meaning without a
        window.
    """
    x = as_array("x", x, "NCHW")
    frame = _frame(padding)
    check_padded((sum(frame[0]) + x.shape[2], sum(frame[1]) + x.shape[3]), padding)
    zero = np.zeros((), x.dtype)  # in an object array a Python int; np.pad alone would insert a NumPy integer
    return np.pad(x, ((0, 0), (0, 0), *frame), constant_values=zero)


def pad2d_backward(grad_output: ArrayLike, x: ArrayLike, padding: Padding) -> tuple[Array]:
    """Take the frame off the gradient: ∂E/∂x[n, c, h, w] = ∂E/∂padded[n, c, top + h, left + w].

    Parameters
    ----------
    grad_output : (N, C, top + H + bottom, left + W + right) array
        ∂E/∂padded.
    x, padding
        As in `pad2d`.

    Returns
    -------
    tuple of one array
        ∂E/∂x, shaped like `x`; a view of `grad_output` if it has the dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        As `pad2d`; `ValueError` also if `grad_output` does not have the shape of its output.
    """
    x = as_array("x", x, "NCHW")
    (top, bottom), (left, right) = _frame(padding)
    height, width = x.shape[2:]
    grad_output = as_cotangent(grad_output, (*x.shape[:2], top + height + bottom, left + width + right))
    return gradients_like((x,), grad_output[:, :, top : top + height, left : left + width])


def _frame(padding: Padding) -> tuple[tuple[int, int], tuple[int, int]]:
    """Expand a padding to ((top, bottom), (left, right)); a word is a `ValueError`."""
    if isinstance(padding, str):
        raise ValueError(f"padding must be numbers of pixels where there is no window, got {padding!r}")
    return edges(padding)
