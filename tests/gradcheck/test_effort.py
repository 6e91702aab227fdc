"""What a check costs is planned from what a call costs; a clock that the tests turn stands for the time."""

import itertools
import pickle
import time

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.effort import INTERRUPTION, Timed, in_time, plan, repeats
from scratchcnn.gradcheck.numerical.spreading import tally
from tests.gradcheck.spread import product, product_backward


class Clock:
    """`time.perf_counter` that only moves when a function says that it has taken some seconds."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def slow(self, function, seconds):
        return self.interrupted(function, seconds, at=None, by=0)

    def interrupted(self, function, seconds, at, by):
        """A function whose call number `at` takes `by` seconds more."""
        calls = itertools.count()

        def slowly(*arguments):
            self.now += seconds + (by if next(calls) == at else 0)
            return function(*arguments)

        return slowly


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def forgets_an_entry(g, x, w):
    grad_x, grad_w = product_backward(g, x, w)
    grad_w[7, 3] = 0
    return grad_x, grad_w


X, W = np.random.default_rng(0).normal(size=(20, 15)), np.random.default_rng(1).normal(size=(15, 10))


@pytest.mark.parametrize("seconds", [1e-6, 1e-3, 1e-2, 0.05])
def test_a_check_takes_about_a_second_per_input_whatever_forward_takes(clock, seconds):
    report = check_gradient(clock.slow(product, seconds), clock.slow(product_backward, seconds), X, W, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert clock.now < 2.5 * 2


@pytest.mark.parametrize("seconds", [1e-6, 1e-3, 1e-2, 0.05, 1.0])
def test_one_forgotten_entry_is_found_whatever_forward_takes(clock, seconds):
    report = check_gradient(clock.slow(product, seconds), clock.slow(forgets_an_entry, seconds), X, W, proof=False)
    assert [i.verdict for i in report.inputs] == [Verdict.RIGHT, Verdict.WRONG]


def test_what_takes_longer_than_the_budget_is_checked_along_a_direction(clock):
    report = check_gradient(clock.slow(product, 10.0), clock.slow(product_backward, 10.0), X, W, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert [i.checked for i in report.inputs] == [0, 0]
    assert {i.method for i in report.inputs} == {"1 direction through all entries"}
    assert "0 of 300 entries checked" in str(report)


def test_more_seconds_look_at_more_entries_and_none_is_left_out_on_demand(clock):
    def checked(**options):
        forward, backward = clock.slow(product, 1e-3), clock.slow(product_backward, 1e-3)
        return [i.checked for i in check_gradient(forward, backward, X, W, proof=False, **options).inputs]

    few, more = checked(seconds=0.5), checked(seconds=2)
    assert all(0 < f < m < 300 for f, m in zip(few, more, strict=True))
    assert checked(max_entries=None) == [300, 150]


@pytest.mark.parametrize("at", [1, 2, 5, 50])
def test_a_call_that_the_machine_interrupts_changes_no_report(clock, at):
    """While Hypothesis shrinks an example, the verdict must not depend on what else the machine does."""

    def report(at):
        forward = clock.interrupted(product, 1e-3, at=at, by=0.05)
        return check_gradient(forward, clock.slow(product_backward, 1e-3), X, W, proof=False).to_dict()

    assert report(at) == report(None)


@pytest.mark.parametrize(("durations", "calls", "in_it"), [([1], 1, True), ([3, 1], 2, True), ([3, 3], 2, False)])
def test_what_takes_too_long_once_is_tried_again(clock, durations, calls, in_it):
    made = iter(durations)

    def make():
        clock.now += next(made) * INTERRUPTION / 2
        return "made"

    assert in_time(INTERRUPTION, make) == ("made" if in_it else None)
    assert len(durations) - len(list(made)) == calls


def test_what_takes_far_too_long_is_not_tried_again(clock):
    made = iter([3])

    def make():
        clock.now += next(made) * INTERRUPTION
        return "made"

    assert in_time(INTERRUPTION, make) is None


def test_a_plan_grows_with_the_seconds():
    plans = [plan(seconds, 1e-3, 100, "affordable") for seconds in (0.01, 0.1, 1, 10)]
    assert [p.entries for p in plans] == sorted(p.entries for p in plans)
    assert plans[0].entries == plans[0].climbs == 0
    assert plan(0.01, 1.0, 100, None).entries is None
    assert plan(0.01, 1.0, 100, 7).entries == 7


def test_a_cheap_backward_is_repeated_ten_times_and_a_slow_one_twice():
    assert repeats(1.0, 1e-6) == 10
    assert repeats(1.0, 60.0) == 2


def test_climbs_are_planned_where_entries_are():
    quick, slow = (plan(1.0, forward, 10, "affordable") for forward in (1e-5, 0.1))
    assert quick.climbs > 50
    assert (slow.entries, slow.climbs) == (0, 0)


class TestTimed:
    def test_calls_are_counted_and_told(self):
        told = []
        timed = Timed(product)
        timed.called = told.append
        for _ in range(3):
            timed(np.ones((1, 1)), np.ones((1, 1)))
        assert (timed.calls, told) == (3, [1, 1, 1])

    def test_the_quickest_call_but_the_first_counts(self, clock):
        durations = iter([5.0, 2.0, 1.0, 3.0])

        def forward():
            clock.now += next(durations)

        timed = Timed(forward)
        timed()
        assert timed.seconds == 5
        for _ in range(3):
            timed()
        assert timed.seconds == 1

    def test_in_a_piece_of_work_that_is_spread_the_call_is_counted_there(self):
        class Tally:
            calls = 0

        timed, elsewhere = Timed(np.add, 1.0), Tally()
        token = tally.set(elsewhere)
        try:
            assert timed(2.0) == 3
        finally:
            tally.reset(token)
        assert (timed.calls, elsewhere.calls) == (0, 1)

    def test_elsewhere_it_is_a_function_of_which_nothing_is_measured_yet(self):
        timed = Timed(np.full, 3, dtype=np.float32)
        timed(1.0)
        other = pickle.loads(pickle.dumps(timed))
        assert type(other) is Timed
        assert (other.calls, timed.calls) == (0, 1)
        assert (other(2.0).tolist(), other(2.0).dtype) == ([2, 2, 2], np.float32)
