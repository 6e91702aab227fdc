"""Layers that draw, that have a mode for training, and that keep their gradients under names of their own."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_layer
from tests.gradcheck.adapters.layers.row import draw

X = draw(5, 4)


class Dropout:
    """It draws with a generator of its own, in training alone."""

    def __init__(self, generator, **state):
        self.generator = generator
        vars(self).update(state)

    def trains(self):
        return self.training

    def forward(self, x):
        self.mask = (self.generator.uniform(size=x.shape) < 0.5) * 2.0 if self.trains() else np.ones(x.shape)
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class InWords(Dropout):
    def trains(self):
        return self.mode == "train"


class ByMethods(Dropout):
    def trains(self):
        return self._on

    def train(self):
        self._on = True

    def eval(self):
        self._on = False


@pytest.mark.parametrize("generator", [np.random.default_rng, np.random.RandomState])
@pytest.mark.parametrize(
    ("kind", "state"), [(Dropout, {"training": False}), (InWords, {"mode": "test"}), (ByMethods, {"_on": False})]
)
def test_a_layer_that_draws_is_put_in_its_mode_and_draws_the_same_again(generator, kind, state):
    forward, backward, x = from_layer(kind(generator(0), **state), X, training=True, seed=0)
    assert check_gradient(forward, backward, x).ok
    first = forward(x)
    assert set(np.unique(first / X)) == {0.0, 2.0}
    assert np.array_equal(first, forward(x))


def test_a_layer_is_put_out_of_training_too():
    for layer in (ByMethods(np.random.default_rng(0), _on=True), Dropout(np.random.default_rng(0), training=True)):
        forward, _, x = from_layer(layer, X, training=False)
        assert np.array_equal(forward(x), X)


class Own:
    """Gradients under names that say nothing, and a count that has none."""

    def __init__(self):
        self.W, self.shift = draw(4, 4), draw(4)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.shift

    def backward(self, dout):
        self.one, self.other = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


def test_places_of_gradients_may_be_given_and_a_parameter_may_have_none():
    forward, backward, *inputs = from_layer(Own(), X, grads={"W": "one", "shift": "other"})
    assert check_gradient(forward, backward, *inputs).ok
    report = check_gradient(*from_layer(Own(), X, grads={"W": "one", "shift": None}))
    assert [part.verdict.value for part in report.inputs] == ["right", "right", "wrong"]


class Two(Own):
    """A gradient that could be that of either parameter."""

    def __init__(self):
        self.W, self.V = draw(4, 4), draw(4, 4)

    def forward(self, x):
        self.x = x
        return x @ self.W + x @ self.V

    def backward(self, dout):
        self.one = self.other = self.x.T @ dout


def test_what_could_be_the_gradient_of_two_parameters_is_asked_for():
    with pytest.raises(
        TypeError, match="forward depends on 'W', but no gradient of it is found: backward returns None"
    ):
        from_layer(Two(), fixed={"x": X})
