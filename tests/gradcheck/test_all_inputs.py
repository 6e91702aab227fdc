"""One direction through all inputs: where it vouches for all of them, and where each is looked at by itself."""

import numpy as np
import pytest

from scratchcnn.gradcheck.all_inputs import AllInputs
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.contract import observe
from scratchcnn.gradcheck.numerical.probe import Joined
from scratchcnn.gradcheck.points import draw_cotangent, second_point
from scratchcnn.gradcheck.setting import Setting

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3)), RNG.normal(size=3)
SEEDS = range(5)


def layer(x, w, b):
    return np.tanh(x @ w + b)


def layer_backward(g, x, w, b):
    d = g * (1 - layer(x, w, b) ** 2)
    return d @ w.T, x.T @ d, d.sum(axis=0)


def together(backward, *inputs, forward=layer, seed=0):
    rng = np.random.default_rng(seed)
    case = prepare(forward, backward, inputs)
    cotangent, other = (draw_cotangent(case.output.shape, case.output.dtype, rng) for _ in range(2))
    second = second_point(case, other, rng)
    observed = observe(case, cotangent, other, second, 1.0, drawn=True)
    return AllInputs(Setting(case, cotangent, observed, second, rng))


def wrong(index, backward=layer_backward, share=0.02):
    """One entry of one gradient is off by a share of that gradient's norm."""

    def changed(*arguments):
        gradients = list(backward(*arguments))
        gradients[index] = gradients[index].copy()
        gradients[index].flat[1] += share * np.linalg.norm(gradients[index])
        return tuple(gradients)

    return changed


@pytest.mark.parametrize("seed", SEEDS)
def test_it_vouches_for_what_is_right(seed):
    found = together(layer_backward, X, W, B, seed=seed)
    assert found.agree_at_first
    assert found.agree_at_second


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("index", [0, 1, 2])
def test_it_does_not_where_an_input_is_wrong(index, seed):
    found = together(wrong(index), X, W, B, seed=seed)
    assert not found.agree_at_first
    assert not found.agree_at_second


@pytest.mark.parametrize("seed", SEEDS)
def test_nor_where_an_input_is_too_small_to_be_seen_beside_the_others(seed):
    def sums(x, y):
        return 1e12 * x.sum() + (y**2).sum()

    def backward(g, x, y):
        return 1e12 * g * np.ones_like(x), 2 * g * y

    found = together(backward, X, B, forward=sums, seed=seed)
    assert not found.agree_at_first


def test_nor_where_only_the_second_point_is_wrong():
    def backward(g, x, w, b):
        return layer_backward(g, x, w, b) if np.array_equal(b, B) else wrong(1)(g, x, w, b)

    found = together(backward, X, W, B)
    assert found.agree_at_first
    assert not found.agree_at_second


@pytest.mark.parametrize("inputs", [(X, W, B.astype(np.float32)), (X.astype(np.float32), W, B)])
def test_it_is_not_asked_in_low_precision(inputs):
    def backward(g, x, w, b):
        return tuple(d.astype(a.dtype) for d, a in zip(layer_backward(g, x, w, b), (x, w, b), strict=True))

    assert not together(backward, *inputs).agree_at_first


def test_nor_of_a_single_input():
    assert not together(lambda g, x: g * np.cos(x), X, forward=np.sin).agree_at_first


def test_inputs_in_a_row_move_each_by_its_own_unit():
    probe = Joined(lambda x, y: x.sum() + y, [np.array([1.0, 2.0]), np.array([1e-6, 2e-6, 1e-6])], [0, 1])
    assert probe.base.tolist() == [1.0, 2.0, 1e-6, 2e-6, 1e-6]
    assert (probe.unit[:2] >= 0.5).all()
    assert (probe.unit[2:] < 1e-4).all()
    y = np.empty(3)
    probe.move(np.array([0, 4]), np.array([5.0, 7.0]), y)
    np.testing.assert_array_equal(y, [7 + 1e-6, 7 + 2e-6, 14])
    probe.move(1, 2.0, y)
    np.testing.assert_array_equal(y, probe.y0)
