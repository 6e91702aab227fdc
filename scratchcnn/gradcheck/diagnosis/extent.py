"""Where a claim was seen to hold, in words: at which entries, and at how many points."""

from collections.abc import Sequence

import numpy as np

from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene


def proof_of(claim: Claim, scenes: Sequence[Scene], index: int) -> str:
    """Where a claim was seen to hold."""
    return ("in float64, " if scenes[0].wide else "") + _extent(claim, scenes, index)


def _extent(claim: Claim, scenes: Sequence[Scene], index: int) -> str:
    size = scenes[0].inputs[index].size
    moved = int(np.count_nonzero(scenes[0].direction(index)))
    through = f"all {size}" if moved == size else f"{moved} of {size}"
    again = ", and at a second point" if len(scenes) > 1 else ", at no second point"
    if claim.along:
        return f"along a random direction through {through} entries{again}"
    try:
        known = int(np.isfinite(scenes[0].truth(index).error).sum())
    except TooDear:
        return f"along a random direction through {through} entries{again}"
    return f"at {known} of {size} entries{again}"
