"""The functions of scipy.special and of `math` for balls: `SPECIAL` and `MATH`, by name.

The functions of one real variable stand in a table with their derivatives, as in `rules`. A function of several
variables is composed of others, which gives its slope; or all but one are parameters that stay fixed (the order of a
Bessel function).
"""

import math
from collections.abc import Callable
from math import inf
from typing import Any

from flint import arb, ctx, fmpz

from scratchcnn.gradcheck.proof.balls.ball import NAN, WIDE, ZERO, Ball, NotHeld, constant, integer
from scratchcnn.gradcheck.proof.balls.rules import FUNCTIONS, Rule, along, apply, of_balls, rule
from scratchcnn.gradcheck.proof.balls.scalar import SPECIAL, as_integer

__all__ = ["MATH", "SPECIAL", "SPECIAL_RULES"]


def _careful(value: Callable[[], arb], x: arb) -> arb:
    """A value whose terms may cancel inside arb: it is computed again with more bits, if `x` itself is precise."""
    bits = ctx.prec
    y = value()
    if y.rel_accuracy_bits() > 0.8 * bits or x.rel_accuracy_bits() < 0.8 * bits:
        return y
    ctx.prec = 3 * bits
    try:
        return value()
    finally:
        ctx.prec = bits


def _k(n: arb | int, x: arb) -> arb:
    return _careful(lambda: x.bessel_k(n), x)


def _y(n: arb | int, x: arb) -> arb:
    return _careful(lambda: x.bessel_y(n), x)


def _e(n: arb | int, x: arb) -> arb:
    return _careful(lambda: x.expint(n), x)


def _gauss(x: arb) -> arb:
    """The density of the normal distribution."""
    return (-(x**2) / 2).exp() / (2 * arb.pi()).sqrt()


def _sqrt2() -> arb:
    return arb(2).sqrt()


def _expit(x: arb) -> arb:
    return 1 / (1 + (-x).exp())


def _logit(x: arb) -> arb:
    # About 1/2 the logarithm of a quotient near 1 would lose digits, and 2 x - 1 is exact; elsewhere 1 - x is.
    return 2 * (2 * x - 1).atanh() if abs(x - 0.5) < 0.25 else (x / (1 - x)).log()


def _log_ndtr(x: arb) -> arb:
    tail = (abs(x) / _sqrt2()).erfc() / 2
    return (-tail).log1p() if x > 0 else ((-x / _sqrt2()).erfc() / 2).log()


def _gammaln(x: arb) -> arb:
    return x.lgamma() if x > 0 else abs(x.gamma()).log()


# Of polygamma: floats hold no factorial of more.
LARGEST_ORDER = 170


def _polygamma(n: int, x: arb) -> arb:
    """The n-th derivative of digamma, n > 0, by Hurwitz's zeta function; a negative argument is moved up first."""
    factor = arb(fmpz(math.factorial(n))) * (1 if n % 2 else -1)
    if not x < 0:
        return factor * arb(n + 1).zeta(x)
    if x < -10000:
        return WIDE
    steps = int(float(-x)) + 1
    shift = sum((1 / (x + k) ** (n + 1) for k in range(steps)), ZERO)
    return _polygamma(n, x + steps) + factor * shift


def _entr(x: arb) -> arb:
    return x if x.is_zero() else -x * x.log()


# The table of derivatives, by SciPy's names.
SPECIAL_RULES: dict[str, Rule] = {
    "erf": Rule(arb.erf, lambda x, y: 2 * _gauss(x * _sqrt2()) * _sqrt2(), edges={-inf: -1, inf: 1}),
    "erfc": Rule(arb.erfc, lambda x, y: -2 * _gauss(x * _sqrt2()) * _sqrt2(), edges={-inf: 2, inf: 0}),
    "erfi": Rule(arb.erfi, lambda x, y: 2 * (x**2).exp() / arb.pi().sqrt(), edges={-inf: -inf, inf: inf}),
    "erfcx": Rule(
        lambda x: (x**2).exp() * x.erfc(), lambda x, y: 2 * (x * y - arb.pi().rsqrt()), edges={-inf: inf, inf: 0}
    ),
    "erfinv": Rule(arb.erfinv, lambda x, y: arb.pi().sqrt() / 2 * (y**2).exp(), -1, 1, edges={-1: -inf, 1: inf}),
    "erfcinv": Rule(arb.erfcinv, lambda x, y: -arb.pi().sqrt() / 2 * (y**2).exp(), 0, 2, edges={0: inf, 2: -inf}),
    "dawsn": Rule(
        lambda x: arb.pi().sqrt() / 2 * (-(x**2)).exp() * x.erfi(), lambda x, y: 1 - 2 * x * y, edges={-inf: 0, inf: 0}
    ),
    "ndtr": Rule(lambda x: (-x / _sqrt2()).erfc() / 2, lambda x, y: _gauss(x), edges={-inf: 0, inf: 1}),
    "ndtri": Rule(lambda x: -_sqrt2() * (2 * x).erfcinv(), lambda x, y: 1 / _gauss(y), 0, 1, edges={0: -inf, 1: inf}),
    "log_ndtr": Rule(_log_ndtr, lambda x, y: _gauss(x) / y.exp(), edges={-inf: -inf, inf: 0}),
    # y (1 - y) would lose all digits where y is nearly 1.
    "expit": Rule(_expit, lambda x, y: (x / 2).sech() ** 2 / 4, edges={-inf: 0, inf: 1}),
    "logit": Rule(_logit, lambda x, y: 1 / (x * (1 - x)), 0, 1, edges={0: -inf, 1: inf}),
    "log_expit": Rule(lambda x: -(-x).exp().log1p(), lambda x, y: _expit(-x), edges={-inf: -inf, inf: 0}),
    "softplus": Rule(lambda x: x.exp().log1p(), lambda x, y: _expit(x), edges={-inf: 0, inf: inf}),
    "entr": Rule(_entr, lambda x, y: -x.log() - 1, edges={inf: -inf}),
    "exp10": Rule(lambda x: arb(10) ** x, lambda x, y: y * arb.const_log10(), edges={-inf: 0, inf: inf}),
    "exprel": Rule(lambda x: x.hypgeom_1f1(1, 2), lambda x, y: x.hypgeom_1f1(2, 3) / 2, edges={-inf: 0, inf: inf}),
    "cosm1": Rule(lambda x: -2 * (x / 2).sin() ** 2, lambda x, y: -x.sin()),
    "gamma": Rule(arb.gamma, lambda x, y: y * x.digamma(), edges={0: inf, inf: inf}),
    "rgamma": Rule(arb.rgamma, lambda x, y: -y * x.digamma(), edges={inf: 0}),
    "gammaln": Rule(_gammaln, lambda x, y: x.digamma(), edges={0: inf, inf: inf}),
    "digamma": Rule(arb.digamma, lambda x, y: _polygamma(1, x), edges={inf: inf}),
    "spence": Rule(lambda x: (1 - x).polylog(2), lambda x, y: (1 - x).hypgeom_2f1(1, 1, 2) * -1, 0),
    "expi": Rule(arb.ei, lambda x, y: x.exp() / x, edges={-inf: 0, 0: -inf, inf: inf}),
    "exp1": Rule(lambda x: _e(1, x), lambda x, y: -(-x).exp() / x, 0, edges={0: inf, inf: 0}),
    "j0": Rule(lambda x: x.bessel_j(0), lambda x, y: -x.bessel_j(1), edges={-inf: 0, inf: 0}),
    "j1": Rule(lambda x: x.bessel_j(1), lambda x, y: (x.bessel_j(0) - x.bessel_j(2)) / 2, edges={-inf: 0, inf: 0}),
    "y0": Rule(lambda x: _y(0, x), lambda x, y: -_y(1, x), 0, edges={0: -inf, inf: 0}),
    "y1": Rule(lambda x: _y(1, x), lambda x, y: (_y(0, x) - _y(2, x)) / 2, 0, edges={0: -inf, inf: 0}),
    "i0": Rule(lambda x: x.bessel_i(0), lambda x, y: x.bessel_i(1), edges={-inf: inf, inf: inf}),
    "i1": Rule(lambda x: x.bessel_i(1), lambda x, y: (x.bessel_i(0) + x.bessel_i(2)) / 2, edges={-inf: -inf, inf: inf}),
    "k0": Rule(lambda x: _k(0, x), lambda x, y: -_k(1, x), 0, edges={0: inf, inf: 0}),
    "k1": Rule(lambda x: _k(1, x), lambda x, y: -(_k(0, x) + _k(2, x)) / 2, 0, edges={0: inf, inf: 0}),
    "si": Rule(arb.si, lambda x, y: x.sinc()),
    "ci": Rule(arb.ci, lambda x, y: x.cos() / x, 0, edges={0: -inf, inf: 0}),
    "shi": Rule(arb.shi, lambda x, y: x.sinh() / x if not x.is_zero() else arb(1)),
    "chi": Rule(arb.chi, lambda x, y: x.cosh() / x, 0, edges={0: -inf}),
    "fresnel_s": Rule(
        lambda x: _careful(x.fresnel_s, x), lambda x, y: (arb.pi() * x**2 / 2).sin(), edges={-inf: -0.5, inf: 0.5}
    ),
    "fresnel_c": Rule(
        lambda x: _careful(x.fresnel_c, x), lambda x, y: (arb.pi() * x**2 / 2).cos(), edges={-inf: -0.5, inf: 0.5}
    ),
}

# Functions with parameters that stay fixed: for given parameters, each is a rule of one variable.
FAMILIES: dict[str, Callable[..., Rule]] = {
    "jv": lambda n: Rule(lambda x: x.bessel_j(n), lambda x, y: (x.bessel_j(n - 1) - x.bessel_j(n + 1)) / 2),
    "yv": lambda n: Rule(lambda x: _y(n, x), lambda x, y: (_y(n - 1, x) - _y(n + 1, x)) / 2, 0),
    "iv": lambda n: Rule(lambda x: x.bessel_i(n), lambda x, y: (x.bessel_i(n - 1) + x.bessel_i(n + 1)) / 2),
    "kv": lambda n: Rule(lambda x: _k(n, x), lambda x, y: -(_k(n - 1, x) + _k(n + 1, x)) / 2, 0),
    "expn": lambda n: Rule(lambda x: _e(n, x), lambda x, y: -_e(n - 1, x), 0),
    "polygamma": lambda n: _polygamma_rule(integer(n)),
    "gammainc": lambda a: Rule(
        lambda x: x.gamma_lower(a, 1), lambda x, y: x ** (a - 1) * (-x).exp() * a.rgamma(), 0, edges={inf: 1}
    ),
    "gammaincc": lambda a: Rule(
        lambda x: _careful(lambda: x.gamma_upper(a, 1), x),
        lambda x, y: -(x ** (a - 1)) * (-x).exp() * a.rgamma(),
        0,
        edges={inf: 0},
    ),
    "betainc": lambda a, b: Rule(
        lambda x: x.beta_lower(a, b, 1),
        lambda x, y: x ** (a - 1) * (1 - x) ** (b - 1) * (a + b).gamma() * a.rgamma() * b.rgamma(),
        0,
        1,
    ),
    "zeta": lambda s: Rule(lambda q: s.zeta(q), lambda q, y: -s * (s + 1).zeta(q), 0),
}


def _polygamma_rule(n: int | None) -> Rule:
    if n is None or not 0 <= n <= LARGEST_ORDER:
        raise NotHeld(f"takes polygamma of an order that is no whole number from 0 to {LARGEST_ORDER}")
    if n == 0:
        return SPECIAL_RULES["digamma"]
    return Rule(lambda x: _polygamma(n, x), lambda x, y: _polygamma(n + 1, x), edges={inf: 0})


def family(name: str) -> Callable[..., Ball]:
    """The function of `FAMILIES` by that name: it takes its parameters first, then the argument."""

    def function(*arguments: Any) -> Ball:
        *parameters, x = map(constant, arguments)
        if any(p.slope is not None for p in parameters):
            raise NotHeld(f"{name} has no derivative by its parameters on balls")
        return apply(FAMILIES[name](*(p.value for p in parameters)), x)

    function.__name__ = name
    return function


# Functions composed of others, which give their slopes.

_call: dict[str, Callable[..., Ball]] = FUNCTIONS | {name: rule(name, SPECIAL_RULES) for name in SPECIAL_RULES}


def _is_zero(x: Ball) -> bool:
    """Whether the number is exactly 0: then 0 times an infinity is 0."""
    return x.value.is_zero()


def xlogy(x: Ball, y: Ball) -> Ball:
    """The product x log(y), 0 at x = 0."""
    if _is_zero(x) and not y.value.is_nan():
        return Ball(ZERO, along((x.slope, y.value.log())))
    return x * _call["log"](y)


def xlog1py(x: Ball, y: Ball) -> Ball:
    """The product x log(1 + y), 0 at x = 0."""
    if _is_zero(x) and not y.value.is_nan():
        return Ball(ZERO, along((x.slope, y.value.log1p())))
    return x * _call["log1p"](y)


def entr(x: Ball) -> Ball:
    """Minus x log(x), 0 at 0 and minus infinity below."""
    return Ball(arb("-inf")) if x.value < 0 else _call["entr"](x)


def rel_entr(x: Ball, y: Ball) -> Ball:
    """The product x log(x / y), 0 at x = 0, infinite outside the quadrant."""
    if x.value.is_nan() or y.value.is_nan():
        return Ball(NAN)
    if x.value < 0 or y.value < 0 or (_is_zero(y) and x.value > 0):
        return Ball(arb("inf"))
    if _is_zero(x):
        return Ball(ZERO, None if x.slope is None else NAN)
    return x * _call["log"](x / y)


def kl_div(x: Ball, y: Ball) -> Ball:
    """`rel_entr` - x + y."""
    return rel_entr(x, y) - x + y


def betaln(a: Ball, b: Ball) -> Ball:
    """The logarithm of |beta|."""
    return _call["gammaln"](a) + _call["gammaln"](b) - _call["gammaln"](a + b)


def beta(a: Ball, b: Ball) -> Ball:
    """The beta function, by the gamma function."""
    return _call["gamma"](a) * _call["gamma"](b) * _call["rgamma"](a + b)


def binom(n: Ball, k: Ball) -> Ball:
    """The binomial coefficient."""
    return _call["gamma"](n + 1) * _call["rgamma"](k + 1) * _call["rgamma"](n - k + 1)


def huber(delta: Ball, r: Ball) -> Ball:
    """Quadratic up to delta, linear beyond."""
    if delta < 0:
        return Ball(arb("inf"))
    size = abs(r)
    return r * r * 0.5 if size <= delta else delta * (size - delta * 0.5)


def pseudo_huber(delta: Ball, r: Ball) -> Ball:
    """A smooth `huber`."""
    return delta * delta * (_call["sqrt"](1 + (r / delta) ** 2) - 1)


def boxcox(x: Ball, power: Ball) -> Ball:
    """(x ** power - 1) / power, log(x) at 0."""
    log = _call["log"](x)
    if not _is_zero(power):
        return _call["expm1"](power * log) / power
    # The first terms of the series about 0, for the slope by the power.
    return log if power.slope is None else log + power * log * log * 0.5


def inv_boxcox(y: Ball, power: Ball) -> Ball:
    """The inverse of `boxcox`."""
    if not _is_zero(power):
        return _call["exp"](_call["log1p"](power * y) / power)
    return _call["exp"](y if power.slope is None else y - power * y * y * 0.5)


def airy(x: Ball) -> tuple[Ball, ...]:
    """Ai, Ai', Bi, Bi'; the second derivatives are x Ai and x Bi."""
    a, da, b, db = x.value.airy()
    derivatives = (da, x.value * a, db, x.value * b)
    return tuple(Ball(y, along((x.slope, d))) for y, d in zip((a, da, b, db), derivatives, strict=True))


def zeta(s: Any, q: Any = None) -> Ball:
    """Hurwitz's zeta function, Riemann's at q = 1."""
    return family("zeta")(s, 1 if q is None else q)


SPECIAL |= {name: rule(name, SPECIAL_RULES) for name in SPECIAL_RULES}
SPECIAL |= {name: family(name) for name in FAMILIES}
SPECIAL |= {name: FUNCTIONS[name] for name in ("exp2", "expm1", "log1p", "cbrt", "sinc")}
# The functions that are written for balls, by SciPy's names.
_SPECIAL_OF_BALLS: dict[str, Callable[..., Any]] = {
    "xlogy": xlogy,
    "xlog1py": xlog1py,
    "entr": entr,
    "rel_entr": rel_entr,
    "kl_div": kl_div,
    "beta": beta,
    "betaln": betaln,
    "binom": binom,
    "huber": huber,
    "pseudo_huber": pseudo_huber,
    "boxcox": boxcox,
    "boxcox1p": lambda x, power: boxcox(1 + x, power),
    "inv_boxcox": inv_boxcox,
    "inv_boxcox1p": lambda y, power: inv_boxcox(y, power) - 1,
    "powm1": lambda x, y: x**y - 1,
    "poch": lambda a, n: _call["gamma"](a + n) * _call["rgamma"](a),
    "factorial": lambda n: _call["gamma"](n + 1),
    "airy": airy,
    "sici": lambda x: (_call["si"](x), _call["ci"](x)),
    "shichi": lambda x: (_call["shi"](x), _call["chi"](x)),
    "fresnel": lambda x: (_call["fresnel_s"](x), _call["fresnel_c"](x)),
    # Scaled by exp(|x|): with a kink at 0.
    "i0e": lambda x: _call["i0"](x) * _call["exp"](-abs(x)),
    "i1e": lambda x: _call["i1"](x) * _call["exp"](-abs(x)),
    "k0e": lambda x: _call["k0"](x) * _call["exp"](x),
    "k1e": lambda x: _call["k1"](x) * _call["exp"](x),
    "ive": lambda n, x: SPECIAL["iv"](n, x) * _call["exp"](-abs(x)),
    "kve": lambda n, x: SPECIAL["kv"](n, x) * _call["exp"](x),
}
SPECIAL |= {name: of_balls(function) for name, function in _SPECIAL_OF_BALLS.items()}
SPECIAL["zeta"] = zeta
SPECIAL |= {"loggamma": SPECIAL["gammaln"], "psi": SPECIAL["digamma"], "jn": SPECIAL["jv"], "yn": SPECIAL["yv"]}
FUNCTIONS["i0"] = SPECIAL["i0"]

# The functions of `math` by name. Where `math` gives an integer, so do these.
MATH: dict[str, Callable[..., Any]] = {
    name: FUNCTIONS[name]
    for name in [
        *("exp", "exp2", "expm1", "log2", "log10", "log1p", "sqrt", "cbrt", "pow", "fabs", "copysign", "fmod", "modf"),
        *("sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
        *("degrees", "radians", "isnan", "isinf", "isfinite"),
    ]
}
MATH |= {"erf": SPECIAL["erf"], "erfc": SPECIAL["erfc"], "gamma": SPECIAL["gamma"], "lgamma": SPECIAL["gammaln"]}
MATH |= {
    "log": lambda x, base=None: FUNCTIONS["log"](x) if base is None else FUNCTIONS["log"](x) / FUNCTIONS["log"](base),
    "floor": lambda x: as_integer(FUNCTIONS["floor"](x)),
    "ceil": lambda x: as_integer(FUNCTIONS["ceil"](x)),
    "trunc": lambda x: as_integer(FUNCTIONS["trunc"](x)),
    "remainder": lambda x, y: constant(x) - FUNCTIONS["rint"](constant(x) / y) * y,
    "ldexp": lambda x, i: constant(x) * constant(2) ** i,
    "fsum": lambda numbers: sum(numbers, constant(0)),
    "prod": lambda numbers, start=1: math.prod(map(constant, numbers), start=constant(start)),
    "hypot": lambda *x: FUNCTIONS["sqrt"](sum((constant(c) ** 2 for c in x), constant(0))),
    "dist": lambda p, q: MATH["hypot"](*(constant(a) - b for a, b in zip(p, q, strict=True))),
}
