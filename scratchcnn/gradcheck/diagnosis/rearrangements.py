"""Ways to put the entries of an array elsewhere."""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations
from math import gcd

import numpy as np

from scratchcnn.gradcheck.arrays import Array

Rearrangement = Callable[[Array], Array]

GATES = 4  # parts of an axis whose orders are tried
AXES = 4  # axes whose permutations are tried
SHIFTS = (1, -1, 2, -2)


def rearrangements(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Rearrangement]]:
    """Ways to put the entries of an array of this shape elsewhere: kind, message, function."""
    axes = len(shape)
    if axes == 0:
        return
    for order in exchanges(shape):
        yield "transposed", f"the true one with axes {exchanged(order)} exchanged", _transpose(order)
    for some in flips(shape):
        kind = "permuted" if axes > 1 and max(some) < max(axes - 2, 1) else "rotated"
        yield kind, f"the true one {turned(some, axes)}", _flip(some)
    if axes >= 2 and shape[-1] == shape[-2] > 1:  # a filter transposed and turned
        order, last = (*range(axes - 2), axes - 1, axes - 2), (axes - 2, axes - 1)
        yield "rotated", f"the true one transposed and {turned(last, axes)}", _both(order, last)
    for axis in range(axes):
        for by in SHIFTS:
            if shape[axis] > abs(by):
                yield "shifted", f"the true one moved by {by} along axis {axis}", _roll(axis, by)
                yield "shifted", f"the true one moved by {by} along axis {axis}, zero where it left", _shift(axis, by)
    if 2 <= axes <= AXES:
        for order in permutations(range(axes)):
            if order != tuple(range(axes)):
                read = "in Fortran's order" if order == tuple(reversed(range(axes))) else f"in the axes' order {order}"
                yield "permuted", f"the true one's numbers {read}, laid out row by row", _reread(order, shape)
                yield "permuted", f"the true one's numbers laid out {read}", _relaid(order, shape)
    for said, function in _blocks(shape):
        yield "permuted", f"the true one with {said}", function
    for said, function in dealt(shape):
        yield "permuted", f"the true one with {said} (tile for repeat, or other axes of a reshape)", function
    for axis in range(axes):
        if 2 < shape[axis] <= 5:
            for places in list(permutations(range(shape[axis])))[1:]:  # the first leaves all in its place
                yield "permuted", f"the true one with axis {axis} in the order {places}", _take(axis, places)


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[str, Rearrangement]]:
    """Equal parts of an axis in another order, as of gates that are stacked."""
    for axis, length in enumerate(shape):
        for count in range(2, GATES + 1):
            if length % count == 0 and length > count:
                for order in permutations(range(count)):
                    if order != tuple(range(count)):
                        places = np.arange(length).reshape(count, -1)[list(order)].reshape(-1)
                        yield f"{count} parts of axis {axis} in the order {order}", _take(axis, tuple(places.tolist()))


def dealt(shape: tuple[int, ...]) -> Iterator[tuple[str, Rearrangement]]:
    """Axes dealt out into equal parts: what `tile` is to `repeat`, and the halves of an axis to every other place."""
    for axis, length in enumerate(shape):
        for parts in _divisors(length):
            yield _dealt(parts, length).format(axis), _deal((axis,), parts)
    if len(shape) > 1:
        for parts in _divisors(gcd(*shape[-2:])):
            each = " and ".join(map(str, range(len(shape) - 2, len(shape))))
            yield f"{parts} parts of each of axes {each} interleaved", _deal((-2, -1), parts)


def _divisors(number: int) -> list[int]:
    return [k for k in range(2, number) if number % k == 0]


def _dealt(parts: int, length: int) -> str:
    if parts == 2:
        return "the two halves of axis {} interleaved"
    if 2 * parts == length:
        return "every other place of axis {} first, then the others"
    return f"{parts} parts of axis {{}} interleaved"


def _deal(axes: tuple[int, ...], parts: int) -> Rearrangement:
    def deal(array: Array) -> Array:
        for axis in axes:
            places = np.arange(array.shape[axis]).reshape(parts, -1).T.reshape(-1)
            array = np.take(array, places, axis)
        return array

    return deal


def exchanges(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Permutations of axes that leave the shape as it is; of many axes, any two exchanged."""
    orders = permutations(range(len(shape))) if len(shape) <= AXES else pairs(len(shape))
    for order in orders:
        if order != tuple(range(len(shape))) and tuple(shape[k] for k in order) == shape:
            yield order


def pairs(axes: int) -> Iterator[tuple[int, ...]]:
    """The orders of axes in which two are exchanged."""
    for one, other in combinations(range(axes), 2):
        yield tuple(other if k == one else one if k == other else k for k in range(axes))


def flips(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Sets of axes that may be turned: the last two first, as a filter's are."""
    long = [axis for axis, length in enumerate(shape) if length > 1]
    sets = [some for count in range(1, len(long) + 1) for some in combinations(long, count)]
    last = tuple(range(len(shape)))[-2:]
    yield from sorted(sets, key=lambda some: (some != last, len(some)))


def exchanged(order: tuple[int, ...]) -> str:
    """Which axes a permutation moves."""
    return " and ".join(str(axis) for axis, to in enumerate(order) if axis != to)


def turned(some: tuple[int, ...], axes: int) -> str:
    """How entries are turned over by reversing some axes."""
    if len(some) == 2 and some == tuple(range(axes))[-2:]:
        return "turned by 180 degrees over its last two axes"
    return f"in reverse along {'axis' if len(some) == 1 else 'axes'} {' and '.join(map(str, some))}"


def _transpose(order: tuple[int, ...]) -> Rearrangement:
    return lambda array: array.transpose(order)


def _flip(some: tuple[int, ...]) -> Rearrangement:
    return lambda array: np.flip(array, some)


def _both(order: tuple[int, ...], some: tuple[int, ...]) -> Rearrangement:
    return lambda array: np.flip(array.transpose(order), some)


def _roll(axis: int, by: int) -> Rearrangement:
    return lambda array: np.roll(array, by, axis)


def _shift(axis: int, by: int) -> Rearrangement:
    def shift(array: Array) -> Array:
        moved = np.roll(array, by, axis)
        left = [slice(None)] * array.ndim
        left[axis] = slice(None, by) if by > 0 else slice(by, None)
        moved[tuple(left)] = 0
        return moved

    return shift


def _reread(order: tuple[int, ...], shape: tuple[int, ...]) -> Rearrangement:
    return lambda array: np.ascontiguousarray(array.transpose(order)).reshape(shape)


def _relaid(order: tuple[int, ...], shape: tuple[int, ...]) -> Rearrangement:
    lengths = tuple(shape[k] for k in order)
    back = tuple(int(k) for k in np.argsort(order))
    return lambda array: array.reshape(lengths).transpose(back)


def _take(axis: int, places: tuple[int, ...]) -> Rearrangement:
    return lambda array: np.take(array, places, axis)


def axes_in_words(axes: tuple[int, ...]) -> str:
    """Some axes, for a reader: "axis 0", "axes 0 and 2"."""
    return f"{'axes' if len(axes) > 1 else 'axis'} {' and '.join(map(str, axes))}"
