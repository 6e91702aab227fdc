"""Under which names the methods of a layer are found."""

from functools import partial

import pytest

from scratchcnn.gradcheck.adapters.calling.methods import FORWARDS, bound, method_of, usual_method


class Layer:
    width = 3

    def feedForward(self, x):
        return 2 * x

    @property
    def forward(self):
        raise AssertionError("a property is not asked for")


class OfClass:
    @classmethod
    def forward(cls, x):
        return x

    @staticmethod
    def backward(g):
        return g


class Slotted:
    __slots__ = ()

    def forward(self, x):
        return x


class Called:
    def __call__(self, x):
        return x

    def _hidden(self):
        pass


@pytest.mark.parametrize(
    ("layer", "usual", "found"),
    [
        (Layer(), FORWARDS, "feedForward"),
        (Layer, FORWARDS, "feedForward"),
        (OfClass, FORWARDS, "forward"),
        (OfClass, ["backward"], "backward"),
        (OfClass(), FORWARDS, "forward"),
        (Slotted(), FORWARDS, "forward"),
        (Called(), FORWARDS, "__call__"),
        (Called(), ["call"], None),
        (Called(), ["hidden"], None),
        (Layer(), ["width"], None),
    ],
)
def test_the_first_of_the_usual_names_in_any_spelling(layer, usual, found):
    assert usual_method(layer, usual) == found


def test_a_function_that_an_object_holds_is_a_method_of_it():
    layer = type("Empty", (), {})()
    layer.forward = lambda x: 5 * x
    assert usual_method(layer, FORWARDS) == "forward"
    assert bound(layer, "forward")(2) == 10


def test_the_order_of_the_usual_names_decides():
    layer = type("Two", (), {"call": print, "forward": print})()
    assert usual_method(layer, FORWARDS) == "forward"
    assert usual_method(layer, ["call", "forward"]) == "call"


class TestMethodOf:
    def test_the_one_that_is_given_or_a_usual_one(self):
        assert method_of(Layer(), FORWARDS, "feedForward", "forward", "from_layer(l, x)") == "feedForward"
        assert method_of(Layer(), FORWARDS, None, "forward", "from_layer(l, x)") == "feedForward"

    def test_what_is_there_is_said_where_there_is_none(self):
        with pytest.raises(TypeError) as raised:
            method_of(Layer(), ["backward", "bprop"], None, "backward", "from_layer(Layer(), x)")
        assert str(raised.value) == (
            "Layer has no method of a usual name (backward, bprop): it has feedForward."
            " Name it: from_layer(Layer(), x, backward='...')"
        )

    @pytest.mark.parametrize(("layer", "there"), [(Layer(), "feedForward"), (object(), "none")])
    def test_or_not_the_one_that_is_given(self, layer, there):
        with pytest.raises(TypeError, match=rf"has no method 'backprop': it has {there}$"):
            method_of(layer, FORWARDS, "backprop", "backward", "from_layer(l, x)")

    def test_what_cannot_be_called_is_none(self):
        with pytest.raises(TypeError, match="Layer has no method 'width': it has feedForward"):
            bound(Layer(), "width")


def test_a_function_is_given_the_layer_first():
    layer = Layer()
    assert bound(layer, "feedForward")(2) == 4
    found = bound(layer, lambda of, x: (of, x))
    assert isinstance(found, partial)
    assert found(1) == (layer, 1)
