"""The convolution and its two derivatives: `scratchcnn` beside what one would write or pick instead.

Run by `pytest benchmarks/test_convolution.py`; `--conv-others` adds shapes that the lowerings were not chosen on. A
row is one load, one pass, one dtype. What pytest-benchmark shows is `scratchcnn` in this process; in the table at the
end every contender is a process of its own, once with one thread and once with all cores, and they take turns.
"""

import time

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from benchmarks import conv_report
from benchmarks.conv_contenders import OURS, ours, reference
from benchmarks.conv_loads import BATCHES, GROWING, LOADS, OTHERS, PASSES, ROWS, digest
from benchmarks.conv_race import Race
from benchmarks.processes import ON_THE_CPU, Process

LARGEST_WORKSPACE = 64 << 20


@pytest.fixture(scope="module")
def race(request):
    race = Race("quick" if request.config.getoption("benchmark_disable") else "full")
    yield race
    race.end()


@pytest.fixture(scope="module")
def report(request):
    """The table that is shown when the run has ended, and written if `--conv-report` says where."""
    report = Report(request.config.getoption("conv_report"))
    request.config.pluginmanager.register(report)
    return report


def pytest_generate_tests(metafunc):
    if "race" in metafunc.fixturenames:
        others = metafunc.config.getoption("conv_others")
        rows = [row for row in ROWS.values() if row.load in (LOADS + OTHERS if others else LOADS)]
        metafunc.parametrize("row", rows, ids=lambda row: row.key)


@pytest.mark.benchmark(max_time=0.2, warmup=True, warmup_iterations=3)
def test_row(benchmark, row, race, report):
    benchmark.group = f"{row.load.name}: {PASSES[row.function]}, {row.dtype}"
    arrays = row.load.arrays(row.dtype)
    right = digest(reference(row.load, *arrays)[0][row.function]())
    assert digest(benchmark(ours(row.load, *arrays)[0][row.function])) == right
    found = race.run(row, right)
    benchmark.extra_info |= found.as_dict() | {"flops": int(row.load.flops), "numpy": np.__version__}
    report.results.append(found)


class Report:
    """A plugin of pytest."""

    def __init__(self, path):
        self.path = path
        self.results = []

    @pytest.hookimpl(trylast=True)  # below the tables
    def pytest_terminal_summary(self, terminalreporter):
        if self.results:
            terminalreporter.section("benchmark: convolution, medians")
            terminalreporter.write("\n".join([*conv_report.table(self.results), ""]))
            if self.path:
                conv_report.write(self.path, self.results)


@pytest.mark.parametrize("row", [row for row in ROWS.values() if row.load in BATCHES], ids=lambda row: row.key)
def test_the_workspace_is_bounded_whatever_the_batch(benchmark, row):
    """In a process that has kept nothing yet."""
    process = Process("benchmarks.conv_worker", OURS, "quick", environment=ON_THE_CPU)
    peak = benchmark.pedantic(lambda: process.ask("memory", row.key)["bytes"], rounds=1)
    process.end()
    benchmark.group = "workspace"
    benchmark.extra_info["workspace_bytes"] = peak
    assert peak <= LARGEST_WORKSPACE


@pytest.mark.parametrize("function", PASSES)
@pytest.mark.parametrize("what", GROWING)
def test_the_cost_grows_no_faster_than_the_arithmetic(benchmark, what, function):
    """On one thread, by its own clock: what else runs does not count."""
    loads = GROWING[what]
    calls = [ours(load, *load.arrays("float64"))[0][function] for load in loads]
    with threadpool_limits(1):
        seconds = benchmark.pedantic(
            lambda: [median_seconds(call, 7 if benchmark.enabled else 1) for call in calls], rounds=1
        )
    sizes = [size_of(load, what) for load in loads]
    exponent, own = exponent_of(sizes, seconds), exponent_of(sizes, [load.flops for load in loads])
    benchmark.group = f"growth with {what}"
    benchmark.extra_info |= {"pass": function, "seconds": seconds, "exponent": exponent, "of the arithmetic": own}
    if benchmark.enabled:
        assert exponent <= own + 0.1
        assert what not in ("N", "K") or exponent >= own - 0.1


def median_seconds(call, rounds):
    taken = []
    for _ in range(rounds):
        start = time.thread_time()
        call()
        taken.append(time.thread_time() - start)
    return float(np.median(taken))


def size_of(load, what):
    sizes = {"N": load.images, "C": load.channels, "K": load.filters, "image": load.image[0], "filter": load.window[0]}
    return sizes[what]


def exponent_of(sizes, costs):
    """The slope of the line that fits best, both logarithmic."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
