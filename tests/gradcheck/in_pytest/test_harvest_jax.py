"""The harvest of JAX's rules: every `custom_vjp` that is called with numbers."""

import pytest

from tests.gradcheck.in_pytest.settings import WITHOUT_OTHERS

pytest_plugins = "pytester"

RULES = """
import jax
import jax.numpy as jnp

@jax.custom_vjp
def scaled_sine(x, scale):
    return scale * jnp.sin(x)

def forward(x, scale):
    return scaled_sine(x, scale), (x, scale)

def backward(kept, g):
    x, scale = kept
    return g * scale * jnp.cos(x), (g * jnp.sin(x)).sum()

scaled_sine.defvjp(forward, backward)

@jax.custom_vjp
def square(x):
    return x ** 2

square.defvjp(lambda x: (x ** 2, x), lambda x, g: (g * x,))
"""
TESTS = """
import jax, jax.numpy as jnp, pytest, rules

@pytest.mark.parametrize("length", [2, 5])
def test_values(length):
    x = jnp.linspace(-1.0, 1.0, length)
    assert rules.scaled_sine(x, jnp.array(2.0)).shape == rules.square(x).shape == x.shape

def test_tracing():
    assert jax.grad(lambda x: rules.square(x).sum())(jnp.ones(3)).shape == (3,)
"""


@pytest.mark.parametrize("distributed", [(), ("-n", "2")], ids=["in one process", "with xdist"])
def test_each_rule_that_is_called_is_checked(pytester, distributed):
    pytester.makepyfile(rules=RULES, test_rules=TESTS)
    result = pytester.runpytest_subprocess(*WITHOUT_OTHERS, "-v", "--gradient-harvest=jax", *distributed)
    text = result.stdout.str()
    assert "gradient-harvest::rules.scaled_sine PASSED" in text
    assert "gradient-harvest::rules.square FAILED" in text
    assert "the gradient of x is 1/2 times the true one" in " ".join(text.split())
    result.assert_outcomes(passed=4, failed=1)


def test_a_rule_without_a_name_cannot_leave_a_worker(pytester):
    local = RULES.replace("\n", "\n    ")
    pytester.makepyfile(f"import jax.numpy as jnp\ndef test_it():\n    {local}\n    square(jnp.ones(2))")
    result = pytester.runpytest_subprocess(*WITHOUT_OTHERS, "--gradient-harvest=jax", "-n", "2")
    assert "not checked, since what the tests of a worker made cannot leave it" in result.stdout.str()
    result.assert_outcomes(passed=1)
