"""The rungs of a ladder: halving steps at which every entry moves by exactly the same share of its unit."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.probe import Line, Probe
from scratchcnn.gradcheck.numerical.rungs import TOP_EXPONENT, Rungs, take_rungs
from scratchcnn.gradcheck.numerical.steps import SMALLEST_ROUNDOFFS, UNEVEN_STEP

EPS = float(np.finfo(float).eps)


def ladder(x, direction, unit=1.0, function=lambda x: x):
    probe = Probe(function, [np.array(x, float)], 0)
    return take_rungs(Line(probe, slice(None), np.array(direction, float)), unit)


def test_steps_halve_from_32_units_to_256_roundoffs_of_one():
    rungs = ladder([1.0], [1.0])
    assert rungs.h[0] == pytest.approx(2**TOP_EXPONENT * UNEVEN_STEP, rel=4 * EPS)
    assert rungs.h[-1] == pytest.approx(SMALLEST_ROUNDOFFS * EPS * UNEVEN_STEP, rel=2 / SMALLEST_ROUNDOFFS)
    assert len(rungs.h) == TOP_EXPONENT + 44 + 1
    assert np.allclose(rungs.h[:-1] / rungs.h[1:], 2, rtol=1 / SMALLEST_ROUNDOFFS)


@pytest.mark.parametrize("unit", [2.0**-10, 1.0, 2.0**10])
def test_steps_are_in_units(unit):
    assert ladder([unit], [1.0], unit).h == pytest.approx(unit * ladder([1.0], [1.0]).h)


def test_every_entry_moves_by_exactly_its_share_of_the_step():
    x, direction = np.array([1.0, -3.0, 1000.0]), np.array([1.0, -2.0, 0.25])
    rungs = ladder(x, direction)
    for side, sign in ((0, -1), (1, 1)):
        assert np.array_equal(rungs.y[:, side] - x, sign * rungs.h[:, None] * direction)
    assert rungs.y.shape == (len(rungs.h), 2, 3)
    assert rungs.y0.tolist() == x.tolist()
    assert rungs.outputs.tolist() == [0, 1, 2]


def test_steps_that_x_rounds_away_are_left_out():
    rungs = ladder([2.0**30], [1.0])
    spacing = 2.0 ** (30 - 52)
    assert rungs.h[-1] == spacing
    assert (rungs.h % spacing == 0).all()
    assert len(rungs.y) == len(rungs.h)
    assert (rungs.y != rungs.y0).all()


def test_a_ladder_of_longdouble_goes_deeper():
    probe = Probe(lambda x: x, [np.ones(1)], 0, np.longdouble)
    rungs = take_rungs(Line(probe, slice(None), np.ones(1, np.longdouble)), 1.0)
    assert rungs.h.dtype == rungs.y.dtype == np.longdouble
    smallest = SMALLEST_ROUNDOFFS * float(np.finfo(np.longdouble).eps)
    assert rungs.h[-1] == pytest.approx(smallest * UNEVEN_STEP, rel=2 / SMALLEST_ROUNDOFFS)


def test_some_of_the_outputs():
    rungs = Rungs(np.array([2.0, 1.0]), np.arange(12.0).reshape(2, 2, 3), np.arange(3.0), np.array([4, 5, 6]))
    some = rungs.of(np.array([2, 0]))
    assert some.h is rungs.h
    assert (some.y[..., 0].tolist(), some.y[..., 1].tolist()) == ([[2, 5], [8, 11]], [[0, 3], [6, 9]])
    assert (some.y0.tolist(), some.outputs.tolist()) == ([2, 0], [6, 4])
