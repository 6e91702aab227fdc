"""What is said of a wrong gradient, family by family."""

import inspect

import numpy as np

from scratchcnn.gradcheck.diagnosis.budget import Budget
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.effort import Timed
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.points import draw_cotangent


def at(*places):
    """A function that says at which entries of an array something is: at these places."""

    def where(x):
        some = np.zeros(x.shape, bool)
        for place in places:
            some[place] = True
        return some

    return where


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def scene_of(forward, backward, *inputs, wrt=None, cotangent=None, calls=100_000, seed=0, eps=EPS):
    """A point of a check, with what backward answers there."""
    forward = Timed(forward)
    output = np.asarray(forward(*inputs), float)
    if cotangent is None:
        cotangent = draw_cotangent(output.shape, np.dtype(float), np.random.default_rng(seed))
    gradients = backward(cotangent, *inputs)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    names = list(inspect.signature(forward.func).parameters)[: len(inputs)]
    wrt = range(len(inputs)) if wrt is None else wrt
    return Scene(forward, names, inputs, wrt, cotangent, gradients, {}, Budget(forward, calls), eps)


def held(family, scene, *others, index=0):
    """What a family says of a gradient, with the kind of the mistake; also at other points, if some are given."""
    with quiet():
        claims = [claim for claim in family(scene, index) if all(claim.holds(each) for each in (scene, *others))]
    return {claim.message: claim.kind for claim in claims}
