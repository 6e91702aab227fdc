"""Written after the rules were fixed: code in low precision is held to the roundoff of that precision."""

import numpy as np

from tests.gradcheck.everyday.case import NOT_WRONG, WRONG, Everyday, normal, sigmoid, softmax, uniform


def f32(a):
    return np.asarray(a, np.float32)


def rms_norm(x, w):
    return w * x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-6)


def rms_norm_backward(factor):
    def backward(g, x, w):
        r = np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-6)
        d = g * w
        return factor * (d / r - x * (d * x).mean(axis=1, keepdims=True) / r**3), (g * x / r).sum(axis=0)

    return backward


def group_norm(x):
    groups = x.reshape(len(x), 2, -1)
    c = groups - groups.mean(axis=2, keepdims=True)
    return (c / np.sqrt((c * c).mean(axis=2, keepdims=True) + 1e-5)).reshape(x.shape)


def group_norm_backward(mean):
    def backward(g, x):
        groups, d = x.reshape(len(x), 2, -1), g.reshape(len(x), 2, -1)
        c = groups - groups.mean(axis=2, keepdims=True)
        r = np.sqrt((c * c).mean(axis=2, keepdims=True) + 1e-5)
        h = c / r
        inner = d - mean * d.mean(axis=2, keepdims=True) - h * (d * h).mean(axis=2, keepdims=True)
        return (inner / r).reshape(x.shape)

    return backward


def selu(x):
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))


def selu_backward(scale, alpha):
    return lambda g, x: g * scale * np.where(x > 0, 1, alpha * np.exp(x)).astype(x.dtype)


def mish(x):
    return x * np.tanh(np.logaddexp(0, x))


def mish_backward(g, x):
    t = np.tanh(np.logaddexp(0, x))
    return g * (t + x * sigmoid(x) * (1 - t * t))


ANGLES = np.arange(4)[:, None] * np.array([1.0, 0.1, 0.01])


def rope(dtype, sign=1):
    cos, sin = np.cos(ANGLES).astype(dtype), (sign * np.sin(ANGLES)).astype(dtype)

    def rotate(x):
        a, b = x[:, :3], x[:, 3:]
        return np.concatenate([a * cos - b * sin, a * sin + b * cos], axis=1)

    return rotate


def embedding_sum(table, bags):
    return table[bags].sum(axis=1)


def embedding_sum_backward(g, table, bags):
    grad = np.zeros_like(table)
    np.add.at(grad, bags, g[:, None])
    return grad, None


def embedding_sum_assigned(g, table, bags):
    grad = np.zeros_like(table)
    grad[bags] = g[:, None]
    return grad, None


def log_sum_exp(z):
    m = z.max(axis=1, keepdims=True)
    return (m + np.log(np.exp(z - m).sum(axis=1, keepdims=True)))[:, 0]


def variance_of_squares(x):
    return (x * x).mean(axis=1) - x.mean(axis=1) ** 2


def masked_mean(x, lengths):
    return (x * (np.arange(x.shape[1]) < lengths[:, None])).sum(axis=1) / lengths


def masked_mean_backward(g, x, lengths):
    return (g / lengths)[:, None] * (np.arange(x.shape[1]) < lengths[:, None]), None


TOKENS, SCALE = f32(normal(541, 4, 6)), f32(uniform(542, 0.5, 2, 6))
BAGS, LENGTHS = np.array([[0, 2, 2], [1, 0, 3]]), np.array([3, 6, 1, 4])
CASES = [
    Everyday("RMS norm, float32", rms_norm, rms_norm_backward(1), (TOKENS, SCALE)),
    Everyday("RMS norm, float32, 1.001", rms_norm, rms_norm_backward(np.float32(1.001)), (TOKENS, SCALE), WRONG),
    Everyday("group norm, float32", group_norm, group_norm_backward(1), (TOKENS,)),
    Everyday("group norm, float32, the mean forgotten", group_norm, group_norm_backward(0), (TOKENS,), WRONG),
    Everyday("group norm, float16", group_norm, group_norm_backward(1), (TOKENS.astype(np.float16),), NOT_WRONG),
    Everyday(
        "group norm, float16, the mean forgotten",
        group_norm,
        group_norm_backward(0),
        (TOKENS.astype(np.float16),),
        WRONG,
    ),
    Everyday(
        "selu, eight digits, float32", selu, selu_backward(np.float32(1.0507010), np.float32(1.6732632)), (TOKENS,)
    ),
    Everyday("selu, three digits, float32", selu, selu_backward(np.float32(1.05), np.float32(1.673)), (TOKENS,), WRONG),
    Everyday("selu, five digits, float64", selu, selu_backward(1.0507, 1.67326), (normal(543, 7),), WRONG),
    Everyday("mish, float32", mish, mish_backward, (TOKENS,)),
    Everyday("mish, float16", mish, mish_backward, (TOKENS.astype(np.float16),)),
    Everyday("mish, float32, 1.001", mish, lambda g, x: np.float32(1.001) * mish_backward(g, x), (TOKENS,), WRONG),
    Everyday("rotary positions, float32", rope(np.float32), lambda g, x: rope(np.float32, -1)(g), (TOKENS,)),
    Everyday(
        "rotary positions, float32, turned on", rope(np.float32), lambda g, x: rope(np.float32)(g), (TOKENS,), WRONG
    ),
    Everyday(
        "rotary positions, promoted by their table", rope(np.float64), lambda g, x: rope(np.float64, -1)(g), (TOKENS,)
    ),
    Everyday(
        "rotary positions, a float32 answer to float64",
        rope(np.float64),
        lambda g, x: f32(rope(np.float64, -1)(g)),
        (normal(544, 4, 6),),
        options={"allow": ("dtype",)},
    ),
    Everyday(
        "binary logarithm, seven digits, float32",
        np.log2,
        lambda g, x: g * np.float32(1.442695) / x,
        (f32([0.3, 1, 7]),),
    ),
    Everyday(
        "binary logarithm, four digits, float32",
        np.log2,
        lambda g, x: g * np.float32(1.443) / x,
        (f32([0.3, 1, 7]),),
        WRONG,
    ),
    Everyday("sums of embeddings, float32", embedding_sum, embedding_sum_backward, (TOKENS, BAGS)),
    Everyday(
        "sums of embeddings, float32, the last one wins", embedding_sum, embedding_sum_assigned, (TOKENS, BAGS), WRONG
    ),
    Everyday(
        "log-sum-exp of logits 10000 large, float32",
        log_sum_exp,
        lambda g, z: g[:, None] * softmax(z),
        (TOKENS + np.float32(1e4),),
    ),
    Everyday(
        "variance as a difference of squares, float32",
        variance_of_squares,
        lambda g, x: g[:, None] * 2 * (x - x.mean(axis=1, keepdims=True)) / 6,
        (TOKENS + np.float32(20),),
        NOT_WRONG,
    ),
    Everyday(
        "variance as a difference of squares, its mean forgotten",
        variance_of_squares,
        lambda g, x: g[:, None] * 2 * x / 6,
        (TOKENS + np.float32(20),),
        WRONG,
    ),
    Everyday("mean over lengths, float32", masked_mean, masked_mean_backward, (TOKENS, LENGTHS)),
    Everyday(
        "mean over lengths, float32, over all",
        masked_mean,
        lambda g, x, n: masked_mean_backward(g * n / 6, x, n),
        (TOKENS, LENGTHS),
        WRONG,
    ),
    Everyday(
        "given float64 to float32, an RMS norm",
        rms_norm,
        rms_norm_backward(1),
        (TOKENS, SCALE),
        options={"grad_output": normal(545, 4, 6)},
    ),
]
