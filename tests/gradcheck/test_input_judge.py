"""The judgement of one input by differences: entry by entry, along directions, at another point; and within a time."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict
from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.contract import observe
from scratchcnn.gradcheck.effort import Effort
from scratchcnn.gradcheck.input_judge import InputJudge
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.noise import STRIDES
from scratchcnn.gradcheck.points import Point, draw_cotangent, second_point
from scratchcnn.gradcheck.setting import Setting

EPS, EPS32 = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)
X = np.array([0.3, -1.7, 2.5, 0.9])
ALL = np.arange(4)


def judge_of(forward, backward, *inputs, index=0, seed=0, entries=None, climbs=None, longest=10.0, **options):
    """The judge of an input, within an effort."""
    rng = np.random.default_rng(seed)
    with quiet():
        case = prepare(forward, backward, inputs, **options)
        cotangent, other = (draw_cotangent(case.output.shape, case.output.dtype, rng) for _ in range(2))
        second = second_point(case, other, rng)
        observed = observe(case, cotangent, other, second, 1.0, drawn=True)
        setting = Setting(case, cotangent, observed, second, rng)
        analytic = Analytic(case, cotangent, observed.gradients, unsteady=observed.unsteady)
        return InputJudge(setting, index, analytic, Effort(entries, climbs, 2, STRIDES, longest))


def by_entries(judge, entries=ALL, **options):
    with quiet():
        return judge.by_entries(np.array(entries), **options)


def sine_backward(g, x):
    return (g * np.cos(x),)


def off(k, factor, backward=sine_backward):
    """Backward with one entry off by a factor."""

    def wrong(g, x):
        grad = backward(g, x)[0].copy()
        grad[k] *= factor
        return (grad,)

    return wrong


def noisy(x):
    """A sine beside large numbers that cancel, for real numbers alone."""
    x = x.real
    return np.sin(x) + 1e9 * (np.sin(x) ** 2 + np.cos(x) ** 2 - 1)


def relus(x):
    """Outputs that share their entries, so that each entry moves alone."""
    return np.array([np.maximum(x, 0).sum(), x[0]])


def relus_backward(g, x):
    grad = g[0] * (x > 0)
    grad[0] += g[1]
    return (grad,)


class TestEntries:
    def test_a_right_gradient(self):
        judge = judge_of(np.sin, sine_backward, X)
        found = by_entries(judge)
        assert found.verdict is Verdict.RIGHT
        assert found.right.all()
        assert found.entries.tolist() == [0, 1, 2, 3]
        assert found.analytic == pytest.approx(judge.analytic.values(0))
        assert (np.abs(found.analytic - found.value) <= found.bound).all()
        assert (found.method, found.remark, found.kink.any()) == ("differences", "", False)
        assert (found.roundoff > 0).all()

    @pytest.mark.parametrize("factor", [1 + 1e-8, 2.0, 0.0, -1.0])
    def test_a_wrong_entry(self, factor):
        found = by_entries(judge_of(np.sin, off(2, factor), X))
        assert found.wrong.tolist() == [False, False, True, False]
        assert found.verdict is Verdict.WRONG

    def test_some_entries_in_the_order_of_asking_or_none(self):
        judge = judge_of(np.sin, off(2, 2.0), X)
        found = by_entries(judge, [3, 2])
        assert (found.entries.tolist(), found.wrong.tolist()) == ([3, 2], [False, True])
        assert len(by_entries(judge, np.empty(0, np.intp)).entries) == 0

    def test_where_forward_is_not_finite_there_is_no_value(self):
        found = by_entries(judge_of(np.log, lambda g, x: (g / x,), np.array([0.5, -1.0, 2.0, 1.0])))
        assert np.isnan(found.value).tolist() == [False, True, False, False]
        assert found.right.tolist() == [True, False, True, True]
        assert found.reason[1] == "not finite"

    def test_kinks_are_told_and_so_are_the_methods_the_most_frequent_first(self):
        def forward(x):
            return np.append(np.maximum(x[:3], 0), np.sin(x[3:]))

        def backward(g, x):
            return (g * np.append(x[:3] > 0, np.cos(x[3])),)

        found = by_entries(judge_of(forward, backward, np.array([0.0, 0.0, 0.0, 0.5])))
        assert found.kink.tolist() == [True, True, True, False]
        assert found.right.all()
        assert found.method == "one-sided 3, differences 1"

    def test_a_proven_mistake_is_looked_at_once(self):
        judge = judge_of(relus, off(3, 2.0, relus_backward), np.array([0.0, 0.0, 0.5, 1.0]))
        found = by_entries(judge, [0, 3], proven=True)  # at the first, which is on a kink, nobody climbs
        assert (found.entries.tolist(), found.wrong.tolist(), found.kink.tolist()) == ([3], [True], [False])

    def test_a_call_that_differs_each_time_widens_the_bounds(self):
        calls = []

        def backward(g, x):
            calls.append(None)
            return (g * np.cos(x) + 1e-8 * (len(calls) % 3),)

        judge = judge_of(np.sin, backward, X)
        assert judge.analytic.unsteady
        found = by_entries(judge)
        assert (found.bound >= 1e-8).all()
        assert found.right.all()
        assert found.method == "differences"  # at once


class TestTime:
    POINT = np.zeros(8)
    EIGHT = np.arange(8)

    def test_entries_that_there_is_no_time_for_are_dropped(self):
        judge = judge_of(relus, relus_backward, self.POINT, climbs=3)
        found = by_entries(judge, self.EIGHT)
        assert 0 < len(found.entries) < 8
        assert not found.wrong.any()

    def test_with_time_none_is(self):
        found = by_entries(judge_of(relus, relus_backward, self.POINT), self.EIGHT)
        assert len(found.entries) == 8
        assert found.right.all()

    def test_the_most_suspicious_come_first(self):
        def backward(g, x):
            grad = relus_backward(g, x)[0]
            grad[[2, 6]] += 3 * np.abs(g).max()
            return (grad,)

        found = by_entries(judge_of(relus, backward, self.POINT, climbs=2), self.EIGHT)
        assert found.entries.tolist() == [2, 6]
        assert set(found.reason) == {"time"}  # the two are known, and there is none left to look at them together
        unhurried = by_entries(judge_of(relus, backward, self.POINT), self.EIGHT)
        assert np.flatnonzero(unhurried.wrong).tolist() == [2, 6]

    @pytest.mark.parametrize("climbs", [1, 2, 6, None])
    def test_of_those_that_stay_open_no_more_are_kept_than_there_is_time_for(self, climbs):
        judge = judge_of(noisy, sine_backward, np.linspace(0.3, 1.1, 8), climbs=climbs, longest=0.0)
        found = by_entries(judge, self.EIGHT)
        assert len(found.entries) == 8 if climbs is None else len(found.entries) <= climbs
        assert not (found.wrong | found.right).any()

    @pytest.mark.parametrize("climbs", [6, None])
    def test_where_the_first_are_all_wrong_the_others_stay_as_they_are(self, climbs):
        judge = judge_of(np.sin, lambda g, x: (2 * g * np.cos(x),), np.linspace(0.3, 1.1, 8), climbs=climbs)
        assert by_entries(judge, self.EIGHT).wrong.tolist() == [True] * 8

    def test_what_is_open_in_float64_is_looked_at_again_in_longdouble(self):
        quick, slow = (by_entries(judge_of(noisy, sine_backward, X, longest=longest)) for longest in (10.0, 0.0))
        assert quick.right.all() or np.finfo(np.longdouble).eps == EPS
        assert not slow.right.any()
        assert set(slow.reason) == {"noise"}
        assert slow.bound.min() > 4 * quick.bound.max() or np.finfo(np.longdouble).eps == EPS

    def test_a_sample_has_as_many_as_there_is_time_for(self):
        judge = judge_of(np.sin, sine_backward, np.linspace(0, 1, 50), entries=7)
        with quiet():
            found = judge.by_sample()
        assert len(found.entries) == 7
        assert found.verdict is Verdict.RIGHT

    def test_longdouble_is_asked_only_where_it_is_quick(self):
        seen = []

        def forward(x):
            seen.append(x.dtype)
            return (1e9 + np.sin(x)) - 1e9

        for longest, asked in ((10.0, True), (0.0, False)):
            judge = judge_of(forward, sine_backward, X, longest=longest)
            seen.clear()
            with quiet():
                wide = judge._wide()
            assert (wide is not None) is (asked and bool(np.finfo(np.longdouble).eps < EPS))

    def test_not_where_forward_leaves_it_or_refuses_it(self):
        for forward in (lambda x: np.sin(x).astype(float), lambda x: np.sin(x) if x.dtype == float else int("x")):
            judge = judge_of(forward, sine_backward, X)
            with quiet():
                assert judge._wide() is None


class TestPrecision:
    def test_of_float64_it_is_that(self):
        judge = judge_of(np.sin, sine_backward, X)
        assert (judge.eps, judge.held_to, judge.precision) == (EPS, EPS, np.float64)
        assert not judge.shows_too_little

    def test_of_float32_the_gradient_is_judged_in_float64(self):
        judge = judge_of(np.sin, sine_backward, X.astype(np.float32))
        assert (judge.eps, judge.held_to, judge.precision) == (EPS, EPS32, np.float64)
        assert by_entries(judge).right.all()

    def test_or_in_float32_where_backward_knows_that_alone(self):
        def backward(g, x):
            if x.dtype != np.float32:
                raise TypeError("single precision")
            return sine_backward(g, x)

        judge = judge_of(np.sin, backward, X.astype(np.float32))
        assert judge.precision == np.float32
        assert by_entries(judge).right.all()

    def test_a_forward_that_answers_in_float32_has_the_eps_of_that(self):
        assert judge_of(lambda x: np.sin(x).astype(np.float32), sine_backward, X).eps == EPS32

    def test_a_lower_precision_inside_forward_is_kept_and_told(self):
        def forward(x):
            return np.sin(x.astype(np.float16).astype(x.dtype))

        judge = judge_of(forward, sine_backward, X)
        found = by_entries(judge)
        assert judge.inside == judge.held_to == 2.0**-10
        assert found.method == "steps, to the precision of forward, about 2^-10"
        assert not found.wrong.any()
        zeros = by_entries(judge_of(forward, lambda g, x: (0 * x,), X))
        assert set(zeros.reason) == {"steps"}
        assert not zeros.right.any()

    def test_a_complex_step_that_misleads_is_told(self):
        def forward(x):
            return (1e9 + np.sin(x)) - 1e9 + (1j * np.imag(x) if np.iscomplexobj(x) else 0)

        found = by_entries(judge_of(forward, sine_backward, X))
        assert found.method.endswith("(the complex step was dropped: differences disagree)")


class TestDirections:
    def along(self, judge, findings, count=2):
        with quiet():
            judge.along_directions(findings, count)
        return findings

    def test_a_mistake_at_an_entry_that_was_not_looked_at_is_seen(self):
        judge = judge_of(np.sin, off(2, 1.01), X)
        findings = self.along(judge, by_entries(judge, [0, 1]))
        assert findings.verdict is Verdict.WRONG
        assert findings.remark.startswith("along a random direction at the inputs the gradient gives ")
        assert findings.method.startswith("differences, 1 direction through all entries")

    def test_where_nothing_is_wrong_the_method_counts_them(self):
        judge = judge_of(np.sin, sine_backward, X)
        assert self.along(judge, by_entries(judge, [0, 1])).method == "differences, 2 directions through all entries"
        assert self.along(judge, by_entries(judge, [])).method == "2 directions through all entries"
        whole = self.along(judge, by_entries(judge))
        assert (whole.method, whole.verdict) == ("differences", Verdict.RIGHT)

    def test_where_they_tell_nothing_it_is_undecided(self):
        judge = judge_of(relus, relus_backward, np.zeros(4))
        findings = self.along(judge, by_entries(judge, [0, 1]))
        assert findings.verdict is Verdict.UNDECIDED
        assert findings.method.endswith("2 directions through all entries (2 undecided)")
        assert findings.remark.startswith("along the directions ")
        assert "kink" in findings.remark
        smooth = judge_of(lambda x: 1e14 + np.sin(x), sine_backward, X)
        assert "kink" not in self.along(smooth, by_entries(smooth, [0])).remark


class TestOtherPoint:
    def at(self, judge, x):
        with quiet():
            return judge.at(Point([np.array(x)], judge.analytic.cotangent))

    def test_what_is_wrong_there_alone_is_told(self):
        def backward(g, x):
            return (g * (np.cos(x) if x[0] == X[0] else np.sin(x)),)

        judge = judge_of(np.sin, backward, X)
        assert by_entries(judge).verdict is Verdict.RIGHT
        assert self.at(judge, X + 0.1).startswith("along a random direction the gradient gives ")
        assert not judge.agrees_at_other
        assert self.at(judge, X) == ""
        assert judge.agrees_at_other

    def test_a_gradient_of_another_shape_or_none_at_all(self):
        def backward(g, x):
            if x[0] > 5:
                raise KeyError("far out")
            return (g * np.cos(x) if x[0] == X[0] else g[:2],)

        judge = judge_of(np.sin, backward, X)
        assert self.at(judge, X + 0.1) == "the gradient has shape (2,), the input (4,)"
        assert self.at(judge, X + 9).startswith("backward or forward raised CallerError: backward raised KeyError: ")

    def test_near_the_inputs_an_unstable_gradient_may_be_seen_to_be_wrong(self):
        judge = judge_of(np.sin, off(2, 1.5), X)
        findings = by_entries(judge)
        findings.wrong[:], findings.right[2], findings.reason[2] = False, False, "unstable"
        elsewhere = Point([X + 1], judge.analytic.cotangent)
        with quiet():
            assert judge.is_wrong_nearby(findings, elsewhere)
        assert findings.verdict is Verdict.WRONG
        assert findings.remark.startswith("backward is unstable at the inputs; a little way from them, along a random")
        right = judge_of(np.sin, sine_backward, X)
        stable = by_entries(right)
        with quiet():
            assert not right.is_wrong_nearby(stable, elsewhere)
            stable.right[2], stable.reason[2] = False, "unstable"
            assert not right.is_wrong_nearby(stable, elsewhere)
        assert stable.remark == ""


def test_roundoff_is_that_of_the_findings_by_the_entry_s_own_size_or_measured_where_a_proof_has_none():
    judge = judge_of(np.sin, sine_backward, np.array([1.0, 2.0**-20, 1.0, 1.0]))
    findings = by_entries(judge)
    which = np.array([True, False, True, False])
    with quiet():
        own = judge.roundoff(findings, which)
        assert (own >= findings.roundoff).all()
        assert (own <= 2 * findings.roundoff).all()
        measured = findings.roundoff.copy()
        findings.roundoff[:] = np.nan
        again = judge.roundoff(findings, which)
    assert again[[0, 2]] == pytest.approx(measured[[0, 2]], rel=0.5, abs=0)
    assert again[[1, 3]].tolist() == [0, 0]
