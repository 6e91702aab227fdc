"""A pair and a call as a check: what are inputs and what are options, and how backward is called."""

import types

import numpy as np
import pytest

from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.checking import PairCheck
from scratchcnn.gradcheck.harvest.pairs import find_pairs

X, Y = np.array([0.5, -1.5, 2.0]), np.array([1.0, 3.0, -2.0])


def report(text, spread=("", ""), **arguments):
    """The report on the one pair of a module, at a call with these arguments."""
    module = types.ModuleType("made")
    exec(text, vars(module))
    (pair,) = find_pairs(module)
    owner = {} if pair.owner is None else {"self": pair.owner()}
    return PairCheck(pair, {}).report(Call(owner | arguments, spread, "", 0, ()))


STARRED = """
def mix(*parts, **scales):
    return scales["inner"] * sum(part**2 for part in parts)


def mix_backward(grad, *parts, inner):
    return tuple(2 * inner * grad * part for part in parts)
"""
# Without the option, backward would be wrong.
DOUBLE = STARRED.replace("*parts, inner", "*parts, **scales").replace("* inner *", "* scales.get('inner', 1) *")
DICT = """
def product(x, y, power=1):
    return x * y**power


def product_backward(grad, x, y, power=1):
    return {"dy": grad * x * power * y ** (power - 1), "grad_x": grad * y**power}
"""
LIST = """
import numpy as np


def square(x):
    return [value**2 for value in x]


def square_backward(grad, x):
    return np.array([2 * g * value for g, value in zip(grad, x)])
"""
CLASS = """
class Square:
    def forward(self, x):
        return x**2

    def backward(self, grad, x):
        return 2 * grad * x
"""


@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (STARRED, {"spread": ("parts", "scales"), "parts": (X, Y), "scales": {"inner": 3.0}}),
        (DOUBLE, {"spread": ("parts", "scales"), "parts": (X, Y), "scales": {"inner": 3.0}}),
        (DICT, {"x": X, "y": Y, "power": 3}),
        (LIST, {"x": X.tolist()}),
        (CLASS, {"x": X}),
    ],
    ids=[
        "*inputs and an option",
        "*inputs and **options",
        "a dict of gradients",
        "a list of numbers",
        "methods that keep nothing",
    ],
)
def test_forms_that_people_give_their_functions(text, arguments, wrong):
    text = text.replace("2 * ", "4 * ").replace("* power *", "* 2 * power *") if wrong else text
    assert report(text, **arguments).verdict.value == ("wrong" if wrong else "right")


@pytest.mark.parametrize(
    ("backward", "arguments", "message"),
    [
        ("f_backward(grad, x): return 2 * grad * x", {"x": 2.0}, "no argument of f is an array of floats"),
        (
            "f_backward(value): return 2 * value",
            {"x": X, "y": 0.0},
            "is 'value' the input, the output, or the gradient from above?",
        ),
        ("f_backward(x): return 2 * x", {"x": X, "y": Y}, "f_backward takes no gradient from above"),
    ],
)
def test_what_cannot_be_told_is_undecided_and_said(backward, arguments, message):
    found = report(f"def f(x, y=0.0): return x**2 + 0 * y\ndef {backward}", **arguments)
    assert found.verdict.value == "undecided"
    assert found.notes[0].startswith("not checked: ")
    assert message in found.notes[0]


def test_a_backward_pass_that_raises_something_of_its_own_is_named_with_its_exception():
    found = report("def f(x): return x**2\ndef f_backward(grad, x): return {}['x']", x=X)
    assert found.notes == ("not checked: KeyError: 'x'",)
