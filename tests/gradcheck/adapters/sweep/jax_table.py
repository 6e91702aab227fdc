"""JAX's functions, each with a draw for every input."""

import jax
import jax.numpy as jnp
from jax import image, lax, nn
from jax.numpy import fft, linalg
from jax.scipy import linalg as matrices
from jax.scipy import signal, special, stats
from jax.scipy.ndimage import map_coordinates

from tests.gradcheck.adapters.sweep.draws import (
    ABOVE_ONE,
    IMAGE,
    INSIDE,
    LABELS,
    OTHER,
    POSITIVE,
    REAL,
    RIGHT_SIDE,
    SHARE,
    SOLVABLE,
    SQUARE,
    VECTOR,
    WIDE,
    Table,
    between,
    constant,
    each,
    real,
    shares,
    whole,
)


def definite(a):
    return a @ a.T + jnp.eye(len(a), dtype=a.dtype)


def hermitian_squares(a):
    """What is the same for either sign of an eigenvector."""
    values, vectors = linalg.eigh(definite(a))
    return values + (vectors**2)[0]


def parts(z):
    """A complex array as two real ones."""
    return jnp.stack([z.real, z.imag])


def layer_norm(x, w, b):
    return nn.standardize(x, axis=-1) * w + b


def pool(x, start, combine, padding="VALID"):
    return lax.reduce_window(x, start, combine, (1, 1, 2, 2), (1, 1, 1, 1), padding)


def convolved(x, w, strides=(1, 1), **options):
    return lax.conv_general_dilated(x, w, strides, "SAME", **options)


TABLE: Table = {
    # elementwise
    **each(jnp, "abs arctan arcsinh cbrt cos cosh deg2rad exp exp2 expm1 negative rad2deg", REAL),
    **each(jnp, "sin sinh square tan tanh sinc i0 nan_to_num sign", REAL),
    **each(jnp, "log log10 log1p log2 reciprocal sqrt", POSITIVE),
    **each(lax, "rsqrt", POSITIVE),
    **each(jnp, "arccos arcsin arctanh", INSIDE),
    **each(jnp, "arccosh", ABOVE_ONE),
    **each(jnp, "arctan2 fmax fmin hypot logaddexp logaddexp2 maximum minimum multiply subtract", REAL, OTHER),
    **each(jnp, "divide fmod remainder", REAL, POSITIVE),
    "power": (jnp.power, POSITIVE, OTHER),
    "integer_pow": (lambda x: lax.integer_pow(x, 3), REAL),
    "float_power": (lambda x: jnp.float_power(x, 2.5), POSITIVE),
    "clip": (lambda x: jnp.clip(x, -0.5, 0.5), REAL),
    "where": (lambda x, y: jnp.where(x > 0.1, x * y, y), REAL, OTHER),
    "select": (lambda x, y: lax.select(x > y, x, 2 * y), REAL, OTHER),
    "heaviside times x": (lambda x: jnp.heaviside(x, 0.5) * x, REAL),
    "logistic": (lax.logistic, REAL),
    "ldexp": (lambda x: jnp.ldexp(x, jnp.array([1, -2, 3])), REAL),
    # special functions
    **each(special, "erf erfc i0e i1 i1e log_ndtr ndtr expit", REAL),
    **each(special, "digamma gammaln gamma entr factorial spence", POSITIVE),
    **each(special, "erfinv", INSIDE),
    **each(special, "logit ndtri", SHARE),
    **each(special, "xlog1py xlogy", REAL, POSITIVE),
    **each(special, "beta betaln kl_div rel_entr", POSITIVE, POSITIVE),
    "gammainc": (special.gammainc, POSITIVE, POSITIVE),
    "gammaincc": (special.gammaincc, POSITIVE, POSITIVE),
    "betainc by x": (lambda x: special.betainc(1.5, 2.5, x), SHARE),
    "polygamma": (lambda x: special.polygamma(2, x), POSITIVE),
    "multigammaln": (lambda x: special.multigammaln(x, 2), ABOVE_ONE),
    "zeta by q": (lambda q: special.zeta(2.5, q), POSITIVE),
    "expi": (special.expi, POSITIVE),
    "exp1": (special.exp1, POSITIVE),
    "expn": (lambda x: special.expn(3, x), POSITIVE),
    "hyp1f1": (special.hyp1f1, POSITIVE, POSITIVE, POSITIVE),
    "bessel_jn": (lambda x: special.bessel_jn(x, v=2)[2], real(3)),
    "poch": (special.poch, POSITIVE, POSITIVE),
    # reductions
    **each(jnp, "max min mean median nanmean nanmax nansum std sum var ptp prod", REAL),
    "logsumexp": (lambda x: special.logsumexp(x, axis=1), REAL),
    "logsumexp, weighted": (lambda x, b: special.logsumexp(x, axis=1, b=b), REAL, POSITIVE),
    "logmeanexp": (lambda x: nn.logmeanexp(x, axis=1), REAL),
    "prod along an axis": (lambda x: jnp.prod(x, 1), REAL),
    "quantile": (lambda x: jnp.quantile(x, 0.3, axis=1), REAL),
    "percentile": (lambda x: jnp.percentile(x, 60.0), REAL),
    "average": (lambda x, w: jnp.average(x, weights=w), REAL, POSITIVE),
    "reduce_max": (lambda x: lax.reduce_max(x, (1,)), REAL),
    # linear algebra
    "matmul": (jnp.matmul, WIDE, real(4, 2)),
    "einsum": (lambda a, b: jnp.einsum("ij,kj->ik", a, b), REAL, SQUARE),
    "dot": (jnp.dot, VECTOR, VECTOR),
    "cross": (jnp.cross, REAL, OTHER),
    "kron": (jnp.kron, real(2, 2), REAL),
    "tensordot": (lambda a, b: jnp.tensordot(a, b, 1), REAL, SQUARE),
    "multi_dot": (lambda a, b, c: linalg.multi_dot([a, b, c]), REAL, SQUARE, RIGHT_SIDE),
    **each(linalg, "det inv", SOLVABLE),
    "slogdet": (lambda a: linalg.slogdet(a)[1], SOLVABLE),
    "expm": (matrices.expm, SQUARE),
    "solve": (linalg.solve, SOLVABLE, RIGHT_SIDE),
    "solve_triangular": (lambda a, b: matrices.solve_triangular(a, b, lower=True), SOLVABLE, RIGHT_SIDE),
    "cholesky": (lambda a: linalg.cholesky(definite(a)), SQUARE),
    "cho_solve": (lambda a, b: matrices.cho_solve((jnp.tril(a), True), b), SOLVABLE, RIGHT_SIDE),
    "eigh": (hermitian_squares, SQUARE),
    "eigvalsh": (lambda a: linalg.eigvalsh(definite(a)), SQUARE),
    "eigvals": (lambda a: jnp.sort(abs(linalg.eigvals(a))), SQUARE),
    "svdvals": (lambda a: linalg.svd(a, compute_uv=False), WIDE),
    "qr": (lambda a: jnp.concatenate(linalg.qr(a)), SQUARE),
    "lu": (lambda a: jnp.concatenate(matrices.lu(a)[1:]), SOLVABLE),
    "pinv": (linalg.pinv, WIDE),
    "lstsq": (lambda a, b: linalg.lstsq(a, b)[0], real(4, 3), real(4, 2)),
    "norm, nuclear": (lambda a: linalg.norm(a, "nuc"), WIDE),
    "norm, 2": (lambda a: linalg.norm(a, 2), WIDE),
    "norm, 3": (lambda x: linalg.norm(x, 3), VECTOR),
    "matrix_power": (lambda a: linalg.matrix_power(a, 3), SQUARE),
    "trace": (jnp.trace, SQUARE),
    "cond": (linalg.cond, SOLVABLE),
    "tridiagonal_solve": (lax.linalg.tridiagonal_solve, real(4), between(3, 5, 4), real(4), real(4, 2)),
    "inverse times matrix": (lambda a: linalg.inv(definite(a)) @ a, SQUARE),
    "polyval": (jnp.polyval, real(4), REAL),
    "vander": (jnp.vander, real(4)),
    # activations
    **each(nn, "celu elu gelu glu hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu log_sigmoid mish", real(2, 4)),
    **each(nn, "relu relu6 selu sigmoid silu soft_sign softplus sparse_plus sparse_sigmoid squareplus", REAL),
    "gelu, exact": (lambda x: nn.gelu(x, approximate=False), REAL),
    "softmax": (lambda x: nn.softmax(x, axis=1), REAL),
    "softmax, masked": (lambda x: nn.softmax(x, where=jnp.array([True, False, True])), REAL),
    "log_softmax": (lambda x: nn.log_softmax(x, axis=1), REAL),
    "log1mexp": (nn.log1mexp, POSITIVE),
    "standardize": (layer_norm, REAL, real(3), real(3)),
    "dot_product_attention": (nn.dot_product_attention, real(1, 3, 1, 2), real(1, 4, 1, 2), real(1, 4, 1, 2)),
    # losses
    "cross-entropy": (lambda x, t: -(nn.one_hot(t, 3, dtype=x.dtype) * nn.log_softmax(x)).sum(), REAL, LABELS),
    "logits against shares": (lambda x, t: (jnp.logaddexp(0, x) - t * x).mean(), REAL, SHARE),
    "Huber": (lambda x, y: jnp.where(abs(x - y) < 1, (x - y) ** 2 / 2, abs(x - y) - 0.5).mean(), REAL, OTHER),
    "log-cosh": (lambda x, y: jnp.log(jnp.cosh(x - y)).mean(), REAL, OTHER),
    "cosine": (lambda x, y: (x * y).sum(1) / linalg.norm(x, axis=1) / linalg.norm(y, axis=1), REAL, OTHER),
    # convolutions, pooling, interpolation
    "conv": (lambda x, w: convolved(x, w, strides=(1, 2)), IMAGE, real(3, 2, 2, 2)),
    "conv, dilated": (lambda x, w: convolved(x, w, rhs_dilation=(2, 2)), IMAGE, real(2, 2, 2, 2)),
    "conv, groups": (lambda x, w: convolved(x, w, feature_group_count=2), IMAGE, real(4, 1, 2, 2)),
    "conv_transpose": (
        lambda x, w: lax.conv_transpose(x, w, (2, 2), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")),
        IMAGE, real(1, 2, 3, 3)
    ),
    "convolve": (jnp.convolve, VECTOR, real(3)),
    "correlate": (lambda x, y: jnp.correlate(x, y, "same"), VECTOR, real(3)),
    "convolve2d": (signal.convolve2d, REAL, real(2, 2)),
    "fftconvolve": (signal.fftconvolve, REAL, real(2, 2)),
    "max pooling": (lambda x: pool(x, -jnp.inf, lax.max, "SAME"), IMAGE),
    "min pooling": (lambda x: pool(x, jnp.inf, lax.min), IMAGE),
    "average pooling": (lambda x: pool(x, 0.0, lax.add, "SAME") / 4, IMAGE),
    "patches": (lambda x: lax.conv_general_dilated_patches(x, (2, 2), (1, 1), "VALID"), IMAGE),
    "resize, linear": (lambda x: image.resize(x, (1, 2, 5, 3), "linear"), IMAGE),
    "resize, cubic": (lambda x: image.resize(x, (1, 2, 4, 6), "cubic"), IMAGE),
    "resize, Lanczos": (lambda x: image.resize(x, (1, 2, 2, 3), "lanczos3"), IMAGE),
    "map_coordinates": (lambda x, c: map_coordinates(x, list(c), 1), WIDE, between(0.1, 1.9, 2, 5)),
    "interp": (lambda x, y: jnp.interp(x, jnp.array([-3.0, -1, 0.2, 3], x.dtype), y), REAL, real(4)),
    "pad, reflect": (lambda x: jnp.pad(x, 2, "reflect"), VECTOR),
    "pad, edge": (lambda x: jnp.pad(x, 2, "edge"), VECTOR),
    "pad, linear ramp": (lambda x: jnp.pad(x, 2, "linear_ramp"), VECTOR),
    # indexing, sorting, cumulative
    "take": (lambda x, i: jnp.take(x, i, 1), REAL, whole(3, 4)),
    "take_along_axis": (lambda x, i: jnp.take_along_axis(x, i, 1), REAL, whole(3, 2, 4)),
    "at[].add": (lambda x, i, s: x.at[i].add(s), VECTOR, whole(6, 4), real(4)),
    "at[].multiply": (lambda x, s: x.at[jnp.array([0, 2, 5])].multiply(s, unique_indices=True), VECTOR, real(3)),
    "at[].max": (lambda x, i, s: x.at[i].max(s), VECTOR, whole(6, 4), real(4)),
    "at[].set": (lambda x, s: x.at[jnp.array([1, 3])].set(s), VECTOR, real(2)),
    "segment_sum": (lambda x, i: jax.ops.segment_sum(x, i, 3), WIDE, whole(3, 3)),
    "segment_max": (lambda x: jax.ops.segment_max(x, jnp.array([0, 1, 0]), 2), WIDE),
    "dynamic_slice": (lambda x: lax.dynamic_slice(x, (1, 1), (2, 2)), WIDE),
    "sort": (lambda x: jnp.sort(x, 1), REAL),
    "top_k": (lambda x: lax.top_k(x, 2)[0], REAL),
    "partition": (lambda x: jnp.partition(x, 2), VECTOR),
    **each(lax, "cumsum cumprod cummax cummin cumlogsumexp", WIDE),
    "associative_scan": (lambda x: lax.associative_scan(jnp.multiply, x, axis=1), WIDE),
    "scan": (lambda x: lax.scan(lambda c, a: (jnp.tanh(c + a), c * a), jnp.ones((), x.dtype), x)[1], VECTOR),
    "while, fori": (lambda x: lax.fori_loop(0, 3, lambda _, a: jnp.sin(a) + a, x), REAL),
    "cond, branches": (lambda x: lax.cond(x[0, 0] > 0, jnp.sin, jnp.cos, x), REAL),
    "custom_root": (
        lambda a: lax.custom_root(lambda y: y**3 + y - a, jnp.zeros_like(a), lambda f, y: lax.fori_loop(
            0, 60, lambda _, z: z - f(z) / (3 * z**2 + 1), y), lambda g, y: y / g(jnp.ones_like(y))), REAL
    ),
    "diff": (lambda x: jnp.diff(x, 2), WIDE),
    "gradient": (lambda x: jnp.gradient(x, 0.5), real(5)),
    "trapezoid": (jnp.trapezoid, REAL, OTHER),
    "cov": (jnp.cov, WIDE),
    "corrcoef": (jnp.corrcoef, WIDE),
    "roll": (lambda x: jnp.roll(x, 2, 1), WIDE),
    "unwrap": (lambda x: jnp.unwrap(x), VECTOR),
    # Fourier transforms with real outputs
    "fft": (lambda x: parts(fft.fft(x)), VECTOR),
    "rfft": (lambda x: abs(fft.rfft(x)), VECTOR),
    "irfft": (lambda x: fft.irfft(x[0] + 1j * x[1], 5), REAL),
    "hfft": (lambda x: fft.hfft(x[0] + 1j * x[1], 5), REAL),
    "fft2": (lambda x: abs(fft.fft2(x)), REAL),
    "dct": (lambda x: jax.scipy.fft.dct(x), VECTOR),
    "stft": (lambda x: abs(signal.stft(x, nperseg=4)[2]), real(8)),
    # log-probabilities
    "norm.logpdf": (lambda x, m, s: stats.norm.logpdf(x, m, s), REAL, OTHER, POSITIVE),
    "norm.logcdf": (stats.norm.logcdf, REAL),
    "gamma.logpdf": (stats.gamma.logpdf, POSITIVE, POSITIVE),
    "gamma.cdf": (stats.gamma.cdf, POSITIVE, POSITIVE),
    "beta.logpdf": (stats.beta.logpdf, SHARE, POSITIVE, POSITIVE),
    "beta.cdf": (lambda x: stats.beta.cdf(x, 2.5, 1.5), SHARE),
    "t": (stats.t.logpdf, REAL, POSITIVE),
    "dirichlet": (lambda a: stats.dirichlet.logpdf(jnp.array([0.2, 0.3, 0.5], a.dtype), a), between(0.3, 3, 3)),
    "poisson": (lambda k, r: stats.poisson.logpmf(k, r), whole(5, 2, 3), POSITIVE),
    "nbinom": (lambda k, n, p: stats.nbinom.logpmf(k, n, p), whole(5, 2, 3), POSITIVE, SHARE),
    "cauchy": (stats.cauchy.logpdf, REAL, OTHER, POSITIVE),
    "laplace": (stats.laplace.logpdf, REAL, OTHER, POSITIVE),
    "logistic.logpdf": (stats.logistic.logpdf, REAL),
    "chi2": (stats.chi2.logpdf, POSITIVE, ABOVE_ONE),
    "pareto": (stats.pareto.logpdf, ABOVE_ONE, POSITIVE),
    "vonmises": (stats.vonmises.logpdf, REAL, POSITIVE),
    "truncnorm": (lambda x: stats.truncnorm.logpdf(x, -1.0, 1.5), INSIDE),
    "multivariate_normal": (lambda x, a: stats.multivariate_normal.logpdf(x, 0 * x, definite(a)), real(3), SQUARE),
    "gaussian_kde": (lambda x, p: stats.gaussian_kde(x).logpdf(p), VECTOR, real(3)),
    "softmax of shares": (lambda x, p: (p * (jnp.log(p) - nn.log_softmax(x))).sum(), REAL, shares(2, 3)),
    "wrapcauchy": (stats.wrapcauchy.logpdf, between(0.1, 6, 2, 3), SHARE),
    "gennorm": (stats.gennorm.logpdf, REAL, POSITIVE),
    "betabinom": (lambda k, a, b: stats.betabinom.logpmf(k, 5, a, b), whole(5, 2, 3), POSITIVE, POSITIVE),
    "bernoulli": (stats.bernoulli.logpmf, constant([0, 1, 1], [1, 0, 1]), SHARE),
}  # fmt: skip
