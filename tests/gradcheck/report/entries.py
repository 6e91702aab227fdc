"""Reports of every kind, for a page."""

import numpy as np

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.report.entry import Entry

rng = np.random.default_rng(0)


def scaled(x, w):
    return w * np.sin(x)


def scaled_backward(g, x, w):
    return g * w * np.cos(x), (g * np.sin(x)).sum(axis=0)


def without_factor(g, x, w):
    """∂/∂x without the factor w."""
    return g * np.cos(x), (g * np.sin(x)).sum(axis=0)


def off_at_one(g, x, w):
    """∂/∂x with one wrong entry."""
    grad_x, grad_w = scaled_backward(g, x, w)
    grad_x[1, 2] += 0.25
    return grad_x, grad_w


def stairs(x):
    return np.floor(x)


def flat(g, x):
    return np.zeros_like(x)


POINT = rng.normal(size=(3, 4)), rng.normal(size=4)
RIGHT = check_gradient(scaled, scaled_backward, *POINT)
WRONG = check_gradient(scaled, without_factor, *POINT)
ONE_WRONG = check_gradient(scaled, off_at_one, *POINT)
UNDECIDED = check_gradient(stairs, flat, np.array([1.0, 2.0, 3.5]))


def narrow():
    """A report on a right entry whose error is nine tenths of its bound."""
    report = check_gradient(scaled, scaled_backward, *POINT, proof=False)
    for part in report.inputs:
        evidence = part.evidence
        evidence.numerical[0] = evidence.analytic[0] + 0.9 * evidence.bound[0]
    return report


ALL = [
    Entry("right", RIGHT),
    Entry("narrow", narrow()),
    Entry("undecided", UNDECIDED),
    Entry("wrong", WRONG, where="layers.py:12", equation="w cos(x)", note="a remark"),
    Entry("one wrong", ONE_WRONG),
]
