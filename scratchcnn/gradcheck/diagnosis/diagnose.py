"""From a wrong gradient to the mistake: claims from the specific to the general, each proved at two points."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from scratchcnn.gradcheck.diagnosis.arrangements import arranged, displaced, not_transposed, swapped
from scratchcnn.gradcheck.diagnosis.claim import Claim, Family
from scratchcnn.gradcheck.diagnosis.cotangents import of_another_cotangent
from scratchcnn.gradcheck.diagnosis.factors import cropped_cotangent, missing_factor
from scratchcnn.gradcheck.diagnosis.forms import misshapen
from scratchcnn.gradcheck.diagnosis.operands import as_of_stride_one, at_another_operand, with_another_option
from scratchcnn.gradcheck.diagnosis.places import wrong_entries, wrong_places
from scratchcnn.gradcheck.diagnosis.precision import rounded
from scratchcnn.gradcheck.diagnosis.scales import scaled
from scratchcnn.gradcheck.diagnosis.scene import Scene, TooDear
from scratchcnn.gradcheck.diagnosis.sums import overwritten, summed
from scratchcnn.gradcheck.diagnosis.terms import missing_term

# From the specific to the general: the first that hold are said.
REPAIRS: tuple[Family, ...] = (
    misshapen,
    rounded,
    scaled,
    arranged,
    cropped_cotangent,
    displaced,
    swapped,
    with_another_option,
    as_of_stride_one,
    overwritten,
    summed,
    missing_factor,
    at_another_operand,
    not_transposed,
    of_another_cotangent,
    missing_term,
)
KINK = Claim(
    "kink",
    "the true one but at entries that sit on a kink: there it is outside the interval of the one-sided derivatives",
    lambda scene: True,
)
PLACES: tuple[Family, ...] = (wrong_places,)
# Claims that are said of one input at most.
MOST = 3


def proved(scenes: Sequence[Scene], index: int) -> list[Claim]:
    """The claims about a wrong gradient that hold at every point; where no repair does, what places are wrong."""
    if scenes[0].gradients[index] is None:
        return []
    if scenes[0].analytic(index).shape == scenes[0].inputs[index].shape:
        with suppress(TooDear):
            bad, known = wrong_entries(scenes[0], index)
            if not bad.any():
                return [] if known.all() else [KINK]
    return _holding(REPAIRS, scenes, index) or _holding(PLACES, scenes, index)


def _holding(families: Sequence[Family], scenes: Sequence[Scene], index: int) -> list[Claim]:
    found: list[Claim] = []
    for family in families:
        with suppress(TooDear), np.errstate(all="ignore"):
            for claim in family(scenes[0], index):
                if any(claim.kind == other.kind for other in found):
                    continue
                if _holds(claim, scenes):
                    found.append(claim)
                    if len(found) == MOST:
                        return found
    return found


def _holds(claim: Claim, scenes: Sequence[Scene]) -> bool:
    return all(claim.holds(scene) for scene in scenes)
