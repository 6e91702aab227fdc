"""What the command line says of inputs: `x=4x3x8x8`, `labels=int:4:10`; and of options: `stride=2`."""

import ast
import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array

_SHAPE = r"(?P<shape>\d+(?:x\d+)*|scalar)"
_FLOATS = re.compile(rf"(?:(?P<dtype>float16|float32|float64):)?{_SHAPE}")
# Of an input that is drawn: half a gigabyte in float64.
MOST_NUMBERS = 2**26
MOST_AXES = 32  # of an array, in all versions of NumPy
_INTEGERS = re.compile(rf"int:{_SHAPE}:(?P<below>[1-9]\d*)")


@dataclass(frozen=True)
class Spec:
    """An array to draw: of real numbers, or of integers from 0 up to, but not including, `below`."""

    shape: tuple[int, ...]
    dtype: str = "float64"
    below: int | None = None

    def drawn(self, rng: np.random.Generator, *, positive: bool = False) -> Array:
        """Draws it: real numbers from the normal distribution, or, with `positive`, between 1/2 and 3/2."""
        if self.below is not None:
            return np.asarray(rng.integers(0, self.below, self.shape))
        values = rng.uniform(0.5, 1.5, self.shape) if positive else rng.normal(size=self.shape)
        return np.asarray(values, self.dtype)


def spec_of(text: str) -> tuple[str, Spec]:
    """Reads `NAME=SHAPE`, `NAME=float32:SHAPE` or `NAME=int:SHAPE:BELOW`; a shape is `4x3`, `4` or `scalar`.

    Raises
    ------
    ValueError
        It is none of these, or too large to be drawn.
    """
    name, _, form = text.partition("=")
    found = _INTEGERS.fullmatch(form) or _FLOATS.fullmatch(form)
    if not name.isidentifier() or found is None:
        raise ValueError(f"must be NAME=4x3x8x8, NAME=float32:4x3, NAME=int:4:10 or NAME=scalar, got {text!r}")
    parts = found.groupdict()
    shape = () if parts["shape"] == "scalar" else tuple(map(int, parts["shape"].split("x")))
    if len(shape) > MOST_AXES or math.prod(shape) > MOST_NUMBERS:
        raise ValueError(f"may have at most {MOST_AXES} axes and {MOST_NUMBERS:,} numbers, got {text!r}")
    below = None if parts.get("below") is None else int(parts["below"])
    if below is not None and below > 2**63:
        raise ValueError(f"must be of integers below 2**63, got {text!r}")
    return name, Spec(shape, parts.get("dtype") or "float64", below)


def option_of(text: str) -> tuple[str, Any]:
    """Reads `NAME=VALUE`: a number, a word, or anything that Python writes as a literal, such as `(2, 1)`.

    Raises
    ------
    ValueError
        There is no name before a "=".
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise ValueError(f"must be NAME=VALUE, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):  # as `{[]}`, and brackets in brackets
        return name, value
