"""The catalogue of operations: a row for each, with its derivative, its equation and its sample inputs.

To add an operation, write the pair of functions in `scratchcnn/operations/` and one row here. Every check runs from the
row, in `pytest` and in `python -m scratchcnn`. The catalogue is the only module where operations and harness meet.
"""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import scratchcnn.gradcheck as gradcheck
from scratchcnn import samples
from scratchcnn.operations import Array, Padding, Pair
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
from scratchcnn.operations.convolution.conv2d import (
    conv2d,
    conv2d_backward,
    conv2d_grad_filters,
    conv2d_grad_input,
)
from scratchcnn.operations.convolution.machinery.workspace import spoil
from scratchcnn.operations.convolution.patches import patches, patches_backward
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.flatten import flatten, flatten_backward
from scratchcnn.operations.gradient_descent import gradient_descent
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


@dataclass(frozen=True)
class Operation:
    """A row of the catalogue.

    Attributes
    ----------
    forward, backward : functions
        The pair of functions, named `name` and `name_backward`.
    equation, source : str
        The equation of the derivative, and its source.
    samples : function
        `samples(rng)` draws the samples at which the row is checked. They cover the cases in which a wrong derivative
        may look right, and run every statement of the operation.
    inputs : int
        How many parameters of `forward` are inputs. The others are options.
    degree : int or None
        1 if the operation is linear in each input taken alone, 2 if it is quadratic: then the check is exact.
    factor : int
        An integer that makes the divisions of such an operation exact (9 for a 3x3 average).
    holomorphic : bool
        False if the operation takes real numbers only, because it compares them.
    definition : function or None
        The forward pass as its equation defines it, if `forward` is a faster form. The check compares both, since a
        wrong forward pass may have a right derivative.
    parts : tuple of functions
        Further public functions of the operation, such as one of its gradients alone.
    note : str
        A remark for the reader of the results.
    """

    forward: Callable[..., Array]
    backward: Callable[..., tuple[Array | None, ...]]
    equation: str
    source: str
    samples: Callable[[np.random.Generator], Iterator[Sample]]
    inputs: int = 1
    degree: int | None = None
    factor: int = 1
    holomorphic: bool = True
    definition: Callable[..., Array] | None = None
    parts: tuple[Callable[..., Any], ...] = ()
    note: str = ""

    @property
    def name(self) -> str:
        """The name of the forward pass."""
        return self.forward.__name__

    @property
    def functions(self) -> dict[str, Callable[..., Any]]:
        """The public functions of the operation, by name."""
        return {function.__name__: function for function in (self.forward, self.backward, *self.parts)}

    @property
    def options(self) -> tuple[inspect.Parameter, ...]:
        """The parameters of the forward pass that are options."""
        return tuple(inspect.signature(self.forward).parameters.values())[self.inputs :]


# The entries, of inputs and output together, that a sample may have to be proved: such a proof takes milliseconds.
PROVED_ENTRIES = 2000


def check(operation: Operation, sample: Sample, *, seed: int = 0) -> "gradcheck.Report":
    """Compare forward with its definition, and then backward with the numerical derivative, at a sample.

    Parameters
    ----------
    operation : Operation
        The row.
    sample : Sample
        The inputs and the options.
    seed : int
        The seed of the check.

    Returns
    -------
    Report
        The verdict is WRONG if forward differs from its definition; then the derivative is not checked.
    """
    deviations = _deviations(operation, sample)
    if deviations:
        return gradcheck.Report(operation.name, f"{operation.name}_backward", gradcheck.Verdict.WRONG, (), deviations)
    return gradcheck.check_gradient(
        *_with_options(operation, sample),
        *sample.inputs,
        names=_names(operation, sample),
        degree=operation.degree,
        factor=operation.factor,
        seed=seed,
        max_entries="affordable" if operation.degree else None,  # the exact check covers every entry
        proof=False,
    )


def prove(operation: Operation, sample: Sample, *, seed: int = 0) -> "gradcheck.Proved | None":
    """Prove the operation's derivative at a sample in ball arithmetic.

    On balls an operation computes its definition. Only `check` covers the faster forms of a large convolution.

    Parameters
    ----------
    operation : Operation
        The row.
    sample : Sample
        The inputs and the options.
    seed : int
        The seed of the proof.

    Returns
    -------
    Proved or None
        None if the output is empty, or the sample has more than `PROVED_ENTRIES` entries.
    """
    forward, backward = _with_options(operation, sample)
    entries = sum(a.size for a in sample.inputs)
    output = forward(*sample.inputs) if entries <= PROVED_ENTRIES else None
    if output is None or not 0 < output.size <= PROVED_ENTRIES - entries:
        return None
    return gradcheck.prove_gradient(forward, backward, *sample.inputs, names=_names(operation, sample), seed=seed)


def _with_options(operation: Operation, sample: Sample) -> tuple[Callable[..., Array], Callable[..., Any]]:
    """Give forward and backward with the options of a sample."""
    return partial(operation.forward, **sample.options), partial(operation.backward, **sample.options)


def _names(operation: Operation, sample: Sample) -> tuple[str, ...]:
    """Give the names of the sample's inputs."""
    return tuple(list(inspect.signature(operation.forward).parameters)[: len(sample.inputs)])


def _deviations(operation: Operation, sample: Sample) -> "tuple[gradcheck.Violation, ...]":
    """Report the first entry at which forward differs from its definition, on integers, where both are exact."""
    if operation.definition is None:
        return ()
    inputs = [np.rint(8 * a) if a.dtype.kind == "f" else a for a in sample.inputs]
    forward = partial(operation.forward, *inputs, **sample.options)
    operation.backward(forward(), *inputs, **sample.options)  # both passes allocate their buffers
    spoil()  # fill the buffers: the zeros of new memory would hide entries that are never written
    output, defined = forward(), operation.definition(*inputs, **sample.options)
    spoil()  # once more, for the check of the gradient
    if output.shape != defined.shape:
        return (gradcheck.Violation("definition", f"forward has shape {output.shape}, its definition {defined.shape}"),)
    different = map(tuple, np.argwhere(output != defined)[:1].tolist())
    return tuple(
        gradcheck.Violation(
            "definition", f"forward gives {output[place]:.17g} at {place}, its definition {defined[place]:.17g}"
        )
        for place in different
    )


def _conv2d_as_defined(
    x: Array, filters: Array, bias: Array | None = None, *, stride: Pair = 1, padding: Padding = 0
) -> Array:
    """Compute Z[n, k, p, q] = sum over c, r, s of X[n, c, p t0 + r, q t1 + s] f[k, c, r, s], + b[k], from patches."""
    seen = patches(x, filters.shape[2:], stride=stride, padding=padding)
    output = np.tensordot(seen, filters, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    return output if bias is None else output + bias[:, np.newaxis, np.newaxis]


# The rows, in the order of the tables: the article's operations first.
CATALOGUE: tuple[Operation, ...] = (
    Operation(
        forward=patches,
        backward=patches_backward,
        equation="∂E/∂X[n,c,h,w] = Σ ∂E/∂patches[n,c,p,q,r,s] over p·t₀+r = h, q·t₁+s = w",
        source="article, CNN from Scratch using NumPy",
        samples=samples.patches,
        degree=1,
    ),
    Operation(
        forward=conv2d,
        backward=conv2d_backward,
        equation="∂E/∂f = X * ∂E/∂Z, ∂E/∂X = ∂E/∂Z full-convolved with f turned by 180°, ∂E/∂b = Σ ∂E/∂Z",
        source="article, Backward Propagation in CNNs: Convolution Layer",
        samples=samples.conv2d,
        degree=1,
        inputs=3,
        definition=_conv2d_as_defined,
        parts=(conv2d_grad_input, conv2d_grad_filters),
    ),
    Operation(
        forward=dense,
        backward=dense_backward,
        equation="∂E/∂x = ∂E/∂Z Wᵀ, ∂E/∂W = xᵀ ∂E/∂Z, ∂E/∂b = Σ ∂E/∂Z",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=samples.dense,
        inputs=3,
        degree=1,
    ),
    Operation(
        forward=sigmoid,
        backward=sigmoid_backward,
        equation="∂E/∂z = ∂E/∂O · O(1 - O), as σ(z) σ(-z)",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=samples.sigmoid,
    ),
    Operation(
        forward=squared_error,
        backward=squared_error_backward,
        equation="∂E/∂O = -(y - O), ∂E/∂y = y - O",
        source="article, Backward Propagation in CNNs: Fully Connected Layer",
        samples=samples.squared_error,
        inputs=2,
        degree=2,
    ),
    Operation(
        forward=standardize,
        backward=standardize_backward,
        equation="∂E/∂z = (g - mean(g) - ẑ mean(g ẑ)) / s, g = ∂E/∂ẑ",
        source="chain rule; Ioffe and Szegedy (2015), section 3",
        samples=samples.standardize,
    ),
    Operation(
        forward=flatten,
        backward=flatten_backward,
        equation="∂E/∂x[n,c,h,w] = ∂E/∂flat[n, (c·H+h)·W+w]",
        source="article, Backward Propagation in CNNs: Convolution Layer",
        samples=samples.normal((2, 3, 4, 5), (3, 1, 2, 7), (1, 4, 3, 2)),
        degree=1,
    ),
    Operation(
        forward=pad2d,
        backward=pad2d_backward,
        equation="∂E/∂x[n,c,h,w] = ∂E/∂padded[n,c,top+h,left+w]",
        source="Dumoulin and Visin (2016), section 2.2",
        samples=samples.pad2d,
        degree=1,
    ),
    Operation(
        forward=max_pool2d,
        backward=max_pool2d_backward,
        equation="∂E/∂x[n,c,h,w] = Σ ∂E/∂Z[n,c,p,q] over the windows whose first maximum stands at h,w",
        source="Scherer, Müller and Behnke (2010)",
        samples=samples.max_pool,
        holomorphic=False,
        note="where several pixels are largest, any split among them is right",
    ),
    Operation(
        forward=avg_pool2d,
        backward=avg_pool2d_backward,
        equation="∂E/∂x[n,c,h,w] = Σ ∂E/∂Z[n,c,p,q] / (pixels of p,q) over the windows that hold h,w",
        source="LeCun, Bottou, Bengio and Haffner (1998), section II.B",
        samples=samples.pool,
        degree=1,
        factor=24,  # the windows of the samples hold 1, 2, 3, 4, 6 or 8 pixels
    ),
    Operation(
        forward=tanh,
        backward=tanh_backward,
        equation="∂E/∂z = ∂E/∂O (1 - O²), as ∂E/∂O / cosh²(z)",
        source="LeCun, Bottou, Orr and Müller (1998), section 4.4",
        samples=samples.tanh,
    ),
    Operation(
        forward=relu,
        backward=relu_backward,
        equation="∂E/∂z = ∂E/∂O where z > 0, else 0",
        source="Nair and Hinton (2010)",
        samples=samples.relu,
        holomorphic=False,
        note="at the kink, 0, any slope from 0 to 1 is right",
    ),
    Operation(
        forward=leaky_relu,
        backward=leaky_relu_backward,
        equation="∂E/∂z = ∂E/∂O where z > 0, else α ∂E/∂O",
        source="Maas, Hannun and Ng (2013), section 2",
        samples=samples.leaky_relu,
        holomorphic=False,
        note="at the kink, 0, any slope from α to 1 is right",
    ),
    Operation(
        forward=softmax_cross_entropy,
        backward=softmax_cross_entropy_backward,
        equation="∂E/∂z[n,k] = (p[n,k] - 1 where k = y[n]) / N, p = softmax(z)",
        source="Goodfellow, Bengio and Courville (2016), section 6.2.2.3",
        samples=samples.softmax_cross_entropy,
        inputs=2,
    ),
)

# The functions that `scratchcnn` exports, by name.
PUBLIC: dict[str, Callable[..., Any]] = {
    name: function for operation in CATALOGUE for name, function in operation.functions.items()
} | {gradient_descent.__name__: gradient_descent}
