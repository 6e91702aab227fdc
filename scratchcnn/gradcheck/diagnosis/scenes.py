"""The points at which a claim is proved: the two of the check, and further ones that are drawn for the purpose."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.case import Case, Forward
from scratchcnn.gradcheck.diagnosis.answers import gradients_at
from scratchcnn.gradcheck.diagnosis.budget import Budget
from scratchcnn.gradcheck.diagnosis.edits.look import Code
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.slopes import Noise
from scratchcnn.gradcheck.points import Point, second_cotangent, second_point
from scratchcnn.gradcheck.setting import Setting

# Of the further points.
SEEDS = (3, 4)


@dataclass(frozen=True)
class Shared:
    """What all points of a diagnosis share: the calls that are left, the caller's code, the roundoff of forward."""

    budget: Budget
    code: Code
    noise: Noise


def scenes_of(setting: Setting, shared: Shared, wrong: frozenset[int]) -> Iterator[Scene]:
    """The point of the check and its second one, in float64 where backward takes it.

    `wrong` are the inputs whose gradients were found to be wrong at the point of the check.
    """
    second = setting.second or Point(setting.case.inputs, second_cotangent(setting.cotangent, setting.rng, given=True))
    yield from _scene(setting.case, setting.first, shared, wrong)
    yield from _further(setting.case, second, shared)


def further_scenes(setting: Setting, shared: Shared) -> Iterator[Scene]:
    """More points, where forward has a finite output there: few claims fit at all of them by accident."""
    for seed in SEEDS if setting.second is not None else ():
        rng = np.random.default_rng(seed)
        point = second_point(setting.case, second_cotangent(setting.cotangent, rng, given=True), rng)
        if point is not None:
            yield from _further(setting.case, point, shared)


def _further(case: Case, point: Point, shared: Shared) -> Iterator[Scene]:
    for scene in _scene(case, point, shared):
        scene.further = True
        yield scene


def _scene(case: Case, point: Point, shared: Shared, wrong: frozenset[int] | None = None) -> Iterator[Scene]:
    """A point in float64, or else in the caller's own dtypes; none where backward refuses both."""
    for dtype in (np.float64, None):
        try:
            gradients, eps = gradients_at(case, point, dtype)
        except Exception:  # backward refuses that precision
            continue
        if len(gradients) != len(case.inputs):  # there alone: said of the contract
            return
        names, options = case.names, dict(case.forward.keywords)
        wide = dtype is not None or case.alone
        forward = case.forward if wide else _in_own_precision(case)
        yield Scene(
            forward,
            names,
            point.inputs,
            case.wrt,
            point.cotangent,
            gradients,
            options,
            shared.budget,
            eps,
            case.parts,
            shared.code if dtype is not None else None,
            shared.noise if wide else None,
            wrong,
        )
        return


def _in_own_precision(case: Case) -> Forward:
    """Forward of numbers in float64, called with the caller's own dtypes: it takes no others."""
    dtypes = [a.dtype for a in case.inputs]
    return lambda *inputs: case.forward(*(a.astype(d) for a, d in zip(inputs, dtypes, strict=True)))
