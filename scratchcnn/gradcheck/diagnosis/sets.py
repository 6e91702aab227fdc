"""Sets of the entries of an array that their place describes: bands, borders, every second place, triangles."""

from collections.abc import Iterator
from itertools import product

import numpy as np

from scratchcnn.gradcheck.arrays import Array

# In places: a band or a border is at most so wide, as that of a window of nine pixels is.
WIDEST = 4
# Along a longer axis not each place is looked at by itself.
MOST_SINGLE = 256


def sets(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """Sets of some entries of an array of this shape: where they are, the kind of a mistake there, the entries."""
    for ways in (_bands, _frames, _everywhere_but, _strides, _triangles):
        yield from ((said, kind, some) for said, kind, some in ways(shape) if some.any() and not some.all())


def _bands(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """Several of the first or last places along an axis."""
    for axis, length in enumerate(shape):
        for width in range(2, min(length // 2, WIDEST) + 1):
            for said, places in (("first", range(width)), ("last", range(length - width, length))):
                where = _along(shape, axis, np.isin(np.arange(length), places))
                yield f"at the {said} {width} places along axis {axis}", "subset", where
            if 2 * width < length:
                near = np.minimum(np.arange(length), np.arange(length)[::-1]) < width
                said = f"at both ends of axis {axis}, {width} places wide"
                yield said, "border", _along(shape, axis, near)


def _frames(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """The border of an array, or of its last two axes: as wide on all sides, or on two of them."""
    if len(shape) < 2:
        return
    most = min((min(shape[-2:]) - 1) // 2, WIDEST)
    sides = [range(most + 1)] * 4
    same = {(w, w, w, w) for w in range(1, most + 1)}
    for top, bottom, left, right in sorted(product(*sides), key=lambda sides: sides not in same):
        if sum(side > 0 for side in (top, bottom, left, right)) >= 2 and (top or bottom) and (left or right):
            rows, columns = shape[-2] - bottom, shape[-1] - right
            inside = np.zeros(shape, bool)
            inside[..., top:rows, left:columns] = True
            said = f"at the border: {top} above, {bottom} below, {left} on the left, {right} on the right"
            yield said, "border", ~inside


def _everywhere_but(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """All places but one along an axis."""
    for axis, length in enumerate(shape):
        for place in _single(length) if length > 2 else ():
            said = f"everywhere but at index {place} of axis {axis}"
            yield said, "subset", _along(shape, axis, np.arange(length) != place)


def _single(length: int) -> list[int]:
    """Places along an axis, one of which alone may be treated in another way: of many those near both ends."""
    if length <= MOST_SINGLE:
        return list(range(length))
    return [*range(WIDEST), *range(length - WIDEST, length)]


def _strides(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """Every second place along an axis."""
    for axis, length in enumerate(shape):
        for first in range(2) if length > 3 else ():
            said = f"at every second place along axis {axis}, from {first} on"
            yield said, "subset", _along(shape, axis, np.arange(length) % 2 == first)


def _triangles(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """The diagonal of a matrix, and what is above or below it."""
    if len(shape) < 2:
        return
    below = np.broadcast_to(np.arange(shape[-2])[:, None] - np.arange(shape[-1]), shape)
    for said, some in (
        ("on the diagonal", below == 0),
        ("off the diagonal", below != 0),
        ("below the diagonal", below > 0),
        ("above the diagonal", below < 0),
        ("on and below the diagonal", below >= 0),
        ("on and above the diagonal", below <= 0),
    ):
        yield said, "subset", some


def _along(shape: tuple[int, ...], axis: int, places: Array) -> Array:
    """All entries at some places along an axis."""
    lengths = [1] * len(shape)
    lengths[axis] = -1
    return np.broadcast_to(places.reshape(lengths), shape)
