"""The search for a cause runs changed copies of the caller's code: they act on nothing outside of themselves."""

import itertools
import logging
import os
import pathlib
import shutil
import sys
import threading
import time

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient

LOCK, LOGGER = threading.Lock(), logging.getLogger(__name__)
X = np.random.default_rng(0).normal(size=3)


def forward(x):
    return np.sin(x) * np.exp(x) + x


def unexplained(g, x):
    """A gradient that is wrong in no known way, so that everything is tried."""
    return g * (np.cos(x) * x + 2 * x)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    return tmp_path


def deletes(g, x):
    if x.ndim != 1:
        shutil.rmtree("kept")
    return unexplained(g, x)


def names_a_folder(g, x):
    os.makedirs("folder_" + str(1 + 1), exist_ok=True)
    return unexplained(g, x)


def opens(g, x):
    if len(x) > 5:
        open(f"file_{len(x)}", "w").close()
    return unexplained(g, x)


def saves(g, x):
    np.save(f"array_{1 + 1}.npy", x)
    return unexplained(g, x)


def exits(g, x):
    n = len(x)
    if n == 7:
        sys.exit(9)
    if n == 8:
        raise SystemExit("usage")
    if n == 0:
        raise KeyboardInterrupt
    return unexplained(g, x)


def locks(g, x):
    LOCK.acquire()
    k = [1, 2, 3][2]
    LOCK.release()
    return unexplained(g, x) * (k > 0)


def loops_over_an_endless_iterator(g, x):
    for i in itertools.count():
        if i == 3:
            break
    return unexplained(g, x)


def makes_a_large_array(g, x):
    return unexplained(g, x) * (np.arange(10**3).sum() > 0)


def loops_long(g, x):
    return unexplained(g, x) * (sum(1 for _ in range(10**5)) > 0)


@pytest.mark.parametrize(
    ("backward", "left"),
    [
        (deletes, {"kept"}),
        (names_a_folder, {"kept", "folder_2"}),
        (opens, {"kept"}),
        (saves, {"kept", "array_2.npy"}),
        (exits, {"kept"}),
        (locks, {"kept"}),
        (loops_over_an_endless_iterator, {"kept"}),
        (makes_a_large_array, {"kept"}),
        (loops_long, {"kept"}),
    ],
)
def test_a_changed_copy_does_nothing_outside(folder, backward, left):
    assert check_gradient(forward, backward, X).verdict is Verdict.WRONG
    assert set(os.listdir(folder)) == left


def names_a_folder_forward(x):
    if len(x) > 100:
        open("never", "w").close()
    os.makedirs("folder_" + str(2), exist_ok=True)
    return forward(x)


def test_a_changed_copy_of_forward_does_nothing_either(folder):
    assert check_gradient(names_a_folder_forward, unexplained, X).verdict is Verdict.WRONG
    assert set(os.listdir(folder)) == {"kept", "folder_2"}


def square_times_exponential(x):
    return x * x * np.exp(x)


def logged(g, x):
    LOGGER.warning("backward of %s", x.shape)
    h = x * x
    return g * (2 * x + np.sqrt(h) * np.sign(x)) * np.exp(x)


def test_code_that_logs_is_searched_and_logs_no_more_for_it(caplog):
    report = check_gradient(square_times_exponential, logged, X)
    assert any("in place of" in d.message for d in report.diagnoses)
    with_search = len(caplog.records)
    caplog.clear()
    check_gradient(square_times_exponential, logged, X, diagnosis=False)
    assert with_search <= 2 * len(caplog.records)


def guarded(g, x):
    if x.ndim != 1:
        shutil.rmtree("kept")
    h = x * x
    return g * (2 * x + np.sqrt(h) * np.sign(x)) * np.exp(x)


def test_code_that_could_act_and_does_not_gets_a_name(folder):
    report = check_gradient(square_times_exponential, guarded, X)
    assert any("in place of" in d.message for d in report.diagnoses)
    assert set(os.listdir(folder)) == {"kept"}


def timed(g, x):
    begun = time.perf_counter()
    if x.ndim != 1:
        time.sleep(1000)
    h = x * x
    return g * (2 * x + np.sqrt(h) * np.sign(x)) * np.exp(x) if time.perf_counter() >= begun else None


def test_code_that_is_timed_gets_a_name_and_does_not_sleep():
    report = check_gradient(square_times_exponential, timed, X)
    assert any("in place of" in d.message for d in report.diagnoses)


def saves_forward(x):
    np.save("array.npy", x)
    return forward(x)


def test_forward_that_writes_a_file_is_searched_without_a_copy(folder):
    report = check_gradient(saves_forward, lambda g, x: 2 * g * (np.exp(x) * (np.sin(x) + np.cos(x)) + 1), X)
    assert report.diagnoses[0].kind == "constant-factor"
    assert not any("fault of the harness" in note for note in report.notes)


class Locked:
    """A layer with a lock, a path and a logger of its own."""

    def __init__(self):
        self.lock, self.path, self.logger = threading.RLock(), pathlib.Path("kept"), LOGGER

    def forward(self, x):
        return square_times_exponential(x)

    def backward(self, g, x):
        with self.lock:
            h = x * x
        return g * (2 * x + np.sqrt(h) * np.sign(x)) * np.exp(x)


def test_a_layer_with_a_lock_gets_a_name():
    layer = Locked()
    report = check_gradient(layer.forward, layer.backward, X)
    assert any("in place of" in d.message for d in report.diagnoses)
