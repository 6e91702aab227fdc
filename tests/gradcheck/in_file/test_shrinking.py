"""A smaller call at which the same is wrong."""

import types

import numpy as np

from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.checking import PairCheck
from scratchcnn.gradcheck.harvest.pairs import find_pairs
from scratchcnn.gradcheck.in_file.shrinking import shrunk

SOURCE = """
def square(x):
    if len(x) < 3:
        raise ValueError("x must have at least 3 entries")
    return x**2

def square_backward(grad, x):
    return 3 * grad * x
"""


def test_calls_that_forward_refuses_are_passed_over():
    module = types.ModuleType("made")
    exec(SOURCE, vars(module))
    (pair,) = find_pairs(module)
    call = Call({"x": np.linspace(0.123, 0.987, 7)}, ("", ""), "", 0, ())
    found = shrunk(PairCheck(pair, {}), call, 60.0)
    assert found.arguments["x"].tolist() == [0.1, 0.3, 0.4]
