"""The noise of outputs: that of known roundings is found, and a smooth function has none."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.noise import (
    EPS,
    FLOOR_ROUNDOFFS,
    MOST_GROWTH,
    NOISE_COVERAGE,
    STRIDE_PLACES,
    STRIDES,
    difference_noise,
    least_noise,
    measure_noise,
    noise_along,
    noise_at,
    outputs_at,
)
from scratchcnn.gradcheck.numerical.probe import Line, Probe

TINY = np.finfo(float).smallest_subnormal


def measured(function, x=(0.3, 1.7, -0.6), seed=0):
    return measure_noise(Probe(function, [np.array(x, float)], 0), np.random.default_rng(seed))


class TestNoiseAt:
    def test_it_grows_with_the_output_and_no_further_than_it_may(self):
        y0, noise = np.array([1.0, -2.0, 1.0, 0.0]), np.full(4, 1e-3)
        found = noise_at(np.array([4.0, 1.0, -1e9, 5.0]), y0, noise)
        assert found.tolist() == [4e-3, 1e-3, MOST_GROWTH * 1e-3, 1e-3]

    def test_it_is_two_roundoffs_of_the_output_at_least(self):
        found = noise_at(np.array([3.0, 0.0, -3.0]), np.ones(3), np.zeros(3))
        assert found.tolist() == [FLOOR_ROUNDOFFS * EPS * 3, 0, FLOOR_ROUNDOFFS * EPS * 3]

    def test_below_the_normal_numbers_it_is_some_spacings(self):
        assert noise_at(np.array([TINY * 5]), np.array([0.0]), np.zeros(1)).tolist() == [FLOOR_ROUNDOFFS * TINY]

    def test_it_is_quiet_and_in_the_precision_of_the_output(self):
        with np.errstate(all="raise"):
            found = noise_at(np.array([np.inf, np.nan, 1e308]), np.array([1.0, 1.0, 1e-308]), np.zeros(3))
        assert found[2] == FLOOR_ROUNDOFFS * EPS * 1e308
        y = np.ones(1, np.float32)
        assert noise_at(y, y, np.zeros(1, np.float32)).tolist() == [FLOOR_ROUNDOFFS * float(np.finfo(np.float32).eps)]


def test_the_least_noise_is_that_of_a_few_operations():
    probe = Probe(lambda x: np.array([3.0, -5.0, 0.0]) + 0 * x[0], [np.ones(2)], 0)
    assert least_noise(probe).tolist() == [FLOOR_ROUNDOFFS * EPS * 3, FLOOR_ROUNDOFFS * EPS * 5, 0]
    wide = Probe(lambda x: x, [np.ones(1)], 0, np.longdouble)
    assert least_noise(wide)[0] == FLOOR_ROUNDOFFS * np.finfo(np.longdouble).eps


class TestDifferenceNoise:
    @pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
    def test_it_is_the_standard_deviation_of_normal_noise(self, size):
        table = size * np.random.default_rng(0).standard_normal((len(STRIDE_PLACES), 4000))
        found = difference_noise(table) / size
        # Each estimate stands on ten numbers; their median is near the truth, and few are far from it.
        assert 0.6 < np.median(found) < 1.1
        assert np.mean((found > 0.15) & (found < 3)) > 0.95

    def test_a_polynomial_of_low_degree_has_none(self):
        places = STRIDE_PLACES[:, None]
        for degree in (0, 1, 2, 4):
            assert difference_noise(7.0 + places**degree)[0] <= 64 * EPS * 10.0**degree

    def test_an_offset_changes_nothing(self):
        """A constant that floats hold exactly beside the values comes out of every difference."""
        table = np.random.default_rng(0).integers(-9, 10, (len(STRIDE_PLACES), 8)).astype(float)
        assert np.array_equal(difference_noise(table + 2.0**40), difference_noise(table))

    def test_a_kink_or_a_jump_between_two_places_is_no_noise(self):
        for k in range(1, len(STRIDE_PLACES) - 1):
            behind = np.arange(len(STRIDE_PLACES)) > k
            jump = behind.astype(float)[:, None]
            kink = np.maximum(STRIDE_PLACES - STRIDE_PLACES[k], 0)[:, None]
            assert difference_noise(jump)[0] < 1e-12
            assert difference_noise(kink)[0] < 1e-12

    def test_what_does_not_move_or_is_not_finite(self):
        assert difference_noise(np.full((len(STRIDE_PLACES), 1), 5.0)).tolist() == [0]
        with np.errstate(invalid="ignore"):
            assert not np.isfinite(difference_noise(np.full((len(STRIDE_PLACES), 1), np.inf))).any()


def test_places_are_uneven_and_leave_the_point_out():
    gaps = np.diff(STRIDE_PLACES)
    assert STRIDE_PLACES[0] > 0
    assert (gaps > 0).all()
    assert len(set(gaps.round(6))) > 1


def test_the_outputs_at_the_places_of_a_line():
    probe = Probe(lambda x: np.array([x[0], x[0] + x[1]]), [np.array([1.0, 10.0])], 0)
    table = outputs_at(Line(probe, 0, np.array(2.0)), np.array([1.0, 3.0]))
    assert table.tolist() == [[3, 13], [7, 17]]
    assert outputs_at(Line(probe, 0, np.array(2.0))).shape == (len(STRIDE_PLACES), 2)


class TestMeasured:
    @pytest.mark.parametrize("function", [np.sin, np.exp, lambda x: x**3, lambda x: np.abs(x - 0.3), np.tanh])
    def test_a_smooth_function_or_a_kink_has_little_more_than_its_own_roundoff(self, function):
        largest = np.abs(function(np.array([0.3, 1.7, -0.6]))).max()
        assert (measured(function) <= 64 * EPS * max(1, largest)).all()

    @pytest.mark.parametrize("offset", [1e4, 1e8])
    def test_the_roundoff_of_an_offset_that_cancels_is_found(self, offset):
        """`(offset + sin x) - offset` is rounded to multiples of the spacing of the offset, off by half of one."""
        noise = measured(lambda x: (offset + np.sin(x)) - offset)
        assert (noise >= np.spacing(offset) / 2).all()
        assert (noise <= 16 * NOISE_COVERAGE * np.spacing(offset)).all()

    def test_a_forward_pass_through_float32_moves_in_steps(self):
        noise = measured(lambda x: np.sin(x.astype(np.float32)).astype(np.float64))
        single = float(np.finfo(np.float32).eps)
        assert (noise >= single / 8).all()
        assert (noise <= 256 * single).all()

    def test_each_output_has_its_own(self):
        noise = measured(lambda x: np.array([np.sin(x[0]), (1e8 + x[1]) - 1e8]))
        assert noise[0] < 1e-13
        assert noise[1] > 1e-9

    def test_an_output_that_never_moves_has_the_floor(self):
        assert measured(lambda x: 3.0 + 0 * x).tolist() == [FLOOR_ROUNDOFFS * EPS * 3] * 3

    def test_the_strides_are_those_that_are_asked_for(self):
        """A fast oscillation shows at the largest stride alone."""
        line = Line(Probe(lambda x: np.floor(x * 2**20) / 2**20, [np.array([0.3])], 0), slice(None), np.ones(1))
        assert noise_along(line, STRIDES[:1])[0] < 1e-12
        assert noise_along(line)[0] > 2.0**-24
