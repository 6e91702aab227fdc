"""Right but difficult: functions whose right gradients fixed tolerances accuse, or that nobody can decide.

The last third of the table, but for what it ends with, was written when the harness's thresholds were fixed, without a
look at its answers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from scratchcnn import dense, dense_backward, sigmoid, standardize, standardize_backward
from tests.gradcheck.draws import Draw, cast, decades, far, given, normal, read_only, viewed, with_ties, with_zeros
from tests.gradcheck.operations import (
    leaky_relu,
    leaky_relu_backward,
    max_pool,
    max_pool_backward,
    relu,
    relu_backward,
    softmax,
    softmax_backward,
    tanh_backward,
)


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


def elementwise(derivative: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda g, x: (g * derivative(x)).astype(x.dtype)


def article_sigmoid_backward(g, z):
    o = sigmoid(z)
    return g * o * (1 - o)


def square_backward(g, x):
    return 2 * g * x


def softplus_slope(x):
    return sigmoid(x)


def expanded_variance(x):
    return (x * x).mean() - x.mean() ** 2


def mixed_kinks(x):
    return relu(x) @ np.array([[1.0], [-1.0]])


def barrier_backward(g, x, a, b):
    slope = g / (b - a @ x)
    return slope @ a, np.outer(slope, x), -slope


def inside_walls(rng):
    """A point between half spaces a x < b, and some of their borders close by."""
    x, a = rng.standard_normal(4), rng.standard_normal((6, 4))
    return x, a, a @ x + 10.0 ** rng.uniform(-4, 0, 6)


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
              lambda rng: (np.zeros((1, 2)),), "two kinks, each in a variable of its own"),
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
    # What once was accused, or left undecided.
    Difficult("kink beside a larger number", lambda b, x: 100 * b + np.abs(x),
              lambda g, b, x: (100 * g, g * np.where(x >= 0, 1, -1)),
              lambda rng: (rng.standard_normal(8), *with_zeros(rng)), "a kink that noise hides at small steps"),
    Difficult("hidden below a larger exponent", np.logaddexp,
              lambda g, b, x: (g * sigmoid(b - x), g * sigmoid(x - b)),
              lambda rng: (np.array([10.0, 60.0, 80.0]), rng.standard_normal(3)), "a slope that moves nothing"),
    Difficult("softmax of hundreds", softmax, softmax_backward, normal((6, 4), scale=100), "every row has its winner"),
    Difficult("phase of 1e6 in float32", lambda x, w: np.sin(x * w),
              lambda g, x, w: (g * w * np.cos(x * w), g * x * np.cos(x * w)),
              cast(normal((1,), (1,), scale=1e3), np.float32), "roundings of two inputs that cancel"),
    Difficult("barrier close to its walls", lambda x, a, b: -np.log(b - a @ x).sum(), barrier_backward, inside_walls,
              "an edge of the domain that another input moves"),
]  # fmt: skip
