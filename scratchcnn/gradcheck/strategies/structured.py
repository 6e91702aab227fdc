"""Arrays of which something holds: labels, distributions, symmetric matrices, sorted numbers, masks, indices."""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.strategies.arguments import (
    MOST_INDICES,
    Shape,
    Shapes,
    dtype_of,
    integer,
    real_floating,
    shapes_of,
)
from scratchcnn.gradcheck.strategies.arrays import SPREAD, arrays
from scratchcnn.gradcheck.strategies.choices import composite, numbers

# One to four rows, of two to four entries each.
ROWS: SearchStrategy[Shape] = st.tuples(st.integers(1, 4), st.integers(2, 4))
# One to four rows by as many columns.
SQUARES: SearchStrategy[Shape] = st.integers(1, 4).map(lambda n: (n, n))


def indices(shape: Shapes, length: int | SearchStrategy[int], *, dtype: DTypeLike = np.int64) -> SearchStrategy[Array]:
    """Integers from 0 to `length` - 1: labels of classes, rows of a table, entries to gather.

    Nothing keeps an index from occurring twice: a gradient that is assigned where it has to be added is wrong there.
    They shrink to zeros.

    Parameters
    ----------
    shape
        An integer, a tuple, or a strategy of these.
    length
        How many there are to choose from: an integer, or a strategy.
    dtype
        That of integers.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type, or `length` is not positive.
    """
    kind = dtype_of(dtype)
    if kind.kind not in "iu":
        raise TypeError(f"dtype must be that of integers, got {kind}")
    if isinstance(length, SearchStrategy):
        shapes_of(shape)
        return length.flatmap(lambda drawn: indices(shape, drawn, dtype=kind))
    below = integer("length", length, 1, MOST_INDICES)
    if below - 1 > np.iinfo(kind).max:
        raise ValueError(f"length must be one whose indices {kind} holds, got {below}")
    return _indices(shapes_of(shape), below, kind)


def masks(shape: Shapes = ROWS) -> SearchStrategy[Array]:
    """Booleans, True where something is kept; in each row, along the last axis, that is one entry at least.

    They shrink to masks that keep all.

    Parameters
    ----------
    shape
        A tuple of at least one length, an integer, or a strategy of these.

    Raises
    ------
    TypeError, ValueError
        It is none of these.
    """
    return _masks(shapes_of(shape, axes=1))


def one_hot_labels(shape: Shapes = ROWS, *, dtype: DTypeLike = np.float64) -> SearchStrategy[Array]:
    """Rows, along the last axis, of zeros and a single one: (samples, classes), or with more axes before.

    They shrink to the first class.

    Parameters
    ----------
    shape
        A tuple of at least one length, an integer, or a strategy of these; the last length is positive.
    dtype
        That of floats.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type.
    """
    return _one_hot_labels(shapes_of(shape, axes=1), real_floating(dtype))


def distributions(shape: Shapes = ROWS, *, dtype: DTypeLike = np.float64) -> SearchStrategy[Array]:
    """Rows, along the last axis, of positive numbers that sum to 1, without roundoff.

    They are multiples of a power of two that float16 holds for up to 32 classes, and float32 for any number of them.

    Parameters
    ----------
    shape
        A tuple of at least one length, an integer, or a strategy of these; the last length is positive.
    dtype
        That of floats.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type.
    """
    return _distributions(shapes_of(shape, axes=1), real_floating(dtype))


def symmetric_matrices(shape: Shapes = SQUARES, *, dtype: DTypeLike = np.float64) -> SearchStrategy[Array]:
    """Symmetric matrices, in the last two axes; otherwise all entries differ, as those of `arrays` do.

    Parameters
    ----------
    shape
        A tuple whose last two lengths are the same, or a strategy of such.
    dtype
        That of floats.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type, or the matrices are not square.
    """
    return _symmetric(_squares(shape), real_floating(dtype))


def positive_definite_matrices(shape: Shapes = SQUARES, *, dtype: DTypeLike = np.float64) -> SearchStrategy[Array]:
    """Symmetric positive definite matrices, in the last two axes: covariances, kernels, Hessians.

    The diagonal is larger than the sum of the sizes of the other entries of its row, so that every eigenvalue is at
    least 1/4 (Gershgorin's circles). That keeps them far from singular.

    Parameters
    ----------
    shape
        A tuple whose last two lengths are the same, or a strategy of such.
    dtype
        That of floats.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type, or the matrices are not square.
    """
    return _positive_definite(_squares(shape), real_floating(dtype))


def sorted_arrays(shape: Shapes = ROWS, *, dtype: DTypeLike = np.float64) -> SearchStrategy[Array]:
    """Numbers that rise along the last axis, no two of them equal: knots, edges of bins, cumulated shares.

    Parameters
    ----------
    shape
        A tuple of at least one length, an integer, or a strategy of these.
    dtype
        That of floats.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type.
    """
    return arrays(shapes_of(shape, axes=1), dtype=real_floating(dtype)).map(np.sort)


@composite
def _indices(draw: DrawFn, shapes: SearchStrategy[Shape], length: int, dtype: np.dtype[Any]) -> Array:
    shape = draw(shapes)
    found: Array = draw(numbers(math.prod(shape), length)).astype(dtype).reshape(shape)
    return found


@composite
def _masks(draw: DrawFn, shapes: SearchStrategy[Shape]) -> Array:
    shape = draw(shapes)
    kept: Array = draw(numbers(math.prod(shape), 2)).reshape(shape) == 0
    if kept.size:
        some = draw(numbers(math.prod(shape[:-1]), shape[-1])).reshape(shape[:-1])
        np.put_along_axis(kept, some[..., None], True, axis=-1)
    return kept


@composite
def _one_hot_labels(draw: DrawFn, shapes: SearchStrategy[Shape], dtype: np.dtype[Any]) -> Array:
    shape = draw(shapes)
    classes = draw(numbers(math.prod(shape[:-1]), max(shape[-1], 1))).reshape(shape[:-1])
    labels: Array = (np.arange(shape[-1]) == classes[..., None]).astype(dtype)
    return labels


@composite
def _distributions(draw: DrawFn, shapes: SearchStrategy[Shape], dtype: np.dtype[Any]) -> Array:
    weights: Array = np.abs(draw(arrays(draw(shapes))))
    if not weights.size:
        return weights.astype(dtype)
    # The smallest share is at least 1 / (SPREAD classes), two of these parts: one can be taken away.
    classes = weights.shape[-1]
    parts = 2.0 ** math.ceil(math.log2(2 * SPREAD * classes))
    shares = np.rint(weights / weights.sum(-1, keepdims=True) * parts)
    rest = parts - shares.sum(-1, keepdims=True)
    shares += np.where(np.arange(classes) < np.abs(rest), np.sign(rest), 0)
    probabilities: Array = (shares / parts).astype(dtype)
    return probabilities


@composite
def _symmetric(draw: DrawFn, shapes: SearchStrategy[Shape], dtype: np.dtype[Any]) -> Array:
    shape = draw(shapes)
    below = np.tril_indices(shape[-1])
    triangle = draw(arrays((*shape[:-2], len(below[0])), dtype=dtype))
    matrices = np.zeros(shape, dtype)
    matrices[..., below[0], below[1]] = matrices[..., below[1], below[0]] = triangle
    return matrices


@composite
def _positive_definite(draw: DrawFn, shapes: SearchStrategy[Shape], dtype: np.dtype[Any]) -> Array:
    matrices = draw(_symmetric(shapes, dtype))
    i = np.arange(matrices.shape[-1])
    # The sum of a row's sizes, with that of the diagonal itself: the other entries' and a quarter at least.
    matrices[..., i, i] = np.abs(matrices).sum(-1)
    return matrices


def _squares(shape: Shapes) -> SearchStrategy[Shape]:
    """The shapes of square matrices."""
    shapes = shapes_of(shape, axes=2)
    if isinstance(shape, tuple):
        _square(shape)
    return shapes.map(_square)


def _square(shape: Shape) -> Shape:
    if shape[-1] != shape[-2]:
        raise ValueError(f"shape must be that of square matrices, in its last two axes; got {shape}")
    return shape
