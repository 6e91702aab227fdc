"""Functions in another form than a check takes: the message shows the call to make."""

import numpy as np
import pytest

from scratchcnn.gradcheck.hints import CACHES, refuse_other_forms


def forward(x):
    return x


def backward(g, x):
    return g


class Layer:
    def forward(self, x):
        return x

    def backward(self, g):
        return g

    def of_both(self, g, x):
        return g


class Forward:
    def forward(self, x):
        return x


class Backward:
    def backward(self, g):
        return g


class Callable(Layer):
    def __call__(self, x):
        return x


def message(*arguments):
    with pytest.raises(TypeError) as caught:
        refuse_other_forms(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "pair",
    [
        (forward, backward),
        (np.sin, lambda g, *inputs: g),
        (np.sin, np.multiply),
        (Layer().forward, Layer().backward),  # of two layers
        (Layer().forward, Layer().of_both),
        (forward, lambda g: g),
        (forward, 3),  # another check names what is no function
        (3, backward),
        (3, lambda g, cache: g),
        (Callable(), backward),
    ],
)
def test_a_pair_of_functions_of_arrays_is_let_through(pair):
    assert refuse_other_forms(*pair, [np.ones(2), [1.0], None]) is None


@pytest.mark.parametrize(
    ("pair", "name", "kind"),
    [
        ((Layer(), backward), "forward", "Layer"),
        ((Forward(), backward), "forward", "Forward"),
        ((forward, Backward()), "backward", "Backward"),
    ],
)
def test_an_object_with_methods(pair, name, kind):
    assert message(*pair, []) == (
        f"{name} is an object, {kind}, not a function: for layers that keep their parameters,"
        " from scratchcnn.gradcheck.adapters import from_layer; check_gradient(*from_layer(layer, x))"
    )


@pytest.mark.parametrize("cache", CACHES)
def test_a_backward_that_takes_what_forward_kept(cache):
    namespace = {}
    exec(f"def backward(g, {cache}): return g", namespace)
    assert message(forward, namespace["backward"], []) == (
        f"backward takes g, {cache}: for functions that hand a cache on, from scratchcnn.gradcheck.adapters"
        " import from_cache; check_gradient(*from_cache(forward, backward, *inputs))"
    )


def test_an_input_of_forward_is_no_cache():
    assert refuse_other_forms(lambda x, ctx: x, lambda g, x, ctx: (g, 0), []) is None


def test_only_what_is_passed_by_position_is_a_cache():
    assert refuse_other_forms(forward, lambda g, x, *, cache=None: g, []) is None


def test_both_methods_of_a_layer():
    layer = Layer()
    assert message(layer.forward, layer.backward, []) == (
        "backward is a method of Layer that takes the cotangent alone: for layers,"
        " from scratchcnn.gradcheck.adapters import from_layer; check_gradient(*from_layer(layer, x))"
    )
    assert refuse_other_forms(layer.forward, layer.of_both, []) is None
    assert refuse_other_forms(forward, layer.backward, []) is None


def test_a_tensor_of_pytorch():
    tensor = type("Tensor", (), {"__module__": "torch.nested"})()
    assert message(forward, backward, [np.ones(1), tensor]) == (
        "input 1 is a tensor of PyTorch: from scratchcnn.gradcheck.adapters import from_torch;"
        " check_gradient(*from_torch(function, *inputs))"
    )


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        ("mean", "str"),
        (b"mean", "bytes"),
        (np.random.default_rng(0), "Generator"),
        (np.random.RandomState(0), "RandomState"),
    ],
)
def test_an_option_among_the_inputs(option, kind):
    with pytest.raises(TypeError) as raised:
        refuse_other_forms(lambda x, option: x, lambda g, x, option: g, [np.ones(2), option])
    assert str(raised.value) == (
        f"input 1 is a {kind}, not an array of numbers: bind it to both functions, by functools.partial or a lambda"
    )
