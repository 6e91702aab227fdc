"""The harvest of PyTorch's rules: every `autograd.Function` that is applied, whoever wrote it."""

import pytest

from tests.gradcheck.in_pytest.settings import WITHOUT_OTHERS

pytest_plugins = "pytester"

RULES = """
import torch

class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, power):
        ctx.save_for_backward(x, weight)
        ctx.power = power
        return weight * x ** power

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return grad * weight * ctx.power * x ** (ctx.power - 1), (grad * x ** ctx.power).sum(dim=0), None

class Forgetful(Scale):
    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return grad * weight * x ** (ctx.power - 1), (grad * x ** ctx.power).sum(dim=0), None
"""
TESTS = """
import pytest, rules, torch

@pytest.mark.parametrize("rule", [rules.Scale, rules.Forgetful])
@pytest.mark.parametrize("rows", [2, 4])
def test_values(rule, rows):
    x = torch.arange(rows * 3.0).reshape(rows, 3) + 1
    weight = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
    loss = (rule.apply(x.requires_grad_(), weight, 3) ** 2).sum()
    loss.backward()
    assert x.grad.shape == x.shape
"""


@pytest.mark.parametrize("distributed", [(), ("-n", "2")], ids=["in one process", "with xdist"])
def test_each_rule_that_is_applied_is_checked(pytester, distributed):
    pytester.makepyfile(rules=RULES, test_rules=TESTS)
    result = pytester.runpytest_subprocess(*WITHOUT_OTHERS, "-v", "--gradient-harvest=torch", *distributed)
    text = result.stdout.str()
    assert "gradient-harvest::rules.Scale PASSED" in text
    assert "gradient-harvest::rules.Forgetful FAILED" in text
    assert "the gradient of x is 1/3 times the true one" in " ".join(text.split())
    assert "options: power=3" in " ".join(text.split())
    result.assert_outcomes(passed=5, failed=1)
