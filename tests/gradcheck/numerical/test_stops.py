"""Small jumps of a forward pass, and how far they blur its slope."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.probe import Line, Probe
from scratchcnn.gradcheck.numerical.stops import BEYOND_RATIO, REACHES, SLACK, SMALL_SHARE, blur

# The unit of the line, the point on it, and the weight of the only output.
UNIT, POINT, WEIGHT = 2.0, 0.3, -1.5
calls = []


def blurred(function, weight=WEIGHT, **options):
    """The blur of a function of one number, at a point, along a line that moves by one unit."""

    def forward(x):
        calls.append(float(x[0]))
        return function(x)

    calls.clear()
    probe = Probe(forward, [np.array([POINT])], 0)
    return blur(Line(probe, 0, UNIT), np.full(probe.outputs, weight), **options)


def jumping(*jumps):
    """A smooth function with jumps: (units from the point, height)."""

    def function(x):
        t = (x - POINT) / UNIT
        return 2 + np.sin(x) + sum((height * (t > place) for place, height in jumps), np.zeros_like(x))

    return function


@pytest.mark.parametrize(("place", "height"), [(0.7, 1e-3), (0.7, -1e-9), (-0.02, 1e-12), (-0.4, 1e-6), (2.9, 1e-5)])
def test_a_jump_to_one_side_blurs_by_its_height_over_its_distance(place, height):
    assert blurred(jumping((place, height))) == pytest.approx(SLACK * abs(height * WEIGHT / place), rel=0.02)


def test_of_two_the_piece_between_them_counts_and_the_higher():
    found = blurred(jumping((-0.2, 1e-6), (0.6, 3e-6)))
    assert found == pytest.approx(SLACK * 3e-6 * abs(WEIGHT) / 0.8, rel=0.02)


def test_a_nearer_one_may_be_low_by_chance():
    found = blurred(jumping((0.1, 1e-10), (0.8, 1e-6)))
    assert found == pytest.approx(SLACK * 1e-6 * abs(WEIGHT) / 0.1, rel=0.02)


def test_one_much_farther_does_not_count():
    found = blurred(jumping((0.01, 1e-8), (3.0, 1e-4)))
    assert found == pytest.approx(SLACK * 1e-8 * abs(WEIGHT) / 0.01, rel=0.02)


def outputs(*functions):
    """What several functions answer."""
    return lambda x: np.concatenate([function(x) for function in functions])


def test_outputs_are_weighed():
    both = outputs(jumping((0.7, 1e-6)), np.cos)
    assert blurred(both, weight=1.0) == pytest.approx(SLACK * 1e-6 / 0.7, rel=0.02)


def test_the_jumps_of_two_outputs_do_not_cancel():
    both = outputs(jumping((0.7, 1e-6)), jumping((0.7, -1e-6)))
    assert blurred(both, weight=1.0) == pytest.approx(SLACK * 2e-6 / 0.7, rel=0.02)


def bending(*bends):
    """A smooth function with bends: (units from the point, change of slope for each unit)."""

    def function(x):
        t = (x - POINT) / UNIT
        return 2 + np.sin(x) + sum((change * np.maximum(t - place, 0) for place, change in bends), np.zeros_like(x))

    return function


class TestBends:
    @pytest.mark.parametrize(("place", "change"), [(0.7, 1e-3), (0.7, -1e-7), (-0.02, 1e-6), (-0.4, 1e-6), (2.9, 1e-4)])
    def test_a_bend_blurs_by_its_change_of_slope(self, place, change):
        function = bending((place, change))
        assert blurred(function) == 0
        expected = SLACK * abs(change * WEIGHT)
        assert 0.4 * expected < blurred(function, bends=True) < 1.5 * expected

    def test_of_several_the_sharpest_counts(self):
        expected = SLACK * 1e-4 * abs(WEIGHT)
        found = blurred(bending((-0.1, 1e-6), (0.3, 1e-4), (0.6, 1e-5)), bends=True)
        assert 0.5 * expected < found < 1.5 * expected

    def test_a_jump_that_is_nearer_counts_alone(self):
        def both(x):
            return jumping((0.2, 1e-6))(x) + bending((0.6, 1e-3))(x)

        assert blurred(both, bends=True) == pytest.approx(SLACK * 1e-6 * abs(WEIGHT) / 0.2, rel=0.02)

    def test_a_discontinuity_hides_only_what_is_behind_it(self):
        def before(x):
            return jumping((0.6, 1.0))(x) + bending((0.2, 1e-4))(x)

        def behind(x):
            return jumping((0.2, 1.0))(x) + bending((0.6, 1e-4), (-0.6, 1e-4))(x)

        assert blurred(before, bends=True) > 0
        assert blurred(behind, bends=True) == 0

    def test_a_kink_is_no_bend(self):
        here = 2 + np.sin(POINT)
        assert blurred(bending((0.3, 2 * SMALL_SHARE * here)), bends=True) == 0
        assert blurred(bending((0.3, 0.4 * SMALL_SHARE * here)), bends=True) > 0


def smooth(x):
    return np.exp(np.sin(3 * x))


def kinks(x):
    return 2 + np.abs(x - 0.31) + np.maximum(x, 0.9) + np.maximum(x, -2.0)


def saturating(x):
    return np.tanh(20 * (x - 0.5))


def constant(x):
    return 0 * x + 3


def large(x):
    return 1e6 + np.sin(x)


def rounding(x):
    return 2 + x.astype(np.float32).astype(float)


def noisy(x):
    return 2 + x + 1e-11 * np.sin(1e15 * x)


def ends(x):
    return np.sqrt(x)


@pytest.mark.parametrize("bends", [False, True])
@pytest.mark.parametrize("function", [smooth, kinks, saturating, constant, large, rounding, noisy, ends])
def test_nothing_blurs(function, bends):
    with np.errstate(invalid="ignore"):
        assert blurred(function, bends=bends) == 0


@pytest.mark.parametrize("place", REACHES[4] * np.array([0.97, 0.99, 1 - 1e-3, 1 - 1e-6, 1 + 1e-9]))
def test_a_kink_at_the_edge_of_a_reach_is_no_jump(place):
    kink = POINT + UNIT * place * BEYOND_RATIO
    assert blurred(lambda x: 2 + x + np.maximum(x - kink, 0)) == 0


def test_a_jump_that_is_not_small_is_a_discontinuity():
    here = 2 + np.sin(POINT)
    assert blurred(jumping((0.3, 1.1 * SMALL_SHARE * here))) == 0
    assert blurred(jumping((0.3, 0.9 * SMALL_SHARE * here))) > 0
    # Behind a small one it does not count.
    found = blurred(jumping((0.3, 1e-6), (0.9, 1.0)))
    assert found == pytest.approx(SLACK * 1e-6 * abs(WEIGHT) / 0.3, rel=0.02)
    assert blurred(jumping((0.3, 1.0), (-0.4, 1e-6))) == 0


def test_the_point_is_where_it_was_and_the_calls_are_few():
    blurred(jumping((0.7, 1e-6)))
    assert len(calls) < 2500
    blurred(smooth)
    assert len(calls) < 2500
