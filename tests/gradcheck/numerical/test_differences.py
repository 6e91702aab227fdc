"""Central differences: what they settle, how well, and what they leave to others."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.differences import (
    ATTEMPTS,
    BLOCK_NUMBERS,
    SETTLED_BOUND,
    WIDEST_FACTOR,
    _by_roundoff,
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


def estimated(function, x=POINT, cotangent=WEIGHTS, *, together=True, entries=None):
    x = np.asarray(x, float)
    probe = Probe(function, [x], 0)
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
    found = estimated(lambda x: 1000.0 + x)
    unit = units(POINT)
    assert found.scale == pytest.approx(np.abs(WEIGHTS) * (1000 + POINT) / unit, rel=0.01)
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


@pytest.mark.parametrize(
    ("leaves", "by_roundoff"),
    [
        ([3.2e-12, 1.6e-12, 8e-13, 4e-13, 2e-13, 1e-13], True),  # half as much at half the step
        ([1e-11, 1e-11, 1e-11, 0, 0, 0], True),  # at once
        ([1e-8, 2.5e-9, 6.2e-10, 1.6e-10, 3.9e-11, 9.8e-12], False),  # by curvature
        ([1e-11, 2.5e-12, 6.2e-13, 1.6e-13, 4e-14, 1e-14], False),  # by curvature, until it is lost in the noise
        ([1e-12, 5e-13, 3e-13, 1e-13, 0, 0], False),  # lost in the noise
        ([0.1, 0.05, 0.02, 1e-2, 1e-3, 1e-4], False),  # past a kink, far
        ([0, 0, 0, 0, 0, 0], False),
    ],
)
@pytest.mark.parametrize("side", [0, 1])
def test_larger_moves_may_leave_the_tangent_by_steps_of_roundoff(leaves, by_roundoff, side):
    """The noise is 1e-15, of which 64 times are seen; the slope is 3."""
    contraction = Contraction(Probe(lambda x: 0 * x, [np.ones(1)], 0), np.ones(1), np.full(1, 1e-15))
    h = np.append(2.0 ** -np.arange(6), 2.0**-20)[:, None]
    y = 3 * h[:, None] * np.array([[-1.0], [1.0]])
    y[:-1, side, 0] += leaves
    number = np.zeros(1, np.intp)
    found = _by_roundoff(contraction, grouped(number, number, number), Moves(y, h), np.full(1, 3.0))
    assert found.tolist() == [by_roundoff]


class TestWideUnit:
    def test_up_to_one_or_the_largest_of_the_array(self):
        assert wide_unit(np.array([2.0**-10, 2.0**-20])).tolist() == [1, 1]
        assert wide_unit(np.array([2.0**-10, 8.0])).tolist() == [8, 8]

    def test_no_wider_than_a_ladder_sees(self):
        assert wide_unit(np.array([2.0**-100])).tolist() == [2.0**-100 * WIDEST_FACTOR]


class TestSeparate:
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
