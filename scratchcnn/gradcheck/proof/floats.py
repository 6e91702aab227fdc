"""Whether floats give what balls give: outputs, and gradients within their own roundoff."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.input_judge import InputJudge
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.proof.outcome import Proof, Proven

# In roundoffs: how far results in floats may be from those in balls.
BALL_ROUNDOFFS = 64.0
# A ratio: how many times its measured noise an output in floats may be from that in balls.
BALL_NOISES = 4.0


def is_on_the_same_path(judge: InputJudge, proof: Proof) -> bool:
    """Whether forward gives in floats what it gives in balls."""
    if proof.outputs is None or proof.outputs.size != judge.probe.outputs:
        return False
    # The noise that one input shows may be less than the roundoff of sums over the others.
    if is_as_in_balls(judge, proof):
        return True
    return bool((np.abs(judge.probe.y0 - proof.outputs) <= BALL_NOISES * judge.noise).all())


def is_as_in_balls(judge: InputJudge, proof: Proof) -> bool:
    """Whether forward's output is that in balls to its last digits. Where it rounds to a format, balls do not."""
    y = judge.probe.y0
    return bool((np.abs(y - proof.outputs) <= BALL_ROUNDOFFS * judge.eps * np.abs(y).max(initial=0)).all())


def own_roundoff(judge: InputJudge, gradient: Array, proven: Proven) -> Array:
    """(entries,) how far backward in floats may be from backward in balls, by its own roundoff."""
    eps = max(EPS, float(np.finfo(judge.precision).eps))
    allowed: Array = BALL_ROUNDOFFS * eps * np.abs(proven.value) + proven.bound
    far = np.flatnonzero(~(np.abs(gradient - proven.value) <= allowed))
    if far.size:
        smooth, unlimited = np.full(far.size, "ok", object), np.full(far.size, np.inf)
        allowed[far] += judge.analytic.own_error(judge.index, far, smooth, unlimited)
    return allowed
