"""What outputs that stand still may hide, and the steps of roundoff in which they move later."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.hidden_roundoff import (
    first_move,
    first_seen,
    highest_step,
    later_stairs,
    noise_at_steps,
    roundoff_step,
    shown_roundoff,
)
from scratchcnn.gradcheck.numerical.noise import EPS, FLOOR_ROUNDOFFS, noise_at
from scratchcnn.gradcheck.numerical.probe import Line, Probe
from scratchcnn.gradcheck.numerical.rungs import Rungs, take_rungs

LEAST = FLOOR_ROUNDOFFS * EPS


def line_of(*functions, at=0.0):
    """Some functions of one number, each an output, along that number."""
    probe = Probe(lambda x: np.array([f(x[0]) for f in functions]), [np.array([at])], 0)
    return Line(probe, np.array([0]), np.ones(1))


def shown(*functions, at=0.0, unit=1.0, wanted=None):
    line = line_of(*functions, at=at)
    asked = np.ones(len(functions), bool) if wanted is None else np.array(wanted)
    with quiet():
        return shown_roundoff(line.probe, 0, unit, asked)


class TestShown:
    def test_past_a_kink_an_output_moves_evenly_and_has_its_own_roundoff(self):
        found, there = shown(lambda x: max(x - 0.25, 0), lambda x: -max(-x - 0.25, 0))
        assert found == pytest.approx(LEAST * there)
        assert (there > 0).all()
        assert there == pytest.approx([there[0]] * 2)

    def test_in_steps_of_something_larger_that_cancels_it_has_a_step_of_that(self):
        found, there = shown(lambda x: (1e10 + x) - 1e10, at=0.0)
        assert found[0] == pytest.approx(LEAST * max(1, there[0]), rel=1)
        assert shown(lambda x: 1e-12 * (x > 0.1))[0][0] == LEAST
        assert shown(lambda x: 1e-17 * (x > 0.1))[0][0] == pytest.approx(FLOOR_ROUNDOFFS * 1e-17, abs=0)

    def test_what_moves_nowhere_has_shown_none_and_keeps_its_size(self):
        found, there = shown(lambda x: 7.0, lambda x: x)
        assert found[0] == np.inf
        assert there[0] == 7
        assert np.isfinite(found[1])

    def test_only_what_is_wanted_prolongs_the_look(self):
        calls = []

        def forward(x):
            calls.append(x)
            return x

        shown(forward, lambda x: 7.0, wanted=[True, False])
        few = len(calls)
        calls.clear()
        shown(forward, lambda x: 7.0, wanted=[True, True])
        assert few - 1 == (len(calls) - 1) / 3 == 6  # the point itself, and six moves for each of the shares

    def test_the_size_is_that_where_it_first_moves_and_the_unit_is_the_scale(self):
        _, near = shown(lambda x: x, unit=1.0)
        _, far = shown(lambda x: x, unit=8.0)
        assert far[0] == 8 * near[0]
        _, both = shown(lambda x: 3 * x, lambda x: max(x, -x / 2))
        assert both.tolist() == [3 * near[0], near[0]]
        _, late = shown(lambda x: max(abs(x) - 5 * near[0], 0))
        assert late[0] > near[0]

    def test_a_domain_that_ends_is_no_move(self):
        found, there = shown(lambda x: np.nan if x != 0 else 3.0)
        assert (found[0], there[0]) == (np.inf, 3)
        one_sided, _ = shown(lambda x: np.nan if x < 0 else x)
        assert np.isfinite(one_sided[0])


class TestHighest:
    def test_it_is_two_roundoffs_of_the_largest_output_or_of_one(self):
        height = np.array([1.0, 1.0])
        assert highest_step(height, np.array([0.5, 0.25]), np.zeros(2)).tolist() == [LEAST, LEAST]
        assert highest_step(height, np.array([0.5, 100.0]), np.zeros(2)).tolist() == [100 * LEAST] * 2
        assert highest_step(height, np.array([0.5, np.inf]), np.array([np.nan, -100.0])).tolist() == [100 * LEAST] * 2

    def test_and_at_most_twice_the_move_itself(self):
        assert highest_step(np.array([EPS / 8]), np.ones(1), np.zeros(1)).tolist() == [FLOOR_ROUNDOFFS * EPS / 8]


def rungs_of(*rows, y0=(0.0,), h=(4.0, 2.0, 1.0)):
    """Steps, with the outputs at -h and h for each."""
    return Rungs(np.array(h), np.array(rows, float), np.array(y0, float), np.arange(len(y0)))


class TestFirst:
    rungs = rungs_of(
        [[-8, 5, 9, 7], [8, 3, np.inf, 7]], [[-2, 5, 1, 7], [2, 5, 1, 7]], [[0, 5, 1, 7], [1, 5, 1, 7]], y0=(0, 5, 1, 7)
    )

    def test_the_smallest_step_at_which_an_output_moves(self):
        assert first_move(self.rungs).tolist() == [2, 0, 0, 2]  # the last where it moves at none

    def test_its_size_there_and_at_that_or_the_next(self):
        assert first_seen(self.rungs)[0].tolist() == [1, 5, 1, 7]
        assert first_seen(self.rungs)[1].tolist() == [2, 5, 1, 7]

    def test_the_noise_of_an_output_that_stands_still_is_that_of_what_it_becomes(self):
        noise = np.array([1e-9, 1e-9, 1e-9, 1e-9])
        found = noise_at_steps(self.rungs, noise)
        y, y0 = self.rungs.y, self.rungs.y0
        assert found[0, 0, 0] == noise_at(y[0, :1, 0], y0[:1], noise[:1])[0]
        assert found[2, 0, 0] == noise_at(np.array([2.0]), y0[:1], noise[:1])[0]
        assert found.shape == y.shape
        grown = noise_at_steps(rungs_of([[1], [8]], [[1], [2]], [[1], [1]], y0=(1,)), np.array([1e-9]))[:, :, 0]
        assert grown == pytest.approx(np.array([[8e-9, 8e-9], [8e-9, 2e-9], [8e-9, 8e-9]]), abs=0)


def stepped(function, at=0.0, rung=None, noise=1e-15, slope=0.0):
    """The height of the steps of roundoff in which a function left its tangent, at the largest step by default."""
    line = line_of(function, at=at)
    with quiet():
        rungs = take_rungs(line, 1.0)
        k = np.array([0 if rung is None else rung])
        return roundoff_step(line, rungs, np.array([noise]), k, np.array([slope]))[0]


class TestStep:
    def test_one_that_leaves_gradually_has_none(self):
        for function in (lambda x: x**2, lambda x: max(x - 1, 0), lambda x: x**3, np.expm1):
            assert stepped(function) == 0

    def test_one_that_jumped_has_at_most_twice_its_height(self):
        assert stepped(lambda x: 1e-17 * (abs(x) > 1), noise=1e-20) == pytest.approx(FLOOR_ROUNDOFFS * 1e-17, abs=0)
        assert stepped(lambda x: 1.0 * (abs(x) > 1)) == LEAST
        assert stepped(lambda x: 100.0 * (abs(x) > 1)) == 100 * LEAST

    def test_beside_an_offset_too(self):
        assert stepped(lambda x: 100 + 1.0 * (abs(x) > 1)) == pytest.approx(101 * LEAST, abs=0)
        assert stepped(lambda x: 100 + x**2, noise=1e-13) == 0

    def test_to_one_side_alone_too(self):
        assert stepped(lambda x: 1.0 * (x > 1)) == LEAST
        assert stepped(lambda x: 1.0 * (x < -1)) == LEAST

    def test_the_tangent_has_the_slope_that_is_given(self):
        assert stepped(lambda x: 3 * x + (abs(x) > 1), slope=3.0) > 0
        assert stepped(lambda x: 3 * x + (abs(x) > 1)) == 0
        assert stepped(lambda x: 3 * x, slope=3.0) == 0

    def test_what_is_within_the_noise_is_not_asked(self):
        assert stepped(lambda x: 1.0 * (abs(x) > 1), noise=0.1) == 0

    def test_each_at_its_own_rung(self):
        line = line_of(lambda x: 1.0 * (abs(x) > 1), lambda x: 1.0 * (abs(x) > 1e-3), lambda x: 1e-3 * x)
        rungs = take_rungs(line, 1.0)
        rung = np.array([first_move(rungs)[0], first_move(rungs)[1], 3])
        found = roundoff_step(line, rungs, np.full(3, 1e-15), rung, np.zeros(3))
        assert (found > 0).tolist() == [True, True, False]


def stairs(*functions, at=0.0):
    line = line_of(*functions, at=at)
    with quiet():
        rungs = take_rungs(line, 1.0)
        stopped = np.array([first_move(rungs)[k] for k in range(len(functions))])
        return later_stairs(line, rungs, stopped)


class TestLater:
    def test_an_output_that_moves_in_stairs_later_has_their_noise(self):
        heights = stairs(*(lambda x, n=n: np.floor(x * 2.0**n + 0.5) / 2.0**n for n in (20, 30)))
        for height, n in zip(heights, (20, 30), strict=True):
            assert 2.0**-n / 4 < height < 64 * 2.0**-n

    def test_a_single_jump_or_kink_or_what_moves_at_once_has_none(self):
        found = stairs(lambda x: 1.0 * (x > 1e-6), lambda x: max(x - 1e-6, 0), lambda x: x)
        assert (found < 1e-14).all()
        beside = stairs(lambda x: np.floor(x * 2.0**20 + 0.5) / 2.0**20, lambda x: x, lambda x: max(x - 1e-6, 0))
        assert (beside[1:] < 1e-14).all()

    def test_no_output_is_asked_whose_walk_did_not_end(self):
        line = line_of(lambda x: np.floor(x * 2.0**20 + 0.5) / 2.0**20)
        rungs = take_rungs(line, 1.0)
        assert later_stairs(line, rungs, np.array([-1])).tolist() == [0]
