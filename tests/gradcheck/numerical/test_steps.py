"""How far an entry is moved: units are powers of two, and steps are exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck.numerical.steps import symmetric, units

FLOATS = st.floats(-1e300, 1e300)
LISTS = st.lists(FLOATS, min_size=1, max_size=9).map(np.array)


@given(LISTS)
def test_a_unit_is_a_power_of_two_also_of_extreme_numbers(x):
    with np.errstate(over="ignore", invalid="ignore"):  # the squares in a deviation
        unit = units(x)
    assert unit.shape == x.shape
    assert (np.frexp(unit)[0] == 0.5).all()
    assert (unit >= np.finfo(float).smallest_normal).all()
    assert (unit <= 2.0**1018).all()


def test_the_larger_of_the_entry_and_the_median_counts():
    assert units(np.array([0.0, 1.5, -3.0, 5.0, 100.0])).tolist() == [4, 4, 4, 4, 64]
    # The upper one of two middle entries is the median.
    assert units(np.array([1.0, 2.0, 8.0, 9.0]))[0] == 8


def test_a_power_of_two_is_its_own_unit():
    assert units(np.array([4.0])).tolist() == [4]
    assert units(np.array([np.nextafter(4.0, 0)])).tolist() == [2]


def test_zeros_and_what_is_not_finite_have_the_unit_of_the_others_or_1():
    assert units(np.array([0.0, 0.0])).tolist() == [1, 1]
    assert units(np.array([np.nan, np.inf])).tolist() == [1, 1]
    assert units(np.array([np.nan, np.inf, 3.0, 0.0])).tolist() == [2, 2, 2, 2]


def test_far_from_zero_the_spread_counts():
    x = 1e6 + np.array([-1.5, 1.5, -1.5, 1.5])
    assert units(x).tolist() == [4] * 4  # below four standard deviations, which are 6
    assert units(-x).tolist() == [4] * 4
    assert units(np.append(x, np.nan)).tolist() == [4] * 5


def test_data_are_far_from_zero_beyond_eight_standard_deviations():
    deviation = np.array([-1.25, 1.25])
    assert units(8.5 + deviation).tolist() == [8, 8]  # the median is 9.75
    assert units(9.0 + deviation).tolist() == [4, 4]  # it is 10.25


def test_how_far_data_are_from_zero_is_the_same_at_every_scale():
    for x in (np.array([10.25, 7.75]), np.array([6.0, 8.0]), np.array([3.0, 100.0])):
        for scale in (2.0**-40, 2.0**40):
            assert units(scale * x).tolist() == (scale * units(x)).tolist()
    assert units(np.array([6.0, 8.0])).tolist() == [8, 8]  # the median is eight deviations, and not more


def test_one_number_among_zeros_is_the_scale_of_all():
    assert units(np.append(np.zeros(100), 8.0)).tolist() == [8] * 101


def test_one_entry_alone_has_no_spread():
    assert units(np.array([1e6])) == 2.0**19
    assert units(np.array([1e6, 1e6])).tolist() == [2.0**19] * 2


def test_an_array_that_spans_decades_has_a_scale_for_each_entry():
    x = 2.0 ** np.array([0.0, 20.0, -20.0, 40.0, -40.0])
    assert units(x).tolist() == x.tolist()
    assert units(np.append(x, 0.0))[-1] == 1  # the median of the others


def test_how_many_decades_are_many():
    """The deviation of log2|x| is k for half of the entries 2^k and half 2^-k: 5 is not above 5."""
    for power, smallest in ((5, 2.0**5), (6, 2.0**-6)):
        assert units(np.array([2.0**power, -(2.0**-power)])).tolist() == [2.0**power, smallest]


def test_the_ends_of_the_range_leave_room():
    tiny, huge = np.finfo(float).smallest_normal, np.finfo(float).max
    assert units(np.array([5e-324])).tolist() == [tiny * 2.0**20]
    assert units(np.array([huge])).tolist() == [2.0**1018]  # a sixty-fourth
    single = units(np.array([np.finfo(np.float32).max], np.float32))
    assert (single.dtype, single[0]) == (np.float32, 2.0**122)


@given(FLOATS, st.floats(1e-300, 1e300))
def test_a_pair_of_points_is_exactly_as_far_to_the_left_as_to_the_right(x, step):
    below, above, h = symmetric(np.array([x]), np.array([step]))
    assert ((above - x) == h).all()
    assert ((x - below) == h).all()
    # It is the step but for one rounding of the point that is farther from zero.
    assert abs(h[0] - step) <= np.spacing(abs(x) + step)
    assert below <= x <= above


@pytest.mark.parametrize("sign", [1, -1])
def test_the_step_is_rounded_where_numbers_are_coarser(sign):
    """Beyond 1 numbers are 2^-52 apart: a step of as much from 1 - 2^-53 is rounded to half of it, on both sides."""
    x, half = np.array([sign * (1 - 2.0**-53)]), 2.0**-53
    below, above, h = symmetric(x, np.array([2 * half]))
    assert (h, above - x, x - below) == (half, half, half)
