import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck.proof import rules, special
from scratchcnn.gradcheck.proof.ball import Ball, NotHeld, Undecidable, constant, precision, recording
from scratchcnn.gradcheck.proof.rules import FUNCTIONS, RULES
from scratchcnn.gradcheck.proof.special import FAMILIES, MATH, SPECIAL, SPECIAL_RULES

from .checks import BITS, check_slope, check_value, check_wide, function_named
from .references import ALL, FIXED, ONE, PARAMETERS, SAME, SCALED, SEVERAL

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
    if name == "entr":
        # Composed of the rule, for what is below 0.
        assert SPECIAL["entr"] is not None
    with pytest.raises(AssertionError, match=r"does not hold| for "):
        complain(name, kind)
