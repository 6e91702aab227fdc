"""A rule of PyTorch or JAX and a call of it as a check: its tensors are inputs, what else it is given stays."""

import inspect
import types

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.forms import call_forward, form_of, options_of
from scratchcnn.gradcheck.harvest.pairs import find_rules

TORCH = """
import torch

class Scale(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, power, weight):
        ctx.save_for_backward(x, weight)
        ctx.power = power
        return weight * x ** power

    @staticmethod
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        return grad * weight * ctx.power * x ** (ctx.power - 1), None, grad * x ** ctx.power
"""
JAX = """
from functools import partial
import jax

@partial(jax.custom_vjp, nondiff_argnums=(1,))
def scale(x, power, weight):
    return weight * x ** power

def scale_forward(x, power, weight):
    return scale(x, power, weight), (x, weight)

def scale_backward(power, kept, grad):
    x, weight = kept
    return grad * weight * power * x ** (power - 1), grad * x ** power

scale.defvjp(scale_forward, scale_backward)
"""
X, W = np.array([1.0, 2.0, 3.0]), np.array([0.5, -1.0, 2.0])


def rule_of(text):
    module = types.ModuleType("made")
    exec(text, vars(module))
    (pair,) = find_rules(module)
    return pair


def call(*given, **keywords):
    return Call({"args": given, **({"kwargs": keywords} if keywords else {})}, ("", ""), "", 0, ())


@pytest.fixture(params=["torch", "jax"])
def rule(request):
    """A rule, and what makes its tensors."""
    return (rule_of(TORCH), torch.tensor) if request.param == "torch" else (rule_of(JAX), jnp.array)


def test_tensors_are_inputs_and_the_rest_stays(rule):
    pair, tensor = rule
    form = form_of(pair, call(tensor(X), 3, tensor(W)))
    assert list(inspect.signature(form.forward).parameters) == ["x", "weight"]
    assert len(form.inputs) == 2
    assert form.forward(*form.inputs) == pytest.approx(W * X**3, rel=1e-6)
    grads = form.backward(np.ones(3), *form.inputs)
    assert np.stack(grads) == pytest.approx(np.stack([3 * W * X**2, X**3]), rel=1e-6)
    assert (form.wrt, form.plain) == (None, False)


def test_forward_is_called_as_it_was_and_its_options_are_known(rule):
    pair, tensor = rule
    made = call(tensor(X), 3, tensor(W))
    assert np.asarray(call_forward(pair, made)) == pytest.approx(W * X**3, rel=1e-6)
    assert options_of(pair, made) == {"power": 3}


def test_options_may_be_keywords_of_a_rule_of_jax():
    made = call(jnp.array(X), weight=jnp.array(W), power=3)
    assert options_of(rule_of(JAX), made).keys() == {"weight", "power"}
    assert np.asarray(call_forward(rule_of(JAX), made)) == pytest.approx(W * X**3, rel=1e-6)
    form = form_of(rule_of(JAX), made)
    assert form.forward(*form.inputs) == pytest.approx(W * X**3, rel=1e-6)
    assert len(form.inputs) == 1


def test_of_torch_s_tensors_those_that_ask_for_a_gradient_are_checked():
    form = form_of(rule_of(TORCH), call(torch.tensor(X), 2, torch.tensor(W, requires_grad=True)))
    assert form.wrt == ["weight"]


@pytest.mark.parametrize(("context", "names"), [("ctx", ["x", "power", "weight"]), ("context", ["context", "x"])])
def test_inputs_have_the_names_of_forward_s_parameters(context, names):
    pair = rule_of(
        TORCH.replace("ctx, x, power", f"{context}, x, power").replace("        ctx.", f"        {context}.")
    )
    assert list(options_of(pair, call(1, 2, 3)))[: len(names)] == names


def test_more_arguments_than_names_are_numbered():
    pair = rule_of("import torch\nclass Sum(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x): 0")
    assert options_of(pair, call(1, 2, 3)) == {"x": 1, "input 1": 2, "input 2": 3}
