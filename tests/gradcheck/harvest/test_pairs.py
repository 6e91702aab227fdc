"""Which functions of a module are a pair."""

import types

import pytest

from scratchcnn.gradcheck.harvest.pairs import find_pairs, left_over


def module(text):
    """A module of this text."""
    made = types.ModuleType("made")
    exec(text, vars(made))
    return made


def names(text, patterns=()):
    """The names of the pairs of a module: of functions both, of a class its name."""
    found = find_pairs(module(text), patterns)
    return [p.name.removeprefix("made.") if p.owner else (p.forward.__name__, p.backward.__name__) for p in found]


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        ("relu", "relu_backward"),
        ("relu", "relu_bwd"),
        ("relu", "relu_grad"),
        ("relu", "relu_prime"),
        ("relu", "backward_relu"),
        ("relu", "grad_relu"),
        ("relu", "drelu"),
        ("relu", "d_relu"),
        ("relu_forward", "relu_backward"),
        ("relu_fwd", "relu_bwd"),
        ("forward_relu", "backward_relu"),
        ("relu", "relu_back"),
        ("relu", "relu_backprop"),
        ("relu_forward_naive", "relu_backward_naive"),
        ("fast_fwd_relu", "fast_bwd_relu"),
        ("relu_fprop_v2", "relu_bprop_v2"),
    ],
)
def test_functions_by_their_names(forward, backward):
    assert names(f"def {backward}(g, x): pass\ndef {forward}(x): pass") == [(forward, backward)]


def test_a_word_alone_is_no_name_and_patterns_that_are_asked_for_are_the_only_ones():
    assert names("def forward(x): pass\ndef backward(g): pass") == []
    naive = "def f_forward_naive(x): pass\ndef f_backward_naive(g, x): pass"
    assert names(naive) == [("f_forward_naive", "f_backward_naive")]
    assert names(naive, ("{}_grad",)) == []


def test_backward_passes_without_a_forward_pass_are_left_over():
    text = """
def relu(x): pass
def relu_backward(g, x): pass
def mish_backward(g, x): pass
def conv_bwd_fast(g, x): pass
def draw_back(x): pass
class Dense:
    def forward(self, x): return x
    def backward(self, g): return g
"""
    made = module(text)
    assert left_over(made, find_pairs(made)) == ["mish_backward", "conv_bwd_fast"]


def test_a_pair_has_the_name_of_its_backward_pass_or_class():
    text = "def relu(x): pass\ndef relu_backward(g, x): pass\n"
    text += "class Dense:\n    def forward(self, x): return x\n    def backward(self, g): return g"
    assert [pair.name for pair in find_pairs(module(text))] == ["made.relu_backward", "made.Dense"]


def test_a_function_that_is_wrapped_or_private():
    text = """
import functools
def noted(function):
    return functools.wraps(function)(lambda *given: function(*given))
@noted
def _relu(x): pass
@noted
def _relu_backward(g, x): pass
"""
    assert names(text) == [("_relu", "_relu_backward")]


def test_names_that_only_look_alike_are_no_pair():
    assert names("def ense(x): pass\ndef backward(g): pass\ndef grad_descent(x): pass\ndef relu(x): pass") == []
    assert names("def attention(x): pass\ndef a_backward(g, x): pass") == []
    assert names("def softmax(x): pass\ndef sof_backward(g, x): pass") == []
    assert names("def _forward(x): pass\ndef _backward(g, x): pass") == []
    assert names("from numpy import gradient\nfrom math import sin\ndef sin_grad(g, x): pass") == []


def test_a_backward_pass_belongs_to_the_first_forward_pass_of_its_name():
    text = "def relu(x): pass\ndef relu_forward(x): pass\ndef relu_backward(g, x): pass"
    assert names(text) == [("relu", "relu_backward")]


def test_a_class_or_a_function_written_in_c_is_no_pair_of_functions():
    text = "class relu: pass\ndef relu_backward(g, x): pass\nfrom math import sin\nsin_backward = sin"
    assert names(text) == []


def test_patterns_replace_the_usual_names():
    text = "def f(x): pass\ndef f_backward(g, x): pass\ndef f_vjp(g, x): pass"
    assert names(text) == [("f", "f_backward")]
    assert names(text, ["{}_vjp"]) == [("f", "f_vjp")]


def test_classes_and_objects_with_both_methods():
    text = """
import abc
class Layer(abc.ABC):
    @abc.abstractmethod
    def forward(self, x): pass
    def backward(self, g): return g
class Dense(Layer):
    def forward(self, x): return x
class Half:
    def forward(self, x): return x
class OtherHalf:
    def backward(self, g): return g
class Loss:
    @staticmethod
    def forward(x): return x
    @staticmethod
    def backward(x): return x
one = Dense()
"""
    assert names(text) == ["Dense", "Loss", "one"]


def test_a_class_that_nobody_makes_objects_of_is_none():
    text = """
import abc
from typing import Protocol
class Layer(abc.ABC):
    def forward(self, x): return x
    @abc.abstractmethod
    def backward(self, g): return g
class Differentiable(Protocol):
    def forward(self, x): return x
    def backward(self, g): return g
"""
    assert names(text) == []


def test_a_layer_of_a_framework_is_none():
    text = """
Base = type("Base", (), {"__module__": "torch.nn.modules.module"})
class Dense(Base):
    def forward(self, x): return x
    def backward(self, g): return g
"""
    assert names(text) == []


def test_a_method_may_be_written_in_c():
    text = """
import numpy as np
class Sine:
    forward = staticmethod(np.sin)
    @staticmethod
    def backward(g, x): return g * np.cos(x)
"""
    assert names(text) == ["Sine"]


@pytest.mark.parametrize(
    ("method", "name"),
    [("def forward(layer, x): return x", "layer"), ("@staticmethod\n    def forward(x): return x", ""),
     ("@classmethod\n    def forward(cls, x): return x", "")],
)  # fmt: skip
def test_the_parameter_that_takes_the_object(method, name):
    made = module(f"class Layer:\n    {method}\n    def backward(self, g): return g\none = Layer()")
    assert [pair.object_name for pair in find_pairs(made)] == [name, name]


@pytest.mark.parametrize("body", ["pass", "'To do.'", "raise NotImplementedError", "raise NotImplementedError()"])
def test_a_base_class_that_only_says_what_there_is_to_write(body):
    text = f"""
class Layer:
    def forward(self, x): {body}
    def backward(self, g): {body}
class Dense(Layer):
    def forward(self, x): return x
    def backward(self, g): return g
"""
    assert names(text) == ["Dense"]


def test_what_a_module_imports_belongs_to_another():
    from_other = "from tests.gradcheck.harvest.twelve.functions import relu, relu_backward\n"
    from_other += "from tests.gradcheck.harvest.twelve.layers import Dense"
    assert names(from_other) == []
