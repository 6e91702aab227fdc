"""Laws: linear in the cotangent; a batch's gradient is made of its parts', in any order. Each is broken once."""

from functools import partial

import numpy as np
import pytest

from scratchcnn import conv2d, conv2d_backward, dense, dense_backward
from scratchcnn.gradcheck import Verdict, check_gradient

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


def test_a_complex_input_is_named_as_a_whole():
    z = np.random.default_rng(0).normal(size=(4, 3, 2)) @ [1, 1j]
    assert check_gradient(lambda z: z**2, lambda g, z: 2 * g * np.conj(z), z, laws=True, batch="z").ok
