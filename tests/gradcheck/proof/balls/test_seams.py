"""Where a rule changes from one formula to another: value and slope are those of the function on both sides."""

import math
from math import inf, isfinite

import pytest
from flint import arb

from scratchcnn.gradcheck.proof.balls.ball import Ball, precision
from scratchcnn.gradcheck.proof.balls.rules import RULES
from scratchcnn.gradcheck.proof.balls.special import SPECIAL, SPECIAL_RULES
from tests.gradcheck.proof.checks import BITS, check_slope, check_wide, function_named


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[("boxcox", (2.0, 0.0)), ("boxcox1p", (2.0, 0.0)), ("inv_boxcox", (2.0, 0.0)), ("inv_boxcox1p", (2.0, 0.0))],
        *[("xlogy", (0.0, 2.0)), ("xlog1py", (0.0, 2.0)), ("power", (2.0, 0.0)), ("power", (-2.0, 3.0))],
        *[("exprel", (0.0,)), ("sinc", (0.0,)), ("shi", (0.0,)), ("logaddexp", (1.5, 1.5)), ("logaddexp2", (1.5, 1.5))],
        *[("logit", (0.5,)), ("log_ndtr", (0.0,)), ("spence", (1.0,)), ("j1", (0.0,)), ("entr", (1.0,))],
    ],
)
def test_slopes_where_a_formula_changes_are_those_of_differences(name, arguments):
    moving = [0] if name == "power" and arguments[0] < 0 else range(len(arguments))
    function = function_named(name)
    check_slope(lambda *x: function(*(a if i in moving else arguments[i] for i, a in enumerate(x))), arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        *[("log_ndtr", (0.0,)), ("sinc", (1.0,)), ("sinc", (0.0,)), ("logit", (0.25,)), ("logit", (0.75,))],
        *[("logaddexp", (0.0, 0.0)), ("huber", (1.5, 1.5)), ("huber", (1.5, -1.5)), ("boxcox", (2.0, 0.0))],
        *[("xlogy", (0.0, 1.0)), ("gammaln", (0.0,)), ("absolute", (0.0,))],
    ],
)
def test_balls_across_a_change_of_formula_hold_their_points(name, arguments):
    check_wide(function_named(name), arguments)


@pytest.mark.parametrize("name", [n for n, rule in (RULES | SPECIAL_RULES).items() if max(rule.low, -rule.high) > -inf])
def test_a_ball_outside_of_the_domain_is_no_number_for_sure(name):
    rule = (RULES | SPECIAL_RULES)[name]
    outside = [rule.low - 2, rule.high + 2]
    for x in outside:
        if isfinite(x):
            assert function_named(name)(Ball(arb(x, 1))).value.is_nan()
            assert not function_named(name)(Ball(arb(x, 3))).value.is_nan()


def test_the_logit_keeps_its_digits_beside_a_half():
    with precision(BITS):
        assert SPECIAL["logit"](Ball(arb(0.5) + arb(2) ** -150)).value.rel_accuracy_bits() > 200


@pytest.mark.parametrize("other", [-1.0, 0.0, 1.0])
def test_a_relative_entropy_of_what_is_no_number_is_none(other):
    assert SPECIAL["rel_entr"](math.nan, other).value.is_nan()
    assert SPECIAL["rel_entr"](other, math.nan).value.is_nan()


def test_a_relative_entropy_has_no_slope_where_its_first_argument_begins_to_move_from_0():
    assert not SPECIAL["rel_entr"](Ball(arb(0), arb(1)), 1).slope.is_finite()
    assert SPECIAL["rel_entr"](0, Ball(arb(1), arb(1))).slope is None


def test_a_relative_entropy_beside_0_of_what_may_be_0_is_not_infinite_for_sure():
    assert not SPECIAL["rel_entr"](Ball(arb(0, 1)), 0).value.is_exact()
