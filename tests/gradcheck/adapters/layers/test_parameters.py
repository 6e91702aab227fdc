"""Which arrays in a layer are its parameters."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.layers.parameters import asked_parameters, find_parameters
from scratchcnn.gradcheck.adapters.layers.running import Parameter
from scratchcnn.gradcheck.adapters.layers.slots import slot

CALL = "from_layer(Layer(...), x)"
X = np.array([1.0, -2.0, 3.0])


def layer(**attributes):
    return SimpleNamespace(W=np.array([0.5, 1.5, 2.0]), **attributes)


def found(made, run, after=()):
    return [parameter.name for parameter in find_parameters(made, run, copy.deepcopy, [slot(text) for text in after])]


class TestFind:
    def test_arrays_that_the_output_depends_on(self):
        made = layer(
            unused=np.ones(3), count=np.arange(3), rate=0.1, running_mean=np.ones(3), params={"b": np.zeros(3)}
        )

        def run(of):
            return X * of.W + of.params["b"] + of.rate + of.running_mean

        assert found(made, run) == ["W", "params['b']"]

    def test_but_none_that_forward_puts_there(self):
        made = layer(cache=np.ones(3))

        def run(of):
            of.cache = X * of.W
            return of.cache

        assert found(made, run) == ["W"]
        assert made.cache.tolist() == [1, 1, 1], "the layer is left as it is"

    def test_what_has_a_gradient_by_its_name_is_one_and_numbers_are_so_alone(self):
        made = layer(bias=0.5, weights=np.ones(3), scale=2.0, dscale=1.0)
        names = ("W", "bias", "weights", "scale")
        assert found(made, lambda of: X * of.W, names) == ["W"]
        assert found(made, lambda of: X * of.W, (*names, "dbias", "d_weights")) == ["W", "bias", "weights"]
        assert found(made, lambda of: X * of.W, (*names, "dw2")) == ["W"]
        assert found(made, lambda of: X * of.W, (*names, "d_kernel")) == ["W"]  # another word is no name of it

    def test_numbers_that_happen_to_be_the_same_object_are_two(self):
        half = 0.5
        made = SimpleNamespace(bias=half, scale=half)
        assert found(made, lambda of: X, ("bias", "scale", "dbias", "dscale")) == ["bias", "scale"]

    def test_an_array_in_two_places_is_one(self):
        made = layer()
        made.tied = made.W
        (parameter,) = find_parameters(made, lambda of: X * of.W * of.tied, copy.deepcopy, [])
        assert [str(place) for place in parameter.slots] == ["W", "tied"]

    def test_what_cannot_be_anything_else_is_none(self):
        def run(of):
            if of.table[0] != 1:
                raise ValueError("the table is fixed")
            return X * of.W

        assert found(layer(table=np.ones(3)), run) == ["W"]

    def test_outputs_that_are_not_a_number_depend_on_nothing_by_that(self):
        assert found(layer(other=np.ones(3)), lambda of: np.append(X * of.W, np.nan)) == ["W"]

    @pytest.mark.parametrize("size", [0.0, 1e-30, 1e30])
    def test_of_any_size(self, size):
        assert found(SimpleNamespace(W=np.full(3, size)), lambda of: of.W * 2) == ["W"]

    def test_where_all_entries_moved_alike_would_change_nothing(self):
        assert found(SimpleNamespace(W=np.ones(3)), lambda of: of.W - of.W.mean()) == ["W"]
        assert found(SimpleNamespace(W=np.arange(1.0, 4)), lambda of: of.W / of.W.sum()) == ["W"]

    def test_empty_arrays_are_none(self):
        assert found(layer(nothing=np.ones((0, 3))), lambda of: X * of.W) == ["W"]


class TestAsked:
    ALL = tuple(Parameter(text, (slot(text),)) for text in ("W", "params['a']", "params['b']"))

    def asked(self, asked):
        made = layer(params={"a": np.ones(2), "b": np.ones(2), "n": 3}, bias=0.5, other=3)
        return [p.name for p in asked_parameters(made, asked, lambda: list(self.ALL), CALL)]

    @pytest.mark.parametrize(
        ("asked", "names"),
        [
            ("W", ["W"]),
            (("bias", "W"), ["bias", "W"]),
            ("params", ["params['a']", "params['b']"]),
            (["params['b']", "params"], ["params['b']", "params['a']"]),  # each once
            ((), []),
        ],
    )
    def test_arrays_and_all_in_a_container(self, asked, names):
        assert self.asked(asked) == names

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            (("W", "W"), "params names 'W' twice"),
            (("W", "V"), "params names 'V', which is no part of the layer, which has W, params['a'], params['b']:"),
            (
                "other",
                "params names 'other', which holds no parameters of the layer, which has W, params['a'], params['b']:",
            ),
        ],
    )
    def test_what_is_none_is_refused(self, asked, message):
        with pytest.raises(ValueError, match="params names") as raised:
            self.asked(asked)
        assert str(raised.value).startswith(message)
        assert message.endswith("twice") or str(raised.value).endswith("from_layer(Layer(...), x, params=('...',))")

    def test_of_a_layer_without_arrays(self):
        with pytest.raises(ValueError, match="which is no part of the layer, which has no arrays: from_layer"):
            asked_parameters(SimpleNamespace(), "W", list, CALL)
