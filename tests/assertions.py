"""Assertions for tests of the operations: agreement within an error bound, and the contract of every operation."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

FLOATS = (np.float16, np.float32, np.float64, np.longdouble)


def gamma(n: int, dtype: Any) -> float:
    """Bound the relative error of n roundings by n u / (1 - n u) (Higham, "Accuracy and Stability", lemma 3.1)."""
    u = float(np.finfo(dtype).eps) / 2
    return n * u / (1 - n * u)


def assert_within(actual: Any, expected: Any, bound: Any) -> None:
    """Assert that the arrays have the same shape, and that no entry differs by more than the bound."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    excess = np.abs(actual - expected) - bound
    worst = np.unravel_index(np.argmax(excess), excess.shape)
    assert np.all(excess <= 0), (
        f"{actual[worst]!r} is not {expected[worst]!r} at {worst}: "
        f"off by {abs(actual[worst] - expected[worst]):.3g}, bound {np.broadcast_to(bound, actual.shape)[worst]:.3g}"
    )


def assert_contract(
    forward: Callable[..., Any], backward: Callable[..., Any], *inputs: Sequence[Any], holomorphic: bool = True
) -> None:
    """Assert the contract of every operation, for each dtype. `inputs` are zeros and ones, which every dtype holds."""
    for dtype in FLOATS:
        _assert_gradients(forward, backward, [np.asarray(a, dtype) for a in inputs], expected=dtype)
    for dtype in (np.bool_, np.uint8, np.int64):
        # The operation converts them itself; the result equals that of float64 inputs.
        typed = [np.asarray(a, dtype) for a in inputs]
        output = _assert_gradients(forward, backward, typed, expected=np.float64)
        assert np.array_equal(output, forward(*(np.asarray(a, np.float64) for a in inputs)))
    for dtype in (np.complex64, np.complex128) if holomorphic else ():
        assert forward(*(np.asarray(a, dtype) for a in inputs)).dtype == dtype
    _assert_own_dtypes(forward, backward, inputs)
    _assert_untouched(forward, backward, [np.array(a, np.float64) for a in inputs])
    as_lists = [np.asarray(a, np.float64).tolist() for a in inputs]
    assert np.array_equal(forward(*as_lists), forward(*(np.asarray(a, np.float64) for a in inputs)))


def _assert_gradients(forward: Any, backward: Any, inputs: list[np.ndarray], expected: Any) -> np.ndarray:
    output = forward(*inputs)
    gradients = backward(np.ones(output.shape, output.dtype), *inputs)
    assert output.dtype == expected
    assert isinstance(gradients, tuple)
    assert [g.shape for g in gradients] == [a.shape for a in inputs]
    assert [g.dtype for g in gradients] == [expected for _ in inputs]
    return output


def _assert_own_dtypes(forward: Any, backward: Any, inputs: Sequence[Any]) -> None:
    """Each gradient has the dtype of its own input, whatever the dtypes of the other inputs and of the cotangent."""
    for shift in range(len(inputs)):
        dtypes = [(np.float32, np.float64, np.longdouble)[(k + shift) % 3] for k in range(len(inputs))]
        typed = [np.asarray(a, d) for a, d in zip(inputs, dtypes, strict=True)]
        for dtype in (np.float16, np.longdouble):
            cotangent = np.ones(forward(*typed).shape, dtype)
            assert [g.dtype for g in backward(cotangent, *typed)] == dtypes


def _assert_untouched(forward: Any, backward: Any, inputs: list[np.ndarray]) -> None:
    """Neither pass writes into its arguments: a read-only array would raise."""
    cotangent = np.ones(forward(*inputs).shape)
    for array in (cotangent, *inputs):
        array.setflags(write=False)
    first, second = (backward(cotangent, *inputs) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def assert_complex_step(forward: Callable[..., Any], backward: Callable[..., Any], *inputs: np.ndarray) -> None:
    """Assert that forward is holomorphic: Im f(x + i h v) / h is its derivative along v, to roundoff.

    Source: Squire and Trapp, "Using Complex Variables to Estimate Derivatives of Real Functions" (1998).
    """
    rng = np.random.default_rng(0)
    step = 1e-20
    cotangent = np.asarray(rng.uniform(0.5, 2, size=np.shape(forward(*inputs))))
    for k, gradient in enumerate(backward(cotangent, *inputs)):
        if gradient is None:  # labels
            continue
        direction = rng.uniform(0.5, 2, size=inputs[k].shape)
        moved = [a + 1j * step * direction if j == k else a for j, a in enumerate(inputs)]
        along = np.sum(cotangent * forward(*moved).imag) / step
        # Both sums have a few hundred terms at most, with a dozen roundings in each term.
        assert_within(
            along, np.sum(gradient * direction), gamma(500, np.float64) * np.sum(np.abs(gradient * direction))
        )
