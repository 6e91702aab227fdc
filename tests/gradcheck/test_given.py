"""What pytest shows of a test of Hypothesis's that checks a gradient: one report, and how many draws were dropped."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest

from scratchcnn.gradcheck import GradientUndecided, assert_gradient, check_gradient

LAYERS = """
import numpy as np


def leaky_relu(x):
    return np.maximum(x, x / 4)


def leaky_relu_backward(g, x):
    if (x < -1).any():
        return g * (x > 0)
    return g * np.where(x > 0, 1, 1 / 4)


def steps_backward(g, x):
    return 0 * g
"""
TESTS = """
import numpy as np
from hypothesis import given, seed, settings
from layers import leaky_relu, leaky_relu_backward, steps_backward
from scratchcnn.gradcheck import assert_gradient
from scratchcnn.gradcheck.strategies import arrays

settings.load_profile("default")
few = settings(max_examples=20, database=None, deadline=None)


@seed(0)
@few
@given(arrays(away_from=0))
def test_wrong(x):
    assert_gradient(leaky_relu, leaky_relu_backward, x)


@seed(0)
@few
@given(arrays(2))
def test_undecided(x):
    assert_gradient(np.floor, steps_backward, x)


@seed(0)
@few
@given(arrays(2))
def test_dropped(x):
    assert_gradient(np.floor, steps_backward, x, on_undecided="assume")


@seed(0)
@few
@given(arrays(2))
def test_wrong_or_dropped(x):
    assert_gradient(np.floor, lambda g, x: g, x, on_undecided="assume")
"""

# The line of the call whose undecided draws are dropped.
CALL = 1 + TESTS.partition("def test_dropped")[0].count("\n") + 1


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    """A run of pytest on these tests, whose coverage is not measured: Hypothesis traces only where nobody else does."""
    folder = tmp_path_factory.mktemp("others")
    (folder / "layers.py").write_text(LAYERS, encoding="utf-8")
    (folder / "test_layers.py").write_text(TESTS, encoding="utf-8")
    options = ["-p", "no:cacheprovider", "--color=no", "--hypothesis-show-statistics"]
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "pytest", *options, "test_layers.py"],
        cwd=folder,
        env={n: v for n, v in os.environ.items() if not n.startswith("COVERAGE_")} | {"COLUMNS": "200"},
        capture_output=True,
        encoding="utf-8",
    )


@pytest.fixture(scope="module")
def shown(process):
    """What is printed for each test that fails, by its name."""
    failures = process.stdout.partition("Hypothesis Statistics")[0]
    return {name: part for name, _, part in (p.partition(" ") for p in re.split("^_+ test_", failures, flags=re.M)[1:])}


def test_the_report_comes_once_at_the_smallest_example(shown):
    assert set(shown) == {"wrong", "undecided", "wrong_or_dropped"}
    assert shown["wrong"].count("is WRONG as the gradient of") == 1
    assert "x=array([ 1., -2.])" in shown["wrong"]
    assert "x = np.array([1.0, -2.0])" in shown["wrong"]
    assert shown["undecided"].count("is UNDECIDED as the gradient of") == 1
    assert "x=array([1., 2.])" in shown["undecided"]


def test_hypothesis_points_at_lines_of_the_caller_and_at_none_of_ours(shown):
    assert "run by failing" in shown["wrong"]
    assert re.findall(r"(\w+\.py):(\d+)$", shown["wrong"].partition("run by failing")[2], flags=re.M) == [
        ("layers.py", "11")
    ]
    for part in shown.values():
        assert "gradcheck/" not in part.replace("\\", "/")


def test_an_undecided_draw_is_dropped_and_the_share_is_said(process):
    _, _, statistics = process.stdout.partition("test_layers.py::test_dropped:")
    share = re.search(r"\* (\S+)%, .*the gradient is undecided", statistics)
    (line,) = (line for line in process.stderr.splitlines() if line.startswith(f"test_layers.py:{CALL}: "))
    said = re.fullmatch(r".* assert_gradient dropped (\d+) of (\d+) draws \((\d+)%\), undecided; at last x: (.*)", line)
    dropped, total, percent = map(int, said.groups()[:3])
    assert 0 < dropped < total == 20 + dropped
    assert percent == round(100 * dropped / total) == round(float(share[1]))
    assert re.fullmatch(r"jump at -?\d", said[4]), said[4]


def test_a_wrong_gradient_is_shown_where_others_were_dropped(shown):
    assert "is WRONG as the gradient of floor" in shown["wrong_or_dropped"]
    assert "x=array([1., 2.])" not in shown["wrong_or_dropped"]


def test_outside_of_a_test_of_hypothesis_s_there_is_nothing_to_drop():
    with pytest.raises(GradientUndecided):
        assert_gradient(np.floor, lambda g, x: 0 * g, np.array([1.0]), on_undecided="assume")


@pytest.mark.parametrize("word", ["drop", None, True, ["assume"]])
def test_another_word_is_refused(word):
    with pytest.raises(ValueError, match="on_undecided must be 'raise' or 'assume', got"):
        assert_gradient(np.floor, lambda g, x: 0 * g, np.array([1.5]), on_undecided=word)


def test_a_debugger_sees_every_line():
    """Only Hypothesis's tracer is paused: one that a person sets, or coverage, stays."""
    seen = set()

    def trace(frame, event, argument):
        seen.add(os.path.basename(frame.f_code.co_filename))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        check_gradient(np.sin, lambda g, x: g * np.cos(x), np.array([1.0]), proof=False)
    finally:
        sys.settrace(before)
    assert {"check.py", "judge.py"} <= seen
