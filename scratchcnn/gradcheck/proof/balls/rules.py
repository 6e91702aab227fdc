"""NumPy's functions of numbers, for balls: each with its value and its derivative.

`RULES` is a table of derivatives, of the functions of one real variable. `FUNCTIONS` holds all functions, by the name
of NumPy's ufunc. Arguments are balls or numbers. The result for numbers alone is a constant ball, so that no rounding
of floats spoils a formula.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from flint import arb

from scratchcnn.gradcheck.proof.balls import decisions
from scratchcnn.gradcheck.proof.balls.ball import (
    FUNCTIONS,
    NAN,
    WIDE,
    ZERO,
    Ball,
    constant,
    meet,
    power,
)
from scratchcnn.gradcheck.proof.balls.recording import met

__all__ = ["FUNCTIONS", "RULES", "Rule", "apply"]

Real = Callable[[arb], arb]


@dataclass(frozen=True)
class Rule:
    """A function of one real variable.

    `derivative` takes the argument and the function's value there. The function is NaN below `low` and above `high`.
    `edges` has its values where arb gives none, above all at infinite arguments.
    """

    value: Real
    derivative: Callable[[arb, arb], arb]
    low: float = -inf
    high: float = inf
    edges: Mapping[float, float] = field(default_factory=dict)


def apply(rule: Rule, x: Ball) -> Ball:
    """The value of the function at a ball, with its slope."""
    v, dx = x.value, x.slope
    y = rule.value(v)
    if not (y.is_finite() and v.is_finite()):
        y = _beyond(rule, v, y)
    return Ball(y) if dx is None else Ball(y, dx * rule.derivative(v, y))


def _beyond(rule: Rule, v: arb, y: arb) -> arb:
    """The value where arb gives none: at an edge, NaN outside the domain, the whole line if neither is sure."""
    if v.is_nan() or v < rule.low or v > rule.high:
        return NAN
    for at, value in rule.edges.items():
        if v == at:
            return arb(value)
    return y if v.is_exact() or y.is_finite() else WIDE


def _everywhere(f: Real) -> Real:
    """A periodic function. It is NaN at an infinity, where arb gives the interval from -1 to 1."""
    return lambda x: f(x) if x.is_finite() or not x.is_exact() else NAN


def _pi(x: arb) -> arb:
    return x * arb.pi()


def _cbrt(x: arb) -> arb:
    return -((-x).root(3)) if x < 0 else x.root(3)


def _sinc_slope(x: arb, y: arb) -> arb:
    if abs(x) > 1:
        return (_pi(x).cos() - y) / x
    # About 0, where that is 0 / 0, by its series.
    return -x * arb.pi() ** 2 / 3 * (-((_pi(x) / 2) ** 2)).hypgeom_0f1(arb(2.5))


def _ln2() -> arb:
    return arb.const_log2()


# The table of derivatives, by NumPy's names.
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
    "square": Rule(lambda x: x * x, lambda x, y: x + x),
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
    "sinc": Rule(_everywhere(arb.sinc_pi), _sinc_slope),
    "deg2rad": Rule(lambda x: _pi(x) / 180, lambda x, y: arb.pi() / 180),
    "rad2deg": Rule(lambda x: x * 180 / arb.pi(), lambda x, y: 180 / arb.pi()),
}


def rule(name: str, table: dict[str, Rule]) -> Callable[[Any], Ball]:
    """The function of a table by its name, which is looked up at every call."""

    def function(x: Any) -> Ball:
        return apply(table[name], x if type(x) is Ball else constant(x))

    function.__name__ = name
    return function


def of_balls(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that is written for balls, so that it also takes numbers."""

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
    return Ball(h, along((a.slope, x / h), (b.slope, y / h)))


def along(*terms: tuple[arb | None, arb]) -> arb | None:
    """The sum of slope times partial derivative; None if all slopes are those of constants."""
    moving = [slope * partial for slope, partial in terms if slope is not None]
    return sum(moving[1:], moving[0]) if moving else None


def arctan2(a: Ball, b: Ball) -> Ball:
    """The angle of the point (b, a), with a jump across the negative half of the first axis."""
    y, x = a.value, b.value
    if not (x > 0 or y > 0 or y < 0):
        # The point is on the axis, or too near to tell on which side.
        meet(a, Ball(ZERO))
    r = x * x + y * y
    return Ball(arb.atan2(y, x), along((a.slope, x / r), (b.slope, -y / r)))


def _expit(x: arb) -> arb:
    return 1 / (1 + (-x).exp())


def logaddexp(a: Ball, b: Ball) -> Ball:
    """log(exp a + exp b)."""
    x, y = a.value, b.value
    # Either order is right. With the larger first, nothing overflows.
    high, low = (x, y) if x.mid() >= y.mid() else (y, x)
    if x == y:
        return Ball(x + _ln2() if x.is_finite() else x, along((a.slope, arb(0.5)), (b.slope, arb(0.5))))
    value = high + (low - high).exp().log1p()
    return Ball(value, along((a.slope, _expit(x - y)), (b.slope, _expit(y - x))))


def logaddexp2(a: Ball, b: Ball) -> Ball:
    """log2(2 ** a + 2 ** b)."""
    ln2 = Ball(_ln2())
    return logaddexp(a * ln2, b * ln2) / ln2


for _name in RULES:
    FUNCTIONS[_name] = rule(_name, RULES)

# The functions that are written for balls, by NumPy's names.
_RULES_OF_BALLS: dict[str, Callable[..., Any]] = {
    "hypot": hypot,
    "arctan2": arctan2,
    "logaddexp": logaddexp,
    "logaddexp2": logaddexp2,
    "maximum": decisions.maximum,
    "minimum": decisions.minimum,
    "fmax": decisions.fmax,
    "fmin": decisions.fmin,
    "floor": decisions.floor,
    "ceil": decisions.ceil,
    "trunc": decisions.trunc,
    "rint": decisions.rint,
    "sign": decisions.sign,
    "heaviside": decisions.heaviside,
    "floor_divide": decisions.floor_divide,
    "remainder": decisions.remainder,
    "mod": decisions.remainder,
    "divmod": decisions.divmod_,
    "fmod": decisions.fmod,
    "modf": decisions.modf,
    "isinf": decisions.isinf,
    "isnan": decisions.isnan,
    "isfinite": decisions.isfinite,
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
    "logical_xor": decisions.logical_xor,
}
FUNCTIONS |= {name: of_balls(function) for name, function in _RULES_OF_BALLS.items()}
FUNCTIONS |= {
    "clip": decisions.clip,
    "round": decisions.round_to,
    "around": decisions.round_to,
    "signbit": decisions.signbit,
    "copysign": decisions.copysign,
}
FUNCTIONS |= {"nan_to_num": decisions.nan_to_num, "radians": FUNCTIONS["deg2rad"], "degrees": FUNCTIONS["rad2deg"]}
# The names of NumPy 2 and of `math`.
for _name in ("cos", "sin", "tan", "cosh", "sinh", "tanh", "tan2"):
    FUNCTIONS[f"a{_name}"] = FUNCTIONS[f"arc{_name}"]

# NumPy's loop over objects asks each element for a method by the ufunc's name.
for _name in [*RULES, "hypot", "arctan2", "fabs", "reciprocal", "rint", "degrees", "radians", "logaddexp", "isnan"]:
    setattr(Ball, _name, FUNCTIONS[_name])
