"""The one-sided derivatives of kinks that meet at a point, and what they say of the gradients there."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.numerical.noise import STRIDES, least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe


def relu(x):
    return np.maximum(x, 0)


def cone(forward, *inputs, index=0, moved=None, cotangent=None, climbs=None, seed=0, fresh=False):
    probe = Probe(forward, [np.array(a, float) for a in inputs], index, fresh=fresh)
    weights = np.ones(probe.outputs) if cotangent is None else np.array(cotangent, float)
    contraction = Contraction(probe, weights, least_noise(probe))
    moved = range(len(inputs)) if moved is None else moved
    return Cone(contraction, moved, np.random.default_rng(seed), STRIDES, climbs)


def within(sides, right, left, room):
    """Whether the bounds hold both derivatives and are no wider than `room`."""
    off = np.abs(sides.value - np.array([right, left], float))
    return bool((off <= sides.bound).all() and (sides.bound <= room).all())


class TestPlaces:
    """Inputs of 2, 4 and 1 entries, of which the last two may move."""

    made = staticmethod(
        lambda: cone(
            lambda a, x, z: a.sum() + x.ravel() * z[0],
            [1.0, 2.0],
            [[1.0, 2.0], [3.0, 1000.0]],
            [2.0**-9],
            index=1,
            moved=(1, 2),
        )
    )

    def test_the_inputs_that_may_move_stand_end_to_end(self):
        made = self.made()
        assert made.part == {1: slice(0, 4), 2: slice(4, 5)}
        assert made.base.tolist() == [1, 2, 3, 1000, 2.0**-9]
        assert made.unit[4] < 2.0**-7
        assert made.own_unit.tolist() == made.unit[:4].tolist()
        assert made.own_unit[3] >= 500

    def test_a_direction_leads_to_a_point(self):
        made = self.made()
        direction = made.only(np.array([1, 3]), np.array([2.0, -1.0]))
        assert direction.tolist() == [0, 2, 0, -1, 0]
        assert made.only(np.array([0]), 1.0).tolist() == [1, 0, 0, 0, 0]
        a, x, z = made.at(direction)
        assert (a.tolist(), z.tolist()) == ([1, 2], [2.0**-9])
        assert (x - [[1, 2], [3, 1000]] == [[0, 2 * made.unit[1]], [0, -made.unit[3]]]).all()

    def test_a_drawn_direction_moves_every_entry_to_either_side(self):
        made = self.made()
        drawn = np.array([made.drawn() for _ in range(99)])
        assert ((np.abs(drawn) >= 0.5) & (np.abs(drawn) <= 1)).all()
        assert ((drawn > 0).any(axis=0) & (drawn < 0).any(axis=0)).all()
        assert np.ptp(np.abs(drawn), axis=1).min() > 0
        assert np.ptp(np.sign(drawn), axis=1).max() == 2

    def test_the_caller_s_arrays_stay(self):
        forward = cone(lambda x: relu(x) * 2, [0.0, 1.0])
        with quiet():
            forward.along(np.array([1.0, 1.0]))
        assert forward.probe.y0.tolist() == [0, 2]
        assert forward.at(np.zeros(2))[0].tolist() == [0, 1]

    def test_a_forward_that_writes_gets_copies(self):
        def writing(x):
            result = np.abs(x)
            x[...] = 7.0
            return result

        with quiet():
            assert within(cone(writing, [0.0, 1.0], fresh=True).along(np.array([1.0, 0.0])), [1, 0], [-1, 0], 1e-6)

    def test_the_unit_is_that_of_what_moves_something(self):
        made = cone(lambda x, y: 1 + x + y, [2.0**-60], [2.0**-60])
        assert made.own_unit.tolist() == made.unit[:1].tolist() == [made.unit[1] * 2.0**16]


class TestAlong:
    """f(x, y) = |x|, relu(y), x + y, 7 at (0, 0), whose units are one."""

    forward = staticmethod(lambda x, y: np.array([abs(x[0]), max(y[0], 0), x[0] + y[0], 7.0]))

    @pytest.mark.parametrize(
        ("direction", "right", "left"),
        [([1, 0], [1, 0, 1, 0], [-1, 0, 1, 0]), ([-2, 1], [2, 1, -1, 0], [-2, 0, -1, 0])],
    )
    def test_right_and_left_derivatives_of_all_outputs(self, direction, right, left):
        made = cone(self.forward, [0.0], [0.0])
        assert made.unit.tolist() == [1, 1]
        with quiet():
            assert within(made.along(np.array(direction, float)), right, left, 1e-9)

    def test_nearly_is_cheap_and_less_precise(self):
        made = cone(self.forward, [0.0], [0.0])
        assert within(made.nearly(np.array([1.0, 0.0])), [1, 0, 1, 0], [-1, 0, 1, 0], 1e-6)
        bent = cone(lambda x: np.exp(x), [1.0])
        assert within(bent.nearly(np.ones(1)), bent.unit * np.e, bent.unit * np.e, 1e-4)
        assert bent.nearly(np.ones(1)).bound.min() > 1e-8

    def test_what_is_not_finite_nearby_is_unknown(self):
        found = cone(lambda x: np.where(x > 0, np.nan, x), [0.0]).nearly(np.ones(1))
        assert (found.value[0], found.bound[0]) == (0, np.inf)
        assert np.isfinite(found.bound[1])

    def test_so_many_climbs_and_no_more(self):
        made = cone(self.forward, [0.0], [0.0], climbs=2)
        with quiet():
            for _ in range(2):
                assert np.isfinite(made.along(np.ones(2)).bound).all()
                assert not made.exhausted
            unknown = made.along(np.ones(2))
        assert made.exhausted
        assert (np.isinf(unknown.bound).all(), unknown.value.any(), unknown.value.shape) == (True, False, (2, 4))

    def test_the_noise_is_that_where_all_inputs_move_and_at_least_that_of_the_one(self):
        made = cone(lambda x, y: x + ((1e8 + y) - 1e8), [0.5], [0.5])
        with quiet():
            assert made.noise[0] > 1e-9
        assert cone(lambda x, y: x + y, [0.5], [0.5]).noise[0] >= least_noise(made.probe)[0]


class TestFlat:
    @pytest.mark.parametrize("seed", range(3))
    def test_a_smooth_function_is_flat(self, seed):
        assert cone(lambda x, y: np.sin(x) * np.exp(y), [0.3, 0.4], [0.5, 0.6], seed=seed).is_flat(1.0)

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize(
        "function",
        [
            lambda x, y: np.abs(x - y),
            lambda x, y: relu(x) - relu(-y),
            lambda x, y: np.median([0 * x, x, y], axis=0),  # along any line it has one slope
            lambda x, y: np.append(x, relu(y)),
        ],
    )
    def test_a_kink_is_seen_along_directions_or_as_slopes_do_not_add_up(self, function, seed):
        assert not cone(function, [0.0], [0.0], seed=seed).is_flat(1.0)

    def test_a_kink_of_an_output_that_does_not_count_is_not_looked_at(self):
        assert cone(lambda x: np.append(relu(x), x), [0.0], cotangent=[0, 1]).is_flat(1.0)

    def test_roundoff_must_not_hide_what_a_gradient_is_off_by(self):
        smooth = cone(lambda x: x + 0, [1.0])
        assert smooth.is_flat(1e-3)
        assert not smooth.is_flat(1e-12)
        weighted = cone(lambda x: x + 0, [1.0], cotangent=[-(2.0**20)])
        assert not weighted.is_flat(1e-3)


class TestMeeting:
    @pytest.mark.parametrize("seed", range(3))
    def test_kinks_of_opposite_sign_meet(self, seed):
        made = cone(lambda x, y: np.concatenate([relu(x) - relu(x - y), relu(x) + relu(x - y), x + y]), [0.0], [0.0])
        with quiet():
            assert made.meeting(np.array([1.0, 0.0]), 1.0).tolist() == [True, False, False]

    def test_in_an_output_that_counts(self):
        def forward(x, y):
            return np.concatenate([relu(x) - relu(x - y), x])

        with quiet():
            assert cone(forward, [0.0], [0.0], cotangent=[0, 1]).meeting(np.array([1.0, 0.0]), 1.0).tolist() == [0, 0]

    def test_kinks_too_small_for_the_excess_are_ignored(self):
        made = cone(lambda x, y: relu(x) - 1e-5 * relu(x - y), [0.0], [0.0])
        with quiet():
            assert made.meeting(np.array([1.0, 0.0]), 1e-4).tolist() == [True]
            assert made.meeting(np.array([1.0, 0.0]), 1.0).tolist() == [False]

    @pytest.mark.parametrize("seed", range(6))
    def test_roundoff_is_no_kink(self, seed):
        """Along some of the directions the relu and the other input cancel each other."""
        made = cone(lambda x, y: (1e4 + relu(x) + y) - 1e4, [0.0], [0.0], seed=seed)
        with quiet():
            assert made.meeting(np.array([1.0, 0.0]), 1e-9).tolist() == [False]

    @pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7])
    def test_a_kink_beside_the_point_does_not_meet_one_at_it(self, gap):
        made = cone(lambda x, y: relu(x) - relu(x - gap) + 0 * y, [0.0], [0.0])
        with quiet():
            assert made.meeting(np.array([1.0, 0.0]), 1.0).tolist() == [False]

    def test_there_may_be_no_time_to_look(self):
        def forward(x, y):
            return relu(x) - relu(x - y)

        for climbs, found in ((0, None), (1, None), (20, [True])):
            with quiet():
                met = cone(forward, [0.0], [0.0], climbs=climbs).meeting(np.array([1.0, 0.0]), 1.0)
            assert (met if met is None else met.tolist()) == found
