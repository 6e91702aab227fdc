"""Forwards with several outputs whose backward takes a cotangent for each: all are checked at once."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_cache, from_layer
from scratchcnn.gradcheck.adapters.calling.cotangents import joined, of_each
from scratchcnn.gradcheck.trees import is_option


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def logistic(z):
    return 1 / (1 + np.exp(-z))


def step(x, h, c, W):
    """An LSTM cell, as courses write it: the next state, the next cell, a cache."""
    f, i, o, g = np.split(np.hstack([x, h]) @ W, 4, axis=1)
    f, i, o, g = logistic(f), logistic(i), logistic(o), np.tanh(g)
    cell = f * c + i * g
    return o * np.tanh(cell), cell, (x, h, c, W, f, i, o, g, cell)


def step_backward(dh, dcell, cache):
    x, h, c, W, f, i, o, g, cell = cache
    t = np.tanh(cell)
    d = dcell + dh * o * (1 - t**2)
    dz = np.hstack([d * c * f * (1 - f), d * g * i * (1 - i), dh * t * o * (1 - o), d * i * (1 - g**2)])
    back = dz @ W.T
    return back[:, : x.shape[1]], back[:, x.shape[1] :], d * f, np.hstack([x, h]).T @ dz


def forgetful_backward(dh, dcell, cache):
    return step_backward(dh, 0 * dcell, cache)


class Cell:
    """It keeps its parameter in its cache, too."""

    backward_of = staticmethod(step_backward)

    def __init__(self, W):
        self.W = W

    def forward(self, x, h, c):
        *outputs, self.cache = step(x, h, c, self.W)
        return tuple(outputs)

    def backward(self, dh, dc):
        dx, dh, dc, self.dW = self.backward_of(dh, dc, self.cache)
        return dx, dh, dc


class ForgetfulCell(Cell):
    backward_of = staticmethod(forgetful_backward)


X, H, C, W = drawn(2, 3), drawn(2, 4, seed=1), drawn(2, 4, seed=2), drawn(7, 16, seed=3)


def cached(backward):
    return from_cache(step, backward, X, H, C, W)


def layered(kind):
    return from_layer(kind(W), X, H, C)


@pytest.mark.parametrize("given", [lambda: cached(step_backward), lambda: layered(Cell)], ids=["cache", "layer"])
def test_a_right_cell_is_right(given):
    report = check_gradient(*given())
    assert report.verdict is Verdict.RIGHT
    assert [each.name for each in report.inputs] == ["x", "h", "c", "W"]


@pytest.mark.parametrize(
    "given", [lambda: cached(forgetful_backward), lambda: layered(ForgetfulCell)], ids=["cache", "layer"]
)
def test_a_cotangent_that_is_forgotten_is_wrong(given):
    report = check_gradient(*given())
    assert {each.verdict for each in report.inputs} == {Verdict.WRONG}
    assert report.diagnoses[0].message.startswith("that of output[0] alone")


def test_one_output_can_still_be_named():
    assert check_gradient(*from_cache(step, step_backward, X, H, C, W, output=0)).ok
    assert check_gradient(*from_cache(step, forgetful_backward, X, H, C, W, output=0)).ok
    assert not check_gradient(*from_cache(step, forgetful_backward, X, H, C, W, output=1)).ok


def test_a_function_of_each_output():
    both = np.ones(2), np.zeros((1, 3))
    assert [a.tolist() for a in of_each(both, np.negative)] == [[-1, -1], [[0, 0, 0]]]
    assert of_each(both[0], np.negative).tolist() == [-1, -1]
    assert joined(both).tolist() == [1, 1, 0, 0, 0]
    assert joined(both[1]) is both[1]


def affine(x, w, b):
    return x @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return x.T @ dout, dout @ w.T, dout.sum(axis=0)


def test_gradients_in_another_order_are_right_with_a_note():
    report = check_gradient(*from_cache(affine, affine_backward, drawn(4, 3), drawn(3, 2), drawn(2)))
    assert report.ok
    assert "backward returns its gradients in the order w, x, b: their shapes fit no other" in report.notes
    named = from_cache(affine, affine_backward, drawn(4, 3), drawn(3, 2), drawn(2), returns=("w", "x", "b"))
    assert not any("in the order" in note for note in check_gradient(*named).notes)


def dropped(x, w, param):
    """A function with its options in a dict, as courses write it."""
    keep, mode = param["p"], param["mode"]
    mask = np.arange(x.size).reshape(x.shape) % 3 != 0 if mode == "train" else np.ones(x.shape)
    param["calls"] = param.get("calls", 0) + 1
    return (x * mask / keep) @ w, (param, mask, x, w)


def dropped_backward(dout, cache):
    param, mask, x, w = cache
    return dout @ w.T * mask / param["p"], (x * mask / param["p"]).T @ dout


def test_options_in_a_dict_are_no_input():
    param = {"mode": "train", "p": 0.5}
    report = check_gradient(*from_cache(dropped, dropped_backward, drawn(4, 3), drawn(3, 2), param))
    assert [each.name for each in report.inputs] == ["x", "w"]
    assert report.verdict is Verdict.RIGHT
    assert param == {"mode": "train", "p": 0.5}

    def wrong(dout, cache):
        dx, dw = dropped_backward(dout, cache)
        return dx, 2 * dw

    text = str(check_gradient(*from_cache(dropped, wrong, drawn(4, 3), drawn(3, 2), param)))
    assert "param = {'mode': 'train', 'p': 0.5}" in text


@pytest.mark.parametrize("option", ["train", None, {"mode": "train"}, {"on": True, "p": 0.3}, [("a", 1.0), None]])
def test_what_holds_a_text_or_nothing_and_no_array_is_an_option(option):
    assert is_option(option)
    given = from_cache(lambda x, o: (np.sin(x), (x, o)), lambda g, c: g * np.cos(c[0]), X, option)
    assert check_gradient(*given).ok


@pytest.mark.parametrize("value", [1.0, True, X, {"w": X, "mode": "train"}, {"p": 0.3}, [1.0, 2.0], {}])
def test_what_holds_numbers_alone_or_an_array_is_none(value):
    assert not is_option(value)
