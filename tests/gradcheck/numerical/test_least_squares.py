"""Fits to values with known roundings."""

import mpmath
import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.least_squares import (
    FIT_PLACES,
    FIT_POINTS,
    LIKELY_DEVIATIONS,
    Fit,
    fitted,
    likely_growth,
)

NO_STEPS = np.zeros((FIT_POINTS, 1))


def series_of(*functions):
    """(points, 2, n) values to the left and right, less the value at 0."""
    return np.stack([[f(-FIT_PLACES) - f(0.0), f(FIT_PLACES) - f(0.0)] for f in functions], axis=-1).transpose(1, 0, 2)


def test_places_fall_from_two_units_to_a_thousandth_and_share_no_power_of_two():
    assert FIT_PLACES[0] == 2
    assert 2.0**-10 < FIT_PLACES[-1] < 2.0**-8
    ratios = np.log2(FIT_PLACES[:-1] / FIT_PLACES[1:])
    assert np.allclose(ratios, ratios[0])
    assert abs(ratios[0] * FIT_POINTS % 1) > 0.01


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (lambda h: 3 * h, 3.0),
        (lambda h: h**2 - h, -1.0),
        (lambda h: h**3, 0.0),
        (lambda h: np.sin(0.3 * h + 0.5) / 0.3, np.cos(0.5)),
        (lambda h: np.exp(0.2 * h), 0.2),
    ],
)
def test_a_smooth_function_without_roundings(function, slope):
    found = fitted(series_of(function), NO_STEPS)
    assert abs(found.value[0] - slope) <= found.bound[0]
    assert found.bound[0] < 1e-6
    assert found.agrees.tolist() == [True]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("height", [1e-3, 1e-6])
def test_roundings_are_within_the_bound_which_is_of_their_size(seed, height):
    rng = np.random.default_rng(seed)

    def rounded(h):
        return np.sin(h * 0.3 + 0.5) / 0.3 + height * rng.uniform(-0.5, 0.5, np.shape(h))

    found = fitted(series_of(rounded), NO_STEPS)
    assert abs(found.value[0] - np.cos(0.5)) <= found.bound[0]
    assert height / 8 < found.bound[0] < 64 * height


def test_at_a_kink_right_and_left_have_two_slopes():
    found = fitted(series_of(lambda h: np.abs(h) + h, lambda h: np.maximum(h, 0)), np.zeros((FIT_POINTS, 2)))
    assert found.agrees.tolist() == [False, False]


def test_at_a_kink_the_bound_holds_right_and_left_and_little_more():
    found = fitted(series_of(lambda h: np.abs(h) + 2 * h, lambda h: 0.1 * np.abs(h) + 2 * h), np.zeros((FIT_POINTS, 2)))
    assert found.agrees.tolist() == [False, False]
    assert found.value == pytest.approx([2, 2])
    assert found.bound == pytest.approx([1, 0.1])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kink", [0.02, 0.05, 0.1, 0.3, 0.5, 1.0])
def test_beside_a_kink_it_stops_before_it_under_roundings_too(seed, kink):
    """Farther points fit a line of slope 2, with far smaller roundings for its length."""
    rng = np.random.default_rng(seed)

    def function(h):
        return np.abs(h - kink) + 2 * h + 1e-3 * rng.uniform(-0.5, 0.5, np.shape(h))

    found = fitted(series_of(function), NO_STEPS)
    assert abs(found.value[0] - 1) <= found.bound[0] < 1e-2 / kink


@pytest.mark.parametrize(
    ("turn", "kink", "height"),
    [(0.25, 0.0107, 1e-6), (1.2, 0.0107, 1e-5), (0.57, 0.02, 1e-3), (3.45, 0.0187, 1e-6), (1.0, 0.012, 1e-4)],
)
def test_between_two_kinks_it_stops_before_them(turn, kink, height):
    """The turns are opposite, so that farther points lie on a line again, of slope 2, but for a gap."""
    rng = np.random.default_rng(0)

    def function(h):
        rounding = height * rng.uniform(-0.5, 0.5, np.shape(h))
        return 2 * h + turn * (np.abs(h - kink) - np.abs(h + kink)) + rounding

    found = fitted(series_of(function), NO_STEPS)
    assert abs(found.value[0] - (2 - 2 * turn)) <= found.bound[0]


def below(limit, free):
    """How often a chi squared variable is below a limit."""
    return mpmath.gammainc(free / 2, 0, limit / 2, regularized=True)


@pytest.mark.parametrize("free", range(6, 33))
def test_the_deviation_may_be_as_much_larger_as_a_chi_squared_variable_is_smaller(free):
    """The growth belongs to a quantile; its cube root is approximated, from above."""
    growth, rare = likely_growth(free), mpmath.ncdf(-LIKELY_DEVIATIONS)
    assert below(free / growth**2, free) <= rare
    assert below(free * (1 + 4 / free**2) ** 2 / growth**2, free) > rare


def test_beside_a_kink_the_fit_stops_before_it():
    """The kink is half a unit away."""
    found = fitted(series_of(lambda h: np.abs(h - 0.5) + 2 * h), NO_STEPS)
    assert abs(found.value[0] - 1) <= found.bound[0] < 1e-6
    assert found.agrees.tolist() == [True]


def test_few_steps_are_off_by_half_of_one_each():
    """Values that moved by one step to a side show none of its height in the residual."""
    step = 0.25
    clean, coarse = (fitted(series_of(lambda h: 3 * h), np.full((FIT_POINTS, 1), height)) for height in (0.0, step))
    assert clean.bound[0] < 1e-9
    assert abs(coarse.value[0] - 3) <= coarse.bound[0]
    # The bound is the error where each value is off by half a step to the worse side.
    series, worst = series_of(lambda h: 3 * h), 0.0
    for place in np.ndindex(FIT_POINTS, 2):
        off = series.copy()
        off[place] += 1e-9
        worst += step / 2 * abs(fitted(off, np.full((FIT_POINTS, 1), step)).value[0] - coarse.value[0]) / 1e-9
    assert coarse.bound[0] == pytest.approx(worst, rel=1e-3)


def test_each_entry_by_itself():
    roundings = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * FIT_POINTS + 1)

    def rounded(h):
        return h + 1e-3 * np.interp(h, np.sort(np.append(FIT_PLACES, [0, *-FIT_PLACES])), roundings)

    functions = (
        np.sin,
        lambda h: 1e6 * np.exp(h),
        np.abs,
        lambda h: np.abs(h - 0.3) + 2 * h,
        lambda h: np.maximum(h, 0),
        rounded,
        lambda h: np.where(h > 0.01, np.nan, h),
        lambda h: 0 * h,
    )
    coarse = np.zeros((FIT_POINTS, len(functions)))
    coarse[:, 0] = 0.01
    together = fitted(series_of(*functions), coarse)
    assert together.agrees.dtype == bool
    for k, function in enumerate(functions):
        alone = fitted(series_of(function), coarse[:, k : k + 1])
        assert together.value[k] == pytest.approx(alone.value[0], rel=1e-12)
        assert together.bound[k] == pytest.approx(alone.bound[0], rel=1e-6, abs=1e-8)
        assert together.agrees[k] == alone.agrees[0]


def test_what_is_not_finite_has_no_slope():
    series = series_of(lambda h: 3 * h)
    series[:] = np.nan
    with np.errstate(invalid="ignore"):
        found = fitted(series, NO_STEPS)
    assert np.isinf(found.bound).all()
    assert not found.agrees.any()


def test_some_of_the_entries():
    found = Fit(np.arange(3.0), np.arange(3.0, 6), np.array([True, False, True])).at(np.array([2, 1]))
    assert (found.value.tolist(), found.bound.tolist(), found.agrees.tolist()) == ([2, 1], [5, 4], [True, False])
