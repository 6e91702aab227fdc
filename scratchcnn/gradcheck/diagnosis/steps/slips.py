"""The ways in which a step is differentiated wrongly: what stands in place of its derivative."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.activations import sigmoid


@dataclass(frozen=True)
class Parts:
    """The parts of a number, as arrays: see `tape.Part`."""

    factor: Array
    value: Array
    result: Array
    at_result: Array
    transposed: Array
    diagonal: Array

    @classmethod
    def of(cls, columns: Array) -> "Parts":
        """From the fields of `tape.Part`, (fields, parts)."""
        _, factor, _, value, result, at_result, transposed, diagonal = columns
        return cls(factor, value, result, at_result, transposed, diagonal)

    def slips(self) -> Array:
        """(slips, parts) what stands in place of each derivative; NaN where that is nothing."""
        with np.errstate(all="ignore"):
            return np.stack([slip.instead(self) for slip in SLIPS])


@dataclass(frozen=True)
class Slip:
    """A way to differentiate a step wrongly.

    Attributes
    ----------
    kind
        One of DESIGN's names of mistakes.
    sentence
        What the gradient is then: the end of "the true one ...". `{step}` is the expression, `{operand}` the part of it
        that is differentiated, `{other}` the other part of it.
    instead
        What stands in place of the derivatives.
    """

    kind: str
    sentence: str
    instead: Callable[[Parts], Array]


def _logistic_at_result(p: Parts) -> Array:
    """Of the sigmoid, taken at its output: known by its derivative, y (1 - y)."""
    y = p.result
    twice = sigmoid(y)
    return np.where(np.isclose(p.factor, y * (1 - y), rtol=1e-9, atol=0), twice * (1 - twice), np.nan)


def _one_outside_of_products(p: Parts) -> Array:
    """1, but in a product of matrices, where the factor that is left out is a matrix."""
    return np.where(np.isnan(p.diagonal), 1, np.nan)


def _minus_one(p: Parts) -> Array:
    """-1 in place of a negative derivative, outside of products of matrices: the factor `a` is missing of `-a * x`."""
    return np.where(p.factor < 0, -_one_outside_of_products(p), np.nan)


_AT_OUTPUT = "with the derivative of {step} taken at its output"
_REPLACED = "in place of the derivative of {step}"
_DERIVATIVE = "the derivative of {step} by {operand}"
_WRITTEN = "where {step} is differentiated by {operand}"

SLIPS: tuple[Slip, ...] = (
    Slip("operand", _AT_OUTPUT, lambda p: p.at_result),
    Slip("operand", _AT_OUTPUT, _logistic_at_result),
    Slip("operand", f"with y (1 - y), y the result, {_REPLACED}", lambda p: p.result * (1 - p.result)),
    Slip("operand", f"with 1 - y², y the result, {_REPLACED}", lambda p: 1 - p.result**2),
    Slip("operand", f"with 1 - x², x the argument, {_REPLACED}", lambda p: 1 - p.value**2),
    Slip("operand", f"with x (1 - x), x the argument, {_REPLACED}", lambda p: p.value * (1 - p.value)),
    Slip("transposed", "with {other} not transposed on the way back through {step}", lambda p: p.transposed),
    Slip("missing-factor", "without the factor {other} on the way back through {step}", lambda p: p.diagonal),
    Slip("sign", f"with the wrong sign {_WRITTEN}", lambda p: -p.factor),
    Slip("missing-term", "with {operand} in {step} taken for a constant", lambda p: 0 * p.factor),
    Slip("missing-factor", "without the derivative of {step} by {operand}", _one_outside_of_products),
    Slip("missing-factor", "without the derivative of {step} by {operand}, but for its sign", _minus_one),
    Slip("operand", f"with {{operand}}, its own factor, in place of the other one {_WRITTEN}", lambda p: p.value),
    Slip("swapped", f"with {{operand}} in place of {{other}} {_WRITTEN}", lambda p: p.value),
    Slip("operand", f"with y, the result, {_REPLACED} by {{operand}}", lambda p: p.result),
    Slip("operand", f"with 1 - y, y the result, {_REPLACED}", lambda p: 1 - p.result),
    Slip("operand", f"with 1 - d in place of d, {_DERIVATIVE}", lambda p: 1 - p.factor),
    Slip("operand", f"with 1 / d in place of d, {_DERIVATIVE}", lambda p: 1 / p.factor),
    Slip("missing-factor", "with the derivative of {step} by {operand} counted twice", lambda p: p.factor**2),
    Slip("operand", f"with the square root of d in place of d, {_DERIVATIVE}", lambda p: np.sqrt(p.factor)),
)
CONSTANT = next(n for n, slip in enumerate(SLIPS) if slip.kind == "missing-term")
"""The number of the slip in which an operand is taken for a constant."""
ODD = next(n for n, slip in enumerate(SLIPS) if slip.kind == "swapped") - 1
"""The number of the first slip that another mistake may look like."""
