"""What pytest shows of a check that fails: the report, the caller's own frames, a short summary."""

import os
import re
import subprocess
import sys

import pytest

LAYERS = """
import numpy as np


def relu(x):
    return np.maximum(x, 0)


def relu_backward(g, x):
    return 2 * g * (x > 0)


def broken_backward(g, x):
    raise KeyError("missing")


def breaks_at_the_second_call(g, x):
    breaks_at_the_second_call.calls += 1
    if breaks_at_the_second_call.calls > 1:
        raise KeyError("used up")
    return g * (x > 0)


breaks_at_the_second_call.calls = 0
"""
TESTS = """
import numpy as np
import pytest
from layers import breaks_at_the_second_call, broken_backward, relu, relu_backward
from scratchcnn.gradcheck import assert_gradient, check_gradient

X = np.array([1.0, -2.0])


def test_asserted():
    assert_gradient(relu, relu_backward, X)


def test_undecided():
    assert_gradient(np.floor, lambda g, x: 0 * g, np.array([1.0]))


def test_checked():
    assert check_gradient(relu, relu_backward, X)


@pytest.mark.parametrize("backward", [broken_backward, breaks_at_the_second_call])
def test_broken(backward):
    assert_gradient(relu, backward, X)


@pytest.mark.parametrize("wrong", [{"wrt": 0.9}, {"allow": "?"}, {"seconds": 0}, {"grad_output": 1}, {"degree": 3}])
def test_misused(wrong):
    check_gradient(relu, relu_backward, X, **wrong)


@pytest.mark.parametrize("inputs", [[], [None], [[X, X]], [[[1.0], [2.0, 3.0]]]])
def test_without_inputs(inputs):
    check_gradient(relu, relu_backward, *inputs)
"""


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What pytest prints for each test that fails, by the test's name, and its summary."""
    folder = tmp_path_factory.mktemp("others")
    (folder / "layers.py").write_text(LAYERS, encoding="utf-8")
    (folder / "test_layers.py").write_text(TESTS, encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "test_layers.py"],
        cwd=folder,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        encoding="utf-8",
    )
    failures, summary = process.stdout.split("short test summary info")
    parts = (part.partition(" ") for part in re.split("^_+ test_", failures, flags=re.MULTILINE)[1:])
    lines = (line.split(" - ", 1) for line in summary.splitlines() if line.startswith("FAILED"))
    return {name: part for name, _, part in parts}, {place.partition("::test_")[2]: text for place, text in lines}


def test_the_summary_has_the_short_name_and_what_is_wrong(shown):
    _, summary = shown
    wrong = "GradientMismatch: relu_backward is WRONG as the gradient of relu: the gradient of x is right with"
    assert summary["asserted"] == wrong
    assert summary["undecided"] == "GradientUndecided: backward is UNDECIDED as the gradient of floor"
    assert summary["checked"].startswith("assert relu_backward is WRONG as the gradient of relu")
    assert summary["broken[broken_backward]"] == "CallerError: backward (broken_backward) raised KeyError: 'missing'"
    assert len(summary) == 14


def test_the_harness_s_own_frames_are_hidden(shown):
    for name, part in shown[0].items():
        assert re.findall(r"^\S*\.py:\d+: ", part, flags=re.MULTILINE), name
        assert set(re.findall(r"^(\S*\.py):\d+: ", part, flags=re.MULTILINE)) <= {"test_layers.py", "layers.py"}, name


def test_the_report_is_the_text_of_the_failure(shown):
    assert (
        "E       GradientMismatch: relu_backward is WRONG as the gradient of relu: the gradient" in shown[0]["asserted"]
    )
    assert "E           worst wrong entry x[0]: analytic" in shown[0]["asserted"]


def test_the_caller_s_exception_is_shown_where_it_was_raised(shown):
    part = shown[0]["broken[broken_backward]"]
    assert '>       raise KeyError("missing")' in part
    assert "it was called with float64[2], float64[2]" in part


def test_an_assertion_of_the_check_shows_the_report(shown):
    part = shown[0]["checked"]
    assert "E       assert relu_backward is WRONG as the gradient of relu" in part
    assert "the gradient of x is right with" in part
