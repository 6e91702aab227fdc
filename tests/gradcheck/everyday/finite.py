"""What is not finite is no evidence: backward beyond the edge of the domain, a step away from where it is asked."""

import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, WRONG, Everyday, normal


def power(exponent):
    return lambda x: x**exponent


def power_backward(exponent, factor=1.0):
    return lambda g, x: g * (factor * exponent) * x ** (exponent - 1)


def x_log_x(x):
    return np.where(x > 0, x * np.log(np.where(x > 0, x, 1)), 0)


def square_log(x):
    return x * x_log_x(x)


def square_log_backward(g, x):
    return g * (2 * x_log_x(x) + x)


def norms(x):
    return np.sqrt((x * x).sum(axis=1))


def norms_backward(g, x):
    n = norms(x)
    return (g / np.where(n > 0, n, 1))[:, None] * x


def power_of_both(x, a):
    return x**a


def power_of_both_backward(g, x, a):
    return g * a * x ** (a - 1), g * x**a * np.log(np.where(x > 0, x, 1))


# 1 - 2^-53 and 1 - 2^-24, the neighbours of 1.
BELOW, BELOW_SINGLE = np.nextafter(1.0, 0.0), np.nextafter(np.float32(1), np.float32(0))
EDGE, SINGLE = np.array([0.0, 0.5, 2.0]), np.array([0, 0.5, 2], np.float32)
ROWS = np.array([[0.0, 0, 0], [3, -4, 0.5], [-1, 0.25, 2]])
CASES = [
    Everyday("x^1.5 as x sqrt(x)", lambda x: x * np.sqrt(x), lambda g, x: g * 1.5 * np.sqrt(x), (EDGE,), NOT_WRONG),
    Everyday("x^1.5 as x sqrt(x), float32", lambda x: x * np.sqrt(x), lambda g, x: g * 1.5 * np.sqrt(x), (SINGLE,),
             NOT_WRONG),
    Everyday("x^1.5, slope 1.4 sqrt(x)", power(1.5), lambda g, x: g * 1.4 * np.sqrt(x), (EDGE,), WRONG),
    Everyday("x^2.5", power(2.5), power_backward(2.5), (EDGE,), NOT_WRONG),
    Everyday("x^2.5, a factor 0.96, float32", power(2.5), power_backward(2.5, 0.96), (SINGLE,), WRONG),
    Everyday("x^3.5", power(3.5), power_backward(3.5), (np.array([[0.0, 1.5], [0.0, 4.0]]),)),
    Everyday("x^3.5, float16", power(3.5), power_backward(3.5), (np.array([0, 0.5, 1.5], np.float16),), NOT_WRONG),
    Everyday("x^3.5, a factor 1.001", power(3.5), power_backward(3.5, 1.001), (np.array([[0.0, 1.5], [0.0, 4.0]]),),
             WRONG),
    Everyday("power of base and exponent", power_of_both, power_of_both_backward,
             (EDGE, np.array([2.5, 1.5, 0.5])), NOT_WRONG),
    Everyday("power of base and exponent, float32", power_of_both, power_of_both_backward,
             (SINGLE, np.array([2.5, 1.5, 0.5], np.float32)), NOT_WRONG),
    Everyday("root, infinite at 0", np.sqrt, lambda g, x: g / (2 * np.sqrt(x)), (EDGE,), NOT_WRONG),
    Everyday("root, infinite at 0, the 2 forgotten", np.sqrt, lambda g, x: g / np.sqrt(x), (EDGE,), WRONG),
    Everyday("root plus 1e-3, float32", lambda x: np.sqrt(x + np.float32(1e-3)),
             lambda g, x: g / (2 * np.sqrt(x + np.float32(1e-3))), (SINGLE,)),
    Everyday("x log x, infinite at 0", x_log_x, lambda g, x: g * (np.log(x) + 1), (EDGE,), NOT_WRONG),
    Everyday("x log x, 0 for infinity", x_log_x, lambda g, x: g * np.where(x > 0, np.log(np.where(x > 0, x, 1)) + 1, 0),
             (EDGE,), NOT_WRONG),
    Everyday("x log x, the 1 forgotten", x_log_x, lambda g, x: g * np.log(x), (EDGE,), WRONG),
    Everyday("x^2 log x", square_log, square_log_backward, (EDGE,), NOT_WRONG),
    Everyday("x^2 log x, float32", square_log, square_log_backward, (SINGLE,), NOT_WRONG),
    Everyday("x^2 log x, a term forgotten", square_log, lambda g, x: g * 2 * x_log_x(x), (EDGE,), WRONG),
    Everyday("arccos beside 1", np.arccos, lambda g, x: -g / np.sqrt((1 - x) * (1 + x)),
             (np.array([BELOW, 0.3, -0.8]),), NOT_WRONG),
    Everyday("arccos beside 1, float32", np.arccos, lambda g, x: -g / np.sqrt((1 - x) * (1 + x)),
             (np.array([BELOW_SINGLE, 0.3, -0.8], np.float32),), NOT_WRONG),
    Everyday("arccos beside 1, its sign forgotten", np.arccos, lambda g, x: g / np.sqrt((1 - x) * (1 + x)),
             (np.array([BELOW, 0.3, -0.8]),), WRONG),
    Everyday("log1p beside -1", np.log1p, lambda g, x: g / (1 + x), (np.array([-BELOW, -0.5, 3]),), NOT_WRONG),
    Everyday("log1p beside -1, times 1 + x, float32", lambda x: (1 + x) * np.log1p(x),
             lambda g, x: g * (1 + np.log1p(x)), (np.array([-BELOW_SINGLE, -0.5, 3], np.float32),), NOT_WRONG),
    Everyday("(1 + x)^1.5 at -1", lambda x: (1 + x) ** 1.5, lambda g, x: g * 1.5 * np.sqrt(1 + x),
             (np.array([-1.0, 0.2, 3]),), NOT_WRONG),
    Everyday("norm of a row of zeros", norms, norms_backward, (ROWS,), NOT_WRONG),
    Everyday("norm of a row of zeros, float32", norms, norms_backward, (ROWS.astype(np.float32),), NOT_WRONG),
    Everyday("norm of a row of zeros, a square for the norm", norms,
             lambda g, x: (g / np.where(norms(x) > 0, norms(x) ** 2, 1))[:, None] * x, (ROWS,), WRONG),
    Everyday("norm of a row of zeros, 2 there", norms, lambda g, x: norms_backward(g, x) + 2 * (norms(x) == 0)[:, None],
             (ROWS,), NOT_RIGHT),
    Everyday("entropy of counts, some 0", lambda p: -x_log_x(p).sum(axis=1),
             lambda g, p: -g[:, None] * (1 + np.log(p)), (np.array([[0.0, 0.25, 0.75], [0.5, 0.2, 0.3]]),), NOT_WRONG),
    Everyday("distances, the diagonal guarded",
             lambda x: np.sqrt(((x[:, None] - x) ** 2).sum(axis=-1) + np.eye(len(x))).sum(),
             lambda g, x: 2 * g * ((x[:, None] - x) / np.sqrt(((x[:, None] - x) ** 2).sum(axis=-1)
                                                             + np.eye(len(x)))[..., None]).sum(axis=1),
             (normal(100, 4, 2),)),
]  # fmt: skip
