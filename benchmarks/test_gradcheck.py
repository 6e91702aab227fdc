"""One full check of a gradient: `scratchcnn` compared with other gradient checkers.

Run by `pytest benchmarks/test_gradcheck.py`. Each row of pytest-benchmark is a function, checked by `scratchcnn`. Each
checker is a process of its own with one thread. The checkers take turns, and each measures its own time, without the
communication. The table at the end and `extra_info` have all checkers.
"""

import os
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.gradcheck_checkers import CHECKERS
from benchmarks.gradcheck_functions import functions
from benchmarks.processes import ONE_THREAD, Process
from benchmarks.tables import Table

OURS = "scratchcnn"
YARDSTICK = "torch slow"  # the checker whose time is divided by the others'
HEAD = (
    f"{'function':22} {'checker':11} {'entries':>7} {'seconds':>10} {'entries/s':>10} {'x torch slow':>12}"
    f" {'forwards':>8} {'backwards':>9} {'missed':>6}"
)
EXPLAINED = (
    "* along one random direction, not entry by entry",
    "missed: how many mistakes, the largest derivative doubled, then the next, before one was rejected",
)


@pytest.fixture(scope="module")
def size(request):
    return "quick" if request.config.getoption("benchmark_disable") else "full"


@pytest.fixture(scope="module")
def processes(size):
    """Start a process for each checker that is installed."""
    started = {
        name: Process("benchmarks.gradcheck_worker", name, size, environment=ONE_THREAD)
        for name, checker in CHECKERS.items()
        if find_spec(checker.package)
    }
    yield started
    for process in started.values():
        process.end()


@pytest.fixture(scope="module")
def table(request):
    """Register the table that is shown at the end of the run."""
    shown = Table("one full check of a gradient, medians (x torch slow: above 1, faster)", HEAD, *EXPLAINED)
    request.config.pluginmanager.register(shown)
    return shown


@pytest.mark.parametrize("name", functions(quick=True))
def test_check(benchmark, name, size, processes, table):
    benchmark.group = "one full check of a gradient"
    function = functions(quick=size == "quick")[name]
    proofs = {checker: process.ask("prove", name) for checker, process in processes.items()}
    seconds = {checker: [] for checker in processes}

    def check(checker):
        seconds[checker].append(processes[checker].ask("check", name)["seconds"])

    def peers():
        for checker in processes:
            if checker != OURS:
                check(checker)

    benchmark.pedantic(check, (OURS,), setup=peers, rounds=function.rounds)  # one round with --benchmark-disable
    assert seconds[OURS]
    rows = compare(function, seconds, proofs)
    benchmark.extra_info |= {"entries": function.entries, "load": os.getloadavg()[0], "checkers": rows}
    table.lines += lines(name, function.entries, rows)


def compare(function, seconds, proofs):
    """Give the figures of each checker; for one that is not installed, the command that installs it."""
    rows = {}
    for name, checker in CHECKERS.items():
        if name not in seconds:
            rows[name] = {"missing": f'not installed: pip install -e ".[{checker.extra}]"'}
            continue
        median = float(np.median(seconds[name]))
        rows[name] = {"seconds": median, "rounds": len(seconds[name]), "entries_per_second": function.entries / median}
        if YARDSTICK in seconds:
            rows[name]["times_torch_slow"] = float(np.median(seconds[YARDSTICK])) / median
        rows[name] |= {key: proofs[name][key] for key in ("forwards", "backwards", "missed", "version")}
    return rows


def lines(function, entries, rows):
    for checker, row in rows.items():
        star = "" if CHECKERS[checker].every_entry else "*"
        line = f"{function:22} {checker + star:11} {entries:7}"
        if "missing" in row:
            yield f"{line} {row['missing']}"
            continue
        ratio = f"{row['times_torch_slow']:.2f}" if "times_torch_slow" in row else "-"
        line += f" {row['seconds']:10.5f} {row['entries_per_second']:10.0f} {ratio:>12}"
        yield f"{line} {row['forwards']:8} {row['backwards']:9} {row['missed']:6}"
