"""Mistakes of arrangement: axes exchanged or turned, entries in another order, another input's gradient."""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations, product

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import Estimate
from scratchcnn.gradcheck.diagnosis.scene import Scene

Rearrangement = Callable[[Array], Array]

GATES = 4  # parts of an axis whose orders are tried
AXES = 4  # axes whose permutations are tried
SHIFTS = (1, -1, 2, -2)
MOST = 3  # pixels that a crop may be misplaced by
SEEN = 0.2  # the share of entries that has to be left for a crop to be recognized


def arranged(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient with its entries elsewhere."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape:
        return
    for kind, message, function in rearrangements(shape):
        yield Claim(kind, message, lambda s, f=function: s.is_rearranged(index, f))  # type: ignore[misc]


def displaced(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient moved along its last two axes, whatever comes in at the border: a crop in the wrong place."""
    shape = scene.inputs[index].shape
    if len(shape) < 2 or scene.analytic(index).shape != shape:
        return
    for down, right in product(range(-MOST, MOST + 1), repeat=2):
        if (down or right) and abs(down) < shape[-2] and abs(right) < shape[-1]:
            moved = f"the true one moved by {down} and {right} along its last two axes"
            claims = [
                Claim("padding-not-cropped", f"{moved}: cropped in the wrong place", _displaced(index, down, right)),
                Claim("shifted", f"{moved}: an index is off", _displaced(index, down, right)),
            ]
            yield from claims if down >= 0 and right >= 0 else claims[::-1]


def _displaced(index: int, down: int, right: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        truth = s.truth(index)
        value, error = np.zeros_like(truth.value), np.full_like(truth.error, np.inf)
        (to_rows, from_rows), (to_columns, from_columns) = _overlap(down), _overlap(right)
        value[..., to_rows, to_columns] = truth.value[..., from_rows, from_columns]
        error[..., to_rows, to_columns] = truth.error[..., from_rows, from_columns]
        known = np.isfinite(error)
        enough = known.sum() >= SEEN * value.size and len(np.unique(value[known])) > 2
        return bool(enough) and s.agrees(index, Estimate(value, error))

    return holds


def _overlap(by: int) -> tuple[slice, slice]:
    """Of a move along an axis: where entries come to, and where they come from."""
    return (slice(by, None), slice(None, -by or None)) if by >= 0 else (slice(None, by), slice(-by, None))


def not_transposed(scene: Scene, index: int) -> Iterator[Claim]:
    """The Jacobian, not transposed, times the cotangent."""
    if scene.analytic(index).shape == scene.cotangent.shape == scene.inputs[index].shape and scene.cotangent.ndim:

        def holds(s: Scene) -> bool:
            jacobian = s.jacobian(index)
            c = s.cotangent.reshape(-1)
            product = Estimate(jacobian.value @ c, jacobian.error @ np.abs(c))
            return s.agrees(index, product.reshaped(s.cotangent.shape))

        yield Claim("transposed", "the Jacobian times the cotangent, not the transposed Jacobian", holds)


def swapped(scene: Scene, index: int) -> Iterator[Claim]:
    """Another input's true gradient, or minus that."""
    for other in scene.wrt:
        if other != index and scene.inputs[other].shape == scene.analytic(index).shape:
            name = scene.names[other]
            yield Claim(
                "swapped",
                f"that of {name}",
                lambda s, other=other: s.agrees(index, s.truth(other)),  # type: ignore[misc]
            )


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
    for axis in range(axes):
        if 2 < shape[axis] <= 5:
            for places in permutations(range(shape[axis])):
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


def exchanges(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Permutations of axes that leave the shape as it is."""
    if len(shape) <= AXES:
        for order in permutations(range(len(shape))):
            if order != tuple(range(len(shape))) and tuple(shape[k] for k in order) == shape:
                yield order


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
