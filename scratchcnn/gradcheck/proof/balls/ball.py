"""The number of the proof: a ball (midpoint and rigorous radius, `flint.arb`) with a slope, which is a ball too.

All arithmetic is interval arithmetic at `flint.ctx.prec` bits: the true number lies inside the ball that was computed.
A constant has the slope `None`. Three balls are no real numbers: an exact infinity, an exact NaN (outside the domain,
as in float64), and `WIDE`, the whole line (inside or outside the domain: more bits may tell).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from numbers import Real
from threading import RLock
from typing import Any, NoReturn

import numpy as np
from flint import arb, ctx, fmpq

from scratchcnn.gradcheck.proof.balls.recording import met
from scratchcnn.gradcheck.proof.balls.scalar import FUNCTIONS, NotHeld, Scalar

__all__ = [
    "FUNCTIONS",
    "NAN",
    "WIDE",
    "ZERO",
    "Ball",
    "NotHeld",
    "Undecidable",
    "constant",
    "meet",
    "precision",
]

# Zero, and the two special values of float64.
ZERO, NAN, INFINITY = arb(0), arb("nan"), arb("inf")
# The whole line: nothing is known of the number.
WIDE = arb(0, float("inf"))
# All floats are smaller.
TOO_LARGE = arb(2) ** 1024


class Undecidable(Exception):
    """A comparison of balls that overlap; with more bits they may not."""


_lock = RLock()


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """A block with arithmetic at `bits` bits, for one thread at a time: flint's precision belongs to the process."""
    with _lock:
        before = ctx.prec
        ctx.prec = bits
        try:
            yield
        finally:
            ctx.prec = before


def _longdouble(x: Any) -> arb:
    parts = [float(x)]
    while np.isfinite(parts[-1]) and (x := x - np.longdouble(parts[-1])) != 0:
        parts.append(float(x))
    return sum(map(arb, parts), ZERO)


# How each type of number is converted without rounding.
_EXACT: dict[type, Callable[[Any], arb]] = {
    float: arb,
    int: arb,
    bool: arb,
    arb: lambda x: x,
    np.float64: arb,
    np.longdouble: _longdouble,
    Fraction: lambda x: arb(fmpq(x.numerator, x.denominator)),
}
_EXACT |= {kind: lambda x: arb(float(x)) for kind in (np.float16, np.float32)}
_EXACT |= {kind: lambda x: arb(int(x)) for kind in (np.bool_, *(np.dtype(c).type for c in "bhilqBHILQ"))}


def exact(x: Any) -> arb | None:
    """The real number `x`, exactly; None if it is none (an array, a string, a complex number)."""
    convert = _EXACT.get(type(x))
    if convert is not None:
        return convert(x)
    if isinstance(x, float | int):
        return arb(float(x) if isinstance(x, float) else int(x))
    return None


def constant(x: Any) -> "Ball":
    """The real number `x`, exactly, as a ball without a slope; a ball is returned as it is."""
    if type(x) is Ball:
        return x
    value = exact(x)
    if value is None:
        raise NotHeld(f"{type(x).__name__} is no real number that a ball could hold")
    return Ball(value)


def meet(a: "Ball", b: "Ball") -> int | None:
    """The order of two numbers of which neither is surely the larger.

    It is 0 if they are equal, which is marked (`met`). It is None if one is NaN, which has no order. Other balls that
    overlap are undecidable.
    """
    x, y = a.value, b.value
    if x.is_nan() or y.is_nan():
        return None
    # The same ball is the same number, however wide it is (an element, and the maximum that it is).
    if x is y or x == y or (x - y).is_zero():
        return met(a.slope, b.slope)
    raise Undecidable(f"{x.str(10)} and {y.str(10)} overlap")


def integer(x: arb) -> int | None:
    """The only integer that a ball holds; None if there is none, or it is too large for a float.

    FLINT ends the process where it is asked about a number such as e^(-1e30), whose exponent takes 64 bits. That of
    x + 1 is small.
    """
    if not abs(x) < TOO_LARGE:
        return None
    if x.is_exact():
        return int(x.fmpz()) if x.is_integer() else None
    near = (x + 1).unique_fmpz()
    return None if near is None or not x.contains(near - 1) else int(near) - 1


def quotient(x: arb, y: arb) -> arb:
    """The quotient, as in float64 if the divisor is exactly 0."""
    q = x / y
    if q.is_finite() or x.is_nan() or y.is_nan():
        return q
    if y.is_zero():
        return NAN if x.is_zero() else INFINITY if x > 0 else -INFINITY if x < 0 else WIDE
    return q if x.is_exact() and y.is_exact() else WIDE


def raised(x: arb, p: arb) -> arb:
    """The power x ** p of real numbers, as in float64: also 0 ** p, and NaN for a root of a negative number."""
    whole = integer(p) if p.is_exact() else None
    if whole is not None:
        if p.is_zero():
            return arb(1)
        if p < 0 and x.is_zero():
            return INFINITY
        if abs(x) == INFINITY:
            return ZERO if p < 0 else x if x > 0 or whole % 2 else -x
        y = x**whole
    elif x.is_zero():
        return ZERO if p > 0 else INFINITY if p < 0 else WIDE
    else:
        y = x.sqrt() if p == 0.5 else x**p
    if y.is_finite() or x.is_nan() or p.is_nan():
        return y
    if x == INFINITY and p.is_finite():
        return INFINITY if p > 0 else ZERO if p < 0 else WIDE
    return NAN if x < 0 and p.is_exact() else WIDE


def power(a: "Ball", b: "Ball") -> "Ball":
    """The power a ** b, and its slope p x^(p-1) dx + x^p log(x) dp."""
    x, p, dx, dp = a.value, b.value, a.slope, b.slope
    y = raised(x, p)
    slope = None
    if dx is not None:
        # x ** 1 is x: its slope needs no 0 ** 0.
        slope = dx if p == 1 else ZERO if p.is_zero() else dx * (p * raised(x, p - 1))
    if dp is not None:
        # 0 ** p is 0 for all p > 0.
        by_power = dp * (ZERO if x.is_zero() and p > 0 else y * x.log())
        slope = by_power if slope is None else slope + by_power
    return Ball(y, slope)


class Ball(Scalar):
    """A real number `value`, and the slope with which it moves; it behaves like a scalar of NumPy (`Scalar`)."""

    __slots__ = ("slope", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: arb, slope: arb | None = None) -> None:
        self.value = value
        self.slope = slope

    # Arithmetic. If the other side is no number but an array, it does the work.

    def __add__(self, other: Any) -> "Ball":
        if type(other) is not Ball:
            number = exact(other)
            return NotImplemented if number is None else Ball(self.value + number, self.slope)
        dx, dy = self.slope, other.slope
        if dx is None:
            return Ball(self.value + other.value, dy)
        return Ball(self.value + other.value, dx if dy is None else dx + dy)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Ball":
        if type(other) is not Ball:
            number = exact(other)
            return NotImplemented if number is None else Ball(self.value - number, self.slope)
        x, y, dx, dy = self.value, other.value, self.slope, other.slope
        # A number minus itself is exactly 0, so that it can be compared with 0.
        value = x - y if x is not y or not x.is_finite() else ZERO
        if dx is None:
            return Ball(value, dy if dy is None else -dy)
        return Ball(value, dx if dy is None else dx - dy if dx is not dy or not dx.is_finite() else ZERO)

    def __rsub__(self, other: Any) -> "Ball":
        number = exact(other)
        dx = self.slope
        return NotImplemented if number is None else Ball(number - self.value, dx if dx is None else -dx)

    def __mul__(self, other: Any) -> "Ball":
        if type(other) is not Ball:
            number = exact(other)
            if number is None:
                return NotImplemented
            dx = self.slope
            return Ball(self.value * number, dx if dx is None else dx * number)
        x, y, dx, dy = self.value, other.value, self.slope, other.slope
        if dx is None:
            return Ball(x * y, dy if dy is None else x * dy)
        return Ball(x * y, dx * y if dy is None else dx * y + x * dy)

    def __rmul__(self, other: Any) -> "Ball":
        number = exact(other)
        dx = self.slope
        # Who records the steps wants to know on which side a number stood.
        return NotImplemented if number is None else Ball(number * self.value, dx if dx is None else number * dx)

    def __truediv__(self, other: Any) -> "Ball":
        if type(other) is not Ball:
            number = exact(other)
            if number is None:
                return NotImplemented
            dx = self.slope
            return Ball(quotient(self.value, number), dx if dx is None else dx / number)
        y, dx, dy = other.value, self.slope, other.slope
        q = quotient(self.value, y)
        if dy is None:
            return Ball(q, dx if dx is None else dx / y)
        return Ball(q, -q * dy / y if dx is None else (dx - q * dy) / y)

    def __rtruediv__(self, other: Any) -> "Ball":
        number = exact(other)
        return NotImplemented if number is None else Ball(number) / self

    def __pow__(self, other: Any, modulo: None = None) -> "Ball":
        if type(other) is int or type(other) is float:
            # These exponents are the most common, and cheaper than the general rule.
            x, dx = self.value, self.slope
            if other == 2:
                return Ball(x * x, dx if dx is None else (x + x) * dx)
            if type(other) is int and other > 2 and x.is_finite():
                return Ball(x**other, dx if dx is None else dx * (other * x ** (other - 1)))
            if other == 0.5 and x > 0:
                root = x.sqrt()
                return Ball(root, dx if dx is None else dx / (root + root))
        if type(other) is not Ball:
            number = exact(other)
            return NotImplemented if number is None else power(self, Ball(number))
        return power(self, other)

    def __rpow__(self, other: Any, modulo: None = None) -> "Ball":
        number = exact(other)
        return NotImplemented if number is None else power(Ball(number), self)

    def __neg__(self) -> "Ball":
        return Ball(-self.value, None if self.slope is None else -self.slope)

    def __pos__(self) -> "Ball":
        return self

    def __abs__(self) -> "Ball":
        x = self.value
        if x > 0 or x.is_nan():
            return self
        if x < 0:
            return -self
        if self.slope is None:
            return Ball(abs(x))
        side = meet(self, Ball(ZERO))
        return Ball(ZERO, ZERO) if not side else self if side > 0 else -self

    # Comparisons. Each is decided, or marked because two numbers are equal, or undecidable.

    def __lt__(self, other: Any) -> bool:
        if type(other) is not Ball and (other := _operand(other)) is NotImplemented:
            return NotImplemented
        if self.value < other.value:
            return True
        return not self.value > other.value and meet(self, other) == -1

    def __gt__(self, other: Any) -> bool:
        if type(other) is not Ball and (other := _operand(other)) is NotImplemented:
            return NotImplemented
        if self.value > other.value:
            return True
        return not self.value < other.value and meet(self, other) == 1

    def __le__(self, other: Any) -> bool:
        if type(other) is not Ball and (other := _operand(other)) is NotImplemented:
            return NotImplemented
        return self.value < other.value or (not self.value > other.value and meet(self, other) in (-1, 0))

    def __ge__(self, other: Any) -> bool:
        if type(other) is not Ball and (other := _operand(other)) is NotImplemented:
            return NotImplemented
        return self.value > other.value or (not self.value < other.value and meet(self, other) in (0, 1))

    def __eq__(self, other: Any) -> bool:
        if type(other) is not Ball and (other := _operand(other)) is NotImplemented:
            return NotImplemented
        return not (self.value < other.value or self.value > other.value) and meet(self, other) == 0

    def __ne__(self, other: Any) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __bool__(self) -> bool:
        return self != 0

    # Conversions, which would lose the slope or the digits.

    def __float__(self) -> float:
        x = self.value
        if self.slope is None and (x.is_nan() or (x.is_exact() and arb(float(x)) == x)):
            return float(x)
        _lost("a float")

    def __int__(self) -> int:
        whole = integer(self.value) if self.slope is None and self.value.is_exact() else None
        if whole is None:
            _lost("an integer")
        return whole

    __index__ = __int__

    def __complex__(self) -> complex:
        _lost("a complex number")

    def __repr__(self) -> str:
        slope = "" if self.slope is None else f", slope {self.slope.str(8, radius=False)}"
        return f"Ball({self.value.str(17, radius=False)}{slope})"

    def __format__(self, how: str) -> str:
        return format(float(self.value), how)


Real.register(Ball)


def _operand(x: Any) -> Any:
    number = exact(x)
    return NotImplemented if number is None else Ball(number)


def _lost(what: str) -> NoReturn:
    raise NotHeld(f"a ball cannot become {what}: its slope and its digits would be lost")
