"""Small jumps of a forward pass, and how far they blur its slope."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.probe import Line, Probe
from scratchcnn.gradcheck.numerical.stops import BEYOND_RATIO, REACHES, SLACK, SMALL_SHARE, blur

# The unit of the line, the point on it, and the weight of the only output.
UNIT, POINT, WEIGHT = 2.0, 0.3, -1.5
calls = []


def blurred(function, weight=WEIGHT):
    """The blur of a function of one number, at a point, along a line that moves by one unit."""

    def forward(x):
        calls.append(float(x[0]))
        return function(x)

    calls.clear()
    probe = Probe(forward, [np.array([POINT])], 0)
    return blur(Line(probe, 0, UNIT), np.full(probe.outputs, weight))


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


def test_outputs_are_weighed():
    both = lambda x: np.concatenate([jumping((0.7, 1e-6))(x), np.cos(x)])  # noqa: E731
    assert blurred(both, weight=1.0) == pytest.approx(SLACK * 1e-6 / 0.7, rel=0.02)


def smooth(x):
    return np.exp(np.sin(3 * x))


def kinks(x):
    return 2 + np.abs(x - 0.31) + np.maximum(x, 0.9) + np.maximum(x, -2.0)


def saturating(x):
    return np.tanh(20 * (x - 0.5))


def constant(x):
    return 0 * x + 3


def rounding(x):
    return 2 + x.astype(np.float32).astype(float)


def noisy(x):
    return 2 + x + 1e-11 * np.sin(1e15 * x)


def ends(x):
    return np.sqrt(x)


@pytest.mark.parametrize("function", [smooth, kinks, saturating, constant, rounding, noisy, ends])
def test_nothing_blurs(function):
    with np.errstate(invalid="ignore"):
        assert blurred(function) == 0


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
