"""The samples at which the catalogue's operations are checked.

Each function draws the samples of one operation from a random generator. They cover the cases in which a wrong
derivative may look right, and run every statement of the operation.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.operations import Array


@dataclass(frozen=True)
class Sample:
    """One call of an operation.

    Attributes
    ----------
    inputs : tuple of arrays
        The inputs.
    options : mapping of str to object
        The keyword arguments, the same for forward and backward.
    """

    inputs: tuple[Array, ...]
    options: Mapping[str, Any]


def normal(*shapes: tuple[int, ...], **options: Any) -> Callable[[np.random.Generator], Iterator[Sample]]:
    """Make a function that draws one sample for each shape.

    Parameters
    ----------
    shapes : tuples of int
        The shapes of the only input, whose entries are normal numbers.
    options : object
        The keyword arguments of every sample.

    Returns
    -------
    function of a numpy.random.Generator
        It gives the samples.
    """
    return lambda rng: (_sample(rng, *shape, **options) for shape in shapes)


def _sample(rng: np.random.Generator, *shape: int, **options: Any) -> Sample:
    """Draw a sample with one input, of normal numbers."""
    return Sample((rng.normal(size=shape),), options)


# The axes of a sample have different lengths. Otherwise a gradient that is transposed, or summed over the wrong axis,
# could have the right shape.


def patches(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw windows that overlap, leave gaps, lie in the padding, or cover the image."""
    sample = partial(_sample, rng)
    yield sample(2, 3, 4, 5, window=(3, 2))  # overlapping
    yield sample(3, 1, 5, 7, window=2, stride=3)  # with gaps; the last columns are in no window
    yield sample(2, 1, 6, 5, window=(2, 4), stride=(1, 2), padding=((0, 2), (1, 3)))
    yield sample(1, 2, 5, 6, window=(3, 2), stride=(2, 1), padding="same")
    yield sample(2, 3, 2, 4, window=2, stride=2, padding=3)  # some windows lie in the padding
    yield sample(2, 3, 4, 5, window=(np.int64(4), np.int64(5)), padding="valid")  # one window covers the image


# Convolutions that are not small enough for the one lowering, `columns`, of all small ones: the shapes of x and f, by
# which `operations.convolution.rule` chooses the lowerings of Z, ∂E/∂f and ∂E/∂X.
_LOWERED: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    # Filters of one pixel.
    ((3, 4, 9, 11), (2, 4, 1, 1), {}),
    ((3, 2, 9, 11), (5, 2, 1, 1), {"stride": (2, 3)}),
    # Winograd: in parts of the batch, for two threads; in bands of an image; with the images innermost, of Z, of X too.
    ((5, 24, 26, 27), (48, 24, 3, 3), {}),
    ((1, 40, 45, 54), (16, 40, 3, 13), {"padding": ((2, 0), (1, 1))}),
    ((7, 24, 6, 9), (44, 24, 3, 2), {"padding": (1, 0)}),
    ((6, 44, 6, 9), (24, 44, 3, 2), {"padding": (1, 0)}),
    # By rows, and ∂E/∂X by scattering: with the images innermost,
    ((6, 4, 13, 12), (5, 4, 5, 3), {"padding": (2, 1)}),
    ((10, 4, 9, 11), (5, 4, 4, 3), {}),
    ((19, 3, 24, 41), (4, 3, 5, 2), {"stride": (1, 3), "padding": ((1, 0), (2, 0))}),
    ((6, 10, 23, 18), (12, 10, 4, 3), {"stride": (3, 2), "padding": ((2, 0), (0, 3))}),
    ((9, 10, 22, 28), (12, 10, 3, 9), {"stride": (2, 1)}),
    ((40, 1, 14, 15), (13, 1, 5, 6), {}),
    # one image after the other,
    ((2, 1, 60, 38), (3, 1, 6, 5), {}),
    ((3, 2, 70, 51), (4, 2, 6, 3), {"stride": (2, 1), "padding": ((3, 1), (9, 4))}),
    ((2, 3, 37, 35), (5, 3, 4, 3), {"padding": ((0, 1), (1, 2))}),
    ((9, 5, 2, 100), (6, 5, 3, 7), {"stride": (4, 1), "padding": ((0, 1), (2, 0))}),
    # in bands of an image.
    ((1, 16, 28, 126), (3, 16, 5, 9), {}),
    ((1, 3, 110, 150), (2, 3, 5, 9), {"stride": (2, 1), "padding": ((0, 3), (2, 0))}),
    # By columns, though large: many filters for each place, in strips of an image; in parts of a product.
    ((1, 40, 4, 115), (8, 40, 3, 100), {}),
    ((1, 81, 38, 7), (24, 81, 5, 6), {}),
    ((2, 6, 34, 35), (42, 6, 2, 2), {}),
)


def conv2d(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw windows as for `patches`, with and without a bias; an empty batch and image; other dtypes; all lowerings."""

    def sample(x: tuple[int, ...], filters: tuple[int, ...], *, bias: bool, **options: Any) -> Sample:
        inputs = [rng.normal(size=x), rng.normal(size=filters)]
        if bias:
            inputs.append(rng.normal(size=filters[0]))
        return Sample(tuple(inputs), options)

    yield sample((3, 1, 5, 6), (2, 1, 3, 4), bias=False)  # as in the article: one channel
    yield sample((2, 3, 4, 5), (4, 3, 3, 2), bias=True, padding=(1, 0))
    yield sample((2, 3, 5, 4), (1, 3, 2, 3), bias=True, stride=(2, 1), padding=((0, 2), (3, 1)))
    yield sample((2, 1, 7, 8), (3, 1, 2, 1), bias=False, stride=(3, 2))  # gaps between the windows
    yield sample((2, 3, 5, 4), (4, 3, 2, 3), bias=True, stride=(1, 2), padding="same")
    yield sample((3, 2, 0, 4), (5, 2, 2, 3), bias=False, padding=2)  # images without rows
    x, filters = sample((2, 4, 5, 6), (3, 4, 3, 2), bias=False).inputs
    yield Sample((x.astype(np.float32), filters), {})
    yield Sample((rng.integers(0, 256, x.shape, np.uint8), filters), {"padding": 1})
    for k, (x_shape, filters_shape, options) in enumerate(_LOWERED):
        yield sample(x_shape, filters_shape, bias=k % 2 == 0, **options)


def dense(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw batches of several samples, and of one."""
    for samples, features, neurons in (5, 4, 2), (3, 7, 1), (1, 3, 5):
        shapes = (samples, features), (features, neurons), neurons
        yield Sample(tuple(rng.normal(size=shape) for shape in shapes), {})


def sigmoid(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw numbers near 0, where the function is nearly linear, and in the tails, up to where it is constant."""
    yield Sample((rng.normal(size=(3, 2, 4, 5)),), {})
    yield Sample((rng.uniform(-6, 6, size=(7, 4)),), {})
    signs = rng.choice([-1.0, 1.0], size=30)
    yield Sample((signs * 10.0 ** rng.uniform(-9, 0, size=30),), {})  # nearly linear
    yield Sample((signs * rng.uniform(6, 40, size=30),), {})  # the tails
    yield Sample((rng.permutation([0.0, 0.5, 709, -709, 746, -746, 1e6, -1e6]),), {})  # constant, except two


def squared_error(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw arrays with any number of axes, and some errors that are zero."""
    for shape in (), (7,), (5, 4), (2, 3, 1, 4):
        yield Sample((rng.normal(size=shape), rng.normal(size=shape)), {})
    output = rng.normal(size=(3, 6))
    yield Sample((output, np.where(rng.random((3, 6)) < 0.5, output, 0)), {})  # some errors are zero


def standardize(rng: np.random.Generator) -> Iterator[Sample]:
    """Average over all axes, one or several; numbers with a large mean; numbers of which most are equal."""

    def sample(*shape: int, axis: Any) -> Sample:
        return Sample((rng.normal(loc=1.5, scale=2.5, size=shape),), {"axis": axis})

    yield sample(4, 5, axis=None)
    yield sample(9, 3, axis=0)
    yield sample(2, 7, axis=1)
    yield sample(3, 2, 4, 5, axis=(0, 2, 3))
    yield sample(3, 4, 2, axis=(-3, 1))
    yield Sample((1e6 + rng.normal(size=(6, 4)),), {"axis": 0})  # a mean far above the spread
    yield Sample((rng.permutation([0.0] * 7 + [1.5, -2.5]),), {"axis": None})


def pad2d(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw frames of a different width on each side, of one width per axis, of the same width, and of none."""
    sample = partial(_sample, rng)
    yield sample(3, 2, 4, 5, padding=((0, 2), (3, 1)))
    yield sample(2, 1, 5, 3, padding=(1, 2))
    yield sample(1, 4, 2, 3, padding=1)
    yield sample(2, 3, 1, 4, padding=0)


def max_pool(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw windows as for any pooling, and ties: few different values, a single value, zeros of a relu."""
    yield from pool(rng)
    yield Sample((rng.integers(-1, 2, size=(2, 1, 4, 5)).astype(np.float64),), {"window": 2})
    yield Sample((rng.integers(-2, 0, size=(1, 2, 2, 3)).astype(np.float64),), {"window": 2, "stride": 1, "padding": 1})
    yield Sample((np.full((1, 2, 2, 6), rng.normal()),), {"window": (2, 3)})
    yield Sample((np.maximum(rng.normal(loc=-1, size=(1, 2, 5, 4)), 0),), {"window": (3, 2), "stride": 2})


def pool(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw windows side by side, overlapping, with gaps, and beyond the border."""
    sample = partial(_sample, rng)
    yield sample(2, 2, 5, 7, window=2)  # side by side; the last row and column are in no window
    yield sample(3, 2, 4, 5, window=(3, 2), stride=1)  # overlapping
    yield sample(2, 1, 6, 5, window=(2, 4), stride=(1, 2), padding=((0, 1), (1, 3)))
    yield sample(2, 1, 7, 8, window=(2, 1), stride=(3, 2), padding=(1, 0))  # with gaps
    yield sample(1, 3, 5, 6, window=(3, 2), stride=(2, 1), padding="same")


def tanh(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw numbers near 0 and in the tails, as for `sigmoid`."""
    yield Sample((rng.normal(size=(3, 2, 4, 5)),), {})
    signs = rng.choice([-1.0, 1.0], size=30)
    yield Sample((signs * 10.0 ** rng.uniform(-9, 0, size=30),), {})  # nearly linear
    yield Sample((signs * rng.uniform(3, 20, size=30),), {})  # the tails
    yield Sample((rng.permutation([0.0, 0.5, 355, -355, 746, -746, 1e6, -1e6]),), {})  # constant, except two


def relu(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw numbers of all sizes and both signs, and the kink at 0."""
    yield Sample((rng.normal(size=(3, 2, 4, 5)),), {})
    yield Sample((rng.permutation([0.0, *rng.normal(size=6)]),), {})  # one entry at the kink
    signs = rng.choice([-1.0, 1.0], size=30)
    yield Sample((signs * 10.0 ** rng.uniform(-9, 3, size=30),), {})
    yield Sample((rng.permutation([0.0, -0.0, *rng.integers(-2, 3, size=20)]).reshape(2, 11),), {})  # many at the kink


def leaky_relu(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw the numbers of `relu`, with slopes below and above 1."""
    slopes: tuple[dict[str, float], ...] = ({}, {"alpha": 0.3}, {"alpha": 0.125}, {"alpha": 2})
    for sample, options in zip(relu(rng), slopes, strict=True):
        yield Sample(sample.inputs, options)


def softmax_cross_entropy(rng: np.random.Generator) -> Iterator[Sample]:
    """Draw predictions of different certainty, right and wrong; a single class; ties."""
    # Larger logits make more certain predictions.
    for samples, classes, size in (5, 4, 1), (3, 7, 10), (1, 2, 1), (6, 3, 1e4), (4, 1, 1):
        logits, labels = size * rng.normal(size=(samples, classes)), rng.integers(0, classes, size=samples)
        yield Sample((logits, labels), {})
    logits = rng.integers(0, 3, size=(7, 3)).astype(np.float64)  # ties for the largest
    yield Sample((logits, rng.integers(0, 3, size=7)), {})
    certain = 40 * np.eye(5) + rng.normal(size=(5, 5))  # the largest p is 1 up to about e^-40
    logits = np.vstack([certain, 20 * certain])[:8]  # in the last three rows up to about e^-800
    yield Sample((logits, rng.permutation([0, 1, 2, 3, 4, 0, 1, 4])), {})
