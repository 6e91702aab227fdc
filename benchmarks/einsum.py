"""`einsum` over patches: the equations as they stand, left to NumPy. Stride 1, no padding.

Without `optimize`: on this load its matrix products take longer than einsum's own loop.
"""

import numpy as np


def conv2d(x, filters):
    """Z[n, k, p, q] = sum over c, r, s of patches[n, c, p, q, r, s] f[k, c, r, s]."""
    return np.einsum("ncpqrs,kcrs->nkpq", _patches(x, filters.shape[2:]), filters)


def conv2d_grad_filters(grad_output, x, window):
    """∂E/∂f[k, c, r, s] = sum over n, p, q of ∂E/∂Z[n, k, p, q] patches[n, c, p, q, r, s]."""
    return np.einsum("nkpq,ncpqrs->kcrs", grad_output, _patches(x, window))


def conv2d_grad_input(grad_output, filters, image):
    """∂E/∂X: ∂E/∂Z, padded all around, convolved with the filters turned by 180 degrees ("full convolution")."""
    height, width = filters.shape[2:]
    around = ((0, 0), (0, 0), (height - 1, height - 1), (width - 1, width - 1))
    seen = _patches(np.pad(grad_output, around), (height, width))
    return np.einsum("nkhwrs,kcrs->nchw", seen, filters[:, :, ::-1, ::-1])


def _patches(x, window):
    return np.lib.stride_tricks.sliding_window_view(x, window, axis=(2, 3))
