"""The layers that a check runs: one that lives on and another beside it, or a new one for each call."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_layer
from scratchcnn.gradcheck.adapters.layers.form import Layers
from scratchcnn.gradcheck.adapters.layers.running import LARGE
from tests.gradcheck.adapters.layers.row import draw
from tests.gradcheck.adapters.layers.stepping import InPlace, OwnRate, TooEarly
from tests.gradcheck.adapters.layers.stored import Dense

X = draw(5, 4)
CALL = "from_layer(Dense(...), x)"


class Lazy:
    """It has no parameters before its first call."""

    calls = 0

    def __init__(self):
        self.params, self.grads = {}, {}

    def forward(self, x):
        Lazy.calls += 1
        self.params.setdefault("W", draw(4, 3))
        self.x = x
        return x @ self.params["W"]

    def backward(self, dout):
        self.grads["W"] = self.x.T @ dout
        return dout @ self.params["W"].T


class Locked(Dense):
    """It cannot be copied."""

    def __init__(self):
        super().__init__(4, 3)
        self.rate, self.lock = 0.5, threading.Lock()


class TestLayers:
    def test_are_copied_or_made(self):
        layer = Dense(4, 3)
        copies = Layers(layer, None, None, CALL)
        assert not copies.are_made
        assert copies.new() is not layer
        assert copies.new().W.tolist() == layer.W.tolist()
        for made in (Locked, lambda: Locked()):
            assert Layers(made, None, None, CALL).are_made
            assert isinstance(Layers(made, None, None, CALL).new(), Locked)

    def test_are_warm_and_in_their_mode(self):
        given = SimpleNamespace(training=False, warm=0)

        def warm(layer):
            layer.warm += 1

        made = Layers(given, warm, True, CALL).new()
        assert (made.warm, made.training, given.warm, given.training) == (1, True, 0, False)
        by_method = type("Layer", (), {"fit": lambda self: setattr(self, "fitted", True)})
        assert Layers(by_method, "fit", None, CALL).new().fitted

    def test_a_copy_of_one_that_cannot_be_copied_is_made_anew_with_the_same_numbers(self):
        layers, layer = Layers(Locked, None, None, CALL), Locked()
        layer.W[:], layer.rate = 7, 0.25
        copied = layers.copied(layer)
        assert (copied.W.tolist(), copied.rate, type(copied.rate)) == (layer.W.tolist(), 0.25, float)
        assert copied.W is not layer.W
        assert copied.lock is not layer.lock

    def test_or_it_is_said_how_it_is_made(self):
        with pytest.raises(TypeError) as raised:
            Layers(Locked(), None, None, CALL).new()
        assert str(raised.value).startswith(
            "Locked cannot be copied (TypeError: cannot pickle '_thread.lock' object): pass"
        )
        assert str(raised.value).endswith("a function that makes it, from_layer(lambda: Locked(...), x)")
        with pytest.raises(TypeError, match="cannot pickle"):
            Layers(Dense(4, 3), None, None, CALL).copied(Locked())


class TestForm:
    def test_a_layer_that_is_made_for_each_call_is_built_by_its_first(self):
        forward, backward, x, w = from_layer(Lazy, X)
        assert check_gradient(forward, backward, x, w).ok
        assert forward(x, 2 * w) == pytest.approx(X @ (2 * w))
        Lazy.calls = 0
        forward(x, w)
        assert Lazy.calls == 2, "the first builds it"

    def test_one_that_is_built_when_it_is_made_runs_once(self):
        class Counted(Dense):
            calls = 0

            def __init__(self):
                super().__init__(4, 3)

            def forward(self, x):
                Counted.calls += 1
                return super().forward(x)

        forward, _, *arrays = from_layer(Counted, X)
        Counted.calls = 0
        forward(*arrays)
        assert Counted.calls == 1

    def test_what_is_no_array_of_floats_is_not_seen_in_a_later_call(self):
        seen = []

        class Remembers(Dense):
            def forward(self, x):
                seen.append(vars(self).get("x"))
                return super().forward(x)

        forward, _, *arrays = from_layer(Remembers(4, 3), X)
        first = forward(*arrays)
        assert forward(*(a.astype(object) for a in arrays)).astype(float) == pytest.approx(first)
        forward(*arrays)
        assert all(x is None or x.dtype == float for x in seen)

    def test_gradients_that_add_up_are_refused_unless_something_clears_them(self):
        class Adds(Dense):
            def __init__(self):
                super().__init__(4, 3)
                self.dW, self.db = np.zeros((4, 3)), np.zeros(3)

            def backward(self, dout):
                self.dW += self.x.T @ dout
                self.db = dout.sum(axis=0)
                return dout @ self.W.T

            def clear(self):
                self.dW = np.zeros((4, 3))

        with pytest.raises(TypeError) as raised:
            from_layer(Adds(), X)
        assert str(raised.value) == (
            "the gradient of 'W' in dW grows with each call of backward. If it is meant to add up, say what clears it:"
            " from_layer(Adds(...), x, reset='name of the method'), or reset=True to have it set to zero"
        )
        for reset in ("clear", True):
            assert check_gradient(*from_layer(Adds(), X, reset=reset)).ok
        assert check_gradient(*from_layer(Adds, X)).ok


class TestUpdates:
    """What backward has updated already shows in what it returns: the rate of learning changes that."""

    NOTE = "the gradient of 'input' changes with the rate of learning: backward uses what it has updated already"

    def test_a_gradient_that_comes_too_late_is_told(self):
        report = check_gradient(*from_layer(TooEarly(4, 3), draw(4, 5)))
        assert not report.ok
        assert self.NOTE in report.notes

    def test_one_that_comes_before_the_update_is_not(self):
        for layer, x in ((InPlace(4, 3), draw(4, 5)), (OwnRate(4, 3), X), (Dense(4, 3), X)):
            report = check_gradient(*from_layer(layer, x))
            assert (report.ok, report.notes) == (True, ())

    def test_it_is_asked_once(self):
        calls = []

        class Counted(InPlace):
            def backward(self, output_gradient, learning_rate):
                calls.append(learning_rate)
                return super().backward(output_gradient, learning_rate)

        _, backward, *arrays = from_layer(Counted(4, 3), draw(4, 5))
        calls.clear()
        for _ in range(3):
            backward(np.ones((3, 5)), *arrays)
        assert calls == [LARGE, LARGE / 2, LARGE, LARGE]
