"""TensorFlow's functions, each with a draw for every input."""

import keras
import tensorflow as tf
from keras import activations, losses
from tensorflow import image, linalg, math, nn, signal

from tests.gradcheck.adapters.sweep.draws import (
    ABOVE_ONE,
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

# (samples, height, width, channels), as TensorFlow has them.
IMAGE, SERIES, VOLUME = real(1, 3, 4, 2), real(1, 6, 2), real(1, 2, 3, 4, 1)


def definite(a):
    return a @ linalg.matrix_transpose(a) + tf.eye(len(a), dtype=a.dtype)


def hermitian_squares(a):
    """What is the same for either sign of an eigenvector."""
    values, vectors = linalg.eigh(definite(a))
    return values + (vectors**2)[0]


def parts(z):
    """A complex array as two real ones."""
    return tf.stack([math.real(z), math.imag(z)])


TABLE: Table = {
    # elementwise
    **each(math, "abs asinh atan cos cosh exp expm1 negative sigmoid sign sin sinh softplus square tan tanh", REAL),
    **each(math, "log log1p reciprocal rsqrt sqrt digamma lgamma", POSITIVE),
    **each(math, "acos asin atanh", INSIDE),
    **each(math, "acosh", ABOVE_ONE),
    **each(math, "atan2 maximum minimum multiply subtract squared_difference multiply_no_nan", REAL, OTHER),
    **each(math, "divide divide_no_nan xdivy", REAL, POSITIVE),
    **each(math, "floormod xlogy xlog1py", REAL, POSITIVE),
    "pow": (math.pow, POSITIVE, OTHER),
    "pow, integer": (lambda x: x**3, REAL),
    "clip_by_value": (lambda x: tf.clip_by_value(x, -0.5, 0.5), REAL),
    "clip_by_norm": (lambda x: tf.clip_by_norm(x, 0.7), REAL),
    "clip_by_global_norm": (lambda x, y: tf.clip_by_global_norm([x, y], 1.1)[0][0], REAL, OTHER),
    "where": (lambda x, y: tf.where(x > 0.1, x * y, y), REAL, OTHER),
    "polar": (lambda r, t: parts(tf.complex(r * tf.cos(t), r * tf.sin(t))), POSITIVE, REAL),
    "add_n": (lambda x, y: math.add_n([x, y, x]), REAL, OTHER),
    "log_sigmoid": (math.log_sigmoid, REAL),
    # special functions
    **each(math, "bessel_i0 bessel_i0e bessel_i1 bessel_i1e erf erfc", REAL),
    **each(math, "erfinv", INSIDE),
    **each(math, "erfcinv ndtri", SHARE),
    **each(math.special, "bessel_j0 bessel_j1 bessel_k0 bessel_k0e bessel_k1 bessel_k1e bessel_y0 bessel_y1", POSITIVE),
    **each(math.special, "dawsn fresnel_cos fresnel_sin", REAL),
    **each(math.special, "expint spence", POSITIVE),
    "polygamma": (lambda x: math.polygamma(tf.constant(2, x.dtype), x), POSITIVE),
    "zeta by q": (lambda q: math.zeta(tf.constant(2.5, q.dtype), q), POSITIVE),
    "igamma by x": (lambda x: math.igamma(tf.constant(1.5, x.dtype), x), POSITIVE),
    "igamma": (math.igamma, POSITIVE, POSITIVE),
    "igammac": (math.igammac, POSITIVE, POSITIVE),
    "betainc by x": (lambda x: math.betainc(tf.constant(1.5, x.dtype), tf.constant(2.5, x.dtype), x), SHARE),
    "lbeta": (math.lbeta, POSITIVE),
    # reductions
    **each(math, "reduce_max reduce_min reduce_mean reduce_sum reduce_std reduce_variance reduce_logsumexp", REAL),
    **each(math, "reduce_prod reduce_euclidean_norm l2_normalize", REAL),
    "reduce_prod along an axis": (lambda x: math.reduce_prod(x, 1), REAL),
    "moments": (lambda x: nn.moments(x, [1])[1], REAL),
    "weighted_moments": (lambda x, w: nn.weighted_moments(x, [1], w)[1], REAL, POSITIVE),
    "norm": (lambda x: tf.norm(x, axis=1), REAL),
    "norm, 3": (lambda x: tf.norm(x, 3), REAL),
    # linear algebra
    "matmul": (linalg.matmul, WIDE, real(4, 2)),
    "matvec": (linalg.matvec, REAL, real(3)),
    "einsum": (lambda a, b: tf.einsum("ij,kj->ik", a, b), REAL, SQUARE),
    "cross": (linalg.cross, REAL, OTHER),
    "tensordot": (lambda a, b: tf.tensordot(a, b, 1), REAL, SQUARE),
    **each(linalg, "det inv logdet trace diag_part", SOLVABLE),
    "expm": (linalg.expm, SQUARE),
    "logdet": (lambda a: linalg.logdet(definite(a)), SQUARE),
    "slogdet": (lambda a: linalg.slogdet(a)[1], SOLVABLE),
    "solve": (linalg.solve, SOLVABLE, RIGHT_SIDE),
    "triangular_solve": (lambda a, b: linalg.triangular_solve(a, b), SOLVABLE, RIGHT_SIDE),
    "cholesky": (lambda a: linalg.cholesky(definite(a)), SQUARE),
    "cholesky_solve": (lambda a, b: linalg.cholesky_solve(linalg.cholesky(definite(a)), b), SQUARE, RIGHT_SIDE),
    "eigh": (hermitian_squares, SQUARE),
    "eigvalsh": (lambda a: linalg.eigvalsh(definite(a)), SQUARE),
    "sqrtm": (linalg.sqrtm, SOLVABLE),
    "svd": (lambda a: linalg.svd(a, compute_uv=False), WIDE),
    "qr": (lambda a: tf.concat(linalg.qr(a), 0), SQUARE),
    "lu_reconstruct": (lambda a: linalg.lu_reconstruct(a, [0, 1, 2]), SOLVABLE),
    "pinv": (linalg.pinv, WIDE),
    "lstsq": (lambda a, b: linalg.lstsq(a, b, fast=True), real(4, 3), real(4, 2)),
    "tridiagonal_solve": (lambda d, b: linalg.tridiagonal_solve(d, b), between(0.5, 1, 3, 3), RIGHT_SIDE),
    "band_part": (lambda a: linalg.band_part(a, 1, 0), SQUARE),
    "diag": (linalg.diag, VECTOR),
    "adjoint": (linalg.adjoint, WIDE),
    # activations
    **each(nn, "crelu elu gelu leaky_relu relu relu6 selu silu softsign", REAL),
    **each(activations, "celu exponential hard_sigmoid hard_silu hard_tanh mish log_softmax softmax", REAL),
    **each(activations, "glu hard_shrink soft_shrink sparse_plus squareplus tanh_shrink sparsemax", real(2, 4)),
    "gelu, tanh": (lambda x: nn.gelu(x, approximate=True), REAL),
    "softmax of a column": (lambda x: nn.softmax(x, axis=0), REAL),
    # losses
    **each(losses, "mean_absolute_error mean_squared_error log_cosh huber cosine_similarity hinge", OTHER, REAL),
    **each(losses, "mean_squared_logarithmic_error mean_absolute_percentage_error poisson", POSITIVE, POSITIVE),
    **each(losses, "squared_hinge", constant([1.0, -1, 1], [-1, 1, -1]), REAL),
    **each(losses, "kl_divergence categorical_crossentropy categorical_hinge tversky dice", shares(2, 3), shares(2, 3)),
    "binary_crossentropy": (losses.binary_crossentropy, between(0.1, 0.9, 2, 3), SHARE),
    "binary_focal_crossentropy": (losses.binary_focal_crossentropy, between(0.1, 0.9, 2, 3), SHARE),
    "categorical_focal_crossentropy": (losses.categorical_focal_crossentropy, shares(2, 3), shares(2, 3)),
    "sparse_categorical_crossentropy": (losses.sparse_categorical_crossentropy, LABELS, shares(2, 3)),
    "softmax_cross_entropy": (nn.softmax_cross_entropy_with_logits, shares(2, 3), REAL),
    "sparse_softmax_cross_entropy": (nn.sparse_softmax_cross_entropy_with_logits, LABELS, REAL),
    "sigmoid_cross_entropy": (lambda t, x: nn.sigmoid_cross_entropy_with_logits(t, x), SHARE, REAL),
    "weighted_cross_entropy": (lambda t, x: nn.weighted_cross_entropy_with_logits(t, x, 2.5), SHARE, REAL),
    "log_poisson_loss": (nn.log_poisson_loss, between(1.5, 5, 2, 3), REAL),
    "l2_loss": (nn.l2_loss, REAL),
    "ctc_loss": (
        lambda x: nn.ctc_loss(tf.constant([[1, 2], [2, 0]]), x, tf.constant([2, 1]), tf.constant([4, 4]), True, 0, 0),
        real(4, 2, 3),
    ),
    # normalisations, layers
    "batch_normalization": (
        lambda x, m, v, b, g: nn.batch_normalization(x, m, v, b, g, 1e-3),
        REAL, real(3), between(0.3, 3, 3), real(3), real(3),
    ),
    "local_response_normalization": (lambda x: nn.local_response_normalization(x, 1), IMAGE),
    "LayerNormalization": (keras.layers.LayerNormalization(), REAL),
    "GroupNormalization": (keras.layers.GroupNormalization(2), real(2, 3, 4)),
    "UnitNormalization": (keras.layers.UnitNormalization(), REAL),
    "Dense": (keras.layers.Dense(2, activation="tanh"), REAL),
    "EinsumDense": (keras.layers.EinsumDense("ab,bc->ac", 2), REAL),
    "SimpleRNN": (keras.layers.SimpleRNN(2), SERIES),
    "LSTM": (keras.layers.LSTM(2), real(1, 3, 2)),
    "GRU": (keras.layers.GRU(2), real(1, 3, 2)),
    "MultiHeadAttention": (keras.layers.MultiHeadAttention(1, 2), real(1, 3, 2), real(1, 2, 2)),
    "Conv2DTranspose": (keras.layers.Conv2DTranspose(1, 2), IMAGE),
    "SeparableConv2D": (keras.layers.SeparableConv2D(2, 2), IMAGE),
    # convolutions, pooling, interpolation
    "conv1d": (lambda x, w: nn.conv1d(x, w, 2, "SAME"), SERIES, real(3, 2, 3)),
    "conv2d": (lambda x, w: nn.conv2d(x, w, (1, 2), "SAME"), IMAGE, real(2, 2, 2, 3)),
    "depthwise_conv2d": (lambda x, w: nn.depthwise_conv2d(x, w, (1, 1, 1, 1), "SAME"), IMAGE, real(2, 2, 2, 2)),
    "conv3d": (lambda x, w: nn.conv3d(x, w, (1, 1, 1, 1, 1), "VALID"), VOLUME, real(2, 2, 2, 1, 2)),
    "conv2d_transpose": (
        lambda x, w: nn.conv2d_transpose(x, w, (1, 6, 8, 1), 2, "SAME"), IMAGE, real(3, 3, 1, 2)
    ),
    "dilation2d": (
        lambda x, w: nn.dilation2d(x, w, (1, 1, 1, 1), "SAME", "NHWC", (1, 1, 1, 1)), IMAGE, real(2, 2, 2)
    ),
    "erosion2d": (
        lambda x, w: nn.erosion2d(x, w, (1, 1, 1, 1), "SAME", "NHWC", (1, 1, 1, 1)), IMAGE, real(2, 2, 2)
    ),
    "max_pool1d": (lambda x: nn.max_pool1d(x, 3, 1, "VALID"), SERIES),
    "max_pool2d": (lambda x: nn.max_pool2d(x, 2, 1, "SAME"), IMAGE),
    "max_pool3d": (lambda x: nn.max_pool3d(x, 2, 1, "VALID"), VOLUME),
    "avg_pool2d": (lambda x: nn.avg_pool2d(x, 2, 1, "SAME"), IMAGE),
    "fractional_max_pool": (lambda x: nn.fractional_max_pool(x, (1, 1.5, 1.5, 1), seed=3)[0], IMAGE),
    "max_pool_with_argmax": (lambda x: nn.max_pool_with_argmax(x, 2, 1, "VALID")[0], IMAGE),
    "extract_patches": (lambda x: image.extract_patches(x, (1, 2, 2, 1), (1, 1, 1, 1), (1, 1, 1, 1), "SAME"), IMAGE),
    "resize, bilinear": (lambda x: image.resize(x, (5, 3)), IMAGE),
    "resize, bicubic": (lambda x: image.resize(x, (4, 6), "bicubic"), IMAGE),
    "resize, Lanczos": (lambda x: image.resize(x, (2, 3), "lanczos3", antialias=True), IMAGE),
    "crop_and_resize": (
        lambda x: image.crop_and_resize(x, [[0.1, 0.2, 0.8, 0.9]], [0], (3, 3)), IMAGE
    ),
    "image_gradients": (lambda x: tf.concat(image.image_gradients(x), 0), IMAGE),
    "total_variation": (image.total_variation, IMAGE),
    "sobel_edges": (image.sobel_edges, IMAGE),
    "rgb_to_hsv": (image.rgb_to_hsv, between(0.1, 0.9, 2, 3)),
    "hsv_to_rgb": (image.hsv_to_rgb, between(0.1, 0.9, 2, 3)),
    "rgb_to_yuv": (image.rgb_to_yuv, SHARE),
    "depth_to_space": (lambda x: nn.depth_to_space(x, 2), real(1, 2, 2, 4)),
    "pad, reflect": (lambda x: tf.pad(x, [[1, 1], [2, 0]], "REFLECT"), WIDE),
    "pad, symmetric": (lambda x: tf.pad(x, [[1, 1], [2, 0]], "SYMMETRIC"), WIDE),
    # indexing, sorting, cumulative
    "gather": (lambda x, i: tf.gather(x, i, axis=1), REAL, whole(3, 4)),
    "gather_nd": (lambda x: tf.gather_nd(x, [[0, 1], [1, 2], [0, 1]]), REAL),
    "tensor_scatter_nd_add": (lambda x, s: tf.tensor_scatter_nd_add(x, [[0], [2], [2]], s), VECTOR, real(3)),
    "tensor_scatter_nd_max": (lambda x, s: tf.tensor_scatter_nd_max(x, [[0], [2], [3]], s), VECTOR, real(3)),
    "tensor_scatter_nd_update": (lambda x, s: tf.tensor_scatter_nd_update(x, [[0], [2]], s), VECTOR, real(2)),
    "segment_sum": (lambda x: math.segment_sum(x, [0, 0, 1]), WIDE),
    "segment_mean": (lambda x: math.segment_mean(x, [0, 0, 1]), WIDE),
    "segment_max": (lambda x: math.segment_max(x, [0, 0, 1]), WIDE),
    "segment_prod": (lambda x: math.unsorted_segment_prod(x, [1, 0, 1], 2), WIDE),
    "unsorted_segment_sqrt_n": (lambda x: math.unsorted_segment_sqrt_n(x, [1, 0, 1], 2), WIDE),
    "dynamic_partition": (lambda x: tf.dynamic_partition(x, [1, 0, 1, 0, 1, 1], 2)[1], VECTOR),
    "dynamic_stitch": (lambda x, y: tf.dynamic_stitch([[0, 2], [1, 2]], [x, y]), real(2, 2), real(2, 2)),
    "boolean_mask": (lambda x: tf.boolean_mask(x, [True, False, True]), SQUARE),
    "strided_slice": (lambda x: x[::-1, 1::2], WIDE),
    "sort": (lambda x: tf.sort(x, 1), REAL),
    "top_k": (lambda x: math.top_k(x, 2)[0], REAL),
    "cumsum": (lambda x: math.cumsum(x, 1, exclusive=True), WIDE),
    "cumprod": (lambda x: math.cumprod(x, 1, reverse=True), WIDE),
    "cumulative_logsumexp": (lambda x: math.cumulative_logsumexp(x, 1), WIDE),
    "scan": (lambda x: tf.scan(lambda c, a: tf.tanh(c + a), x), VECTOR),
    "embedding_lookup": (lambda w, i: nn.embedding_lookup(w, i), real(4, 3), whole(4, 5)),
    "roll": (lambda x: tf.roll(x, 2, 1), WIDE),
    "reverse_sequence": (lambda x: tf.reverse_sequence(x, [1, 3, 2], 1), WIDE),
    "sparse_dense_matmul": (
        lambda v, b: tf.sparse.sparse_dense_matmul(tf.SparseTensor([[0, 1], [1, 2]], v, [2, 3]), b), real(2), RIGHT_SIDE
    ),
    # Fourier transforms with real outputs
    "rfft": (lambda x: abs(signal.rfft(x)), VECTOR),
    "rfft, parts": (lambda x: parts(signal.rfft(x)), VECTOR),
    "irfft": (lambda x: signal.irfft(tf.complex(x[0], x[1]), [4]), REAL),
    "fft": (lambda x: parts(signal.fft(tf.complex(x[0], x[1]))), REAL),
    "rfft2d": (lambda x: abs(signal.rfft2d(x)), REAL),
    "dct": (signal.dct, VECTOR),
    "dct, 3": (lambda x: signal.dct(x, 3), VECTOR),
    "idct": (signal.idct, VECTOR),
    "mdct": (lambda x: signal.mdct(x, 4), real(8)),
    "stft": (lambda x: abs(signal.stft(x, 4, 2)), real(8)),
    "frame": (lambda x: signal.frame(x, 3, 2), VECTOR),
    "overlap_and_add": (lambda x: signal.overlap_and_add(x, 2), WIDE),
    # log-probabilities
    "normal": (lambda m, s, x: -(((x - m) / s) ** 2) / 2 - math.log(s), REAL, POSITIVE, OTHER),
    "gamma law": (lambda a, b, x: a * math.log(b) + (a - 1) * math.log(x) - b * x - math.lgamma(a), *[POSITIVE] * 3),
}  # fmt: skip
