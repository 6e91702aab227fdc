"""What backward answers at a point."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.contract import copied
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.points import Point

# How many times fewer roundoffs count in a small format: with as many, no number would be another.
FEWER = 16.0


def gradients_at(case: Case, point: Point, dtype: DTypeLike | None) -> tuple[list[Any], float]:
    """What backward answers at a point, in a dtype or the caller's own, and the eps of that answer."""
    inputs = [a.astype(dtype) if dtype is not None and a.dtype.kind == "f" else a.copy() for a in point.inputs]
    cotangent = point.cotangent.astype(dtype or point.cotangent.dtype)
    case.forward(*(a.copy() for a in inputs))  # a layer may keep what its backward needs
    gradients = [copied(g) for g in case.gradients(cotangent, inputs)]
    if dtype is not None:
        return gradients, EPS
    if case.format is not None:
        return gradients, case.format.eps / FEWER
    dtypes = [np.asarray(g).dtype for g in gradients if g is not None]
    return gradients, max([EPS, *(float(np.finfo(d).eps) for d in dtypes if d.kind == "f")])
