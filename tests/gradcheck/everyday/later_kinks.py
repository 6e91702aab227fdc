"""Written after the rules were fixed: kinks, each in a variable of its own or several in one output."""

import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, WRONG, Everyday, normal

WEIGHTS = np.array([1.5, -0.5, 2.0, -1.0])


def at(place, inner, value):
    """`inner` everywhere but at `place`, where it is `value`."""
    return lambda g, x: g * np.where(x == place, value, inner(x))


def hard_tanh(x):
    return np.clip(x, -1, 1)


def hard_sigmoid(x):
    return np.clip(x + 3, 0, 6) / 6


def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


def hard_swish_slope(x):
    return np.where(x < -3, 0, np.where(x > 3, 1, (2 * x + 3) / 6))


def selu(x):
    return 1.0507 * np.where(x > 0, x, 1.67326 * np.expm1(x))


def selu_slope(x):
    return 1.0507 * np.where(x > 0, 1, 1.67326 * np.exp(x))


def pinball(r):
    return np.maximum(0.9 * r, -0.1 * r) @ WEIGHTS


def pinball_backward(at_0):
    return lambda g, r: g * WEIGHTS * np.where(r > 0, 0.9, np.where(r < 0, -0.1, at_0))


def squared_hinge(s, y):
    return (np.maximum(0, 1 - y * s) ** 2).sum()


def triplet(a, p, n):
    return np.maximum(0, ((a - p) ** 2).sum() - ((a - n) ** 2).sum() + 1)


def triplet_backward(at_0):
    def backward(g, a, p, n):
        on = g * (at_0 if triplet(a, p, n) == 0 else 1)
        return on * 2 * (n - p), on * 2 * (p - a), on * 2 * (a - n)

    return backward


def variation(x):
    return np.abs(np.diff(x, axis=0)).sum() + np.abs(np.diff(x, axis=1)).sum()


def variation_backward(factor):
    def backward(g, x):
        grad = np.zeros_like(x)
        down, right = factor * g * np.sign(np.diff(x, axis=0)), factor * g * np.sign(np.diff(x, axis=1))
        grad[1:] += down
        grad[:-1] -= down
        grad[:, 1:] += right
        grad[:, :-1] -= right
        return grad

    return backward


def group_lasso(w):
    return np.sqrt((w * w).sum(axis=1)).sum()


def group_lasso_backward(at_0):
    def backward(g, w):
        size = np.sqrt((w * w).sum(axis=1, keepdims=True))
        return g * np.where(size == 0, at_0, w / np.where(size == 0, 1, size))

    return backward


def larger_backward(share):
    return lambda g, a, b: (g * np.where(a == b, share, a > b), g * np.where(a == b, share, b > a))


KNOTS = np.array([-1.0, 0.0, 1.0, 2.0])


def spline(degree):
    return lambda x: x + (np.maximum(x[:, None] - KNOTS, 0) ** degree) @ WEIGHTS


def spline_backward(degree, factor):
    return lambda g, x: g * (1 + factor * (np.maximum(x[:, None] - KNOTS, 0) ** (degree - 1)) @ WEIGHTS)


def largest_size(x):
    return np.abs(x).max()


def largest_size_backward(g, x):
    grad, place = np.zeros_like(x), np.abs(x).argmax()
    grad[place] = g * np.sign(x[place])
    return grad


CORNERS, FAR = np.array([-1, 0.3, 1, 2.0]), np.array([-3, -1.0, 3, 4])
RESIDUALS = np.array([0, 0, 0.7, -0.4])
TRIPLET = (np.zeros(2), np.array([1.0, 0]), np.array([1.0, 1]))
IMAGE = np.array([[0, 0, 1.0], [2, 0, 1], [2, 3, 3]])
GROUPS = np.concatenate([np.zeros((1, 3)), normal(561, 2, 3)])
TIED = (np.array([1.0, -2, 0.5, 0]), np.array([1.0, 1, 0.5, -1]))
MARGINS, SIDES = np.array([1, -1, 0.2, 3.0]), np.array([1, -1, 1, 1])
CASES = [
    Everyday("hard tanh at its corners", hard_tanh, lambda g, x: g * (np.abs(x) < 1), (CORNERS,)),
    Everyday(
        "hard tanh at its corners, float32", hard_tanh, lambda g, x: g * (np.abs(x) <= 1), (CORNERS.astype(np.float32),)
    ),
    Everyday(
        "hard tanh at its corners, slope 2 there", hard_tanh, at(1, lambda x: np.abs(x) < 1, 2), (CORNERS,), WRONG
    ),
    Everyday("hard sigmoid at its corners", hard_sigmoid, lambda g, x: g * (np.abs(x) < 3) / 6, (FAR,)),
    Everyday(
        "hard sigmoid at its corners, half there",
        hard_sigmoid,
        lambda g, x: g * np.where(np.abs(x) == 3, 1 / 12, (np.abs(x) < 3) / 6),
        (FAR,),
    ),
    Everyday(
        "hard sigmoid at its corners, falling there",
        hard_sigmoid,
        at(-3, lambda x: (np.abs(x) < 3) / 6, -1 / 6),
        (FAR,),
        WRONG,
    ),
    Everyday("hard swish at its corners", hard_swish, lambda g, x: g * hard_swish_slope(x), (FAR,)),
    Everyday("hard swish at its corners, rising at -3", hard_swish, at(-3, hard_swish_slope, 0.5), (FAR,), WRONG),
    Everyday("selu at 0", selu, lambda g, x: g * selu_slope(x), (RESIDUALS,)),
    Everyday("selu at 0, flat there", selu, at(0, selu_slope, 0), (RESIDUALS,), WRONG),
    Everyday("quantile loss, some residuals 0", pinball, pinball_backward(0.4), (RESIDUALS,)),
    Everyday("quantile loss, slope 1.5 at 0", pinball, pinball_backward(1.5), (RESIDUALS,), WRONG),
    Everyday(
        "squared hinge at the margin",
        squared_hinge,
        lambda g, s, y: (-2 * g * y * np.maximum(0, 1 - y * s), None),
        (MARGINS, SIDES),
    ),
    Everyday(
        "squared hinge at the margin, the 2 forgotten",
        squared_hinge,
        lambda g, s, y: (-g * y * np.maximum(0, 1 - y * s), None),
        (MARGINS, SIDES),
        WRONG,
    ),
    Everyday("a triplet on the margin", triplet, triplet_backward(0), TRIPLET, NOT_WRONG),
    Everyday("a triplet on the margin, pushed away", triplet, triplet_backward(-1), TRIPLET, NOT_RIGHT),
    Everyday("variation of an image with equal pixels", variation, variation_backward(1), (IMAGE,), NOT_WRONG),
    Everyday("variation of an image, a factor 3", variation, variation_backward(3), (IMAGE,), NOT_RIGHT),
    Everyday("group lasso, a group of zeros", group_lasso, group_lasso_backward(0), (GROUPS,), NOT_WRONG),
    Everyday("group lasso, 2 for zeros", group_lasso, group_lasso_backward(2), (GROUPS,), NOT_RIGHT),
    Everyday("the larger of two, ties shared", np.maximum, larger_backward(0.5), TIED),
    Everyday("the larger of two, ties pushed apart", np.maximum, larger_backward(-1), TIED, NOT_RIGHT),
    Everyday("quadratic spline at its knots", spline(2), spline_backward(2, 2), (np.array([-1, 0, 0.5, 2]),)),
    Everyday("cubic spline at its knots", spline(3), spline_backward(3, 3), (np.array([-1, 0, 0.5, 2]),)),
    Everyday(
        "cubic spline at its knots, a factor 2", spline(3), spline_backward(3, 2), (np.array([-1, 0, 0.5, 2]),), WRONG
    ),
    Everyday("largest size of both signs", largest_size, largest_size_backward, (np.array([2, -2, 1.0]),), NOT_WRONG),
    Everyday(
        "largest size of both signs, its sign forgotten",
        largest_size,
        lambda g, x: np.abs(largest_size_backward(g, x)),
        (np.array([-2, 2, 1.0]),),
        NOT_RIGHT,
    ),
]
