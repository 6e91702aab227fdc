"""The places in an object where arrays are kept, their names, and which is the gradient of which."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.layers.slots import (
    Slot,
    Step,
    is_array,
    is_gradient_slot,
    is_number,
    slot,
    slots_of,
)


class Slotted:
    __slots__ = ("W", "unset")

    def __init__(self):
        self.W = np.ones(2)


class Further(Slotted):
    __slots__ = "b"

    def __init__(self):
        super().__init__()
        self.b = np.zeros(2)


@pytest.mark.parametrize(
    ("text", "way"),
    [
        ("W", (Step("W", True),)),
        ("params['W']", (Step("params", True), Step("W", False))),
        ("layers[0].W.grad", (Step("layers", True), Step(0, False), Step("W", True), Step("grad", True))),
        ("['W']", (Step("W", False),)),
    ],
)
def test_a_way_is_written_as_python_would(text, way):
    assert slot(text) == Slot(way)
    assert str(slot(text)) == text


@pytest.mark.parametrize("text", ["", "W +", "W[k]", "W()", "W[0:1]", "-W", "W, b"])
def test_what_is_no_way_is_refused(text):
    with pytest.raises(ValueError, match="is no way to an array in a layer") as raised:
        slot(text)
    assert str(raised.value) == (
        f"{text!r} is no way to an array in a layer: write it as 'W', \"params['W']\" or 'layers[0].W'"
    )


class TestSlotsOf:
    def test_attributes_dicts_lists_and_objects_within(self):
        x = np.ones(2)
        made = SimpleNamespace(
            W=x, params={"b": x, 3: x, (1, 2): x}, layers=[x, (x,)], sub=Further(), name="W", dtype=np.dtype(float)
        )
        made.itself = made
        found = [str(place) for place, _ in slots_of(made, is_array)]
        assert found == ["W", "params['b']", "params[3]", "layers[0]", "layers[1][0]", "sub.b", "sub.W"]
        places = slots_of(made, is_array)
        assert all(place.get(made) is value for place, value in places)
        assert [step.attribute for step in places[4][0].way] == [True, False, False]

    def test_each_object_is_looked_into_once(self):
        shared = SimpleNamespace(W=np.ones(2))
        made = SimpleNamespace(first=shared, second=shared)
        assert [str(place) for place, _ in slots_of(made, is_array)] == ["first.W"]

    def test_what_is_wanted_is_found_at_the_top_too(self):
        assert slots_of(2.0, is_number) == [(Slot(()), 2.0)]


@pytest.mark.parametrize(
    ("value", "array", "number"),
    [(np.ones(2, np.float32), True, True), (np.ones(2, complex), True, True), (np.ones(2, int), False, False),
     (1.0, False, True), (np.float32(1), False, True), (1, False, False), (True, False, False), (None, False, False)],
)  # fmt: skip
def test_numbers_are_arrays_of_floats_or_single_ones(value, array, number):
    assert (is_array(value), is_number(value)) == (array, number)


class TestPut:
    def test_puts_something_else_there(self):
        made = SimpleNamespace(params={"W": 1}, layers=[SimpleNamespace(b=2)])
        slot("params['W']").put(made, 5)
        slot("layers[0].b").put(made, 6)
        assert (made.params["W"], made.layers[0].b) == (5, 6)

    @pytest.mark.parametrize("text", ["W.T", "pair[0]"])
    def test_or_says_that_it_cannot(self, text):
        with pytest.raises(TypeError) as raised:
            slot(text).put(SimpleNamespace(W=Fixed(), pair=(1, 2)), 5)
        assert str(raised.value).startswith(f"{text} of the layer cannot be set: ")

    def test_a_place_may_not_be_there(self):
        made = SimpleNamespace(params={}, layers=[], number=3)
        texts = ("params", "W", "params['W']", "layers[0]", "number[0]")
        assert [slot(text).is_in(made) for text in texts] == [True, False, False, False, False]


class Fixed:
    @property
    def T(self):
        return 0


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("W", "W", (("W",), False)),
        ("W.data", "W", (("W",), False)),
        ("W['val']", "W", (("W",), False)),
        ("params.value", "params.value", (("value",), False)),
        ("layers[0].value", "layers[0].value", (("layers", 0, "value"), False)),
        ("data", "data", (("data",), False)),
        ("params['W']", "params['W']", (("W",), False)),
        ("grads['W']", "grads['W']", (("W",), True)),
        ("cache['grads']['W']", "cache['grads']['W']", (("W",), True)),
        ("W.grad", "W.grad", (("W",), True)),
        ("conv.W", "conv.W", (("conv", "W"), False)),
    ],
)
def test_names_and_words_leave_out_what_says_value_or_gradient(text, name, words):
    assert (slot(text).name, slot(text).words) == (name, words)


@pytest.mark.parametrize(
    ("gradient", "value", "alike", "is_one"),
    [
        ("dW", "W", False, True),
        ("grads[0]", "params[0]", False, True),
        ("grads[1]", "params[0]", False, False),
        ("W.grad", "W.data", False, True),
        ("W.g", "W.v", False, True),
        ("g['W']", "p['W']", False, True),
        ("g", "v", False, False),
        ("x.g", "y.v", False, False),
        ("W", "W", False, False),
        ("dconv.W", "conv.W", False, True),
        ("grads['W']", "conv.W", False, True),
        ("conv.dW", "W", False, False),
        ("d_weights", "W", False, False),
        ("d_weights", "W", True, True),
        ("grads['weights']", "params['W']", True, True),
        ("grads['weights']", "params['W']", False, False),
        ("grad", "W", False, False),
    ],
)
def test_which_is_the_gradient_of_which(gradient, value, alike, is_one):
    assert is_gradient_slot(slot(gradient), slot(value), alike=alike) == is_one
