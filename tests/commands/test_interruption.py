"""Ctrl-C and SIGTERM, sent to real processes."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from scratchcnn.commands.interruption import Terminated, terminated_by_signal
from scratchcnn.network.training import Training
from tests.commands.process import HEARS_CTRL_C
from tests.digits import small_mnist

# The exit code of each signal, and the last line.
SIGNALS = {signal.SIGINT: (130, "scratchcnn: interrupted\n"), signal.SIGTERM: (143, "scratchcnn: terminated\n")}
every_signal = pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
HANGS = 60  # seconds until a process that should end is given up


@contextmanager
def started(script, *arguments, folder):
    """A script in a process of its own, in a folder of its own; it does not outlive the block."""
    command = [sys.executable, "-c", HEARS_CTRL_C + textwrap.dedent(script), *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


# The first check says that it runs, and never ends. The line is written at once: several processes may say it.
ENDLESS = """
    import os, sys, threading
    from scratchcnn.commands import main, rows

    def run(check):
        os.write(1, b"running\\n")
        threading.Event().wait()

    rows.run = run
    sys.argv[0] = "scratchcnn"
    main.run()
"""


@every_signal
def test_verify_does_not_wait_for_the_running_checks(tmp_path, number):
    with started(ENDLESS, folder=tmp_path) as process:
        assert process.stdout.readline() == "running\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=HANGS)
    assert (process.returncode, said) == SIGNALS[number]


TRAINING = """
    import sys
    import pytest
    from scratchcnn.commands import main
    from tests.digits import small_mnist

    small_mnist.stand_in(pytest.MonkeyPatch())
    sys.argv[0] = "scratchcnn"
    main.run()
"""


@every_signal
def test_training_of_ten_classes_keeps_what_it_has_learnt(tmp_path, monkeypatch, number):
    small_mnist.stand_in(monkeypatch)
    data = small_mnist.write_npz(tmp_path / "mnist.npz")
    options = ["train", "--classes", "10", "--data", data, "--epochs", "100000", "--save", "model.npz"]
    with started(TRAINING, *options, folder=tmp_path) as process:
        assert process.stdout.readline().startswith("epoch 1 of 100000")
        process.send_signal(number)
        _, said = process.communicate(timeout=HANGS)
    code, last = SIGNALS[number]
    assert process.returncode == code
    made = re.fullmatch(rf"scratchcnn: (\d+) of 300000 steps are in model\.npz\n{last}", said)[1]
    assert Training.load(tmp_path / "model.npz").step == int(made) >= 3
    assert {path.name for path in tmp_path.iterdir()} == {"mnist.npz", "model.npz"}


# The third epoch says that it is there, and never ends.
TWO_CLASSES = """
    import sys, threading
    from scratchcnn.article import training
    from scratchcnn.commands import main

    evaluate = training.evaluate

    def third_without_end(number, *arguments):
        if number == 3:
            print("third", flush=True)
            threading.Event().wait()
        return evaluate(number, *arguments)

    training.evaluate = third_without_end
    sys.argv[0] = "scratchcnn"
    main.run()
"""


@every_signal
def test_training_of_two_classes_keeps_the_last_epoch(tmp_path, number):
    with started(TWO_CLASSES, "train", "--epochs", "9", "--save", "learnt.npz", folder=tmp_path) as process:
        assert process.stdout.readline() == "third\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=HANGS)
    code, last = SIGNALS[number]
    assert (process.returncode, said) == (code, f"scratchcnn: 2 of 9 epochs are in learnt.npz\n{last}")
    with np.load(tmp_path / "learnt.npz") as learnt:
        assert len(learnt["error"]) == 2


def test_afterwards_the_signal_does_what_it_did_before():
    heard = []
    before = signal.signal(signal.SIGTERM, lambda *_: heard.append("before"))
    try:
        with pytest.raises(Terminated), terminated_by_signal():
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == ["before"]


def test_in_another_thread_nothing_changes():
    seen = []

    def block():
        with terminated_by_signal():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]
