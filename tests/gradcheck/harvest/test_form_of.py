"""What a check is given of a pair and a call: inputs, names, and whether the call can be printed."""

import inspect
import types

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.pair import title
from scratchcnn.gradcheck.harvest.arguments import is_input
from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.checking import PairCheck
from scratchcnn.gradcheck.harvest.forms import call_forward, form_of, options_of
from scratchcnn.gradcheck.harvest.pairs import find_pairs

X, Y = np.array([0.5, -1.5, 2.0]), np.array([1.0, 3.0, -2.0])


def pair_of(text):
    module = types.ModuleType("made")
    exec(f"import numpy as np\n{text}", vars(module))
    (pair,) = find_pairs(module)
    return pair


def call(spread=("", ""), **arguments):
    return Call(arguments, spread, "test_file.py::test", 0, ())


def formed(text, spread=("", ""), **arguments):
    return form_of(pair_of(text), call(spread, **arguments))


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (X, True),
        (np.arange(3), True),
        ([1.0, 2.0], True),
        ([], False),
        ([1, 2], False),
        ({"w": X}, True),
        ((X, 3), True),
        ({"n": np.arange(3)}, False),
        ({"stride": 2, "name": "same"}, False),
        (2.0, False),
        (np.float64(2), False),
        ("word", False),
        (None, False),
    ],
)
def test_arrays_and_trees_with_floats_are_inputs(value, fits):
    assert is_input(value) == fits


@pytest.mark.parametrize(
    ("text", "arguments", "plain", "names"),
    [
        ("def f(x, y): return x * y\ndef f_backward(g, x, y): return g * y, g * x", {"x": X, "y": Y}, True, ["x", "y"]),
        ("def f(x, n=2): return x**n\ndef f_backward(g, x, n=2): return g", {"x": X, "n": 2}, True, ["x"]),
        (
            "def f(x, y): return x * y\ndef f_backward(g, y, x): return g * y, g * x",
            {"x": X, "y": Y},
            False,
            ["x", "y"],
        ),
    ],
)
def test_the_functions_have_the_names_of_the_pair_and_its_inputs(text, arguments, plain, names):
    form = formed(text, **arguments)
    assert (title(form.forward), title(form.backward), form.plain) == ("f", "f_backward", plain)
    assert [n for n in inspect.signature(form.forward).parameters if n != "n"] == names
    assert [n for n in inspect.signature(form.backward).parameters if n != "n"][1:] == names
    assert [value.tolist() for value in form.inputs] == [arguments[name].tolist() for name in names]


def test_a_tensor_of_a_framework_is_an_input():
    assert is_input(type("Tensor", (), {"__dlpack__": lambda self: None})())


def test_functions_with_options_before_their_inputs_have_their_names_too():
    text = "def f(n, *parts): return n * sum(parts)\ndef f_backward(g, n, *parts): return tuple(n * g for _ in parts)"
    form = formed(text, ("parts", ""), n=2, parts=(X, Y))
    assert title(form.forward) == "f"
    assert list(inspect.signature(form.forward).parameters) == ["parts[0]", "parts[1]"]
    text = "def f(n, x, *, k): return n * k * x\ndef f_backward(g, n, x, *, k): return n * k * g"
    form = formed(text, n=2, x=X, k=3)
    assert (title(form.forward), title(form.backward)) == ("f", "f_backward")
    assert form.backward(Y, X).tolist() == (6 * Y).tolist()


def test_backward_takes_inputs_by_keyword_and_options_of_any_name_beside_an_option_that_comes_first():
    text = """
def f(n, x, *, w, **more): return n * more["k"] * x * w
def f_backward(g, n, x, *, w, **more): return n * more["k"] * g * w, n * more["k"] * g * x
"""
    form = formed(text, ("", "more"), n=2, x=X, w=Y, more={"k": 5})
    assert [gradient.tolist() for gradient in form.backward(Y, X, Y)] == [(10 * Y * Y).tolist(), (10 * Y * X).tolist()]


def test_functions_whose_options_are_their_defaults_are_checked_as_they_are():
    pair = pair_of("def f(x, n=2): return x**n\ndef f_backward(g, x, n=2): return n * g * x ** (n - 1)")
    form = form_of(pair, call(x=X, n=2))
    assert (form.forward, form.backward) == (pair.forward, pair.backward)


def test_an_option_that_is_given_is_no_parameter_of_backward_any_more():
    form = formed("def f(x, n=2): return x**n\ndef f_backward(g, x, n=2): return n * g * x ** (n - 1)", x=X, n=3)
    assert list(inspect.signature(form.backward).parameters) == ["g", "x"]


def test_a_derivative_of_each_entry_has_its_name_too():
    form = formed("def f(x): return x**2\ndef f_prime(x): return 2 * x", x=X)
    assert form.backward.__name__ == "f_prime"
    assert list(inspect.signature(form.backward).parameters) == ["grad_output", "x"]
    assert form.backward(Y, X).tolist() == (2 * X * Y).tolist()


def test_what_writes_into_its_arguments_does_not_change_the_call():
    text = "def f(x):\n    x *= 2\n    return x\ndef f_backward(g, x):\n    x *= 3\n    return 2 * g"
    x = X.copy()
    formed(text, x=x)
    formed(text.replace("g, x", "x").replace("2 * g", "x").replace("_backward", "_prime"), x=x)
    assert x.tolist() == X.tolist()


def test_a_cotangent_may_have_a_default():
    form = formed("def f(x): return x**2\ndef f_backward(x, dout=1): return 2 * x * dout", x=X)
    assert form.backward(Y, X).tolist() == (2 * X * Y).tolist()


def test_a_jacobian_of_each_sample_has_the_axes_of_the_samples_first():
    text = "def f(x): return x**2\ndef f_prime(x): return 2 * x[..., None] * np.eye(x.shape[-1])"
    x = np.arange(12.0).reshape(2, 2, 3)
    assert formed(text, x=x).backward(x + 1, x).tolist() == (2 * x * (x + 1)).tolist()


def test_what_takes_no_cotangent_and_fits_nothing_is_refused():
    with pytest.raises(TypeError) as raised:
        formed("def f(x): return x**2\ndef f_prime(x): return np.ones((7, 7))", x=X)
    assert str(raised.value) == (
        "f_prime takes no gradient from above: it can be checked where there is one input, as the derivative of each"
        " entry alone, of the shape of input and output, or as the Jacobian, of the output's axes and then the input's"
    )


def test_the_gradient_of_a_loss_may_take_some_of_its_inputs():
    text = "def f(x, w, y): return ((x - y) ** 2).sum() + 0 * w.sum()\ndef f_grad(x, y): return 2 * (x - y)"
    form = formed(text, x=X, w=X, y=Y)
    assert form.wrt == ["x"]
    assert form.backward(np.array(1.0), X, X, Y)[0].tolist() == (2 * (X - Y)).tolist()


def test_the_gradient_of_a_loss_may_be_of_all():
    text = "def f(x, y): return ((x - y) ** 2).sum()\ndef f_grad(x, y): return 2 * (x - y), 2 * (y - x)"
    form = formed(text, x=X, y=Y)
    assert form.wrt is None
    assert [g.tolist() for g in form.backward(np.array(1.0), X, Y)] == [(2 * (X - Y)).tolist(), (2 * (Y - X)).tolist()]


def test_an_input_may_be_called_output():
    form = formed("def f(output): return output**2 / 2\ndef f_backward(g, output): return g * output", output=X)
    assert form.backward(Y, X).tolist() == (X * Y).tolist()


def test_a_single_argument_that_is_clearly_a_cotangent_is_one():
    form = formed("def f(x): return 3 * x\ndef f_backward(dout): return 3 * dout", x=X)
    assert form.backward(Y, X).tolist() == (3 * Y).tolist()


def test_an_input_that_backward_can_do_without_is_passed_to_it():
    text = "def f(x, b=None): return x + b\ndef f_backward(g, x, b=None): return (g,) if b is None else (g, 2 * g)"
    assert [g.tolist() for g in formed(text, x=X, b=Y).backward(X, X, Y)] == [X.tolist(), (2 * X).tolist()]


def test_what_draws_draws_the_same_again():
    layer = (
        "class Dropout:\n    def forward(self, x):\n        self.mask = np.random.random(x.shape) < 0.5\n"
        "        return x * self.mask\n    def backward(self, grad): return grad * self.mask"
    )
    pair = pair_of(layer)
    x = np.arange(1.0, 30)
    form = form_of(pair, call(self=pair.owner(), x=x))
    assert form.forward(x).tolist() == form.forward(x).tolist()
    loss = formed("def f(x): return (x * (np.random.random(x.shape) < 0.5)).sum()\ndef f_grad(x): return x", x=x)
    assert loss.forward(x) == loss.forward(x)


@pytest.mark.parametrize("keys", [("dx", "dy"), ("grad_x", "y_grad"), ("x", "y"), ("x_grad", "d_y")])
def test_gradients_in_a_dict_have_names_that_say_of_what(keys):
    text = f"def f(x, y): return x * y\ndef f_backward(g, x, y): return {{'{keys[1]}': g * x, '{keys[0]}': g * y}}"
    assert [g.tolist() for g in formed(text, x=X, y=Y).backward(X, X, Y)] == [(X * Y).tolist(), (X * X).tolist()]


def test_a_dict_without_a_key_has_no_gradient_there():
    form = formed("def f(x, y): return x * y\ndef f_backward(g, x, y): return {'dy': g * x}", x=X, y=Y)
    gradients = form.backward(X, X, Y)
    assert (gradients[0], gradients[1].tolist()) == (None, (X * X).tolist())


def test_an_input_that_backward_takes_by_keyword_beside_many():
    text = """
def f(*parts, w): return w * sum(parts)
def f_backward(grad, *parts, w): return tuple(grad * w for _ in parts), grad * sum(parts)
"""
    form = formed(text, ("parts", ""), parts=(X, Y), w=X + 1)
    (dx, dy), dw = form.backward(X, X, Y, X + 1)
    assert (dx.tolist(), dy.tolist(), dw.tolist()) == (*[(X * (X + 1)).tolist()] * 2, (X * (X + Y)).tolist())


class TestObjects:
    LAYER = "class Layer:\n    def __init__(self): self.k = 2\n"

    def test_a_layer_keeps_what_its_backward_takes_in_part(self):
        text = self.LAYER + (
            "    def forward(self, x, y):\n        self.y = y\n        return self.k * x * y\n"
            "    def backward(self, grad, x): return self.k * grad * self.y, self.k * grad * x"
        )
        pair = pair_of(text)
        form = form_of(pair, call(self=pair.owner(), x=X, y=Y))
        form.forward(X, Y)
        assert [g.tolist() for g in form.backward(X, X, Y)] == [(2 * X * Y).tolist(), (2 * X * X).tolist()]

    def test_functions_of_a_class_are_called_on_it(self):
        text = (
            "class Layer:\n    k = 3\n    @classmethod\n    def forward(cls, x): return cls.k * x\n"
            "    @classmethod\n    def backward(cls, grad, x): return cls.k * grad"
        )
        pair = pair_of(text)
        form = form_of(pair, call(cls=pair.owner, x=X))
        assert form.forward(X).tolist() == (3 * X).tolist()
        assert form.backward(Y, X).tolist() == (3 * Y).tolist()


def test_a_tree_of_a_single_array_is_an_input():
    text = "def f(params): return 3 * params['w']\ndef f_backward(g, params): return {'w': 3 * g}"
    form = formed(text, params={"w": X})
    assert form.forward({"w": X}).tolist() == (3 * X).tolist()
    assert PairCheck(pair_of(text), {}).report(call(params={"w": X})).verdict.value == "right"


def test_forward_is_called_as_it_was_and_its_options_are_known():
    pair = pair_of("def f(x, n, *more, k=1, **rest): return x, n, more, k, rest\ndef f_backward(g, x): return g")
    made = call(("more", "rest"), x=X, n=2, more=(Y, "word"), k=3, rest={"z": X, "way": "left"})
    x, n, more, k, rest = call_forward(pair, made)
    assert (x is X, n, more[0] is Y, more[1], k, rest) == (True, 2, True, "word", 3, {"z": X, "way": "left"})
    assert options_of(pair, made) == {"n": 2, "more[1]": "word", "k": 3, "way": "left"}
