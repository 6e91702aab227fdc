"""Written after the rules were fixed: backward beyond the edge of the domain is no evidence."""

import numpy as np

from tests.gradcheck.everyday.case import NOT_RIGHT, NOT_WRONG, WRONG, Everyday, normal


def f32(*values):
    return np.array(values, np.float32)


def rms_norm(x):
    return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)


def rms_norm_backward(g, x):
    r = np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)
    return g / r - x * (g * x).mean(axis=1, keepdims=True) / r**3


def deviation(x):
    return np.sqrt(x.var(axis=1) + 1e-4)


def hellinger(p):
    return (np.sqrt(p) - np.sqrt([0.2, 0.5, 0.3])) ** 2


SILENT = np.concatenate([np.zeros((1, 4)), normal(531, 2, 4)])
CASES = [
    Everyday(
        "(1 - x^2)^1.5 at 1",
        lambda x: (1 - x * x) ** 1.5,
        lambda g, x: -3 * g * x * np.sqrt(1 - x * x),
        (np.array([1.0, 0.3, -1.0]),),
        NOT_WRONG,
    ),
    Everyday(
        "(1 - x^2)^2.5 at 1, float32",
        lambda x: (1 - x * x) ** 2.5,
        lambda g, x: -5 * g * x * (1 - x * x) ** 1.5,
        (f32(1, 0.3, -1),),
    ),
    Everyday(
        "(1 - x^2)^2.5 at 1, 5.5 for 5",
        lambda x: (1 - x * x) ** 2.5,
        lambda g, x: -5.5 * g * x * (1 - x * x) ** 1.5,
        (np.array([1.0, 0.3, -1.0]),),
        WRONG,
    ),
    Everyday("arcsin at -1", np.arcsin, lambda g, x: g / np.sqrt(1 - x * x), (np.array([-1.0, 0.2]),), NOT_WRONG),
    Everyday(
        "arcsin at -1, its root forgotten", np.arcsin, lambda g, x: g / (1 - x * x), (np.array([-1.0, 0.5]),), WRONG
    ),
    Everyday("arccosh at 1, float32", np.arccosh, lambda g, x: g / np.sqrt(x * x - 1), (f32(1, 1.5, 3),), NOT_WRONG),
    Everyday(
        "a gamma density at 0, float32",
        lambda x: x**2.5 * np.exp(-x),
        lambda g, x: g * x**1.5 * (2.5 - x) * np.exp(-x),
        (f32(0, 0.4, 3),),
    ),
    Everyday(
        "a gamma density at 0, x divided out",
        lambda x: x**2.5 * np.exp(-x),
        lambda g, x: g * x**2.5 * (2.5 / x - 1) * np.exp(-x),
        (np.array([0, 0.4, 3]),),
        NOT_RIGHT,
    ),
    Everyday(
        "a beta density at its ends",
        lambda x: x**2.5 * (1 - x) ** 3.5,
        lambda g, x: g * x**1.5 * (1 - x) ** 2.5 * (2.5 * (1 - x) - 3.5 * x),
        (np.array([0, 0.3, 1]),),
    ),
    Everyday(
        "a beta density at its ends, one sign wrong",
        lambda x: x**2.5 * (1 - x) ** 3.5,
        lambda g, x: g * x**1.5 * (1 - x) ** 2.5 * (2.5 * (1 - x) + 3.5 * x),
        (np.array([0, 0.3, 1]),),
        WRONG,
    ),
    Everyday(
        "|x|^1.5, one of them 0",
        lambda x: np.abs(x) ** 1.5,
        lambda g, x: 1.5 * g * np.sign(x) * np.sqrt(np.abs(x)),
        (np.array([-1.0, 0, 2]),),
        NOT_WRONG,
    ),
    Everyday(
        "|x|^1.5, its sign forgotten",
        lambda x: np.abs(x) ** 1.5,
        lambda g, x: 1.5 * g * np.sqrt(np.abs(x)),
        (np.array([-1.0, 0, 2]),),
        WRONG,
    ),
    Everyday(
        "Tsallis entropy of counts, float32",
        lambda x: ((x - x**2.5) / 1.5).sum(),
        lambda g, x: g * (1 - 2.5 * x**1.5) / np.float32(1.5),
        (f32(0, 0.25, 0, 0.75),),
    ),
    Everyday(
        "Hellinger distance, an empty bin",
        hellinger,
        lambda g, p: g * (1 - np.sqrt(np.array([0.2, 0.5, 0.3]) / p)),
        (np.array([0, 0.6, 0.4]),),
        NOT_WRONG,
    ),
    Everyday(
        "Hellinger distance, its 1 forgotten",
        hellinger,
        lambda g, p: -g * np.sqrt(np.array([0.2, 0.5, 0.3]) / p),
        (np.array([0, 0.6, 0.4]),),
        WRONG,
    ),
    Everyday("RMS norm of silence", rms_norm, rms_norm_backward, (SILENT,)),
    Everyday(
        "RMS norm of silence, the projection forgotten",
        rms_norm,
        lambda g, x: g / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5),
        (SILENT,),
        WRONG,
    ),
    Everyday(
        "deviation of a constant row",
        deviation,
        lambda g, x: (g / deviation(x))[:, None] * (x - x.mean(axis=1, keepdims=True)) / 4,
        (SILENT + 0.5,),
    ),
]
