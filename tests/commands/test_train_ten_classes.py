"""The command `train --classes 10`: what it prints and saves, resuming, and interruption."""

import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

from scratchcnn.commands import main as cli
from scratchcnn.digits.mnist import load_digits
from scratchcnn.network import training
from scratchcnn.network.training import Recipe, Training
from tests.commands.process import HEARS_CTRL_C
from tests.digits import small_mnist
from tests.network.trainings import end, same, steps


@pytest.fixture
def data(monkeypatch, tmp_path):
    small_mnist.stand_in(monkeypatch)
    return str(small_mnist.write_npz(tmp_path / "mnist.npz"))


def train(*options):
    return cli.main(["train", *map(str, options)])


LINE = r"epoch (\d+) of (\d+): error \d+\.\d{4}, [\d,]+ images/s, test accuracy (\d+\.\d\d)%"


def test_train_says_how_each_epoch_went(data, capsys):
    options = ("--digits", "all", "--classes", "10", "--data", data, "--epochs", "12", "--batch", "10")
    assert train(*options, "--rate", "0.02") == 0
    lines = capsys.readouterr().out.splitlines()
    found = [re.fullmatch(LINE, line).groups() for line in lines]
    assert [numbers[:2] for numbers in found] == [(str(k), "12") for k in range(1, 13)]
    assert float(found[-1][2]) > 50  # of 50 digits, from 150


def test_train_saves_what_the_library_learns_and_resume_goes_on(data, tmp_path, capsys):
    whole, half = tmp_path / "whole.npz", tmp_path / "half.npz"
    options = ("--classes", "10", "--data", data, "--digits", "100", "--batch", "32")
    assert train(*options, "--epochs", "4", "--save", whole, "--seed", "5") == 0
    expected = end(Training.begin(Recipe(epochs=4, batch=32, seed=5), 100), load_digits(100))
    assert same(Training.load(whole), expected)
    middle = Training.begin(Recipe(epochs=4, batch=32, seed=5), 100)
    *_, middle = (now for _, now in zip(range(6), steps(middle, load_digits(100)), strict=False))
    middle.save(half)
    assert train("--resume", half, "--data", data) == 0
    assert same(Training.load(half), expected)
    assert capsys.readouterr().out.splitlines()[-1].startswith("epoch 4 of 4")


def test_more_epochs_can_be_asked_for(data, tmp_path, capsys):
    file, other = tmp_path / "a.npz", tmp_path / "b.npz"
    train("--classes", "10", "--data", data, "--epochs", "1", "--save", file)
    before = file.read_bytes()
    with pytest.raises(SystemExit, match="2"):
        train("--resume", file, "--data", data)
    assert "has had 1 epochs; more are to be asked for with --epochs" in capsys.readouterr().err
    assert train("--resume", file, "--data", data, "--epochs", "2", "--rate", "0.01", "--save", other) == 0
    assert file.read_bytes() == before
    assert Training.load(other).recipe == Recipe(epochs=2, rate=0.01)
    assert Training.load(other).epoch == 2


INTERRUPTED = """
    import signal, sys
    import pytest
    from scratchcnn.commands import main as cli
    from scratchcnn.network import training
    from tests.digits import small_mnist

    small_mnist.stand_in(pytest.MonkeyPatch())
    step, count = training.step, 0

    def interrupted(*arguments):
        global count
        count += 1
        if count == 7:
            signal.raise_signal(signal.SIGINT)
        return step(*arguments)

    training.step = interrupted
    sys.exit(cli.main(sys.argv[1:]))
"""


def test_ctrl_c_saves_what_there_is(data, tmp_path):
    file = tmp_path / "model.npz"
    options = ["train", "--classes", "10", "--data", data, "--batch", "32", "--save", str(file)]
    script = [sys.executable, "-c", HEARS_CTRL_C + textwrap.dedent(INTERRUPTED)]
    done = subprocess.run([*script, *options], capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert f"scratchcnn: 6 of 50 steps are in {file}" in done.stderr
    assert done.stderr.endswith("scratchcnn: interrupted\n")
    assert "Traceback" not in done.stderr
    saved = Training.load(file)
    start = Training.begin(Recipe(batch=32), 150)
    *_, expected = (now for _, now in zip(range(6), steps(start, load_digits(150)), strict=False))
    assert same(saved, expected)


def test_ctrl_c_without_a_file_to_save_says_no_more(data, monkeypatch, capsys):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "step", interrupted)
    assert train("--classes", "10", "--data", data) == 130
    assert capsys.readouterr() == ("", "scratchcnn: interrupted\n")


def test_ctrl_c_from_outside(data, tmp_path):
    """The signal is a real one, at any time after the first epoch."""
    script = f"""
        import sys, pytest
        from scratchcnn.commands import main as cli
        from tests.digits import small_mnist

        small_mnist.stand_in(pytest.MonkeyPatch())
        sys.exit(cli.main({["train", "--classes", "10", "--data", data, "--epochs", "100000", "--save", "m.npz"]}))
    """
    command = [sys.executable, "-c", HEARS_CTRL_C + textwrap.dedent(script)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) as process:
        assert process.stdout.readline().startswith("epoch 1 of 100000")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    steps_made = int(re.search(r"scratchcnn: (\d+) of 300000 steps are in m\.npz", said)[1])
    assert Training.load(tmp_path / "m.npz").step == steps_made >= 2


def test_a_rate_that_is_too_large_is_said(data, capsys):
    with pytest.raises(SystemExit, match="2"):
        train("--classes", "10", "--data", data, "--rate", "1e30")
    assert re.search(r"not finite any more after \d+ steps: the rate is too large", capsys.readouterr().err)


MISUSE = [
    (["--digits", "all"], "--digits all is for --classes 10"),
    (["--batch", "32"], "--batch is for --classes 10"),
    (["--momentum", "0.5"], "--momentum is for --classes 10"),
    (["--data", "mnist.npz"], "--data is for --classes 10"),
    (["--classes", "2", "--resume", "a.npz"], "--resume is for --classes 10"),
    (["--classes", "10", "--plot", "a.png"], "--plot is for --classes 2"),
    (["--classes", "10", "--gradient", "exact"], "--gradient is for --classes 2"),
    (["--classes", "3"], "invalid choice: "),
    (["--classes", "10", "--digits", "151"], "digits must be between 1 and 150, got 151"),
    (["--classes", "10", "--digits", "0"], "digits must be between 1 and 150, got 0"),
    (["--classes", "10", "--digits", "few"], "invalid int value: 'few'"),
    (["--classes", "10", "--epochs", "0"], "epochs must be at least 1, got 0"),
    (["--classes", "10", "--momentum", "1"], "momentum must be at least 0 and below 1"),
    (["--classes", "10", "--save", "a.txt"], "must end in .npz"),
    (["--classes", "10", "--save", "nowhere/a.npz"], "nowhere is not a directory"),
    (["--resume", "none.npz"], "No such file or directory: 'none.npz'"),
    (["--classes", "10", "--data", "none.npz"], "No such file or directory: 'none.npz'"),
    (["--classes", "10", "--data", "."], "has no train-images-idx3-ubyte"),
]


@pytest.mark.parametrize(("options", "message"), MISUSE, ids=lambda value: " ".join(value) * isinstance(value, list))
def test_misuse_exits_with_2_and_says_why(data, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "step", pytest.fail)
    with pytest.raises(SystemExit, match="2"):
        train(*options)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--batch", "16"), ("--seed", "1"), ("--digits", "100")], ids=" ".join)
def test_what_cannot_change_on_the_way_is_refused(data, tmp_path, capsys, option):
    file = tmp_path / "a.npz"
    Training.begin(Recipe(), 150).save(file)
    with pytest.raises(SystemExit, match="2"):
        train("--resume", file, "--data", data, *option)
    assert "which cannot change on the way" in capsys.readouterr().err


def test_a_damaged_file_to_resume_stays_as_it_is(data, tmp_path, capsys):
    file = tmp_path / "a.npz"
    Training.begin(Recipe(), 150).save(file)
    file.write_bytes(file.read_bytes()[:-100])
    before = file.read_bytes()
    with pytest.raises(SystemExit, match="2"):
        train("--resume", file, "--data", data)
    assert f"{file} is not an .npz file, or is damaged" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_a_full_disk_is_said_and_leaves_the_old_file(data, tmp_path, monkeypatch, capsys):
    file = tmp_path / "a.npz"
    Training.begin(Recipe(), 150).save(file)
    before = file.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SystemExit, match="2"):
        train("--resume", file, "--data", data)
    assert "No space left on device" in capsys.readouterr().err
    assert file.read_bytes() == before
