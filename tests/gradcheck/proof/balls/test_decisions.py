"""Functions that depend on a decision: their values are NumPy's at each kind of number, and their runs are marked."""

import itertools
import math

import numpy as np
import pytest
from flint import arb

from scratchcnn.gradcheck.proof.balls import decisions
from scratchcnn.gradcheck.proof.balls.ball import WIDE, Ball, NotHeld, Undecidable, constant, precision
from scratchcnn.gradcheck.proof.balls.recording import recording
from scratchcnn.gradcheck.proof.outcome import Rounding

INF, NAN = math.inf, math.nan
NUMBERS = (0.0, 0.25, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 3.0, -7.75, 2.0**40, INF, -INF, NAN)
ONE = {
    "floor": np.floor,
    "ceil": np.ceil,
    "trunc": np.trunc,
    "rint": np.rint,
    "sign": np.sign,
    "isinf": np.isinf,
    "isnan": np.isnan,
    "isfinite": np.isfinite,
    "nan_to_num": np.nan_to_num,
    "modf": np.modf,
}
TWO = {
    "maximum": np.maximum,
    "minimum": np.minimum,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "copysign": np.copysign,
    "heaviside": np.heaviside,
}
DIVIDING = {"floor_divide": np.floor_divide, "remainder": np.remainder, "fmod": np.fmod, "divmod_": np.divmod}


def value(x):
    """The float of a ball, of each of several, or of what is no ball."""
    if isinstance(x, tuple):
        return tuple(map(value, x))
    return float(x.value) if isinstance(x, Ball) else x


def same(one, other):
    return np.array_equal(np.array(one, float), np.array(other, float), equal_nan=True)


def moving(number, slope=1.0):
    return Ball(arb(number), arb(slope))


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("x", NUMBERS)
def test_of_one_number(name, x):
    if not (name == "modf" and math.isinf(x)):  # the part after the point is NaN here
        assert same(value(getattr(decisions, name)(constant(x))), ONE[name](x))


@pytest.mark.parametrize("name", TWO)
def test_of_two_numbers(name):
    for x, y in itertools.product(NUMBERS, repeat=2):
        if not (name == "copysign" and math.isnan(x)):
            assert same(value(getattr(decisions, name)(constant(x), constant(y))), TWO[name](x, y)), (x, y)


@pytest.mark.parametrize("name", DIVIDING)
def test_of_a_quotient(name):
    finite = [x for x in NUMBERS if abs(x) < 1e6]
    for x, y in itertools.product(finite, [y for y in finite if y]):
        assert same(value(getattr(decisions, name)(constant(x), constant(y))), DIVIDING[name](x, y)), (x, y)


def test_by_zero_quotient_and_remainder_are_not_finite():
    quotient, rest = decisions.divmod_(constant(1.0), constant(0.0))
    assert not quotient.value.is_finite()
    assert rest.value.is_nan()


@pytest.mark.parametrize("decimals", [-2, -1, 0, 1, 2])
def test_rounded_to_decimals(decimals):
    for x in (0.0, 0.125, 0.375, 2.5, -2.5, 12.0, 25.0, -35.0, 150.0, 250.0, 1234.5625):
        assert value(decisions.round_to(x, decimals)) == pytest.approx(round(x, decimals), abs=1e-12)
    assert value(decisions.round_to(2.5)) == 2


@pytest.mark.parametrize("decimals", [309, -309, 10**9])
def test_not_to_more_decimals_than_a_power_of_ten_has_room_for(decimals):
    assert value(decisions.round_to(2.5, -308)) == 0
    with pytest.raises(NotHeld, match=f"rounds to {decimals} decimals, and no float holds such a power of ten"):
        decisions.round_to(2.5, decimals)


def test_limits_may_be_left_open():
    for low, high in itertools.product((None, -1.0, 0.5, NAN), (None, 0.75, 2.0, NAN)):
        for x in (-3.0, 0.6, 5.0, NAN):
            if low is not None or high is not None:
                assert same(value(decisions.clip(x, low, high)), np.clip(x, low, high)), (x, low, high)
    assert value(decisions.clip(3.0)) == 3


def test_the_replacements_of_what_is_not_finite():
    for x, told in ((NAN, 7), (INF, 8), (-INF, 9), (2.0, 2)):
        assert value(decisions.nan_to_num(x, nan=7.0, posinf=8.0, neginf=9.0)) == told
    wide = Ball(WIDE)
    assert decisions.nan_to_num(wide) is wide


def test_the_sign_bit_of_floats_and_balls():
    for x in (0.0, -0.0, 1, -1, np.float64(-2.5)):
        assert decisions.signbit(x) == np.signbit(x)
    assert decisions.signbit(constant(-2.0))
    assert not decisions.signbit(constant(0.0))
    assert value(decisions.copysign(3, -0.0)) == -3


def test_exactly_one():
    for x, y in itertools.product((0.0, 2.0), repeat=2):
        assert decisions.logical_xor(constant(x), constant(y)) == (bool(x) != bool(y))


def test_a_ball_across_a_jump_is_undecidable():
    around = Ball(arb(2, 0.5))
    for name in ("floor", "ceil", "trunc", "rint", "isnan", "isfinite"):
        ball = Ball(WIDE) if name.startswith("is") else around if name != "rint" else Ball(arb(2.5, 0.25))
        with precision(64), pytest.raises(Undecidable):
            getattr(decisions, name)(ball)
    assert value(decisions.trunc(Ball(arb(0, 0.5)))) == 0
    assert value(decisions.floor(Ball(arb(2.5, 0.25)))) == 2


class TestMarks:
    """What a run counts: numbers that move were rounded, or stood on a jump."""

    @pytest.mark.parametrize(
        ("name", "x"), [("floor", 2.5), ("ceil", 2.5), ("trunc", 0.5), ("trunc", -3.5), ("rint", 2.25)]
    )
    def test_a_moving_number_that_is_rounded(self, name, x):
        with recording() as seen:
            assert getattr(decisions, name)(moving(x)).slope is None
        assert (seen.rounded, seen.met) == (1, 0)
        with recording() as seen:
            getattr(decisions, name)(constant(x))
        assert (seen.rounded, seen.met) == (0, 0)

    @pytest.mark.parametrize("slope", [1.0, -1.0])
    @pytest.mark.parametrize("side", [1, -1])
    def test_on_a_jump_the_side_decides(self, slope, side):
        up = slope * side > 0
        for name, x, above, below in (("floor", 2, 2, 1), ("ceil", 2, 3, 2), ("trunc", 1, 1, 0), ("trunc", -1, 0, -1)):
            with recording(side) as seen:
                found = getattr(decisions, name)(moving(x, slope))
            assert value(found) == (above if up else below)
            assert seen.met == 1

    def test_a_tie_is_met_and_keeps_the_first(self):
        with recording() as seen:
            for larger in (decisions.maximum, decisions.minimum, decisions.fmax, decisions.fmin):
                assert larger(moving(1.0, 2.0), moving(1.0, 3.0)).slope == 2
        assert seen.met == 4

    def test_numbers_keep_their_slope(self):
        assert decisions.clip(moving(0.5, 3.0), 0.0, 1.0).slope == 3
        assert decisions.fmod(moving(5.5, 3.0), constant(2.0)).slope == 3
        assert decisions.remainder(moving(5.5, 3.0), constant(2.0)).slope == 3
        part, whole = decisions.modf(moving(5.5, 3.0))
        assert (part.slope, whole.slope) == (3, None)
        assert decisions.copysign(moving(5.5, 3.0), -1.0).slope == -3


class TestStraightThrough:
    """Where a rounding keeps the slope of a moving number."""

    ROUNDINGS = ("floor", "ceil", "trunc", "rint")

    @pytest.mark.parametrize("name", ROUNDINGS)
    @pytest.mark.parametrize("x", [2.25, -2.25, 2.75, -2.75, 0.25, 3.0, -2.5])
    def test_the_number_is_rounded_or_what_it_was(self, name, x):
        whole = ONE[name](x)
        for rounding, value in ((Rounding.ROUNDED, whole), (Rounding.UNROUNDED, x)):
            with recording(rounding=rounding) as seen:
                found = getattr(decisions, name)(moving(x, 3.0))
            assert (found.value, found.slope) == (value, 3)
            assert (seen.met, seen.rounded) == (0, 0)

    @pytest.mark.parametrize("name", ROUNDINGS)
    @pytest.mark.parametrize("x", [2.25, -2.75, 3.0, -2.5])
    def test_or_all_between(self, name, x):
        with recording(rounding=Rounding.BETWEEN):
            found = getattr(decisions, name)(moving(x))
        least, most = sorted([x, float(ONE[name](x))])
        assert float(found.value.lower()) == pytest.approx(least, rel=2.0**-28)
        assert float(found.value.upper()) == pytest.approx(most, rel=2.0**-28)

    def test_of_a_wide_ball_all_that_its_numbers_may_become(self):
        with recording(rounding=Rounding.BETWEEN):
            found = decisions.floor(Ball(arb(3, 1.25), arb(1)))
        assert found.value.contains(1)
        assert found.value.contains(4.25)
        assert not found.value.contains(0.875)

    @pytest.mark.parametrize("rounding", Rounding)
    def test_constants_are_rounded(self, rounding):
        with recording(rounding=rounding):
            assert same(value(decisions.rint(constant(2.75))), 3)

    def test_decimals_too(self):
        with recording(rounding=Rounding.UNROUNDED):
            found = decisions.round_to(moving(0.25), 1)
        assert float(found.value) == pytest.approx(0.25, rel=1e-15)
        assert float(found.slope) == pytest.approx(1, rel=1e-15)

    def test_a_remainder_stands_still(self):
        with recording(rounding=Rounding.ROUNDED):
            found = decisions.remainder(moving(7.25), constant(2.0))
        assert (found.value, found.slope) == (1.25, 0)

    @pytest.mark.parametrize("name", sorted(TWO.keys() - {"copysign", "heaviside"}))
    def test_either_of_two_numbers_may_be_chosen_that_overlap(self, name):
        with recording(rounding=Rounding.BETWEEN) as seen:
            found = getattr(decisions, name)(Ball(arb(1, 0.5), arb(3)), constant(1.25))
        assert found.value.contains(0.5)
        assert found.value.contains(1.5)
        assert (found.slope.contains(0), found.slope.contains(3), found.slope.contains(4)) == (True, True, False)
        assert seen.met == 0
        for rounding in set(Rounding) - {Rounding.BETWEEN}:
            with recording(rounding=rounding), pytest.raises(Undecidable):
                getattr(decisions, name)(Ball(arb(1, 0.5), arb(3)), constant(1.25))

    @pytest.mark.parametrize("name", sorted(TWO.keys() - {"copysign", "heaviside"}))
    def test_of_others_the_one_that_is_surely_meant(self, name):
        low, high = Ball(arb(1, 0.25), arb(3)), Ball(arb(2, 0.25))
        with recording(rounding=Rounding.BETWEEN):
            for pair in ((low, high), (high, low)):
                assert getattr(decisions, name)(*pair) is (high if "max" in name else low)
            assert same(value(getattr(decisions, name)(constant(NAN), constant(1.0))), TWO[name](NAN, 1.0))
            assert same(value(getattr(decisions, name)(constant(1.0), constant(NAN))), TWO[name](1.0, NAN))
