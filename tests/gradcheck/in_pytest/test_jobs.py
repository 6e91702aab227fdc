"""The option `--gradient-jobs`: other processes look at the entries, of functions in test files too."""

import pytest

pytest_plugins = "pytester"

TESTS = """
import os
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def largest(x):
    (HERE / f"{os.getpid()}.pid").touch()
    time.sleep(1e-3)
    return np.maximum(x, 0).sum()


def test_largest(gradcheck):
    gradcheck(largest, lambda g, x: g * (x > 0), np.linspace(-1, 1, 200), max_entries=None, proof=False)
"""


@pytest.fixture
def project(pytester, monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    pytester.makepyfile(test_it=TESTS)
    return pytester


def test_other_processes_look_at_the_entries(project):
    result = project.runpytest_subprocess("--gradient-jobs=2", "-W", "error")
    result.assert_outcomes(passed=1)
    assert len(list(project.path.glob("*.pid"))) > 1


def test_functions_of_a_file_that_no_process_can_import_travel_too(project):
    project.makeini("[pytest]\ngradient_jobs = 2")
    project.runpytest_subprocess("--import-mode=importlib", "-W", "error").assert_outcomes(passed=1)
    assert len(list(project.path.glob("*.pid"))) > 1
