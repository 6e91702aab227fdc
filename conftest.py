"""How much the property-based tests draw: the profiles `dev`, `ci`, `mutation` and `deep`.

`HYPOTHESIS_PROFILE=deep pytest` chooses by name; else `ci` where the variable `CI` is set, and `dev` elsewhere.
`SCRATCHCNN_PARTS` says among how many jobs `deep` is split, and `SCRATCHCNN_EXAMPLES` how failing examples are shared.

The tests that need all of MNIST are there where `SCRATCHCNN_MNIST` says what file, or folder, holds it.
"""

import gc
import os
import sys
from argparse import ArgumentTypeError
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from tests.browser import chromium
from tests.examples import PARTS, here, share
from tests.process_state import left_as_it_was

examples = here()
settings.register_profile("dev", max_examples=30, deadline=None, database=examples)
# The same draws in every run: a failure in CI can be repeated anywhere.
settings.register_profile("ci", max_examples=30, deadline=None, derandomize=True, database=None, print_blob=True)
# Thousands of runs of the same tests, by mutmut, in a process that ran them before.
again = [HealthCheck.differing_executors]
settings.register_profile("mutation", settings.get_profile("ci"), max_examples=10, suppress_health_check=again)
# Split over several jobs, each of them draws its share, at random.
deep = {"max_examples": share(10_000, os.environ.get(PARTS, "1")), "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("deep", **deep, deadline=None, database=examples)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

# What is left out where something is missing, and what that is.
LEFT_OUT = {
    "SCRATCHCNN_MNIST": ["tests/digits/test_whole_mnist.py"],
    "torch": [
        "tests/gradcheck/adapters/test_torch.py",
        "tests/gradcheck/harvest/test_calls_torch.py",
        "tests/gradcheck/harvest/test_harvest_torch.py",
        "tests/gradcheck/in_file/test_rules_torch.py",
        "tests/gradcheck/in_pytest/test_harvest_torch.py",
    ],
    "jax": [
        "tests/gradcheck/adapters/test_jax.py",
        "tests/gradcheck/harvest/test_harvest_jax.py",
        "tests/gradcheck/in_file/test_rules_jax.py",
        "tests/gradcheck/in_pytest/test_harvest_jax.py",
    ],
    "torch and jax": [
        "tests/gradcheck/adapters/test_frameworks.py",
        "tests/gradcheck/harvest/test_rule_forms.py",
        "tests/gradcheck/harvest/test_rules.py",
    ],
    "tensorflow": [
        "tests/article/test_network_tensorflow.py",
        "tests/gradcheck/adapters/test_tensorflow.py",
        "tests/operations/convolution/test_conv2d_tensorflow.py",
        "tests/operations/test_layers_tensorflow.py",
        "tests/operations/test_network_tensorflow.py",
    ],
    "any framework": ["tests/gradcheck/adapters/sweep/test_tables.py"],
    "loky": ["tests/commands/test_jobs.py", "tests/gradcheck/in_pytest/test_jobs.py"],
    "loky and dask": ["tests/gradcheck/test_clusters.py"],
    "redis and redis-server": ["tests/test_examples.py"],
    "Chromium and Playwright": ["tests/gradcheck/report/test_page_in_chromium.py"],
}
THERE = {
    "SCRATCHCNN_MNIST": os.environ.get("SCRATCHCNN_MNIST"),
    "torch and jax": all(map(find_spec, ("torch", "jax"))),
    "any framework": any(map(find_spec, ("torch", "jax", "tensorflow"))),
    "loky and dask": all(map(find_spec, ("loky", "dask", "distributed"))),
    "redis and redis-server": find_spec("redis") and which("redis-server"),
    "Chromium and Playwright": chromium(),
}
MISSING = [name for name in LEFT_OUT if not (THERE[name] if name in THERE else find_spec(name))]
collect_ignore = [path for name in MISSING for path in LEFT_OUT[name]]


def pytest_report_header():
    return [f"not collected, for want of {name}: {', '.join(LEFT_OUT[name])}" for name in MISSING]


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays: the search for garbage waits meanwhile, and leaves it out afterwards."""
    gc.disable()
    try:
        return (yield)
    finally:
        if sys.version_info < (3, 14):  # there Hypothesis does not find what refers to its own generator
            gc.freeze()
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """With `-n`, what concerns the whole project comes first: these files take long, and the last ones must not."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.parent != config.rootpath / "tests")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `-n`, the tests of a file run in one process, so that what they share is made once; files come in order."""
    if config.getvalue("dist") != "load":  # the default
        return None
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # a file of few tests may take long: it must not come last
    return LoadFileScheduling(config, log)


def pytest_sessionfinish(session):
    """A worker saves what it has measured before it says that it is ready: then it has ten seconds to end."""
    if hasattr(session.config, "workerinput") and "coverage" in sys.modules:
        from coverage import Coverage

        if Coverage.current() is not None:
            Coverage.current().save()


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
