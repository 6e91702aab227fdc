"""TensorFlow's part in the benchmarks: it runs in a process of its own, where its threads fight with nobody's."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks.load import article_load

WORKER = Path(__file__).with_name("tensorflow_worker.py")
ROUNDS = 50


class TensorFlow:
    """What the worker found."""

    def __init__(self, answer):
        self._answer = answer
        self.version = str(answer["version"])

    def result(self, function, dtype):
        return self._answer[f"{function} {dtype}"]

    def seconds(self, function, dtype):
        return float(np.median(self._answer[f"{function} {dtype} seconds"]))


@pytest.fixture(scope="session")
def tensorflow(tmp_path_factory, request):
    if find_spec("tensorflow") is None:
        pytest.fail('TensorFlow is missing; the extra `test` brings it: pip install -e ".[test]"')
    folder = tmp_path_factory.mktemp("tensorflow")
    question, answer = folder / "question.npz", folder / "answer.npz"
    rounds = 1 if request.config.getoption("benchmark_disable") else ROUNDS
    np.savez(question, rounds=rounds, **vars(article_load("float64")))
    subprocess.run([sys.executable, WORKER, question, answer], check=True, timeout=300)
    with np.load(answer, allow_pickle=False) as arrays:
        return TensorFlow(dict(arrays))


@pytest.hookimpl(trylast=True)  # below the tables
def pytest_terminal_summary(terminalreporter):
    """Show what pytest-benchmark's own table has no column for."""
    lines = [
        text
        for report in terminalreporter.getreports("passed")
        for name, text in report.user_properties
        if name == "beside TensorFlow"
    ]
    if lines:
        terminalreporter.section(
            "benchmark: beside TensorFlow, in a process of its own (ratio above 1: it takes longer)"
        )
        terminalreporter.write("\n".join([*lines, ""]))
