"""Hypothesis is needed by who draws, and by nobody else."""

import subprocess
import sys

import scratchcnn.gradcheck.strategies as public

WITHOUT = """
import sys
sys.modules["hypothesis"] = None
import numpy as np
from scratchcnn.gradcheck import assert_gradient
assert_gradient(np.sin, lambda g, x: g * np.cos(x), np.array([1.0]), on_undecided="assume")
import scratchcnn.gradcheck.strategies
"""
CHECKED = """
import sys
import numpy as np
from scratchcnn.gradcheck import assert_gradient
assert_gradient(np.sin, lambda g, x: g * np.cos(x), np.array([1.0]), on_undecided="assume")
assert "hypothesis" not in sys.modules
import scratchcnn.gradcheck.strategies
assert "pytest" not in sys.modules
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_without_hypothesis_everything_else_works_and_the_strategies_say_what_is_missing():
    process = run(WITHOUT)
    assert process.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: scratchcnn.gradcheck.strategies needs Hypothesis: pip install hypothesis, or"
        ' "scratchcnn[test]"'
    )


def test_a_check_loads_no_hypothesis_and_the_strategies_no_pytest():
    assert run(CHECKED).stderr == ""


def test_every_public_name_is_there_and_described():
    for name in public.__all__:
        assert getattr(public, name).__doc__, name
