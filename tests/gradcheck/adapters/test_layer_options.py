"""Layers: the names that a reader sees, what is no input, and what the options say."""

import inspect

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_layer
from scratchcnn.gradcheck.adapters.pair import title
from tests.gradcheck.adapters.layers.row import draw
from tests.gradcheck.adapters.layers.stored import Dense, Relu

X = draw(5, 4)


def names(pair):
    return [p.name for p in check_gradient(*pair).inputs]


class TestNames:
    def test_are_those_of_the_methods_or_say_what_a_function_stands_for(self):
        given = {"forward": lambda layer, x: layer.forward(x), "backward": lambda layer, g: layer.backward(g)}
        for options in ({}, given):
            forward, backward, *_ = from_layer(Dense(4, 3), X, **options)
            assert (forward.__qualname__, backward.__qualname__) == ("Dense.forward", "Dense.backward")
            assert list(inspect.signature(forward).parameters) == ["x", "W", "b"]
            assert list(inspect.signature(backward).parameters) == ["grad_output", "x", "W", "b"]

    def test_in_whatever_spelling_they_have(self):
        class Camel(Dense):
            feedForward, backProp = Dense.forward, Dense.backward
            forward = backward = None

        forward, backward, *_ = from_layer(Camel(4, 3), X)
        assert [title(each) for each in (forward, backward)] == ["Camel.feedForward", "Camel.backProp"]

    @pytest.mark.parametrize(
        ("layer", "shown"), [(Dense(4, 3), "Dense(...)"), (lambda: Dense(4, 3), "TestNames.<lambda>"), (Relu, "Relu")]
    )
    def test_of_the_call_are_those_that_a_reader_knows(self, layer, shown):
        with pytest.raises(ValueError, match="params names 'V'") as raised:
            from_layer(layer, X, params="V")
        assert str(raised.value).endswith(f": from_layer({shown}, x, params=('...',))")

    def test_the_call_is_shown_with_the_options_that_were_given(self):
        options = {"params": "W", "grads": {"W": "dW"}, "mean": False, "seed": 3}
        layer = Dense(4, 3)
        made = from_layer(layer, X, **options)[0].made
        assert (made.adapter, made.given, made.options) == ("from_layer", {"layer": layer}, options)


class TestWhatIsNoInput:
    def test_a_flag_between_inputs_is_skipped(self):
        class Mixed:
            def forward(self, x, train_flg, y, t):
                assert train_flg
                self.x, self.y, self.t = x, y, t
                return x * y * t

            def backward(self, dout):
                return dout * self.y * self.t, dout * self.x * self.t

        pair = from_layer(Mixed(), X, X + 1, fixed={"t": 2.0}, training=True)
        assert names(pair) == ["x", "y"]
        assert check_gradient(*pair).ok

    def test_all_inputs_may_be_fixed(self):
        class Scaled(Dense):
            def forward(self, x, scale=1.0):
                return super().forward(x) * scale

        for layer in (Dense(4, 3), Scaled(4, 3)):
            pair = from_layer(layer, fixed={"x": X})
            assert names(pair) == ["W", "b"]
            assert check_gradient(*pair).ok

    @pytest.mark.parametrize(
        ("module", "library", "adapter"),
        [
            ("torch.nn.modules.linear", "torch", "from_torch"),
            ("keras.src.layers", "keras", "from_tensorflow"),
            ("tensorflow.python.module", "tensorflow", "from_tensorflow"),
        ],
    )
    def test_a_layer_of_a_framework_has_an_adapter_of_its_own(self, module, library, adapter):
        kind = type("Linear", (type("Base", (), {"__module__": module}),), {})
        for layer in (kind, kind()):
            with pytest.raises(TypeError) as raised:
                from_layer(layer, X)
            assert str(raised.value).endswith(f"Linear is a layer of {library}: {adapter}(layer, x)")


def test_gradients_may_come_in_an_order_that_is_said():
    class Square:
        def __init__(self):
            self.A, self.B = draw(4, 4), draw(4, 4) + 1

        def forward(self, x):
            self.x = x
            return x @ self.A @ self.B

        def backward(self, dout):
            return (self.x @ self.A).T @ dout, dout @ self.B.T @ self.A.T, self.x.T @ dout @ self.B.T

    assert check_gradient(*from_layer(Square(), X, returns=("B", "x", "A"))).ok


def test_what_forward_hands_on_may_have_any_name_where_the_order_is_said():
    class Square:
        def forward(self, x):
            return x**2, 2 * x

        def backward(self, slope, delta):
            return slope * delta

    assert check_gradient(*from_layer(Square(), X, order=("cache", "grad_output"))).ok


def test_gradients_that_one_method_returns_are_multiplied_by_the_one_from_above():
    class Squares:
        def loss(self, x):
            return (x**2).sum(), {"x": 2 * x}

    _, backward, x = from_layer(Squares(), X, forward="loss", backward="loss")
    assert np.array_equal(backward(3.0, x)[0], 6 * X)


def test_a_layer_draws_on_where_no_seed_is_given():
    class Noisy:
        def __init__(self):
            self.generator = np.random.default_rng(0)

        def forward(self, x):
            return x * self.generator.normal(size=x.shape)

        def backward(self, dout):
            return dout

    drawn = [[forward(x) for _ in range(2)] for forward, _, x in (from_layer(Noisy(), X, seed=s) for s in (None, 1))]
    assert [np.array_equal(*both) for both in drawn] == [False, True]


def test_gradients_may_add_up_where_nothing_is_to_clear_them():
    class Adds(Dense):
        def __init__(self):
            super().__init__(4, 3)
            self.dW = np.zeros((4, 3))

        def backward(self, dout):
            self.dW += self.x.T @ dout
            return dout @ self.W.T

    with pytest.raises(TypeError, match="grows with each call"):
        from_layer(Adds(), X, params="W")
    _, backward, *given = from_layer(Adds(), X, params="W", reset=False)
    once, twice = ([np.copy(g) for g in backward(draw(5, 3), *given)] for _ in range(2))
    assert np.array_equal(once[0], twice[0])
    assert not np.array_equal(once[1], twice[1])


class Steps:
    """It keeps no gradient, and takes a step."""

    def __init__(self):
        self.W = draw(4, 3)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.kept = dout
        return dout @ self.W.T

    def move(self, rate):
        self.W -= rate * (self.x.T @ self.kept)


def test_a_step_of_an_unusual_name_is_taken_where_it_is_named():
    assert check_gradient(*from_layer(Steps(), X, step="move")).ok


def test_a_step_that_is_named_is_not_exchanged_for_a_usual_one():
    class Both(Steps):
        update = Steps.move

        def idle(self):
            pass

    assert check_gradient(*from_layer(Both(), X)).ok
    with pytest.raises(TypeError, match="forward depends on 'W', but no gradient of it is found"):
        from_layer(Both(), X, step="idle")
