"""Central differences: what they settle, how well, and what they leave to others."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical import differences
from scratchcnn.gradcheck.numerical.differences import (
    ATTEMPTS,
    BLOCK_NUMBERS,
    LIMITED_BOUND,
    SETTLED_BOUND,
    WIDEST_FACTOR,
    _by_roundoff,
    _rows,
    _Search,
    central_differences,
    separate,
    wide_unit,
)
from scratchcnn.gradcheck.numerical.groups import Group, grouped
from scratchcnn.gradcheck.numerical.noise import measure_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.numerical.quotients import Moves
from scratchcnn.gradcheck.numerical.steps import units

POINT = np.array([0.3, -1.7, 2.5, 0.9])
WEIGHTS = np.array([1.5, -0.75, 1.25, -2.0])


def estimated(function, x=POINT, cotangent=WEIGHTS, *, together=True, entries=None, dtype=np.float64):
    x = np.asarray(x, dtype)
    probe = Probe(function, [x], 0, dtype)
    contraction = Contraction(probe, np.asarray(cotangent, float), measure_noise(probe, np.random.default_rng(0)))
    number = np.arange(x.size)
    groups = [grouped(number, number, number)] if together else [Group(number)]
    chosen = number if entries is None else np.asarray(entries)
    return central_differences(contraction, groups, chosen, units(x))


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.sin, np.cos),
        (np.exp, np.exp),
        (lambda x: x**3, lambda x: 3 * x**2),
        (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
        (lambda x: np.sin(12 * x), lambda x: 12 * np.cos(12 * x)),
        (lambda x: 1e-9 * np.sin(12 * x), lambda x: 1.2e-8 * np.cos(12 * x)),
    ],
)
def test_smooth_functions_are_settled_within_their_bounds(function, slope, together):
    found = estimated(function, together=together)
    expected = WEIGHTS * slope(POINT)
    assert found.settled.all()
    assert (np.abs(found.value - expected) <= found.bound).all()
    assert (found.bound <= 10 * SETTLED_BOUND * np.abs(expected).max()).all()
    assert not found.narrow.any()


def test_what_is_easy_is_settled_at_once_and_what_bends_later():
    assert estimated(lambda x: 3 * x).attempt.tolist() == [0] * 4
    later = estimated(lambda x: np.sin(40 * x))
    assert later.attempt.max() > 0
    assert later.attempt.max() < len(ATTEMPTS)


def test_a_second_attempt_takes_the_steps_that_the_first_did_not():
    calls = []
    x = np.full(4, 0.4)
    probe = Probe(lambda x: [calls.append(None), np.sin(12 * x)][1], [x], 0)
    number = np.arange(4)
    calls.clear()
    contraction, group = Contraction(probe, WEIGHTS, np.full(4, 1e-16)), grouped(number, number, number)
    found = central_differences(contraction, [group], number, units(x))
    assert found.attempt.tolist() == [1] * 4
    assert found.attempt.dtype.kind == "i"
    assert len(calls) == 14


def test_in_a_higher_precision_all_numbers_are_of_it():
    found = estimated(lambda x: x**3, dtype=np.longdouble)
    for numbers in (found.value, found.bound, found.roundoff, found.scale):
        assert numbers.dtype == np.longdouble
    assert found.settled.all()


def test_only_what_small_steps_settle_is_asked_whether_roundoff_did_it(monkeypatch):
    def bends(x):
        return np.sin(np.array([12, 40, 12, 40]) * x)

    before = estimated(bends)
    monkeypatch.setattr(differences, "_by_roundoff", lambda contraction, group, larger, slope: slope == slope)
    after = estimated(bends)
    small = before.settled & (before.attempt == len(ATTEMPTS) - 1)
    assert {1, len(ATTEMPTS) - 1} <= set(before.attempt[before.settled])
    assert after.settled.tolist() == (before.settled & ~small).tolist()


def test_the_bound_that_settles_an_entry():
    """The largest derivative is 2, and one roundoff 0, but for one entry; the bounds are all 1e-8."""
    number = np.arange(5)
    search = _Search(Contraction(Probe(np.sin, [np.ones(5)], 0), np.ones(5), np.ones(5)), np.ones(5))
    search.steepest, search.roundoff[3] = 2.0, 1e-3
    value, bound = np.array([1.0, -0.5, 1e-12, 1.0, 0.0]), np.full(5, 1e-8)
    noise = np.array([[1e-9, 1e-12], [1e-12, 1e-9], [1e-9, 1e-12], [1e-9, 1e-9], [1e-12, 1e-12]]).T
    quotients = SimpleNamespace(noise=np.vstack([noise, np.full(5, 1e-15)]))  # the tiny step does not count
    early, late = (search._enough(number, value, bound, quotients, last=last) for last in (False, True))
    assert early[[0, 1, 4]] == pytest.approx([SETTLED_BOUND, SETTLED_BOUND / 2, 2 * SETTLED_BOUND])
    assert 4 * 2.0**-52 < early[2] < 32 * 2.0**-52
    assert 8e-3 < early[3] < 32e-3
    assert late[[0, 1, 2, 4]].tolist() == early[[0, 1, 2, 4]].tolist()
    noise[:, :] = 1e-9
    limited = search._enough(number, value, bound, SimpleNamespace(noise=noise[[0, 1, 1]]), last=True)
    assert limited[[0, 1, 2, 4]] == pytest.approx(2 * LIMITED_BOUND)


def test_small_steps_alone_leave_a_doubt():
    found = estimated(lambda x: np.sin(40 * x))
    off = np.abs(found.value - WEIGHTS * 40 * np.cos(40 * POINT))
    assert (off <= found.bound)[found.settled].all()
    small = found.settled & (found.attempt == len(ATTEMPTS) - 1)
    assert small.any()
    assert found.doubtful[small].all()
    assert not estimated(np.sin).doubtful.any()


@pytest.mark.parametrize("function", [lambda x: np.abs(x - POINT), lambda x: np.maximum(x, POINT), np.sign])
def test_a_kink_is_left_to_others(function):
    x = np.where(POINT > 2, 0, POINT) if function is np.sign else POINT
    found = estimated(function, x)
    assert not found.settled[2]
    assert not found.narrow.any()


def test_a_kink_or_jump_at_one_entry_hides_no_other():
    found = estimated(lambda x: np.where(np.arange(4) == 2, np.abs(x - POINT), np.sin(x)))
    assert found.settled.tolist() == [True, True, False, True]


def test_entries_that_do_not_belong_together_are_moved_alone():
    """The fifth output depends on all entries, and none of them owns it."""
    found = estimated(lambda x: np.append(np.sin(x), np.sum(x**2)), cotangent=[*WEIGHTS, 3.0])
    expected = WEIGHTS * np.cos(POINT) + 3 * 2 * POINT
    assert found.settled.all()
    assert (np.abs(found.value - expected) <= found.bound).all()


def test_only_what_is_asked_for_in_the_order_of_asking():
    every, some = estimated(np.sin), estimated(np.sin, entries=[3, 0])
    assert some.value.tolist() == every.value[[3, 0]].tolist()
    assert some.scale.tolist() == every.scale[[3, 0]].tolist()


def test_the_scale_is_that_of_the_outputs_over_the_entry_s_unit():
    found = estimated(lambda x: 1e6 + x, 1000 * POINT)
    assert found.scale == pytest.approx(np.abs(WEIGHTS) * (1e6 + 1000 * POINT) / units(1000 * POINT), rel=0.01)
    assert (found.roundoff >= 2.0**-52 * found.scale).all()
    assert (found.roundoff <= 64 * 2.0**-52 * found.scale).all()


def test_a_constant_has_the_derivative_zero():
    found = estimated(lambda x: np.full(4, 3.0) + 0 * x)
    assert not found.value.any()


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("function", [lambda x: x, lambda x: np.minimum(x, 0), lambda x: np.maximum(x, 0)])
def test_an_entry_whose_unit_is_too_small_for_anything_to_move_is_left_for_a_wider_one(function, together):
    def forward(x):
        return np.append(1 + function(x[:1]), x[1:])

    found = estimated(forward, [1e-20, 1.0, 2.0, 3.0], together=together)
    assert found.narrow.tolist() == [True, False, False, False]
    assert found.settled.tolist() == [False, True, True, True]


def test_not_one_that_moves_or_that_no_move_of_a_wide_one_would_move():
    tiny = [1e-20, 1.0, 2.0, 3.0]
    assert not estimated(lambda x: 3 * x, tiny).narrow.any()
    assert not estimated(lambda x: np.append(1 + 0 * x[:1], x[1:]), tiny, together=False).narrow.any()


def test_beside_large_entries_a_larger_one_is_too_small():
    found = estimated(lambda x: np.append(1e15 + x[:1], x[1:]), [1e-5, 1e3, 2e3, 3e3])
    assert found.narrow.tolist() == [True, False, False, False]


@pytest.mark.parametrize(
    ("leaves", "by_roundoff"),
    [
        ([3.2e-12, 1.6e-12, 8e-13, 4e-13, 2e-13, 1e-13], True),  # half as much at half the step
        ([1e-11, 1e-11, 1e-11, 0, 0, 0], True),  # at once
        ([1e-11, 0, 0, 0, 0, 0], True),  # at the first step alone
        ([2.6e-10, 6.4e-11, 1.6e-11, 4e-12, 1e-12, 0], True),  # gradually at first, and then at once
        ([1e-11, 8e-12, 4e-12, 1.3e-12, 4e-13, 2e-13], True),  # gradually, but not at the last
        ([np.nan, 1e-11, 1e-11, 1e-11, 1e-12, 1e-12], True),  # beyond the domain at first
        ([1e-8, 2.5e-9, 6.2e-10, 1.6e-10, 3.9e-11, 9.8e-12], False),  # by curvature
        ([1e-11, 2.5e-12, 6.2e-13, 1.6e-13, 4e-14, 1e-14], False),  # by curvature, until it is lost in the noise
        ([1e-12, 5e-13, 3e-13, 1e-13, 0, 0], False),  # lost in the noise
        ([5e-10, 1.5e-10, 4.3e-11, 1.2e-11, 3.5e-12, 1e-12], False),  # by curvature, not quite four times less
        ([0.1, 0.05, 0.02, 1e-2, 1e-3, 1e-4], False),  # past a kink, far
        ([0.1, 0.05, 0.025, 0.0125, 0.006, 0.003], False),  # past a kink at the point
        ([0, 0, 0, 0, 0, 0], False),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_larger_moves_may_leave_the_tangent_by_steps_of_roundoff(leaves, by_roundoff, side):
    """The noise is 1e-15, of which 64 times are seen; the slopes are 3. The second entry never leaves its tangent."""
    number = np.arange(2)
    contraction = Contraction(Probe(lambda x: 0 * x + 5, [np.ones(2)], 0), np.ones(2), np.full(2, 1e-15))
    h = np.append(2.0 ** -np.arange(6), 2.0**-20)[:, None] * np.ones(2)
    y = 5 + 3 * h[:, None] * np.array([[-1.0], [1.0]])
    y[:-1, side, 0] += leaves
    found = _by_roundoff(contraction, grouped(number, number, number), Moves(y, h), np.full(2, 3.0))
    assert found.tolist() == [by_roundoff, False]


@pytest.mark.parametrize(("leaves", "by_roundoff"), [(1e-7, True), (1e-5, False)])
def test_of_large_outputs_these_are_higher(leaves, by_roundoff):
    number = np.zeros(1, np.intp)
    contraction = Contraction(Probe(lambda x: 0 * x + 1e3, [np.ones(1)], 0), np.ones(1), np.full(1, 1e-15))
    h = np.append(2.0 ** -np.arange(6), 2.0**-20)[:, None]
    y = np.full((7, 2, 1), 1e3)
    y[:-1] += leaves * h[:-1, None]
    found = _by_roundoff(contraction, grouped(number, number, number), Moves(y, h), np.zeros(1))
    assert found.tolist() == [by_roundoff]


class TestWideUnit:
    def test_up_to_one_or_the_largest_of_the_array(self):
        assert wide_unit(np.array([2.0**-10, 2.0**-20])).tolist() == [1, 1]
        assert wide_unit(np.array([2.0**-10, 8.0])).tolist() == [8, 8]

    def test_no_wider_than_a_ladder_sees(self):
        assert wide_unit(np.array([2.0**-100])).tolist() == [2.0**-100 * WIDEST_FACTOR]


class TestSeparate:
    @pytest.mark.parametrize(("count", "groups"), [(4, 1), (5, 2)])
    def test_more_than_half_as_many_groups_as_entries_are_not_worth_it(self, count, groups):
        probe = Probe(lambda x: x[:-1] * x[1:], [np.arange(1.0, count + 1)], 0)
        found = separate(probe, np.arange(count), np.ones(count))
        assert len(found) == groups
        assert (found[0].outputs is None) is (groups == 1)

    def test_entries_that_move_nothing_go_with_any_other(self):
        (group,) = separate(Probe(lambda x: x[:2], [np.arange(1.0, 9)], 0), np.arange(8), np.ones(8))
        assert group.outputs is not None

    def test_of_very_large_outputs_nobody_asks_what_each_depends_on(self):
        groups = separate(Probe(lambda x: np.repeat(x, 2**17), [np.arange(8.0)], 0), np.arange(8), np.ones(8))
        assert all(group.outputs is None for group in groups)

    def test_at_least_one_entry_is_looked_at_together(self):
        assert _rows(SimpleNamespace(outputs=2**20)) == 1
        assert _rows(SimpleNamespace(outputs=1)) == _rows(SimpleNamespace(outputs=0)) == BLOCK_NUMBERS // 14

    def test_few_overlaps_make_few_groups(self):
        probe = Probe(lambda x: x[:-1] * x[1:], [np.arange(1.0, 9)], 0)
        groups = separate(probe, np.arange(8), np.ones(8))
        assert len(groups) == 2
        assert sorted(entry for group in groups for entry in group.entries) == list(range(8))
        assert all(group.outputs is not None for group in groups)

    @pytest.mark.parametrize(
        "function",
        [lambda x: np.array([x.sum(), (x**2).sum()]), lambda x: x.sum(keepdims=True)],
        ids=["all overlap", "one output"],
    )
    def test_where_all_overlap_each_moves_alone(self, function):
        probe = Probe(function, [np.arange(1.0, 5)], 0)
        (group,) = separate(probe, np.arange(4), np.ones(4))
        assert group.outputs is None
        assert group.entries.tolist() == [0, 1, 2, 3]

    def test_where_most_overlap_each_moves_alone(self):
        probe = Probe(lambda x: np.append(x[:1], x[1:].sum() + np.zeros(2)), [np.arange(1.0, 5)], 0)
        (group,) = separate(probe, np.arange(4), np.ones(4))
        assert group.outputs is None

    def test_a_block_holds_no_more_numbers_than_it_may(self):
        outputs = 2**16
        probe = Probe(lambda x: np.full(outputs, x.sum()), [np.arange(1.0, 13)], 0)
        groups = separate(probe, np.arange(12), np.ones(12))
        most = max(len(group.entries) for group in groups)
        assert 2 * 7 * most * outputs <= BLOCK_NUMBERS < 2 * 7 * (most + 1) * outputs
