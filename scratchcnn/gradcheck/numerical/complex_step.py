"""The complex step: where forward is holomorphic, one evaluation gives a derivative that is right to roundoff.

    f(x + ih) = f(x) + ih f'(x) - h² f''(x) / 2 - ...,  so  Im f(x + ih) / h = f'(x) + O(h²)

Nothing is subtracted, so h may be 1e-20 and the second term vanishes, however far f is offset (Squire and Trapp 1998).
It is never trusted alone: `abs`, `>=`, `max`, a conjugate, or a buffer of floats break it silently.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.numerical.probe import Array

STEP = 1e-20
# Roundoffs of the sum Σ|c||∂y/∂x| that the result is taken to be off by, at least; and what its distance to the
# clongdouble twin is multiplied by.
ROUNDOFFS, TWIN = 64.0, 4.0


def complex_step(
    forward: Callable[..., Any], inputs: Sequence[Array], index: int, entries: Array, unit: Array, cotangent: Array
) -> tuple[Array, Array] | None:
    """Derivatives of the contracted output by `entries`, with bounds; None where forward refuses complex numbers.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`.
    inputs, index, entries
        The point, which input is moved, and which of its entries (flat indices).
    unit
        (size of the input,) the scale of each entry.
    cotangent
        (outputs,) the weights of the outputs.
    """
    fine = _imaginary(forward, inputs, index, entries, unit, np.clongdouble)
    found = _imaginary(forward, inputs, index, entries, unit, np.complex128)
    if found is None:
        return None
    value = found @ cotangent
    bound = ROUNDOFFS * np.finfo(np.float64).eps * (np.abs(found) @ np.abs(cotangent))
    if fine is not None:
        bound = bound + TWIN * np.abs(fine @ cotangent - value).astype(np.float64)
    return value, bound


def _imaginary(
    forward: Callable[..., Any], inputs: Sequence[Array], index: int, entries: Array, unit: Array, dtype: DTypeLike
) -> Array | None:
    """(entries, outputs) Im f(x + ih) / h, or None."""
    arrays = [a.copy() for a in inputs]
    arrays[index] = arrays[index].astype(dtype, order="C")
    x = arrays[index].reshape(-1)
    rows = []
    for entry in entries:
        h = STEP * float(unit[entry])
        real = x[entry]
        x[entry] += h * 1j
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)  # an imaginary part that was dropped
                y = np.asarray(forward(*arrays))
        except Exception:
            return None
        x[entry] = real
        if y.dtype != dtype or h == 0:
            return None
        rows.append(y.imag.reshape(-1) / h)
    return np.array(rows)
