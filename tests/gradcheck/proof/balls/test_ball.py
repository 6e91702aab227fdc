import copy
import math
import operator
import threading
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx, fmpq
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck.proof.balls import rules
from scratchcnn.gradcheck.proof.balls.ball import NAN, WIDE, Ball, NotHeld, Undecidable, constant, integer, precision
from scratchcnn.gradcheck.proof.balls.recording import recording

FLOATS = st.floats(-1e6, 1e6, allow_subnormal=False)
assert rules.FUNCTIONS


def moving(value, slope=1.0):
    return Ball(arb(value), arb(slope))


@given(x=st.floats())
def test_a_constant_is_the_float_exactly(x):
    value = constant(x).value
    assert value.is_nan() if math.isnan(x) else float(value) == x
    assert math.isinf(x) or math.isnan(x) or value.is_exact()


@pytest.mark.parametrize(
    ("number", "exactly"),
    [
        *[(3, 3), (True, 1), (2**80, 2**80), (np.int8(-3), -3), (np.uint64(2**63), 2**63), (np.True_, 1)],
        *[(np.float32(0.1), Fraction(float(np.float32(0.1)))), (np.float16(0.1), Fraction(float(np.float16(0.1))))],
        *[(np.float64(0.1), Fraction(0.1)), (0.1, Fraction(0.1)), (np.longdouble(1) + np.longdouble(2) ** -60, None)],
    ],
)
def test_numbers_of_all_kinds(number, exactly):
    exactly = Fraction(2**60 + 1, 2**60) if exactly is None else exactly
    with precision(256):
        assert constant(number).value.fmpq() == fmpq(exactly.numerator, exactly.denominator)
        for x in (moving(0.0) + number, number + moving(0.0), number - moving(0.0), number * moving(1.0)):
            assert type(x) is Ball
            assert x.value.fmpq() == fmpq(exactly.numerator, exactly.denominator)


def test_a_fraction_is_enclosed():
    with precision(256):
        assert (constant(Fraction(1, 3)) * 3).value.overlaps(arb(1))


@pytest.mark.parametrize("other", ["1", None, 1j, [1.0]])
def test_what_is_no_number(other):
    with pytest.raises(NotHeld):
        constant(other)
    with pytest.raises(TypeError):
        moving(1.0) + other
    with pytest.raises(TypeError):
        moving(1.0) < other  # noqa: B015
    assert moving(1.0) != other


OPERATIONS = {
    "+": (lambda x, y: x + y, lambda x, y, dx, dy: dx + dy),
    "-": (lambda x, y: x - y, lambda x, y, dx, dy: dx - dy),
    "*": (lambda x, y: x * y, lambda x, y, dx, dy: dx * y + x * dy),
    "/": (lambda x, y: x / y, lambda x, y, dx, dy: (dx * y - x * dy) / y**2),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(x=FLOATS, y=FLOATS.filter(lambda y: abs(y) > 1e-6), dx=FLOATS, dy=FLOATS)
def test_arithmetic_in_fractions(name, x, y, dx, dy):
    """Balls with and without slope, and plain numbers on either side."""
    operation, slope = OPERATIONS[name]
    value = operation(Fraction(x), Fraction(y))
    kinds = [lambda c, dc: (moving(c, dc), Fraction(dc)), lambda c, dc: (constant(c), None), lambda c, dc: (c, None)]
    with precision(256):
        for left in kinds:
            for right in kinds:
                (a, da), (b, db) = left(x, dx), right(y, dy)
                if type(a) is type(b) is float:
                    continue
                got = operation(a, b)
                assert constant(value).value.overlaps(got.value)
                assert got.value.is_exact() or got.value.rel_accuracy_bits() > 150
                assert (got.slope is None) == (da is None and db is None)
                if got.slope is not None:
                    exactly = slope(Fraction(x), Fraction(y), da or 0, db or 0)
                    assert constant(exactly).value.overlaps(got.slope)


def test_the_same_number_minus_itself_is_exactly_0():
    with precision(256):
        x = moving(2.0, 3.0) ** 0.5
        assert (x - x).value == 0
        assert (x - x).slope == 0
        assert not x - x


@pytest.mark.parametrize("p", [2, 3, 5, 2.0, 3.0, 0.5, 1.5, -1, -2.0, -0.5, 0, 1, 0.3])
def test_powers_of_numbers(p):
    with precision(256):
        for exponent in (p, constant(p), np.float64(p)):
            x = moving(1.7, 3.0) ** exponent
            assert x.value.overlaps(arb(1.7) ** arb(p))
            assert x.slope.overlaps(3 * arb(p) * arb(1.7) ** (arb(p) - 1))
            assert x.value.rel_accuracy_bits() > 240
            if p == int(p):
                y = moving(-1.7, 3.0) ** exponent
                assert y.value.overlaps(arb(-1.7) ** int(p))
                assert y.slope.overlaps(3 * arb(p) * arb(-1.7) ** (int(p) - 1))
            else:
                assert ((-moving(1.7)) ** exponent).value.is_nan()


def test_powers_that_move():
    with precision(256):
        x, p = moving(1.7, 3.0), moving(0.3, 5.0)
        value, log = arb(1.7) ** arb(0.3), arb(1.7).log()
        assert (x**p).slope.overlaps(value * (5 * log + 3 * arb(0.3) / arb(1.7)))
        assert (1.7**p).slope.overlaps(value * 5 * log)
        assert (2**p).value.overlaps(arb(2) ** arb(0.3))


@pytest.mark.parametrize("x", [0.0, 1.0, np.inf, -np.inf, -2.0, 3.0])
@pytest.mark.parametrize("p", [0, 1, 2, 3, -1, -2, 0.5, 1.5, -0.5])
def test_powers_at_edges(x, p):
    with np.errstate(all="ignore"), precision(256):
        want = np.float64(x) ** p
        # NumPy's square root of minus infinity is none by the power, an infinity; balls say NaN.
        if x == -np.inf and p != int(p):
            want = np.nan
        if (x, p) == (-np.inf, -1):
            want = 0.0
        np.testing.assert_allclose(float((constant(x) ** p).value), want, rtol=1e-14)


def test_slopes_of_powers_of_0():
    zero = moving(0.0, 3.0)
    assert (zero**2).slope == 0
    assert (zero**1).slope == 3
    assert (zero**0).slope == 0
    assert (zero**1.5).slope == 0
    assert not (zero**0.5).slope.is_finite()
    assert (constant(0) ** 0.5).slope is None


@pytest.mark.parametrize(("x", "y"), [(1.0, 0.0), (-1.0, 0.0), (0.0, 0.0), (np.inf, 2.0), (2.0, np.inf), (np.nan, 1.0)])
def test_division_at_edges(x, y):
    with np.errstate(all="ignore"):
        np.testing.assert_equal(float((constant(x) / y).value), np.float64(x) / y)


def test_too_wide_is_not_nan():
    around = Ball(arb(0, 1e-9))
    for x in (1 / around, around**0.5, around**-1, rules.FUNCTIONS["log"](around), around / around):
        assert not x.value.is_nan()
        with pytest.raises(Undecidable):
            x < 0  # noqa: B015
        with pytest.raises(Undecidable):
            x == x + 1  # noqa: B015
    assert (Ball(NAN) < 0) is False
    assert (Ball(NAN) == Ball(NAN)) is False
    assert (Ball(NAN) != 0) is True
    with pytest.raises(Undecidable):
        bool(Ball(WIDE))


# Comparisons


@given(x=FLOATS, y=FLOATS)
def test_comparisons_of_numbers(x, y):
    for a, b in [(moving(x), moving(y)), (moving(x), y), (x, moving(y)), (constant(x), constant(y))]:
        assert [a < b, a <= b, a > b, a >= b, a == b, a != b] == [x < y, x <= y, x > y, x >= y, x == y, x != y]


def test_infinities_are_compared():
    x = moving(1e300) * 1e300
    assert x < np.inf
    assert x > -np.inf
    assert constant(np.inf) == np.inf
    assert not constant(np.inf) < np.inf


def test_balls_that_overlap_are_undecidable():
    with precision(64):
        third = constant(1) / 3
        with pytest.raises(Undecidable):
            third * 3 < 1  # noqa: B015
    with precision(64):
        near = constant(1) + constant(2.0**-80) / 3
        with pytest.raises(Undecidable):
            near > 1  # noqa: B015
    with precision(128):
        assert constant(1) + constant(2.0**-80) / 3 > 1


@pytest.mark.parametrize("compare", ["__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"])
def test_ties_are_marked_where_slopes_differ(compare):
    def met(a, b):
        with recording() as recorder:
            getattr(a, compare)(b)
        return recorder.met

    x = moving(0.5, 2.0)
    assert met(x, moving(0.5, 3.0)) == 1
    assert met(x, 0.5) == 1
    assert met(constant(0.5), x) == 1
    assert met(x, moving(0.5, 2.0)) == 0
    assert met(x, x) == 0
    assert met(constant(0.5), 0.5) == 0
    assert met(constant(0.5), moving(0.5, 0.0)) == 0
    assert met(x, moving(0.75, 3.0)) == 0


def test_a_number_without_end_equals_itself():
    with precision(256):
        a = np.array([moving(2.0) ** 0.5, moving(3.0) ** 0.5])
        with recording() as recorder:
            assert list(a == a.max()) == [False, True]
            assert a.argmax() == 1
        assert recorder.met == 0


def test_marks_are_dropped_where_nobody_records():
    assert abs(moving(0.0)).value == 0
    with recording() as outer:
        with recording() as inner:
            abs(moving(0.0))
        abs(moving(0.0))
        other = threading.Thread(target=lambda: abs(moving(0.0)))
        other.start()
        other.join()
    assert (outer.met, inner.met) == (1, 1)


def test_sizes_and_signs():
    assert abs(moving(-2.0, 3.0)).slope == -3
    assert abs(moving(2.0, 3.0)).slope == 3
    assert abs(Ball(arb(0, 1))).value.overlaps(arb(1))
    assert (-moving(2.0, 3.0)).slope == -3
    assert (+moving(2.0, 3.0)).slope == 3


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_balls_are_not_compared_with_what_is_no_number(compare):
    with pytest.raises(TypeError, match="not supported between instances of 'Ball' and 'str'"):
        compare(constant(1.0), "1")
    assert compare(constant(1.0), 2.0) is compare(1.0, 2.0)


# What would lose something


def test_what_a_float_cannot_hold():
    with precision(256):
        for x in (moving(1.0), constant(1) / 3):
            for kind in (float, int, complex):
                name = {float: "a float", int: "an integer", complex: "a complex number"}[kind]
                with pytest.raises(
                    NotHeld, match=f"a ball cannot become {name}: its slope and its digits would be lost"
                ):
                    kind(x)
            buffer = np.zeros(2)
            with pytest.raises(NotHeld):
                buffer[0] = x
            with pytest.raises(NotHeld):
                range(3)[x]
    # Nothing is lost of a constant that is such a number.
    assert float(constant(0.1)) == 0.1
    assert int(constant(3.0)) == 3
    assert int(constant(1e300)) == int(1e300)


# Their exponents take more than 64 bits.
TINY, HUGE = arb(-1e30).exp(), arb(1e30).exp()


@pytest.mark.parametrize(
    ("x", "whole"),
    [
        (arb(3), 3),
        (arb(-2.5), None),
        (arb(7, 1e-9), 7),
        (arb(-7, 1e-9), -7),
        (arb(7.25, 0.5), 7),
        (arb(7.25, 0.125), None),
        (arb(7, 1), None),
        (arb(0, 0.5), 0),
        (TINY, None),
        (-TINY, None),
        (TINY * arb(0, 1), 0),
        (3 + TINY * arb(0, 1), 3),
        (HUGE, None),
        (-HUGE, None),
        (arb(2) ** 10**30, None),
        (arb(2) ** 1000, 2**1000),
        (-(arb(2) ** 1024), None),
        (arb("inf"), None),
        (NAN, None),
        (WIDE, None),
    ],
    ids=str,
)
def test_the_only_integer_that_a_ball_holds(x, whole):
    assert integer(x) == whole
    assert range(5)[rules.FUNCTIONS["floor"](moving(2.5))] == 2


@pytest.mark.parametrize("side", [1, -1])
def test_to_a_side_of_a_tie_the_slopes_decide(side):
    slow, fast = moving(1.0, 1.0), moving(1.0, 2.0)
    less, more = (slow, fast) if side > 0 else (fast, slow)
    with recording(side):
        assert (less < more, less <= more, more > less, more >= less, less != more) == (True,) * 5
        assert (more < less, more <= less, less > more, less >= more, less == more) == (False,) * 5
        assert abs(moving(0.0, 3.0)).slope == 3 * side


def test_integers_of_a_class_of_their_own_are_exact_and_arrays_do_their_own_sums():
    class Whole(int):
        pass

    with precision(128):
        assert constant(Whole(2**80 + 1)).value == arb(2**80 + 1)
    for total in (moving(1.0) + np.ones(2, object), np.ones(2, object) + moving(1.0)):
        assert [float(each.value) for each in total] == [2, 2]


def test_an_infinity_to_a_power_that_is_too_wide_is_not_known():
    wide = Ball(arb(0, 1))
    assert (constant(np.inf) ** wide).value.str(5) == WIDE.str(5)
    assert (constant(np.inf) ** -0.5).value == 0


def test_balls_are_no_keys():
    with pytest.raises(TypeError):
        hash(moving(1.0))


# As a scalar of NumPy


def test_a_lone_ball_is_a_scalar():
    x = moving(2.25, 3.0)
    assert (x.shape, x.ndim, x.size, x.dtype) == ((), 0, 1, np.float64)
    for same in (x.item(), x.copy(), x.sum(), x.mean(axis=None), x.max(), x.T, x.real, x.conj(), x.astype(np.float32)):
        assert same is x
    assert copy.deepcopy(x) is x
    assert x.imag == 0
    assert x.reshape(1, 1).shape == (1, 1)
    assert x.ravel()[0] is x
    assert x.astype(int) == 2
    assert x.astype(bool) is True
    assert x.any()
    assert x.argmax() == 0
    assert x.std() == 0
    assert x.dot(2) == 4.5
    assert x.clip(0, 1) == 1
    assert x.round() == round(x) == math.floor(x) == math.trunc(x) == 2
    assert math.ceil(x) == 3
    assert abs(round(x, 1) - 2.2) < 1e-9
    assert f"{x:.1f}" == "2.2"
    assert repr(x) == "Ball(2.2500000000000000, slope 3.0000000)"
    assert repr(constant(1)) == "Ball(1.0000000000000000)"


def test_ufuncs_of_a_lone_ball():
    x = moving(0.5, 3.0)
    with precision(256):
        assert np.exp(x).slope.overlaps(3 * arb(0.5).exp())
        assert (np.float64(3) * x).slope == 9
        assert (np.float32(3) - x).slope == -3
        assert np.minimum(x, 0).slope is None
        assert np.maximum(x, np.array(0)) is x
        assert np.logaddexp(x, -np.inf).value == 0.5
        assert np.isfinite(x) is True
        assert np.power(x, 2).slope == 3
        assert np.sum(x) is x
        assert np.divmod(x, 0.2)[0] == 2


def test_arrays_of_balls():
    a = np.array([moving(0.5), moving(2.0)])
    with precision(256):
        for name in ("exp", "log", "sqrt", "tanh", "log1p", "arctan", "rint", "cbrt", "fabs", "reciprocal", "degrees"):
            for got, x in zip(getattr(np, name)(a), (0.5, 2.0), strict=True):
                np.testing.assert_allclose(float(got.value), getattr(np, name)(x), rtol=1e-14)
        assert np.hypot(a, a)[0].value.overlaps(arb(0.5).sqrt())
        assert (np.array([1.0, 2.0]) * moving(3.0))[1].value == 6
        assert (moving(3.0) / np.array([[1.0, 2.0]])).shape == (1, 2)
        assert (moving(3.0) % np.array([2.0]))[0].value == 1
        assert np.add.outer(moving(1.0), np.ones(3)).shape == (3,)
        assert (a @ a).slope == 5
        assert a.sum().value == 2.5
        assert list(np.minimum(a, 1)) == [0.5, 1]


def test_precision_is_restored_and_held_by_one_thread():
    before, seen = ctx.prec, []

    def other():
        with precision(100):
            seen.append(ctx.prec)

    with precision(300):
        with precision(500):
            assert ctx.prec == 500
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(0.05)
        assert (ctx.prec, seen) == (300, [])
    thread.join()
    assert (ctx.prec, seen) == (before, [100])
