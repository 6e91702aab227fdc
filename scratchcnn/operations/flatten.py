"""Flattening, between the convolution and the fully connected layer: one row per sample."""

import math

from numpy.typing import ArrayLike

from scratchcnn.operations._validate import Array, as_array, as_cotangent, gradients_like


def flatten(x: ArrayLike) -> Array:
    """Write each sample as one row: flat[n, (c H + h) W + w] = x[n, c, h, w].

    Source: the article, "Forward Propagation in CNNs: Linear Transformation", which reshapes A1 into a vector.

    Parameters
    ----------
    x : (N, C, H, W) array
        Images, such as the article's A1.

    Returns
    -------
    (N, C H W) array
        A view of `x` where its memory layout allows one.

    Raises
    ------
    TypeError
        If `x` does not hold numbers.
    ValueError
        If `x` does not have four axes.
    """
    x = as_array("x", x, "NCHW")
    return x.reshape(len(x), math.prod(x.shape[1:]))  # NumPy cannot infer a length of -1 for an empty batch


def flatten_backward(grad_output: ArrayLike, x: ArrayLike) -> tuple[Array]:
    """Reshape the gradient like the image: ∂E/∂x[n, c, h, w] = ∂E/∂flat[n, (c H + h) W + w].

    Source: the article, "Backward Propagation in CNNs: Convolution Layer", which reshapes ∂E/∂A1 into a matrix.

    Parameters
    ----------
    grad_output : (N, C H W) array
        ∂E/∂flat.
    x : (N, C, H, W) array
        As in `flatten`.

    Returns
    -------
    tuple of one array
        ∂E/∂x, shaped like `x`; a view of `grad_output` where its memory layout allows one.

    Raises
    ------
    TypeError, ValueError
        As `flatten`; `ValueError` also if `grad_output` does not have the shape of its output.
    """
    x = as_array("x", x, "NCHW")
    grad_output = as_cotangent(grad_output, flatten(x).shape)
    return gradients_like((x,), grad_output.reshape(x.shape))
