"""Where the windows of a convolution stand on an image: window, stride, padding and the size of what comes out."""

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Pair: TypeAlias = int | Sequence[int]
Edges: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
Padding: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]] | str

NONE: Edges = (0, 0), (0, 0)
"""No padding."""

MOST = 2**31 - 1
"""The most pixels that a window, a stride or an edge of padding may have."""

MOST_PIXELS = 2**30
"""The most pixels of an image with its padding."""


class Windows(NamedTuple):
    """The windows on an image. Every pair is (vertical, horizontal)."""

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: Edges
    """((top, bottom), (left, right))"""
    places: tuple[int, int]
    """(P, Q): how many windows stand below each other, and how many beside each other."""

    @property
    def is_pointwise(self) -> bool:
        """Whether a window is one pixel, and there is no padding."""
        return self.size == (1, 1) and self.padding == NONE

    @property
    def before(self) -> tuple[int, int]:
        """The padding above an image, and on its left."""
        return self.padding[0][0], self.padding[1][0]

    def of_padded(self, image: tuple[int, ...]) -> tuple[int, int]:
        """The height and width of an image with its padding."""
        (top, bottom), (left, right) = self.padding
        return top + image[0] + bottom, left + image[1] + right


def place_windows(image: tuple[int, ...], window: Pair, stride: Pair, padding: Padding) -> Windows:
    """Work out where the windows stand: P = (H + top + bottom - R) // stride + 1, and Q likewise.

    Without padding and at stride 1 that is the article's (n - f + 1).

    Parameters
    ----------
    image : pair of int
        (H, W), before padding.
    window : int or pair of int
        (R, S), or one number for both.
    stride : int or pair of int
        One number, or (vertical, horizontal).
    padding : int, pair of int, pair of pairs of int, or str
        One number, or (vertical, horizontal), or ((top, bottom), (left, right)), or "valid" (none), or "same": as many
        windows as there are multiples of the stride in the image, ceil(H / stride), the odd pixel of padding at the
        bottom and at the right, as TensorFlow has it.

    Raises
    ------
    TypeError
        If a number is no integer.
    ValueError
        If a window or stride is below 1, a padding below 0, the window larger than the padded image, or a number or
        the padded image too large.
    """
    size = pair("window", window, least=1)
    steps = pair("stride", stride, least=1)
    (top, bottom), (left, right) = around = _edges(padding, image, size, steps)
    height, width = check_padded((image[0] + top + bottom, image[1] + left + right), padding)
    if size[0] > height or size[1] > width:
        raise ValueError(f"the window {size} is larger than the padded image, {(height, width)}")
    places = (height - size[0]) // steps[0] + 1, (width - size[1]) // steps[1] + 1
    return Windows(size, steps, around, places)


def check_padded(padded: tuple[int, int], padding: Padding) -> tuple[int, int]:
    """Give the height and width of an image with its padding back; a `ValueError` if that is too large."""
    if padded[0] * padded[1] > MOST_PIXELS:
        raise ValueError(
            f"padding must leave at most {MOST_PIXELS} pixels, got {padding!r}: the image becomes {padded}"
        )
    return padded


def pair(name: str, value: Any, *, least: int) -> tuple[int, int]:
    """Spell an option out as two integers, neither below `least` nor above `MOST`."""
    if (
        type(value) is int and least <= value <= MOST
    ):  # the most common case, and a small convolution takes microseconds
        return value, value
    first, second = both = _two(name, value)
    if not type(first) is type(second) is int:
        try:
            both = operator.index(first), operator.index(second)
        except TypeError:
            raise TypeError(f"{name} must be made of integers, got {value!r}") from None
    if both[0] < least or both[1] < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    if max(both) > MOST:
        raise ValueError(f"{name} must be at most {MOST}, got {value!r}")
    return both


def edges(padding: Padding) -> Edges:
    """Spell a padding in numbers out as ((top, bottom), (left, right))."""
    vertical, horizontal = _two("padding", padding)
    return pair("padding", vertical, least=0), pair("padding", horizontal, least=0)


def _edges(padding: Padding, image: tuple[int, ...], size: tuple[int, int], stride: tuple[int, int]) -> Edges:
    """Spell a padding out as ((top, bottom), (left, right))."""
    if isinstance(padding, str):
        if padding == "valid":
            return NONE
        if padding == "same":
            return _same(image[0], size[0], stride[0]), _same(image[1], size[1], stride[1])
        raise ValueError(f'padding must be "valid", "same" or numbers of pixels, got {padding!r}')
    return edges(padding)


def _same(length: int, window: int, stride: int) -> tuple[int, int]:
    """Pad one axis so that ceil(length / stride) windows fit (TensorFlow's rule, `tf.nn.convolution`)."""
    last = (length - 1) // stride * stride  # where the last window begins
    missing = max(last + window - length, 0)
    return missing // 2, missing - missing // 2


def _two(name: str, value: Any) -> tuple[Any, Any]:
    """Take one value for both axes, or one for each."""
    if isinstance(value, (int, np.integer)):
        return value, value
    if not isinstance(value, (tuple, list, np.ndarray)):  # sets and texts have no vertical and horizontal part
        raise TypeError(f"{name} must be an integer or a pair, got {value!r}")
    if np.shape(value)[:1] != (2,) if isinstance(value, np.ndarray) else len(value) != 2:
        raise ValueError(f"{name} must be an integer or a pair, got {value!r}")
    return value[0], value[1]
