"""The judgement of one input by every method that applies, in their order."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.all_inputs import AllInputs
from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.contract import observe
from scratchcnn.gradcheck.effort import Effort
from scratchcnn.gradcheck.judge import Check, judge_input
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.exact import exact_gradients
from scratchcnn.gradcheck.numerical.noise import STRIDES
from scratchcnn.gradcheck.points import draw_cotangent, second_point
from scratchcnn.gradcheck.proof.judge_by_proof import Proofs
from scratchcnn.gradcheck.setting import Setting
from tests.gradcheck.pairs import product, product_backward

X = np.array([[0.3, -1.7, 2.5], [0.9, -0.4, 1.1]])
W = np.array([[0.5, 2.0], [-1.0, 0.25], [3.0, -0.75]])


def judged(forward, backward, *inputs, index=0, degree=None, proof=False, second=True, entries=None, seed=0):
    """The judgement of an input; with `degree` the exact check comes first, with `proof` a proof."""
    rng = np.random.default_rng(seed)
    with quiet():
        case = prepare(forward, backward, inputs)
        cotangent, other = (draw_cotangent(case.output.shape, case.output.dtype, rng) for _ in range(2))
        there = second_point(case, other, rng)
        observed = observe(case, cotangent, other, there, 1.0, drawn=True)
        setting = Setting(case, cotangent, observed, there if second else None, rng)
        analytic = Analytic(case, cotangent, observed.gradients, unsteady=observed.unsteady)
        effort = Effort(entries, None, 2, STRIDES, 10.0)
        proofs = Proofs(setting, 5.0) if proof else None
        check = Check(setting, analytic, effort, AllInputs(setting), proofs)
        exact = None
        if degree:
            exact = exact_gradients(forward, backward, inputs, [index], degree, 1, np.random.default_rng(0))[index]
        return judge_input(check, index, exact)


def sine_backward(g, x):
    return (g * np.cos(x),)


def test_an_input_without_entries_has_nothing_to_check():
    told = judged(lambda x, w: x @ w, product_backward, np.empty((0, 3)), W)
    assert (told.report.name, told.report.verdict, told.report.size) == ("x", Verdict.UNDECIDED, 0)
    assert told.report.reason == "nothing to check: the input has no entries"


def test_a_gradient_of_another_shape_has_nothing_to_compare():
    told = judged(np.sin, lambda g, x: (np.cos(x).sum(axis=0),), X)
    assert told.report.verdict is Verdict.WRONG
    assert told.report.reason == "there is no gradient of the input's shape to compare"


class TestExact:
    def test_a_right_gradient_is_proved_on_every_entry(self):
        told = judged(product, product_backward, X, W, degree=1)
        report = told.report
        assert (report.verdict, report.method, report.checked) == (Verdict.RIGHT, "exact", 6)
        assert report.where == "on integers near the inputs"
        assert (told.at_second_point, told.ties, report.bound) == ("", "", 0)

    @pytest.mark.parametrize("error", [1.0, 1e-9])
    def test_a_wrong_one_has_the_caller_s_numbers_if_it_is_wrong_there_too(self, error):
        def backward(g, x, w):
            grad_x = g @ w.T
            grad_x[1, 2] *= 1 + error
            return grad_x, x.T @ g

        report = judged(product, backward, X, W, degree=1).report
        assert (report.verdict, report.wrong, report.checked, report.worst_index) == (Verdict.WRONG, 1, 6, (1, 2))
        assert (report.method, report.undecided, report.evidence.wrong.sum()) == ("exact", 0, 1)
        assert (report.name, report.size) == ("x", 6)
        assert abs(report.analytic) < 100  # the integers are larger
        assert report.analytic == pytest.approx(report.numerical * (1 + error), rel=1e-10)

    def test_or_those_on_integers_where_it_is_not(self):
        def backward(g, x, w):
            return g @ w.T + (np.abs(x) > 50), x.T @ g

        report = judged(product, backward, X, W, degree=1).report
        assert (report.verdict, report.where) == (Verdict.WRONG, "on integers near the inputs")
        assert report.analytic == report.numerical + 1

    def test_a_mistake_at_the_caller_s_own_point_is_seen_along_a_direction(self):
        def backward(g, x, w):
            return g @ w.T * np.where(np.abs(x) < 5, 1.5, 1), x.T @ g

        report = judged(product, backward, X, W, degree=1).report
        assert report.verdict is Verdict.WRONG
        assert report.reason.startswith("along a random direction at the inputs")

    def test_where_arithmetic_is_not_exact_differences_decide(self):
        report = judged(np.sin, sine_backward, X, degree=1).report
        assert (report.verdict, report.method) == (Verdict.RIGHT, "differences")


class TestDifferences:
    def test_all_entries_or_a_sample_and_directions(self):
        every = judged(np.sin, sine_backward, X).report
        assert (every.method, every.name, every.size) == ("differences", "x", 6)
        some = judged(np.sin, sine_backward, X, entries=2).report
        assert (some.checked, some.verdict) == (2, Verdict.RIGHT)
        assert some.method == "differences, 2 directions through all entries"

    def test_a_proof_comes_before_them(self):
        report = judged(np.sin, sine_backward, X, proof=True).report
        assert report.verdict is Verdict.RIGHT
        assert report.method.startswith("proved")
        wrong = judged(np.sin, lambda g, x: (g * np.cos(x) * 1.001,), X, proof=True).report
        assert (wrong.verdict, wrong.wrong) == (Verdict.WRONG, 6)

    def test_the_gradient_in_the_caller_s_precision_is_held_to_its_twin(self):
        def backward(g, x):
            return (g * np.cos(x) * (1.01 if x.dtype == np.float32 else 1),)

        report = judged(np.sin, backward, X.astype(np.float32)).report
        assert report.verdict is Verdict.WRONG
        assert report.reason.startswith("in float32 the gradient strays from its float64 twin")


class TestSecondPoint:
    @staticmethod
    def only_here(g, x):
        return (g * np.where(x == X, np.cos(x), 1.5 * np.cos(x)),)

    @pytest.mark.parametrize("proof", [False, True])
    def test_what_is_wrong_there_alone_is_told(self, proof):
        told = judged(np.sin, self.only_here, X, proof=proof)
        assert told.report.verdict is Verdict.RIGHT
        assert told.at_second_point != ""

    def test_nobody_asks_where_there_is_none_or_the_first_is_wrong(self):
        assert judged(np.sin, self.only_here, X, second=False).at_second_point == ""
        wrong = judged(np.sin, lambda g, x: (-2 * self.only_here(g, x)[0],), X)
        assert (wrong.report.verdict, wrong.at_second_point) == (Verdict.WRONG, "")

    def test_where_all_inputs_agree_along_one_direction_none_is_asked_alone(self):
        for index in (0, 1):
            assert judged(product, product_backward, X, W, index=index).at_second_point == ""


def test_ties_that_a_proof_finds_wrong_are_told():
    def largest(x):
        return x.max(keepdims=True)

    def to_each(g, x):
        return (g * (x == x.max()),)

    tied = np.array([1.0, 2.0, 2.0, 0.5])
    told = judged(largest, to_each, tied, proof=True)
    assert told.ties != "" or told.report.verdict is Verdict.WRONG
    first = judged(largest, lambda g, x: (g * (np.arange(4) == x.argmax()),), tied, proof=True)
    assert (first.ties, first.report.verdict) == ("", Verdict.RIGHT)


ROTATION = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
SYMMETRIC = X.T @ X


class TestWithoutForm:
    def told(self, backward, w):
        told = judged(lambda x, w: x @ w, backward, X, w, proof=True)
        assert (told.report.verdict, told.at_second_point) == (Verdict.RIGHT, "")
        return told.report.reason

    @pytest.mark.parametrize("w", [np.eye(3), SYMMETRIC], ids=["the identity", "symmetric"])
    def test_a_transpose_that_is_forgotten_is_told(self, w):
        told = self.told(lambda g, x, w: (g @ w, x.T @ g), w)
        assert told.startswith("right only because w is symmetric or orthogonal: elsewhere along a random direction")
        assert told.endswith("; structure='any' checks there")

    def test_an_inverse_in_place_of_a_transpose_is_told(self):
        told = self.told(lambda g, x, w: (g @ np.linalg.inv(w), x.T @ g), ROTATION)
        assert told.startswith("right only because w is symmetric or orthogonal")

    @pytest.mark.parametrize("w", [np.eye(3), SYMMETRIC, ROTATION, X.T[:, :2]], ids=["I", "symmetric", "Q", "neither"])
    def test_of_a_right_gradient_nothing_is_told(self, w):
        assert self.told(product_backward, w) == ""

    def test_nor_where_forward_is_finite_at_no_other(self):
        def forward(x, w):
            return x @ w + (np.nan if np.abs(w - w.T).max() > 0.02 else 0.0)

        told = judged(forward, lambda g, x, w: (g @ w, x.T @ g), X, np.eye(3))
        assert (told.report.verdict, told.report.reason) == (Verdict.RIGHT, "")

    def test_nor_of_what_the_caller_says_is_symmetric(self):
        pair = (lambda x, w: x @ w, lambda g, x, w: (g @ w, x.T @ g))
        assert check_gradient(*pair, X, SYMMETRIC).inputs[0].reason
        assert check_gradient(*pair, X, SYMMETRIC, structure={"w": "symmetric"}).inputs[0].reason == ""
