"""The scale rule, entry by entry."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.verdict import judge, scale_of


def judged(analytic, value, bound, *, own=0.0, roundoff=1e-16, status="ok", largest=1.0, size=1.0):
    scale = scale_of(np.array([value]), largest, np.array([roundoff]), np.array([size]))
    found = judge(
        np.array([analytic]), np.array([own]), np.array([value]), np.array([bound]), np.array([status], object), scale
    )
    assert found.right.sum() + found.wrong.sum() <= 1
    assert not found.right.any() or abs(analytic - value) <= found.tolerance[0]
    return Verdict.RIGHT if found.right.all() else Verdict.WRONG if found.wrong.all() else Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("given", "options", "verdict"),
    [
        ((1.0, 1.0, 1e-12), {}, Verdict.RIGHT),
        ((1.0 + 1e-8, 1.0, 1e-12), {}, Verdict.WRONG),
        ((1.0 + 1e-8, 1.0, 1e-12), {"own": 2e-8}, Verdict.RIGHT),  # its own roundoff explains it
        ((1.0, 1.0, 1e-3), {}, Verdict.UNDECIDED),  # inside, but the bound vouches for nothing
        ((1.5, 1.0, 1e-3), {}, Verdict.WRONG),  # outside a loose bound all the same
        ((1e-9, 2e-9, 5e-9), {}, Verdict.RIGHT),  # small against the largest entry
        ((3e-16, -3e-16, 1e-16), {}, Verdict.RIGHT),  # a true zero beside noise
        ((1e-12, 2e-12, 5e-12), {"largest": 1e-12, "roundoff": 1e-13}, Verdict.RIGHT),  # some roundoffs
        ((np.nan, 1.0, 1e-12), {}, Verdict.WRONG),
        ((np.inf, 1.0, 1e-12), {}, Verdict.WRONG),
        ((1.0, 1.0, 1e-12), {"status": "jump"}, Verdict.UNDECIDED),
        ((0.3, 0.5, 0.5), {"status": "kink"}, Verdict.RIGHT),  # a subgradient
        ((1.2, 0.5, 0.5), {"status": "kink"}, Verdict.WRONG),
        ((1.1, 1.0, 1e-12), {"own": 0.2}, Verdict.UNDECIDED),  # unstable: more than any bound could vouch for
        ((1.5, 1.0, 1e-12), {"own": 0.2}, Verdict.WRONG),
        ((30.0, 1.0, 50.0), {"roundoff": 10.0}, Verdict.UNDECIDED),  # large noise hides a derivative
        ((3.0, 1.0, 1.0), {"roundoff": 10.0}, Verdict.WRONG),
    ],
)
def test_the_scale_rule(given, options, verdict):
    assert judged(*given, **options) is verdict


def sigmoid(z):
    return 1 / (1 + np.exp(-np.abs(z))) * np.where(z < 0, np.exp(-np.abs(z)), 1)


def sigmoid_backward(g, z):
    o = sigmoid(z)
    return g * o * (1 - o)


@pytest.mark.parametrize("z", [15.0, 30.0, 37.5, 38.0, 800.0])
def test_the_article_s_derivative_is_right_where_the_sigmoid_saturates(z):
    assert check_gradient(sigmoid, sigmoid_backward, [z, 1.0, -2.0]).verdict is Verdict.RIGHT


@pytest.mark.parametrize("z", [15.0, 30.0])
def test_a_wrong_sign_is_seen_where_the_sigmoid_saturates(z):
    report = check_gradient(sigmoid, lambda g, x: sigmoid_backward(g, x) * np.where(x == z, -1, 1), [z, 1.0, -2.0])
    assert report.verdict is Verdict.WRONG


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 1e12, 1e300])
def test_small_relative_mistakes_are_wrong_at_every_scale(scale):
    z = np.random.default_rng(2).standard_normal(12)
    function = (lambda x: scale * np.sin(x)), (lambda g, x: g * (scale * np.cos(x)))
    assert check_gradient(*function, z).verdict is Verdict.RIGHT
    wrong = check_gradient(function[0], lambda g, x: function[1](g, x) * (1 + 1e-8 * (np.arange(12) == 5)), z)
    assert (wrong.verdict, wrong.inputs[0].worst_index) == (Verdict.WRONG, (5,))


@pytest.mark.parametrize("x", [1e-16, 1e-17, 1e-300])
@pytest.mark.parametrize("factor", [-1, 0, 1000])
def test_inputs_too_small_to_move_anything_do_not_hide_a_mistake(x, factor):
    assert check_gradient(sigmoid, sigmoid_backward, [x]).verdict is Verdict.RIGHT
    assert check_gradient(sigmoid, lambda g, z: factor * sigmoid_backward(g, z), [x]).verdict is Verdict.WRONG
