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
    steps_or_bends,
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

    def test_each_output_by_itself(self):
        rough = np.random.default_rng(0).standard_normal(len(STRIDE_PLACES))
        found = difference_noise(np.stack([rough, 1e-200 * rough, STRIDE_PLACES**4], axis=1))
        assert found[0] > 0.1
        assert found[1] * 1e200 == pytest.approx(found[0])
        assert found[2] < 1e-9

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
        """Stairs show at the largest stride alone."""
        probe = Probe(lambda x: np.floor(x * 2**20) / 2**20, [np.array([0.3])], 0)
        for measure in (
            lambda *strides: noise_along(Line(probe, slice(None), np.ones(1)), *strides),
            lambda *strides: measure_noise(probe, np.random.default_rng(0), *strides),
        ):
            assert measure(STRIDES[:1])[0] < 1e-12
            assert measure()[0] > 2.0**-24

    def test_entries_move_to_both_sides(self):
        """Where both move alike, their difference stands still."""
        found = [measured(lambda x: (1e8 + (x[:1] - x[1:])) - 1e8, (0.3, 0.4), seed)[0] for seed in range(8)]
        assert {noise > 1e-9 for noise in found} == {True, False}

    @pytest.mark.parametrize("octave", [20, 26, 30])
    def test_an_oscillation_is_no_noise_whatever_stands_beside_it(self, octave):
        def function(x):
            wide, narrow = (np.floor(width * x[0]) / width for width in (2.0**19, 2.0**22))
            return np.array([np.sin(2.0**octave * x[0]), 3.0, wide, narrow])

        oscillation, constant, stairs, narrow = measured(function, (0.3,))
        assert oscillation < 2.0 ** (octave - 50)
        assert constant == FLOOR_ROUNDOFFS * EPS * 3
        assert 2.0**-20 < stairs < 2.0**-14
        assert 2.0**-23 < narrow < 2.0**-17

    def test_a_curve_that_is_not_smooth_at_the_point_is_no_noise(self):
        """Its differences fall by 2^1.5 where the stride is halved."""
        assert measured(lambda x: np.abs(x) ** 1.5, (0.0,))[0] < 2.0**-60

    def test_an_output_that_is_not_finite_has_no_noise_and_takes_none_from_others(self):
        with np.errstate(invalid="ignore"):
            assert np.isnan(measured(lambda x: np.array([np.nan + x[0], np.inf * x[0]]), (0.3,))).any()
            assert measured(lambda x: np.array([np.nan, np.sin(x[0])]), (0.3,))[1] < 64 * EPS


def moves_of(function, x, dtype=np.float64, direction=1.0):
    """How far the entry was moved in each call, in steps of its line, to measure the noise."""
    seen = []

    def forward(x):
        seen.append((x[0] - dtype(point)) / direction)
        return function(x)

    point = dtype(x)
    probe = Probe(forward, [np.array([point])], 0, dtype)
    noise_along(Line(probe, slice(None), np.array([direction], dtype)))
    return np.array(seen[1:])


class TestStrides:
    def test_a_smooth_output_is_moved_at_each_stride_once(self):
        moves = moves_of(lambda x: x, 1.0)
        assert moves == pytest.approx(np.outer(STRIDES, STRIDE_PLACES).ravel(), rel=1e-2, abs=0)

    def test_longdouble_has_a_finer_stride_first(self):
        finer = np.finfo(np.longdouble).eps / EPS
        strides = np.append(STRIDES[0] * finer, STRIDES) if finer < 1 else STRIDES
        moves = moves_of(lambda x: x, 1.0, np.longdouble)
        assert moves.astype(float) == pytest.approx(np.outer(strides, STRIDE_PLACES).ravel().astype(float), 1e-2, 0)
        assert outputs_at(Line(Probe(np.exp, [np.ones(1)], 0, np.longdouble), 0, 1.0)).dtype == np.longdouble

    @pytest.mark.parametrize("direction", [1.0, 0.125, 1024.0])
    def test_where_an_output_moves_suddenly_the_stride_is_halved_to_an_eighth_of_the_one_before(self, direction):
        point = max(0.5, direction)
        moves = np.abs(moves_of(lambda x: np.sin(x * 2.0**20 / point), point, direction=direction)) / STRIDE_PLACES[0]
        halved = moves[len(STRIDES) * len(STRIDE_PLACES) :]
        assert STRIDES[2] / 8 <= halved.min() * 1.01 < STRIDES[2] / 4
        assert len(halved) == 12 * len(STRIDE_PLACES)

    @pytest.mark.parametrize("direction", [1.0, 0.125])
    def test_no_two_points_coincide(self, direction):
        """The first output bends suddenly at the first stride, where four spacings are left."""
        moves = moves_of(lambda x: np.sin(x * 2.0**45), 1.0, direction=direction)
        assert np.abs(moves).min() * direction >= 2 * np.spacing(1.0)


FALLS = [
    # the largest third difference as the stride is halved; does it move in steps; does it bend gradually?
    ([8.0**-k for k in range(8)], False, True),
    ([2.0**-k for k in range(8)], False, False),  # a kink
    ([1] * 8, True, False),  # a step that is met each time
    ([1] * 6 + [0] * 2, True, False),  # one that is missed in the end
    ([1, 1, 1, 1, 0.3, 0, 0, 0], True, False),
    ([1, 1, 1, 1, 0.25, 0, 0, 0], False, False),  # a quarter of the first is no step
    ([1, 8, 1, 1, 0.3, 0, 0, 0], True, False),
    ([1, 1, 1, 0.125, 0.0156, 0.0156, 0.0156, 0.0156], False, True),  # an oscillation, down to its roundoff
    ([1] * 5 + [1 / 8, 1 / 64, 1 / 512], True, True),
    ([1] * 6 + [1 / 8, 1 / 64], True, True),
    ([1, 0.22, 0.0275, 0.02, 0.0, 0.0, 0.0, 0.0], False, True),
    ([1, 1, 1, 0.25, 0.02, 0.002, 0.002, 0.002], False, True),  # a quarter has not fallen
    ([1] * 6 + [0.5, 0.1], True, False),  # not fallen to a quarter yet
    ([1] * 6 + [0.25, 0.05], True, False),
    ([1, 1, 1, 0.01, 0.00125, 0, 0, 0], False, False),  # too fast at first
    ([24, 24, 24, 1, 0.125, 0, 0, 0], False, False),
    ([1, 1, 1, 0.125, 0.001, 0, 0, 0], False, False),  # too fast later
    ([200, 200, 200, 24, 1, 0, 0, 0], False, False),
    ([1, 1, 1, 0.125, 0.0625, 0, 0, 0], False, False),  # too slow later
    ([20, 20, 20, 3, 1, 0, 0, 0], False, False),
]


@pytest.mark.parametrize("scale", [1.0, 1024.0, 2.0**-10])
def test_steps_and_bends_are_told_by_how_they_fall(scale):
    falls, stepping, bending = zip(*FALLS, strict=True)
    steps, gradual = steps_or_bends(scale * np.array(falls, float).T)
    assert steps.tolist() == list(stepping)
    assert gradual.tolist() == list(bending)
