"""Proofs of functions at inputs, with a cotangent of mixed sign."""

import numpy as np

from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.prove import prove


def cotangent_of(forward, inputs, seed=0):
    with np.errstate(all="ignore"):
        shape = np.shape(forward(*inputs))
    rng = np.random.default_rng((seed, 1))
    return rng.uniform(0.5, 2, shape) * rng.choice([-1.0, 1.0], shape)


def proved(forward, backward, *inputs, seed=0, seconds=20.0, wrt=None, **options):
    inputs = [np.asarray(x) for x in inputs]
    wrt = [k for k, x in enumerate(inputs) if x.dtype.kind == "f"] if wrt is None else wrt
    g = cotangent_of(forward, inputs, seed)
    return prove(forward, backward, Point(inputs, g), wrt, np.random.default_rng(seed), seconds, **options)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)
