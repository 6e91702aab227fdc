"""SciPy's functions for balls: those that are compiled, or look at dtypes. Its ufuncs follow the rules."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.balls.arrays import as_balls
from scratchcnn.gradcheck.proof.balls.ball import NotHeld
from scratchcnn.gradcheck.proof.balls.functions import known
from scratchcnn.gradcheck.proof.balls.linalg import LINALG
from scratchcnn.gradcheck.proof.balls.products import tensordot


def logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """The logarithm of the sum of b exp(a)."""
    if return_sign:
        raise NotHeld("asks for the sign of a sum of exponentials")
    a = as_balls(a)
    top = np.max(a, axis=axis, keepdims=True)
    terms = np.exp(a - top) if b is None else as_balls(b) * np.exp(a - top)
    result = np.log(np.sum(terms, axis=axis, keepdims=True)) + top
    return result if keepdims else np.squeeze(result, axis=axis)[()]


def softmax(x: Any, axis: Any = None) -> Any:
    """exp(x) divided by its sum."""
    return np.exp(log_softmax(x, axis))


def log_softmax(x: Any, axis: Any = None) -> Any:
    """The logarithm of the softmax: x less the logarithm of the sum of exp(x)."""
    return as_balls(x) - logsumexp(x, axis, keepdims=True)


# Convolutions.


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """The sums of products at all overlaps of two arrays, with the second reversed."""
    a, v = as_balls(in1), as_balls(in2)
    if a.ndim != v.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    if known(mode) == "valid" and any(n < m for n, m in zip(a.shape, v.shape, strict=True)):
        if any(n > m for n, m in zip(a.shape, v.shape, strict=True)):
            raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")
        a, v = v, a
    around = np.pad(a, [(0, 0) if mode == "valid" else (m - 1, m - 1) for m in v.shape])
    windows = np.lib.stride_tricks.sliding_window_view(around, v.shape)
    axes = list(range(v.ndim))
    whole = tensordot(windows, np.flip(v), ([v.ndim + i for i in axes], axes))
    if mode == "same":
        return whole[tuple(slice((m - 1) // 2, (m - 1) // 2 + n) for n, m in zip(a.shape, v.shape, strict=True))]
    return whole


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    """As `convolve`, but the second array is not reversed."""
    return convolve(in1, np.flip(as_balls(in2)), mode)


def convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    """As `convolve`, for images."""
    return _inside_zeros(convolve, in1, in2, mode, boundary, fillvalue)


def correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    """As `correlate`, for images. In mode "same", an even window lies one pixel further."""
    if mode != "same":
        return _inside_zeros(correlate, in1, in2, mode, boundary, fillvalue)
    whole = _inside_zeros(correlate, in1, in2, "full", boundary, fillvalue)
    return whole[tuple(slice(m // 2, m // 2 + n) for n, m in zip(np.shape(in1), np.shape(in2), strict=True))]


def _inside_zeros(function: Callable[..., Any], a: Any, v: Any, mode: str, boundary: str, fillvalue: Any) -> Any:
    if boundary != "fill" or fillvalue != 0:
        raise NotHeld("asks for a border that balls have no rule for")
    return function(a, v, mode)


def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    """The solution for a triangular matrix; its other half is ignored."""
    half = np.tril(as_balls(a)) if lower else np.triu(as_balls(a))
    if unit_diagonal or trans not in (0, "N", 1, "T"):
        raise NotHeld("asks for a triangle that balls have no rule for")
    return LINALG["solve"](half if trans in (0, "N") else half.T, b)


# What stands in for SciPy's functions, by the module and the name.
SCIPY: dict[tuple[str, str], Callable[..., Any]] = {
    **{("special", f.__name__): f for f in (logsumexp, softmax, log_softmax)},
    **{("signal", f.__name__): f for f in (convolve, correlate, convolve2d, correlate2d)},
    **{("signal", name): convolve for name in ("fftconvolve", "oaconvolve")},
    **{("linalg", name): LINALG[name] for name in ("solve", "inv", "det", "norm")},
    ("linalg", "solve_triangular"): solve_triangular,
}
