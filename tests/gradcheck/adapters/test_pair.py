"""What every adapter returns: inputs as leaves, functions under their names; and the output that is chosen."""

import inspect
import pickle
from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.pair import Inputs, chosen, inputs_of, named, positional, title

CALL = "from_torch(f, x)"


def function(x, /, w, *rest, b=0, **options):
    return x


class TestInputs:
    def test_arrays_and_trees_have_names_and_keys(self):
        inputs = inputs_of(function, [1.0, {"b": [2.0, 3.0], "a": np.ones(2)}, 4.0])
        assert inputs.names == ("x", "w", "input 2")
        assert inputs.paths == ("x", "w['b']", "w['a']", "input 2")
        assert inputs.keys == (("x",), ("w", "b"), ("w", "a"), ("input 2",))
        assert [leaf.tolist() for leaf in inputs.leaves] == [1, [2, 3], [1, 1], 4]
        x, w, last = inputs.built(inputs.leaves)
        assert (x, last) == (1, 4)
        assert {key: value.tolist() for key, value in w.items()} == {"b": [2, 3], "a": [1, 1]}

    def test_fewer_than_the_parameters(self):
        assert inputs_of(function, [1.0]).names == ("x",)
        assert inputs_of(function, [1.0], skip=["x"]).names == ("w",)

    def test_without_any_they_are_not_known_yet_or_there_are_none(self):
        open_ = inputs_of(function, [])
        assert (open_.names, open_.paths, open_.keys) == (("x", "w"), ("x", "w"), (("x",), ("w",)))
        assert open_.structures is None
        assert open_.built((1, 2)) == [1, 2]
        assert inputs_of(function, [], empty=True) == Inputs((), (), ())

    def test_complex_numbers_are_made_of_their_parts(self):
        inputs = inputs_of(function, [np.array([1 + 2j])])
        assert inputs.built(inputs.leaves)[0].tolist() == [1 + 2j]
        assert inputs.built(inputs.leaves, lambda real, imag: "made") == ["made"]

    def test_rows_of_different_lengths_are_no_array(self):
        with pytest.raises(ValueError, match=r"^input 'w' holds no array: "):
            inputs_of(function, [1.0, [[1.0], [1.0, 2.0]]])


def test_parameters_that_arrays_are_passed_for():
    assert positional(function) == ["x", "w"]
    assert positional(partial(function, w=3)) == ["x"]
    assert positional(max) == []


class Layer:
    def forward(self, x):
        return x

    def __call__(self, x):
        return x


@pytest.mark.parametrize(
    ("of", "name"),
    [
        (function, "function"),
        (partial(partial(function, b=1), b=2), "function"),
        (Layer.forward, "Layer.forward"),
        (Layer(), "Layer"),
        (Layer, "Layer"),
        ([].append, "append"),
        (max, "max"),
        (np.sin, "sin"),
        (lambda x: x, "<lambda>"),
    ],
)
def test_the_title_is_the_name_that_a_reader_knows(of, name):
    assert title(of) == name


def test_the_title_of_what_is_made_within_a_function_or_has_only_a_short_name():
    def local(x):
        return x

    short = Layer()
    short.__name__ = "short"
    assert (title(local), title(short)) == ("local", "short")


class TestNamed:
    def test_functions_have_names_and_parameters_of_leaves(self):
        found = named(lambda *leaves: leaves, "Layer.forward", ["x", "params['w']"])
        assert (found.__name__, found.__qualname__) == ("forward", "Layer.forward")
        assert list(inspect.signature(found).parameters) == ["x", "params['w']"]
        assert found(1, 2) == (1, 2)

    def test_the_short_name_is_the_last_part(self):
        assert named(lambda x: x, "net.Layer.forward", ()).__name__ == "forward"

    def test_or_their_own_parameters_where_there_are_none_to_name(self):
        assert list(inspect.signature(named(lambda *leaves: leaves, "f", ())).parameters) == ["leaves"]

    def test_the_parameters_can_be_pickled(self):
        (parameter,) = inspect.signature(named(lambda *leaves: leaves, "f", ["w['b']"])).parameters.values()
        assert pickle.loads(pickle.dumps(parameter)).name == "w['b']"


class TestChosen:
    X = np.ones(2)

    @pytest.mark.parametrize("output", [X, 3.0, (1.0, 2.0), [3.0], np.float64(2)])
    def test_one_output_is_it(self, output):
        assert chosen(output, None, CALL) is output

    @pytest.mark.parametrize("kind", [tuple, list])
    def test_a_single_array_in_a_tuple_is_it(self, kind):
        assert chosen(kind([self.X]), None, CALL) is self.X

    def test_of_several_one_is_named(self):
        pair = type("Out", (), {"loss": self.X})()
        assert chosen(pair, "loss", CALL) is self.X
        assert chosen((1, self.X), -1, CALL) is self.X
        assert chosen({"y": self.X, 3: 4}, "y", CALL) is self.X
        assert chosen({"y": self.X, 3: 4}, 3, CALL) == 4

    @pytest.mark.parametrize(
        ("output", "text"),
        [
            ((X, 1.0), "tuple of 2: name the output to check, as in from_torch(f, x, output=0)"),
            ([1.0, X, X], "list of 3: name the output to check, as in from_torch(f, x, output=0)"),
            ({"y": 1.0, "z": 2.0}, "dict of ['y', 'z']: name the output to check, as in from_torch(f, x, output='y')"),
            ({}, "dict of []: name the output to check, as in from_torch(f, x, output=0)"),
        ],
    )
    def test_where_it_is_not_it_is_asked_for(self, output, text):
        with pytest.raises(TypeError) as raised:
            chosen(output, None, CALL)
        assert str(raised.value) == f"forward returns a {text}"

    @pytest.mark.parametrize(
        ("output", "which", "has"),
        [
            ((X, np.ones(3)), 2, "tuple of 2"),
            ({"y": X}, "z", "['y']"),
            (X, 0, "ndarray of 2"),
            (X, "T", "ndarray of 2"),
            ([X, X], "mean", "list of 2"),
            ((X, X), 10**30, "tuple of 2"),
            (3.0, 0, "float of 1"),
        ],
    )
    def test_what_is_no_part_is_refused(self, output, which, has):
        with pytest.raises(ValueError, match="output=") as raised:
            chosen(output, which, CALL)
        assert str(raised.value) == f"output={which!r} is no part of what forward returns: {has}"
