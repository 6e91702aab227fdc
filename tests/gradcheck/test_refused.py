"""Arguments of a check that are refused, and functions of which Python knows no parameters."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient, numerical_gradient

X = np.array([0.5, -2.0])


def doubled(x):
    return 2 * x


def doubled_backward(g, x):
    return 2 * g


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", [(3,), (2, 1), (1, 2), ()])
def test_a_reference_returns_an_output_of_the_same_shape(dtype, shape):
    with pytest.raises((TypeError, ValueError)) as error:
        check_gradient(doubled, doubled_backward, X.astype(dtype), reference=lambda x: np.ones(shape))
    assert str(error.value) == f"reference must return what forward returns, of shape (2,); got {shape}"


def test_a_reference_is_a_function():
    with pytest.raises(TypeError, match="reference must be a function of the inputs, got float"):
        check_gradient(doubled, doubled_backward, X, reference=2.0)


def test_a_cotangent_of_zeros_is_refused():
    with pytest.raises(ValueError, match="grad_output must not be zero throughout"):
        check_gradient(doubled, doubled_backward, X, grad_output=np.zeros(2))


def test_names_of_inputs_with_structure_are_strings():
    with pytest.raises(TypeError, match="names must be strings, one for each input, got 5"):
        check_gradient(lambda p: p["a"], lambda g, p: {"a": g}, {"a": X}, names=5)


def test_a_gradient_of_a_structure_has_its_keys():
    with pytest.raises(TypeError, match=r"the gradient of p must have the keys \['a'\], got \[\]"):
        check_gradient(lambda p: p["a"], lambda g, p: g, {"a": X})


def test_an_input_with_structure_may_have_no_gradient():
    def product(p, q):
        return p["a"] * q["a"]

    report = check_gradient(product, lambda g, p, q: (None, {"a": p["a"] * g}), {"a": X}, {"a": X + 3}, wrt="q")
    assert report.verdict is Verdict.RIGHT
    assert [part.name for part in report.inputs] == ["q['a']"]


@pytest.mark.parametrize(
    ("inputs", "names"), [((X,), ["input 0"]), (({"a": X, "b": X},), ["input 0['a']", "input 0['b']"])]
)
def test_a_function_of_which_no_parameters_are_known(inputs, names):
    def forward(value):
        return 2 * value["a"] * value["b"] if isinstance(value, dict) else 2 * value

    def backward(g, value):
        return {"a": 2 * g * value["b"], "b": 2 * g * value["a"]} if isinstance(value, dict) else 2 * g

    forward.__signature__ = "as of a function written in C: inspect cannot read it"
    report = check_gradient(forward, backward, *inputs)
    assert report.verdict is Verdict.RIGHT
    assert [part.name for part in report.inputs] == names


def test_an_input_without_entries_has_a_numerical_gradient_without_entries():
    found = numerical_gradient(lambda x, y: y * 2, [np.zeros((0, 3)), np.ones(2)], 0, np.ones(2))
    assert found.value.shape == found.bound.shape == found.status.shape == found.method.shape == (0, 3)
