"""Training of ten classes as a library: the step, the threads that share it, and resuming."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from scratchcnn import softmax_cross_entropy
from scratchcnn.digits.mnist import load_digits
from scratchcnn.network import training
from scratchcnn.network.model import Model
from scratchcnn.network.training import Recipe, Training, Workers, accuracy, workers
from tests.assertions import assert_within, gamma
from tests.network.trainings import NETWORK, SHORT, begin, end, same, steps


def share_told_right(model, digits):
    with workers() as team:
        return accuracy(model, digits, team)


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


def test_the_error_is_the_mean_cross_entropy():
    start, digits = begin(), load_digits()
    batch = digits[np.random.default_rng([0, 0]).permutation(200)[:64]]
    logits = start.model.logits(batch.x(np.float32))
    # The error is a mean of 64 numbers below 16, in float32.
    assert_within(
        next(steps(start, digits)).error, softmax_cross_entropy(logits, batch.labels), gamma(64, np.float32) * 16
    )


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
        ({"momentum": np.nan}, "momentum must be at least 0 and below 1, got nan"),
        ({"rate": 10**400}, "rate must be a finite number above 0, got inf"),
        ({"epochs": 10**400}, "epochs must be at most 2147483647, got 1000"),
    ],
    ids=str,
)
def test_a_recipe_that_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        Recipe(**wrong)


@pytest.mark.parametrize("value", [2.5, np.nan, True, "3", None, 1j], ids=str)
def test_a_recipe_has_whole_numbers(value):
    for name in ("epochs", "batch", "seed"):
        with pytest.raises(TypeError, match=re.escape(f"{name} must be an integer, got {value!r}")):
            Recipe(**{name: value})


@pytest.mark.parametrize("value", [True, "0.1", None, 1j], ids=str)
def test_a_recipe_has_real_numbers(value):
    for name in ("rate", "momentum"):
        with pytest.raises(TypeError, match=re.escape(f"{name} must be a number, got {value!r}")):
            Recipe(**{name: value})


def test_numbers_of_numpy_in_a_recipe_can_be_saved(tmp_path):
    recipe = Recipe(
        epochs=np.int64(3), batch=np.uint8(64), rate=np.float32(0.5), momentum=np.float64(0), seed=np.int8(1)
    )
    begin(recipe).save(tmp_path / "training.npz")
    assert Training.load(tmp_path / "training.npz").recipe == Recipe(3, 64, 0.5, 0.0, 1) == recipe


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
    "digits without end": {"training": json.dumps({**RECORD, "digits": 10**30})},
    "a truth for a step": {"training": json.dumps({**RECORD, "step": True})},
    "a rate in words": {"training": json.dumps({**RECORD, "rate": "0.1"})},
    "a rate of NaN": {"training": json.dumps({**RECORD, "rate": float("nan")})},
    "a list": {"training": json.dumps(list(RECORD.items()))},
    "two records": {"training": np.array([json.dumps(RECORD)] * 2)},
    "lists in lists": {"training": "[" * 100_000},
    "one array more": {"velocity_4": np.zeros(3, np.float32)},
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
