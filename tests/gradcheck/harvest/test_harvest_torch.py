"""Watching the rules of PyTorch that are applied."""

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from scratchcnn.gradcheck.harvest.harvest import Harvest
from scratchcnn.gradcheck.harvest.pairs import Pair


def square():
    """A rule, each time another of the same name."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        def backward(ctx, grad):
            return 2 * grad * ctx.saved_tensors[0]

    return Square


@pytest.fixture
def harvest():
    started = Harvest(["torch"])
    yield started
    started.end()


def test_of_rules_with_one_name_the_first_is_looked_at(harvest):
    rule, other = square(), square()
    for each, length in ((rule, 2), (other, 3), (rule, 4)):
        each.apply(torch.ones(length))
    ((name, watched),) = harvest.found.items()
    assert watched.pair == Pair(name, rule, rule, framework="torch")
    assert name == f"{__name__}.square.<locals>.Square"
    assert [call.size for call in watched.forward.kept()] == [8, 16]
    assert [list(call.arguments) for call in watched.forward.kept()] == [["args", "kwargs"]] * 2
    assert watched.backward.kept() == []


def test_the_rules_of_pytorch_itself_are_not_looked_at(harvest):
    x = torch.ones(2, requires_grad=True)
    checkpoint(torch.sin, x, use_reentrant=True).sum().backward()
    assert torch.equal(x.grad, torch.cos(x))
    assert harvest.found == {}
