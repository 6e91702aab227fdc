"""The table where operations and harness meet: each operation with its derivative, equation and sample inputs.

To add an operation, write the pair of functions in `scratchcnn/operations/` and one row here. From the row it gets
every check there is, in `pytest` and in `python -m scratchcnn`.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn import samples
from scratchcnn.gradcheck import Proved, Report, Verdict, check_gradient, prove_gradient
from scratchcnn.gradcheck.report.report import Violation
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
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_backward, convolve
from scratchcnn.operations.convolution.machinery.workspace import spoil
from scratchcnn.operations.convolution.patches import patches, patches_backward
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.flatten import flatten, flatten_backward
from scratchcnn.operations.geometry import Padding, Pair, place_windows
from scratchcnn.operations.losses import (
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    squared_error,
    squared_error_backward,
)
from scratchcnn.operations.padding import pad2d, pad2d_backward
from scratchcnn.operations.pooling import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward
from scratchcnn.operations.standardize import standardize, standardize_backward
from scratchcnn.samples import Sample

Array = NDArray[Any]


@dataclass(frozen=True)
class Operation:
    """A row of the table.

    `samples(rng)` draws the calls that the row is checked at: they cover what wrong derivatives hide behind, and every
    line of the operation. `degree` is 1 where the operation is linear in each input taken alone, 2 where it is
    quadratic: there the check is exact. `factor` is a number that makes the divisions of such an operation exact (9 for
    a 3x3 average). `holomorphic` is false where the operation takes real numbers only, because it compares them.
    `definition` is the forward pass as its equation has it, where there are faster ones: the derivative of a wrong one
    may be right. `note` is a remark for the reader of the results.
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
    definition: Callable[..., Array] | None = None
    note: str = ""


# A sample is proved if its inputs and its output have so many entries at most: that takes milliseconds.
PROVED = 2000


def check(operation: Operation, sample: Sample, *, seed: int = 0) -> Report:
    """Compare forward with its definition, and the operation's derivative with the numerical one, at a sample."""
    deviations = _deviations(operation, sample)
    if deviations:  # of a wrong forward the derivative is not looked at
        return Report(operation.name, f"{operation.name}_backward", Verdict.WRONG, (), deviations)
    return check_gradient(
        *_with_options(operation, sample),
        *sample.inputs,
        names=_names(operation, sample),
        degree=operation.degree,
        factor=operation.factor,
        seed=seed,
        max_entries="affordable" if operation.degree else None,  # the exact check sees all
        proof=False,
    )


def prove(operation: Operation, sample: Sample, *, seed: int = 0) -> Proved | None:
    """Prove the operation's derivative at a sample in ball arithmetic; None where that is too large, or empty.

    An operation on balls is its definition: the faster ways of a large convolution are for `check` to compare.
    """
    forward, backward = _with_options(operation, sample)
    entries = sum(a.size for a in sample.inputs)
    output = forward(*sample.inputs) if entries <= PROVED else None
    if output is None or not 0 < output.size <= PROVED - entries:
        return None
    return prove_gradient(forward, backward, *sample.inputs, names=_names(operation, sample), seed=seed)


def _with_options(operation: Operation, sample: Sample) -> tuple[Callable[..., Array], Callable[..., Any]]:
    """The two functions, with the options of a sample."""
    return partial(operation.forward, **sample.options), partial(operation.backward, **sample.options)


def _names(operation: Operation, sample: Sample) -> tuple[str, ...]:
    return tuple(list(inspect.signature(operation.forward).parameters)[: len(sample.inputs)])


def _deviations(operation: Operation, sample: Sample) -> tuple[Violation, ...]:
    """Where forward first differs from its definition: on integers, on which both are exact."""
    if operation.definition is None:
        return ()
    inputs = [np.rint(8 * a) if a.dtype.kind == "f" else a for a in sample.inputs]
    forward = partial(operation.forward, *inputs, **sample.options)
    operation.backward(forward(), *inputs, **sample.options)
    spoil()  # here, and for the gradient: the zeros of new memory hide what was not written
    output, defined = forward(), operation.definition(*inputs, **sample.options)
    spoil()
    if output.shape != defined.shape:
        return (Violation("definition", f"forward has shape {output.shape}, its definition {defined.shape}"),)
    different = map(tuple, np.argwhere(output != defined)[:1].tolist())
    return tuple(
        Violation("definition", f"forward gives {output[place]:.17g} at {place}, its definition {defined[place]:.17g}")
        for place in different
    )


def _conv2d_as_defined(
    x: Array, filters: Array, bias: Array | None = None, *, stride: Pair = 1, padding: Padding = 0
) -> Array:
    """Z[n, k, p, q] = sum over c, r, s of X[n, c, p t0 + r, q t1 + s] f[k, c, r, s], + b[k], by patches."""
    output = convolve(x, filters, place_windows(x.shape[2:], filters.shape[2:], stride, padding))
    return output if bias is None else output + bias[:, np.newaxis, np.newaxis]


CATALOGUE: tuple[Operation, ...] = (
    Operation(
        name="patches",
        forward=patches,
        backward=patches_backward,
        equation="∂E/∂X[n,c,h,w] = Σ ∂E/∂patches[n,c,p,q,r,s] over p·t₀+r = h, q·t₁+s = w",
        source="article, CNN from Scratch using NumPy",
        samples=samples.patches,
        degree=1,
    ),
    Operation(
        name="conv2d",
        forward=conv2d,
        backward=conv2d_backward,
        equation="∂E/∂f = X * ∂E/∂Z, ∂E/∂X = ∂E/∂Z full-convolved with f turned by 180°, ∂E/∂b = Σ ∂E/∂Z",
        source="article, Backward Propagation in CNNs: Convolution Layer",
        samples=samples.conv2d,
        degree=1,
        definition=_conv2d_as_defined,
    ),
    Operation(
        name="dense",
        forward=dense,
        backward=dense_backward,
        equation="∂E/∂x = ∂E/∂Z Wᵀ, ∂E/∂W = xᵀ ∂E/∂Z, ∂E/∂b = Σ ∂E/∂Z",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=samples.dense,
        degree=1,
    ),
    Operation(
        name="sigmoid",
        forward=sigmoid,
        backward=sigmoid_backward,
        equation="∂E/∂z = ∂E/∂O · O(1 - O), as σ(z) σ(-z)",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=samples.sigmoid,
    ),
    Operation(
        name="squared_error",
        forward=squared_error,
        backward=squared_error_backward,
        equation="∂E/∂O = -(y - O), ∂E/∂y = y - O",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=samples.squared_error,
        degree=2,
    ),
    Operation(
        name="standardize",
        forward=standardize,
        backward=standardize_backward,
        equation="∂E/∂z = (g - mean(g) - ẑ mean(g ẑ)) / s, g = ∂E/∂ẑ",
        source="chain rule; Ioffe and Szegedy (2015), section 3",
        samples=samples.standardize,
    ),
    Operation(
        name="flatten",
        forward=flatten,
        backward=flatten_backward,
        equation="∂E/∂x[n,c,h,w] = ∂E/∂flat[n, (c·H+h)·W+w]",
        source="article, Backward Propagation in CNNs: Convolution Layer",
        samples=samples.flatten,
        degree=1,
    ),
    Operation(
        name="pad2d",
        forward=pad2d,
        backward=pad2d_backward,
        equation="∂E/∂x[n,c,h,w] = ∂E/∂padded[n,c,top+h,left+w]",
        source="Dumoulin and Visin (2016), section 2.2",
        samples=samples.pad2d,
        degree=1,
    ),
    Operation(
        name="max_pool2d",
        forward=max_pool2d,
        backward=max_pool2d_backward,
        equation="∂E/∂x[n,c,h,w] = Σ ∂E/∂Z[n,c,p,q] over the windows whose first maximum stands at h,w",
        source="Scherer, Müller and Behnke (2010)",
        samples=samples.max_pool,
        holomorphic=False,
        note="where several pixels are largest, any split among them is right",
    ),
    Operation(
        name="avg_pool2d",
        forward=avg_pool2d,
        backward=avg_pool2d_backward,
        equation="∂E/∂x[n,c,h,w] = Σ ∂E/∂Z[n,c,p,q] / (pixels of p,q) over the windows that hold h,w",
        source="LeCun, Bottou, Bengio and Haffner (1998), section II.B",
        samples=samples.pool,
        degree=1,
        factor=24,  # the windows of the samples hold 1, 2, 3, 4, 6 or 8 pixels
    ),
    Operation(
        name="tanh",
        forward=tanh,
        backward=tanh_backward,
        equation="∂E/∂z = ∂E/∂O (1 - O²), as ∂E/∂O / cosh²(z)",
        source="LeCun, Bottou, Orr and Müller (1998), section 4.4",
        samples=samples.tanh,
    ),
    Operation(
        name="relu",
        forward=relu,
        backward=relu_backward,
        equation="∂E/∂z = ∂E/∂O where z > 0, else 0",
        source="Nair and Hinton (2010)",
        samples=samples.relu,
        holomorphic=False,
        note="at the kink, 0, any slope from 0 to 1 is right",
    ),
    Operation(
        name="leaky_relu",
        forward=leaky_relu,
        backward=leaky_relu_backward,
        equation="∂E/∂z = ∂E/∂O where z > 0, else α ∂E/∂O",
        source="Maas, Hannun and Ng (2013), section 2",
        samples=samples.leaky_relu,
        holomorphic=False,
        note="at the kink, 0, any slope from α to 1 is right",
    ),
    Operation(
        name="softmax_cross_entropy",
        forward=softmax_cross_entropy,
        backward=softmax_cross_entropy_backward,
        equation="∂E/∂z[n,k] = (p[n,k] - 1 where k = y[n]) / N, p = softmax(z)",
        source="Goodfellow, Bengio and Courville (2016), section 6.2.2.3",
        samples=samples.softmax_cross_entropy,
    ),
)
