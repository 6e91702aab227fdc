"""What mpmath says, to 50 digits: whether a framework's gradient is wrong, or is accused of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

DIGITS = 50
HALF = mp.mpf("0.5")


def sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def normal_cdf(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def soft_plus(x):
    return mp.log(1 + mp.exp(x))


def gammas_apart(a, b):
    """The divergence of a gamma distribution (shape a, rate b) from the one (shape b, rate a)."""
    return (a - b) * mp.digamma(a) - mp.loggamma(a) + mp.loggamma(b) + b * mp.log(b / a) + a * (a - b) / b


def entropy_of_beta(a, b):
    spread = (a - 1) * mp.digamma(a) + (b - 1) * mp.digamma(b) - (a + b - 2) * mp.digamma(a + b)
    return mp.log(mp.beta(a, b)) - spread


# Functions that mpmath has under the same name, and those that are made of its functions.
SAME = (
    "acos acosh asin asinh atan atan2 atanh cos cosh digamma erf erfc erfinv exp expm1 gamma hypot log log10"
    " log1p sin sinh sqrt tan tanh beta"
)
SMOOTH: dict[str, Callable[..., Any]] = {
    **{name: getattr(mp, name) for name in SAME.split()},
    **{f"arc{name[1:]}": getattr(mp, name) for name in ["acos", "acosh", "asin", "asinh", "atan", "atanh"]},
    **{f"{bessel}{n}": lambda x, b=bessel, n=n: getattr(mp, f"bessel{b}")(n, x) for bessel in "i" for n in (0, 1)},
    **{f"{b}{n}e": lambda x, n=n: mp.besseli(n, x) * mp.exp(-abs(x)) for b in ("i", "bessel_i") for n in (0, 1)},
    **{f"bessel_{b}{n}": lambda x, b=b, n=n: getattr(mp, f"bessel{b}")(n, x) for b in "ijky" for n in (0, 1)},
    **{f"bessel_k{n}e": lambda x, n=n: mp.besselk(n, x) * mp.exp(x) for n in (0, 1)},
    **dict.fromkeys(["lgamma", "gammaln"], mp.loggamma),
    **dict.fromkeys(["sigmoid", "expit", "logistic"], sigmoid),
    **dict.fromkeys(["logsigmoid", "log_sigmoid"], lambda x: -soft_plus(-x)),
    **dict.fromkeys(["silu"], lambda x: x * sigmoid(x)),
    **dict.fromkeys(["gelu, exact"], lambda x: x * normal_cdf(x)),
    **dict.fromkeys(["tanhshrink", "tanh_shrink"], lambda x: x - mp.tanh(x)),
    "arctan2": mp.atan2,
    "cbrt": lambda x: mp.sign(x) * mp.cbrt(abs(x)),
    "betaln": lambda a, b: mp.log(mp.beta(a, b)),
    "dawsn": lambda x: mp.sqrt(mp.pi) / 2 * mp.exp(-x * x) * mp.erfi(x),
    "entr": lambda x: -x * mp.log(x),
    "erfcinv": lambda x: mp.erfinv(1 - x),
    "erfcx": lambda x: mp.exp(x * x) * mp.erfc(x),
    "exp1": mp.e1,
    "exp2": lambda x: mp.mpf(2) ** x,
    "expi": mp.ei,
    "expint": mp.ei,
    "expn": lambda x: mp.expint(3, x),
    "factorial": mp.factorial,
    "fresnel_cos": mp.fresnelc,
    "fresnel_sin": mp.fresnels,
    "KL of Gammas": gammas_apart,
    "entropy of Beta": entropy_of_beta,
    "hardsigmoid": lambda x: min(max(x / 6 + HALF, 0), 1),
    "gammainc": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
    "gammaincc": lambda a, x: mp.gammainc(a, x, regularized=True),
    "igamma": lambda a, x: mp.gammainc(a, 0, x, regularized=True),
    "igammac": lambda a, x: mp.gammainc(a, x, regularized=True),
    "igamma by x": lambda x: mp.gammainc(1.5, 0, x, regularized=True),
    "betainc by x": lambda x: mp.betainc(1.5, 2.5, 0, x, regularized=True),
    "hyp1f1": mp.hyp1f1,
    "log1mexp": lambda x: mp.log(-mp.expm1(-x)),
    "log2": lambda x: mp.log(x, 2),
    "logaddexp": lambda x, y: mp.log(mp.exp(x) + mp.exp(y)),
    "logaddexp2": lambda x, y: mp.log(mp.mpf(2) ** x + mp.mpf(2) ** y, 2),
    "logit": lambda x: mp.log(x / (1 - x)),
    "log_ndtr": lambda x: mp.log(normal_cdf(x)),
    "mish": lambda x: x * mp.tanh(soft_plus(x)),
    "multigammaln": lambda x: mp.log(mp.pi) / 2 + mp.loggamma(x) + mp.loggamma(x - HALF),
    "mvlgamma": lambda x: 1.5 * mp.log(mp.pi) + sum(mp.loggamma(x - k * HALF) for k in range(3)),
    "ndtr": normal_cdf,
    "ndtri": lambda x: mp.sqrt(2) * mp.erfinv(2 * x - 1),
    "norm.logcdf": lambda x: mp.log(normal_cdf(x)),
    "poch": mp.rf,
    "polygamma": lambda x: mp.polygamma(2, x),
    "pow": mp.power,
    "power": mp.power,
    "float_power": lambda x: x ** mp.mpf(2.5),
    "rsqrt": lambda x: 1 / mp.sqrt(x),
    "sinc": mp.sincpi,
    "softplus": soft_plus,
    "spence": lambda x: mp.polylog(2, 1 - x),
    "xlog1py": lambda x, y: x * mp.log(1 + y),
    "xlogy": lambda x, y: x * mp.log(y),
    "zeta by q": lambda q: mp.zeta(mp.mpf(2.5), q),
}


@dataclass(frozen=True)
class Truth:
    """The entry at which a framework's gradient is worst: `off` is its distance to the truth, relative to this."""

    input: int
    at: tuple[float, ...]
    given: float
    true: str
    off: float

    def __str__(self) -> str:
        at = ", ".join(repr(x) for x in self.at)
        return f"mpmath: by input {self.input} at ({at}): the framework has {self.given!r}, true is {self.true}" + (
            f" (off by {self.off:.1e} of it)"
        )


def truth(name: str, backward: Callable[..., Any], inputs: Sequence[np.ndarray]) -> Truth | None:
    """Compares the gradient of the sum of an elementwise function, at all entries; None if mpmath has no such function.

    The derivatives are mpmath's differences, so that no input may lie on a kink.
    """
    if name not in SMOOTH:
        return None
    points = [tuple(map(float, point)) for point in zip(*(a.reshape(-1) for a in inputs), strict=True)]
    gradients = backward(np.ones_like(inputs[0]), *inputs)
    found = []
    with mp.workdps(DIGITS):
        for k, gradient in enumerate(gradients):
            order = tuple(int(k == j) for j in range(len(inputs)))
            for at, given in zip(points, map(float, gradient.reshape(-1)), strict=True):
                true = mp.diff(SMOOTH[name], tuple(map(mp.mpf, at)), order)
                found.append(Truth(k, at, given, mp.nstr(true, 20), _distance(given, true)))
    return max(found, key=lambda each: each.off)


def _distance(given: float, true: Any) -> float:
    """Relative to the true derivative, if that is not zero; infinite if the given one is not finite."""
    return float(abs(given - true) / (abs(true) or 1)) if np.isfinite(given) else np.inf
