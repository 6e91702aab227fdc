"""Quotients that go on changing: the rest of a geometric series, where there is one."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.drift import (
    COVERED_RATIO,
    SERIES_FACTOR,
    SERIES_LENGTH,
    VISIBLE_ROUNDOFFS,
    changes,
    finer_unit,
    rest_of,
    still_changing,
)
from scratchcnn.gradcheck.numerical.probe import Line, Probe
from scratchcnn.gradcheck.numerical.rungs import Rungs

QUIET = 1e-9

pytestmark = pytest.mark.filterwarnings("ignore:(invalid|divide)")  # the ladder divides by zero where nothing changes


def series(ratio, count=12, sign=1.0):
    """Changes of quotients, each `ratio` times the one before."""
    return sign * ratio ** np.arange(count)


def rest(change, roundoff=QUIET):
    """The rest of the right side, where the left one is still."""
    change = np.asarray(change, float)[:, None]
    noise = np.broadcast_to(np.asarray(roundoff, float).reshape(-1, 1), change.shape)
    right, left = rest_of(np.stack([change, 0 * change]), np.stack([noise, noise]))
    assert left == 0
    return float(right[0])


def test_changes_are_of_the_one_sided_quotients_in_order_left_and_right():
    h = np.array([4.0, 2.0, 1.0])
    # y - y0 is -8, -2, -1 at -h and 12, 4, 1 at h: the quotients are 2, 1, 1 and 3, 2, 1.
    y = 5.0 + np.array([[-8.0, 12.0], [-2.0, 4.0], [-1.0, 1.0]])[:, :, None]
    noise = np.array([[4.0, 8.0], [2.0, 4.0], [1.0, 3.0]])[:, :, None]
    change, roundoff = changes(Rungs(h, y, np.array([5.0]), np.array([0])), noise)
    assert change[..., 0].tolist() == [[1, 0], [1, 1]]
    # Twice the noise over the step, of both quotients.
    assert roundoff[..., 0].tolist() == [[2 + 2, 2 + 2], [4 + 4, 4 + 6]]


def test_still_changing_is_more_than_roundoff_at_the_smallest_step_on_either_side():
    visible = 2 * VISIBLE_ROUNDOFFS * QUIET
    change = np.zeros((2, 3, 5))
    change[0, -1, 1], change[1, -1, 2], change[0, 0, 3], change[1, -1, 4] = visible, -visible, 1.0, visible / 4
    assert still_changing(change, np.full(change.shape, QUIET)).tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("ratio", [0.85, 0.9, 0.97])
def test_the_rest_of_a_series_is_its_sum_twice(ratio, sign):
    change = series(ratio, sign=sign)
    assert rest(change) == pytest.approx(SERIES_FACTOR * abs(change[-1]) * ratio / (1 - ratio), rel=1e-9)


def test_changes_that_do_not_shrink_add_up_to_infinity():
    assert rest(series(1.0)) == np.inf
    assert rest(series(1.2)) == np.inf


@pytest.mark.parametrize("ratio", [0.5, 0.7, COVERED_RATIO - 0.01])
def test_what_shrinks_fast_enough_is_covered_by_the_tableau(ratio):
    assert rest(series(ratio)) == 0
    assert rest(series(COVERED_RATIO + 0.01)) > 0


def test_a_series_is_of_one_sign_and_of_a_steady_ratio():
    alternating = series(0.9) * (-1.0) ** np.arange(12)
    assert rest(alternating) == 0
    unsteady = series(0.9)
    unsteady[-1] *= 1.2
    assert rest(unsteady) == 0
    little = series(0.9)
    little[-1] *= 1.02
    assert rest(little) > 0


def test_a_series_has_four_changes_at_least():
    for count in (SERIES_LENGTH - 1, SERIES_LENGTH):
        assert (rest(series(0.9, count)) > 0) is (count == SERIES_LENGTH)
    started_late = np.concatenate([np.zeros(8), series(0.9, SERIES_LENGTH - 1)])
    assert rest(started_late) == 0
    assert rest(np.concatenate([np.zeros(8), series(0.9, SERIES_LENGTH)])) > 0


def test_a_series_may_end_in_noise():
    """The last two changes are below 64 roundoffs, and no smaller than the series has them."""
    change, roundoff = series(0.9), np.full(12, QUIET)
    roundoff[-2:] = change[-2:] / 10
    assert rest(change, roundoff) == pytest.approx(SERIES_FACTOR * change[-3] * 0.9 / 0.1, rel=1e-9)


def test_a_series_that_ends_is_none():
    """After its last visible change it would go on: the next change, roundoff included, is too small for that."""
    for later in (-1, -2):
        change = series(0.9)
        change[later:] = 0
        assert rest(change) == 0


def test_nothing_that_changes_has_no_rest():
    assert rest(np.zeros(12)) == 0
    assert rest(np.full(12, VISIBLE_ROUNDOFFS * QUIET)) == 0


class TestFinerUnit:
    def unit(self, function, x, smallest, direction=1.0):
        probe = Probe(function, [np.array([x])], 0)
        line = Line(probe, slice(None), np.array([direction]))
        return finer_unit(line, smallest, np.array([0]), np.full(1, 1e-30))

    def test_a_power_at_zero_drifts_down_to_the_smallest_numbers(self):
        unit = self.unit(lambda x: np.abs(x) ** 0.5, 0.0, 2.0**-44)
        assert unit is not None
        assert 0 < unit < 2.0**-900

    def test_a_scale_far_below_the_ladder_is_found(self):
        """tanh bends at 2^-200: the quotients change down to some steps below that."""
        unit = self.unit(lambda x: np.tanh(x * 2.0**200), 0.0, 2.0**-44)
        assert 2.0**-240 < unit < 2.0**-190

    def test_what_is_a_line_has_none(self):
        assert self.unit(lambda x: 3 * x, 0.0, 2.0**-44) is None

    def test_where_x_has_no_finer_steps_there_is_none(self):
        assert self.unit(lambda x: np.abs(x - 1) ** 0.5, 1.0, 2.0**-44) is None

    def test_the_unit_is_a_power_of_two_in_steps_of_the_line(self):
        for direction in (1.0, 2.0**20):
            unit = self.unit(lambda x: np.tanh(x * 2.0**200), 0.0, 2.0**-44 / direction, direction)
            assert np.frexp(unit)[0] == 0.5
            assert 2.0**-240 < unit * direction < 2.0**-190
