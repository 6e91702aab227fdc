"""The judgement of one input by differences: entry by entry, along directions, at another point; and within a time."""

from functools import partial

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict
from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.contract import observe
from scratchcnn.gradcheck.effort import Effort
from scratchcnn.gradcheck.input_judge import InputJudge
from scratchcnn.gradcheck.leaves import prepared
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.gradient import derivatives
from scratchcnn.gradcheck.numerical.noise import STRIDES
from scratchcnn.gradcheck.numerical.spreading import Workers
from scratchcnn.gradcheck.points import Point, draw_cotangent, second_point
from scratchcnn.gradcheck.setting import Setting
from tests.gradcheck.kernels import KERNELS, alone_in, dense, dense_backward

EPS, EPS32 = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)
X = np.array([0.3, -1.7, 2.5, 0.9])
ALL = np.arange(4)


def judge_of(
    forward, backward, *inputs, index=0, entries=None, climbs=None, longest=10.0, reference=None, workers=None
):
    """The judge of an input, within an effort."""
    rng = np.random.default_rng(0)
    with quiet():
        case, _ = prepared(forward, backward, inputs, None, None, None, reference=reference)
        cotangent, other = (draw_cotangent(case.output.shape, case.output.dtype, rng) for _ in range(2))
        second = second_point(case, other, rng)
        observed = observe(case, cotangent, other, second, 1.0, drawn=True)
        setting = Setting(case, cotangent, observed, second, rng)
        analytic = Analytic(case, cotangent, observed.gradients, unsteady=observed.unsteady)
        return InputJudge(setting, index, analytic, Effort(entries, climbs, 2, STRIDES, longest), workers)


def by_entries(judge, entries=ALL, **options):
    with quiet():
        return judge.by_entries(np.array(entries), **options)


def found_by(judge):
    """The derivatives of all entries, as they are before they are judged."""
    with quiet():
        return derivatives(judge.contraction, np.arange(judge.x.size))


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

    def test_and_widens_them_at_a_second_look_too(self):
        calls = []

        def backward(g, x):
            calls.append(None)
            return (g * np.cos(x) + 1e-4 * (len(calls) % 3),)

        found = by_entries(judge_of(np.sin, backward, X))  # too wide to vouch
        assert not (found.wrong | found.right).any()
        assert (found.bound >= 1e-4).all()
        assert set(found.reason) == {"chance"}

    def test_the_bound_of_differences_counts(self):
        judge = judge_of(lambda x: 1e3 + 3.1 * x, lambda g, x: (3.1 * g,), X, climbs=0, longest=0.0)
        assert by_entries(judge).right.all()

    def test_kinks_that_meet_are_looked_at_together(self):
        judge = judge_of(lambda x: x.max(keepdims=True), lambda g, x: (g * (x == x.max()),), np.array([1.0, 1.0, 0.5]))
        found = by_entries(judge, [0, 1, 2])
        assert found.right.all()
        assert found.verdict is Verdict.WRONG
        assert found.remark.startswith("along 2 entries, moved together, the gradient gives ")

    def test_what_backward_says_elsewhere_by_some_of_the_outputs(self):
        at, some = X.reshape(2, 2) + 0.5, np.array([True, False, True, True])
        judge = judge_of(np.sin, sine_backward, X.reshape(2, 2))
        expected = judge.cotangent * np.cos(at).reshape(-1)
        assert judge._gradient_at([at]) == pytest.approx(expected)
        assert judge._gradient_at([at], some) == pytest.approx(expected * some)
        assert judge._gradient_at([np.ones(3)]) is None

    def test_forward_may_write_into_its_inputs_and_its_calls_may_be_shared(self):
        def forward(x):
            x *= 2
            return np.sin(x)

        workers = Workers(None, 0.0, lambda calls: None)
        judge = judge_of(forward, lambda g, x: (2 * g * np.cos(2 * x),), X, workers=workers)
        with quiet():
            probes = [judge.probe, judge._wide()]
        assert all(probe.fresh and probe.workers is workers for probe in probes if probe is not None)
        steady = judge_of(np.sin, sine_backward, X)
        assert (steady.probe.fresh, steady.probe.workers) == (False, None)

    def test_kinks_are_followed_at_more_entries_than_one_alone(self):
        assert judge_of(relus, relus_backward, X, climbs=3)._cone().climbs == 12
        assert judge_of(relus, relus_backward, X)._cone().climbs is None


class TestSecondLook:
    """At derivatives that somebody has put out of place."""

    @pytest.mark.parametrize(("longest", "method"), [(10.0, "differences"), (0.0, "ladder")])
    def test_replaces_what_it_decides_and_keeps_what_it_does_not(self, longest, method):
        def forward(x):
            return np.array([np.maximum(x[0], 0), np.sin(x[1]), np.sign(x[2]), np.sign(x[3]), 3 * x[4]])

        judge = judge_of(forward, lambda g, x: (g,), np.array([0.0, 0.5, 0.0, 0.0, 0.25]), longest=longest)
        found = found_by(judge)
        found.turns.clear()
        found.value[:], found.bound[:], found.status[:] = 5, 7, ["noise", "ok", "ok", "domain", "noise"]
        with quiet():
            judge._look_again(found, np.arange(5))
        assert found.status.tolist() == ["kink", "ok", "ok", "jump", "ok"]
        assert list(found.turns) == [0]
        if np.finfo(np.longdouble).eps < EPS or not longest:
            assert found.method[[0, 1]].tolist() == ["one-sided", method]
        assert found.value[[1, 2, 4]] == pytest.approx([judge.cotangent[1] * np.cos(0.5), 5, judge.cotangent[4] * 3])
        assert found.bound[2] == 7
        assert EPS * np.abs(found.value[4]) <= found.bound[4] < 1e-9

    def test_goes_to_the_farthest_from_their_bounds_as_long_as_there_is_time(self):
        judge = judge_of(lambda x: 3 * x, lambda g, x: (3 * g,), X, climbs=1)
        found, gradient = found_by(judge), judge.analytic.values(0)
        found.value += [0, 3, np.nan, 2]
        found.bound[:], found.status[2] = [1e-9, 2.5, 1e-9, 0.1], "not finite"
        judge.inside, gradient = 2.0**-10, gradient * np.array([1, 1, 1, 1 + 2.0**-9])
        with quiet():
            judged, dropped = judge._judged_twice(found, gradient)
        assert dropped.tolist() == [1]  # first that without a value, then the last
        assert judged.right.tolist() == [True, False, True, True]  # the last by backward's own roundoff in float16
        assert found.value[[2, 3]] == pytest.approx(judge.analytic.values(0)[[2, 3]])

    def test_passes_over_what_a_fit_has_seen_beyond_steps(self):
        judge = judge_of(lambda x: 3 * x, lambda g, x: (3 * g,), X)
        found, gradient = found_by(judge), judge.analytic.values(0)
        judge.inside, gradient = 2.0**-10, gradient * np.array([1, 1 + 2.0**-9, 1, 2])
        found.stepped[:], found.bound[:] = True, 0
        value = found.value.copy()
        found.value[2] = -value[2]
        with quiet():
            judged, dropped = judge._judged_twice(found, gradient)
        assert judged.right.tolist() == [True, True, False, False]
        assert (found.value[2], len(dropped)) == (-value[2], 0)

    def test_an_unstable_gradient_of_a_staircase_is_one_of_steps(self):
        judge = judge_of(lambda x: 3 * x, lambda g, x: (3 * g,), X)
        found = found_by(judge)
        judge.inside = 1.0  # nothing is known of backward's roundoff, which may be some times each entry
        found.stepped[:2], found.bound[:] = True, 0
        with quiet():
            judged = judge._judge(found, 4.9 * found.value, ALL)
        assert judged.reason.tolist() == ["steps", "steps", "unstable", "unstable"]


class TestScale:
    def test_is_that_of_the_lowest_precision_and_of_what_is_decided(self):
        judge = judge_of(lambda x: (0.1 * np.sin(x)).astype(np.float32), lambda g, x: (0.1 * g * np.cos(x),), X)
        found = found_by(judge)
        found.value[:], found.status[:] = [1e9, 0.01, -0.5, 0.1], ["noise", "ok", "ok", "kink"]
        scale = judge._scale(found)
        assert scale.roundoff == pytest.approx(EPS32 / EPS * found.roundoff)
        assert scale.vouching == pytest.approx(np.sqrt(EPS32) * np.array([1e9, 0.5, 0.5, 0.5]))
        found.status[:] = "noise"
        assert judge._scale(found).vouching[3] == pytest.approx(0.1 * np.sqrt(EPS32))

    @pytest.mark.parametrize(("dtype", "roundoffs"), [(np.float64, 0), (np.float32, 4)])
    def test_roundoffs_of_forward_count_for_a_gradient_in_a_low_precision(self, dtype, roundoffs):
        judge = judge_of(lambda x: 2.0**40 + x, lambda g, x: (g,), X.astype(dtype))
        found = found_by(judge)
        with quiet():
            own, least = judge._own_error(found, ALL), judge.analytic.own_error(0, ALL, found.status, np.full(4, 1e9))
        assert own - least == pytest.approx(roundoffs * found.roundoff)
        assert found.roundoff.min() > 1e-5

    def test_a_gradient_that_is_roundoff_throughout_is_off_by_the_largest_of_its_errors(self):
        def forward(x):
            p = np.exp(x) / np.exp(x).sum()
            return p.sum(keepdims=True)

        def backward(g, x):
            p = np.exp(x) / np.exp(x).sum()
            return (p * (g - (g * p).sum()),)

        nothing, sine = judge_of(forward, backward, X), judge_of(np.sin, sine_backward, X)
        with quiet():
            errors = [judge._own_error(found_by(judge), ALL) for judge in (nothing, sine)]
        assert np.ptp(errors[0]) == 0 < errors[0].max()
        assert np.ptp(errors[1]) > 0


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

    @pytest.mark.parametrize("climbs", [1, 6, None])
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
        assert judge_of(lambda x: np.floor(x).astype(int), lambda g, x: (0 * x,), X).eps == EPS

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
        assert judge.cotangent.dtype == judge._gradient_at([X + 1]).dtype == np.float64
        findings = by_entries(judge, [0, 1])
        with quiet():
            judge.along_directions(findings, 2)
        assert findings.method.endswith("2 directions through all entries")

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
        assert findings.remark.startswith("along the directions undecided: kink at 2 (")
        smooth = judge_of(lambda x: 1e14 + np.sin(x), sine_backward, X)
        remark = self.along(smooth, by_entries(smooth, [0])).remark
        assert remark.startswith("along the directions undecided: noise at 2 (")
        whole = self.along(judge, by_entries(judge))
        assert (whole.verdict, whole.remark) == (Verdict.RIGHT, "")

    @pytest.mark.parametrize(("climbs", "looks"), [(0, False), (1, True), (None, True)])
    def test_all_scales_are_looked_at_before_it_is_accused_if_there_is_time(self, climbs, looks):
        calls = []
        judge = judge_of(lambda x: [calls.append(None), np.sin(x)][1], off(2, 2.0), X, climbs=climbs)
        calls.clear()
        with quiet():
            assert judge.along().verdict is Verdict.WRONG
        assert (len(calls) > 100) is looks

    def test_it_is_held_to_the_precision_of_the_inputs_and_differenced_in_float64(self):
        judge = judge_of(np.sin, sine_backward, X.astype(np.float32))
        with quiet():
            along = judge.along()
        total = np.abs(judge.analytic.values(0)) @ judge.probe.unit
        assert along.verdict is Verdict.RIGHT
        assert 4 * EPS32 * total < along.tolerance < 16 * EPS32 * total

    def test_it_goes_beyond_the_steps_of_a_staircase(self):
        judge = judge_of(lambda x: np.sin(x.astype(np.float16).astype(x.dtype)), sine_backward, X)
        by_entries(judge)
        with quiet():
            directions = [judge.along() for _ in range(12)]
        # Along a few of them too little moves.
        assert {along.verdict for along in directions} <= {Verdict.RIGHT, Verdict.UNDECIDED}
        assert [along.verdict for along in directions].count(Verdict.RIGHT) > 6
        assert all(along.value == pytest.approx(along.analytic, rel=0.1) for along in directions)


class TestOtherPoint:
    def at(self, judge, x):
        with quiet():
            return judge.at(Point([np.array(x)], judge.analytic.cotangent))

    def test_what_is_wrong_there_alone_is_told(self):
        def backward(g, x):
            return (g * (np.cos(x) if x[0] == X[0] else np.sin(x)),)

        judge = judge_of(np.sin, backward, X)
        assert judge.agrees_at_other is False
        assert by_entries(judge).verdict is Verdict.RIGHT
        assert self.at(judge, X + 0.1).startswith("along a random direction the gradient gives ")
        assert not judge.agrees_at_other
        assert self.at(judge, X) == ""
        assert judge.agrees_at_other

    def test_a_wide_tolerance_is_no_agreement(self):
        judge = judge_of(lambda x: 1e5 + 1e-3 * np.sin(x), lambda g, x: (1e-3 * g * np.cos(x),), X.reshape(2, 2))
        assert self.at(judge, X.reshape(2, 2) + 0.1) == ""
        assert not judge.agrees_at_other

    def test_a_gradient_that_holds_no_numbers(self):
        def backward(g, x):
            return (g * np.cos(x) + (0 if x[0] == X[0] else 1j),)

        assert "complex128" in self.at(judge_of(np.sin, backward, X), X + 0.1)

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
        findings.remark = "told already"
        with quiet():
            assert not judge.is_wrong_nearby(findings, elsewhere)
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


class TestKernel:
    """A dense layer in bfloat16 alone, beside its reference."""

    def judge(self, mistake="", **effort):
        backward = alone_in(ml_dtypes.bfloat16, partial(dense_backward, mistake=mistake))
        inputs = KERNELS["dense"].inputs(ml_dtypes.bfloat16, 0)
        return judge_of(alone_in(ml_dtypes.bfloat16, dense), backward, *inputs, index=1, reference=dense, **effort)

    def test_it_is_right_to_the_roundings(self):
        judge = self.judge()
        found = by_entries(judge, range(25))
        assert found.right.all()
        assert (found.method, found.remark) == ("differences, to the roundings of bfloat16", "")
        few = by_entries(judge, [3, 7])
        with quiet():
            judge.along_directions(few, 2)
        assert few.method == "differences, to the roundings of bfloat16"  # a direction would show less

    @pytest.mark.parametrize(("entries", "points"), [(None, 32), (200, 32), (50, 14)])
    def test_a_mistake_is_looked_at_from_as_many_points_as_there_is_time_for(self, entries, points):
        found = by_entries(self.judge("factor", entries=entries), range(25))
        assert found.verdict is Verdict.WRONG
        assert found.remark.startswith("taken together the entries are 0.12 times the derivative")
        assert found.remark.endswith(f" (the mean over {points} points close by)")

    def test_with_too_little_time_it_is_wrong_as_it_stands(self):
        found = by_entries(self.judge("factor", entries=20), range(25))
        assert found.verdict is Verdict.WRONG
        assert "points" not in found.remark
