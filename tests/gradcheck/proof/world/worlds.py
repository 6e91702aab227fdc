"""What the tests of worlds have in common: midpoints of balls, and code as a caller would write it."""

import numpy as np

from scratchcnn.gradcheck.proof.balls.arrays import Balls
from scratchcnn.gradcheck.proof.balls.ball import Ball, constant


def middle(x):
    """The midpoints of balls as floats; of tuples and lists of arrays, one for each; other numbers as they are."""
    if isinstance(x, tuple | list):
        return type(x)(middle(i) for i in x)
    if isinstance(x, Ball):
        return float(x.value.mid())
    if isinstance(x, Balls):
        return np.array([float(constant(e).value.mid()) for e in x.reshape(-1).tolist()]).reshape(x.shape)
    return x


def same(a, b):
    """Whether numbers, arrays, or lists of such are the same up to the roundoff of floats, in shape too."""
    if isinstance(b, tuple | list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and np.allclose(a.astype(float), b.astype(float), rtol=1e-12, atol=1e-12, equal_nan=True)
