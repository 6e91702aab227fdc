"""Watching the pairs of a package: which calls are whose, and when the watch ends."""

import sys
import types

import numpy as np
import pytest

from scratchcnn.gradcheck.harvest import harvest as harvest_module
from scratchcnn.gradcheck.harvest.harvest import Harvest

LAYERS = """
def relu(x): return x * (x > 0)
def relu_backward(g, x): return g * (x > 0)

class Layer:
    def forward(self, x): return self.factor * x
    def backward(self, g): return self.factor * g
class Double(Layer):
    factor = 2
class Triple(Layer):
    factor = 3
class Square:
    @staticmethod
    def forward(x): return x * x
    @staticmethod
    def backward(g, x): return 2 * g * x
class Cube:
    @classmethod
    def forward(cls, x): return x**3
    @classmethod
    def backward(cls, g, x): return 3 * g * x**2
class Nothing:
    def forward(): return len("x")
    def backward(): return 0
class Half:
    def forward(self, x): return x / 2
    def backward(self, g): return g / 2
one = Double()
"""


@pytest.fixture
def layers(monkeypatch):
    """A package with one module."""
    for name in ("watched", "watched.layers"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    exec(LAYERS, vars(sys.modules["watched.layers"]))
    return sys.modules["watched.layers"]


@pytest.fixture
def harvest(layers):
    started = Harvest(["watched"])
    started.look()
    yield started
    started.end()


def called(harvest):
    """How many calls of each forward pass were looked at."""
    found = {name.rpartition(".")[2]: watched.forward.count for name, watched in harvest.found.items()}
    return {name: count for name, count in found.items() if count}


def test_calls_of_a_method_are_told_apart_by_the_class_of_the_object(layers, harvest):
    layers.Double().forward(np.ones(2))
    assert called(harvest) == {"Double": 1}
    layers.Triple().forward(np.ones(3))
    layers.Square.forward(np.ones(4))
    layers.relu(np.ones(5))
    layers.Cube.forward(np.ones(6))
    layers.Nothing.forward()
    assert called(harvest) == {"Double": 1, "Triple": 1, "Square": 1, "relu_backward": 1, "Cube": 1}
    assert not harvest.found["watched.layers.Layer"].called
    assert [call.size for call in harvest.found["watched.layers.Square"].forward.kept()] == [32]


def test_a_pair_is_found_by_its_name(layers, harvest):
    watched = harvest.found["watched.layers.Triple"]
    assert (watched.pair.owner, watched.pair.forward) == (layers.Triple, layers.Layer.forward)


def test_an_object_is_covered_by_its_class_and_a_class_from_elsewhere_is_not_looked_at(layers, harvest):
    class Elsewhere(layers.Double):
        factor = 4

    assert "watched.layers.one" not in harvest.found
    layers.one.forward(np.ones(2))
    Elsewhere().forward(np.ones(2))
    assert called(harvest) == {"Double": 1}


def test_in_each_test_so_many_calls_of_a_method_are_looked_at(layers, harvest, monkeypatch):
    monkeypatch.setattr(harvest_module, "LOOKS", 3)
    for _ in range(2):
        harvest.look()
        for _ in range(10):
            layers.Cube.forward(np.ones(2))
    assert called(harvest) == {"Cube": 6}


def test_of_a_method_that_classes_share_calls_are_looked_at_until_each_class_was_seen(layers, harvest, monkeypatch):
    monkeypatch.setattr(harvest_module, "LOOKS", 3)
    for _ in range(2):
        harvest.look()
        for _ in range(4):
            layers.Double().forward(np.ones(2))
        layers.Triple().forward(np.ones(2))
        plain = layers.Layer()
        plain.factor = 1
        plain.forward(np.ones(2))
        for _ in range(10):
            layers.one.forward(np.ones(2))
    assert called(harvest) == {"Double": 9, "Triple": 1, "Layer": 1}


def test_calls_of_classes_from_elsewhere_count_too(layers, harvest, monkeypatch):
    monkeypatch.setattr(harvest_module, "LOOKS", 3)

    class Elsewhere(layers.Half):
        pass

    harvest.look()
    for kind in (*[Elsewhere] * 2, *[layers.Half] * 5):
        kind().forward(np.ones(2))
    assert called(harvest) == {"Half": 1}


def test_in_each_test_so_many_calls_are_looked_at(layers, harvest, monkeypatch):
    monkeypatch.setattr(harvest_module, "LOOKS", 3)
    for _ in range(2):
        harvest.look()
        for _ in range(10):
            layers.relu(np.ones(2))
    assert called(harvest) == {"relu_backward": 6}


def test_modules_that_are_imported_later_are_found(harvest, monkeypatch):
    monkeypatch.setitem(sys.modules, "watched.more", types.ModuleType("watched.more"))
    monkeypatch.setitem(sys.modules, "watchedelsewhere", types.ModuleType("watchedelsewhere"))
    for name in ("watched.more", "watchedelsewhere"):
        exec("def cube(x): return x ** 3\ndef cube_grad(g, x): return 3 * g * x ** 2", vars(sys.modules[name]))
    harvest.look()
    assert [name for name in harvest.found if "cube" in name] == ["watched.more.cube_grad"]


def test_patterns_say_which_names_backward_passes_have(layers):
    started = Harvest(["watched"], ["no_{}"])
    started.look()
    assert not any("relu" in name for name in started.found)
    started.end()


class TestCallsOfBackwardAlone:
    """They may tell of forward's."""

    @staticmethod
    def chosen(text, call):
        """The call of forward that the call of backward tells of."""
        module = types.ModuleType("watched")
        exec(text, vars(module))
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(sys.modules, "watched", module)
            harvest = Harvest(["watched"])
            harvest.look()
        call(module)
        harvest.end()
        (watched,) = harvest.found.values()
        assert watched.called
        assert not watched.forward.count
        return watched.chosen(lambda calls: next(iter(calls), None))

    def test_say_all_that_forward_takes_or_can_do_without(self):
        text = "def f(x, power=2): return x ** power\ndef f_backward(g, x): return 2 * g * x"
        (call,) = self.chosen(text, lambda module: module.f_backward(np.ones(2), np.array([3.0, 4.0])))
        assert call.arguments["x"].tolist() == [3, 4]
        assert call.arguments["power"] == 2
        assert list(call.arguments) == ["x", "power"]
        assert (call.spread, call.size, len(call.options)) == (("", ""), 32, 2)
        assert call.where.endswith("::test_say_all_that_forward_takes_or_can_do_without")

    @pytest.mark.parametrize(
        ("text", "call"),
        [
            ("def f(x): return x\ndef f_backward(g, out): return g", lambda m: m.f_backward(np.ones(2), np.ones(2))),
            ("def f(*x): return x\ndef f_backward(g, x): return g", lambda m: m.f_backward(np.ones(2), np.ones(2))),
            ("def f(**x): return x\ndef f_backward(g, x): return g", lambda m: m.f_backward(np.ones(2), np.ones(2))),
            (
                "class Layer:\n    def forward(self, x): return x\n    def backward(self, x): return x",
                lambda m: m.Layer().backward(np.ones(2)),
            ),
        ],
        ids=["the output", "*x", "**x", "a method"],
    )
    def test_or_too_little(self, text, call):
        assert self.chosen(text, call) == []

    def test_the_best_of_them_is_chosen(self):
        text = "def f(x): return x\ndef f_backward(g, x): return g"

        def call(module):
            module.f_backward(1.0, np.ones(2))
            module.f_backward(1.0, np.ones(5))

        assert [made.size for made in self.chosen(text, call)] == [16, 40]


def test_what_another_process_saw_is_added(layers, harvest):
    other = Harvest(["watched"])
    other.look()
    layers.relu(np.ones(2))
    layers.relu_backward(np.ones(2), np.ones(2))
    other.end()
    watched = harvest.found["watched.layers.relu_backward"]
    watched.merge(other.found["watched.layers.relu_backward"])
    assert (watched.forward.count, watched.backward.count) == (2, 2)
    assert [call.size for call in watched.chosen(lambda calls: next(iter(calls), None))] == [16]


def test_after_the_end_functions_are_as_before(layers):
    before = {name: value.__code__ for name, value in vars(layers).items() if isinstance(value, types.FunctionType)}
    started = Harvest(["watched"])
    started.look()
    assert layers.relu.__code__ is not before["relu"]
    started.end()
    layers.relu(np.ones(2))
    assert {name: getattr(layers, name).__code__ for name in before} == before
    assert called(started) == {}
