"""What must hold of a rule, as plain functions that raise `AssertionError`."""

from contextlib import suppress

from flint import arb
from mpmath import mp

from scratchcnn.gradcheck.proof.balls.ball import Ball, Undecidable, constant, precision
from scratchcnn.gradcheck.proof.balls.rules import FUNCTIONS
from scratchcnn.gradcheck.proof.balls.special import SPECIAL

BITS = 256


def function_named(name):
    """Looked up when it is called: a planted mistake is in the table."""
    return SPECIAL.get(name) or FUNCTIONS[name]


def check_value(function, reference, arguments, accuracy=199):
    """mpmath's value, at 120 digits and with its own error, lies in the ball, which is narrow (199 bits: 1e-60)."""
    with precision(BITS):
        balls = [function(*map(constant, arguments)), function(*arguments)]
    with mp.workdps(120):
        truth = reference(*(mp.mpf(x) for x in arguments))
    with precision(1000):
        truth = arb(truth) * (1 + arb(0, 1e-110))
        for ball in balls:
            assert type(ball) is Ball
            assert ball.slope is None
            assert ball.value.overlaps(truth), f"{ball.value.str(60)} does not hold {truth.str(60)}"
            # About a zero that is no exact one no bit is accurate: log2(1/2 + 1/2).
            at_zero = truth.is_zero() and ball.value.rad() <= arb(2) ** -accuracy
            assert at_zero or ball.value.rel_accuracy_bits() >= accuracy, f"{ball.value.str(80)} is wide"


def check_slope(function, arguments, parameters=0):
    """The slope is that of a central difference of balls, to 60 digits: by one argument, and by all together."""
    n = len(arguments)
    moving = range(parameters, n)
    for chosen in [[i] for i in moving] + [list(moving)] * (len(moving) > 1):
        # No unit slopes: a factor that was forgotten would not show.
        slopes = [0.75 + i if i in chosen else None for i in range(n)]
        with precision(2000):
            step = arb(2) ** -600
            there = [Ball(arb(x), None if s is None else arb(s)) for x, s in zip(arguments, slopes, strict=True)]
            right, left = (
                function(*(Ball(arb(x) + sign * step * (s or 0)) for x, s in zip(arguments, slopes, strict=True)))
                for sign in (1, -1)
            )
            quotient = (right.value - left.value) / (2 * step)
            slope = function(*there).slope
            slope = arb(0) if slope is None else slope
            # The step's own error, where the slope is 0.
            allowed = abs(quotient) * arb(1e-60) + arb(2) ** -1160
            assert abs(slope - quotient) <= allowed, f"{slope.str(70)} for {quotient.str(70)}"


def check_wide(function, arguments, parameters=0):
    """A ball with a radius holds, with value and slope, what the function is at the numbers in it."""
    radius = 2.0**-40
    with precision(BITS), suppress(Undecidable):
        wide = [
            Ball(arb(x, radius if i >= parameters else 0), arb(1) if i >= parameters else None)
            for i, x in enumerate(arguments)
        ]
        whole = function(*wide)
        for part in (-1, -0.75, 0, 0.5, 1):
            point = function(
                *(
                    Ball(arb(x) + (radius * part if b.slope is not None else 0), b.slope)
                    for x, b in zip(arguments, wide, strict=True)
                )
            )
            assert whole.value.overlaps(point.value)
            assert whole.slope.overlaps(point.slope)
