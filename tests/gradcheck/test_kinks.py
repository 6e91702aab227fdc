"""Kinks: any subgradient is right, beside one only the slope is, and ties are judged together."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient


def relu(x):
    return np.maximum(x, 0)


def relu_with(slope_at_zero):
    return lambda g, x: g * np.where(x > 0, 1, np.where(x == 0, slope_at_zero, 0))


POINT = np.array([0.0, 1e-7, -1e-7, 1e-12, -1e-12, 1.5, -2.0])


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_any_subgradient_is_right(slope):
    assert check_gradient(relu, relu_with(slope), POINT).verdict is Verdict.RIGHT


@pytest.mark.parametrize("slope", [-0.01, 1.01, 2.0])
def test_what_is_no_subgradient_is_wrong(slope):
    report = check_gradient(relu, relu_with(slope), POINT)
    assert (report.verdict, report.inputs[0].worst_index) == (Verdict.WRONG, (0,))


@pytest.mark.parametrize("entry", [1, 2, 3, 4])
def test_the_other_side_s_slope_beside_a_kink_is_wrong(entry):
    def backward(g, x):
        grad = relu_with(0.0)(g, x)
        grad[entry] = g[entry] - grad[entry]
        return grad

    report = check_gradient(relu, backward, POINT)
    assert (report.verdict, report.inputs[0].worst_index) == (Verdict.WRONG, (entry,))


@pytest.mark.parametrize("gap", [1e-7, 1e-12])
def test_a_clip_is_judged_close_to_its_ends(gap):
    x = np.array([1 - gap, 1 + gap, -1 + gap, -1 - gap, 0.3])
    clip, inside = lambda x: np.clip(x, -1, 1), lambda g, x: g * (np.abs(x) < 1)
    assert check_gradient(clip, inside, x).verdict is Verdict.RIGHT
    assert check_gradient(clip, lambda g, x: g * (np.abs(x) > 1), x).verdict is Verdict.WRONG


def pool(x):
    """The maximum of overlapping windows of three."""
    return np.stack([x[:-2], x[1:-1], x[2:]]).max(axis=0)


def pool_backward(g, x, *, ties):
    grad = np.zeros_like(x)
    for k, weight in enumerate(g):
        window = x[k : k + 3]
        best = window == window.max()
        if ties == "first":
            best = np.arange(3) == window.argmax()
        grad[k : k + 3] += weight * best / (best.sum() if ties == "shared" else 1)
    return grad


TIED = np.array([1.0, 3.0, 3.0, 0.0, 2.0, 2.0, 2.0, -1.0])


@pytest.mark.parametrize("ties", ["first", "shared"])
@pytest.mark.parametrize("seed", range(5))
def test_ties_may_go_to_one_or_be_shared(ties, seed):
    report = check_gradient(pool, lambda g, x: pool_backward(g, x, ties=ties), TIED, seed=seed)
    assert report.verdict is Verdict.RIGHT


@pytest.mark.parametrize("seed", range(5))
def test_the_whole_gradient_to_every_tied_maximum_is_wrong(seed):
    report = check_gradient(pool, lambda g, x: pool_backward(g, x, ties="all"), TIED, seed=seed)
    assert report.verdict is Verdict.WRONG
    assert "moved together" in report.inputs[0].reason


def test_kinks_of_opposite_sign_in_one_output_are_undecided():
    def forward(x):
        return relu(x) @ np.array([[1.0], [-1.0]])

    def backward(g, x):
        return g @ np.array([[1.0, -1.0]]) * (x > 0)

    report = check_gradient(forward, backward, np.zeros((1, 2)), grad_output=[[1.0]])
    assert report.verdict is Verdict.UNDECIDED
    assert "kink" in report.inputs[0].reason
