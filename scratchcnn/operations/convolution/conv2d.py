"""Convolution: the patches of an image times the filters, and both derivatives.

What the article (and everybody in the field) calls convolution is cross-correlation: the filter is not turned. Turned
by 180 degrees it comes back in the derivative with respect to the image.

Letters: N images of C channels, H x W pixels; K filters of R x S; P x Q windows on an image, t = (t0, t1) their
stride; X is the image with its padding. The patches are what the windows see, X[n, c, p t0 + r, q t1 + s].

Proof of the derivatives: Z is linear in the patches and in the filters, so that

    dE = sum over n, k, p, q of ∂E/∂Z[n, k, p, q] dZ[n, k, p, q]
       = sum over n, k, p, q, c, r, s of ∂E/∂Z[n, k, p, q] (patches df[k, c, r, s] + dpatches f[k, c, r, s])

where the patches have the indices n, c, p, q, r, s. The factor of df[k, c, r, s] is ∂E/∂f[k, c, r, s]; that of
dpatches is ∂E/∂patches. One pixel stands in many patches, and gets the sum of what they get.

These are the three functions below, for numbers of any ring. The same, faster, for floats: `fast`.
"""

import numpy as np
from numpy.typing import ArrayLike

from scratchcnn.operations._rings import contract
from scratchcnn.operations._validate import Array, any_ring, as_array, as_cotangent, gradients_like
from scratchcnn.operations.convolution import fast
from scratchcnn.operations.convolution.patches import add_up, cut_out
from scratchcnn.operations.geometry import Padding, Pair, Windows, pair, place_windows


def convolve(x: Array, filters: Array, windows: Windows) -> Array:
    """Z[n, k, p, q] = sum over c, r, s of patches[n, c, p, q, r, s] f[k, c, r, s]."""
    return contract(cut_out(x, windows), filters, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)


def convolve_grad_filters(grad_output: Array, x: Array, windows: Windows) -> Array:
    """∂E/∂f[k, c, r, s] = sum over n, p, q of ∂E/∂Z[n, k, p, q] patches[n, c, p, q, r, s]."""
    return contract(grad_output, cut_out(x, windows), ((0, 2, 3), (0, 2, 3)))


def convolve_grad_input(grad_output: Array, filters: Array, image: tuple[int, ...], windows: Windows) -> Array:
    """∂E/∂patches[n, c, p, q, r, s] = sum over k of ∂E/∂Z[n, k, p, q] f[k, c, r, s], added up for each pixel."""
    grad_patches = contract(grad_output, filters, (1, 0)).transpose(0, 3, 1, 2, 4, 5)
    return add_up(grad_patches, image, windows)


def conv2d(
    x: ArrayLike, filters: ArrayLike, bias: ArrayLike | None = None, *, stride: Pair = 1, padding: Padding = 0
) -> Array:
    """Slide each filter over the image and sum the products (the article's Z1 = X * f).

        Z[n, k, p, q] = sum over c, r, s of X[n, c, p t0 + r, q t1 + s] f[k, c, r, s], + b[k]

    Source: the article, "Forward Propagation in CNNs: Convolutional Layer". It has one channel, stride 1, neither
    padding nor bias.

    Parameters
    ----------
    x : (N, C, H, W) array
        Images.
    filters : (K, C, R, S) array
        f.
    bias : (K,) array, or None
        b, one number a filter.
    stride, padding
        As in `patches`.

    Returns
    -------
    (N, K, P, Q) array
        Z.

    Raises
    ------
    TypeError
        If an input does not hold numbers, or an option is not made of integers.
    ValueError
        If an input has the wrong number of axes, the channels of `x` and `filters` differ, the filters are empty, the
        bias is not one number a filter, an option is too small, or the filter is larger than the padded image.
    """
    x, filters, *biases = _conv2d_inputs(x, filters, bias)
    windows = place_windows(x.shape[2:], filters.shape[2:], stride, padding)
    forward = convolve if any_ring(x) or any_ring(filters) else fast.forward
    output = forward(x, filters, windows)
    return output + biases[0][:, np.newaxis, np.newaxis] if biases else output


def conv2d_backward(
    grad_output: ArrayLike,
    x: ArrayLike,
    filters: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    stride: Pair = 1,
    padding: Padding = 0,
) -> tuple[Array, ...]:
    """Pass the gradient of E from the output of `conv2d` to its inputs.

        ∂E/∂x: `conv2d_grad_input`
        ∂E/∂f: `conv2d_grad_filters`
        ∂E/∂b: `conv2d_grad_bias`

    Source: the article, "Backward Propagation in CNNs: Convolution Layer".

    Parameters
    ----------
    grad_output : (N, K, P, Q) array
        ∂E/∂Z.
    x, filters, bias, stride, padding
        As in `conv2d`.

    Returns
    -------
    tuple of two or three arrays
        ∂E/∂x, ∂E/∂f, and ∂E/∂b where there is a bias; each shaped like its input.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`; `ValueError` also if `grad_output` has not the shape of its output.
    """
    x, filters, *biases = inputs = _conv2d_inputs(x, filters, bias)
    grad_output = as_array("grad_output", grad_output, "NKPQ")
    gradients = [
        conv2d_grad_input(grad_output, filters, x.shape[2:], stride=stride, padding=padding),
        conv2d_grad_filters(grad_output, x, filters.shape[2:], stride=stride, padding=padding),
    ]
    if biases:
        gradients.append(conv2d_grad_bias(grad_output))
    return gradients_like(inputs, *gradients)


def conv2d_grad_input(
    grad_output: ArrayLike, filters: ArrayLike, image: Pair, *, stride: Pair = 1, padding: Padding = 0
) -> Array:
    """Find ∂E/∂x of `conv2d`: each output hands its gradient, times the filter, back to the pixels that it saw.

        ∂E/∂X[n, c, h, w] = sum over k and all p t0 + r = h, q t1 + s = w of ∂E/∂Z[n, k, p, q] f[k, c, r, s]

    At stride 1 this is the article's "full convolution" of ∂E/∂Z with the filter turned by 180 degrees:
    r = h - p runs against p.

    Parameters
    ----------
    grad_output : (N, K, P, Q) array
        ∂E/∂Z.
    filters : (K, C, R, S) array
        f.
    image : int or pair of int
        (H, W) of the input; with a stride it does not follow from P and Q.
    stride, padding
        As in `patches`.

    Returns
    -------
    (N, C, H, W) array
        ∂E/∂x.

    Raises
    ------
    TypeError, ValueError
        As `conv2d`; `ValueError` also if `grad_output` does not fit the filters and the image.
    """
    filters, image = _nonempty_filters(filters), pair("image", image, least=0)
    windows = place_windows(image, filters.shape[2:], stride, padding)
    grad_output = as_array("grad_output", grad_output, "NKPQ")
    grad_output = as_cotangent(grad_output, (len(grad_output), len(filters), *windows.places))
    backward = convolve_grad_input if any_ring(grad_output) or any_ring(filters) else fast.grad_input
    return backward(grad_output, filters, image, windows)


def conv2d_grad_filters(
    grad_output: ArrayLike, x: ArrayLike, window: Pair, *, stride: Pair = 1, padding: Padding = 0
) -> Array:
    """Find ∂E/∂f of `conv2d`: the convolution of X with ∂E/∂Z, as if that were the filter.

        ∂E/∂f[k, c, r, s] = sum over n, p, q of ∂E/∂Z[n, k, p, q] X[n, c, p t0 + r, q t1 + s]

    Parameters
    ----------
    grad_output : (N, K, P, Q) array
        ∂E/∂Z.
    x : (N, C, H, W) array
        Images.
    window : int or pair of int
        (R, S) of the filters; with a stride it does not follow from the other shapes.
    stride, padding
        As in `patches`.

    Returns
    -------
    (K, C, R, S) array
        ∂E/∂f.

    Raises
    ------
    TypeError, ValueError
        As `patches`; `ValueError` also if `grad_output` does not fit the images.
    """
    x = as_array("x", x, "NCHW")
    windows = place_windows(x.shape[2:], window, stride, padding)
    grad_output = as_array("grad_output", grad_output, "NKPQ")
    grad_output = as_cotangent(grad_output, (len(x), grad_output.shape[1], *windows.places))
    backward = convolve_grad_filters if any_ring(grad_output) or any_ring(x) else fast.grad_filters
    return backward(grad_output, x, windows)


def conv2d_grad_bias(grad_output: Array) -> Array:
    """Find ∂E/∂b of `conv2d`: ∂E/∂b[k] = sum over n, p, q of ∂E/∂Z[n, k, p, q]."""
    grad_bias: Array = grad_output.sum(axis=(0, 2, 3))
    return grad_bias


def _conv2d_inputs(x: ArrayLike, filters: ArrayLike, bias: ArrayLike | None) -> tuple[Array, ...]:
    """Check that the inputs of `conv2d` fit together; return two arrays, or three where there is a bias."""
    x, filters = as_array("x", x, "NCHW"), _nonempty_filters(filters)
    if x.shape[1] != filters.shape[1]:
        raise ValueError(
            f"x and filters must have as many channels (axis 1): x has {x.shape[1]} of shape {x.shape}, "
            f"filters {filters.shape[1]} of shape {filters.shape}"
        )
    if bias is None:
        return x, filters
    bias = as_array("bias", bias, "K")
    if len(bias) != len(filters):
        raise ValueError(f"bias must be one number a filter, shape {filters.shape[:1]}, got shape {bias.shape}")
    return x, filters, bias


def _nonempty_filters(filters: ArrayLike) -> Array:
    filters = as_array("filters", filters, "KCRS")
    if filters.size == 0:
        raise ValueError(f"filters must not be empty, got shape {filters.shape}")
    return filters
