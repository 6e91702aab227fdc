"""Which rules of PyTorch and of JAX a module defines, and how they travel to another process."""

import pickle
import sys
import types

import jax
import pytest
import torch

from scratchcnn.gradcheck.harvest.pairs import Pair, find_rules

MODULE = "rules.of_mine"
RULES = """
import jax
import torch
from torch.autograd import Function

class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x ** 2

class Plain: pass

@jax.custom_vjp
def cube(x): return x ** 3

def plain(x): return x
"""


@pytest.fixture
def module(monkeypatch):
    for name in ("rules", MODULE):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    exec(RULES, vars(sys.modules[MODULE]))
    return sys.modules[MODULE]


def test_rules_are_found_by_their_kind_and_what_is_imported_is_not(module):
    assert find_rules(module) == [
        Pair("rules.of_mine.Square", module.Square, module.Square, framework="torch"),
        Pair("rules.of_mine.cube", module.cube, module.cube, framework="jax"),
    ]


@pytest.mark.parametrize("missing", ["torch", "jax"])
def test_without_one_framework_those_of_the_other_are_found(module, monkeypatch, missing):
    monkeypatch.delitem(sys.modules, missing)
    assert [pair.framework for pair in find_rules(module)] == [{"torch": "jax", "jax": "torch"}[missing]]


def test_a_rule_of_jax_travels_by_its_name(module):
    square, cube = find_rules(module)
    assert pickle.loads(pickle.dumps(cube)) == cube
    with pytest.raises(Exception, match="cube"):  # which is why
        pickle.dumps(module.cube)
    assert square.__reduce__() == (Pair, ("rules.of_mine.Square", module.Square, module.Square, None, "torch"))


@pytest.mark.parametrize("name", ["rules.of_mine.another", "rules.of_mine.plain", "nowhere.cube"])
def test_a_rule_of_jax_without_a_name_cannot_travel(module, name):
    pair = Pair(name, module.cube, module.cube, framework="jax")
    with pytest.raises(pickle.PicklingError, match=f"^{name} is not what a module calls so$"):
        pickle.dumps(pair)


def test_a_rule_belongs_to_no_object(module):
    assert [pair.object_name for pair in find_rules(module)] == ["", ""]
    assert issubclass(module.Square, torch.autograd.Function)
    assert isinstance(module.cube, jax.custom_vjp)
