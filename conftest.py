"""How much the property-based tests draw: the profiles `dev`, `ci` and `deep`.

`HYPOTHESIS_PROFILE=deep pytest` chooses by name; else `ci` where the variable `CI` is set, and `dev` elsewhere.

The tests that need all of MNIST are there where `SCRATCHCNN_MNIST` says what file, or folder, holds it.
"""

import os
from argparse import ArgumentTypeError
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests.browser import chromium
from tests.process_state import left_as_it_was

settings.register_profile("dev", max_examples=30, deadline=None)
# The same draws in every run: a failure in CI can be repeated anywhere.
settings.register_profile("ci", max_examples=30, deadline=None, derandomize=True, database=None, print_blob=True)
settings.register_profile("deep", max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

# What is left out where something is missing, and what that is.
LEFT_OUT = {
    "SCRATCHCNN_MNIST": ["tests/digits/test_whole_mnist.py"],
    "torch": ["tests/gradcheck/adapters/test_torch.py", "tests/gradcheck/in_pytest/test_harvest_torch.py"],
    "jax": ["tests/gradcheck/adapters/test_jax.py", "tests/gradcheck/in_pytest/test_harvest_jax.py"],
    "tensorflow": [
        "tests/article/test_network_tensorflow.py",
        "tests/gradcheck/adapters/test_tensorflow.py",
        "tests/operations/convolution/test_conv2d_tensorflow.py",
        "tests/operations/test_layers_tensorflow.py",
        "tests/operations/test_network_tensorflow.py",
    ],
    "any framework": ["tests/gradcheck/adapters/sweep/test_tables.py"],
    "Chromium and Playwright": ["tests/gradcheck/report/test_page_in_chromium.py"],
}
THERE = {
    "SCRATCHCNN_MNIST": os.environ.get("SCRATCHCNN_MNIST"),
    "any framework": any(map(find_spec, ("torch", "jax", "tensorflow"))),
    "Chromium and Playwright": chromium(),
}
MISSING = [name for name in LEFT_OUT if not (THERE[name] if name in THERE else find_spec(name))]
collect_ignore = [path for name in MISSING for path in LEFT_OUT[name]]


def pytest_report_header():
    return [f"not collected, for want of {name}: {', '.join(LEFT_OUT[name])}" for name in MISSING]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `-n`, the tests of a file run in one process, so that what they share is made once; files come in order."""
    if config.getvalue("dist") != "load":  # the default
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # a file of few tests may take long: it must not come last
    return LoadFileScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A test that is collected is run: skipping it is a failure. What cannot run somewhere is in `LEFT_OUT`."""
    report = yield
    if report.skipped and not item.config.getoption("benchmark_skip", False):
        report.outcome, report.longrepr = (
            "failed",
            f"{item.nodeid} was skipped or may fail: it checks nothing",
        )
    return report


@pytest.fixture(scope="session", autouse=True)
def _processes_share_bytecode(tmp_path_factory):
    """Where Python is told to leave no bytecode beside the sources, each process of a test would compile them again."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # of all workers
    with pytest.MonkeyPatch.context() as environment:
        if os.environ.get("PYTHONDONTWRITEBYTECODE"):
            environment.delenv("PYTHONDONTWRITEBYTECODE")
            environment.setenv("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))
        yield


@pytest.fixture
def drawing_from_the_shared_generator():
    """For a test that draws from NumPy's generator that all share: afterwards it goes on where it was."""
    before = np.random.get_state()  # noqa: NPY002
    yield
    np.random.set_state(before)  # noqa: NPY002


@pytest.fixture(autouse=True)
def _nothing_stays_changed():
    with left_as_it_was():
        yield


def pytest_addoption(parser):
    group = parser.getgroup("benchmarks of the convolution")
    group.addoption("--conv-report", type=report, metavar="FILE", help="write the table to FILE.json, or draw FILE.svg")
    group.addoption("--conv-others", action="store_true", help="also shapes that the lowerings were not chosen on")


def report(name):
    """Refuse what could not be written when the run, which takes minutes, has ended."""
    path = Path(name)
    if path.suffix not in (".json", ".svg"):
        raise ArgumentTypeError(f"must end in .json or .svg, got {name}")
    if path.suffix == ".svg" and find_spec("matplotlib") is None:
        raise ArgumentTypeError(f'{name} needs matplotlib: pip install "scratchcnn[report]"')
    if not path.parent.is_dir():
        raise ArgumentTypeError(f"{name} must be in a folder that exists")
    return path
