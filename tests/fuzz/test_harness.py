"""The harness, called with whatever people pass: functions, inputs and options."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn.gradcheck import CallerError, check_gradient, check_jvp, numerical_gradient, prove_gradient
from tests.fuzz.calls import outcome
from tests.fuzz.values import JUNK, forms, numbers_or_junk

# A check takes a hundred times as long as a call of an operation.
fewer = settings(max_examples=max(settings().max_examples // 10, 10))
X, W = np.linspace(-2, 2, 6).reshape(2, 3), np.linspace(1, 2, 3)
ERRORS = (TypeError, ValueError, CallerError)
# What stands for an argument in the messages. An error of forward's own names the function.
SAYS = ["input", "inputs", "forward", "backward", "jvp", "allow", "names", "wrt", "outputs", "degree", "batch"]


def forward(x, w):
    return np.sin(x) * w


def backward(g, x, w):
    return g * np.cos(x) * w, (g * np.sin(x)).sum(axis=0)


def tangent(primals, tangents):
    (x, w), (dx, dw) = primals, tangents
    return np.cos(x) * w * dx + np.sin(x) * dw


PARAMETERS = inspect.signature(check_gradient).parameters
OPTIONS = [name for name, each in PARAMETERS.items() if each.kind is each.KEYWORD_ONLY]
FUNCTIONS = {"forward": forward, "backward": backward, "jvp": tangent}
CHECKS = {"check_gradient": check_gradient, "prove_gradient": prove_gradient, "check_jvp": check_jvp}


def called(check, arguments):
    """Call a check with the two functions and the inputs, which have no names, and the options."""
    functions = [arguments.pop(name) for name in ("one", "other")]
    inputs = [arguments.pop(name) for name in ("x", "w")]
    return check(*functions, *inputs, **arguments)


@st.composite
def calls(draw, check):
    names = list(inspect.signature(check).parameters)
    options = [name for name, each in inspect.signature(check).parameters.items() if each.kind is each.KEYWORD_ONLY]
    arguments = {"one": FUNCTIONS[names[0]], "other": FUNCTIONS[names[1]], "x": X, "w": W}
    options = options or OPTIONS  # `check_jvp` passes them on
    for name in draw(st.lists(st.sampled_from(options), max_size=2, unique=True)):
        arguments[name] = draw(numbers_or_junk | forms(X))
    for name in draw(st.lists(st.sampled_from(["one", "other", "x", "w"]), max_size=1)):
        arguments[name] = draw(forms(arguments[name]) if name in "xw" else st.sampled_from(JUNK))
    return arguments


@pytest.mark.parametrize("name", CHECKS)
@fewer
@given(data=st.data())
def test_a_check_gives_a_verdict_or_a_clear_error(name, data):
    arguments = data.draw(calls(CHECKS[name]))
    report = outcome(lambda **given: called(CHECKS[name], given), arguments, ERRORS, SAYS)
    if report is not None:
        assert report.verdict.value in ("right", "wrong", "undecided")
        assert str(report)


@fewer
@given(data=st.data())
def test_a_numerical_gradient_has_the_shape_of_its_input_or_there_is_a_clear_error(data):
    arguments = {"forward": forward, "inputs": [X, W], "index": 0, "grad_output": np.ones_like(X)}
    for name in data.draw(st.lists(st.sampled_from(sorted(arguments)), max_size=2, unique=True)):
        arguments[name] = data.draw(forms(X) if name == "grad_output" else numbers_or_junk)
    if data.draw(st.booleans()):
        arguments["inputs"] = [data.draw(forms(X)), data.draw(forms(W))]
    found = outcome(numerical_gradient, arguments, ERRORS, SAYS)
    if found is not None:
        shape = np.shape(arguments["inputs"][arguments["index"]])
        assert {each.shape for each in (found.value, found.bound, found.method, found.status)} == {shape}
