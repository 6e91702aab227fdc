"""One direction through the entries of all inputs at once. If it vouches for all, none needs one of its own."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scratchcnn.gradcheck.directional_check import VISIBLE_SHARE
from scratchcnn.gradcheck.numerical.directional import MOVE_ROUNDING, directional_derivative, moved_along
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Joined, Line
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.verdict import SUM_ROUNDOFFS


class AllInputs:
    """Whether gradients agree with differences along one direction, at the point of a check and at the second one.

    The direction is taken where all numbers are float64 and more than one input is checked. It vouches if a mistake of
    a small share of any input's gradient would show. Otherwise each input is looked at by itself.
    """

    def __init__(self, setting: Setting) -> None:
        self.setting, self.case = setting, setting.case
        self.indices = [k for k in setting.observed.usable if setting.case.inputs[k].size]

    @cached_property
    def agree_at_first(self) -> bool:
        """Whether all agree at the inputs."""
        return self._asked and self._agree(self.setting.first, self.setting.observed.gradients)

    @cached_property
    def agree_at_second(self) -> bool:
        """Whether all agree at the second point."""
        if not self._asked or self.setting.second is None or self.setting.second_answers is None:
            return False
        try:
            return self._agree(self.setting.second, self.setting.second_answers[1])
        except Exception:
            return False  # the judgement of each input will say what happened

    @property
    def _asked(self) -> bool:
        floats = [a.dtype for a in (*self.case.inputs, self.case.output) if a.dtype.kind == "f"]
        return len(self.indices) > 1 and all(dtype == np.float64 for dtype in floats)

    def _agree(self, point: Point, gradients: Sequence[Any]) -> bool:
        inputs = point.inputs
        flat = [np.asarray(gradients[k], np.float64) for k in self.indices]
        if any(g.shape != inputs[k].shape for g, k in zip(flat, self.indices, strict=True)):
            return False
        probe = Joined(self.case.forward, inputs, self.indices, fresh=self.setting.observed.mutates)
        direction = probe.unit * self.setting.rng.choice([-1.0, 1.0], probe.base.size)
        products = np.concatenate([g.reshape(-1) for g in flat]) * direction
        weights = point.cotangent.astype(np.float64).reshape(-1)
        moved = moved_along(Line(probe, slice(None), direction))
        contraction = Contraction(probe, weights, least_noise(probe))
        value, bound, smooth = directional_derivative(contraction, moved)
        tolerance = bound + (SUM_ROUNDOFFS * EPS + MOVE_ROUNDING) * np.abs(products).sum()
        zero = SUM_ROUNDOFFS * EPS * np.abs(weights) @ np.nan_to_num(np.abs(probe.y0))
        enough = min(VISIBLE_SHARE * float(np.sqrt((products[part] ** 2).sum())) for part in probe.parts) + zero
        return bool(smooth and abs(products.sum() - value) <= tolerance <= enough)
