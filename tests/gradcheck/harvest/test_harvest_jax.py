"""Watching the rules of JAX that are applied."""

import jax
import jax.numpy as jnp
import pytest

from scratchcnn.gradcheck.harvest.harvest import Harvest
from scratchcnn.gradcheck.harvest.pairs import Pair


@jax.custom_vjp
def square(x):
    return x**2


square.defvjp(lambda x: (x**2, x), lambda x, g: (2 * g * x,))


@pytest.fixture
def harvest():
    started = Harvest(["jax", "numpy"])
    yield started
    started.end()


def test_a_rule_is_found_by_its_name_where_it_is_applied(harvest):
    for length in (2, 4):
        square(jnp.ones(length))
    ((name, watched),) = harvest.found.items()
    assert watched.pair == Pair(name, square, square, framework="jax")
    assert name == f"{__name__}.square"
    assert [call.size for call in watched.forward.kept()] == [8, 16]
    assert [list(call.arguments) for call in watched.forward.kept()] == [["args", "kwargs"]] * 2
    assert watched.backward.kept() == []


def test_a_call_that_jax_traces_has_no_numbers_and_is_not_kept(harvest):
    jax.grad(lambda x: square(x).sum())(jnp.ones(3))
    (watched,) = harvest.found.values()
    assert watched.called
    assert watched.forward.kept() == []


def test_the_rules_of_jax_itself_are_not_looked_at(harvest):
    def double(x):
        return 2 * x

    double.__module__ = "jax.experimental.double"
    own = jax.custom_vjp(double)
    own.defvjp(lambda x: (2 * x, None), lambda _, g: (2 * g,))
    own(jnp.ones(2))
    assert harvest.found == {}
