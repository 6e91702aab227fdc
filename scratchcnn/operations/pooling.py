"""Pooling: each window of the image becomes one number, its maximum or its average.

The padding moves the windows beyond the border but adds no pixels, as in TensorFlow: the maximum of negative pixels at
the border is negative, and an average is taken over the pixels of the image alone.

Letters: N images of C channels, H x W pixels; P x Q windows of R x S at a stride (t0, t1). The pixel (r, s) of the
window (p, q) is the image's pixel h = p t0 + r - top, w = q t1 + s - left.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._masking import keep
from scratchcnn.operations._rings import is_nan
from scratchcnn.operations._validate import Array, as_array, as_cotangent, as_real, gradients_like
from scratchcnn.operations.geometry import Padding, Pair, Windows, place_windows


def max_pool2d(x: ArrayLike, window: Pair, *, stride: Pair | None = None, padding: Padding = 0) -> Array:
    """Take the largest pixel of each window: Z[n, c, p, q] = max over r, s of x[n, c, h, w].

    The maximum of a window with a NaN is NaN.

    Source: Scherer, Müller and Behnke, "Evaluation of Pooling Operations in Convolutional Architectures for Object
    Recognition" (2010). The article leaves pooling to its reader.

    Parameters
    ----------
    x : (N, C, H, W) array
        Images, real.
    window : int or pair of int
        (R, S), or one number for both.
    stride : int, pair of int, or None
        One number, or (vertical, horizontal). None: the size of the window, so that the windows stand side by side.
    padding : int, pair of int, pair of pairs of int, or str
        How many pixels the windows reach beyond the image: one number, or (vertical, horizontal), or ((top, bottom),
        (left, right)), or "valid" (none), or "same" (TensorFlow's rule). It is less than the window on each side.

    Returns
    -------
    (N, C, P, Q) array
        Z; P = (H + top + bottom - R) // t0 + 1, and Q likewise. Pixels after the last window are not used.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers, or an option is not made of integers.
    ValueError
        If `x` does not have four axes or has no pixels, an option is too small, the window is larger than the padded
        image, or the padding is as wide as the window.
    """
    x = as_real("x", x, "NCHW")
    return _combine(np.maximum, -np.inf, x, _windows(x, window, stride, padding))


def max_pool2d_backward(
    grad_output: ArrayLike, x: ArrayLike, window: Pair, *, stride: Pair | None = None, padding: Padding = 0
) -> tuple[Array]:
    """Pass the gradient of each window to its largest pixel.

        ∂E/∂x[n, c, h, w] = sum of ∂E/∂Z[n, c, p, q] over the windows whose maximum stands at h, w

    The maximum has a kink where several pixels of a window are largest. Any split of the gradient among them is a
    subgradient; here the first of them, in row-major order, gets all of it. In a window with NaNs the first NaN counts
    as the maximum, as in `np.argmax`.

    Source: Scherer, Müller and Behnke (2010).

    Parameters
    ----------
    grad_output : (N, C, P, Q) array
        ∂E/∂Z.
    x, window, stride, padding
        As in `max_pool2d`.

    Returns
    -------
    tuple of one array
        ∂E/∂x, shaped like `x`.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`; `ValueError` also if `grad_output` does not have the shape of its output.
    """
    x = as_real("x", x, "NCHW")
    windows = _windows(x, window, stride, padding)
    output = _combine(np.maximum, -np.inf, x, windows)
    grad_output = as_cotangent(grad_output, output.shape)
    grad_x = np.zeros(x.shape, np.result_type(grad_output, x))
    unclaimed = np.ones(output.shape, bool)
    has_nan = is_nan(output).any()
    disjoint = all(step >= size for step, size in zip(windows.stride, windows.size, strict=True))
    for (p, h), (q, w) in product(_steps(0, x.shape, windows), _steps(1, x.shape, windows)):
        places, pixels = (..., p, q), (..., h, w)
        first = x[pixels] == output[places]
        if has_nan:
            first |= is_nan(x[pixels])
        first &= unclaimed[places]
        unclaimed[places] ^= first
        if disjoint:  # each pixel is in one window at most, and assigning is faster than adding
            grad_x[pixels] = keep(grad_output[places], first)
        else:
            grad_x[pixels] += keep(grad_output[places], first)
    return gradients_like((x,), grad_x)


def avg_pool2d(x: ArrayLike, window: Pair, *, stride: Pair | None = None, padding: Padding = 0) -> Array:
    """Average the pixels of each window: Z[n, c, p, q] = the mean over r, s of x[n, c, h, w].

    The mean is taken over the pixels of the image; the padding is not counted.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998),
    section II.B ("sub-sampling").

    Parameters
    ----------
    x, window, stride, padding
        As in `max_pool2d`; `x` may be complex.

    Returns
    -------
    (N, C, P, Q) array
        Z; P and Q as in `max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d`.
    """
    x = as_array("x", x, "NCHW")
    windows = _windows(x, window, stride, padding)
    return _combine(np.add, 0, x, windows) / _pixels(x, windows)


def avg_pool2d_backward(
    grad_output: ArrayLike, x: ArrayLike, window: Pair, *, stride: Pair | None = None, padding: Padding = 0
) -> tuple[Array]:
    """Divide the gradient of each window equally among its pixels.

        ∂E/∂x[n, c, h, w] = sum of ∂E/∂Z[n, c, p, q] / (pixels of the window p, q) over the windows that hold h, w

    Source: LeCun, Bottou, Bengio and Haffner (1998).

    Parameters
    ----------
    grad_output : (N, C, P, Q) array
        ∂E/∂Z.
    x, window, stride, padding
        As in `avg_pool2d`.

    Returns
    -------
    tuple of one array
        ∂E/∂x, shaped like `x`.

    Raises
    ------
    TypeError, ValueError
        As `avg_pool2d`; `ValueError` also if `grad_output` does not have the shape of its output.
    """
    x = as_array("x", x, "NCHW")
    windows = _windows(x, window, stride, padding)
    grad_output = as_cotangent(grad_output, (*x.shape[:2], *windows.places))
    return gradients_like((x,), _spread(grad_output / _pixels(x, windows), x.shape, windows))


def _windows(x: Array, window: Pair, stride: Pair | None, padding: Padding) -> Windows:
    """Place the windows so that each holds at least one pixel of the image.

    This needs an image that is not empty and, on every side, a padding narrower than the window. Then the first window
    reaches the first pixel, and the last window begins at or before the last pixel.
    """
    if 0 in x.shape[2:]:
        raise ValueError(f"x must have pixels to pool, got shape {x.shape}")
    windows = place_windows(x.shape[2:], window, window if stride is None else stride, padding)
    if any(max(edge) >= size for edge, size in zip(windows.padding, windows.size, strict=True)):
        raise ValueError(f"padding must be narrower than the window {windows.size}, got {padding!r}")
    return windows


def _steps(axis: int, shape: tuple[int, ...], windows: Windows) -> Iterator[tuple[slice, slice]]:
    """For each offset r in a window: the windows p whose pixel r is on the image, and those pixels' positions h.

    The position is h = p t + r - before, with `before` pixels of padding. `axis` is 0 for rows and 1 for columns.
    """
    length, stride, places = shape[2 + axis], windows.stride[axis], windows.places[axis]
    before, size = windows.padding[axis][0], windows.size[axis]
    # Of a window much larger than the image, few pixels are ever on it.
    on_image = (h - p * stride + before for p in range(places) for h in range(length))
    for r in range(size) if size <= places * length else sorted({r for r in on_image if 0 <= r < size}):
        # The first p with h >= 0 and the first p with h >= length; the divisions round up.
        start, stop = (min(max(-((r - before - edge) // stride), 0), places) for edge in (0, length))
        pixel = start * stride + r - before
        yield slice(start, stop), slice(pixel, pixel + (stop - start) * stride, stride)


def _combine(ufunc: np.ufunc, neutral: float, x: Array, windows: Windows) -> Array:
    """Reduce each window, first down its rows and then along its columns: R + S array operations instead of R S."""
    for axis, places in enumerate(windows.places):
        before = (slice(None),) * (2 + axis)
        combined = np.full((*x.shape[: 2 + axis], places, *x.shape[3 + axis :]), neutral, x.dtype)
        for p, h in _steps(axis, x.shape, windows):
            ufunc(combined[*before, p], x[*before, h], out=combined[*before, p])
        x = combined
    return x


def _spread(grad: Array, shape: tuple[int, ...], windows: Windows) -> Array:
    """Add the gradient of each window to all of its pixels: the transpose of `_combine` with `np.add`."""
    for axis in (1, 0):
        before = (slice(None),) * (2 + axis)
        spread = np.zeros((*grad.shape[: 2 + axis], shape[2 + axis], *grad.shape[3 + axis :]), grad.dtype)
        for p, h in _steps(axis, shape, windows):
            spread[*before, h] += grad[*before, p]
        grad = spread
    return grad


def _pixels(x: Array, windows: Windows) -> Array:
    """Count the pixels of the image in each window, (P, Q)."""
    count: Array = _combine(np.add, 0, np.ones((1, 1, *x.shape[2:]), x.real.dtype), windows)[0, 0]
    return count
