"""What is said of a wrong gradient, word by word: a case for each kind of claim."""

from functools import partial
from inspect import getsourcefile, getsourcelines
from os.path import basename

import numpy as np
import pytest

from scratchcnn import (
    avg_pool2d,
    avg_pool2d_backward,
    conv2d,
    conv2d_backward,
    conv2d_grad_filters,
    conv2d_grad_input,
    dense,
    dense_backward,
    patches,
    patches_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    standardize,
    standardize_backward,
)
from scratchcnn.gradcheck import check_gradient
from tests.gradcheck.diagnosis.hidden import hidden


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def changed(backward, index, change):
    """The backward pass with one gradient replaced by `change(d, grad_output, *inputs)`."""

    def wrong(grad_output, *inputs):
        gradients = list(backward(grad_output, *inputs))
        gradients[index] = change(gradients[index], grad_output, *inputs)
        return tuple(gradients)

    return hidden(wrong)


def entry(d, place, factor):
    d = d.copy()
    d[place] *= factor
    return d


def line_of(text, function):
    """The file and line in which a function has some text."""
    lines, first = getsourcelines(function)
    return f"{basename(getsourcefile(function))}:{first + next(k for k, line in enumerate(lines) if text in line)}"


IMAGES, FILTERS, BIAS = drawn(2, 3, 5, 4), drawn(4, 3, 2, 3, seed=1), drawn(4, seed=2)
CONV = (conv2d, conv2d_backward, (IMAGES, FILTERS, BIAS))
SQUARE = (dense, dense_backward, (drawn(4, 4), drawn(4, 4, seed=1), drawn(4, seed=2)))
TALL = (dense, dense_backward, (drawn(5, 4), drawn(4, 3, seed=1), drawn(3, seed=2)))
SIGMOID = (sigmoid, sigmoid_backward, (drawn(3, 2),))
RELU = (relu, relu_backward, (np.array([0.7, -1.2, 0.0, 2.1, -0.4]),))
Z = (partial(standardize, axis=0), partial(standardize_backward, axis=0), (drawn(5, 3),))
LOGITS = (softmax_cross_entropy, softmax_cross_entropy_backward, (drawn(4, 3), np.array([2, 0, 1, 1])))
WINDOWS = {"window": 3, "stride": 2}
POOL = (partial(avg_pool2d, **WINDOWS), partial(avg_pool2d_backward, **WINDOWS), (drawn(2, 1, 7, 5),))
STRIDED = (
    partial(conv2d, stride=2),
    partial(conv2d_backward, stride=2),
    (drawn(1, 2, 5, 7), drawn(3, 2, 2, 3, seed=1)),
)
PATCHES = (partial(patches, window=2), partial(patches_backward, window=2), (drawn(1, 1, 3, 4),))
PRODUCT = (np.multiply, lambda g, a, b: (g * b, g * a), (drawn(3), drawn(3, seed=1)))


def assigned(d, g, x):
    d = np.zeros_like(x)
    for p, q in np.ndindex(*g.shape[2:4]):
        d[:, :, p : p + 2, q : q + 2] = g[:, :, p, q]
    return d


CASES = {
    "minus": (CONV, 1, lambda d, *_: -d, "filters is minus the true one"),
    "zero": (TALL, 2, lambda d, *_: 0 * d, "bias is zero throughout, the true one is not"),
    "mean": (
        TALL,
        1,
        lambda d, g, x, w, b: d / len(x),
        "weight is 1/5 times the true one (5 is the length of axis 0 of x and the length of axis 0 of the output)",
    ),
    "doubled": (TALL, 0, lambda d, *_: 2 * d, "x is 2 times the true one"),
    "slightly": (SIGMOID, 0, lambda d, *_: d * (1 + 1e-7), "z is too large by a share of 1e-07"),
    "float32": (SIGMOID, 0, lambda d, *_: d.astype(np.float32).astype(float), "z is the true one rounded to float32"),
    "one entry": (CONV, 0, lambda d, *_: entry(d, (1, 2, 0, 3), 3), "x is the true one but at [1, 2, 0, 3]"),
    "turned": (
        CONV,
        1,
        lambda d, *_: d[..., ::-1, ::-1],
        "filters is the true one turned by 180 degrees over its last two axes",
    ),
    "transposed": (SQUARE, 1, lambda d, *_: d.T, "weight is the true one with axes 0 and 1 exchanged"),
    "operand": (
        SQUARE,
        0,
        lambda d, g, x, w, b: g @ w,
        "x is the true one with `weight` not transposed on the way back through `x @ weight` "
        f"({line_of('x @ weight + bias', dense)})",
    ),
    "filters not turned": (
        CONV,
        0,
        lambda d, g, x, f, b: conv2d_grad_input(g, f[..., ::-1, ::-1], x.shape[2:]),
        "x is the true one for filters turned by 180 degrees over its last two axes",
    ),
    "swapped": (PRODUCT, 0, lambda d, g, a, b: g * a, "x1 is that of x2"),
    "shifted": (SIGMOID, 0, lambda d, *_: np.roll(d, 1, 0), "z is the true one moved by 1 along axis 0"),
    "first sample": (
        CONV,
        1,
        lambda d, g, x, f, b: conv2d_grad_filters(g[:1], x[:1], f.shape[2:]),
        "filters is the true one of the first sample alone",
    ),
    "wrong axis": (
        SQUARE,
        2,
        lambda d, g, *_: g.sum(axis=1),
        "bias is what the outputs contribute, summed over axis 1",
    ),
    "no derivative": (
        SIGMOID,
        0,
        lambda d, g, z: g.copy(),
        "z is the cotangent itself: the output's derivative is missing",
    ),
    "half a derivative": (
        SIGMOID,
        0,
        lambda d, g, z: g * sigmoid(z),
        "z is the true one without the factor 1 - sigmoid(z)",
    ),
    "at the output": (
        SIGMOID,
        0,
        lambda d, g, z: sigmoid_backward(g, sigmoid(z))[0],
        "z is the true one for the output in place of z",
    ),
    "mean constant": (
        Z,
        0,
        lambda d, g, z: d + g.mean(axis=0) / z.std(axis=0),
        "z is the true one less a term that is constant along axis 0, as of a mean taken for a constant",
    ),
    "not averaged": (
        LOGITS,
        0,
        lambda d, g, z, y: 4 * d,
        "logits is 4 times the true one (4 is the length of axis 0 of logits and the length of axis 0 of labels)",
    ),
    "labels": (
        LOGITS,
        0,
        lambda d, g, z, y: softmax_cross_entropy_backward(g, z, (y + 1) % 3)[0],
        "logits is the true one for labels + 1",
    ),
    "border": (
        POOL,
        0,
        lambda d, *_: entry(d, np.s_[:, :, -1], 0),
        "x is the true one but at the last index of axis 2",
    ),
    "overlap": (
        PATCHES,
        0,
        lambda d, g, x: assigned(d, g, x),
        "x is what one output alone contributes, where several see an entry: assigned (=), not added (+=), "
        "or added once where an index comes several times",
    ),
    "kink": (
        RELU,
        0,
        lambda d, g, z: d + 2 * g * (z == 0),
        "z is the true one but at entries that sit on a kink: there it is outside the interval of the one-sided "
        "derivatives",
    ),
    "stride": (
        STRIDED,
        1,
        lambda d, g, x, f: conv2d_grad_filters(np.pad(g, ((0, 0), (0, 0), (0, 2), (0, 2))), x, f.shape[2:]),
        "filters is that of stride=1; forward has stride=2",
    ),
}


@pytest.mark.parametrize(("case", "index", "change", "sentence"), CASES.values(), ids=CASES)
def test_the_first_sentence_names_the_mistake(case, index, change, sentence):
    forward, backward, inputs = case
    report = check_gradient(forward, changed(backward, index, change), *inputs)
    text = " ".join(str(report).split()).replace(" (the gradient that arrives from above)", "")
    assert f": the gradient of {sentence} (" in text, text


@pytest.mark.parametrize(("case", "index", "change", "sentence"), CASES.values(), ids=CASES)
def test_the_right_gradient_gets_no_name(case, index, change, sentence):
    forward, backward, inputs = case
    report = check_gradient(forward, backward, *inputs)
    assert report.ok
    assert report.diagnoses == ()


def test_a_factor_that_is_zero_is_no_cause():
    report = check_gradient(lambda x, b: x**2 + b, lambda g, x, b: (g * x, g.sum()), drawn(4), np.zeros(()))
    assert [d.input for d in report.diagnoses] == ["x"]
    assert report.diagnoses[0].message.startswith("the true one without the factor 2 of the derivative of `x**2`")


def test_a_singular_matrix_is_no_factor():
    x, weight = drawn(3, 3), np.ones((3, 3))
    report = check_gradient(lambda x, w: np.sin(x @ w), lambda g, x, w: (g @ w.T, x.T @ (g * np.cos(x @ w))), x, weight)
    assert [each.wrong > 0 for each in report.inputs] == [True, False]


def test_a_claim_along_a_direction_leaves_out_entries_on_kinks():
    report = check_gradient(relu, hidden(lambda g, z: (g * (g > 0),)), np.array([0.7, -1.2, 0.0, 2.1, -0.4]))
    (found,) = (d.message for d in report.diagnoses if d.kind == "operand")
    assert found.startswith("the true one for z with the sign of the cotangent in place of z")
    assert "along a random direction through 4 of 5 entries" in found


def with_slope(rounded):
    return lambda g, z: (g * rounded(1 - np.tanh(z) ** 2),)


def test_a_factor_kept_in_a_lower_precision_is_named():
    half = with_slope(lambda slope: slope.astype(np.float16).astype(float))
    report = check_gradient(np.tanh, half, drawn(3, 2), names=("z",))
    assert report.diagnoses[0].kind == "precision"
    assert report.diagnoses[0].message.startswith(
        "the true one with what the cotangent is multiplied by rounded to float16"
    )


def test_scattered_errors_of_a_lower_precision_are_named():
    single = with_slope(hidden(lambda slope: slope.astype(np.float32).astype(float) * (1 + 1e-9)))
    report = check_gradient(np.tanh, single, drawn(3, 2), names=("z",))
    assert report.diagnoses[0].message.startswith("the true one but for errors of a few roundoffs of float32")


def test_an_option_that_is_off_in_backward_alone_is_named():
    def scaled(z, *, squared=True, eps=0.25):
        return np.tanh(z**2 if squared else z) / (1 + eps)

    def backward(g, z, *, squared=True, eps=0.25, used=1e-3):
        return (g * (1 - np.tanh(z**2) ** 2) * 2 * z / (1 + used),)

    report = check_gradient(partial(scaled, eps=0.25), partial(backward, eps=0.25), drawn(3, 2))
    assert report.diagnoses[0].kind == "option-ignored"
    assert any("that of eps=0.001; forward has eps=0.25" in d.message for d in report.diagnoses)
    report = check_gradient(
        partial(scaled, squared=True), lambda g, z, **_: (g * (1 - np.tanh(z) ** 2) / 1.25,), drawn(3, 2)
    )
    assert any("that of squared=False" in d.message for d in report.diagnoses)


INVERSE = (drawn(3, 3) + 2 * np.eye(3), drawn(3, 2, seed=1))
FACTORS = {
    "left out": (lambda g, a, x: -g @ x.T, "missing-factor", "without its first factor, the inverse of a transposed"),
    "not transposed": (
        lambda g, a, x: -np.linalg.inv(a) @ g @ x.T,
        "transposed",
        "with the inverse of a in place of the inverse of a transposed as its first factor",
    ),
}


@pytest.mark.parametrize(("of_matrix", "kind", "said"), FACTORS.values(), ids=FACTORS)
def test_the_inverse_of_a_matrix_is_a_factor(of_matrix, kind, said):
    def backward(g, a, b):
        return of_matrix(g, a, np.linalg.solve(a, b)), np.linalg.solve(a.T, g)

    report = check_gradient(np.linalg.solve, hidden(backward), *INVERSE, names=("a", "b"))
    assert (kind, True) in [(d.kind, d.message.startswith(f"the true one {said}")) for d in report.diagnoses]
