"""What mpmath says the functions are, and where they are drawn: `name: (function, (low, high) of each argument)`."""

from mpmath import mp

WHOLE = (-30.0, 30.0)
POSITIVE = (1e-3, 50.0)


def ndtr(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def log_ndtr(x):
    return mp.log1p(-ndtr(-x)) if x > 0 else mp.log(ndtr(x))


def log1pexp(x):
    return mp.log1p(mp.exp(-abs(x))) + max(x, 0)


def exprel(x):
    return mp.expm1(x) / x if x else mp.mpf(1)


def binom(n, k):
    return mp.gamma(n + 1) * mp.rgamma(k + 1) * mp.rgamma(n - k + 1)


def boxcox(x, power):
    return mp.expm1(power * mp.log(x)) / power if power else mp.log(x)


def inv_boxcox(y, power):
    return mp.exp(mp.log1p(power * y) / power) if power else mp.exp(y)


# The tables `rules.RULES` and `special.SPECIAL_RULES`: of one variable.
ONE = {
    "exp": (mp.exp, [(-700.0, 700.0)]),
    "exp2": (lambda x: mp.mpf(2) ** x, [(-900.0, 900.0)]),
    "expm1": (mp.expm1, [(-40.0, 40.0)]),
    "log": (mp.log, [(1e-200, 1e3)]),
    "log2": (lambda x: mp.log(x) / mp.log(2), [(1e-9, 1e3)]),
    "log10": (lambda x: mp.log(x) / mp.log(10), [(1e-9, 1e3)]),
    "log1p": (mp.log1p, [(-0.999, 50.0)]),
    "sqrt": (mp.sqrt, [(1e-200, 1e9)]),
    "cbrt": (lambda x: mp.sign(x) * mp.cbrt(abs(x)), [(-1e3, -1e-9)]),
    "square": (lambda x: x * x, [WHOLE]),
    "sin": (mp.sin, [(-100.0, 100.0)]),
    "cos": (mp.cos, [(-100.0, 100.0)]),
    "tan": (mp.tan, [(-100.0, 100.0)]),
    "arcsin": (mp.asin, [(-0.999, 0.999)]),
    "arccos": (mp.acos, [(-0.999, 0.999)]),
    "arctan": (mp.atan, [(-1e3, 1e3)]),
    "sinh": (mp.sinh, [WHOLE]),
    "cosh": (mp.cosh, [WHOLE]),
    "tanh": (mp.tanh, [(-40.0, 40.0)]),
    "arcsinh": (mp.asinh, [WHOLE]),
    "arccosh": (mp.acosh, [(1.001, 50.0)]),
    "arctanh": (mp.atanh, [(-0.999, 0.999)]),
    "sinc": (lambda x: mp.sincpi(x), [(-9.0, 9.0)]),
    "deg2rad": (mp.radians, [(-400.0, 400.0)]),
    "rad2deg": (mp.degrees, [(-7.0, 7.0)]),
    "erf": (mp.erf, [(-8.0, 8.0)]),
    "erfc": (mp.erfc, [(-8.0, 25.0)]),
    "erfi": (mp.erfi, [(-5.0, 5.0)]),
    "erfcx": (lambda x: mp.exp(x * x) * mp.erfc(x), [(-5.0, 30.0)]),
    "erfinv": (mp.erfinv, [(-0.95, 0.95)]),
    "erfcinv": (lambda x: mp.erfinv(1 - x), [(0.05, 1.95)]),
    "dawsn": (lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x), [(-9.0, 9.0)]),
    "ndtr": (ndtr, [(-30.0, 9.0)]),
    "ndtri": (lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1), [(0.05, 0.95)]),
    "log_ndtr": (log_ndtr, [(-30.0, 15.0)]),
    "expit": (lambda x: 1 / (1 + mp.exp(-x)), [(-800.0, 800.0)]),
    "logit": (lambda x: mp.log(x) - mp.log1p(-x), [(1e-9, 0.999)]),
    "log_expit": (lambda x: -log1pexp(-x), [(-800.0, 100.0)]),
    "softplus": (log1pexp, [(-100.0, 800.0)]),
    "entr": (lambda x: -x * mp.log(x), [POSITIVE]),
    "exp10": (lambda x: mp.mpf(10) ** x, [(-300.0, 300.0)]),
    "exprel": (exprel, [WHOLE]),
    "cosm1": (lambda x: -2 * mp.sin(x / 2) ** 2, [(-7.0, 7.0)]),
    "gamma": (mp.gamma, [(-9.9, 20.0)]),
    "rgamma": (mp.rgamma, [(-9.9, 20.0)]),
    "gammaln": (lambda x: mp.log(abs(mp.gamma(x))), [(-9.9, 40.0)]),
    "digamma": (mp.digamma, [(-9.9, 40.0)]),
    "spence": (lambda x: mp.polylog(2, 1 - x), [(0.01, 5.0)]),
    "expi": (mp.ei, [(-20.0, 20.0)]),
    "exp1": (mp.e1, [POSITIVE]),
    "j0": (lambda x: mp.besselj(0, x), [(-20.0, 20.0)]),
    "j1": (lambda x: mp.besselj(1, x), [(-20.0, 20.0)]),
    "y0": (lambda x: mp.bessely(0, x), [(0.01, 20.0)]),
    "y1": (lambda x: mp.bessely(1, x), [(0.01, 20.0)]),
    "i0": (lambda x: mp.besseli(0, x), [(-20.0, 20.0)]),
    "i1": (lambda x: mp.besseli(1, x), [(-20.0, 20.0)]),
    "k0": (lambda x: mp.besselk(0, x), [(0.01, 20.0)]),
    "k1": (lambda x: mp.besselk(1, x), [(0.01, 20.0)]),
    "si": (mp.si, [(-20.0, 20.0)]),
    "ci": (mp.ci, [(0.01, 20.0)]),
    "shi": (mp.shi, [(-20.0, 20.0)]),
    "chi": (mp.chi, [(0.01, 20.0)]),
    "fresnel_s": (mp.fresnels, [(-4.0, 4.0)]),
    "fresnel_c": (mp.fresnelc, [(-4.0, 4.0)]),
}

# The table `special.FAMILIES`: fixed parameters first, then the argument.
FIXED = {
    "jv": (mp.besselj, [(0.1, 4.0), (0.1, 20.0)]),
    "yv": (mp.bessely, [(0.1, 4.0), (0.1, 20.0)]),
    "iv": (mp.besseli, [(0.1, 4.0), (0.1, 20.0)]),
    "kv": (mp.besselk, [(0.1, 4.0), (0.1, 20.0)]),
    "expn": (lambda n, x: mp.expint(n, x), [(1.1, 4.0), (0.1, 20.0)]),
    "polygamma": (lambda n, x: mp.polygamma(int(n), x), [(1, 3), (-6.9, 20.0)]),
    "gammainc": (lambda a, x: mp.gammainc(a, 0, x, regularized=True), [(0.2, 5.0), (0.1, 20.0)]),
    "gammaincc": (lambda a, x: mp.gammainc(a, x, regularized=True), [(0.2, 5.0), (0.1, 20.0)]),
    "betainc": (
        lambda a, b, x: mp.betainc(a, b, 0, x, regularized=True),
        [(0.3, 3.0), (0.3, 3.0), (0.05, 0.95)],
    ),
    "zeta": (lambda s, q: mp.zeta(s, q), [(1.2, 5.0), (0.1, 9.0)]),
}

# Of several arguments, all of which move, and compositions: `rules.FUNCTIONS` and `special.SPECIAL`.
SEVERAL = {
    "add": (lambda x, y: x + y, [WHOLE, WHOLE]),
    "subtract": (lambda x, y: x - y, [WHOLE, WHOLE]),
    "multiply": (lambda x, y: x * y, [WHOLE, WHOLE]),
    "divide": (lambda x, y: x / y, [WHOLE, POSITIVE]),
    "power": (lambda x, y: x**y, [POSITIVE, (-5.0, 5.0)]),
    "reciprocal": (lambda x: 1 / x, [POSITIVE]),
    "negative": (lambda x: -x, [WHOLE]),
    "positive": (lambda x: x, [WHOLE]),
    "absolute": (abs, [(-30.0, -1e-9)]),
    "hypot": (mp.hypot, [WHOLE, POSITIVE]),
    "arctan2": (mp.atan2, [(-5.0, -1e-3), (-5.0, 5.0)]),
    "logaddexp": (lambda x, y: max(x, y) + mp.log1p(mp.exp(-abs(x - y))), [(-100.0, 100.0), (-100.0, 100.0)]),
    "logaddexp2": (lambda x, y: mp.log(mp.mpf(2) ** x + mp.mpf(2) ** y) / mp.log(2), [WHOLE, WHOLE]),
    "xlogy": (lambda x, y: x * mp.log(y), [WHOLE, POSITIVE]),
    "xlog1py": (lambda x, y: x * mp.log1p(y), [WHOLE, (-0.99, 20.0)]),
    "rel_entr": (lambda x, y: x * mp.log(x / y), [POSITIVE, POSITIVE]),
    "kl_div": (lambda x, y: x * mp.log(x / y) - x + y, [POSITIVE, POSITIVE]),
    "beta": (mp.beta, [(0.1, 9.0), (0.1, 9.0)]),
    "betaln": (lambda a, b: mp.log(abs(mp.beta(a, b))), [(0.1, 9.0), (0.1, 9.0)]),
    "binom": (binom, [(3.1, 9.0), (0.1, 3.0)]),
    "poch": (mp.rf, [(0.1, 5.0), (0.1, 5.0)]),
    "factorial": (mp.factorial, [(0.1, 9.0)]),
    "powm1": (lambda x, y: x**y - 1, [(1.5, 9.0), (0.5, 5.0)]),
    "pseudo_huber": (lambda d, r: d * d * (mp.sqrt(1 + (r / d) ** 2) - 1), [(0.5, 3.0), (0.5, 9.0)]),
    "boxcox": (boxcox, [POSITIVE, (0.1, 3.0)]),
    "boxcox1p": (lambda x, p: boxcox(1 + x, p), [POSITIVE, (0.1, 3.0)]),
    "inv_boxcox": (inv_boxcox, [(0.1, 9.0), (0.1, 3.0)]),
    "inv_boxcox1p": (lambda y, p: inv_boxcox(y, p) - 1, [(0.1, 9.0), (0.1, 3.0)]),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-x), [(0.1, 20.0)]),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-x), [(0.1, 20.0)]),
    "k0e": (lambda x: mp.besselk(0, x) * mp.exp(x), [(0.1, 20.0)]),
    "k1e": (lambda x: mp.besselk(1, x) * mp.exp(x), [(0.1, 20.0)]),
}
# Their first argument is an order that stays fixed.
SCALED = {
    "ive": (lambda n, x: mp.besseli(n, x) * mp.exp(-x), [(0.1, 4.0), (0.1, 20.0)]),
    "kve": (lambda n, x: mp.besselk(n, x) * mp.exp(x), [(0.1, 4.0), (0.1, 20.0)]),
}

ALL = ONE | FIXED | SEVERAL | SCALED
# Of the parameters that stay fixed, how many stand in front.
PARAMETERS = {name: len(domain) - 1 for name, (_, domain) in (FIXED | SCALED).items()}

# Other names of the same.
SAME = {
    "fabs": "absolute",
    "abs": "absolute",
    "conj": "positive",
    "conjugate": "positive",
    "true_divide": "divide",
    "pow": "power",
    "float_power": "power",
    "mod": "remainder",
    "around": "round",
    "radians": "deg2rad",
    "degrees": "rad2deg",
    "loggamma": "gammaln",
    "psi": "digamma",
    "jn": "jv",
    "yn": "yv",
} | {f"a{name}": f"arc{name}" for name in ("cos", "sin", "tan", "cosh", "sinh", "tanh", "tan2")}
