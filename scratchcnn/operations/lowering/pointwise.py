"""Pointwise: a filter of 1x1 sees one pixel of each channel, and no copy is made."""

from scratchcnn.operations._validate import Array


def forward(images: Array, filters: Array) -> Array:
    """Give Z (N, K, H, W): for each image, (K, C) @ (C, H W)."""
    size, channels, *image = images.shape
    product: Array = filters.reshape(len(filters), channels) @ images.reshape(size, channels, -1)
    return product.reshape(size, len(filters), *image)


def grad_filters(grad: Array, images: Array) -> Array:
    """Give ∂E/∂f (K, C, 1, 1): the sum over images of (K, H W) @ (H W, C)."""
    size, channels = images.shape[:2]
    pixels = images.reshape(size, channels, -1).swapaxes(1, 2)
    product: Array = grad.reshape(size, grad.shape[1], -1) @ pixels
    summed: Array = product.sum(axis=0)
    return summed.reshape(grad.shape[1], channels, 1, 1)


def grad_input(grad: Array, filters: Array) -> Array:
    """Give ∂E/∂X: Z of the gradient, with the filters' matrix transposed."""
    return forward(grad, filters.swapaxes(0, 1))
