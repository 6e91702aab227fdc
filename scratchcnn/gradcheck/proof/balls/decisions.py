"""Functions that depend on a decision: a maximum, a sign, whole numbers, whether a number is finite.

Each decision is certain. Where a slope crosses a tie or a jump, the run is marked. Balls that are too wide raise
`Undecidable`.
"""

import sys
from collections.abc import Callable
from functools import wraps
from math import inf
from typing import Any

from flint import arb

from scratchcnn.gradcheck.proof.balls.ball import NAN, ZERO, Ball, NotHeld, Undecidable, constant
from scratchcnn.gradcheck.proof.balls.recording import met, rounded, rounding
from scratchcnn.gradcheck.proof.outcome import Rounding


def _or_both(function: Callable[[Ball, Ball], Ball]) -> Callable[[Ball, Ball], Ball]:
    """A decorator: where all numbers between rounded ones and those before are meant, either of two may be chosen."""

    @wraps(function)
    def chosen(a: Ball, b: Ball) -> Ball:
        x, y = a.value, b.value
        if rounding() is not Rounding.BETWEEN or x > y or x < y or x.is_nan() or y.is_nan():
            return function(a, b)
        slopes = [ZERO if ball.slope is None else ball.slope for ball in (a, b)]
        return Ball(x.union(y), slopes[0].union(slopes[1]))

    return chosen


@_or_both
def maximum(a: Ball, b: Ball) -> Ball:
    """The larger number; NaN if either is NaN."""
    return a if a.value.is_nan() or (not b.value.is_nan() and a >= b) else b


@_or_both
def minimum(a: Ball, b: Ball) -> Ball:
    """The smaller number; NaN if either is NaN."""
    return a if a.value.is_nan() or (not b.value.is_nan() and a <= b) else b


@_or_both
def fmax(a: Ball, b: Ball) -> Ball:
    """The larger of the numbers that are not NaN."""
    return a if b.value.is_nan() or (not a.value.is_nan() and a >= b) else b


@_or_both
def fmin(a: Ball, b: Ball) -> Ball:
    """The smaller of the numbers that are not NaN."""
    return a if b.value.is_nan() or (not a.value.is_nan() and a <= b) else b


def clip(x: Any, low: Any = None, high: Any = None) -> Ball:
    """The number limited by `low` and `high`, each of which may be None."""
    x = constant(x)
    x = x if low is None else maximum(x, constant(low))
    return x if high is None else minimum(x, constant(high))


# Whole numbers and signs. They are constants, and a slope that crosses a jump marks the run. Where straight-through
# gradients are asked for (`Rounding`), the rounding of a moving number keeps the slope.


def _straight_through(function: Callable[[Ball], Ball]) -> Callable[[Ball], Ball]:
    """A decorator for functions that round a number."""

    @wraps(function)
    def rounding_to_whole(x: Ball) -> Ball:
        becomes = rounding()
        if becomes is Rounding.CONSTANT or x.slope is None:
            return function(x)
        if becomes is Rounding.UNROUNDED:
            return x
        if becomes is Rounding.ROUNDED:
            return Ball(function(Ball(x.value)).value, x.slope)
        least, most = (function(Ball(end)).value for end in (x.value.lower(), x.value.upper()))
        return Ball(x.value.union(least).union(most), x.slope)

    return rounding_to_whole


@_straight_through
def floor(x: Ball) -> Ball:
    """The largest integer that is not above the number."""
    v = x.value
    if v.is_exact() and not v.is_finite():
        return Ball(v)
    rounded(x.slope)
    whole = v.floor()
    if not (whole.is_exact() and whole.is_finite()):
        raise Undecidable(f"the floor of {v.str(10)}")
    below = whole == v and met(x.slope, None) < 0
    return Ball(whole - 1 if below else whole)


def ceil(x: Ball) -> Ball:
    """The smallest integer that is not below the number."""
    return -floor(-x)


@_straight_through
def trunc(x: Ball) -> Ball:
    """The number rounded towards 0; there is no jump at 0."""
    v = x.value
    if not (v < 1 and v > -1):
        return floor(x) if v > 0 else ceil(x)
    rounded(x.slope)
    return Ball(ZERO)


@_straight_through
def rint(x: Ball) -> Ball:
    """The nearest integer; the even one of two."""
    whole = floor(x + 0.5)
    v = whole.value
    tie = v.is_finite() and v - x.value == 0.5
    return Ball(v - 1) if tie and not (v / 2).is_integer() else whole


def round_to(x: Any, decimals: int = 0) -> Ball:
    """The number rounded to some decimals.

    Raises
    ------
    NotHeld
        So many that a float cannot hold the power of ten.
    """
    if abs(int(decimals)) > sys.float_info.max_10_exp:
        raise NotHeld(f"rounds to {decimals} decimals, and no float holds such a power of ten")
    scale = Ball(arb(10 ** abs(int(decimals))))
    # The scale is a whole number in either case, so that ties are exact.
    return rint(constant(x) * scale) / scale if decimals > 0 else rint(constant(x) / scale) * scale


def sign(x: Ball) -> Ball:
    """-1, 0 or 1."""
    return x if x.value.is_nan() else Ball(arb(1 if x > 0 else -1 if x < 0 else 0))


def heaviside(x: Ball, middle: Ball) -> Ball:
    """0 below 0, 1 above, `middle` at 0."""
    return x if x.value.is_nan() else Ball(arb(1)) if x > 0 else Ball(ZERO) if x < 0 else middle


def signbit(x: Any) -> bool:
    """Whether the number is negative. A float's -0.0 counts; balls have only one zero."""
    return bool(str(float(x)).startswith("-")) if type(x) is not Ball else x < 0


def copysign(x: Any, y: Any) -> Ball:
    """|x| with the sign of y."""
    size = abs(constant(x))
    return -size if signbit(y) else size


def floor_divide(a: Ball, b: Ball) -> Ball:
    """The floor of the quotient."""
    return floor(a / b)


def remainder(a: Ball, b: Ball) -> Ball:
    """The remainder of the floor of the quotient; it has the sign of b."""
    return divmod_(a, b)[1]


def divmod_(a: Ball, b: Ball) -> tuple[Ball, Ball]:
    """Quotient and remainder."""
    whole = floor(a / b)
    if not whole.value.is_finite():
        return whole, Ball(NAN)
    return whole, a - whole * b


def fmod(a: Ball, b: Ball) -> Ball:
    """The remainder of the quotient rounded towards 0; it has the sign of a."""
    return a - trunc(a / b) * b


def modf(x: Ball) -> tuple[Ball, Ball]:
    """The part after the decimal point, and the whole number before it."""
    whole = trunc(x)
    return x - whole, whole


def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Ball:
    """The number; another one in place of NaN or an infinity."""
    ball = constant(x)
    if ball.value.is_nan():
        return constant(nan)
    if ball.value.is_finite() or not ball.value.is_exact():
        return ball
    largest = 1.7976931348623157e308
    if ball.value > 0:
        return constant(largest if posinf is None else posinf)
    return constant(-largest if neginf is None else neginf)


def isinf(x: Ball) -> bool:
    """Whether the number is an infinity."""
    return bool(abs(x.value) == inf)


def isnan(x: Ball) -> bool:
    """Whether the number is NaN, for certain."""
    if not x.value.is_finite() and not x.value.is_nan() and not isinf(x):
        raise Undecidable("whether it is NaN")
    return x.value.is_nan()


def isfinite(x: Ball) -> bool:
    """Whether the number is neither."""
    return not (isinf(x) or isnan(x))


def logical_xor(a: Ball, b: Ball) -> bool:
    """Whether exactly one of the two is 0."""
    return bool(a) != bool(b)
