"""Richardson's extrapolation: which terms of the series it removes, and what it says of its own error."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.tableau import SAFETY, extrapolate, tightest

STEPS = 2.0 ** -np.arange(6)
LEVELS = 4


def series(power, terms, limit=3.0):
    """Quotients `limit + a h^p + b h^2p + ...` at halving steps."""
    return limit + sum(a * STEPS ** (power * (k + 1)) for k, a in enumerate(terms))


def silent(quotients):
    return np.zeros_like(quotients)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_level_m_removes_m_terms(power, count):
    quotients = series(power, [5.0, -7.0, 11.0, 13.0][:count])
    value, error = extrapolate(quotients, silent(quotients), power, LEVELS)
    exact = value[count - 1, : len(STEPS) - count][np.isfinite(error[count - 1, : len(STEPS) - count])]
    # Each level adds and divides a few numbers of the size of the quotients.
    assert np.abs(exact - 3).max() <= 100 * np.finfo(float).eps * np.abs(quotients).max()
    if count > 1:
        assert np.abs(value[count - 2, : len(STEPS) - count + 1] - 3).min() > 1e-9
    assert (np.abs(value - 3) <= error)[np.isfinite(error)].all()


def test_a_level_has_as_many_results_as_it_has_runs_of_steps():
    quotients = series(2, [1.0, 2.0])
    value, error = extrapolate(quotients, silent(quotients), 2, LEVELS)
    assert value.shape == error.shape == (LEVELS, len(STEPS))
    for m in range(1, LEVELS + 1):
        assert np.isinf(error[m - 1, len(STEPS) - m :]).all()
        assert not value[m - 1, len(STEPS) - m :].any()
        # The last of the first level stands on a single difference, which may vanish by chance.
        assert np.isfinite(error[m - 1, : len(STEPS) - m - (m == 1)]).all()
    assert np.isinf(error[0, len(STEPS) - 2])


def test_few_steps_make_few_levels():
    quotients = series(2, [1.0])[:2]
    value, error = extrapolate(quotients, silent(quotients), 2, LEVELS)
    assert np.isinf(error).all()
    assert not value.any()
    three = np.array([1.0, 2.0, 4.0])
    value, error = extrapolate(three, silent(three), 1, LEVELS)
    assert np.isfinite(error).sum(axis=1).tolist() == [1, 1, 0, 0]
    # Level 1 has 3 and 6, level 2 has 6 + 3 / 3.
    assert (value[1, 0], error[1, 0]) == (7, SAFETY * 4)
    assert extrapolate(quotients[:1], silent(quotients[:1]), 2, LEVELS)[0].tolist() == [[0.0]] * LEVELS


def test_the_error_is_a_few_times_the_largest_distance_to_what_it_is_made_from():
    # At power 1 the result of 8 and 4 is 2 x 4 - 8 = 0, and that of half the steps 2 x 4 - 4 = 4.
    quotients = np.array([8.0, 4.0, 4.0])
    value, error = extrapolate(quotients, silent(quotients), 1, 1)
    assert value[0, 0] == 0
    assert error[0].tolist() == [SAFETY * 8, np.inf, np.inf]


def test_the_result_at_half_the_steps_counts_too():
    """Where a result agrees with both it was made from, its like at half the steps may still differ."""
    quotients = np.array([1.0, 1.0, 2.0])
    value, error = extrapolate(quotients, silent(quotients), 1, 1)
    assert value[0, 0] == 1
    assert error[0, 0] == SAFETY * 2  # the other result is 3


def test_the_last_of_a_level_is_held_to_the_one_at_twice_the_steps():
    quotients = np.array([0.0, 0.0, 0.0, 64.0])
    value, error = extrapolate(quotients, silent(quotients), 1, 2)
    first, last = value[1, 0], value[1, 1]
    # Level 1 has 0, 0, 128; level 2 has 0 and 128 + 128 / 3. The next term is larger there by 2^3.
    assert (first, last) == (0, 128 + 128 / 3)
    assert error[1, 1] == SAFETY * max(last, last - 128, (last - first) / 8)
    # Where the last of the level is as good as its parts, the distance to the one before it counts.
    quotients = np.array([0.0, 0.0, 64.0, 64.0, 64.0])
    value, error = extrapolate(quotients, silent(quotients), 1, 2)
    # Level 1 has 0, 128, 64, 64; level 2 has 128 + 128 / 3, 64 - 64 / 3 and 64.
    assert value[1, 2] == 64
    assert error[1, 2] == pytest.approx(SAFETY * 64 / 3 / 8, rel=1e-15)
    quotients = np.array([64.0, 0.0, 0.0, 0.0])
    value, error = extrapolate(quotients, silent(quotients), 1, 2)
    # Level 1 has -64, 0, 0; level 2 has 64/3 and 0.
    assert value[1, :2].tolist() == [64 / 3, 0]
    assert error[1, 1] == pytest.approx(SAFETY * 64 / 3 / 8, rel=1e-15)


def test_noise_is_carried_as_the_weights_of_the_quotients_have_it():
    """The result is (2^p fine - coarse) / (2^p - 1), so that errors of either sign add up with these weights."""
    quotients, noise = np.full(4, 5.0), np.array([1.0, 2.0, 4.0, 8.0])
    for power, shrink in ((1, 2.0), (2, 4.0)):
        value, error = extrapolate(quotients, noise, power, 2)
        level = [(shrink * noise[k + 1] + noise[k]) / (shrink - 1) for k in range(3)]
        assert value[0, :2].tolist() == [5] * 2
        assert error[0, :2].tolist() == level[:2]
        deeper = shrink**2
        assert error[1, 0] == (deeper * level[1] + level[0]) / (deeper - 1)


def test_what_is_not_finite_has_no_result():
    quotients = np.array([np.nan, 1.0, 1.0, 1.0, np.inf, 1.0])
    with np.errstate(invalid="ignore"):
        value, error = extrapolate(quotients, silent(quotients), 2, 2)
    assert np.isfinite(value).all()
    assert np.isfinite(error[0]).tolist() == [False, True, False, False, False, False]
    quotients = np.ones(4)
    assert np.isinf(extrapolate(quotients, np.full(4, np.inf), 2, 2)[1]).all()


def test_every_column_stands_alone_in_the_precision_of_the_quotients():
    columns = np.stack([series(2, [1.0]), series(2, [3.0, 4.0], limit=7.0)], axis=1).astype(np.longdouble)
    value, error = extrapolate(columns, silent(columns), 2, LEVELS)
    assert value.dtype == error.dtype == np.longdouble
    for k in range(2):
        alone = extrapolate(columns[:, k], silent(columns[:, k]), 2, LEVELS)
        assert np.array_equal(value[..., k], alone[0])
        assert np.array_equal(error[..., k], alone[1])


def test_the_tightest_result_of_each_column():
    value = np.arange(8.0).reshape(2, 2, 2)
    error = np.array([[[3.0, 1.0], [2.0, 9.0]], [[1.0, 5.0], [4.0, 2.0]]])
    best, bound = tightest(value, error)
    assert best.tolist() == [4, 1]
    assert bound.tolist() == [1, 1]
