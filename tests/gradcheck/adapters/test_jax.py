"""JAX's functions and rules, as NumPy arrays in and out."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_jax
from scratchcnn.gradcheck.adapters.frameworks import as_numpy
from tests.gradcheck.adapters.checks import checked
from tests.gradcheck.adapters.layers.row import draw

X, W = draw(4, 3), draw(3, 2)


@jax.custom_vjp
def logsumexp(x):
    return jnp.log(jnp.exp(x).sum(1))


logsumexp.defvjp(lambda x: (logsumexp(x), x), lambda x, g: (g[:, None] * jax.nn.softmax(x, 1),))


@jax.custom_vjp
def summed(x):
    """Its rule is that of the sum."""
    return jnp.log(jnp.exp(x).sum(1))


summed.defvjp(lambda x: (summed(x), x), lambda x, g: (jnp.broadcast_to(g[:, None], x.shape),))


@jax.custom_vjp
def times(x, k):
    return x * k


times.defvjp(lambda x, k: (times(x, k), k), lambda k, g: (g * k, None))


@jax.custom_jvp
def sine(x):
    """Its rule has the sign of the second derivative."""
    return jnp.sin(x)


sine.defjvp(lambda primals, tangents: (sine(*primals), -jnp.cos(primals[0]) * tangents[0]))


def dense(params, x):
    return jnp.tanh(x @ params["w"] + params["b"])


@pytest.mark.parametrize(
    ("function", "inputs", "wrong"),
    [
        (logsumexp, (X,), set()),
        (jax.jit(logsumexp), (X,), set()),
        (summed, (X,), {"x"}),
        (times, (X, np.array(3)), set()),
        (sine, (X,), {"x"}),
        (jnp.sinc, (X,), set()),
    ],
)
def test_what_is_wrong_is_found_and_what_is_right_is_not_accused(function, inputs, wrong):
    report = checked(*from_jax(function), *inputs)
    assert {r.name for r in report.inputs if r.verdict is Verdict.WRONG} == wrong, report
    assert report.ok is not bool(wrong), report


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trees_are_arrays_with_paths_in_their_own_dtype(dtype):
    forward, backward, *arrays = from_jax(dense, {"w": W.astype(dtype), "b": np.zeros(2, dtype)}, X.astype(dtype))
    assert forward(*arrays).dtype == dtype
    report = checked(forward, backward, *arrays)
    assert [r.name for r in report.inputs] == ["params['w']", "params['b']", "x"]
    assert report.ok, report


@pytest.mark.parametrize("inputs", [(X, X), ()])
def test_functions_have_names_and_parameters_for_the_inputs(inputs):
    def cube(x, w):
        return x**3 * w

    forward, backward, *_ = from_jax(cube, *inputs)
    assert (forward.__qualname__, backward.__qualname__) == ("cube", "vjp of cube")
    assert list(inspect.signature(forward).parameters) == ["x", "w"]
    assert list(inspect.signature(backward).parameters) == ["grad_output", "x", "w"]
    assert forward.computed_by == "JAX"


def test_several_outputs_are_asked_about_with_the_call():
    def two(x):
        return x, x**2

    forward, *_ = from_jax(two, X)
    with pytest.raises(TypeError, match=r"as in from_jax\(two, output=0\)$"):
        forward(X)


def test_arrays_of_jax_come_as_they_are():
    _, _, array = from_jax(jnp.sin, jnp.arange(3.0))
    assert type(array) is np.ndarray
    assert array.dtype == np.float32


def test_float64_is_there_for_the_call_alone():
    assert from_jax(jnp.sin)[0](X).dtype == np.float64
    assert jnp.sin(X).dtype == np.float32


def test_a_function_that_answers_in_a_precision_of_its_own_gets_its_cotangent_in_it():
    _, backward = from_jax(lambda x: jnp.sin(x.astype(jnp.float32)))
    (gradient,) = backward(np.ones(X.shape), X)
    assert gradient.dtype == np.float64
    assert np.allclose(gradient, np.cos(X), rtol=1e-5)


def test_one_of_several_outputs():
    assert checked(*from_jax(lambda x: {"a": jnp.sin(x), "b": x.argmax(1)}, X, output="a")).ok


def test_what_the_framework_has_no_numbers_for_is_not_rounded_silently():
    forward, _ = from_jax(jnp.sin)
    with pytest.raises(TypeError, match=r"^jax has no arrays of object$"):
        forward(X.astype(object))


@pytest.mark.parametrize("function", [lambda z: jnp.abs(z) ** 2, lambda z: z**2, lambda z: jnp.fft.fft(z).real])
def test_complex_numbers_are_their_two_parts(function):
    z = draw(4, 2) @ [1, 1j]
    assert check_gradient(*from_jax(function, z)).verdict is Verdict.RIGHT
    assert check_gradient(*from_jax(function), z).verdict is Verdict.RIGHT


def test_an_output_without_axes():
    assert check_gradient(*from_jax(lambda x: (x**3).sum(), X)).verdict is Verdict.RIGHT
    assert check_gradient(*from_jax(lambda x: x**3, np.array(1.5))).verdict is Verdict.RIGHT


def test_a_small_format_is_an_array_of_its_own_dtype():
    found = as_numpy(jnp.array([1.0, 2.5], jnp.bfloat16))
    assert (found.dtype, found.tolist()) == (jnp.bfloat16, [1.0, 2.5])
