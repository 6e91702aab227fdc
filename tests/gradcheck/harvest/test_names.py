"""What the check of a harvested pair says of a mistake: as much as a check of the two functions by themselves."""

import numpy as np
import pytest

from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.checking import PairCheck
from scratchcnn.gradcheck.harvest.pairs import Pair
from scratchcnn.gradcheck.verdict import Verdict

ARRAYS = {"x": np.array([[0.5, -1.5, 2.0], [1.25, 0.75, -0.5]]), "b": np.array([1.0, 3.0, -2.0])}


def gate(x, b, power=2):
    z = x * b
    return z**power / (1 + np.exp(-x))


def gate_backward(grad, x, b, power=2):
    z = x * b
    s = 1 / (1 + np.exp(-x))
    dz = grad * s * power * z ** (power - 1)
    return dz * b + grad * z**power * s * (1 - x), (dz * x).sum(axis=0)


def gate_option_first(power, x, b):
    return gate(x, b, power)


def gate_option_first_backward(grad, power, x, b):
    return gate_backward(grad, x, b, power)


def scaled(x, b, scale=1.0):
    return np.tanh(scale * x) * b


def scaled_backward(grad, x, b, scale=1.0):
    t = np.tanh(x)
    return grad * b * (1 - t**2), (grad * np.tanh(scale * x)).sum(axis=0)


def step(x, lr):
    return x - lr * np.tanh(x)


def step_backward(grad, x, lr):
    t = np.tanh(x)
    return grad * (1 - lr * (1 - t**2)), -(grad * t).sum()


def report(forward, backward, **arguments):
    """On a pair, at a call with these arguments."""
    return PairCheck(Pair("", forward, backward), {}).report(Call(arguments, ("", ""), "", 0, ()))


def said(forward, backward, **arguments):
    """The message of the first diagnosis."""
    return report(forward, backward, **arguments).diagnoses[0].message


@pytest.mark.parametrize("options", [{}, {"power": 2}, {"power": 3}])
def test_the_expression_that_is_wrong_is_named(options):
    assert said(gate, gate_backward, **ARRAYS, **options).startswith("right with `s` in place of `x`: `1 - x` (test_n")


def test_it_is_named_where_an_option_comes_before_the_inputs():
    message = said(gate_option_first, gate_option_first_backward, power=3, **ARRAYS)
    assert message.startswith("right with `s` in place of `x`: `1 - x` (test_names.py:")


def test_an_option_that_backward_ignores_is_named_with_its_value():
    message = said(scaled, scaled_backward, **ARRAYS, scale=3.0)
    assert message.startswith("that of scale=1.0; forward has scale=3.0")


def test_a_derivative_by_the_rate_of_learning_is_checked():
    assert report(step, step_backward, x=ARRAYS["x"], lr=np.array(0.25)).verdict is Verdict.RIGHT
