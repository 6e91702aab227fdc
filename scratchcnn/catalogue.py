"""The table where operations and harness meet: each operation with its derivative, equation and sample inputs.

To add an operation, write the pair of functions in `scratchcnn/operations/` and one row here. From the row it gets
every check there is, in `pytest` and in `python -m scratchcnn`.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.gradcheck import Report, check_gradient
from scratchcnn.operations.activations import (
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    tanh,
    tanh_backward,
)
from scratchcnn.operations.convolution import conv2d, conv2d_backward, patches, patches_backward
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.flatten import flatten, flatten_backward
from scratchcnn.operations.losses import (
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    squared_error,
    squared_error_backward,
)
from scratchcnn.operations.padding import pad2d, pad2d_backward
from scratchcnn.operations.pooling import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward
from scratchcnn.operations.standardize import standardize, standardize_backward

Array = NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """One call of an operation: its inputs, and its keyword options (the same for forward and backward)."""

    inputs: tuple[Array, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True)
class Operation:
    """A row of the table.

    `samples(rng)` draws the calls that the row is checked at: they cover what wrong derivatives hide behind (images
    that are not square, windows that overlap or leave gaps, padding, a batch, a bias). `degree` is 1 where the
    operation is linear in each input taken alone, 2 where it is quadratic: there the check is exact. `factor` is a
    number that makes the divisions of such an operation exact (9 for a 3x3 average). `holomorphic` is false where the
    operation takes real numbers only, because it compares them. `note` is a remark for the reader of the results.
    """

    name: str
    forward: Callable[..., Array]
    backward: Callable[..., tuple[Array | None, ...]]
    equation: str
    source: str
    samples: Callable[[np.random.Generator], Iterator[Sample]]
    degree: int | None = None
    factor: int = 1
    holomorphic: bool = True
    note: str = ""


def check(operation: Operation, sample: Sample, *, seed: int = 0) -> Report:
    """Compare the operation's derivative with the numerical one, at one of its samples."""
    parameters = list(inspect.signature(operation.forward).parameters)
    return check_gradient(
        partial(operation.forward, **sample.options),
        partial(operation.backward, **sample.options),
        *sample.inputs,
        names=tuple(parameters[: len(sample.inputs)]),
        degree=operation.degree,
        factor=operation.factor,
        seed=seed,
    )


# Every axis of a sample has a length of its own: with two alike, a gradient that is transposed, or summed over the
# wrong one, has the right shape.


def _patches_samples(rng: np.random.Generator) -> Iterator[Sample]:
    def sample(*shape: int, **options: Any) -> Sample:
        return Sample((rng.normal(size=shape),), options)

    yield sample(2, 3, 4, 5, window=(3, 2))  # overlapping
    yield sample(3, 1, 5, 7, window=2, stride=3)  # with gaps, the last row and column unseen
    yield sample(2, 1, 6, 5, window=(2, 4), stride=(1, 2), padding=((0, 2), (1, 3)))
    yield sample(1, 2, 5, 6, window=(3, 2), stride=(2, 1), padding="same")


def _conv2d_samples(rng: np.random.Generator) -> Iterator[Sample]:
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


def _dense_samples(rng: np.random.Generator) -> Iterator[Sample]:
    for samples, features, neurons in (5, 4, 2), (3, 7, 1), (1, 3, 5):
        shapes = (samples, features), (features, neurons), neurons
        yield Sample(tuple(rng.normal(size=shape) for shape in shapes), {})


def _sigmoid_samples(rng: np.random.Generator) -> Iterator[Sample]:
    yield Sample((rng.normal(size=(3, 2, 4, 5)),), {})
    yield Sample((rng.uniform(-6, 6, size=(7, 4)),), {})
    signs = rng.choice([-1.0, 1.0], size=30)
    yield Sample((signs * 10.0 ** rng.uniform(-9, 0, size=30),), {})  # where it is nearly linear
    yield Sample((signs * rng.uniform(6, 40, size=30),), {})  # where it is nearly flat


def _squared_error_samples(rng: np.random.Generator) -> Iterator[Sample]:
    for shape in (), (7,), (5, 4), (2, 3, 1, 4):
        yield Sample((rng.normal(size=shape), rng.normal(size=shape)), {})


def _standardize_samples(rng: np.random.Generator) -> Iterator[Sample]:
    def sample(*shape: int, axis: Any) -> Sample:
        return Sample((rng.normal(loc=1.5, scale=2.5, size=shape),), {"axis": axis})

    yield sample(4, 5, axis=None)
    yield sample(9, 3, axis=0)
    yield sample(2, 7, axis=1)
    yield sample(3, 2, 4, 5, axis=(0, 2, 3))
    yield sample(3, 4, 2, axis=(-3, 1))


def _flatten_samples(rng: np.random.Generator) -> Iterator[Sample]:
    for shape in (2, 3, 4, 5), (3, 1, 2, 7), (1, 4, 3, 2):
        yield Sample((rng.normal(size=shape),), {})


def _pad2d_samples(rng: np.random.Generator) -> Iterator[Sample]:
    def sample(*shape: int, padding: Any) -> Sample:
        return Sample((rng.normal(size=shape),), {"padding": padding})

    yield sample(3, 2, 4, 5, padding=((0, 2), (3, 1)))
    yield sample(2, 1, 5, 3, padding=(1, 2))
    yield sample(1, 4, 2, 3, padding=1)
    yield sample(2, 3, 1, 4, padding=0)


def _pool_samples(rng: np.random.Generator) -> Iterator[Sample]:
    def sample(*shape: int, **options: Any) -> Sample:
        return Sample((rng.normal(size=shape),), options)

    yield sample(2, 2, 5, 7, window=2)  # side by side, the last row and column unseen
    yield sample(3, 2, 4, 5, window=(3, 2), stride=1)  # overlapping
    yield sample(2, 1, 6, 5, window=(2, 4), stride=(1, 2), padding=((0, 1), (1, 3)))
    yield sample(2, 1, 7, 8, window=(2, 1), stride=(3, 2), padding=(1, 0))  # with gaps
    yield sample(1, 3, 5, 6, window=(3, 2), stride=(2, 1), padding="same")


def _tanh_samples(rng: np.random.Generator) -> Iterator[Sample]:
    yield Sample((rng.normal(size=(3, 2, 4, 5)),), {})
    signs = rng.choice([-1.0, 1.0], size=30)
    yield Sample((signs * 10.0 ** rng.uniform(-9, 0, size=30),), {})  # where it is nearly linear
    yield Sample((signs * rng.uniform(3, 20, size=30),), {})  # where it is nearly flat


def _relu_samples(rng: np.random.Generator) -> Iterator[Sample]:
    yield Sample((rng.normal(size=(3, 2, 4, 5)),), {})
    yield Sample((rng.permutation([0.0, *rng.normal(size=6)]),), {})  # one entry at the kink
    signs = rng.choice([-1.0, 1.0], size=30)
    yield Sample((signs * 10.0 ** rng.uniform(-9, 3, size=30),), {})


def _leaky_relu_samples(rng: np.random.Generator) -> Iterator[Sample]:
    for sample, options in zip(_relu_samples(rng), ({}, {"alpha": 0.3}, {"alpha": 0.125}), strict=True):
        yield Sample(sample.inputs, options)


def _softmax_cross_entropy_samples(rng: np.random.Generator) -> Iterator[Sample]:
    # The larger the logits, the surer the predictions.
    for samples, classes, size in (5, 4, 1), (3, 7, 10), (1, 2, 1), (6, 3, 1e4):
        logits, labels = size * rng.normal(size=(samples, classes)), rng.integers(0, classes, size=samples)
        yield Sample((logits, labels), {})


CATALOGUE: tuple[Operation, ...] = (
    Operation(
        name="patches",
        forward=patches,
        backward=patches_backward,
        equation="∂E/∂X[n,c,h,w] = Σ ∂E/∂patches[n,c,p,q,r,s] over p·t₀+r = h, q·t₁+s = w",
        source="article, CNN from Scratch using NumPy",
        samples=_patches_samples,
        degree=1,
    ),
    Operation(
        name="conv2d",
        forward=conv2d,
        backward=conv2d_backward,
        equation="∂E/∂f = X * ∂E/∂Z, ∂E/∂X = ∂E/∂Z full-convolved with f turned by 180°, ∂E/∂b = Σ ∂E/∂Z",
        source="article, Backward Propagation in CNNs: Convolution Layer",
        samples=_conv2d_samples,
        degree=1,
    ),
    Operation(
        name="dense",
        forward=dense,
        backward=dense_backward,
        equation="∂E/∂x = ∂E/∂Z Wᵀ, ∂E/∂W = xᵀ ∂E/∂Z, ∂E/∂b = Σ ∂E/∂Z",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=_dense_samples,
        degree=1,
    ),
    Operation(
        name="sigmoid",
        forward=sigmoid,
        backward=sigmoid_backward,
        equation="∂E/∂z = ∂E/∂O · O(1 - O), as σ(z) σ(-z)",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=_sigmoid_samples,
    ),
    Operation(
        name="squared_error",
        forward=squared_error,
        backward=squared_error_backward,
        equation="∂E/∂O = -(y - O), ∂E/∂y = y - O",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=_squared_error_samples,
        degree=2,
    ),
    Operation(
        name="standardize",
        forward=standardize,
        backward=standardize_backward,
        equation="∂E/∂z = (g - mean(g) - ẑ mean(g ẑ)) / s, g = ∂E/∂ẑ",
        source="chain rule; Ioffe and Szegedy (2015), section 3",
        samples=_standardize_samples,
    ),
    Operation(
        name="flatten",
        forward=flatten,
        backward=flatten_backward,
        equation="∂E/∂x[n,c,h,w] = ∂E/∂flat[n, (c·H+h)·W+w]",
        source="article, Backward Propagation in CNNs: Convolution Layer",
        samples=_flatten_samples,
        degree=1,
    ),
    Operation(
        name="pad2d",
        forward=pad2d,
        backward=pad2d_backward,
        equation="∂E/∂x[n,c,h,w] = ∂E/∂padded[n,c,top+h,left+w]",
        source="Dumoulin and Visin (2016), section 2.2",
        samples=_pad2d_samples,
        degree=1,
    ),
    Operation(
        name="max_pool2d",
        forward=max_pool2d,
        backward=max_pool2d_backward,
        equation="∂E/∂x[n,c,h,w] = Σ ∂E/∂Z[n,c,p,q] over the windows whose first maximum stands at h,w",
        source="Scherer, Müller and Behnke (2010)",
        samples=_pool_samples,
        holomorphic=False,
    ),
    Operation(
        name="avg_pool2d",
        forward=avg_pool2d,
        backward=avg_pool2d_backward,
        equation="∂E/∂x[n,c,h,w] = Σ ∂E/∂Z[n,c,p,q] / (pixels of p,q) over the windows that hold h,w",
        source="LeCun, Bottou, Bengio and Haffner (1998), section II.B",
        samples=_pool_samples,
        degree=1,
        factor=24,  # the windows of the samples hold 1, 2, 3, 4, 6 or 8 pixels
    ),
    Operation(
        name="tanh",
        forward=tanh,
        backward=tanh_backward,
        equation="∂E/∂z = ∂E/∂O (1 - O²), as ∂E/∂O / cosh²(z)",
        source="LeCun, Bottou, Orr and Müller (1998), section 4.4",
        samples=_tanh_samples,
    ),
    Operation(
        name="relu",
        forward=relu,
        backward=relu_backward,
        equation="∂E/∂z = ∂E/∂O where z > 0, else 0",
        source="Nair and Hinton (2010)",
        samples=_relu_samples,
        holomorphic=False,
        note="at the kink, 0, any slope from 0 to 1 is right",
    ),
    Operation(
        name="leaky_relu",
        forward=leaky_relu,
        backward=leaky_relu_backward,
        equation="∂E/∂z = ∂E/∂O where z > 0, else α ∂E/∂O",
        source="Maas, Hannun and Ng (2013), section 2",
        samples=_leaky_relu_samples,
        holomorphic=False,
        note="at the kink, 0, any slope from α to 1 is right",
    ),
    Operation(
        name="softmax_cross_entropy",
        forward=softmax_cross_entropy,
        backward=softmax_cross_entropy_backward,
        equation="∂E/∂z[n,k] = (p[n,k] - 1 where k = y[n]) / N, p = softmax(z)",
        source="Goodfellow, Bengio and Courville (2016), section 6.2.2.3",
        samples=_softmax_cross_entropy_samples,
    ),
)
