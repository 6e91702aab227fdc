"""Laws: linear in the cotangent; a batch's gradient is made of its parts', in any order. Each is broken once."""

from functools import partial

import numpy as np
import pytest

from scratchcnn import conv2d, conv2d_backward, dense, dense_backward
from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.laws import broken_laws

RNG = np.random.default_rng(0)
X, WEIGHT, BIAS = RNG.normal(size=(6, 5)), RNG.normal(size=(5, 3)), RNG.normal(size=3)


def checked(backward, *inputs, forward=dense, **options):
    return check_gradient(forward, backward, *inputs, laws=True, batch="x", diagnosis=False, **options)


def kinds(report):
    return [violation.kind for violation in report.violations]


def test_right_passes_keep_them():
    assert checked(dense_backward, X, WEIGHT, BIAS).ok
    images, filters = RNG.normal(size=(4, 3, 20, 20)), RNG.normal(size=(8, 3, 3, 3))
    options = {"padding": 1, "stride": 2}
    pair = partial(conv2d, **options), partial(conv2d_backward, **options)
    assert checked(pair[1], images, filters, forward=pair[0]).ok
    narrow = [a.astype(np.float32) for a in (images, filters)]
    assert checked(pair[1], *narrow, forward=pair[0]).ok


def test_a_gradient_that_is_not_linear_in_the_cotangent():
    def clipped(g, x, weight, bias):
        return dense_backward(np.clip(g, -1, 1), x, weight, bias)

    assert "linear" in kinds(checked(clipped, X, WEIGHT, BIAS))


def test_a_gradient_that_mixes_samples():
    """It is right for this batch: the mean of the weights' gradient over so many samples as there are here."""

    def backward(g, x, weight, bias):
        grad_x, grad_weight, grad_bias = dense_backward(g, x, weight, bias)
        return grad_x, grad_weight * 6 / len(x), grad_bias

    report = checked(backward, X, WEIGHT, BIAS)
    assert [each.verdict for each in report.inputs] == [Verdict.RIGHT] * 3
    assert kinds(report) == ["batch"]
    assert report.violations[0].input == "weight"
    assert not check_gradient(dense, backward, X, WEIGHT, BIAS).violations
    assert checked(backward, X, WEIGHT, BIAS, allow="batch").ok


def test_a_gradient_that_depends_on_the_order():
    order = RNG.permutation(6)

    def backward(g, x, weight, bias):
        grad_x, grad_weight, grad_bias = dense_backward(g, x, weight, bias)
        scale = 1 + 1e-3 * (np.arange(len(x)) == order[0])[:, None]
        return grad_x * (scale if not np.array_equal(x, X) else 1), grad_weight, grad_bias

    assert "batch" in kinds(checked(backward, X, WEIGHT, BIAS, allow="elsewhere"))


def broken(forward, backward, *inputs, samples=(0,)):
    """The laws that a pair of functions breaks: their kinds, inputs and messages."""
    case = prepare(forward, backward, inputs)
    return [(v.kind, v.input, v.message) for v in broken_laws(case, samples, np.random.default_rng(0))]


def test_the_messages_say_which_law_it_is_where_and_by_how_much():
    def affine(g, x):
        grad = 2 * g * x
        grad[2, 1] += 1
        return (grad,)

    (told,) = broken(np.square, affine, X, samples=())
    assert told[:2] == ("linear", "x")
    assert told[2] == (
        "the gradient for a combination of cotangents is not that combination of their gradients,"
        " most at [2, 1]: off by 2"
    )
    (batch,) = broken(lambda x: 2 * x, lambda g, x: (2 * g * len(x) / 6,), X)
    assert batch[:2] == ("batch", "x")
    assert batch[2].startswith("the gradient of a batch is not made of those of its halves: forward or backward mixes")
    *_, order = broken(lambda x: 2 * x, lambda g, x: (g * (2 + (np.arange(len(x)) == 0))[:, None],), X)
    assert order[:2] == ("batch", "x")
    assert order[2].startswith("the gradient of a batch in another order is not the gradient in that order, most at [")


def test_each_gradient_of_another_shape_is_told():
    (x, y) = broken(lambda x, y: x + y, lambda g, x, y: (np.ones((6, 5)), np.ones((6, 5))), X, X, samples=(0, 1))[2:4]
    assert [told[:2] for told in (x, y)] == [("batch", "x"), ("batch", "y")]
    assert x[2].endswith("forward or backward mixes samples: shapes (6, 5) and (12, 5)")


def test_nan_is_the_worst():
    def backward(g, x):
        grad = 2 * g * len(x)
        grad[1, 3] *= 1 if len(x) == 6 else np.nan
        return (grad,)

    assert "most at [1, 3]: off by nan" in broken(lambda x: 2 * x, backward, X)[0][2]


@pytest.mark.parametrize("size", [1.0, 1e-9])
@pytest.mark.parametrize(("constant", "expected"), [(4, []), (14, ["linear"])])
def test_the_roundoff_of_a_sum_of_as_many_terms_as_outputs_is_allowed(size, constant, expected):
    """Of 30 outputs: 64 roundoffs of the largest entry, about 8, times 5.5; a constant counts twice."""

    def backward(g, x):
        return (size * (4 * g + constant / 2 * 64 * 8 * 2**-52),)

    found = broken(lambda x: size * 4 * x, backward, X, samples=())
    assert [kind for kind, *_ in found] == expected


def test_a_batch_of_one_has_no_halves_and_no_order():
    def forward(x):
        if not len(x):
            raise ValueError("an empty batch")
        return 2 * x

    assert broken(forward, lambda g, x: (2 * g,), X[:1]) == []


def test_a_batch_of_two_has():
    assert {kind for kind, *_ in broken(lambda x: 2 * x, lambda g, x: (2 * g * len(x),), X[:2])} == {"batch"}


def test_an_input_without_entries_breaks_no_law():
    none = np.ones((6, 0))
    assert broken(lambda x, y: 2 * x, lambda g, x, y: (2 * g, y), X, none, samples=(0, 1)) == []


def test_cotangents_have_the_dtype_of_the_output_or_float64():
    seen = []

    def backward(g, x):
        seen.append(g.dtype)
        return (2 * g,)

    broken(lambda x: 2 * x, backward, X.astype(np.float32))
    assert set(seen) == {np.dtype(np.float32)}
    seen.clear()
    broken(lambda x: np.rint(x).astype(int), backward, X)
    assert set(seen) == {np.dtype(np.float64)}


def test_without_a_batch_only_linearity_is_asked_for():
    assert check_gradient(np.sin, lambda g, x: g * np.cos(x), X, laws=True).ok


def test_misuse_is_named():
    with pytest.raises(TypeError, match="laws must be True or False, got 'all'"):
        check_gradient(np.sin, lambda g, x: g * np.cos(x), X, laws="all")


def cross_entropy(z, labels):
    return np.log(np.exp(z).sum(1)) - z[np.arange(len(z)), labels]


def cross_entropy_backward(g, z, labels):
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    p[np.arange(len(z)), labels] -= 1
    return g[:, None] * p


def test_all_inputs_that_hold_samples_are_named():
    z, labels = np.random.default_rng(0).normal(size=(6, 4)), np.arange(6) % 4
    with pytest.raises(ValueError, match=r"name all that hold samples, batch=\('z', 'labels'\)"):
        check_gradient(cross_entropy, cross_entropy_backward, z, labels, laws=True, batch="z")
    assert check_gradient(cross_entropy, cross_entropy_backward, z, labels, laws=True, batch=("z", "labels")).ok


def test_where_no_other_input_could_hold_samples_the_message_says_what_failed():
    table = np.ones((1, 6))
    with pytest.raises(ValueError, match=r"^with half of the samples of x, y a call fails; it said .*broadcast"):
        broken(lambda x, y, t: x + y + t.T, lambda g, x, y, t: (g, g, g.sum(1)[None]), X, X, table, samples=(0, 1))


def test_a_complex_input_is_named_as_a_whole():
    z = np.random.default_rng(0).normal(size=(4, 3, 2)) @ [1, 1j]
    assert check_gradient(lambda z: z**2, lambda g, z: 2 * g * np.conj(z), z, laws=True, batch="z").ok


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("error", [0.0, 1.0])
def test_a_gradient_that_is_zero_but_for_roundoff_breaks_no_law(dtype, error):
    """That of a bias before a normalization; a constant in its place is no roundoff."""

    def forward(x, bias):
        z = x + bias
        return (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)

    def backward(g, x, bias):
        z = x + bias
        root = np.sqrt(z.var(axis=0) + 1e-5)
        normed = (z - z.mean(axis=0)) / root
        d = (g - g.mean(axis=0) - normed * (g * normed).mean(axis=0)) / root
        return d, d.sum(axis=0) + np.asarray(error, dtype)

    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=shape).astype(dtype) for shape in ((6, 4), (4,))]
    for seed in range(5):
        broken = broken_laws(prepare(forward, backward, inputs), (), np.random.default_rng(seed))
        assert [v.input for v in broken] == ["bias"] * (error > 0)
