"""A copy of the caller's code on floats: what it calculates, what it refuses to do, and what stays as it was."""

import itertools
import logging
import math
import os
import pathlib
import random
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.acting import Acts
from scratchcnn.gradcheck.diagnosis.floats import Floats
from scratchcnn.gradcheck.proof.balls.ball import NotHeld

TABLE, CALLS = np.arange(3.0), []
LOGGER, LOCK, NESTED = logging.getLogger(__name__), threading.Lock(), threading.RLock()
DRAWN, SHUFFLED = np.random.default_rng(3), random.Random(3)
FOLDER, THREADS = pathlib.Path("kept"), ThreadPoolExecutor
PLACES = os.sep, os.path.sep


def copied(function):
    """The copy of a function, in a world of its own."""
    return Floats().translated(function)


@pytest.mark.parametrize(
    "function",
    [
        lambda: np.exp(TABLE) @ TABLE,
        lambda: math.hypot(3, 4) + float("0.5") + int(2.5),
        lambda: np.linalg.norm(TABLE) + np.sum([1.0, 2]),
        lambda: list(itertools.accumulate([1, 2, 3])),
        lambda: (os.sep, os.path.sep, PLACES),
        lambda: time.perf_counter() > 0,
        lambda: [DRAWN.normal(), SHUFFLED.random()],
        lambda: isinstance(TABLE, np.ndarray) and isinstance(1.0, float),
        lambda: (len(CALLS), sorted([3, 1]), max(TABLE)),
    ],
)
def test_it_calculates_what_the_code_does(function):
    copy = copied(function)
    assert repr(copy()) == repr(function())


def test_numpy_is_itself_and_numbers_are_floats():
    modules, total = copied(lambda: (np, math, np.ndarray, np.exp, np.linalg.norm)), copied(lambda: TABLE.sum())
    assert modules() == (np, math, np.ndarray, np.exp, np.linalg.norm)
    assert type(total()) is np.float64


def writes():
    CALLS.append(TABLE)
    TABLE[0] = 7
    np.multiply(TABLE, 2, out=TABLE)
    return [len(CALLS), TABLE[0], DRAWN.normal(), SHUFFLED.random()]


def test_nothing_that_it_writes_is_seen_outside():
    states = DRAWN.bit_generator.state, SHUFFLED.getstate()
    world = Floats()
    copy = world.translated(writes)
    first, second = copy(), copy()
    assert [first[:2], second[:2]] == [[1, 14], [2, 14]]
    assert first[2:] != second[2:]
    assert (DRAWN.bit_generator.state, SHUFFLED.getstate()) == states
    assert CALLS == []
    np.testing.assert_array_equal(TABLE, [0, 1, 2])


def exits():
    raise SystemExit(3)


def interrupts():
    raise KeyboardInterrupt


def imports():
    import subprocess

    return subprocess.run("true")


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda: list(map(open, ["never"])), "open"),
        (lambda: input(), "input"),
        (lambda: eval("1"), "eval"),
        (lambda: exec("1"), "exec"),
        (lambda: breakpoint(), "breakpoint"),
        (lambda: os.remove("never"), "os.remove"),
        (lambda: os.path.exists("never"), "path.exists"),
        (lambda: shutil.rmtree("never"), "shutil.rmtree"),
        (lambda: time.sleep(0), "time.sleep"),
        (lambda: FOLDER.exists(), f"{type(FOLDER).__name__}.exists"),
        (lambda: THREADS(1), "ThreadPoolExecutor"),
        (lambda: threading.Thread(target=len), "threading.Thread"),
        (exits, "3"),
        (interrupts, ""),
        (imports, "subprocess.run"),
    ],
)
def test_it_refuses_to_act_and_says_what_was_tried(function, named):
    copy = copied(function)
    with pytest.raises((Acts, KeyboardInterrupt, SystemExit), match=rf"{named}$") as caught:
        copy()
    assert caught.type is Acts


@pytest.mark.parametrize("kept", [os.remove, shutil.rmtree, time.sleep, open, eval, os.path.exists])
def test_what_acts_is_refused_by_whatever_name(kept):
    def function():
        return kept("never")

    copy = copied(function)
    with pytest.raises(Acts, match=kept.__name__):
        copy()


def saves(x):
    np.save("never", x)


def dumps(x):
    x.tofile("never")


@pytest.mark.parametrize("function", [saves, dumps])
def test_what_writes_files_is_not_copied(function):
    with pytest.raises(NotHeld, match=f"cannot be copied .*{function.__name__}"):
        copied(function)


def test_it_says_nothing(capsys, caplog):
    def function():
        nothing = print("said", end="\n")
        LOGGER.critical("logged")
        return nothing, LOGGER.name, LOGGER.level, LOGGER.isEnabledFor(logging.CRITICAL)

    assert copied(function)() == (None, __name__, logging.CRITICAL, False)
    assert capsys.readouterr().out == ""
    assert caplog.records == []


@pytest.mark.parametrize("lock", [LOCK, NESTED])
def test_it_takes_no_lock(lock):
    def function():
        lock.acquire()
        with lock as entered:
            held = lock.acquire(blocking=False)
        return entered, held

    assert copied(function)() == (True, True)
    assert lock.acquire(blocking=False)
    lock.release()


def test_what_the_harness_has_is_told_from_what_callers_have():
    names = ["scratchcnn.gradcheck", "scratchcnn.gradcheck.case", "scratchcnn.gradchecks", "scratchcnn", "mine"]
    assert [Floats.is_harness({"__name__": name}) for name in names] == [True, True, False, False, False]
    assert not Floats.is_harness({})


@pytest.mark.parametrize("value", [LOGGER, LOCK, THREADS, FOLDER, os, time, time.sleep, DRAWN, TABLE, [None, os]])
def test_a_value_has_one_copy(value):
    world = Floats()
    copy = world.translated([value, value, None])
    assert copy[0] is copy[1]
    assert copy[0] is not value
    assert world.translated([value])[0] is copy[0]
    assert copy[2] is None
