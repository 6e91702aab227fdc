"""What the arguments of a backward pass are, and which gradient is whose."""

import inspect
from collections import namedtuple

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_cache, from_layer, from_loss
from scratchcnn.gradcheck.adapters.calling.arguments import Order, order_of
from scratchcnn.gradcheck.adapters.calling.cotangents import cotangents
from scratchcnn.gradcheck.adapters.calling.words import matching
from scratchcnn.gradcheck.adapters.layers.modes import flag_of
from scratchcnn.gradcheck.adapters.layers.running import takes_one
from scratchcnn.gradcheck.adapters.pair import chosen, positional, title
from tests.gradcheck.adapters.layers.row import draw
from tests.gradcheck.adapters.layers.stored import Dense

X = draw(5, 4)


@pytest.mark.parametrize(
    ("backward", "cache", "order"),
    [
        (lambda dout, x: 0, False, Order(("grad_output", "x"))),
        (lambda x, dout=1: 0, False, Order(("x",), (("dout", "grad_output"),))),
        (lambda x: 0, False, Order(("grad_output",))),
        (lambda dout, learning_rate: 0, False, Order(("grad_output", "rate"))),
        (lambda dout, optimizer: 0, False, Order(("grad_output", "optimizer"))),
        (lambda dout, *, lr: 0, False, Order(("grad_output",), (("lr", "rate"),))),
        (lambda dh, dc: 0, False, Order(("grad_output 0", "grad_output 1"))),
        (lambda gy, g_h: 0, False, Order(("grad_output 0", "grad_output 1"))),
        (lambda dout, stash, lr: 0, True, Order(("grad_output", "cache", "rate"))),
        (lambda stash, dout, lr: 0, True, Order(("cache", "grad_output", "rate"))),
        (max, False, Order(("grad_output",))),
        (max, True, Order(("grad_output", "cache"))),
    ],
    ids=lambda value: str(value) if isinstance(value, Order) else "",
)
def test_arguments_are_known_by_their_names(backward, cache, order):
    found = order_of(backward, ["x"], None, "from_cache(f, backward, x)", cache=cache)
    assert found == order


def test_a_function_written_in_c_has_no_parameters_to_see():
    with pytest.raises(ValueError, match="no signature found"):
        inspect.signature(max)
    assert positional(max) == []
    assert flag_of(max) is None
    assert not takes_one(max)
    assert title(max) == "max"


def test_outputs_that_are_not_checked_have_zeros_for_cotangents():
    order, outputs = Order(("grad_output 0", "grad_output 1", "cache")), (np.ones(2), np.ones(3))
    found = cotangents(np.full(3, 2.0), outputs, 1, order, "from_cache(f, b, x)")
    assert {role: value.tolist() for role, value in found.items()} == {
        "grad_output 0": [0.0, 0.0],
        "grad_output 1": [2.0, 2.0, 2.0],
    }
    with pytest.raises(TypeError, match="backward takes 2 cotangents, but forward returns 1 outputs: name the one to"):
        cotangents(np.ones(2), np.ones(2), 0, order, "from_cache(f, b, x)")


def test_of_several_outputs_one_is_named_by_index_or_by_name():
    pair = namedtuple("Pair", "mean spread")(1.0, 2.0)
    assert [chosen(pair, which, "f(x)") for which in ("spread", 0)] == [2.0, 1.0]
    assert chosen([np.ones(2)], None, "f(x)").tolist() == [1, 1]
    with pytest.raises(TypeError, match=r"forward returns a dict of \['a', 'b'\]: name the output to check"):
        chosen({"a": 1.0, "b": 2.0}, None, "f(x)")


@pytest.mark.parametrize(
    ("found", "wanted", "which"),
    [
        (("dW",), [("W",), ("b",)], 0),
        (("layers", "b"), [("W",), ("layers", "b")], 1),
        (("layers", "b"), [("b",)], None),
        ((), [("b",)], None),
        (("c",), [("W",), ("b",)], None),
    ],
)
def test_a_gradient_belongs_to_the_input_whose_keys_end_as_its_own(found, wanted, which):
    assert matching(found, wanted) == which


def product(x, w):
    return x * w, (x, w)


@pytest.mark.parametrize("kind", [tuple, list])
def test_gradients_of_numbers_may_be_numbers(kind):
    def backward(dout, cache):
        x, w = cache
        return kind((float(dout * w), float(dout * x)))

    assert check_gradient(*from_cache(product, backward, np.float64(2.0), np.float64(3.0))).ok


@pytest.mark.parametrize("starred", [False, True])
def test_what_must_be_given_by_keyword_is_given_beside_a_cotangent_and_a_cache(starred):
    def backward(dout, cache, *, x):
        return dout * cache[1], dout * x

    def of_parts(dout, *parts, x):
        return dout * parts[1], dout * x

    assert check_gradient(*from_cache(product, of_parts if starred else backward, X, X + 1)).ok


@pytest.mark.parametrize("returned", [lambda g: {"dx": g}, lambda g: [{"dx": g, "dv": g}]])
def test_a_gradient_that_is_not_there_is_said(returned):
    _, backward, x, w = from_cache(product, lambda dout, cache: returned(dout), X, X)
    with pytest.raises(TypeError, match=r"backward returns \d gradients?, .*the inputs are x \(5, 4\), w \(5, 4\)"):
        backward(X, x, w)


class MeanOfW(Dense):
    """∂E/∂W is the mean over the samples, all else is the sum."""

    def backward(self, dout):
        back = super().backward(dout)
        self.dW = self.dW / len(self.x)
        return back


class MeanOfAll(MeanOfW):
    def backward(self, dout):
        back = super().backward(dout)
        self.db = self.db / len(self.x)
        return back / len(self.x)


def test_gradients_that_are_all_means_are_said_so():
    assert check_gradient(*from_layer(MeanOfAll(4, 3), X, mean=True)).ok
    assert not check_gradient(*from_layer(MeanOfAll(4, 3), X)).ok


@pytest.mark.parametrize("mean", ["W", ("W",)])
def test_a_gradient_that_is_a_mean_is_named(mean):
    assert check_gradient(*from_layer(MeanOfW(4, 3), X, mean=mean)).ok
    assert not check_gradient(*from_layer(MeanOfW(4, 3), X)).ok


def test_gradients_of_what_is_no_input_are_said_to_be_that():
    def loss(x):
        return (x @ X.T).sum(), {"W": X.T, "b": {"low": X[0], "high": X[1]}}

    _, backward, x = from_loss(loss, X)
    with pytest.raises(TypeError) as raised:
        backward(1.0, x)
    assert str(raised.value) == (
        "backward returns a dict with the keys W, b, which name none of the inputs x (5, 4): pass a function of what"
        " they are the gradients of, as from_loss(lambda W, b: ..., W, b)"
    )
