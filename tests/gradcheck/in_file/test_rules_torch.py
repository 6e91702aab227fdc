"""`scratchcnn check` on the rules of PyTorch in a file: each `autograd.Function`."""

import types

import numpy as np
import pytest
import torch  # what is imported first in a test changes the filters of warnings there

from scratchcnn.gradcheck.harvest.pairs import find_rules
from scratchcnn.gradcheck.in_file.checking import check_pairs
from scratchcnn.gradcheck.in_file.drawing import Asked, calls_of

RULES = '''
import torch

class Power(torch.autograd.Function):
    """x : (N, 3) array"""

    @staticmethod
    def forward(ctx, x, power=2):
        ctx.save_for_backward(x)
        ctx.power = power
        return x ** power

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.power * ctx.saved_tensors[0] ** (ctx.power - 1), None

class Forgetful(Power):
    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0] ** (ctx.power - 1), None
'''


@pytest.fixture
def module():
    made = types.ModuleType("made")
    exec(compile(RULES, "rules.py", "exec"), vars(made))
    return made


def found(module, **options):
    """The verdict, the sample and the place of each rule; the options are those of the command line."""
    entries = check_pairs(find_rules(module), module, Asked(options=options), {"seed": 0})
    return {entry.name: (entry.report.verdict.value, entry.report.sample, entry.where) for entry in entries}


def test_arrays_are_tensors_and_those_of_floats_ask_for_a_gradient(module):
    module.samples = lambda rng: (np.ones((4, 2), np.float32), np.arange(2))
    for pair in find_rules(module):
        (call,) = calls_of(pair, module, np.random.default_rng(0), Asked())
        x, power = call.arguments["args"]
        assert (x.shape, x.dtype, x.requires_grad) == ((4, 2), torch.float32, True)
        assert (power.tolist(), power.requires_grad) == ([0, 1], False)
        assert (call.spread, call.where, call.size, call.options) == (("args", ""), "", 0, ())


def test_each_rule_is_checked_at_the_shapes_of_its_docstring(module):
    assert found(module) == {
        "Power": ("right", "x float64[2, 3]; options: power=2", "rules.py:13"),
        "Forgetful": ("wrong", "x float64[2, 3]; options: power=2", "rules.py:18"),
    }


def test_or_at_what_the_command_line_or_samples_say(module):
    assert found(module, power=1)["Forgetful"][0] == "right"
    module.samples = lambda rng: (np.ones((4, 2), np.float32), 3)
    assert found(module)["Power"][:2] == ("right", "x float32[4, 2]; options: power=3")
