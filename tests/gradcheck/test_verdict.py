"""The scale rule, entry by entry."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.verdict import (
    VOUCHING_ROUNDOFFS,
    VOUCHING_SHARE,
    ZERO_ROUNDOFFS,
    Scale,
    judge,
    scale_of,
    small_in,
    trifle,
)

EPS = 2.0**-53


def judgement(analytic, value, bound, scale, *, own=0.0, status="ok"):
    columns = (np.array([number]) for number in (analytic, own, value, bound))
    return judge(*columns, np.array([status], object), scale)


def judged(analytic, value, bound, *, own=0.0, roundoff=1e-16, status="ok", largest=1.0, size=1.0):
    scale = scale_of(np.array([value]), largest, np.array([roundoff]), np.array([size]))
    found = judgement(analytic, value, bound, scale, own=own, status=status)
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
        # The derivative is exactly 0, and backward's is not: up to four roundoffs that is roundoff, beyond a mistake.
        ((4 * EPS, 0.0, 0.0), {"roundoff": EPS}, Verdict.RIGHT),
        ((-4 * EPS, 0.0, 0.0), {"roundoff": EPS}, Verdict.RIGHT),
        ((5 * EPS, 0.0, 0.0), {"roundoff": EPS}, Verdict.WRONG),
        ((1e-9, 0.0, 0.0), {"roundoff": EPS}, Verdict.WRONG),
        ((1e-9, 0.0, 0.0), {"roundoff": 0.0}, Verdict.WRONG),
        # The other way round, too; and not where the bound itself is more than roundoff.
        ((0.0, 4 * EPS, 0.0), {"roundoff": EPS}, Verdict.RIGHT),
        ((0.0, 5 * EPS, 0.0), {"roundoff": EPS}, Verdict.WRONG),
        ((4 * EPS, -4 * EPS, 0.0), {"roundoff": EPS}, Verdict.RIGHT),
        ((200 * EPS, 0.0, 64 * EPS), {"roundoff": EPS, "largest": 0.0}, Verdict.WRONG),
    ],
)
def test_the_scale_rule(given, options, verdict):
    assert judged(*given, **options) is verdict


def test_the_share_that_a_bound_must_be_below_is_the_root_of_eps_and_never_below_a_millionth():
    assert small_in(2.0**-23) == 2.0**-11.5
    assert small_in(2.0**-52) == VOUCHING_SHARE


class TestScale:
    """With powers of two, so that each number is exact."""

    SMALL = 2.0**-20

    def of(self, value, largest, roundoff, size):
        return scale_of(np.array([value]), largest, np.array([roundoff]), np.array([size]), self.SMALL)

    def test_a_bound_vouches_by_the_entry_by_the_largest_entry_or_by_some_roundoffs(self):
        assert self.of(-8.0, 2.0, 0.0, 1.0).vouching == 8 * self.SMALL
        assert self.of(2.0, 8.0, 0.0, 1.0).vouching == 8 * self.SMALL
        assert self.of(0.0, 0.0, EPS, 1.0).vouching == VOUCHING_ROUNDOFFS * EPS

    def test_the_roundoff_is_at_most_what_hides_no_derivative_that_would_matter(self):
        assert self.of(1.0, 1.0, EPS, 1.0).roundoff == EPS
        assert self.of(1.0, 1.0, 1.0, 4.0).roundoff == 4 * self.SMALL / VOUCHING_ROUNDOFFS

    def test_the_share_is_a_millionth_unless_another_is_given(self):
        scale = scale_of(np.array([3.0]), 0.0, np.zeros(1), np.ones(1))
        assert scale.vouching == VOUCHING_SHARE * 3


class TestJudgement:
    SCALE = Scale(np.array([EPS]), np.array([2.0**-20]))

    def test_the_bound_and_backward_s_own_error_are_tolerated_together(self):
        found = judgement(1 + 2.0**-29, 1.0, 2.0**-30, self.SCALE, own=2.0**-30)
        assert found.right.all()
        assert found.tolerance == 2.0**-29

    def test_backward_s_own_error_acquits_no_more_than_a_bound_could_vouch_for(self):
        assert judgement(1.0, 1.0, 2.0**-30, self.SCALE, own=1.0).tolerance == 2.0**-20
        found = judgement(1 + 2.0**-19, 1.0, 2.0**-30, self.SCALE, own=1.0)
        assert (found.right.any(), found.wrong.any(), found.reason.tolist()) == (False, False, ["unstable"])

    def test_unstable_is_what_is_within_bound_and_own_error_up_to_the_end(self):
        assert judgement(1.5, 1.0, 0.25, self.SCALE, own=0.25).reason.tolist() == ["unstable"]
        assert judgement(1.5 + EPS * 2, 1.0, 0.25, self.SCALE, own=0.25).wrong.all()

    def test_a_bound_is_tolerated_whole_even_if_it_vouches_for_nothing(self):
        found = judgement(1.5, 1.0, 0.5, self.SCALE)
        assert (found.right.any(), found.wrong.any(), found.reason.tolist()) == (False, False, ["noise"])
        assert found.tolerance == 0.5

    def test_a_bound_vouches_up_to_its_limit(self):
        assert judgement(1.0, 1.0, 2.0**-20, self.SCALE).right.all()
        assert not judgement(1.0, 1.0, 2.0**-20 + EPS, self.SCALE).right.any()

    def test_two_zeros_are_the_same_up_to_eight_roundoffs(self):
        assert judgement(0.0, 0.0, 0.0, self.SCALE).tolerance == 2 * ZERO_ROUNDOFFS * EPS
        # Not where the bound is wider than roundoff: then the bound is the tolerance.
        wide = (VOUCHING_ROUNDOFFS + 1) * EPS
        assert judgement(0.0, 0.0, wide, self.SCALE).tolerance == wide
        assert judgement(0.0, 0.0, VOUCHING_ROUNDOFFS * EPS, self.SCALE).tolerance == VOUCHING_ROUNDOFFS * EPS

    def test_why_nothing_is_known(self):
        assert judgement(1.0, 1.0, 0.0, self.SCALE, status="domain").reason.tolist() == ["domain"]


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


def test_a_trifle_is_a_millionth_of_an_entry_or_some_roundoffs_of_the_largest():
    eps = np.finfo(float).eps
    assert trifle(np.array([-2.0, 1e-12, 0.0])) == pytest.approx([2e-6, 128 * eps, 128 * eps])
    assert trifle(np.array([1e-3, 0])) == pytest.approx([1e-9, 64e-3 * eps], abs=0)
    assert trifle(np.zeros(0)).shape == (0,)
