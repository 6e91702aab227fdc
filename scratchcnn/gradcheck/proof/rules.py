"""The functions that NumPy has for numbers, for balls: each with its value and its derivative.

`RULES` holds those of one real variable as they stand in a table of derivatives; `FUNCTIONS` all of them, by the name
of NumPy's ufunc. Arguments are balls or numbers; of numbers alone a constant ball is made, so that no float rounding
spoils a formula. Where a function is steered by a decision (a maximum, a floor) it is taken for certain, or marked at
a tie, or raises `Undecidable`.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from flint import arb

from scratchcnn.gradcheck.proof.ball import (
    FUNCTIONS,
    NAN,
    WIDE,
    ZERO,
    Ball,
    Undecidable,
    constant,
    meet,
    met,
    power,
)

__all__ = ["FUNCTIONS", "RULES", "Rule", "apply"]

Real = Callable[[arb], arb]


@dataclass(frozen=True)
class Rule:
    """A function of one real variable: `derivative` is given the argument and the function's value there.

    Below `low` and above `high` it is NaN. `edges` has its values where arb has none, infinite arguments above all.
    """

    value: Real
    derivative: Callable[[arb, arb], arb]
    low: float = -inf
    high: float = inf
    edges: Mapping[float, float] = field(default_factory=dict)


def apply(rule: Rule, x: Ball) -> Ball:
    """The rule at a ball."""
    v, dx = x.value, x.slope
    y = rule.value(v)
    if not (y.is_finite() and v.is_finite()):
        y = _beyond(rule, v, y)
    return Ball(y) if dx is None else Ball(y, dx * rule.derivative(v, y))


def _beyond(rule: Rule, v: arb, y: arb) -> arb:
    """What arb does not say: the value at an edge, NaN outside the domain, the whole line where neither is sure."""
    if v.is_nan() or v < rule.low or v > rule.high:
        return NAN
    for at, value in rule.edges.items():
        if v == at:
            return arb(value)
    return y if v.is_exact() or y.is_finite() else WIDE


def _everywhere(f: Real) -> Real:
    """A periodic function: NaN at an infinity, where arb still says between -1 and 1."""
    return lambda x: f(x) if x.is_finite() or not x.is_exact() else NAN


def _pi(x: arb) -> arb:
    return x * arb.pi()


def _cbrt(x: arb) -> arb:
    return -((-x).root(3)) if x < 0 else x if x.is_zero() else x.root(3)


def _sinc(x: arb) -> arb:
    return (-((_pi(x) / 2) ** 2)).hypgeom_0f1(arb(1.5))


def _sinc_slope(x: arb, y: arb) -> arb:
    # By the series about 0, where (cos - sinc) / x is 0 / 0.
    return -x * arb.pi() ** 2 / 3 * (-((_pi(x) / 2) ** 2)).hypgeom_0f1(arb(2.5)) if abs(x) < 1 else (_pi(x).cos() - y) / x


def _ln2() -> arb:
    return arb.const_log2()


RULES: dict[str, Rule] = {
    "exp": Rule(arb.exp, lambda x, y: y, edges={-inf: 0, inf: inf}),
    "exp2": Rule(lambda x: arb(2) ** x, lambda x, y: y * _ln2(), edges={-inf: 0, inf: inf}),
    "expm1": Rule(arb.expm1, lambda x, y: x.exp(), edges={-inf: -1, inf: inf}),
    "log": Rule(arb.log, lambda x, y: 1 / x, 0, edges={0: -inf, inf: inf}),
    "log2": Rule(lambda x: x.log_base(2), lambda x, y: 1 / (x * _ln2()), 0, edges={0: -inf, inf: inf}),
    "log10": Rule(lambda x: x.log_base(10), lambda x, y: 1 / (x * arb.const_log10()), 0, edges={0: -inf, inf: inf}),
    "log1p": Rule(arb.log1p, lambda x, y: 1 / (1 + x), -1, edges={-1: -inf, inf: inf}),
    "sqrt": Rule(arb.sqrt, lambda x, y: 1 / (y + y), 0, edges={inf: inf}),
    "cbrt": Rule(_cbrt, lambda x, y: 1 / (3 * y * y), edges={-inf: -inf, inf: inf}),
    "square": Rule(lambda x: x**2, lambda x, y: x + x),
    "sin": Rule(_everywhere(arb.sin), lambda x, y: x.cos()),
    "cos": Rule(_everywhere(arb.cos), lambda x, y: -x.sin()),
    "tan": Rule(_everywhere(arb.tan), lambda x, y: 1 + y * y),
    "arcsin": Rule(arb.asin, lambda x, y: ((1 - x) * (1 + x)).rsqrt(), -1, 1),
    "arccos": Rule(arb.acos, lambda x, y: -((1 - x) * (1 + x)).rsqrt(), -1, 1),
    "arctan": Rule(arb.atan, lambda x, y: 1 / (1 + x * x)),
    "sinh": Rule(arb.sinh, lambda x, y: x.cosh(), edges={-inf: -inf, inf: inf}),
    "cosh": Rule(arb.cosh, lambda x, y: x.sinh(), edges={-inf: inf, inf: inf}),
    # 1 - y * y would lose all digits where tanh is nearly 1.
    "tanh": Rule(arb.tanh, lambda x, y: x.sech() ** 2),
    "arcsinh": Rule(arb.asinh, lambda x, y: (1 + x * x).rsqrt(), edges={-inf: -inf, inf: inf}),
    "arccosh": Rule(arb.acosh, lambda x, y: ((x - 1) * (x + 1)).rsqrt(), 1, edges={inf: inf}),
    "arctanh": Rule(arb.atanh, lambda x, y: 1 / ((1 - x) * (1 + x)), -1, 1, edges={-1: -inf, 1: inf}),
    "sinc": Rule(_sinc, _sinc_slope, edges={-inf: 0, inf: 0}),
    "deg2rad": Rule(lambda x: _pi(x) / 180, lambda x, y: arb.pi() / 180),
    "rad2deg": Rule(lambda x: x * 180 / arb.pi(), lambda x, y: 180 / arb.pi()),
}


def rule(name: str) -> Callable[[Any], Ball]:
    """The function of `RULES` by that name, looked up when it is called."""

    def function(x: Any) -> Ball:
        return apply(RULES[name], x if type(x) is Ball else constant(x))

    function.__name__ = name
    return function


def of_balls(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function written for balls, that takes numbers too."""

    def general(*arguments: Any) -> Any:
        return function(*(x if type(x) is Ball else constant(x) for x in arguments))

    general.__name__ = function.__name__
    return general


# Of two variables.


def hypot(a: Ball, b: Ball) -> Ball:
    """sqrt(a² + b²), with a kink at 0."""
    x, y = a.value, b.value
    h = (x * x + y * y).sqrt()
    if h.is_zero():
        met(a.slope, None)
        met(b.slope, None)
        return Ball(ZERO)
    return Ball(h, _along((a.slope, x / h), (b.slope, y / h)))


def _along(*terms: tuple[arb | None, arb]) -> arb | None:
    """The sum of slope times partial derivative, None where all slopes are those of constants."""
    moving = [slope * partial for slope, partial in terms if slope is not None]
    return sum(moving[1:], moving[0]) if moving else None


def arctan2(a: Ball, b: Ball) -> Ball:
    """The angle of the point (b, a), with a jump across the negative half of the first axis."""
    y, x = a.value, b.value
    if not (x > 0 or y > 0 or y < 0):
        # On the axis, or too near it to tell the side.
        meet(a, Ball(ZERO))
    r = x * x + y * y
    return Ball(arb.atan2(y, x), _along((a.slope, x / r), (b.slope, -y / r)))


def _expit(x: arb) -> arb:
    return 1 / (1 + (-x).exp())


def logaddexp(a: Ball, b: Ball) -> Ball:
    """log(exp a + exp b)."""
    x, y = a.value, b.value
    # Either order is right; with the larger first nothing overflows.
    high, low = (x, y) if x.mid() >= y.mid() else (y, x)
    if x == y:
        return Ball(x + _ln2() if x.is_finite() else x, _along((a.slope, arb(0.5)), (b.slope, arb(0.5))))
    value = high + (low - high).exp().log1p()
    return Ball(value, _along((a.slope, _expit(x - y)), (b.slope, _expit(y - x))))


def logaddexp2(a: Ball, b: Ball) -> Ball:
    """log2(2 ** a + 2 ** b)."""
    ln2 = Ball(_ln2())
    return logaddexp(a * ln2, b * ln2) / ln2


def maximum(a: Ball, b: Ball) -> Ball:
    """The larger; NaN if either is."""
    return a if a.value.is_nan() or (not b.value.is_nan() and a >= b) else b


def minimum(a: Ball, b: Ball) -> Ball:
    """The smaller; NaN if either is."""
    return a if a.value.is_nan() or (not b.value.is_nan() and a <= b) else b


def fmax(a: Ball, b: Ball) -> Ball:
    """The larger of what is not NaN."""
    return a if b.value.is_nan() or (not a.value.is_nan() and a >= b) else b


def fmin(a: Ball, b: Ball) -> Ball:
    """The smaller of what is not NaN."""
    return a if b.value.is_nan() or (not a.value.is_nan() and a <= b) else b


def clip(x: Any, low: Any = None, high: Any = None) -> Ball:
    """Between `low` and `high`, each of which may be None."""
    x = constant(x)
    x = x if low is None else maximum(x, constant(low))
    return x if high is None else minimum(x, constant(high))


# Whole numbers and signs: constants, but for a jump that a slope crosses.


def floor(x: Ball) -> Ball:
    """The largest integer that is not larger."""
    v = x.value
    if v.is_exact() and not v.is_finite():
        return Ball(v)
    whole = v.floor()
    if not (whole.is_exact() and whole.is_finite()):
        raise Undecidable(f"the floor of {v.str(10)}")
    if whole == v:
        met(x.slope, None)
    return Ball(whole)


def ceil(x: Ball) -> Ball:
    """The smallest integer that is not smaller."""
    return -floor(-x)


def trunc(x: Ball) -> Ball:
    """Cut off towards 0, where nothing jumps."""
    v = x.value
    return Ball(ZERO) if v < 1 and v > -1 else floor(x) if v > 0 else ceil(x)


def rint(x: Ball) -> Ball:
    """The nearest integer, the even one of two."""
    whole = floor(x + 0.5)
    v = whole.value
    tie = v.is_finite() and v - x.value == 0.5
    return Ball(v - 1) if tie and not (v / 2).is_integer() else whole


def round_to(x: Any, decimals: int = 0) -> Ball:
    """To that many decimals."""
    scale = Ball(arb(10) ** int(decimals))
    return rint(constant(x) * scale) / scale


def sign(x: Ball) -> Ball:
    """-1, 0 or 1."""
    return x if x.value.is_nan() else Ball(arb(1 if x > 0 else -1 if x.value < 0 else 0))


def heaviside(x: Ball, middle: Ball) -> Ball:
    """0 below 0, 1 above, `middle` at 0."""
    return x if x.value.is_nan() else Ball(arb(1)) if x > 0 else Ball(ZERO) if x.value < 0 else middle


def signbit(x: Any) -> bool:
    """Whether it is negative; a float's -0.0 counts, balls know only one zero."""
    return bool(str(float(x)).startswith("-")) if type(x) is not Ball else x < 0


def copysign(x: Any, y: Any) -> Ball:
    """|x| with the sign of y."""
    size = abs(constant(x))
    return -size if signbit(y) else size


def floor_divide(a: Ball, b: Ball) -> Ball:
    """The floor of the quotient."""
    return floor(a / b)


def remainder(a: Ball, b: Ball) -> Ball:
    """What the floor of the quotient leaves, with the sign of b."""
    return divmod_(a, b)[1]


def divmod_(a: Ball, b: Ball) -> tuple[Ball, Ball]:
    """Quotient and remainder."""
    whole = floor(a / b)
    if not whole.value.is_finite():
        return whole, Ball(NAN)
    return whole, a - whole * b


def fmod(a: Ball, b: Ball) -> Ball:
    """What the quotient cut off towards 0 leaves, with the sign of a."""
    return a - trunc(a / b) * b


def modf(x: Ball) -> tuple[Ball, Ball]:
    """The part after the point, and the whole number before it."""
    whole = trunc(x)
    return x - whole, whole


def nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Ball:
    """Numbers in place of NaN and infinities."""
    x = constant(x)
    if x.value.is_nan():
        return constant(nan)
    if x.value.is_finite() or not x.value.is_exact():
        return x
    largest = 1.7976931348623157e308
    if x.value > 0:
        return constant(largest if posinf is None else posinf)
    return constant(-largest if neginf is None else neginf)


def isinf(x: Ball) -> bool:
    """Whether it is an infinity."""
    return bool(abs(x.value) == inf)


def isnan(x: Ball) -> bool:
    """Whether it is NaN for certain."""
    if not x.value.is_finite() and not x.value.is_nan() and not isinf(x):
        raise Undecidable("whether it is NaN")
    return x.value.is_nan()


def isfinite(x: Ball) -> bool:
    """Whether it is neither."""
    return not (isinf(x) or isnan(x))


def logical_xor(a: Ball, b: Ball) -> bool:
    """Whether one of the two is 0."""
    return bool(a) != bool(b)


for _name in RULES:
    FUNCTIONS[_name] = rule(_name)

FUNCTIONS |= {
    name: of_balls(function)
    for name, function in {
        "hypot": hypot,
        "arctan2": arctan2,
        "logaddexp": logaddexp,
        "logaddexp2": logaddexp2,
        "maximum": maximum,
        "minimum": minimum,
        "fmax": fmax,
        "fmin": fmin,
        "floor": floor,
        "ceil": ceil,
        "trunc": trunc,
        "rint": rint,
        "sign": sign,
        "heaviside": heaviside,
        "floor_divide": floor_divide,
        "remainder": remainder,
        "mod": remainder,
        "divmod": divmod_,
        "fmod": fmod,
        "modf": modf,
        "isinf": isinf,
        "isnan": isnan,
        "isfinite": isfinite,
        "absolute": operator.abs,
        "fabs": operator.abs,
        "abs": operator.abs,
        "negative": operator.neg,
        "positive": operator.pos,
        "conjugate": operator.pos,
        "conj": operator.pos,
        "reciprocal": lambda x: 1 / x,
        "add": operator.add,
        "subtract": operator.sub,
        "multiply": operator.mul,
        "divide": operator.truediv,
        "true_divide": operator.truediv,
        "power": power,
        "pow": power,
        "float_power": power,
        "less": operator.lt,
        "less_equal": operator.le,
        "greater": operator.gt,
        "greater_equal": operator.ge,
        "equal": operator.eq,
        "not_equal": operator.ne,
        "logical_not": operator.not_,
        "logical_and": lambda a, b: bool(a) and bool(b),
        "logical_or": lambda a, b: bool(a) or bool(b),
        "logical_xor": logical_xor,
    }.items()
}
FUNCTIONS |= {"clip": clip, "round": round_to, "around": round_to, "signbit": signbit, "copysign": copysign}
FUNCTIONS |= {"nan_to_num": nan_to_num, "radians": FUNCTIONS["deg2rad"], "degrees": FUNCTIONS["rad2deg"]}
_OTHER_NAMES = "acos arccos acosh arccosh asin arcsin asinh arcsinh atan arctan atanh arctanh atan2 arctan2".split()
FUNCTIONS |= {new: FUNCTIONS[old] for new, old in zip(_OTHER_NAMES[::2], _OTHER_NAMES[1::2], strict=True)}

# NumPy's loop over objects asks each element for a method by the ufunc's name.
for _name in [*RULES, "hypot", "arctan2", "fabs", "reciprocal", "rint", "degrees", "radians", "logaddexp", "isnan"]:
    setattr(Ball, _name, FUNCTIONS[_name])
