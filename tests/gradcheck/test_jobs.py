"""Jobs, with threads in the place of loky, which may not be installed."""

import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scratchcnn.gradcheck import jobs
from scratchcnn.gradcheck.in_pytest.settings import settings_of
from scratchcnn.gradcheck.jobs import in_order, missing, processes, refusal


class Threads(ThreadPoolExecutor):
    """Threads that keep how they were made and ended."""

    def __init__(self, workers, env):
        super().__init__(workers)
        self.workers, self.env, self.ended = workers, env, []

    def shutdown(self, kill_workers=False):
        self.ended.append("killed" if kill_workers else "done")
        super().shutdown()


@pytest.fixture(autouse=True)
def loky(monkeypatch):
    stand_in = types.SimpleNamespace(ProcessPoolExecutor=Threads, __spec__="it is there")
    monkeypatch.setitem(sys.modules, "loky", stand_in)


@pytest.mark.parametrize("count", [None, 1])
def test_one_job_is_this_process(count):
    with processes(count) as executor:
        assert executor is None


def test_more_processes_than_some_for_each_core_are_refused(monkeypatch):
    for cores, most in ((2, 16), (8, 32), (None, 16)):
        monkeypatch.setattr(jobs.os, "cpu_count", lambda cores=cores: cores)
        assert refusal("--jobs", most) == refusal("--jobs", 1) == ""
        assert refusal("--jobs", most + 1) == f"--jobs: at most {most} processes on {cores or 1} cores, got {most + 1}"


def test_processes_end_with_their_block():
    with processes(3) as executor:
        assert list(in_order(executor, abs, [-2, 1, -5])) == [2, 1, 5]
        assert (executor.workers, executor.ended) == (3, [])
        assert float(executor.env["LOKY_MAX_MEMORY_LEAK_SIZE"]) > 1e12
    assert executor.ended == ["done"]


def test_processes_end_at_once_where_the_results_are_given_up():
    with processes(2) as executor:
        results = in_order(executor, abs, [-2, 1, -5])
        assert next(results) == 2
        results.close()
        assert executor.ended == ["killed"]


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(jobs, "find_spec", lambda name: name == "loky" or None)
    assert missing() == ""
    monkeypatch.setattr(jobs, "find_spec", lambda name: None)
    assert missing() == 'loky: pip install "scratchcnn[jobs]"'


class Config:
    """What the plugin asks of pytest's configuration."""

    def __init__(self):
        self.cleanups, self.rootpath = [], Path()

    def getoption(self, name):
        return None

    def add_cleanup(self, function):
        self.cleanups.append(function)


def given(jobs):
    return {"report": "", "seed": "", "seconds": "", "harvest": "", "pairs": "", "jobs": jobs}


def test_the_plugin_ends_its_processes_with_pytest():
    config = Config()
    executor = settings_of(config, given("2")).check["executor"]
    assert (executor.workers, executor.ended) == (2, [])
    for cleanup in config.cleanups:
        cleanup()
    assert executor.ended == ["done"]
    assert "executor" not in settings_of(config, given("1")).check


def test_the_plugin_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(jobs, "find_spec", lambda name: None)
    config = Config()
    with pytest.raises(pytest.UsageError, match=r"^--gradient-jobs needs loky: pip install"):
        settings_of(config, given("2"))
