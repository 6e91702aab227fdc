"""A check in a copy of the caller's code that computes in float64 where the code itself rounds to fewer digits.

The mistake is the same in both, and its gradient is known to more digits in the copy.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.answers import gradients_at
from scratchcnn.gradcheck.diagnosis.floats import Floats
from scratchcnn.gradcheck.effort import Timed
from scratchcnn.gradcheck.setting import Setting

# As a share of the largest entry: what roundings may change at most. It is half of the digits of float16.
ROUNDINGS = 2.0**-5


@dataclass(frozen=True)
class Wide:
    """The check with such a copy; and what roundings change in each gradient, as a share of its largest entry."""

    setting: Setting
    roundings: tuple[float, ...]


def widened(setting: Setting) -> Wide | None:
    """The check with such a copy; None where there is none, or where it answers as the code itself does."""
    case = setting.case
    if case.kernel is not None:  # it answers in a small format, which is none of NumPy's
        return None
    world = Floats(wide=True)
    forward, backward = case.unmeasured
    world.at_home(forward).at_home(backward)
    try:
        copied = [Timed(world.translated(function)) for function in (forward, backward)]
        for function in copied:
            function.calls = 1  # the first call of a function is the one that Hypothesis sees
        copy = replace(case, forward=copied[0], backward=copied[1])
        own, wide = (
            [each.forward(*each.copies(np.float64)), *gradients_at(each, setting.first, np.float64)[0]]
            for each in (case, copy)
        )
    except Exception:  # it cannot be copied, or does not run in float64
        return None
    if len(own) != len(wide):
        return None
    shares = tuple(map(_change, own, wide))
    if not 0 < max(shares) <= ROUNDINGS:
        return None
    return Wide(replace(setting, case=copy), shares[1:])


def _change(own: Any, wide: Any) -> float:
    """How far two arrays are apart, as a share of the largest entry; infinite where they are no answer to the same."""
    if own is None or wide is None:
        return 0.0 if own is wide else np.inf
    own, wide = np.asarray(own, np.complex128), np.asarray(wide, np.complex128)  # also of truth values
    if np.shape(own) != np.shape(wide) or not np.array_equal(np.isnan(own), np.isnan(wide)):
        return np.inf
    with np.errstate(all="ignore"):
        distance, size = np.nanmax(np.abs(own - wide), initial=0.0), np.nanmax(np.abs(wide), initial=0.0)
    return 0.0 if distance == 0 else float(distance / size) if size else np.inf
