"""Training of ten classes: the step, resuming, and interruption; as a library and as a command."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from scratchcnn import softmax_cross_entropy
from scratchcnn.commands import main as cli
from scratchcnn.digits.mnist import load_digits
from scratchcnn.network import training
from scratchcnn.network.layers import Conv2d, Dense, Flatten, MaxPool2d, Tanh
from scratchcnn.network.network import Model, Network
from scratchcnn.network.training import Recipe, Training, Workers, accuracy, workers
from tests.assertions import assert_within, gamma
from tests.digits import small_mnist

NETWORK = Network((Conv2d(1, 2, 5, stride=2), MaxPool2d(2), Tanh(), Flatten(), Dense(72, 10)))
SHORT = Recipe(epochs=3, batch=64, rate=0.1)


def begin(recipe=SHORT, digits=200, network=NETWORK):
    return Training.begin(recipe, digits, network)


def steps(start, digits):
    with workers() as team:
        yield from training.steps(start, digits, team)


def end(start, digits):
    *_, last = steps(start, digits)
    return last


def share_told_right(model, digits):
    with workers() as team:
        return accuracy(model, digits, team)


def same(one, other):
    mine, theirs = ((*t.model.parameters, *t.velocities) for t in (one, other))
    return one.step == other.step and all(map(np.array_equal, mine, theirs))


# A step


def test_the_error_falls_and_the_digits_are_learnt():
    digits = load_digits()
    last = end(begin(Recipe(epochs=20, batch=32), network=training.NETWORK), digits)
    assert last.step == last.steps == 20 * 7
    assert share_told_right(last.model, digits) == 1
    assert last.error < 0.01 < begin(network=training.NETWORK).model.parameters[0].std()


def test_the_first_error_is_that_of_guessing():
    """With small weights all ten classes are equally likely: E is near log 10."""
    small = begin()
    small = replace(small, model=Model(NETWORK, tuple(p / 1000 for p in small.model.parameters)))
    assert next(steps(small, load_digits())).error == pytest.approx(np.log(10), rel=1e-3)


@given(st.integers(1, 200), st.integers(1, 7))
def test_threads_share_a_batch_and_nothing_is_lost(count, threads):
    """E and its gradients are means over the batch, however the threads share it."""
    digits, model = load_digits(count), begin().model
    double = Model(NETWORK, tuple(p.astype(float) for p in model.parameters))
    with ThreadPoolExecutor(threads) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LEAST_SHARE", 16)
        error, gradients = training.error_and_gradients(double, digits, Workers(pool, threads))
    x = digits.x()
    expected, expected_gradients = NETWORK.error_and_gradients(x, digits.labels, *double.parameters)
    # The sums over up to 200 images and 144 windows have another order; some terms cancel, all are below 10.
    assert_within(error, expected, gamma(1000, float) * 10)
    for gradient, right in zip(gradients, expected_gradients, strict=True):
        assert_within(gradient, right, gamma(200 * 144, float) * 10)


@given(st.integers(1, 200), st.integers(1, 7), st.integers(1, 100))
def test_shares_are_worth_a_thread(count, threads, worth):
    with ThreadPoolExecutor(threads) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LEAST_SHARE", worth)
        shares = Workers(pool, threads).share(lambda share: share.labels, load_digits(count))
    assert np.array_equal(np.concatenate(shares), load_digits(count).labels)
    assert len(shares) <= threads
    assert len(shares) == 1 or min(map(len, shares)) >= worth
    assert len(shares) == max(1, min(threads, count // worth))


def test_a_step_is_that_of_the_equations():
    digits = load_digits(64)
    start = begin(Recipe(epochs=2, batch=32, rate=0.5, momentum=0.75), 64)
    order = np.random.default_rng([0, 0]).permutation(64)
    parameters, velocities = start.model.parameters, start.velocities
    for k, after in zip(range(2), steps(start, digits), strict=False):
        batch = digits[order[32 * k : 32 * (k + 1)]]
        error, gradients = NETWORK.error_and_gradients(batch.x(np.float32), batch.labels, *parameters)
        rate = 0.5 * (1 + np.cos(np.pi * k / 4)) / 2
        velocities = [0.75 * v - rate * g for v, g in zip(velocities, gradients, strict=True)]
        parameters = [
            p + 0.75 * v - rate * g for p, v, g in zip(parameters, velocities, gradients, strict=True)
        ]  # Nesterov's momentum looks ahead by the new velocity
        assert after.error == pytest.approx(float(error), rel=1e-6)
        for mine, theirs in zip((*after.model.parameters, *after.velocities), (*parameters, *velocities), strict=True):
            assert mine.dtype == np.float32
            # A dozen roundings of numbers below 4 at most, and the sums over the threads' shares.
            assert_within(mine, theirs, gamma(200, np.float32))


def test_every_digit_is_seen_once_an_epoch_in_another_order(monkeypatch):
    seen = []

    def step(now, batch, team):
        seen.append(batch.labels)
        return replace(now, step=now.step + 1)

    monkeypatch.setattr(training, "step", step)
    digits = replace(load_digits(), labels=np.arange(200))
    list(steps(begin(), digits))
    assert [len(labels) for labels in seen] == [64, 64, 64, 8] * 3
    epochs = [np.concatenate(seen[k : k + 4]).tolist() for k in (0, 4, 8)]
    assert all(sorted(epoch) == list(range(200)) for epoch in epochs)
    assert all(one != other for one, other in pairwise([list(range(200)), *epochs]))


def test_images_are_counted():
    start = begin()
    assert [replace(start, step=k).images_since(0) for k in range(6)] == [0, 64, 128, 192, 200, 264]
    assert replace(start, step=6).images_since(3) == 8 + 128


def test_the_accuracy_is_the_share_told_right():
    model = begin().model
    digits = load_digits()
    guesses = model.logits(digits.x(np.float32)).argmax(axis=1)
    assert share_told_right(model, replace(digits, labels=guesses)) == 1
    assert share_told_right(model, replace(digits, labels=(guesses + (np.arange(200) < 50)) % 10)) == 0.75


@pytest.mark.parametrize("allowed", [1, 2])
def test_as_many_threads_as_blas_may_have(allowed):
    def in_blas():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(allowed, user_api="blas"):
        before = in_blas()
        with workers() as team:
            assert team.count == max(before)
            assert in_blas() == {1}
        assert in_blas() == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
        ({"rate": 0.0}, "rate must be a finite number above 0, got 0.0"),
        ({"rate": np.inf}, "rate must be a finite number above 0, got inf"),
        ({"momentum": 1.0}, "momentum must be at least 0 and below 1, got 1.0"),
        ({"momentum": -0.1}, "momentum must be at least 0 and below 1, got -0.1"),
    ],
    ids=str,
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Recipe(**wrong)


def test_a_recipe_has_whole_numbers():
    for name in ("epochs", "batch", "seed"):
        with pytest.raises(TypeError, match=f"{name} must be an integer, got 2.5"):
            Recipe(**{name: 2.5})


def test_other_digits_than_it_began_with_are_refused():
    with pytest.raises(ValueError, match="began with 200 digits, got 199"), workers() as team:
        training.steps(begin(), load_digits(199), team)


def test_a_rate_that_is_too_large_is_said():
    with pytest.raises(ValueError, match=r"not finite any more after \d+ steps: the rate is too large"):
        end(begin(replace(SHORT, rate=1e15), network=training.NETWORK), load_digits())


# Resuming


@pytest.mark.parametrize("stop", [1, 4, 6, 11])
def test_after_any_step_it_goes_on_to_the_same_end(tmp_path, stop):
    digits, path = load_digits(), tmp_path / "training.npz"
    course = list(steps(begin(), digits))
    course[stop - 1].save(path)
    loaded = Training.load(path)
    assert loaded.recipe == SHORT
    assert same(loaded, course[stop - 1])
    assert same(end(loaded, digits), course[-1])


def change(path, **changed):
    """Write the file again with some arrays changed; None leaves one out."""
    with np.load(path) as archive:
        arrays = {name: array for name, array in (dict(archive) | changed).items() if array is not None}
    np.savez(path, **arrays)


RECORD = {"epochs": 3, "batch": 64, "rate": 0.1, "momentum": 0.9, "seed": 0, "step": 2, "digits": 200}
WRONG = {
    "model only": {"training": None},
    "no JSON": {"training": "{"},
    "no record": {"training": "3"},
    "no step": {"training": json.dumps({k: v for k, v in RECORD.items() if k != "step"})},
    "unknown part": {"training": json.dumps({**RECORD, "magic": 1})},
    "no sense": {"training": json.dumps({**RECORD, "batch": 0})},
    "beyond the end": {"training": json.dumps({**RECORD, "step": 13})},
    "no digits": {"training": json.dumps({**RECORD, "digits": 0})},
    "half a step": {"training": json.dumps({**RECORD, "step": 1.5})},
    "half an epoch": {"training": json.dumps({**RECORD, "epochs": 2.5})},
    "a velocity missing": {"velocity_1": None},
    "a velocity of another shape": {"velocity_1": np.zeros(3, np.float32)},
    "a velocity that is no number": {"velocity_1": np.array(["a", "b"])},
    "a velocity that is not finite": {"velocity_1": np.full(2, np.nan, np.float32)},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_a_file_that_holds_no_training_is_refused_by_name(tmp_path, changed):
    path = tmp_path / "training.npz"
    begin().save(path)
    change(path, training=json.dumps(RECORD))
    assert Training.load(path).step == 2
    change(path, **changed)
    with pytest.raises(ValueError, match=re.escape(f"{path} holds no training that could go on")):
        Training.load(path)


# The command


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
    script = [sys.executable, "-c", textwrap.dedent(INTERRUPTED)]
    done = subprocess.run([*script, *options], capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert f"scratchcnn: 6 of 50 steps are in {file}" in done.stderr
    assert done.stderr.endswith("scratchcnn: interrupted\n")
    assert "Traceback" not in done.stderr
    saved = Training.load(file)
    start = Training.begin(Recipe(batch=32), 150)
    *_, expected = (now for _, now in zip(range(6), steps(start, load_digits(150)), strict=False))
    assert same(saved, expected)


def test_ctrl_c_from_outside(data, tmp_path):
    """The signal is a real one, at any time after the first epoch."""
    script = f"""
        import sys, pytest
        from scratchcnn.commands import main as cli
        from tests.digits import small_mnist

        small_mnist.stand_in(pytest.MonkeyPatch())
        sys.exit(cli.main({["train", "--classes", "10", "--data", data, "--epochs", "100000", "--save", "m.npz"]}))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **pipes) as process:
        assert process.stdout.readline().startswith("epoch 1 of 100000")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    steps_made = int(re.search(r"scratchcnn: (\d+) of 300000 steps are in m\.npz", said)[1])
    assert Training.load(tmp_path / "m.npz").step == steps_made >= 2


MISUSE = [
    (["--digits", "all"], "--digits all is for --classes 10"),
    (["--batch", "32"], "--batch is for --classes 10"),
    (["--momentum", "0.5"], "--momentum is for --classes 10"),
    (["--data", "mnist.npz"], "--data is for --classes 10"),
    (["--classes", "2", "--resume", "a.npz"], "--resume is for --classes 10"),
    (["--classes", "10", "--plot", "a.png"], "--plot is for --classes 2"),
    (["--classes", "10", "--gradient", "exact"], "--gradient is for --classes 2"),
    (["--classes", "3"], "invalid choice: 3"),
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


def test_the_error_is_the_mean_cross_entropy():
    start, digits = begin(), load_digits()
    batch = digits[np.random.default_rng([0, 0]).permutation(200)[:64]]
    logits = start.model.logits(batch.x(np.float32))
    # The error is a mean of 64 numbers below 16, in float32.
    assert_within(
        next(steps(start, digits)).error, softmax_cross_entropy(logits, batch.labels), gamma(64, np.float32) * 16
    )
