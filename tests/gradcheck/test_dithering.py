"""The mean distance of a gradient from the derivative, over points beside each other."""

import numpy as np
import pytest

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.dithering import SHARE, dithered

X = np.array([0.5, -1.5, 2.0])
G = np.array([1.0, -2.0, 0.5])


def near(forward, backward, *inputs, index=0, entries=None, points=16, g=G, seed=0):
    case = prepare(forward, backward, inputs)
    chosen = np.arange(inputs[index].size) if entries is None else np.array(entries)
    return dithered(case, g, index, chosen, points, np.random.default_rng(seed))


def test_a_right_gradient_has_no_distance():
    found = near(np.sin, lambda g, x: (g * np.cos(x),), X)
    assert np.abs(found.distance).max() < 1e-7
    assert found.deviation.max() < 1e-7
    assert found.points.tolist() == [16] * 3
    assert found.value == pytest.approx(G * np.cos(X), rel=0.05)


def test_a_mistake_stays_and_what_changes_from_call_to_call_is_the_deviation():
    signs = iter([1, -1] * 8)

    def backward(g, x):
        return (g * np.cos(x) + [0.25, 0, 0] + np.array([0, 0.5, 0]) * next(signs),)

    found = near(np.sin, backward, X)
    assert found.distance == pytest.approx([0.25, 0, 0], abs=1e-6)
    assert found.deviation == pytest.approx([0, 0.5 * np.sqrt(16 / 15), 0], abs=1e-4)


def test_of_some_entries_of_one_of_several_inputs():
    y = np.array([[1.0, 2.0, 4.0]])
    found = near(lambda x, y: x * y, lambda g, x, y: (g * y, g * x + 1), X, y, index=1, entries=[2, 0], g=G[None])
    assert found.distance == pytest.approx([1, 1], abs=1e-6)
    assert found.value == pytest.approx([0.5 * 2, 0.5], rel=0.05)


def test_inputs_and_cotangent_move_by_a_small_share_and_integers_stay():
    seen = []

    def backward(g, x, n):
        seen.append((g.copy(), x.copy(), n.copy()))
        return g * n, None

    n = np.array([1, 2, 3])
    near(lambda x, n: x * n, backward, X, n, points=40)
    moves = [np.array([s[k] / given - 1 for s in seen]) for k, given in ((0, G), (1, X))]
    for move in moves:
        assert move.shape == (40, 3)
        assert SHARE / 2 < np.abs(move).max() <= SHARE
        assert move.min() < 0 < move.max()
        assert np.abs(np.corrcoef(move.T) - np.eye(3)).max() < 0.6
    assert all(s[2].tolist() == [1, 2, 3] for s in seen)


def test_an_entry_at_a_kink_or_without_a_gradient_is_left_out_there():
    def backward(g, x):
        grad = g * (x > 0)
        grad[1] = np.nan if x[1] > -1.5 else grad[1]
        return (grad,)

    found = near(lambda x: np.maximum(x, 0), backward, np.array([0.0, -1.5, 2.0]))
    assert found.points[0] == 0
    assert 0 < found.points[1] < 16
    assert found.points[2] == 16
    assert (found.distance[0], found.value[0], found.deviation[0]) == (0, 0, 0)
    assert np.isfinite(found.distance).all()
