"""Code in low precision is held to the roundoff of that precision, and no further."""

import numpy as np

from tests.gradcheck.everyday.case import (
    NOT_WRONG,
    WRONG,
    Everyday,
    batch_norm,
    batch_norm_backward,
    normal,
    sigmoid,
    softmax,
)

SINGLE, HALF = np.float32, np.float16


def single(seed, *shape):
    return normal(seed, *shape).astype(SINGLE)


def half(seed, *shape):
    return normal(seed, *shape).astype(HALF)


def scaled(backward, factor):
    """All that backward gives times a factor, in its own dtype."""

    def wrong(*arguments):
        found = backward(*arguments)
        return tuple((factor * d).astype(d.dtype) for d in found) if isinstance(found, tuple) else factor * found

    return wrong


def gelu(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))


def gelu_backward(root, cubic):
    def backward(g, x):
        t = np.tanh(root * (x + cubic * x**3))
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * cubic * x**2))

    return backward


def attention_scores(q, k):
    return q @ k.T / np.sqrt(q.shape[1])


def attention_scores_backward(g, q, k):
    root = np.float32(np.sqrt(q.shape[1]))
    return ((g / root) @ k).astype(q.dtype), ((g / root).T @ q).astype(k.dtype)


def softmax_backward(g, z):
    s = softmax(z)
    return s * (g - (g * s).sum(axis=-1, keepdims=True))


def layer_norm(x):
    return (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)


def layer_norm_backward(g, x):
    hat = layer_norm(x)
    g = g - g.mean(axis=1, keepdims=True) - hat * (g * hat).mean(axis=1, keepdims=True)
    return g / np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)


def dense(x, w, b):
    return x @ w + b


def dense_backward(g, x, w, b):
    return g @ w.T, x.T @ g, g.sum(axis=0)


def sigmoid_backward(g, x):
    s = sigmoid(x)
    return g * s * (1 - s)


def length(x):
    return np.sqrt((x * x).sum(axis=1))


def length_backward(g, x):
    return (g / length(x))[:, None] * x


def to_single(backward):
    """A backward that answers in float32, whatever it is given."""

    def answers(*arguments):
        found = backward(*arguments)
        return tuple(d.astype(SINGLE) for d in found) if isinstance(found, tuple) else found.astype(SINGLE)

    return answers


NORMED = (single(110, 6, 4), np.array([1.5, -0.5, 1, 2], SINGLE), single(111, 4))
AFFINE = (single(112, 3, 4), single(113, 4, 2), single(114, 2))
PIXELS = np.random.default_rng(115).integers(0, 256, (3, 4))
WAIVED = {"allow": ("dtype",)}

CONSTANTS = [
    Everyday("gelu, eight digits", gelu, gelu_backward(0.79788456, 0.044715), (single(116, 4, 5),)),
    Everyday("gelu, six digits for all, float64", gelu, gelu_backward(0.797884, 0.044715), (normal(116, 4, 5),), WRONG),
    Everyday("gelu, three digits, float32", gelu, gelu_backward(0.798, 0.045), (single(116, 4, 5),), WRONG),
    Everyday("a root in float32 in backward", lambda x: x / np.sqrt(5),
             lambda g, x: (g / SINGLE(np.sqrt(5))).astype(x.dtype), (single(117, 7),)),
    Everyday("a root in float32 in backward, float64", lambda x: x / np.sqrt(5), lambda g, x: g / SINGLE(np.sqrt(5)),
             (normal(117, 7),), WRONG),
    Everyday("scores of attention", attention_scores, attention_scores_backward,
             (single(118, 3, 5), single(119, 4, 5))),
    Everyday("scores of attention, a factor 1.001", attention_scores, scaled(attention_scores_backward, SINGLE(1.001)),
             (single(118, 3, 5), single(119, 4, 5)), WRONG),
    Everyday("luminance, seven digits", lambda x: x @ np.array([0.2126, 0.7152, 0.0722], x.dtype) / 3,
             lambda g, x: (g[..., None] * np.array([0.07086667, 0.2384, 0.02406667])).astype(x.dtype),
             (single(120, 2, 2, 3),)),
    Everyday("a third with four digits, float16", lambda x: x * (1 / 3), lambda g, x: g * 0.3333, (half(121, 6),)),
    Everyday("a third with three digits, float32", lambda x: x * (1 / 3), lambda g, x: g * 0.333, (single(121, 6),),
             WRONG),
    Everyday("decibels, log 10 in float32", lambda x: 10 * np.log10(x), lambda g, x: g * SINGLE(4.3429449) / x,
             (np.abs(single(122, 5)) + SINGLE(0.1),)),
]  # fmt: skip

LAYERS = [
    Everyday("batch normalisation, float32", batch_norm, batch_norm_backward, NORMED),
    Everyday("batch normalisation, float32, 1.001", batch_norm, scaled(batch_norm_backward, SINGLE(1.001)), NORMED,
             WRONG),
    Everyday("layer normalisation, float32", layer_norm, layer_norm_backward, (single(123, 3, 8),)),
    Everyday("layer normalisation, float32, the mean forgotten", layer_norm,
             lambda g, x: layer_norm_backward(g, x) + (g.mean(axis=1) / x.std(axis=1))[:, None], (single(123, 3, 8),),
             WRONG),
    Everyday("softmax, float32", lambda z: softmax(z), softmax_backward, (single(124, 3, 6) * SINGLE(4),)),
    Everyday("softmax, float32, 1.001", lambda z: softmax(z), scaled(softmax_backward, SINGLE(1.001)),
             (single(124, 3, 6) * SINGLE(4),), WRONG),
    Everyday("softmax, float16", lambda z: softmax(z), softmax_backward, (half(125, 2, 4),)),
    Everyday("softmax, float16, 1.05", lambda z: softmax(z), scaled(softmax_backward, HALF(1.05)), (half(125, 2, 4),),
             WRONG),
    Everyday("dense, float16", dense, dense_backward, (half(126, 3, 4), half(127, 4, 2), half(128, 2))),
    Everyday("dense, float16, 1.05", dense, scaled(dense_backward, HALF(1.05)),
             (half(126, 3, 4), half(127, 4, 2), half(128, 2)), WRONG),
    Everyday("lengths of rows, float32, 1e-3 large", length, length_backward, (single(129, 4, 3) * SINGLE(1e-3),)),
    Everyday("lengths of rows, float32, 1e6 large", length, length_backward, (single(130, 4, 3) * SINGLE(1e6),)),
    Everyday("lengths of rows, float32, one entry 1.001", length,
             lambda g, x: length_backward(g, x) * np.where(np.arange(x.size).reshape(x.shape) == x.size // 2, 1.001, 1)
             .astype(x.dtype), (single(129, 4, 3),), WRONG),
    Everyday("sigmoid, float16", sigmoid, sigmoid_backward, (half(131, 5),)),
]  # fmt: skip

GIVEN = [
    Everyday("given float64 to float32, a layer", dense, dense_backward, AFFINE,
             options={"grad_output": normal(132, 3, 2)}),
    Everyday("given integers to float32", lambda x: x**3, lambda g, x: 3 * g * x * x, (single(133, 2, 3),),
             options={"grad_output": np.array([[1, 2, 3], [-1, 0, 1]])}),
    Everyday("given float64 to float16", np.tanh, lambda g, x: g * (1 - np.tanh(x) ** 2), (half(134, 6),),
             options={"grad_output": np.linspace(-1, 1, 6)}),
    Everyday("given a list to float32", sigmoid, sigmoid_backward, (single(135, 3),),
             options={"grad_output": [0.1, -0.2, 0.7]}),
    Everyday("given float64 to float32, 1.001", dense, scaled(dense_backward, SINGLE(1.001)), AFFINE, WRONG,
             {"grad_output": normal(132, 3, 2)}),
]  # fmt: skip

# np.sqrt(2.0) is a float64 that NumPy promotes float32 to; so do arrays of integers.
PROMOTED = [
    Everyday("promoted by a float64 scalar", lambda x: x * np.sqrt(2.0), lambda g, x: g * np.sqrt(2.0),
             (single(136, 3, 4),)),
    Everyday("promoted by integers", lambda x, n: x**2 * n, lambda g, x, n: (2 * g * x * n, None),
             (single(137, 3, 4), PIXELS)),
    Everyday("promoted by integers, float16", lambda x, n: x * n, lambda g, x, n: (g * n, None),
             (half(138, 3, 4), PIXELS % 7)),
    Everyday("promoted by float64 constants, cast back in backward", lambda x: np.tanh(x) @ np.linspace(-1, 1, 4),
             lambda g, x: (np.outer(g, np.linspace(-1, 1, 4)) * (1 - np.tanh(x) ** 2)).astype(x.dtype),
             (single(139, 3, 4),)),
    Everyday("promoted by integers, 1.001", lambda x, n: x**2 * n, lambda g, x, n: (2.002 * g * x * n, None),
             (single(137, 3, 4), PIXELS), WRONG),
    Everyday("promoted in backward alone", lambda x: x * 3, lambda g, x: g * np.float64(3), (single(140, 3, 4),), WRONG,
             kinds=("dtype",)),
    Everyday("promoted in backward alone, waived", lambda x: x * 3, lambda g, x: g * np.float64(3),
             (single(140, 3, 4),), options=WAIVED),
]  # fmt: skip

ANSWERS = [
    Everyday("float32 answers to float64, a layer", dense, to_single(dense_backward),
             (normal(141, 3, 4), normal(142, 4, 2), normal(143, 2)), options=WAIVED),
    Everyday("float32 answers to float64, softmax", lambda z: softmax(z), to_single(softmax_backward),
             (normal(144, 3, 5),), options=WAIVED),
    Everyday("float32 answers to float64, normalised", layer_norm, to_single(layer_norm_backward), (normal(145, 3, 6),),
             options=WAIVED),
    Everyday("float32 answers to float64, not waived", np.tanh, to_single(lambda g, x: g * (1 - np.tanh(x) ** 2)),
             (normal(146, 5),), WRONG, kinds=("dtype",)),
    Everyday("float32 answers to float64, 1.001", dense, to_single(scaled(dense_backward, 1.001)),
             (normal(141, 3, 4), normal(142, 4, 2), normal(143, 2)), WRONG, WAIVED),
    Everyday("float16 answers to float64", np.tanh, lambda g, x: (g * (1 - np.tanh(x) ** 2)).astype(HALF),
             (normal(147, 5),), NOT_WRONG, WAIVED),
    Everyday("float16 answers to float64, 1.05", np.tanh, lambda g, x: (1.05 * g * (1 - np.tanh(x) ** 2)).astype(HALF),
             (normal(147, 5),), WRONG, WAIVED),
]  # fmt: skip

CASES = [*CONSTANTS, *LAYERS, *GIVEN, *PROMOTED, *ANSWERS]
