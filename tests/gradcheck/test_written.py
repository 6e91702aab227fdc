"""The lines that show a wrong gradient again: they run, and where they cannot, a comment says what is missing."""

import textwrap
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_cache, from_layer, from_loss

X, W = np.random.default_rng(1).normal(size=(2, 4, 4))


def square(x):
    return x**2


def wrong(g, x):
    return g * x


def power(x, exponent, shift=0.0):
    return (x + shift) ** exponent


def power_backward(g, x, exponent, shift=0.0):
    return g * (x + shift) ** (exponent - 1)


def affine_forward(x, w):
    return x @ w, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, 2 * x.T @ dout


class Dense:
    def __init__(self):
        self.w = W

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dout):
        self.dw = 2 * self.x.T @ dout
        return dout @ self.w.T


def half_squares(p, scale=1.0):
    return scale * (p**2).sum() / 2, 2 * scale * p


def of_a_tree(x, params):
    return x @ params["w"][0] + params["b"]


def of_a_tree_backward(g, x, params):
    return g @ params["w"][0].T, {"w": [2 * x.T @ g], "b": g.sum(axis=0)}


def complex_product(a, b):
    return a * b


def complex_product_backward(g, a, b):
    return g * b, g * a


def masked_sum(x, mask):
    return (x + mask)[np.isfinite(mask)]


def masked_sum_backward(g, x, mask):
    gradient = np.zeros_like(x)
    gradient[np.isfinite(mask)] = 2 * g
    return gradient


TREE = {"w": [W], "b": np.ones(4)}
CALLS = {
    "a pair": (square, wrong, X),
    "a function of NumPy's": (np.sin, wrong, X),
    "options that are bound": (partial(power, exponent=3), partial(power_backward, exponent=3), X),
    "an option that is an array": (
        partial(power, exponent=2, shift=np.arange(4.0)),
        partial(power_backward, exponent=2, shift=np.arange(4.0)),
        X,
    ),
    "a cache": from_cache(affine_forward, affine_backward, X, W),
    "a cache without inputs": (*from_cache(affine_forward, affine_backward), X, W),
    "a cache with an option": from_cache(affine_forward, affine_backward, X, W, returns=("x", "w")),
    "a layer": from_layer(Dense, X),
    "a loss": from_loss(half_squares, X),
    "a loss with an option": from_loss(half_squares, X, fixed={"scale": 0.5}),
    "a tree": (of_a_tree, of_a_tree_backward, X, TREE),
    "complex numbers": (complex_product, complex_product_backward, X[0] + 1j, X[1] + 1j * W[0]),
    "numbers that are not finite": (masked_sum, masked_sum_backward, X[0], np.array([0.0, -np.inf, 1.0, -np.inf])),
}


def again(report, **names):
    """The report of the lines, as they stand in the text of the report."""
    lines = textwrap.dedent(str(report).partition("to see it again:\n")[2])
    before, call, after = lines.partition("check_gradient(")
    scope = {"np": np, "check_gradient": check_gradient, **globals(), **names}
    exec(f"{before}found = {call}{after}", scope)
    return scope["found"]


@pytest.mark.parametrize("name", CALLS)
def test_the_lines_run_and_show_the_mistake(name):
    options = {"wrt": [0]} if name == "numbers that are not finite" else {}
    report = check_gradient(*CALLS[name], **options)
    assert report.verdict is Verdict.WRONG
    assert "#" not in "".join(report.again)
    found = again(report)
    assert found.verdict is Verdict.WRONG
    assert [part.name for part in found.inputs] == [part.name for part in report.inputs]


def test_names_of_the_caller_are_said_again():
    report = check_gradient(square, wrong, X, names=["z"], wrt="z")
    assert report.again[-1] == "check_gradient(square, wrong, z, wrt=['z'], names=['z'])"
    assert again(report).verdict is Verdict.WRONG


class Halved:
    def __call__(self, g, x):
        return g * x

    def method(self, g, x):
        return g * x


@pytest.mark.parametrize(
    ("backward", "said"),
    [
        (lambda g, x: g * x, "the lambda at test_written.py:"),
        (Halved(), "an object of Halved"),
        (Halved().method, "the method Halved.method of an object"),
        (partial(power_backward, exponent=2, shift=np.zeros(40).reshape(10, 4)[:1]), None),
        (partial(lambda g, x, k: g * x, k=1), "the lambda at test_written.py:"),
        (partial(power_backward, exponent=np.full((4, 4), 2.0)), "power_backward at test_written.py:"),
    ],
    ids=["lambda", "object", "method", "small array", "partial of a lambda", "large array"],
)
def test_a_comment_says_what_a_function_without_a_name_is(backward, said):
    report = check_gradient(square, backward, X)
    comments = [line for line in report.again if line.startswith("#")]
    if said is None:
        assert comments == []
    else:
        assert comments[0].startswith(f"# backward: {said}")
        assert len(comments) == 1
    assert again(report, backward=backward).verdict is Verdict.WRONG


def test_a_comment_longer_than_a_line_keeps_its_indent():
    backward = eval(compile("lambda g, x: g * x", f"{'long_' * 20}.py", "eval"))
    report = check_gradient(square, backward, X)
    assert f"    {report.again[0]}\n" in str(report)
    assert again(report, backward=backward).verdict is Verdict.WRONG


def test_a_layer_is_named_by_its_class():
    layer = Dense()
    report = check_gradient(*from_layer(layer, X))
    assert "# layer: an object of Dense" in report.again
    assert report.again[-1] == "check_gradient(*from_layer(layer, x))"
    assert again(report, layer=layer).verdict is Verdict.WRONG


def test_a_reference_without_a_name_is_not_dropped():
    def cube(x):
        return x**3

    def right(g, x):
        return 2 * g * x

    for reference in (cube, lambda x: x**3):
        report = check_gradient(square, right, np.arange(1.0, 4.0), reference=reference)
        assert report.verdict is Verdict.WRONG
        assert again(report, cube=cube, right=right, reference=reference).verdict is Verdict.WRONG
    assert report.again[0].startswith("# reference: the lambda at test_written.py:")


@dataclass
class Params:
    w: np.ndarray


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (
            (lambda x, p: x @ p.w, lambda g, x, p: (g @ p.w.T, Params(2 * x.T @ g)), X, Params(W)),
            {},
            "# an input holds a Params: check it again as you did",
        ),
        (
            (square, lambda g, x: g * np.where(x > 1e3, x, 2 * x), np.linspace(-1, 2e3, 60)),
            {},
            "# no short lines show it: the inputs are 60 numbers",
        ),
        ((square, wrong, np.ones(60)), {"grad_output": np.arange(60.0)}, "# no short lines show it: grad_output is"),
        (
            from_loss(lambda p, t: (((p - t) ** 2).sum(), p - t), X, fixed={"t": np.zeros((4, 4))}),
            {},
            "# t is too long to show: check it again as you did",
        ),
    ],
    ids=["dataclass", "large", "cotangent", "option"],
)
def test_where_there_are_no_lines_a_comment_says_why(arguments, options, said):
    report = check_gradient(*arguments, **options)
    assert report.verdict is Verdict.WRONG
    assert len(report.again) == 1
    assert report.again[0].startswith(said)


def test_lines_are_broken_where_python_allows_it():
    def logdet(covariance_of_the_cotangent):
        return 2 * np.log(np.diagonal(np.linalg.cholesky(covariance_of_the_cotangent))).sum()

    def logdet_backward(g, covariance_of_the_cotangent):
        return 2 * g * np.linalg.inv(covariance_of_the_cotangent)

    structure = {"covariance_of_the_cotangent": "positive definite"}
    report = check_gradient(logdet, logdet_backward, W @ W.T + np.eye(4), structure=structure, name="the volume")
    assert max(map(len, str(report).splitlines())) <= 80
    assert again(report, logdet=logdet, logdet_backward=logdet_backward).verdict is Verdict.WRONG


def test_a_name_in_a_line_is_not_explained():
    def scaled(cotangent):
        return 2 * cotangent

    report = check_gradient(scaled, lambda g, cotangent: g, X)
    assert "    cotangent = rng.normal(size=(4, 4))\n" in str(report)
