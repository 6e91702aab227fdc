"""What an everyday check is, and the few functions that many of them share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RIGHT, WRONG, UNDECIDED = frozenset({"right"}), frozenset({"wrong"}), frozenset({"undecided"})
NOT_WRONG, NOT_RIGHT = RIGHT | UNDECIDED, WRONG | UNDECIDED
ELSEWHERE = ("elsewhere",)


@dataclass(frozen=True)
class Everyday:
    """A gradient that people check, and the verdicts that are true of it.

    `kinds` are the violations that have to be reported. With `elsewhere` among them the gradient is right at the given
    point alone, so waiving it gives RIGHT. `reason` is a pattern that the reason has where the verdict is undecided.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: tuple[Any, ...]
    expect: frozenset[str] = RIGHT
    options: dict[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    reason: str = ""


def normal(seed, *shape, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=shape)


def uniform(seed, low, high, *shape):
    return np.random.default_rng(seed).uniform(low, high, shape)


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(z, axis=-1):
    z = z - z.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def batch_norm(x, gamma, beta):
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + beta


def batch_norm_backward(g, x, gamma, beta):
    deviation = np.sqrt(x.var(axis=0) + 1e-5)
    hat = (x - x.mean(axis=0)) / deviation
    grad_x = gamma / deviation * (g - g.mean(axis=0) - hat * (g * hat).mean(axis=0))
    return grad_x, (g * hat).sum(axis=0), g.sum(axis=0)
