"""Written after the rules were fixed: large noise, and a backward that jumps, are a reason for undecided."""

import zlib

import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, WRONG, Everyday, normal, sigmoid, softmax

WAIVED = {"allow": ("nondeterministic",)}
rng = np.random.default_rng(551)


def layer_norm(x):
    c = x - x.mean(axis=1, keepdims=True)
    return c / np.sqrt((c * c).mean(axis=1, keepdims=True) + 1e-5)


def layer_norm_backward(g, x):
    c = x - x.mean(axis=1, keepdims=True)
    r = np.sqrt((c * c).mean(axis=1, keepdims=True) + 1e-5)
    return (g - g.mean(axis=1, keepdims=True) - c * (g * c).mean(axis=1, keepdims=True) / r**2) / r


def noisy(function, size):
    """Noise that hangs on the bits of x."""
    return lambda x: (y := function(x)) + size * np.random.default_rng(zlib.crc32(x.tobytes())).normal(size=y.shape)


def times(factor, backward):
    return lambda g, x: factor * backward(g, x)


def sums(x):
    return x.cumsum(axis=1)


def sums_backward(g, x):
    return g[:, ::-1].cumsum(axis=1)[:, ::-1]


def softplus(x):
    return np.logaddexp(0, x)


def softplus_backward(g, x):
    return g * sigmoid(x)


def random_depth(x):
    return x + (rng.random(len(x)) < 0.5)[:, None] * np.tanh(x)


def random_depth_backward(g, x):
    return g + (rng.random(len(x)) < 0.5)[:, None] * g * (1 - np.tanh(x) ** 2)


def rounded_at_random(x):
    return np.floor(x * 256 + rng.random(x.shape)) / 256


def fixed_depth(x):
    keep = np.random.default_rng(552).random(len(x)) < 0.5
    return x + 2 * keep[:, None] * np.tanh(x)


def fixed_depth_backward(scale):
    def backward(g, x):
        keep = np.random.default_rng(552).random(len(x)) < 0.5
        return g + scale * keep[:, None] * g * (1 - np.tanh(x) ** 2)

    return backward


def sample(mu, log_variance):
    return mu + np.exp(log_variance / 2) * np.random.default_rng(553).normal(size=mu.shape)


def sample_backward(share):
    return lambda g, mu, lv: (g, share * g * np.exp(lv / 2) * np.random.default_rng(553).normal(size=mu.shape))


def by_last_bit(g, x):
    return g * np.cos(x) * (1 + (np.ascontiguousarray(x).view(np.int64) & 1))


def root_by_bisection(x):
    """The y with y + y^3 = x, to 2^-20: its answer moves in steps."""
    low, high = np.full(x.shape, -4.0), np.full(x.shape, 4.0)
    for _ in range(23):
        y = (low + high) / 2
        low, high = np.where(y + y**3 < x, y, low), np.where(y + y**3 < x, high, y)
    return (low + high) / 2


def root_backward(g, x):
    return g / (1 + 3 * root_by_bisection(x) ** 2)


def third(x):
    return (x - np.sin(x)) / x**3


def third_slope(g, x):
    return g * np.where(np.abs(x) < 0.01, -x / 60, (3 * np.sin(x) - x * np.cos(x) - 2 * x) / x**4)


GRID, BATCH = normal(554, 3, 4), normal(555, 6, 3)
CASES = [
    Everyday(
        "stochastic depth, not waived",
        random_depth,
        random_depth_backward,
        (BATCH,),
        NOT_RIGHT,
        kinds=("nondeterministic",),
    ),
    Everyday(
        "stochastic depth, waived, the branch forgotten", random_depth, lambda g, x: g, (BATCH,), NOT_RIGHT, WAIVED
    ),
    Everyday(
        "stochastic depth, waived, twice as steep",
        random_depth,
        times(2, random_depth_backward),
        (BATCH,),
        NOT_RIGHT,
        WAIVED,
    ),
    Everyday("stochastic depth, one draw for all", fixed_depth, fixed_depth_backward(2), (BATCH,)),
    Everyday("stochastic depth, one draw for all, not scaled", fixed_depth, fixed_depth_backward(1), (BATCH,), WRONG),
    Everyday(
        "stochastic rounding, waived, straight through", rounded_at_random, lambda g, x: g, (GRID,), NOT_WRONG, WAIVED
    ),
    Everyday("stochastic rounding, waived, slope 3", rounded_at_random, lambda g, x: 3 * g, (GRID,), NOT_RIGHT, WAIVED),
    Everyday(
        "a Gumbel softmax, waived, its sum forgotten",
        lambda z: softmax(z + rng.gumbel(size=z.shape)),
        lambda g, z: g * softmax(z),
        (GRID,),
        NOT_RIGHT,
        WAIVED,
    ),
    Everyday("a sample of a normal, one draw for all", sample, sample_backward(0.5), (GRID, normal(556, 3, 4))),
    Everyday("a sample of a normal, the half forgotten", sample, sample_backward(1), (GRID, normal(556, 3, 4)), WRONG),
    Everyday(
        "layer norm, noise 0.01, slope 5", noisy(layer_norm, 0.01), times(5, layer_norm_backward), (GRID,), NOT_RIGHT
    ),
    Everyday("layer norm, noise 1e-6, right", noisy(layer_norm, 1e-6), layer_norm_backward, (GRID,), NOT_WRONG),
    Everyday("running sums, noise 0.1, slope 10", noisy(sums, 0.1), times(10, sums_backward), (GRID,), NOT_RIGHT),
    Everyday(
        "running sums, noise 1e-3, the wrong way round",
        noisy(sums, 1e-3),
        lambda g, x: g.cumsum(axis=1),
        (GRID,),
        NOT_RIGHT,
    ),
    Everyday("running sums, noise 1e-3, right", noisy(sums, 1e-3), sums_backward, (GRID,), NOT_WRONG),
    Everyday("softplus, noise 1e-4, 1.001", noisy(softplus, 1e-4), times(1.001, softplus_backward), (GRID,), NOT_RIGHT),
    Everyday(
        "softplus, noise 1e-9, twice as steep", noisy(softplus, 1e-9), times(2, softplus_backward), (GRID,), WRONG
    ),
    Everyday("softplus, noise 1e-9, right", noisy(softplus, 1e-9), softplus_backward, (GRID,), NOT_WRONG),
    Everyday("a slope that hangs on the last bit", np.sin, by_last_bit, (GRID,), NOT_RIGHT),
    Everyday("a root by bisection", root_by_bisection, root_backward, (GRID,), NOT_WRONG),
    Everyday("a root by bisection, twice as steep", root_by_bisection, times(2, root_backward), (GRID,), NOT_RIGHT),
    Everyday("(x - sin x) / x^3 beside 0", third, third_slope, (np.array([1e-4, 0.5, 2]),), NOT_WRONG),
    Everyday(
        "(x - sin x) / x^3 beside 0, one sign wrong", third, times(-1, third_slope), (np.array([1e-4, 0.5, 2]),), WRONG
    ),
    Everyday("log(1 + x) beside 0", lambda x: np.log(1 + x), lambda g, x: g / (1 + x), (np.array([1e-9, -1e-12, 1]),)),
]
