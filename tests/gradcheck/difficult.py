"""Right but difficult: functions whose right gradients fixed tolerances accuse, or that nobody can decide.

The last third of the table was written when the harness's thresholds were fixed, without a look at its answers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from scratchcnn import dense, dense_backward, patches, patches_backward, sigmoid, standardize, standardize_backward

Draw = Callable[[np.random.Generator], tuple[np.ndarray, ...]]


@dataclass(frozen=True)
class Difficult:
    """`reason`: what makes it difficult; where it is undecided, the reason that the report gives.

    `expected` is "either" where the arithmetic decides some draws and not others; a wrong verdict it never is.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    draw: Draw
    reason: str
    expected: Literal["right", "undecided", "either"] = "right"
    options: dict[str, Any] = field(default_factory=dict)


def normal(*shapes: tuple[int, ...], scale: float = 1.0) -> Draw:
    return lambda rng: tuple(scale * rng.standard_normal(s) for s in shapes)


def elementwise(derivative: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda g, x: (g * derivative(x)).astype(x.dtype)


def far(low: float, high: float, count: int = 6) -> Draw:
    """Numbers of both signs and of such sizes."""
    return lambda rng: (rng.uniform(low, high, count) * rng.choice([-1.0, 1.0], count),)


def decades(low: float, high: float, count: int = 6, base: float = 0.0, sign: float = 1.0) -> Draw:
    """Numbers at distances of 10^low to 10^high from `base`."""
    return lambda rng: (base + sign * 10.0 ** rng.uniform(low, high, count),)


def given(*values: float) -> Draw:
    """These values, in any order."""
    return lambda rng: (rng.permutation(np.array(values, float)),)


def cast(draw: Draw, dtype: Any) -> Draw:
    return lambda rng: tuple(a.astype(dtype) for a in draw(rng))


def viewed(draw: Draw, view: Callable[[np.ndarray], np.ndarray]) -> Draw:
    return lambda rng: tuple(view(a) for a in draw(rng))


def read_only(a: np.ndarray) -> np.ndarray:
    a.flags.writeable = False
    return a


def with_ties(rng):
    """Small integers, with two equal largest numbers in one window."""
    x = rng.permutation(18).reshape(1, 1, 3, 6).astype(float)
    x[0, 0, 0, 0] = x[0, 0, 0, 1] = 20
    return (x,)


def with_zeros(rng):
    return (rng.permutation(np.concatenate([np.zeros(2), rng.standard_normal(6)])),)


def relu(x):
    return np.maximum(x, 0)


def relu_backward(g, x):
    return (g * (x > 0),)


def leaky_relu(x):
    return np.where(x > 0, x, x / 8)


def leaky_relu_backward(g, x):
    return (np.where(x > 0, g, g / 8),)


def tanh_backward(g, x):
    return (g * (1 - np.tanh(x) ** 2),)


WINDOWS = {"window": (2, 3), "stride": (1, 2)}


def max_pool(x):
    return patches(x, **WINDOWS).max(axis=(4, 5))


def max_pool_backward(g, x, *, ties="first"):
    seen = patches(x, **WINDOWS)
    best = seen == seen.max(axis=(4, 5), keepdims=True)
    if ties == "first":
        flat = best.reshape(*g.shape, -1)
        best = (np.arange(flat.shape[-1]) == flat.argmax(axis=-1)[..., None]).reshape(seen.shape)
    share = best / best.sum(axis=(4, 5), keepdims=True) if ties == "shared" else best
    return patches_backward(share.astype(x.dtype) * g[..., None, None], x, **WINDOWS)


def average_pool(x):
    return patches(x, **WINDOWS).mean(axis=(4, 5))


def average_pool_backward(g, x):
    seen = patches(x, **WINDOWS)
    return patches_backward(np.broadcast_to(g[..., None, None] / 6, seen.shape), x, **WINDOWS)


def article_sigmoid_backward(g, z):
    o = sigmoid(z)
    return g * o * (1 - o)


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_backward(g, z):
    p = softmax(z)
    return p * (g - (g * p).sum(axis=-1, keepdims=True))


def cross_entropy(logits, labels):
    shifted = logits - logits.max(axis=1, keepdims=True)
    return (np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]).mean()


def one_hot(logits, labels):
    return np.eye(logits.shape[1], dtype=logits.dtype)[labels]


def cross_entropy_backward(g, logits, labels):
    return g * (softmax(logits) - one_hot(logits, labels)) / len(labels), None


def batch_norm(x, gamma, beta):
    return gamma * standardize(x, axis=0) + beta


def batch_norm_backward(g, x, gamma, beta):
    normed = standardize(x, axis=0)
    return *standardize_backward(g * gamma, x, axis=0), (g * normed).sum(axis=0), g.sum(axis=0)


IDS = np.array([1, 3, 1, 0])


def embed_backward(g, table):
    d = np.zeros_like(table)
    np.add.at(d, IDS, g)
    return (d,)


def recurrent(x, w):
    """h = tanh(h w + x), step after step."""
    h = np.zeros_like(x[0])
    for step in x:
        h = np.tanh(h @ w + step)
    return h


def recurrent_backward(g, x, w, *, reach=9, stop=False):
    """`reach`: how many of the last steps count for w; `stop`: nothing flows back from a step to the one before."""
    hidden = [np.zeros_like(x[0])]
    for step in x:
        hidden.append(np.tanh(hidden[-1] @ w + step))
    grad_x, grad_w = np.zeros_like(x), np.zeros_like(w)
    for k in reversed(range(len(x))):
        g = g * (1 - hidden[k + 1] ** 2)
        grad_x[k] = g
        grad_w += hidden[k].T @ g * (len(x) - k <= reach)
        g = g @ w.T * (not stop)
    return grad_x, grad_w


def network(x, first, second):
    return sigmoid(sigmoid(x @ first) @ second)


def network_backward(g, x, first, second, *, slope=lambda h: h * (1 - h), rate=0.0):
    """`slope`: the hidden layer's derivative; `rate`: how far the second layer descends before it passes back."""
    hidden = sigmoid(x @ first)
    output = sigmoid(hidden @ second)
    g = g * output * (1 - output)
    grad_second = hidden.T @ g
    back = g @ (second - rate * grad_second).T * slope(hidden)
    return back @ first.T, x.T @ back, grad_second


def unit_backward(g, x):
    length = np.sqrt((x * x).sum())
    y = x / length
    return ((g - y * (g * y).sum()) / length,)


def pad(x):
    return np.pad(x, ((0, 0), (0, 0), (1, 2), (2, 1)))


def scale_backward(g, x, s):
    return g * s[:, None, None], (g * x).sum(axis=(0, 2, 3))


def without_one(x):
    """For each entry the product of the others."""
    return np.array([np.delete(x, k).prod() for k in range(x.size)])


def with_a_zero(rng):
    return (rng.permutation(np.append(0.0, rng.uniform(0.5, 2, 3))),)


def square_backward(g, x):
    return 2 * g * x


def softplus_slope(x):
    return sigmoid(x)


def expanded_variance(x):
    return (x * x).mean() - x.mean() ** 2


def mixed_kinks(x):
    return relu(x) @ np.array([[1.0], [-1.0]])


NARROW = 1e-6
TERMS = 1e6 * np.random.default_rng(7).standard_normal(1000)

DIFFICULT = [
    # Saturated
    Difficult("article's sigmoid far out", sigmoid, article_sigmoid_backward, far(12, 45), "1 - O loses its digits"),
    Difficult("article's sigmoid in float32", sigmoid, article_sigmoid_backward, cast(far(5, 30), np.float32),
              "1 - O loses its digits in float32"),
    Difficult("article's sigmoid, near and far", sigmoid, article_sigmoid_backward, given(0.5, -3, 30, -36, 40, 800),
              "some entries are lost, the others not"),
    Difficult("tanh far out", np.tanh, tanh_backward, far(5, 30), "1 - O^2 loses its digits"),
    Difficult("softmax with a winner", softmax, softmax_backward, normal((2, 4), scale=30), "gradients of 1e-20"),
    Difficult("softplus both ways", lambda x: np.logaddexp(0, x), elementwise(softplus_slope), far(20, 800),
              "flat on one side, straight on the other"),
    # Scaled
    Difficult("values of 1e300", lambda x: 1e300 * np.sin(x), elementwise(lambda x: 1e300 * np.cos(x)), normal((6,)),
              "next to overflow"),
    Difficult("values of 1e-300", lambda x: 1e-300 * np.sin(x), elementwise(lambda x: 1e-300 * np.cos(x)),
              normal((6,)), "next to underflow"),
    Difficult("square of 1e150", np.square, square_backward, normal((6,), scale=1e150), "next to overflow"),
    Difficult("square of 1e-150", np.square, square_backward, normal((6,), scale=1e-150), "next to underflow"),
    Difficult("cube over decades", lambda x: x**3, elementwise(lambda x: 3 * x**2), decades(-20, 20), "no one scale"),
    Difficult("product of 1e200 and 1e-200", np.multiply, lambda g, a, b: (g * b, g * a),
              lambda rng: (1e200 * rng.standard_normal(4), 1e-200 * rng.standard_normal(4)), "no one scale"),
    # Kinks and ties
    Difficult("relu at zero", relu, relu_backward, with_zeros, "any subgradient will do"),
    Difficult("relu beside zero", relu, relu_backward, given(1e-7, -1e-7, 1e-12, -1e-12, 1.5, -2), "a kink close by"),
    Difficult("leaky relu at zero", leaky_relu, leaky_relu_backward, with_zeros, "any subgradient will do"),
    Difficult("abs at zero", np.abs, elementwise(np.sign), with_zeros, "a subgradient between the slopes"),
    Difficult("max pool with ties", max_pool, max_pool_backward, with_ties, "the first of equals"),
    Difficult("max pool with shared ties", max_pool, partial(max_pool_backward, ties="shared"), with_ties,
              "all equals alike"),
    Difficult("clip at its ends", lambda x: np.clip(x, -1, 1), elementwise(lambda x: np.abs(x) <= 1),
              given(1, -1, 0.3, 1 + 1e-9, -1 + 1e-9, 4), "kinks on and beside the points"),
    Difficult("kinks of opposite sign", mixed_kinks, lambda g, x: g @ np.array([[1.0, -1.0]]) * (x > 0),
              lambda rng: (np.zeros((1, 2)),), "kink", "undecided"),
    Difficult("floor on a step", np.floor, elementwise(lambda x: 0 * x), given(1, 2, 2.5, 3.5), "jump", "undecided"),
    # Cancelling, offset
    Difficult("1e8 before a sine", lambda x: 1e8 + np.sin(x), elementwise(np.cos), normal((6,)), "noise of 1e-8"),
    Difficult("variance by its expansion", lambda x: expanded_variance(x), lambda g, x: g * 2 * (x - x.mean()) / x.size,
              lambda rng: (1e3 + rng.standard_normal(8),), "a million less a million"),
    Difficult("standardize far from zero", standardize, standardize_backward,
              lambda rng: (1e5 + rng.standard_normal(6),), "a spread of 1e-5 of the mean"),
    Difficult("a sum of zero slope", lambda x: (x - x.mean()).sum(), lambda g, x: 0 * g * x, normal((6,)),
              "noise", "either"),
    # Empty, zero-dimensional, views
    Difficult("empty", np.sin, elementwise(np.cos), lambda rng: (np.zeros((0, 3)),), "nothing to check", "undecided"),
    Difficult("empty beside full", lambda x, b: x * (1 + b.sum()), lambda g, x, b: (g + 0 * x, 0 * b),
              lambda rng: (rng.standard_normal(3), np.zeros(0)), "an input without entries"),
    Difficult("zero-dimensional", np.exp, elementwise(np.exp), normal(()), "no axes"),
    Difficult("transposed view", np.square, square_backward, viewed(normal((2, 4)), np.transpose), "not in C order"),
    Difficult("read-only", np.tanh, tanh_backward, viewed(normal((5,)), read_only), "no writing"),
    Difficult("every other entry, backwards", np.sin, elementwise(np.cos), viewed(normal((4, 6)), lambda a: a[:, ::-2]),
              "negative strides"),
    # Low precision
    Difficult("dense in float32", dense, dense_backward, cast(normal((3, 4), (4, 2), (2,)), np.float32), "float32"),
    Difficult("tanh in float16", np.tanh, tanh_backward, cast(normal((6,)), np.float16), "float16"),
    # Stiff, oscillating, at edges
    Difficult("exp 40x", lambda x: np.exp(40 * x), elementwise(lambda x: 40 * np.exp(40 * x)), normal((6,)), "stiff"),
    Difficult("sin 1000x", lambda x: np.sin(1000 * x), elementwise(lambda x: 1000 * np.cos(1000 * x)), normal((6,)),
              "oscillating"),
    Difficult("narrow bump", lambda x: 1 / (NARROW + x * x), elementwise(lambda x: -2 * x / (NARROW + x * x) ** 2),
              normal((6,), scale=0.01), "narrower than its distance"),
    Difficult("log near 0", np.log, elementwise(lambda x: 1 / x), decades(-12, 0), "an edge of the domain"),
    Difficult("log at 0", np.log, elementwise(lambda x: 1 / x), given(0, 1, 2), "not finite", "undecided"),
    # The last third.
    Difficult("logistic loss far out", lambda z: -np.log(sigmoid(z)), elementwise(lambda z: -sigmoid(-z)), far(5, 30),
              "log of 1 - 1e-13"),
    Difficult("log1p of a small power", lambda z: np.log1p(np.exp(-z)), elementwise(lambda z: -sigmoid(-z)),
              far(10, 200), "1e-87 beside 200"),
    Difficult("steep tanh", lambda x: np.tanh(300 * x), elementwise(lambda x: 300 * (1 - np.tanh(300 * x) ** 2)),
              normal((6,), scale=0.01), "stiff, and saturated"),
    Difficult("sin 1/x", lambda x: np.sin(1 / x), elementwise(lambda x: -np.cos(1 / x) / x**2), far(0.02, 0.5),
              "oscillating faster and faster"),
    Difficult("arccos near 1", np.arccos, elementwise(lambda x: -1 / np.sqrt((1 - x) * (1 + x))),
              decades(-9, -1, base=1.0, sign=-1.0), "an edge of the domain"),
    Difficult("sqrt near 0", np.sqrt, elementwise(lambda x: 0.5 / np.sqrt(x)), decades(-12, 0),
              "an edge of the domain"),
    Difficult("arctanh near 1", np.arctanh, elementwise(lambda x: 1 / ((1 - x) * (1 + x))),
              decades(-6, -1, base=1.0, sign=-1.0), "an edge of the domain"),
    Difficult("entropy", lambda p: -(p * np.log(p)).sum(), lambda g, p: -g * (np.log(p) + 1), decades(-6, 0),
              "an edge of the domain"),
    Difficult("relu of a sample of zeros", lambda x, w: relu(x @ w),
              lambda g, x, w: (g * (x @ w > 0) @ w.T, x.T @ (g * (x @ w > 0))),
              lambda rng: (np.vstack([np.zeros(3), rng.standard_normal(3)]), rng.standard_normal((3, 2))),
              "a whole row at the kink"),
    Difficult("hinge at the margin", lambda s: np.maximum(0, 1 - s).mean(), lambda g, s: -g * (s < 1) / s.size,
              given(1, 1, 0.5, 2, -1), "kinks in a sum"),
    Difficult("maximum of equals", np.maximum, lambda g, a, b: (g * (a >= b), g * (a < b)),
              lambda rng: (np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 3.0])), "ties between two inputs"),
    Difficult("length at zero", lambda x: np.sqrt((x * x).sum()), lambda g, x: g * x / (np.sqrt((x * x).sum()) or 1),
              lambda rng: (np.zeros(3),),
              "the tip of a cone"),
    Difficult("cancelling sum of 1000", lambda x: (x[:, None] + TERMS).sum(axis=1) - TERMS.sum(),
              lambda g, x: 1000 * g + 0 * x, normal((4,)), "terms of 1e6"),
    Difficult("1e8 put on and taken off", lambda x: (1e8 + x * x) - 1e8, square_backward, normal((6,)),
              "noise of 1e-8, hidden"),
    Difficult("argument of 1e6", lambda x: np.sin(x - 1e6), elementwise(lambda x: np.cos(x - 1e6)),
              lambda rng: (1e6 + rng.standard_normal(6),), "a spread of 1e-6 of the mean"),
    Difficult("subnormal values", lambda x: 1e-310 * np.sin(x), elementwise(lambda x: 1e-310 * np.cos(x)),
              normal((5,)), "fewer digits"),
    Difficult("through float32", lambda x: np.sin(x.astype(np.float32)).astype(np.float64), elementwise(np.cos),
              normal((6,)), "noise", "either"),
    Difficult("softmax in float16", softmax, softmax_backward, cast(normal((2, 4)), np.float16), "float16"),
    Difficult("product of 1e6 in float32", np.matmul, lambda g, x, w: (g @ w.T, x.T @ g),
              cast(normal((2, 3), (3, 2), scale=1e6), np.float32), "float32, scaled"),
    Difficult("float32 with float64", lambda x, w: x @ w,
              lambda g, x, w: ((g @ w.T).astype(x.dtype), (x.T @ g).astype(w.dtype)),
              lambda rng: (rng.standard_normal((2, 3)).astype(np.float32), rng.standard_normal((3, 2))), "two dtypes"),
    Difficult("zero-dimensional float32", np.exp, elementwise(np.exp), cast(normal(()), np.float32), "no axes"),
    Difficult("one number broadcast", np.square, square_backward,
              viewed(normal((1, 3)), lambda a: np.broadcast_to(a, (2, 3))), "strides of zero, read-only"),
    Difficult("constant", lambda x: np.full(2, 3.0), lambda g, x: 0 * x, normal((3,)), "nothing moves"),
    Difficult("determinant", np.linalg.det, lambda g, a: g * np.linalg.det(a) * np.linalg.inv(a).T, normal((3, 3)),
              "no other precision"),
    Difficult("power spectrum", lambda x: np.abs(np.fft.rfft(x)) ** 2,
              lambda g, x: 2 * np.real(np.fft.fft(np.fft.rfft(x).conj() * g, x.size)), normal((6,)), "complex inside"),
]  # fmt: skip
