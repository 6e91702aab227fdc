"""Planting a mistake: a right operation beside a gradient that public code has in its place.

A mistake says what becomes of one input's right gradient `d`, given the cotangent and the inputs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.gradcheck.draws import Draw
from tests.gradcheck.operations import Operation

# Gradients of wrong values, and breaches of the contract, which are reported as such.
# fmt: off
VALUES = [
    "sign", "constant-factor", "zero-gradient", "transposed", "rotated", "permuted", "shifted", "swapped",
    "missing-factor", "missing-term", "batch", "broadcast", "border", "single-entry", "subset", "overlap",
    "stride-ignored", "padding-not-cropped", "small-relative", "precision", "kink", "stale",
]
# fmt: on
BREACHES = ["shape", "dtype", "not-finite", "mutation", "nondeterministic", "ignores-cotangent"]


@dataclass(frozen=True)
class Mistake:
    """A wrong backward for a right forward; `pair` makes both anew, since some remember what they were given."""

    name: str
    kind: str
    right: Operation
    pair: Callable[[], tuple[Callable[..., Any], Callable[..., Any]]]
    draw: Draw


def plant(
    right: Operation, kind: str, what: str, index: int, change: Callable[..., Any], draw: Draw | None = None
) -> Mistake:
    """The operation with the gradient of one input replaced by `change(d, grad_output, *inputs)`."""

    def wrong(g, *inputs):
        given = right.backward(g, *inputs)
        gradients = list(given) if isinstance(given, tuple) else [given]
        gradients[index] = change(gradients[index], g, *inputs)
        return tuple(gradients)

    return Mistake(f"{right.name}: {what}", kind, right, lambda: (right.forward, wrong), draw or right.draw)


def remembering(right: Operation, kind: str, what: str, pair: Callable[[], Any]) -> Mistake:
    return Mistake(f"{right.name}: {what}", kind, right, pair, right.draw)


def but(d: np.ndarray, where: Any, change: Callable[[Any], Any]) -> np.ndarray:
    """The gradient, changed at some entries."""
    d = d.copy()
    d[where] = change(d[where])
    return d


def rounded(d: np.ndarray, dtype: Any) -> np.ndarray:
    return d.astype(dtype).astype(d.dtype)
