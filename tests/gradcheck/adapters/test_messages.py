"""What cannot be guessed is asked for, by a message that shows the call to make."""

import sys

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters import from_cache, from_jax, from_layer, from_loss, from_tensorflow, from_torch
from scratchcnn.gradcheck.case import CallerError
from tests.gradcheck.adapters.layers.row import draw
from tests.gradcheck.adapters.layers.stored import Bilinear, Dense, Scale

X = draw(5, 4)


def message(error, call, *arguments, **options):
    with pytest.raises(error) as caught:
        call(*arguments, **options)
    return str(caught.value)


class Odd:
    """Methods of other names."""

    def __init__(self):
        self.W = draw(4, 3)

    def up(self, x):
        self.x = x
        return x @ self.W

    def down(self, dout):
        self.thing = self.x.T @ dout
        return dout @ self.W.T


class OfTwoOutputs(Odd):
    """A backward that takes the cotangents of both outputs in a tuple."""

    def forward(self, x):
        return self.up(x), 2 * x

    def backward(self, grads):
        dout, dx = grads
        return self.down(dout) + 2 * dx


class TestLayer:
    def test_a_backward_that_takes_all_cotangents_in_a_tuple(self):
        text = message(CallerError, from_layer, OfTwoOutputs(), X, output=0)
        first, given, advice = text.split("\n  ")
        assert first == "backward (OfTwoOutputs.backward) raised ValueError: too many values to unpack (expected 2)"
        assert given == "it was called with float64[5, 3]"
        assert advice.startswith(
            "forward returns 2 outputs, and backward is given the cotangent of one: where it takes"
        )

    def test_without_inputs(self):
        text = "from_layer needs the inputs of forward, to find the layer's parameters: from_layer(Dense(...), x)"
        assert message(TypeError, from_layer, Dense(4, 3)) == text

    def test_methods_of_other_names(self):
        text = message(TypeError, from_layer, Odd(), X)
        assert text.startswith("Odd has no method of a usual name (forward, forward_pass, fprop, ")
        assert text.endswith("): it has down, up. Name it: from_layer(Odd(...), x, forward='...')")
        assert message(TypeError, from_layer, Odd(), X, forward="up").endswith(
            "from_layer(Odd(...), x, backward='...')"
        )
        text = "Odd has no method 'forwards': it has down, up"
        assert message(TypeError, from_layer, Odd(), X, forward="forwards") == text

    def test_a_gradient_without_a_name_is_found_by_its_shape_where_it_is_the_only_one(self):
        assert len(from_layer(Odd(), X, forward="up", backward="down")) == 4

    def test_a_gradient_that_is_nowhere(self):
        class Forgets(Dense):
            def backward(self, dout):
                self.dW = self.x.T @ dout
                return dout @ self.W.T

        text = (
            "forward depends on 'b', but no gradient of it is found: backward returns one array, and the layer holds W,"
            " b, dW, x. Say where it is, from_layer(Forgets(...), x, grads={'b': '...'}), what hands it over (step= or"
            " optimizer=), or which parameters there are (params=)"
        )
        assert message(TypeError, from_layer, Forgets(4, 3), X) == text

    def test_no_gradient_of_the_input(self):
        class First(Dense):
            def backward(self, dout):
                super().backward(dout)

        text = (
            "no gradient of the input 'x': backward does not return it, and the layer holds W, b, dW, db, x. Say where"
            " it is, from_layer(First(...), x, grads={'x': '...'}), or, where there is none, pass it as"
            " fixed={'x': ...}"
        )
        assert message(TypeError, from_layer, First(4, 3), X) == text
        forward, _, *arrays = from_layer(First(4, 3), fixed={"x": X})
        assert [a.shape for a in arrays] == [(4, 3), (3,)]
        assert forward(*arrays).shape == (5, 3)

    def test_gradients_that_add_up(self):
        text = (
            "the gradient of 'gamma' in d_gamma grows with each call of backward. If it is meant to add up, say what"
            " clears it: from_layer(Scale(...), x, reset='name of the method'), or reset=True to have it set to zero"
        )
        assert message(TypeError, from_layer, Scale(4), X) == text

    def test_a_step_at_a_rate_that_is_not_seen(self):
        class Hidden(Dense):
            how_far = 0.1

            def backward(self, dout):
                back = dout @ self.W.T
                self.W = self.W - self.how_far * self.x.T @ dout
                self.db = dout.sum(axis=0)
                return back

        text = (
            "backward changes 'W' and leaves no gradient of it: name the attribute that is its rate,"
            " from_layer(Hidden(...), x, rate='lr')"
        )
        assert message(TypeError, from_layer, Hidden(4, 3), X) == text
        assert len(from_layer(Hidden(4, 3), X, rate="how_far")) == 5

    def test_an_argument_that_could_be_anything(self):
        class Asks(Dense):
            def backward(self, dout, q):
                return super().backward(dout)

        text = message(TypeError, from_layer, Asks(4, 3), X)
        assert text.startswith("what is 'q' in ")
        assert text.endswith(
            "backward(dout, q)? Say what each argument is, in order ('grad_output', 'cache', 'output', 'rate',"
            " 'optimizer', or the name of an input): from_layer(Asks(...), x, order=('grad_output', '...'))"
        )

    def test_names_that_do_not_exist(self):
        layer = Dense(4, 3)
        text = message(ValueError, from_layer, layer, X, params=("V",))
        assert text == (
            "params names 'V', which is no part of the layer, which has W, b, x:"
            " from_layer(Dense(...), x, params=('...',))"
        )
        text = message(ValueError, from_layer, layer, X, params=("W", "W"))
        assert text == "params names 'W' twice"
        text = message(ValueError, from_layer, layer, [[1.0], [1.0, 2.0]])
        assert text.startswith("input 'x' holds no array: setting an array element with a sequence")
        text = message(ValueError, from_layer, layer, X, grads={"V": "dV"})
        assert text == "grads names 'V', which is none of ['x', 'W', 'b']"
        text = message(ValueError, from_layer, layer, X, grads={"W": "dV"})
        assert text == "grads says 'dV', which the layer has not after backward: it has W, b, dW, db, x"
        text = message(ValueError, from_layer, layer, X, rate="lr")
        assert text == "rate names 'lr', which Dense has not: from_layer(Dense(...), x)"
        text = message(ValueError, from_layer, layer, X, optimizer="W_opt")
        assert text == "optimizer names 'W_opt', which Dense has not: from_layer(Dense(...), x)"
        text = message(ValueError, from_layer, layer, X, mean=("V",))
        assert text == "mean names 'V', which is none of ['x', 'W', 'b']"
        text = message(ValueError, from_layer, layer, X, order=("grad_output", "V"))
        assert text == "order has 'V', which is none of grad_output, output, rate, optimizer, x"
        text = message(ValueError, from_layer, layer, X, order=("x",))
        assert text == "order must say where 'grad_output' goes, got ('x',)"
        text = message(ValueError, from_layer, layer, X, grads={"W": "not a way"})
        assert text.startswith("'not a way' is no way to an array in a layer: write it as 'W', ")
        text = message(TypeError, from_layer, layer, X, training=True)
        assert text.startswith("Dense has no flag for training ")
        assert text.endswith("set it in forward, from_layer(Dense(...), x, forward=lambda layer, x: ...)")

    def test_a_method(self):
        text = message(TypeError, from_layer, Dense(4, 3).backward, X)
        assert text == "Dense.backward is a method: pass the Dense itself, from_layer(layer, x)"

    def test_what_cannot_be_copied(self):
        layer = Dense(4, 3)
        layer.file = sys.stdout
        text = message(TypeError, from_layer, layer, X)
        assert text.startswith("Dense cannot be copied (TypeError: ")
        assert text.endswith("): pass a function that makes it, from_layer(lambda: Dense(...), x)")

    def test_several_outputs(self):
        class Two(Dense):
            def forward(self, x):
                out = super().forward(x)
                return out, out

        text = "forward returns a tuple of 2: name the output to check, as in from_layer(Two(...), x, output=0)"
        assert message(TypeError, from_layer, Two(4, 3), X) == text
        text = message(ValueError, from_layer, Two(4, 3), X, output=2)
        assert text.startswith("output=2 is no part of what forward returns: ")

    def test_a_number_of_gradients_that_fits_nothing(self):
        class Returns(Bilinear):
            def backward(self, grad):
                return (*super().backward(grad), np.ones(3), np.ones(3), np.ones(3))

        text = message(TypeError, from_layer, Returns(3, 2, 4), draw(5, 3), draw(5, 2))
        assert text == (
            "backward returns 5 gradients, of the shapes (5, 3), (5, 2), (3,), (3,), (3,); the inputs are a (5, 3),"
            " b (5, 2), weight (4, 3, 2), bias (4,). Name what it returns, in order, None for what is no gradient:"
            " from_layer(Returns(...), *inputs, returns=('a', 'b', 'weight', 'bias', None))"
        )
        names = ("a", "b", None, None, None)
        assert len(from_layer(Returns(3, 2, 4), draw(5, 3), draw(5, 2), returns=names)) == 6


def affine(x, w):
    return x @ w, (x, w)


class TestCache:
    def test_forward_hands_nothing_on(self):
        forward, _ = from_cache(lambda x: x, lambda dout, cache: dout)
        text = (
            "forward must return (output, cache), got ndarray: functions without a cache need no adapter:"
            " check_gradient(forward, backward, *inputs)"
        )
        assert message(TypeError, forward, X) == text

    def test_several_outputs(self):
        forward, _ = from_cache(lambda x: (x, x, None), lambda dout, cache: dout)
        text = "forward returns a tuple of 2: name the output to check, as in from_cache(<lambda>, <lambda>, output=0)"
        assert message(TypeError, forward, X) == text

    def test_gradients_of_other_names(self):
        forward, backward = from_cache(affine, lambda dout, cache: {"u": dout, "v": dout})
        text = message(TypeError, backward, forward(X, draw(4, 3)), X, draw(4, 3))
        assert text == (
            "backward returns 2 gradients, under the keys u, v; the inputs are x (5, 4), w (4, 3). Name what it"
            " returns, in order, None for what is no gradient: from_cache(affine, <lambda>, returns=('x', 'w'))"
        )

    def test_names_of_what_is_returned(self):
        _, backward = from_cache(affine, lambda dout, cache: (dout, dout), returns=("x", "v"))
        text = "returns names 'v', which is none of the inputs ['x', 'w']"
        assert message(ValueError, backward, draw(5, 3), X, draw(4, 3)) == text
        _, backward = from_cache(affine, lambda dout, cache: (dout, dout), returns=("x",))
        text = "returns has 1 names, but backward returns 2 arrays"
        assert message(ValueError, backward, draw(5, 3), X, draw(4, 3)) == text


class TestLoss:
    def test_a_loss_alone(self):
        def mse(p):
            return (p**2).mean()

        _, backward = from_loss(mse)
        text = (
            "from_loss(mse) must be of a function that returns (loss, gradient), got float64: where the gradient is a"
            " function of its own, from_loss(mse, gradient=...)"
        )
        assert message(TypeError, backward, 1.0, X) == text

    def test_what_is_fixed_does_not_exist(self):
        text = message(ValueError, from_loss, lambda p, y: p, fixed={"t": 1})
        assert text == "fixed names 't', which <lambda> does not take: ['p', 'y']"

    def test_an_object_without_a_gradient(self):
        class Loss:
            def loss(self, p):
                return p

        assert message(TypeError, from_loss, Loss()).endswith("Name it: from_loss(Loss, gradient='...')")


@pytest.mark.parametrize(
    ("adapter", "name"), [(from_torch, "torch"), (from_jax, "jax"), (from_tensorflow, "tensorflow")]
)
def test_a_missing_framework_is_named_with_its_extra(adapter, name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    text = message(ModuleNotFoundError, adapter, np.sin)
    assert text == f'from_{name} needs {name}: pip install "scratchcnn[{name}]"'
