"""How far floats may be from balls."""

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.floats import is_as_in_balls, is_on_the_same_path, own_roundoff
from scratchcnn.gradcheck.proof.outcome import Proof
from tests.gradcheck.proof.stubs import EPS, judge_of, proven_of


class TestPath:
    @pytest.mark.parametrize(
        ("off", "noise", "same"),
        [
            ((0, 0), 0, True),
            ((60 * 4 * EPS, 0), 0, True),  # 64 roundoffs of the largest
            ((70 * 4 * EPS, 0), 0, False),
            ((1e-3, 1e-3), 3e-4, True),
            ((1e-3, 1e-3), 2e-4, False),
            ((1e-3, 0), [3e-4, 0], True),
            ((1e-3, 1e-9), [3e-4, 0], False),
        ],
    )
    def test_is_the_same_where_outputs_are_to_their_roundoff_or_noise(self, off, noise, same):
        proof = Proof({}, np.array([1.0, -4.0]) + off)
        assert is_on_the_same_path(judge_of([0.0], noise=noise), proof) is same

    def test_is_not_where_outputs_are_unknown_or_others(self):
        assert not is_on_the_same_path(judge_of([0.0]), Proof({}))
        assert not is_on_the_same_path(judge_of([0.0]), Proof({}, np.ones(3)))


class TestAsInBalls:
    def test_to_the_last_digits_of_the_largest_output(self):
        judge = judge_of([0.0], y=(0.1, -0.25))
        for off, same in ((60, True), (70, False)):
            assert is_as_in_balls(judge, Proof({}, np.array([0.1 + off * 0.25 * EPS, -0.25]))) is same

    def test_noise_is_no_excuse(self):
        assert not is_as_in_balls(judge_of([0.0], noise=1.0), Proof({}, np.array([1.1, -4.0])))

    def test_zeros_have_no_digits(self):
        assert is_as_in_balls(judge_of([0.0], y=(0.0, 0.0)), Proof({}, np.zeros(2)))


class TestOwnRoundoff:
    """Some roundoffs of each entry, the proof's bound, and what backward loses where that is not enough."""

    def judge(self, gradient, precision=np.float64):
        judge, self.asked = judge_of(gradient, precision=precision), []
        judge.analytic.own_error = lambda *given: self.asked.append(given) or np.arange(1.0, 1 + given[1].size)
        return judge, np.array(gradient)

    def test_of_what_is_near(self):
        judge, gradient = self.judge([4.0, -2.0])
        proven = proven_of([4 * (1 + 60 * EPS), -2.0], bound=[0.0, 0.5])
        np.testing.assert_allclose(own_roundoff(judge, gradient, proven), [64 * 4 * EPS, 0.5], rtol=1e-10)
        assert self.asked == []

    def test_on_the_limit(self):
        judge, gradient = self.judge([1.0])
        assert own_roundoff(judge, gradient, proven_of([1.5], bound=0.5 - 96 * EPS)) == 0.5
        assert self.asked == []

    def test_of_what_is_far_backward_is_asked(self):
        judge, gradient = self.judge([4.0, 1.0, np.nan])
        found = own_roundoff(judge, gradient, proven_of([4.0, 1.5, 2.0], bound=0.25))
        np.testing.assert_allclose(found, [0.25, 1.25, 2.25], rtol=1e-10)
        ((index, far, status, most),) = self.asked
        assert (index, far.tolist(), status.tolist(), most.tolist()) == (0, [1, 2], ["ok"] * 2, [np.inf] * 2)
        assert status.dtype == object

    @pytest.mark.parametrize(("precision", "eps"), [(np.float32, 2.0**-23), (np.float64, EPS), (np.longdouble, EPS)])
    def test_it_is_that_of_the_precision_but_of_no_finer_one_than_float64(self, precision, eps):
        judge, gradient = self.judge([1.0], precision)
        assert own_roundoff(judge, gradient, proven_of([1.0])) == 64 * eps
