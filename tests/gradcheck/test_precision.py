"""float32 and float16: right code passes at every scale, wrong code does not; kernels that know one precision only."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from tests.gradcheck.pairs import product, product_backward

POINT = np.random.default_rng(3).standard_normal(24)


def sigmoid(z):
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1) / (1 + e)


def sigmoid_backward(g, z):
    o = sigmoid(z)
    return g * o * (1 - o)


def tanh_backward(g, z):
    return g * (1 - np.tanh(z) ** 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 10.0])
def test_right_code_passes_in_low_precision(dtype, scale):
    z = (scale * POINT).astype(dtype)
    assert check_gradient(sigmoid, sigmoid_backward, z).verdict is Verdict.RIGHT
    assert check_gradient(np.tanh, tanh_backward, z).verdict is Verdict.RIGHT


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_right_float32_code_passes_at_every_scale(scale):
    x, w = (scale * POINT.reshape(4, 6)).astype(np.float32), POINT.reshape(6, 4).astype(np.float32)
    assert check_gradient(product, product_backward, x, w).verdict is Verdict.RIGHT
    assert check_gradient(sigmoid, sigmoid_backward, (scale * POINT).astype(np.float32)).verdict is Verdict.RIGHT


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3, 1e6])
def test_a_factor_of_1_001_is_wrong_in_float32(scale):
    x, w = (scale * POINT.reshape(4, 6)).astype(np.float32), POINT.reshape(6, 4).astype(np.float32)

    def backward(g, x, w):
        grad_x, grad_w = product_backward(g, x, w)
        return grad_x, grad_w * g.dtype.type(1.001)

    report = check_gradient(product, backward, x, w)
    assert [i.verdict for i in report.inputs] == [Verdict.RIGHT, Verdict.WRONG]


def only_float32(function):
    """A kernel that refuses any other precision, as a framework's does."""

    def kernel(*arrays):
        if any(a.dtype != np.float32 for a in arrays):
            raise TypeError("expected float32")
        return function(*arrays)

    return kernel


def test_a_kernel_that_knows_float32_only_is_decided_in_float32():
    x, w = POINT.reshape(4, 6).astype(np.float32), POINT.reshape(6, 4).astype(np.float32)
    assert check_gradient(only_float32(product), only_float32(product_backward), x, w).verdict is Verdict.RIGHT
    twice = only_float32(lambda g, x, w: (g @ w.T, 2 * (x.T @ g)))
    report = check_gradient(only_float32(product), twice, x, w)
    assert [i.verdict for i in report.inputs] == [Verdict.RIGHT, Verdict.WRONG]


def test_a_forward_that_passes_through_float32_inside_is_not_accused():
    def forward(x):
        return np.sin(x.astype(np.float32)).astype(np.float64)

    assert check_gradient(forward, lambda g, x: g * np.cos(x), POINT).verdict is not Verdict.WRONG
    assert check_gradient(forward, lambda g, x: 1.01 * g * np.cos(x), POINT).verdict is Verdict.WRONG


@pytest.mark.parametrize("proof", [True, False])
def test_a_function_that_depends_on_its_dtype_is_not_accused(proof):
    """An eps of float32 in float32, of float64 in float64: two functions, each with its own gradient."""

    def forward(x):
        return np.log(x + 100 * np.finfo(x.dtype).eps)

    def backward(g, x):
        return g / (x + 100 * np.finfo(x.dtype).eps)

    x = np.array([1e-4, 0.7, 1.2], np.float32)
    report = check_gradient(forward, backward, x, proof=proof)
    assert report.verdict is Verdict.UNDECIDED
    assert "in float32 forward is another function than in float64" in report.inputs[0].reason
    assert check_gradient(forward, backward, x.astype(np.float64), proof=proof).ok
    assert check_gradient(forward, lambda g, x: 1.01 * backward(g, x), x[1:], proof=proof).verdict is Verdict.WRONG
