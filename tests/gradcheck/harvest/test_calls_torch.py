"""The calls of a function of PyTorch's tensors."""

import sys

import torch

from scratchcnn.gradcheck.harvest.calls import Calls, Memory


def test_a_tensor_is_copied_out_of_its_graph():
    calls = Calls(Memory())

    def layer(x, *more):
        calls.see(sys._getframe())

    x = torch.ones(2, requires_grad=True)
    layer(2 * x, torch.ones(3))
    (call,) = calls.kept()
    found = call.arguments["x"], call.arguments["more"][0]
    assert [(t.requires_grad, t.is_leaf) for t in found] == [(True, True), (False, True)]
    assert found[0].tolist() == [2, 2]
    assert (call.size, call.options[0]) == (20, ("array", 1))
    with torch.no_grad():
        x *= 5
    assert found[0].tolist() == [2, 2]
