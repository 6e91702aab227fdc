"""im2col: what the windows see is copied into the columns of one matrix, and one matrix product does the rest.

Stride 1, no padding.
"""

import numpy as np


def conv2d(x, filters):
    """Z = f · columns: (K, C R S) · (C R S, N P Q)."""
    count, (height, width) = len(filters), filters.shape[2:]
    output = filters.reshape(count, -1) @ _columns(x, (height, width))
    places = x.shape[2] - height + 1, x.shape[3] - width + 1
    return output.reshape(count, len(x), *places).swapaxes(0, 1)


def conv2d_grad_filters(grad_output, x, window):
    """∂E/∂f = ∂E/∂Z · columnsᵀ: (K, N P Q) · (N P Q, C R S)."""
    return (_rows(grad_output) @ _columns(x, window).T).reshape(-1, x.shape[1], *window)


def conv2d_grad_input(grad_output, filters, image):
    """∂E/∂columns = fᵀ · ∂E/∂Z: (C R S, K) · (K, N P Q); each column is added where it was copied from."""
    (images, count, rows, columns), (channels, height, width) = grad_output.shape, filters.shape[1:]
    grad_columns = filters.reshape(count, -1).T @ _rows(grad_output)
    grad_columns = grad_columns.reshape(channels, height, width, images, rows, columns)
    grad_x = np.zeros((channels, images, *image), grad_output.dtype)
    for r in range(height):
        for s in range(width):
            grad_x[:, :, r : r + rows, s : s + columns] += grad_columns[:, r, s]
    return grad_x.swapaxes(0, 1)


def _columns(x, window):
    """(C R S, N P Q), from x (N, C, H, W)."""
    seen = np.lib.stride_tricks.sliding_window_view(x, window, axis=(2, 3))
    return seen.transpose(1, 4, 5, 0, 2, 3).reshape(x.shape[1] * window[0] * window[1], -1)


def _rows(grad_output):
    """(K, N P Q), from (N, K, P, Q)."""
    return grad_output.swapaxes(0, 1).reshape(grad_output.shape[1], -1)
