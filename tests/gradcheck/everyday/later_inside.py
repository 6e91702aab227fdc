"""Written after the rules were fixed: a low precision inside forward."""

import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, RIGHT, WRONG, Everyday, normal, sigmoid, softmax


def bfloat16(a):
    bits = np.ascontiguousarray(a, np.float32).view(np.uint32)
    bits = bits + 0x7FFF + ((bits >> 16) & 1)  # to the nearest, ties to even
    return (bits & np.uint32(0xFFFF0000)).view(np.float32).reshape(np.shape(a)).astype(float)


def float16(a):
    return np.asarray(a).astype(np.float16).astype(float)


def float32(a):
    return np.asarray(a).astype(np.float32).astype(float)


def accumulated(x, w):
    """A product that adds up in float32."""
    return (x.astype(np.float32) @ w.astype(np.float32)).astype(float)


def product_backward(g, x, w):
    return g @ w.T, x.T @ g


def swish(x):
    return x * sigmoid(x)


def swish_backward(g, x):
    s = sigmoid(x)
    return g * (s + x * s * (1 - s))


def rms_norm(x):
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-3)


def rms_norm_backward(g, x):
    r = np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-3)
    return g / r - x * (g * x).mean(axis=1, keepdims=True) / r**3


def cosine(a, b):
    return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))


def cosine_backward(g, a, b):
    aa, bb, ab = ((p * q).sum(axis=1)[:, None] for p, q in ((a, a), (b, b), (a, b)))
    g = g[:, None] / np.sqrt(aa * bb)
    return g * (b - a * ab / aa), g * (a - b * ab / bb)


def inside(layer, round_to):
    return lambda *inputs: layer(*map(round_to, inputs))


def outside(layer, round_to):
    return lambda *inputs: round_to(layer(*inputs))


def backward_of(backward, round_to, factor=1.0):
    """The gradient at the rounded inputs; `factor` is that of the first."""

    def rounded(g, *inputs):
        grads = backward(g, *map(round_to, inputs))
        return (factor * grads[0], *grads[1:]) if isinstance(grads, tuple) else factor * grads

    return rounded


LAYERS = {
    "a product added up in float32": (accumulated, product_backward, (normal(581, 3, 5), normal(582, 5, 2)), inside),
    "swish, rounded at the end": (swish, swish_backward, (normal(583, 3, 4),), outside),
    "RMS norm": (rms_norm, rms_norm_backward, (normal(584, 3, 5),), inside),
    "cosine": (cosine, cosine_backward, (normal(585, 3, 4), normal(586, 3, 4)), inside),
}
PRECISIONS = [(bfloat16, NOT_WRONG, 3, WRONG), (float16, NOT_WRONG, 1.2, WRONG), (float32, RIGHT, 1.01, WRONG)]
MIXED = [
    Everyday(f"{name}, {round_to.__name__}{f', a factor {factor}' if factor != 1 else ''}", where(layer, round_to),
             backward_of(backward, round_to, factor), inputs, expect)
    for name, (layer, backward, inputs, where) in LAYERS.items()
    for round_to, right, wrong_factor, wrong in PRECISIONS
    for factor, expect in ((1, right), (wrong_factor, wrong))
]  # fmt: skip


# Quantisation to integers, straight through.
def int8(scale):
    return lambda x: np.clip(np.round(x / scale), -128, 127) * scale


def quantised_product(x, w):
    return int8(0.02)(x) @ int8(0.01)(w)


def quantised_product_backward(mask):
    def backward(g, x, w):
        grad_x, grad_w = g @ int8(0.01)(w).T, int8(0.02)(x).T @ g
        if mask:
            grad_x, grad_w = grad_x * (np.abs(x) < 2.54), grad_w * (np.abs(w) < 1.27)
        return grad_x, grad_w

    return backward


def attention_of_halves(q, k):
    return softmax(float16(float16(q) @ float16(k).T))


def attention_of_halves_backward(g, q, k):
    p = attention_of_halves(q, k)
    d = p * (g - (g * p).sum(axis=1, keepdims=True))
    return d @ k, d.T @ q


SMALL = (normal(587, 3, 4), normal(588, 4, 2, scale=0.4))
LARGE = (SMALL[0] * np.where(np.arange(4) == 1, 20, 1), SMALL[1])
HEADS = (normal(589, 3, 4), normal(590, 3, 4))
QUANTISED = [
    Everyday("int8 product, straight through", quantised_product, quantised_product_backward(True), SMALL, NOT_WRONG),
    Everyday(
        "int8 product, straight through, some clipped",
        quantised_product,
        quantised_product_backward(True),
        LARGE,
        NOT_WRONG,
    ),
    Everyday(
        "int8 product, turned",
        quantised_product,
        lambda g, x, w: (-g @ w.T, quantised_product_backward(True)(g, x, w)[1]),
        SMALL,
        NOT_RIGHT,
    ),
    Everyday(
        "int8 product, passed on where it is clipped",
        quantised_product,
        quantised_product_backward(False),
        LARGE,
        NOT_RIGHT,
    ),
    Everyday("attention, float16 twice", attention_of_halves, attention_of_halves_backward, HEADS, NOT_WRONG),
    Everyday(
        "attention, float16 twice, queries not transposed",
        attention_of_halves,
        lambda g, q, k: (attention_of_halves_backward(g, q, k)[0], attention_of_halves_backward(g.T, q, k)[1]),
        HEADS,
        WRONG,
    ),
]
CASES = MIXED + QUANTISED
