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


MIXED = """
def mix(scale, *parts, power=2, **scales):
    return scale * scales["inner"] * sum(part**power for part in parts)


def mix_backward(grad, scale, *parts, power, **scales):
    inner = scales.pop("inner")
    assert scales == {"spare": 1}
    total = inner * sum(part**power for part in parts)
    return (grad * total, *(2 * grad * scale * inner * power * part ** (power - 1) / 2 for part in parts))
"""
# One gradient for each argument, None for the options; and the output, which is an argument of backward's.
EACH = """
import numpy as np


def scaled_exp(power, x, words, w):
    return np.exp(power * x) * w


def scaled_exp_backward(grad, power, x, words, w, out):
    return None, 2 * grad * out * power / 2, None, grad * out / w
"""
OUTER = """
import numpy as np


def outer(x):
    return np.outer(x, x)


def outer_derivative(x):
    return 2 * (np.einsum("ik,j->ijk", np.eye(len(x)), x) + np.einsum("jk,i->ijk", np.eye(len(x)), x)) / 2
"""
SAMPLES = """
import numpy as np


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_derivative(output):
    return 2 * (np.eye(output.shape[-1]) * output[..., None] - output[..., None] * output[..., None, :]) / 2
"""
LOSS = """
def distance(x, weights, y):
    return (weights * (x - y) ** 2).sum()


def distance_gradient(x, y, weights):
    return 2 * weights * (x - y)
"""
BIAS = """
def affine(x, w, b=None):
    return x * w + (0 if b is None else b)


def affine_backward(grad, x, w, b=None):
    grads = (2 * grad * w / 2, grad * x)
    return grads if b is None else (*grads, grad)
"""
KEPT = """
class Scale:
    factor = 3

    def forward(self, x, power, shift=0.0):
        self.x, self.power = x, power
        return self.factor * x**power + shift

    def backward(self, grad):
        return 2 * grad * self.factor * self.power * self.x ** (self.power - 1) / 2
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
        (
            MIXED,
            {
                **{"spread": ("parts", "scales"), "scale": X, "parts": (X, Y), "power": 3},
                "scales": {"inner": 3.0, "spare": 1},
            },
        ),
        (EACH, {"power": 2, "x": X, "words": "abc", "w": Y}),
        (OUTER, {"x": X}),
        (SAMPLES, {"x": np.outer(Y, X)[:2]}),
        (LOSS, {"x": X, "weights": np.ones(3), "y": Y}),
        (BIAS, {"x": X, "w": Y, "b": X + 1}),
        (BIAS, {"x": X, "w": Y, "b": None}),
        (KEPT, {"x": X, "power": 3, "shift": 1.0}),
    ],
    ids=[
        "*inputs and an option",
        "*inputs and **options",
        "a dict of gradients",
        "a list of numbers",
        "methods that keep nothing",
        "all kinds of parameters",
        "a gradient for each argument, and the output",
        "a Jacobian",
        "a Jacobian for each sample, of the output",
        "the derivative of a loss",
        "a bias",
        "no bias",
        "methods that keep something, with options",
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
