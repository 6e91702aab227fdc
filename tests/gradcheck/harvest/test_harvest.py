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
    assert called(harvest) == {"Double": 1, "Triple": 1, "Square": 1, "relu_backward": 1}
    assert not harvest.found["watched.layers.Layer"].called
    assert [call.size for call in harvest.found["watched.layers.Square"].forward.kept()] == [32]


def test_an_object_is_covered_by_its_class_and_a_class_from_elsewhere_is_not_looked_at(layers, harvest):
    class Elsewhere(layers.Double):
        factor = 4

    assert "watched.layers.one" not in harvest.found
    layers.one.forward(np.ones(2))
    Elsewhere().forward(np.ones(2))
    assert called(harvest) == {"Double": 1}


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


def test_after_the_end_functions_are_as_before(layers):
    before = {name: value.__code__ for name, value in vars(layers).items() if isinstance(value, types.FunctionType)}
    started = Harvest(["watched"])
    started.look()
    assert layers.relu.__code__ is not before["relu"]
    started.end()
    layers.relu(np.ones(2))
    assert {name: getattr(layers, name).__code__ for name in before} == before
    assert called(started) == {}
