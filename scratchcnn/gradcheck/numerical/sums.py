"""A forward pass of many outputs, as that of a few sums of them: what is smooth can be looked at in sums."""

import numpy as np

from scratchcnn.gradcheck.numerical.noise import least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction


def in_sums(contraction: Contraction, count: int) -> Contraction:
    """The same number, contracted from `count` sums: neighbouring outputs, times their cotangents, are added.

    What an output changes by is added, and not the output, so that little is rounded. A kink of one output is one of
    its sum, unless another output has its exact opposite.

    Parameters
    ----------
    contraction
        That of a probe on one input, all of whose outputs are finite.
    count
        How many sums, at most as many as there are outputs.
    """
    probe, weights = contraction.probe, contraction.cotangent
    starts = np.linspace(0, probe.outputs, count, endpoint=False).astype(np.intp)
    summed = probe.followed_by(lambda y: np.add.reduceat(weights * (y - probe.y0), starts))
    noise = np.add.reduceat(np.abs(weights) * (contraction.noise + least_noise(probe)), starts)
    return Contraction(summed, np.ones(count), noise)
