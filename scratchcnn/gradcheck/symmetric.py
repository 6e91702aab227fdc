"""Symmetric matrices of which forward reads one triangle alone, as `cholesky` and `eigvalsh` do.

Then the other triangle is whatever the author says it is: some return the gradient of the triangle that is read, some
half of it in each triangle. Both are right for symmetric changes, and only these make sense for such a matrix. So
forward gets (a + aᵀ) / 2 in place of a, whose gradient is (g + gᵀ) / 2 in place of g.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.effort import Timed
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.wrapping import wrapped


def for_symmetric_changes(case: Case) -> Case:
    """The case with symmetric matrices of which forward reads one triangle changed in both."""
    found = tuple(k for k in case.wrt if case.structures.get(k) != "any" and _reads_one_triangle(case, k))
    if not found:
        return case
    forward = wrapped(case.forward, partial(_forward, found))
    backward = wrapped(case.backward, partial(_backward, case, found))
    return replace(case, forward=Timed(forward), backward=Timed(backward), symmetric=found)


def symmetric_part(a: Any) -> Any:
    """(a + aᵀ) / 2 of the last two axes; what is symmetric stays as it is to the last bit."""
    return a / 2 + a.swapaxes(-1, -2) / 2


def _reads_one_triangle(case: Case, index: int) -> bool:
    """Whether an input is symmetric, and forward depends on one of its triangles alone.

    Of a diagonal or a constant array nobody knows whether it is meant to be symmetric, unless the caller says so.
    """
    a = case.inputs[index]
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or not (a == a.swapaxes(-1, -2)).all():
        return False
    lower = np.tri(a.shape[-2], k=-1, dtype=bool)
    if index not in case.structures and (not a[..., lower].any() or np.ptp(a) == 0):
        return False
    moved = float(np.sqrt(np.finfo(a.dtype).eps))
    others = (np.where(triangle, (1 + moved) * a + moved, a) for triangle in (lower, lower.T))
    try:
        with quiet():
            outputs = [case.forward(*_with(case.copies(), index, other)) for other in others]
    except Exception:  # what a caller's function raises has no end
        return False
    return sorted(np.array_equal(output, case.output) for output in outputs) == [False, True]


def _with(inputs: Sequence[Array], index: int, other: Array) -> list[Array]:
    return [other if k == index else a for k, a in enumerate(inputs)]


def _forward(symmetric: Sequence[int], function: Callable[..., Any], inputs: Sequence[Any]) -> Any:
    return function(*(symmetric_part(a) if k in symmetric else a for k, a in enumerate(inputs)))


def _backward(case: Case, symmetric: Sequence[int], function: Callable[..., Any], given: Sequence[Any]) -> Any:
    cotangent, *inputs = given
    gradients = case.in_order(_forward(symmetric, partial(function, cotangent), inputs))
    if len(gradients) != len(inputs):
        return gradients  # that is a breach of its own
    return [_part_of(g, case.inputs[k]) if k in symmetric else g for k, g in enumerate(gradients)]


def _part_of(gradient: Any, a: Array) -> Any:
    """The symmetric part of a gradient of an input's shape; anything else stays, and is a breach of its own."""
    return symmetric_part(gradient) if getattr(gradient, "shape", None) == a.shape else gradient
