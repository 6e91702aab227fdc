"""What a numerical gradient is asked for, validated as a check's arguments are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import as_integer, call, output_array, real_array


@dataclass(frozen=True)
class Question:
    """The derivative of `sum(cotangent * forward(*inputs))` with respect to `inputs[index]`; floats are in float64."""

    inputs: tuple[Array, ...]
    index: int
    cotangent: Array


def validated_question(forward: Callable[..., Any], inputs: Sequence[Any], index: Any, grad_output: Any) -> Question:
    """The arguments of `numerical_gradient` in one form.

    Raises
    ------
    TypeError, ValueError
        forward is no function, an input is no array of real numbers, that of the index is not floating, the output is
        no single array of real numbers, or grad_output is not finite or has another shape.
    CallerError
        forward raised.
    """
    __tracebackhide__ = True
    if not callable(forward):
        raise TypeError(f"forward must be a function, got {type(forward).__name__}")
    if not isinstance(inputs, tuple | list | np.ndarray) or (isinstance(inputs, np.ndarray) and not inputs.ndim):
        raise TypeError(f"inputs must be a list or tuple of arrays, one for each argument of forward, got {inputs!r}")
    if not len(inputs):
        raise ValueError("inputs must not be empty: forward takes one at least")
    arrays = tuple(real_array(value, f"input {k}") for k, value in enumerate(inputs))
    place = as_integer(index)
    if place is None:
        raise TypeError(f"index must be an integer, got {index!r}")
    if not 0 <= place < len(arrays):
        raise ValueError(f"index must be 0 .. {len(arrays) - 1}, got {place}")
    if arrays[place].dtype.kind != "f":
        raise TypeError(f"input {place} has dtype {arrays[place].dtype}: only floating inputs have a gradient")
    floats = tuple(a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays)
    output = output_array(call(forward, "forward", *(a.copy() for a in floats)))
    cotangent = real_array(grad_output, "grad_output").astype(np.float64)
    if cotangent.shape != output.shape:
        raise ValueError(f"grad_output must have the output's shape {output.shape}, got {cotangent.shape}")
    if not np.isfinite(cotangent).all():
        raise ValueError("grad_output must be finite")
    return Question(floats, place, cotangent)
