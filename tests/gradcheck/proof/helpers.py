"""Another module of a caller's, that `callers` imports."""

import numpy as np

WEIGHTS = np.array([0.1, 0.2, 0.3])
SEEN = []


def scaled(x):
    SEEN.append(x)
    return x * WEIGHTS.sum() * sines.factor


def doubled(x):
    out = np.zeros(x.shape)
    out += 2 * x
    return out


def sines(x, n=3):
    return x if n == 0 else sines(np.sin(x), n - 1)


sines.factor = 2.0
