"""Large noise, and a backward that jumps, are a reason for undecided, never for right."""

import zlib

import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, RIGHT, WRONG, Everyday, normal, sigmoid, softmax

WAIVED = {"allow": ("nondeterministic",)}


# A backward that jumps where its input moves by an ulp: which entry it forgets hangs on how many there are.
def forgetful(backward):
    """Forgets the middle one of the entries that are not 0."""

    def forgets(*arguments):
        gradient = backward(*arguments).copy()
        nonzero = np.flatnonzero(gradient)
        gradient.reshape(-1)[nonzero[len(nonzero) // 2]] = 0
        return gradient

    return forgets


def largest_only(g, x):
    """Gradient of a sum of squares, but for its largest entry: equal ones are told apart by their last bit."""
    gradient = 2 * g * x
    gradient[np.abs(gradient).argmax()] = 0
    return gradient


def steep_backward(g, x):
    """The slope of a step a million times steeper, where x is an integer to the last bit."""
    return g * np.where(x == np.round(x), 1e6, 2 * x)


AT_ZERO = np.array([0.0, 0, 0, 0.7, -1.2, 1.9, -0.4, 0.3])
SIDES = np.array([1.0, -1, -1, 1, 1, -1, 1])
SCORES = np.where(np.arange(7) < 3, SIDES, normal(150, 7))
JUMPING = [
    Everyday("relu, one entry forgotten", lambda x: np.maximum(x, 0).sum(), forgetful(lambda g, x: g * (x > 0)),
             (AT_ZERO,), NOT_RIGHT),
    Everyday("absolute values, one entry forgotten", lambda x: np.abs(x).sum(keepdims=True),
             forgetful(lambda g, x: g * np.sign(x)), (AT_ZERO,), NOT_RIGHT),
    Everyday("squared hinge, one entry forgotten", lambda s: (np.maximum(0, 1 - SIDES * s) ** 2).sum(),
             forgetful(lambda g, s: -2 * g * SIDES * np.maximum(0, 1 - SIDES * s)), (SCORES,), NOT_RIGHT),
    Everyday("clip, one entry forgotten", lambda x: np.clip(x, 0, 1), forgetful(lambda g, x: g * ((x > 0) & (x < 1))),
             (np.array([0.0, 1, 0, 0.3, 0.6, 1, 2, 0.1]),), NOT_RIGHT),
    Everyday("sum of squares, the largest of equals forgotten", lambda x: (x * x).sum(), largest_only,
             (np.array([1.5, -1.5, 1.5, 0.2]),), NOT_RIGHT),
    Everyday("squares, a million at integers", lambda x: x * x, steep_backward, (np.array([1.0, 0.3, 2.0, -1.7]),),
             NOT_RIGHT),
]  # fmt: skip


# Unstable: right on paper, nothing but roundoff here.
def versed(x):
    return 2 * (np.sin(x / 2) / x) ** 2


def versed_backward(g, x):
    return g * (x * np.sin(x) - 2 * (1 - np.cos(x))) / x**3


def mean_of_exponential(x):
    return np.expm1(x) / x


def mean_of_exponential_backward(g, x):
    return g * (x * np.exp(x) - (np.exp(x) - 1)) / x**2


def root_difference(x):
    return 1 / (np.sqrt(x + 1) + np.sqrt(x))


def root_difference_backward(g, x):
    return g * (1 / (2 * np.sqrt(x + 1)) - 1 / (2 * np.sqrt(x)))


UNSTABLE = [
    Everyday("(1 - cos x) / x^2 beside 0", versed, versed_backward, (np.array([1e-5, 2.3e-5, -1.7e-5]),), NOT_RIGHT),
    Everyday("(1 - cos x) / x^2", versed, versed_backward, (np.array([0.7, 2.3, -1.7]),)),
    Everyday("(e^x - 1) / x beside 0", mean_of_exponential, mean_of_exponential_backward,
             (np.array([1e-9, 3.1e-9, -2e-9]),), NOT_RIGHT),
    Everyday("(e^x - 1) / x", mean_of_exponential, mean_of_exponential_backward, (np.array([0.5, 1.9, -2.0]),)),
    Everyday("(e^x - 1) / x, a term forgotten", mean_of_exponential, lambda g, x: g * np.exp(x) / x,
             (np.array([0.5, 1.9, -2.0]),), WRONG),
    Everyday("a difference of roots", root_difference, root_difference_backward, (np.array([0.5, 3.0, 80.0]),)),
]  # fmt: skip


# Random, and waived.
def randomly(function, size, seed):
    rng = np.random.default_rng(seed)

    def shaken(*inputs):
        y = function(*inputs)
        return y + size * rng.normal(size=y.shape)

    return shaken


def trembling(backward, size, seed):
    rng = np.random.default_rng(seed)
    return lambda g, x: backward(g, x) * (1 + size * rng.normal(size=x.shape))


def sampled(seed):
    rng = np.random.default_rng(seed)
    return lambda g, x: g * rng.exponential(size=x.shape)


def dropout(rate, seed):
    rng = np.random.default_rng(seed)
    return lambda x: x * (rng.random(x.shape) > rate) / (1 - rate)


def dropout_backward(rate, seed):
    drawn = dropout(rate, seed)
    return lambda g, x: drawn(g)


RANDOM = [
    Everyday("a random forward, noise 1, slope 2", randomly(np.tanh, 1, 160),
             lambda g, x: 2 * g * (1 - np.tanh(x) ** 2), (normal(161, 3, 4),), NOT_RIGHT, WAIVED),
    Everyday("a random forward, noise 0.1, the slope's sign wrong", randomly(np.sin, 0.1, 162),
             lambda g, x: -g * np.cos(x), (normal(163, 8),), NOT_RIGHT, WAIVED),
    Everyday("a random forward, noise 1e-3, slope 1.01", randomly(lambda x: x**2, 1e-3, 164), lambda g, x: 2.02 * g * x,
             (normal(165, 4, 3),), NOT_RIGHT, WAIVED),
    Everyday("a random forward, noise 1e-6, slope 1.001", randomly(np.exp, 1e-6, 166),
             lambda g, x: 1.001 * g * np.exp(x), (normal(167, 6),), NOT_RIGHT, WAIVED),
    Everyday("a random forward, noise 0.01, right", randomly(np.tanh, 0.01, 168),
             lambda g, x: g * (1 - np.tanh(x) ** 2), (normal(169, 3, 4),), NOT_WRONG, WAIVED),
    Everyday("a random forward, noise 1e-14, right", randomly(np.sin, 1e-14, 170), lambda g, x: g * np.cos(x),
             (normal(171, 3, 4),), NOT_WRONG, WAIVED),
    Everyday("a random forward, not waived", randomly(np.sin, 0.1, 172), lambda g, x: g * np.cos(x), (normal(173, 5),),
             WRONG, kinds=("nondeterministic",)),
    Everyday("dropout drawn twice", dropout(0.5, 174), dropout_backward(0.5, 175), (normal(176, 4, 5),), NOT_RIGHT,
             WAIVED),
    Everyday("a random backward, 10 %", lambda x: x**2, trembling(lambda g, x: 2 * g * x, 0.1, 177),
             (normal(178, 3, 4),), NOT_RIGHT, WAIVED),
    Everyday("a random backward, 0.1 %, slope 3", lambda x: x**2, trembling(lambda g, x: 6 * g * x, 1e-3, 179),
             (normal(180, 3, 4),), NOT_RIGHT, WAIVED),
    Everyday("a backward by sampling, its mean right", lambda x: x.sum(axis=0), sampled(181), (normal(182, 3, 4),),
             NOT_RIGHT, WAIVED),
]  # fmt: skip


# Noise that hangs on the bits of x: the same at each call, and no derivative to be seen below it.
def shaken(function, size):
    def forward(*inputs):
        y = np.asarray(function(*inputs))
        seed = zlib.crc32(b"".join(a.tobytes() for a in inputs))
        return y + size * np.random.default_rng(seed).normal(size=y.shape)

    return forward


def product(x, w):
    return x @ w


def product_backward(share):
    return lambda g, x, w: (share * g @ w.T, x.T @ g)


def tanh_backward(share):
    return lambda g, x: share * g * (1 - np.tanh(x) ** 2)


FACTORS = (normal(190, 3, 4), normal(191, 4, 2))
SHAKEN = [
    *[Everyday(f"tanh, noise {size:g}, slope {slope:g} for 1", shaken(np.tanh, size), tanh_backward(slope),
               (normal(192, 3, 4),), NOT_RIGHT)
      for size, slope in [(1e-1, 30), (1e-2, 2), (1e-3, 1.01), (1e-4, 30), (1e-5, 1.01), (1e-6, 2)]],
    *[Everyday(f"product, noise {size:g}, slope {slope:g} for 1", shaken(product, size), product_backward(slope),
               FACTORS, NOT_RIGHT)
      for size, slope in [(1e-1, 2), (1e-3, 30), (1e-4, 1.01), (1e-6, 1.01)]],
    *[Everyday(f"a sum of squares, noise {size:g}, slope {slope:g} for 1", shaken(lambda x: (x * x).sum(), size),
               lambda g, x, slope=slope: 2 * slope * g * x, (normal(193, 5),), NOT_RIGHT)
      for size, slope in [(1e-2, 1.01), (1e-5, 2), (1e-1, -1)]],
    *[Everyday(f"tanh, noise {size:g}, right", shaken(np.tanh, size), tanh_backward(1), (normal(192, 3, 4),), NOT_WRONG)
      for size in (1e-1, 1e-3, 1e-6)],
    Everyday("product, noise 0.01, right", shaken(product, 1e-2), product_backward(1), FACTORS, NOT_WRONG),
    Everyday("product, noise 0.001, gradients of zeros", shaken(product, 1e-3), lambda g, x, w: (0 * x, 0 * w), FACTORS,
             NOT_RIGHT),
]  # fmt: skip


# Kernels in one low precision only.
def only(dtype, function):
    def kernel(*inputs):
        if any(a.dtype != dtype for a in inputs):
            raise TypeError(f"{dtype.__name__} only")
        return function(*inputs)

    return kernel


def kernel_case(name, dtype, function, backward, inputs, expect=RIGHT):
    """Both sides refuse any other dtype; backward gets the cotangent in the kernel's."""
    inputs = tuple(a.astype(dtype) for a in inputs)
    one = only(dtype, lambda g, *x: tuple(np.asarray(d).astype(dtype) for d in backward(g, *x)))
    return Everyday(f"{name}, in {dtype.__name__} only", only(dtype, function), one, inputs, expect)


def softmax_slope(share):
    return lambda g, z: (share * softmax(z) * (g - (g * softmax(z)).sum(axis=-1, keepdims=True)),)


def sigmoid_slope(share):
    return lambda g, x: (share * g * sigmoid(x) * (1 - sigmoid(x)),)


KERNELS = [
    kernel_case("product", np.float32, product, product_backward(1), FACTORS),
    kernel_case("product 1.001", np.float32, product, product_backward(1.001), FACTORS, WRONG),
    kernel_case("softmax", np.float32, softmax, softmax_slope(1), (normal(194, 3, 4),)),
    kernel_case("softmax 1.01", np.float32, softmax, softmax_slope(1.01), (normal(194, 3, 4),), WRONG),
    kernel_case("sigmoid", np.float32, sigmoid, sigmoid_slope(1), (normal(195, 3, 4),)),
    kernel_case("sigmoid 1.01", np.float32, sigmoid, sigmoid_slope(1.01), (normal(195, 3, 4),), WRONG),
    kernel_case("squares", np.float16, lambda x: x * x, lambda g, x: (2 * g * x,), (normal(196, 6),), NOT_WRONG),
    kernel_case("squares 2", np.float16, lambda x: x * x, lambda g, x: (4 * g * x,), (normal(196, 6),), WRONG),
    kernel_case("squares 1.05", np.float16, lambda x: x * x, lambda g, x: (2.1 * g * x,), (normal(196, 6),), NOT_RIGHT),
    kernel_case("sigmoid", np.float16, sigmoid, sigmoid_slope(1), (normal(197, 6),), NOT_WRONG),
    kernel_case("sigmoid 2", np.float16, sigmoid, sigmoid_slope(2), (normal(197, 6),), NOT_RIGHT),
]  # fmt: skip

CASES = [*JUMPING, *UNSTABLE, *RANDOM, *SHAKEN, *KERNELS]
