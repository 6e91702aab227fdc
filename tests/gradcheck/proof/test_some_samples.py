"""A proof on some samples of a batch, where one on all would take too long."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.proof import some_samples
from scratchcnn.gradcheck.proof.some_samples import Part, on_some_samples

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(12, 40)), RNG.normal(size=(40, 30))


def layer(x, w):
    return np.tanh(np.tanh(x @ w) @ w.T)


def layer_backward(g, x, w):
    h = np.tanh(x @ w)
    d = g * (1 - np.tanh(h @ w.T) ** 2)
    dh = (d @ w) * (1 - h**2)
    return dh @ w.T, x.T @ dh + d.T @ h


def off_at(place, factor):
    def backward(g, x, w):
        dx, dw = layer_backward(g, x, w)
        dx[place] *= factor
        return dx, dw

    return backward


# In balls a sample of it takes a hundredth of a second, and all of it a third.
MANY, WIDE = RNG.normal(size=(60, 120)), RNG.normal(size=(120, 60)) / 10


def checked(backward, **options):
    return check_gradient(layer, backward, MANY, WIDE, seconds=0.04, max_entries=4, **options)


def test_a_batch_that_takes_too_long_is_proved_in_part():
    report = checked(layer_backward, batch="x")
    assert any(note.startswith("not proved: takes too long") for note in report.notes)
    told = [note for note in report.notes if "of 60 samples" in note]
    assert len(told) == 1
    assert not report.violations


def test_as_many_samples_as_there_is_time_for():
    case = prepare(layer, layer_backward, (X, W))
    part = on_some_samples(case, (0,), (0, 1), np.random.default_rng(0), 5.0)
    assert (part.note, part.violations) == ("proved on 11 of 12 samples", ())


@pytest.mark.parametrize(
    ("seconds_of", "counts"),
    [
        (lambda count: count, [1, 49]),  # the next would have half as many
        (lambda count: 1, [1, 49, 999]),
        (lambda count: 2 + count, [1, 16, 35]),
        (lambda count: 20, [1, 2]),
        (lambda count: 0.05007 if count == 1 else 1e-9, [1, 998, 999]),
        (lambda count: 200, [1]),
        (lambda count: 1e-9, [1, 999]),
    ],
)
def test_each_proof_has_at_least_twice_as_many_samples_and_half_of_the_time_that_is_left(
    seconds_of, counts, monkeypatch
):
    clock, tried = [10.0], []

    def proved(case, batch, usable, count, samples, rng, seconds):
        tried.append(count)
        assert (samples, seconds) == (1000, pytest.approx(110 - clock[0]))
        clock[0] += seconds_of(count)
        return Part(f"proved on {count}", right=True)

    monkeypatch.setattr(some_samples, "thread_time", lambda: clock[0])
    monkeypatch.setattr(some_samples, "_proved", proved)
    case = prepare(np.sin, lambda g, x: g * np.cos(x), (np.ones((1000, 1)),))
    part = on_some_samples(case, (0,), (0,), np.random.default_rng(0), 100.0)
    assert (tried, part.note) == (counts, f"proved on {counts[-1]}")


@pytest.mark.parametrize(("samples", "seconds"), [(1, 100.0), (0, 100.0), (12, 0.0)])
def test_without_another_sample_or_time_none_is_tried(samples, seconds, monkeypatch):
    monkeypatch.setattr(some_samples, "thread_time", lambda: 10.0)
    monkeypatch.setattr(some_samples, "_proved", lambda *_: pytest.fail("it is tried"))
    case = prepare(np.sin, lambda g, x: g * np.cos(x), (np.ones((samples, 1)),))
    part = on_some_samples(case, (0,), (0,), np.random.default_rng(0), seconds)
    assert part == Part(f"not one of {samples} samples could be proved in the time that there is")


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: np.float32(x).astype(float), lambda g, x: g),  # does not run on balls
        (lambda x: np.maximum(x - X[:1], 0), lambda g, x: g * (x > X[:1])),  # at kinks in the first sample
    ],
)
def test_where_nothing_or_not_all_is_proved_nothing_is_said_to_be(forward, backward):
    case = prepare(forward, backward, (X,))
    part = on_some_samples(case, (0,), (0,), np.random.default_rng(0), 5.0)
    assert part == Part("not one of 12 samples could be proved in the time that there is")


@pytest.mark.parametrize("factor", [-1.0, 1.0001])
def test_what_is_wrong_with_a_sample_is_found_and_shown(factor):
    case = prepare(layer, off_at((0, 3), factor), (X, W))
    part = on_some_samples(case, (0,), (0, 1), np.random.default_rng(0), 20.0)
    (violation,) = part.violations
    assert (violation.kind, violation.input, part.note) == ("elsewhere", "x", "")
    assert "1 of 12 samples alone the gradient is wrong, at [0, 3]" in violation.message


def test_a_part_that_is_wrong_makes_the_whole_wrong():
    report = check_gradient(layer, off_at((0, 3), 1.0001), X, W, seconds=0.3, max_entries=1, batch=("x",))
    assert report.verdict is Verdict.WRONG


def test_a_guard_is_no_mistake_of_a_part():
    def norm(x):
        return np.sqrt((x * x).sum(axis=1))

    def norm_backward(g, x):
        return g[:, None] * x / (norm(x)[:, None] + 1e-12)

    case = prepare(norm, norm_backward, (X,))
    part = on_some_samples(case, (0,), (0,), np.random.default_rng(0), 5.0)
    assert part.note == "proved on 11 of 12 samples"


def test_a_forward_that_takes_no_part_of_the_batch_says_so():
    def whole(x):
        if len(x) != 12:
            raise ValueError("twelve samples")
        return x**2

    case = prepare(whole, lambda g, x: 2 * g * x, (X,))
    part = on_some_samples(case, (0,), (0,), np.random.default_rng(0), 5.0)
    assert part.note == "forward does not take 1 of 12 samples (ValueError: twelve samples)"


def test_nothing_is_tried_without_the_option_or_where_the_whole_is_proved():
    assert not [note for note in checked(layer_backward).notes if "samples" in note]
    report = check_gradient(np.sin, lambda g, x: g * np.cos(x), X[:2], batch=0)
    assert not [note for note in report.notes if "samples" in note]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ("y", r"batch names 'y', which is none of \['x', 'w'\]"),
        (2, "batch has index 2, but there are 2 inputs: 0 .. 1"),
        (("x", "w"), r"batch must name inputs with as many samples along their first axis, got \{'x': \(60,\)"),
    ],
)
def test_a_bad_batch_is_named(batch, message):
    with pytest.raises(ValueError, match=message):
        checked(layer_backward, batch=batch)


def test_a_batch_of_no_name_is_named():
    with pytest.raises(TypeError, match=r"batch takes the names or indices of inputs, as in batch=\('x',\)"):
        checked(layer_backward, batch=(0.5,))
