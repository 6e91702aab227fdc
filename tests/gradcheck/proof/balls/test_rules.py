import math
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, Undecidable, constant, precision
from scratchcnn.gradcheck.proof.balls.recording import recording
from scratchcnn.gradcheck.proof.balls.rules import FUNCTIONS, RULES
from scratchcnn.gradcheck.proof.balls.special import FAMILIES, MATH, SPECIAL, SPECIAL_RULES
from tests.gradcheck.proof.balls.references import ALL, FIXED, ONE, PARAMETERS, SAME
from tests.gradcheck.proof.checks import BITS, check_slope, check_value, check_wide, function_named

# Sums of terms that may cancel have fewer digits than the terms: what they must have at the least.
CANCELS = {"kl_div": 120, "betaln": 120, "logaddexp": 120, "logaddexp2": 120, "rel_entr": 140, "binom": 180}

DECISIONS = {
    *("maximum", "minimum", "fmax", "fmin", "clip", "floor", "ceil", "trunc", "rint", "round", "sign", "heaviside"),
    *("signbit", "copysign", "floor_divide", "remainder", "divmod", "fmod", "modf", "nan_to_num", "huber"),
    *("isinf", "isnan", "isfinite", "less", "less_equal", "greater", "greater_equal", "equal", "not_equal"),
    *("logical_not", "logical_and", "logical_or", "logical_xor"),
}
TUPLES = {"airy", "sici", "shichi", "fresnel"}


def drawn(domain):
    """Arguments in a domain: integers where it is of integers."""
    return st.tuples(
        *(
            st.integers(low, high) if isinstance(low, int) else st.floats(low, high, allow_subnormal=False)
            for low, high in domain
        )
    ).filter(lambda x: all(a == 0 or abs(a) > 1e-30 for a in x))


def smooth(name, arguments):
    """Away from poles and kinks, next to which no step of a difference fits, and from values near 0."""
    if name in ("gamma", "gammaln", "digamma", "rgamma", "polygamma"):
        return abs(arguments[-1] - round(arguments[-1])) > 1e-3 or arguments[-1] > 0.5
    return not (name in ("expi", "multiply") and abs(arguments[0]) < 1e-3)


def middle(name):
    """One point inside the domain, the same in every run."""
    return tuple(
        low if isinstance(low, int) else low + (0.3712890625 + 0.125 * i) * (high - low)
        for i, (low, high) in enumerate(ALL[name][1])
    )


def test_every_function_has_a_reference():
    assert set(ONE) == set(RULES) | set(SPECIAL_RULES)
    assert set(FIXED) == set(FAMILIES)
    assert set(FUNCTIONS) | set(SPECIAL) == set(ALL) | set(SAME) | DECISIONS | TUPLES
    for name, same in SAME.items():
        assert function_named(name) is function_named(same) or name in FUNCTIONS


@pytest.mark.parametrize("name", ALL)
@given(data=st.data())
def test_value_lies_in_the_ball(name, data):
    reference, domain = ALL[name]
    arguments = data.draw(drawn(domain).filter(lambda x: smooth(name, x)))
    check_value(function_named(name), reference, arguments, CANCELS.get(name, 199))


@pytest.mark.parametrize("name", ALL)
@given(data=st.data())
def test_slope_is_that_of_differences(name, data):
    arguments = data.draw(drawn(ALL[name][1]).filter(lambda x: smooth(name, x)))
    check_slope(function_named(name), arguments, PARAMETERS.get(name, 0))


@pytest.mark.parametrize("name", ALL)
@given(data=st.data())
def test_wide_balls_hold_their_points(name, data):
    arguments = data.draw(drawn(ALL[name][1]).filter(lambda x: smooth(name, x)))
    check_wide(function_named(name), arguments, PARAMETERS.get(name, 0))


def planted(rule, kind):
    off = lambda y: y * (1 + arb(1e-20))  # noqa: E731
    return {
        "value": lambda: replace(rule, value=lambda x: off(rule.value(x))),
        "slope": lambda: replace(rule, derivative=lambda x, y: off(rule.derivative(x, y))),
        "sign": lambda: replace(rule, derivative=lambda x, y: -rule.derivative(x, y)),
    }[kind]()


def complain(name, kind):
    """Run the check that must notice a mistake of that kind."""
    if kind == "value":
        check_value(function_named(name), ALL[name][0], middle(name), 50)
    else:
        check_slope(function_named(name), middle(name), PARAMETERS.get(name, 0))


@pytest.mark.parametrize("kind", ["value", "slope", "sign"])
@pytest.mark.parametrize("name", ALL)
def test_a_planted_mistake_is_found(name, kind, monkeypatch):
    complain(name, kind)
    if name in FAMILIES:
        family = FAMILIES[name]
        monkeypatch.setitem(FAMILIES, name, lambda *parameters: planted(family(*parameters), kind))
    elif name in ONE:
        table = RULES if name in RULES else SPECIAL_RULES
        monkeypatch.setitem(table, name, planted(table[name], kind))
    else:
        table = SPECIAL if name in SPECIAL else FUNCTIONS
        right = table[name]

        def wrong(*arguments):
            y = right(*arguments)
            factor = 1 + arb(1e-20)
            if kind == "value":
                return Ball(y.value * factor, y.slope)
            return Ball(y.value, None if y.slope is None else -y.slope if kind == "sign" else y.slope * factor)

        monkeypatch.setitem(table, name, wrong)
    with pytest.raises(AssertionError, match=r"does not hold| for "):
        complain(name, kind)


# Decisions, in exact fractions where floats would round.

NUMBERS = st.one_of(
    st.floats(-40, 40).filter(lambda x: x == 0 or abs(x) > 1e-30), st.integers(-80, 80).map(lambda i: i / 2)
)


def number(x):
    return float(x.value) if type(x) is Ball else x


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "rint", "sign"])
@given(x=NUMBERS)
def test_whole_numbers_and_signs(name, x):
    assert number(FUNCTIONS[name](x)) == getattr(np, name)(x)


@pytest.mark.parametrize("name", ["maximum", "minimum", "fmax", "fmin", "copysign", "heaviside"])
@given(x=st.one_of(NUMBERS, st.just(np.nan)), y=st.one_of(NUMBERS, st.just(np.nan)))
def test_choices(name, x, y):
    if name != "copysign" or not np.isnan(y):
        np.testing.assert_array_equal(number(FUNCTIONS[name](x, y)), getattr(np, name)(x, y))


@pytest.mark.parametrize("name", ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"])
@given(x=st.one_of(NUMBERS, st.just(np.nan)), y=st.one_of(NUMBERS, st.just(np.nan), st.just(np.inf)))
def test_comparisons(name, x, y):
    assert FUNCTIONS[name](x, y) is bool(getattr(np, name)(x, y))


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic(name):
    for x in (0.0, 2.0):
        assert FUNCTIONS["logical_not"](x) is bool(np.logical_not(x))
        for y in (0.0, -1.0):
            assert FUNCTIONS[name](x, y) is bool(getattr(np, name)(x, y))


@given(x=NUMBERS, y=NUMBERS.filter(lambda y: abs(y) > 1e-3))
def test_quotients_and_remainders(x, y):
    whole = math.floor(Fraction(x) / Fraction(y))
    left = Fraction(x) - whole * Fraction(y)
    with precision(BITS):
        assert number(FUNCTIONS["floor_divide"](x, y)) == whole
        assert FUNCTIONS["remainder"](x, y) == left
        assert FUNCTIONS["mod"](x, y) == left
        assert FUNCTIONS["divmod"](x, y)[0] == whole
        assert FUNCTIONS["divmod"](x, y)[1] == left
        assert FUNCTIONS["fmod"](x, y) == Fraction(x) - math.trunc(Fraction(x) / Fraction(y)) * Fraction(y)
        assert FUNCTIONS["modf"](x)[0] == Fraction(x) - math.trunc(x)
        assert FUNCTIONS["modf"](x)[1] == math.trunc(x)
        assert MATH["remainder"](x, y) == Fraction(x) - round(Fraction(x) / Fraction(y)) * Fraction(y)


def test_slopes_of_remainders():
    x, y = Ball(arb(7.5), arb(2)), Ball(arb(2), arb(3))
    assert (x % y).slope == 2 - 3 * 3
    assert divmod(x, y)[1].slope == 2 - 3 * 3
    assert (x // y).slope is None
    assert FUNCTIONS["fmod"](-x, y).slope == -2 + 3 * 3
    assert FUNCTIONS["modf"](x)[0].slope == 2


@given(x=NUMBERS, low=NUMBERS, high=NUMBERS)
def test_clip(x, low, high):
    assert number(FUNCTIONS["clip"](x, low, high)) == np.clip(x, low, high)
    assert number(FUNCTIONS["clip"](x, None, high)) == min(x, high)
    assert number(FUNCTIONS["clip"](x, low)) == max(x, low)


def test_rounding_to_decimals():
    with precision(BITS):
        assert abs(FUNCTIONS["round"](2.345678, 2) - Fraction(235, 100)) < 1e-70
        assert FUNCTIONS["round"](1250, -2) == 1200


def test_what_is_finite():
    values = [1.0, np.inf, -np.inf, np.nan]
    for name in ("isinf", "isnan", "isfinite", "signbit"):
        assert [FUNCTIONS[name](x) for x in values[:3]] == [bool(getattr(np, name)(x)) for x in values[:3]]
        assert name == "signbit" or FUNCTIONS[name](np.nan) is bool(getattr(np, name)(np.nan))
    assert FUNCTIONS["signbit"](-0.0)
    for x in values:
        assert number(FUNCTIONS["nan_to_num"](x)) == np.nan_to_num(x)
        assert number(FUNCTIONS["nan_to_num"](x, nan=7.0, posinf=8.0, neginf=9.0)) == np.nan_to_num(
            x, nan=7.0, posinf=8.0, neginf=9.0
        )
    with pytest.raises(Undecidable):
        FUNCTIONS["isnan"](FUNCTIONS["log"](Ball(arb(0, 1))))


@pytest.mark.parametrize("name", [*RULES, "absolute", "reciprocal", "floor", "rint", "sign"])
def test_edges_are_those_of_numpy(name):
    with np.errstate(all="ignore"), precision(BITS):
        for x in (0.0, 1.0, -1.0, 2.0, -2.0, np.inf, -np.inf, np.nan):
            got = FUNCTIONS[name](x).value
            np.testing.assert_allclose(float(got), getattr(np, name)(x), rtol=1e-14, atol=1e-15)
            assert got.is_nan() or got.is_finite() or got.is_exact()


EDGES = [
    *[("erf", np.inf, 1), ("erf", -np.inf, -1), ("erfc", np.inf, 0), ("erfc", -np.inf, 2), ("erfinv", 1, np.inf)],
    *[("erfinv", 2, np.nan), ("expit", np.inf, 1), ("expit", -np.inf, 0), ("logit", 0, -np.inf), ("logit", 1, np.inf)],
    *[("gamma", 0, np.inf), ("gamma", -1, np.nan), ("gammaln", 0, np.inf), ("digamma", np.inf, np.inf)],
    *[("log_ndtr", -np.inf, -np.inf), ("ndtr", np.inf, 1), ("entr", 0, 0), ("entr", -1, -np.inf), ("k0", 0, np.inf)],
    *[("softplus", -np.inf, 0), ("log_expit", np.inf, 0), ("exprel", 0, 1), ("i0", 0, 1), ("j0", np.inf, 0)],
]


@pytest.mark.parametrize(("name", "x", "y"), EDGES)
def test_edges_of_special_functions(name, x, y):
    np.testing.assert_equal(number(SPECIAL[name](float(x))), float(y))


def test_edges_of_two_variables():
    inf, nan = np.inf, np.nan
    for x, y in [(-inf, 2.0), (-inf, -inf), (inf, 1.0), (2.0, -inf), (inf, inf), (nan, 1.0), (3.0, 3.0)]:
        with np.errstate(invalid="ignore"):
            np.testing.assert_allclose(float(FUNCTIONS["logaddexp"](x, y).value), np.logaddexp(x, y), rtol=1e-14)
    for x, y in [(0.0, 0.0), (0.0, -1.0), (0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)]:
        np.testing.assert_allclose(float(FUNCTIONS["arctan2"](x, y).value), np.arctan2(x, y), rtol=1e-14)
    assert number(SPECIAL["xlogy"](0, 0)) == 0
    assert number(SPECIAL["xlog1py"](0, -1)) == 0
    assert number(SPECIAL["rel_entr"](0, 1)) == 0
    assert number(SPECIAL["rel_entr"](1, 0)) == number(SPECIAL["rel_entr"](1, -1)) == inf
    assert number(SPECIAL["kl_div"](-1, 1)) == inf
    assert number(SPECIAL["rel_entr"](0, 0)) == 0
    assert number(SPECIAL["boxcox"](0, 0)) == -inf
    assert number(SPECIAL["inv_boxcox"](inf, 0)) == inf
    assert [number(SPECIAL["huber"](*x)) for x in [(-1, 1), (2, -5), (2, 1), (0, 5)]] == [inf, 8, 0.5, 0]


def test_slopes_at_edges():
    moving = Ball(arb(0), arb(3))
    assert SPECIAL["exprel"](moving).slope.overlaps(arb(1.5))
    assert FUNCTIONS["sinc"](moving).slope == 0
    assert SPECIAL["xlogy"](moving, 2).slope.overlaps(3 * arb(2).log())
    assert FUNCTIONS["logaddexp"](moving, -np.inf).slope.overlaps(arb(3))
    assert SPECIAL["huber"](1, Ball(arb(0.5), arb(3))).slope == 1.5
    assert SPECIAL["huber"](1, Ball(arb(5), arb(3))).slope == 3


@pytest.mark.parametrize("x", [40.0, -40.0, 700.0])
def test_saturation_keeps_its_digits(x):
    for function in (FUNCTIONS["tanh"], SPECIAL["expit"], SPECIAL["log_expit"], SPECIAL["softplus"], SPECIAL["erfc"]):
        with precision(BITS):
            assert function(Ball(arb(x), arb(1))).slope.rel_accuracy_bits() > 200


# What marks a run: a slope across a kink, a tie or a jump.


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[("absolute", (0,)), ("maximum", (0, 0)), ("minimum", (0, 0)), ("floor", (3,)), ("ceil", (3,))],
        *[("rint", (2.5,)), ("trunc", (2,)), ("sign", (0,)), ("heaviside", (0, 1)), ("hypot", (0, 0))],
        *[("arctan2", (0, -1)), ("arctan2", (0, 0)), ("remainder", (4, 2)), ("floor_divide", (4, 2))],
        *[("clip", (1, 1, 2)), ("copysign", (1, 0)), ("equal", (1, 1)), ("logical_not", (0,))],
    ],
)
def test_marks(name, arguments):
    moving = [Ball(arb(x), arb(1 + 2 * i)) for i, x in enumerate(arguments)]
    with recording() as moved:
        FUNCTIONS[name](*moving)
    assert moved.met >= 1
    with recording() as still:
        FUNCTIONS[name](*arguments)
    assert still.met == 0


@pytest.mark.parametrize("moving", [0, 1])
def test_the_tip_of_a_cone_is_marked_whichever_side_moves(moving):
    sides = [Ball(arb(0), arb(3) if i == moving else None) for i in range(2)]
    with recording() as run:
        tip = FUNCTIONS["hypot"](*sides)
    assert (run.met, tip.value, tip.slope) == (1, 0, None)


def test_no_marks_where_nothing_jumps():
    with recording() as met:
        for name, x in [("trunc", 0), ("rint", 2), ("floor", 2.5), ("sign", 1), ("absolute", -1)]:
            FUNCTIONS[name](Ball(arb(x), arb(1)))
        same = Ball(arb(1), arb(1))
        FUNCTIONS["maximum"](same, Ball(arb(1), arb(1)))
        FUNCTIONS["arctan2"](Ball(arb(0), arb(1)), 1)
    assert met.met == 0


@pytest.mark.parametrize("name", ["floor", "ceil", "rint", "sign", "absolute"])
def test_what_cannot_be_decided(name):
    with pytest.raises(Undecidable):
        FUNCTIONS[name](Ball(arb(0.5 if name == "rint" else 0, 1e-9), arb(1)))


def test_parameters_must_stay_fixed():
    with pytest.raises(NotHeld, match=r"^jv has no derivative by its parameters on balls$"):
        SPECIAL["jv"](Ball(arb(1), arb(1)), 2.0)


@pytest.mark.parametrize("order", [-1, 0.5, 171, 1e300])
def test_a_polygamma_has_a_whole_order(order):
    assert SPECIAL["polygamma"](170, 0.7).value.is_finite()
    with pytest.raises(NotHeld, match="takes polygamma of an order that is no whole number from 0 to 170"):
        SPECIAL["polygamma"](order, 0.7)


def test_a_polygamma_far_on_the_left_is_not_computed():
    assert SPECIAL["polygamma"](0, 0.7).value.overlaps(SPECIAL["digamma"](0.7).value)
    assert number(SPECIAL["polygamma"](1, np.inf)) == 0
    assert not SPECIAL["polygamma"](1, -10000.5).value.is_finite()


def test_tuples():
    with precision(BITS):
        x = Ball(arb(0.7), arb(2))
        a, da, b, db = SPECIAL["airy"](x)
        assert (da.value * b.value - a.value * db.value).overlaps(-1 / arb.pi())
        for name, parts in [("sici", "si ci"), ("shichi", "shi chi"), ("fresnel", "fresnel_s fresnel_c")]:
            for got, part in zip(SPECIAL[name](x), parts.split(), strict=True):
                assert got.value.overlaps(SPECIAL[part](x).value)
                assert got.slope.overlaps(SPECIAL[part](x).slope)
    for i in range(4):
        check_slope(lambda x, i=i: SPECIAL["airy"](x)[i], (0.7,))
    assert SPECIAL["zeta"](2).value.overlaps(arb.pi() ** 2 / 6)


def test_names_of_math():
    arguments = {"pow": (1.3, 2.2), "ldexp": (1.3, 4), "dist": ([1.0, 2.0], [3.0, 5.0]), "prod": ([1.5, 2.0],)}
    arguments |= {name: (1.3, 0.7) for name in ("atan2", "copysign", "fmod", "hypot", "remainder")}
    arguments |= {"fsum": ([0.1, 0.2, 0.3],), "acosh": (1.3,), "modf": (1.3,)}
    with precision(BITS):
        for name, function in MATH.items():
            given_ones = arguments.get(name, (0.3,))
            if not hasattr(math, name):
                assert name in ("exp2", "cbrt")
                continue
            got, want = function(*given_ones), getattr(math, name)(*given_ones)
            if isinstance(want, tuple):
                got, want = got[0], want[0]
            np.testing.assert_allclose(float(got.value) if type(got) is Ball else got, want, rtol=1e-14)
            assert type(got) is (Ball if isinstance(want, float) else type(want))
        assert MATH["log"](8, 2).value.overlaps(arb(3))
        assert constant(2) == MATH["prod"]([2])


# Exponents of more than 64 bits, and what is beside them. FLINT has functions that end the process there.
EXTREMES = [arb(-1e30).exp(), arb(1e30).exp(), -(arb(1e30).exp()), arb(0, 1) * arb(1e30).exp(), arb(1e300), arb(-2.5)]


@pytest.mark.parametrize("name", sorted({*FUNCTIONS, *SPECIAL}))
def test_at_huge_exponents_no_rule_ends_the_process(name):
    function, answers = function_named(name), 0
    with precision(BITS):
        for numbers, slope in product((1, 2, 3), (None, arb(1))):
            for arguments in product(EXTREMES, repeat=numbers):
                try:
                    with suppress(Undecidable, NotHeld):
                        function(*(Ball(x, slope) for x in arguments))
                except TypeError:
                    break  # it takes another number of them
                answers += 1
    assert answers >= len(EXTREMES)
