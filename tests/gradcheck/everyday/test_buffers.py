"""Layers that write their gradients into buffers of a low precision: right ones are right, wrong ones wrong."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_layer


def drawn(seed, *shapes):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


class ShiftedNorm:
    """A bias before a batch norm: its gradient is zero, but for roundoff. It is added up in a buffer."""

    factor = 1.0

    def __init__(self, b):
        self.params, self.grads = [b], [np.zeros_like(b)]

    def forward(self, x):
        z = x + self.params[0]
        self.inverse = 1 / np.sqrt(z.var(0) + z.dtype.type(1e-5))
        self.z = (z - z.mean(0)) * self.inverse
        return self.z

    def backward(self, g):
        n = len(g)
        d = self.inverse / n * (n * g - self.factor * g.sum(0) - self.z * (g * self.z).sum(0))
        self.grads[0][...] = d.sum(0)
        return d


class MeanForgotten(ShiftedNorm):
    factor = 0.0


class Scaled:
    """Tanh in the precision of x, times a factor in float64; the gradient of the bias is kept in float32."""

    def __init__(self, b, gamma):
        self.b, self.gamma, self.gb = b, gamma, np.zeros_like(b)

    def forward(self, x):
        self.t = np.tanh(x + self.b)
        return self.gamma * self.t

    def backward(self, g):
        self.dgamma = (g * self.of_gamma()).sum(0)
        d = g * self.gamma * (1 - self.t**2)
        self.db = self.gb
        self.gb[...] = d.sum(0)
        return d

    def of_gamma(self):
        return self.t


class SquareForgotten(Scaled):
    def of_gamma(self):
        return self.t**2


@pytest.mark.parametrize("seed", range(6))
def test_a_zero_that_is_added_up_in_float32_is_right(seed):
    x, b = drawn(seed, (4, 2), 2)
    assert check_gradient(*from_layer(ShiftedNorm(b), x)).verdict is Verdict.RIGHT


def test_what_is_not_zero_there_is_wrong():
    x, b = drawn(0, (4, 2), 2)
    report = check_gradient(*from_layer(MeanForgotten(b), x))
    assert [each.verdict for each in report.inputs] == [Verdict.WRONG, Verdict.WRONG]
    assert report.diagnoses


def test_a_parameter_in_float64_is_known_to_the_precision_of_the_input_beside_it():
    x, b = drawn(0, (4, 2), 2)
    gamma = np.array([1.5, 0.7])
    assert check_gradient(*from_layer(Scaled(b, gamma), x)).verdict is Verdict.RIGHT
    report = check_gradient(*from_layer(SquareForgotten(b, gamma), x))
    assert {each.name: each.verdict for each in report.inputs} == {
        "x": Verdict.RIGHT,
        "b": Verdict.RIGHT,
        "gamma": Verdict.WRONG,
    }
