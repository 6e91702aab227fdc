"""One epoch of training: `scratchcnn` compared with Keras, with the same network, batch size, dtype and parameters.

Run by `pytest benchmarks/test_training.py`. Each contender is a process of its own, with one thread or with all cores.
The contenders take turns, and each measures its own time. The table at the end and `extra_info` have all of them.
"""

import os
from importlib.util import find_spec

import numpy as np
import pytest

from benchmarks.processes import ON_THE_CPU, ONE_THREAD, Process
from benchmarks.tables import Table

OURS = "scratchcnn"
CONTENDERS = [OURS, "keras", "keras without XLA"]  # as `training_worker` names them
HEAD = f"{'threads':10}  {'contender':17} {'images/s':>8} {'ratio':>6} {'first error':>11} {'last error':>10}"


@pytest.fixture(params=["one thread", "all cores"])
def threads(request):
    return request.param


@pytest.fixture
def quick(request):
    return request.config.getoption("benchmark_disable")


@pytest.fixture
def processes(threads, quick):
    if find_spec("keras") is None:
        pytest.fail('Keras is missing; the extra `test` brings it: pip install -e ".[test]"')
    images = 200 if quick else 3200
    environment = ONE_THREAD if threads == "one thread" else ON_THE_CPU
    started = {
        name: Process("benchmarks.training_worker", name, str(images), environment=environment) for name in CONTENDERS
    }
    yield started, images
    for process in started.values():
        process.end()


@pytest.fixture(scope="module")
def table(request):
    """Register the table that is shown at the end of the run."""
    shown = Table("an epoch of training, medians (ratio above 1: scratchcnn is faster)", HEAD)
    request.config.pluginmanager.register(shown)
    return shown


def test_an_epoch(benchmark, threads, processes, quick, table):
    benchmark.group = f"an epoch of training, {threads}"
    processes, images = processes
    first = {name: process.ask("begin")["error"] for name, process in processes.items()}
    # 1e-4 is a thousand roundings of float32; there are three layers, with sums of a few hundred terms.
    assert first == pytest.approx(dict.fromkeys(CONTENDERS, first[OURS]), rel=1e-4)
    seconds = {name: [] for name in CONTENDERS}

    def epoch(name):
        seconds[name].append(processes[name].ask("epoch")["seconds"])

    def peers():
        for name in CONTENDERS:
            if name != OURS:
                epoch(name)

    benchmark.pedantic(epoch, (OURS,), setup=peers, rounds=9)  # one round with --benchmark-disable
    last = {name: process.ask("end")["error"] for name, process in processes.items()}
    assert all(last[name] < first[name] * (0.9 if quick else 0.2) for name in CONTENDERS), last
    rows = {
        name: {
            "images_per_second": images / float(np.median(times)),
            # The ratio is taken in each round, since other load on the machine slows all contenders of a round.
            "ratio": float(np.median(np.array(times) / seconds[OURS])),
            "first_error": first[name],
            "last_error": last[name],
        }
        for name, times in seconds.items()
    }
    benchmark.extra_info |= {"images": images, "load": os.getloadavg()[0], "contenders": rows}
    table.lines += lines(threads, rows)


def lines(threads, rows):
    for name, row in rows.items():
        line = f"{threads:10}  {name:17} {row['images_per_second']:8.0f} {row['ratio']:6.2f}"
        yield f"{line} {row['first_error']:11.4f} {row['last_error']:10.4f}"
