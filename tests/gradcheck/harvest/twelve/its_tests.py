"""The tests of the twelve, none of which is of a gradient. A copy of it is run as `test_twelve.py`."""

import numpy as np
import pytest
from twelve import functions, layers, losses

RNG = np.random.default_rng(0)


def test_functions():
    x = RNG.normal(size=(4, 5))
    assert (functions.relu(x) >= 0).all()
    assert (functions.sigmoid(x) < 1).all()
    assert (functions.tanh(x) < 1).all()
    assert functions.softmax(x).sum(axis=1) == pytest.approx(1)


@pytest.mark.parametrize("stride", [1, 2])
def test_windows(stride):
    assert functions.smooth(RNG.normal(size=9), RNG.normal(size=3), stride=stride).shape == (7 // stride + stride // 2,)


def test_losses():
    assert losses.mean_squared(RNG.normal(size=6), RNG.normal(size=6)) > 0
    assert losses.cross_entropy(RNG.normal(size=(4, 3)), np.array([0, 2, 1, 1])) > 0


@pytest.mark.parametrize("batch", [2, 7])
def test_layers(batch):
    x, w = RNG.normal(size=(batch, 4)), RNG.normal(size=(4, 3))
    y, cache = layers.affine_forward(x, w, np.zeros(3))
    assert layers.affine_backward(y, cache)[0].shape == x.shape
    assert layers.cell_fwd(x, {"w": w, "b": np.ones(3)}).shape == (batch, 3)
    assert layers.attention(x, 2 * x, x + 1)[0].shape == x.shape
    assert layers.Dense(4, 3).forward(x).shape == (batch, 3)


def test_normalize():
    assert layers.Normalize(3).forward(RNG.normal(size=(6, 3))).mean(axis=0) == pytest.approx(0)
