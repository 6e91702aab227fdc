"""Difference quotients of entries that move, and when they are believed."""

from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.groups import Group, grouped
from scratchcnn.gradcheck.numerical.noise import FLOOR_ROUNDOFFS
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.numerical.quotients import Moves, Quotients, contracted, evaluate, largest, settle

EPS = float(np.finfo(float).eps)
STEPS = np.array([0.25, 0.125, 0.0625, 2.0**-20])
UNIT = np.array([1.0, 2.0, 1.0])
X = np.array([0.5, 3.0, -1.0])
ALONE = Group(np.arange(3))


def asked(function, cotangent=(1.0, 10.0, 100.0), x=X):
    probe = Probe(function, [np.array(x, float)], 0)
    cotangent = np.array(cotangent, float)
    return Contraction(probe, cotangent, FLOOR_ROUNDOFFS * EPS * np.abs(probe.y0))


def together(count=3):
    return grouped(np.arange(count), np.arange(count), np.arange(count))


def quotients(function, group=None, **options):
    contraction = asked(function, **options)
    group = together() if group is None else group
    return contracted(contraction, group, UNIT, evaluate(contraction.probe, group, UNIT, STEPS))


class TestMoves:
    def test_entries_move_by_steps_in_units_to_the_left_and_right(self):
        moves = evaluate(asked(lambda x: 3 * x).probe, together(), UNIT, STEPS)
        assert np.array_equal(moves.h, STEPS[:, None] * UNIT)
        assert np.array_equal(moves.y, 3 * (X + np.array([-1, 1])[None, :, None] * moves.h[:, None]))

    def test_alone_each_has_a_row_of_all_outputs(self):
        moves = evaluate(asked(lambda x: 3 * x).probe, ALONE, UNIT, STEPS[:2])
        assert moves.y.shape == (2, 2, 3, 3)
        for k in range(3):
            moved = X.copy()
            moved[k] += STEPS[1] * UNIT[k]
            assert np.array_equal(moves.y[1, 1, k], 3 * moved)

    def test_they_have_the_precision_of_the_probe(self):
        probe = Probe(lambda x: 3 * x, [X], 0, np.longdouble)
        for group in (together(), ALONE):
            assert evaluate(probe, group, UNIT.astype(np.longdouble), STEPS).y.dtype == np.longdouble

    def test_some_of_the_entries(self):
        moves = evaluate(asked(lambda x: 3 * x).probe, ALONE, UNIT, STEPS[:2])
        some = moves.of(np.array([2, 0]))
        assert np.array_equal(some.h, moves.h[:, [2, 0]])
        assert np.array_equal(some.y, moves.y[:, :, [2, 0]])

    def test_moves_are_merged_by_the_size_of_their_steps(self):
        one, other = (
            Moves(np.array(values)[:, None], np.array(h)[:, None])
            for values, h in (([1.0, 3.0], [8.0, 2.0]), ([2.0, 4.0], [4.0, 1.0]))
        )
        merged = one.merged(other)
        assert merged.h.ravel().tolist() == [8, 4, 2, 1]
        assert merged.y.ravel().tolist() == [1, 2, 3, 4]


class TestContracted:
    @pytest.mark.parametrize("group", [together(), ALONE], ids=["together", "alone"])
    def test_quotients_of_a_parabola(self, group):
        q = quotients(lambda x: x**2, group)
        weight = np.array([1, 10, 100])
        assert q.central[:-1] == pytest.approx(np.broadcast_to(weight * 2 * X, (3, 3)), rel=1e-12)
        assert q.bend[:-1] == pytest.approx(2 * q.h[:-1] * weight, rel=1e-9)
        assert not q.unmoved.any()
        assert not q.still.any()
        assert not q.in_steps.any()
        assert q.rest.tolist() == [0, 0, 0]

    def test_the_scale_is_that_of_the_largest_outputs_that_the_steps_reach(self):
        q = quotients(lambda x: x**2)
        reached = (np.abs(X) + STEPS[0] * UNIT) ** 2
        assert q.scale == pytest.approx(np.array([1, 10, 100]) * reached, rel=1e-12)
        assert q.roundoff == pytest.approx(EPS * q.scale, rel=1e-9)

    def test_the_noise_is_that_of_two_outputs_over_two_steps(self):
        q = quotients(lambda x: x + 100, cotangent=(1, 1, -1))
        expected = FLOOR_ROUNDOFFS * EPS * (np.abs(X + 100) + q.h) / q.h
        assert q.noise == pytest.approx(expected, rel=0.02)

    def test_an_output_that_nobody_owns_says_that_the_group_is_none(self):
        assert quotients(lambda x: np.append(x, x[:1]), cotangent=(1, 1, 1, 1)) is None

    def test_where_nothing_moves_any_output_may_depend_on_the_entry(self):
        q = quotients(lambda x: np.array([3.0, -5.0]) + 0 * x[0], Group(np.arange(3)), cotangent=(1.0, 2.0))
        assert q.unmoved.all()
        assert not q.central.any()
        noise = FLOOR_ROUNDOFFS * EPS * (3 + 2 * 5)
        assert q.rest == pytest.approx(noise / q.h[0], rel=1e-12)
        assert q.scale.tolist() == [13] * 3

    def test_an_output_of_cotangent_zero_counts_for_nothing(self):
        q = quotients(lambda x: x**2, cotangent=(1.0, 0.0, 100.0))
        assert q.central[:, 1].tolist() == [0] * 4
        assert (q.scale[1], q.roundoff[1], q.rest[1]) == (0, 0, 0)

    def test_an_output_that_stands_still_at_the_tiny_step_is_marked(self):
        """Rounded to multiples of 2^-10, which the tiny step does not reach."""
        q = quotients(lambda x: np.floor(x * 2**10 + 0.5) / 2**10)
        assert q.still.all()
        assert q.still.dtype == bool
        assert not quotients(lambda x: x).still.any()

    @pytest.mark.parametrize("group", [together(), ALONE], ids=["together", "alone"])
    def test_what_is_hidden_below_the_roundoff_is_a_rest_over_the_largest_step(self, group):
        """A sigmoid at 40 moves at no step, and depends on its input all the same."""
        q = quotients(lambda x: 1 / (1 + np.exp(-x)), group, x=(40.0, 0.0, 0.0), cotangent=(1.0, 1.0, 1.0))
        assert q.unmoved.tolist() == [False, False, False]
        assert EPS <= q.rest[0] * q.h[0, 0] <= 64 * EPS
        assert q.rest[1:].tolist() == [0, 0]


def test_without_units_every_output_is_taken_to_depend_on_the_move():
    """Each output has one part in the rest: its noise over the largest step; and in the scale: its size."""
    contraction = asked(lambda x: np.array([x[0], 7.0, -5.0]), cotangent=(1.0, -2.0, 0.0))
    one = Group(np.array([0]))
    q = contracted(contraction, one, None, evaluate(contraction.probe, one, UNIT, STEPS))
    assert q.rest == pytest.approx(2 * FLOOR_ROUNDOFFS * EPS * 7 / q.h[0], abs=0)
    assert q.scale == pytest.approx(X[0] + STEPS[0] + 2 * 7)
    assert q.central[0] == pytest.approx([1.0])


def test_the_largest_finite_size_and_that_at_the_point():
    size = np.array([[1.0, np.inf, np.nan], [2.0, 3.0, np.inf]])
    assert largest(size, np.array([-5.0, 1.0, -4.0])).tolist() == [5, 3, 4]
    assert largest(np.empty((0, 2)), np.array([1.0, -2.0])).tolist() == [1, 2]


class TestSettled:
    def test_a_smooth_function_is_settled_well(self):
        value, bound, agrees = settle(quotients(np.sin))
        assert agrees.all()
        assert (np.abs(value - np.array([1, 10, 100]) * np.cos(X)) <= bound).all()
        assert (bound < 1e-3 * np.abs(value)).all()

    def test_a_kink_at_the_point_is_seen_by_the_tiny_step(self):
        assert not settle(quotients(lambda x: np.abs(x - X)))[2].any()

    def test_a_kink_between_the_steps_is_seen(self):
        """It is a hundredth of a unit away: the tiny step has another slope than the others."""
        assert not settle(quotients(lambda x: np.abs(x - X - 0.01 * UNIT)))[2].any()

    def test_the_rest_is_part_of_the_bound(self):
        q = quotients(np.sin)
        more = replace(q, rest=q.rest + 5.0)
        assert settle(more)[1] == pytest.approx(settle(q)[1] + 5.0)

    def test_what_is_not_finite_agrees_with_nothing(self):
        q = quotients(np.sin)
        assert not settle(replace(q, rest=np.full(3, np.inf)))[2].any()

    @pytest.mark.parametrize("side", [1, -1])
    def test_the_tiny_step_may_be_off_by_its_noise_the_bound_and_the_curvature_and_no_more(self, side):
        """Quotients of a line: the bound is the noise carried, and nothing else is allowed for."""
        h = np.tile(STEPS[:, None], (1, 1))
        noise = np.full((4, 1), 2.0**-30)
        central = np.full((4, 1), 3.0)
        zeros = np.zeros(1)
        line = Quotients(h, central, noise, np.zeros((4, 1)), zeros, zeros, zeros, *np.zeros((3, 1), bool))
        _, bound, agrees = settle(line)
        assert agrees.all()
        for far, same in ((bound[0] + 1.9 * 2.0**-30, True), (bound[0] + 2.1 * 2.0**-30, False)):
            moved = central.copy()
            moved[-1] += side * far
            assert settle(replace(line, central=moved))[2].tolist() == [same]
        for bend, straight in ((3.9 * 2.0**-30, True), (4.1 * 2.0**-30, False)):
            bends = np.zeros((4, 1))
            bends[-1] = side * bend
            assert settle(replace(line, bend=bends))[2].tolist() == [straight]

    @pytest.mark.parametrize(("last", "before", "allowed"), [(1.0, 0.0, 4.0), (0.0, 1.0, 2.0), (1.0, 1.0, 4.0)])
    def test_curvature_shrinks_with_the_step(self, last, before, allowed):
        """Of the two steps before the tiny one, the larger may bend twice as much."""
        h = np.array([2.0**-2, 2.0**-3, 2.0**-4, 2.0**-5, 2.0**-6, 2.0**-20])[:, None]
        zeros, no = np.zeros(1), np.zeros(1, bool)
        bend = np.array([9.0, 9.0, 9.0, before, last, 0.0])[:, None]
        bent = Quotients(h, np.full((6, 1), 3.0), np.zeros((6, 1)), bend, zeros, zeros, zeros, no, no, no)
        for share, straight in ((0.98, True), (1.02, False)):
            bend[-1] = share * allowed * 2.0**-14
            assert settle(bent)[2].tolist() == [straight]

    def test_the_truncation_error_shrinks_with_the_square_of_the_step(self):
        """The quotients are 3 + h^2: at the tiny step four times that is allowed."""
        h = np.array([2.0**-2, 2.0**-3, 2.0**-4, 2.0**-5, 2.0**-6, 2.0**-20])[:, None]
        zeros, no = np.zeros(1), np.zeros(1, bool)
        central = 3 + h**2
        off = Quotients(h, central, np.zeros((6, 1)), np.zeros((6, 1)), zeros, zeros, zeros, no, no, no)
        for share, same in ((0.98, True), (1.02, False)):
            central[-1] = 3 + share * 4 * 2.0**-40
            assert settle(off)[2].tolist() == [same]
