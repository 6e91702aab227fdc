"""Between which numbers a straight-through gradient lies."""

import math

import numpy as np
import pytest

from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.enclosures import enclosures
from scratchcnn.gradcheck.proof.outcome import Rounding

# A radius has 30 bits.
RADIUS_EPS = 2.0**-28


def enclosed(forward, *inputs, index=0, entries=None, rounding=Rounding.BETWEEN, until=math.inf):
    inputs = [np.asarray(x, float) for x in inputs]
    point = Point(inputs, np.ones(np.shape(forward(*inputs))))
    entries = range(inputs[index].size) if entries is None else entries
    return enclosures((forward, forward), point, index, entries, rounding, until)


def test_what_no_rounding_reaches_is_a_single_number():
    found = enclosed(lambda x: 3 * np.round(x, 1) + x, [1.23, -0.57])
    assert found == {0: (4.0, 4.0), 1: (4.0, 4.0)}


@pytest.mark.parametrize(
    ("rounding", "x", "ends"),
    [(np.rint, 1.3, (2, 2.6)), (np.rint, 1.7, (3.4, 4)), (np.floor, 1.7, (2, 3.4)), (np.ceil, 1.3, (2.6, 4))],
)
def test_it_goes_from_the_rounded_number_to_the_one_before(rounding, x, ends):
    assert enclosed(lambda x: rounding(x) ** 2, [x])[0] == pytest.approx(ends, rel=RADIUS_EPS, abs=0)


def test_other_inputs_may_be_rounded_or_not_too():
    found = enclosed(lambda x, w: np.round(x) * np.round(w), [1.3], [2.7])
    assert found[0] == pytest.approx((2.7, 3), rel=RADIUS_EPS, abs=0)


def test_of_a_number_that_is_rounded_twice_it_has_all_that_may_be_made_of_the_first():
    """A ball about 10 to 10.4 reaches below 10 by its roundoff."""
    least, most = enclosed(lambda x: (np.floor(8 * x).astype(int) * 2) ** 2, [1.3])[0]
    assert least == pytest.approx(2 * 18 * 16, rel=RADIUS_EPS, abs=0)
    assert most == pytest.approx(2 * 20.8 * 16, rel=RADIUS_EPS, abs=0)


def test_the_entries_that_are_asked_for():
    assert set(enclosed(lambda x: np.round(x), np.ones(5) / 3, entries=[1, 4])) == {1, 4}


def test_none_at_a_kink_and_all_the_others():
    assert set(enclosed(lambda x: np.abs(x) + np.round(x), [0.0, 1.2])) == {1}


def test_none_where_the_balls_are_too_wide_to_decide_or_time_is_over():
    assert enclosed(lambda x: np.where(np.round(x) > 1.1, x, -x), [1.3]) == {}
    assert enclosed(np.round, [1.3], until=0) == {}


def clipped(x):
    return np.clip(np.round(x), -2, 1)


@pytest.mark.parametrize(
    ("rounding", "ends"),
    [(Rounding.ROUNDED, (0, 1)), (Rounding.UNROUNDED, (0, 0)), (Rounding.CONSTANT, (0, 0)), (Rounding.BETWEEN, (0, 1))],
)
def test_at_the_last_step_of_a_clipping(rounding, ends):
    """1.3 is rounded to 1, where the clipping begins: the derivative is 1 to one side, and 0 to the other."""
    found = enclosed(clipped, [1.3, 0.4, 2.7], rounding=rounding)
    inside = (0, 0) if rounding is Rounding.CONSTANT else (1, 1)
    for entry, expected in enumerate((ends, inside, (0, 0))):
        assert found[entry] == pytest.approx(expected, abs=RADIUS_EPS)


def test_of_a_product_of_rounded_numbers_with_one_kind():
    found = enclosed(lambda x, s: np.round(x / s) * s, [1.3], [0.5], index=1, rounding=Rounding.CONSTANT)
    assert found == {0: (3, 3)}
    found = enclosed(lambda x, s: np.round(x / s) * s, [1.3], [0.5], index=1, rounding=Rounding.ROUNDED)
    assert found[0] == pytest.approx((0.4, 0.4))


@pytest.mark.parametrize("choose", [np.maximum, np.fmax])
def test_of_two_numbers_that_may_both_be_the_larger_both_slopes(choose):
    assert enclosed(lambda x: choose(3 * np.round(x), 2.5), [0.7])[0] == pytest.approx((0, 3), abs=4 * RADIUS_EPS)
    assert enclosed(lambda x: choose(3 * np.round(x), 3.5), [0.7]) == {0: (0, 0)}


@pytest.mark.parametrize("rounding", Rounding)
def test_the_other_inputs_stand_still(rounding):
    assert enclosed(lambda x, y: x * y, [2.0], [5.0], index=1, rounding=rounding) == {0: (2, 2)}
