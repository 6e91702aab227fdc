"""The adapters, with whatever people pass as an option: a report, or a clear error."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn.gradcheck import CallerError, check_gradient
from scratchcnn.gradcheck.adapters import from_cache, from_layer, from_loss
from tests.fuzz.calls import outcome
from tests.fuzz.values import forms, numbers_or_junk

# A check takes a hundred times as long as a call of an operation.
fewer = settings(max_examples=max(settings().max_examples // 5, 10))
X, W, B = np.linspace(-2, 2, 6).reshape(2, 3), np.linspace(1, 2, 12).reshape(3, 4), np.arange(4.0)
ERRORS = (TypeError, ValueError, CallerError)
# Of the layer itself: what is named there is called, and raises what it likes.
OF_THE_LAYER = ("forward", "backward", "reset", "warm", "rate", "step", "optimizer")
WORDS = [
    "x",
    "w",
    "W",
    "b",
    "dW",
    "cache",
    "grad_output",
    "forward",
    "backward",
    "x.T",
    "cache['x']",
    "W[0]",
    "__class__",
]
words = st.sampled_from(WORDS)
options = numbers_or_junk | words | st.lists(words, max_size=3) | st.dictionaries(words, words | st.none(), max_size=2)


def affine(x, w, b):
    return x @ w + b, (x, w)


def affine_backward(grad_output, cache):
    x, w = cache
    return grad_output @ w.T, x.T @ grad_output, grad_output.sum(axis=0)


class Affine:
    """A layer that keeps its parameters and their gradients."""

    def __init__(self):
        self.W, self.b = W.copy(), B.copy()

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad_output):
        self.dW, self.db = self.x.T @ grad_output, grad_output.sum(axis=0)
        return grad_output @ self.W.T


def half_square(x, y):
    return 0.5 * ((x - y) ** 2).sum(), (x - y, y - x)


CALLS = {
    "from_cache": (from_cache, (affine, affine_backward), (X, W, B)),
    "from_layer": (from_layer, (Affine(),), (X,)),
    "from_loss": (from_loss, (half_square,), (X, X[::-1] + 1)),
}
# What stands for an argument in the messages.
SAYS = ["method", "input", "inputs", "layer", "loss", "forward", "backward", "names"]


def stands_for_its_own(option, value):
    """Whether an option names what the layer has, or is a function: what they raise is not ours."""
    return option in OF_THE_LAYER and (callable(value) or (isinstance(value, str) and hasattr(Affine(), value)))


@pytest.mark.parametrize("name", CALLS)
@fewer
@given(data=st.data())
def test_an_adapter_gives_what_can_be_checked_or_a_clear_error(name, data):
    adapter, functions, inputs = CALLS[name]
    parameters = inspect.signature(adapter).parameters.values()
    names = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    arguments = {
        each: data.draw(options) for each in data.draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    }
    # A layer is tried out with its inputs, and raises what it likes.
    if name != "from_layer" and data.draw(st.integers(0, 4)) == 0:
        inputs = (data.draw(forms(inputs[0])), *inputs[1:])
    report = outcome(lambda **given: check_gradient(*adapter(*functions, *inputs, **given)), arguments, ERRORS, SAYS)
    if report is not None:
        assert report.verdict.value in ("right", "wrong", "undecided")
