"""Realistic breaks of this repository's own operations: a text in their source is another one."""

import linecache
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import getsource
from types import ModuleType
from typing import Any

import numpy as np

from scratchcnn import (
    avg_pool2d,
    conv2d,
    dense,
    flatten,
    leaky_relu,
    max_pool2d,
    pad2d,
    patches,
    relu,
    sigmoid,
    softmax_cross_entropy,
    squared_error,
    standardize,
    tanh,
)

# The convolution's forms for numbers of any kind: they read as the equations do.
PLAIN_INPUT = "any_ring(filters) else fast.grad_input => any_ring(filters) else convolve_grad_input"
PLAIN_FILTERS = "any_ring(x) else fast.grad_filters => any_ring(x) else convolve_grad_filters"


@dataclass(frozen=True)
class Break:
    """A break of a backward pass.

    Attributes
    ----------
    name
        What was done.
    forward
        The operation.
    edits
        "old text => new text" of the module's source; several, one below the other.
    says
        What the first sentence of the report has to have in it.
    inputs, options
        Where it is checked, and the keywords of both functions.
    """

    name: str
    forward: Callable[..., Any]
    edits: str
    says: str
    inputs: tuple[np.ndarray, ...]
    options: dict[str, Any]

    def pair(self) -> tuple[Callable[..., Any], Callable[..., Any]]:
        """Forward as it is, and the broken backward."""
        broken = edited(sys.modules[self.forward.__module__], self.edits)
        backward = getattr(broken, f"{self.forward.__name__}_backward")
        if not self.options:
            return self.forward, backward
        return partial(self.forward, **self.options), partial(backward, **self.options)


def edited(module: ModuleType, edits: str) -> ModuleType:
    """A copy of a module whose source has other texts in it."""
    source = getsource(module)
    for edit in edits.splitlines():
        old, new = edit.split(" => ")
        assert old in source, f"{module.__name__} has no {old!r}"
        source = source.replace(old, new)
    file = f"broken/{len(linecache.cache)}/{module.__name__.rpartition('.')[2]}.py"  # messages say how a file ends
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    copy = ModuleType(module.__name__)
    exec(compile(source, file, "exec"), vars(copy))
    return copy


def broken(name: str, forward: Callable[..., Any], edits: str, says: str, inputs: Any, **options: Any) -> Break:
    """A break; its name begins with that of the operation."""
    return Break(f"{forward.__name__}: {name}", forward, edits, says, inputs, options)


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    """Numbers of a normal distribution."""
    return np.random.default_rng(seed).normal(size=shape)


TALL = drawn(5, 4), drawn(4, 3, seed=1), drawn(3, seed=2)
SQUARE = drawn(4, 4), drawn(4, 4, seed=1), drawn(4, seed=2)
PAIR = drawn(3, 2), drawn(3, 2, seed=1)
LOGITS = drawn(5, 3), np.array([2, 0, 1, 1, 0])
CONV = drawn(2, 3, 5, 6), drawn(4, 3, 2, 3, seed=1), drawn(4, seed=2)
SAME_CHANNELS = drawn(2, 3, 5, 6), drawn(3, 3, 2, 3, seed=1), drawn(3, seed=2)
Z = (drawn(3, 5),)
IMAGES = (drawn(2, 2, 5, 7),)
TIES = (np.array([[[[1.0, 3.0, 2.0], [3.0, 0.0, -1.0], [0.5, 2.5, 4.0]]]]),)

BREAKS = [
    broken("weight not transposed", dense, "@ weight.T => @ weight", "`weight` not transposed", SQUARE),
    broken("the weight's gradient transposed", dense, "x.T @ grad_output, => grad_output.T @ x,",
           "weight is the true one with axes 0 and 1 exchanged", SQUARE),
    broken("the gradients of x and the weight exchanged", dense,
           "grad_output @ weight.T, x.T @ grad_output, => x.T @ grad_output, grad_output @ weight.T,",
           "x is that of weight", SQUARE),
    broken("the bias's gradient averaged", dense, "grad_output.sum(axis=0) => grad_output.mean(axis=0)",
           "bias is 1/5 times the true one (5 is the length of axis 0 of x", TALL),
    broken("the bias's gradient of the first sample", dense, "grad_output.sum(axis=0) => grad_output[0]",
           "first sample alone", TALL),
    broken("the bias's gradient not summed", dense, "grad_output.sum(axis=0) => grad_output",
           "bias is right if summed over axis 0", TALL),
    broken("the bias's gradient summed over the neurons", dense, "grad_output.sum(axis=0) => grad_output.sum(axis=1)",
           "what the outputs contribute, summed over axis 1", SQUARE),
    broken("σ in place of its derivative", sigmoid, "sigmoid(z) * sigmoid(-z) => sigmoid(z)",
           "without the factor 1 - sigmoid(z)", Z),
    broken("the derivative taken at the output", sigmoid,
           "sigmoid(z) * sigmoid(-z) => sigmoid(sigmoid(z)) * sigmoid(-sigmoid(z))", "`z` in place of `sigmoid(z)`", Z),
    broken("the cotangent forgotten", sigmoid, "as_cotangent(grad_output, slope.shape) * slope => slope",
           "without the factor the cotangent", Z),
    broken("1 / cosh not squared", tanh, "(inverse_cosh * inverse_cosh) => (inverse_cosh)",
           "right with `(2 * power / (1 + power * power)) ** 2` in place of `2 * power / (1 + power * power)`", Z),
    broken("a factor 2 forgotten", tanh, "inverse_cosh = 2 * power => inverse_cosh = power",
           "`2 * power` in place of `power`", Z),
    broken("masked by the cotangent's sign", relu, "~(z <= 0) => ~(np.asarray(grad_output) <= 0)",
           "right with `z` in place of `np.asarray(grad_output)`", Z),
    broken("no mask", relu, "keep(as_cotangent(grad_output, z.shape), positive) => as_cotangent(grad_output, z.shape)",
           "itself: the output's derivative is missing", Z),
    broken("another α in backward", leaky_relu, "flat, grad_output = => alpha, flat, grad_output = 0.01,",
           "that of alpha=0.01; forward has alpha=0.2", Z, alpha=0.2),
    broken("α forgotten", leaky_relu, "alpha * keep(grad_output, flat) => keep(grad_output, flat)",
           "that of alpha=1.0; forward has alpha=0.2", Z, alpha=0.2),
    broken("assigned where windows overlap", max_pool2d, "if disjoint: => if True:", "assigned (=), not added (+=)",
           IMAGES, window=3, stride=1),
    broken("each of two equal pixels gets all", max_pool2d, "first &= unclaimed[places] => pass", "sit on a kink", TIES,
           window=2, stride=1),
    broken("not divided", avg_pool2d, "_spread(grad_output / _pixels(x, windows), => _spread(grad_output,",
           "without the derivative of `_combine(np.add, 0, x, windows) / _pixels(x, windows)`", IMAGES, window=(2, 3)),
    broken("the padding counted", avg_pool2d, "_spread(grad_output / _pixels(x, windows), => _spread(grad_output / 9,",
           "up to 2 entries from the border of its last two axes", IMAGES, window=3, stride=2, padding=1),
    broken("cropped from the corner", pad2d,
           "[:, :, top : top + height, left : left + width] => [:, :, :height, :width]", "cropped in the wrong place",
           IMAGES, padding=((1, 2), (2, 0))),
    broken("the output's sign", squared_error, "(inputs, -residual, residual) => (inputs, residual, residual)",
           "output is minus the true one", PAIR),
    broken("a factor 2", squared_error, "as_cotangent(grad_output, ()) * (t => 2 * as_cotangent(grad_output, ()) * (t",
           "without the derivative of `np.sum(residual * residual) / 2`", PAIR),
    broken("not averaged", softmax_cross_entropy, " / len(labels) => ",
           "5 times the true one (5 is the length of axis 0 of logits", LOGITS),
    broken("the softmax over the samples", softmax_cross_entropy,
           "total = power.sum(axis=1, => total = power.sum(axis=0,",
           "right with sum over axis 1 (keepdims=True): `power.sum(axis=0,", LOGITS),
    broken("the true class not subtracted", softmax_cross_entropy,
           "power[rows, labels] = 0 => pass\npower[rows, labels] = -power.sum(axis=1) => pass",
           "a multiple of (class = labels)", LOGITS),
    broken("the mean taken for a constant", standardize, " - _mean(grad_output, axes) => ",
           "as of a mean taken for a constant", Z, axis=1),
    broken("the deviation taken for a constant", standardize, " - output * _mean(grad_output * output, axes) => ",
           "taken for a constant", Z, axis=1),
    broken("not divided by the deviation", standardize, "grad_z / deviation => grad_z",
           "times the standard deviation of z along axis 1 once more", Z, axis=1),
    broken("in another order", flatten, 'grad_output.reshape(x.shape) => grad_output.reshape(x.shape, order="F")',
           "numbers laid out in the axes' order (0, 3, 2, 1)", IMAGES),
    broken("the filters not turned", conv2d,
           f"{PLAIN_INPUT}\n(grad_output, filters, (1 => (grad_output, filters[..., ::-1, ::-1], (1",
           "x is the true one for filters turned by 180 degrees", CONV),
    broken("the channels for the filters", conv2d, f"{PLAIN_INPUT}\nfilters, (1, 0)) => filters, (1, 1))",
           "x is the true one for filters with axes 0 and 1 exchanged", SAME_CHANNELS),
    broken("the filters' gradient turned", conv2d,
           "return backward(grad_output, x, windows) => return backward(grad_output, x, windows)[..., ::-1, ::-1]",
           "filters is the true one turned by 180 degrees", CONV),
    broken("the filters' gradient of the first image", conv2d,
           f"{PLAIN_FILTERS}\n(grad_output, cut_out(x, windows) => (grad_output[:1], cut_out(x[:1], windows)",
           "first sample alone", CONV),
    broken("the bias's gradient averaged over the pixels", conv2d,
           "grad_output.sum(axis=(0, 2, 3)) => grad_output.mean(axis=(2, 3)).sum(axis=0)",
           "1/16 times the true one (16 is the pixels of the output)", CONV),
    broken("assigned where windows overlap", patches, "seen += grad_patches => seen[...] = grad_patches",
           "assigned (=), not added (+=)", IMAGES, window=2),
    broken("the first row of each window left out", patches, "range(windows.size[0]) => range(1, windows.size[0])",
           "without index 0 of the output's axis 4", IMAGES, window=(3, 2)),
    broken("cropped from the corner", patches,
           "return padded[:, :, top : top + height, left : left + width] => return padded[:, :, :height, :width]",
           "cropped in the wrong place", IMAGES, window=2, padding=1),
]  # fmt: skip
