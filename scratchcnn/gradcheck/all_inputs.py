"""One direction through the entries of all inputs at once: where it vouches for all, none needs one of its own."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from scratchcnn.gradcheck.directional_check import ROUNDOFFS, SHARE
from scratchcnn.gradcheck.numerical.directional import UNEVEN_SHARE, directional, moved_along
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Array, Joined
from scratchcnn.gradcheck.setting import Ground


class Together:
    """Whether gradients agree with differences along one direction, at the point of a check and at the second one.

    It is asked where all numbers are float64, and more than one input is checked; and it vouches if a mistake of a
    small share of any input's gradient would show. Else each input is looked at by itself.
    """

    def __init__(self, ground: Ground) -> None:
        self.ground, self.case = ground, ground.case
        self.indices = [k for k in ground.observed.usable if ground.case.inputs[k].size]

    @cached_property
    def here(self) -> bool:
        """Whether all agree at the inputs."""
        ground = self.ground
        return self._asked and self._agree(self.case.inputs, ground.cotangent, ground.observed.gradients)

    @cached_property
    def there(self) -> bool:
        """Whether all agree at the second point."""
        if not self._asked or self.ground.second is None or self.ground.floats_there is None:
            return False
        try:
            return self._agree(*self.ground.second, self.ground.floats_there[1])
        except Exception:
            return False  # what it is will be said of each input

    @property
    def _asked(self) -> bool:
        floats = [a.dtype for a in (*self.case.inputs, self.case.output) if a.dtype.kind == "f"]
        return len(self.indices) > 1 and all(dtype == np.float64 for dtype in floats)

    def _agree(self, inputs: Sequence[Array], cotangent: Array, gradients: Sequence[Any]) -> bool:
        flat = [np.asarray(gradients[k], np.float64) for k in self.indices]
        if any(g.shape != inputs[k].shape for g, k in zip(flat, self.indices, strict=True)):
            return False
        probe = Joined(self.case.forward, inputs, self.indices, fresh=self.ground.observed.mutates)
        direction = probe.unit * self.ground.rng.choice([-1.0, 1.0], probe.base.size)
        products = np.concatenate([g.reshape(-1) for g in flat]) * direction
        weights = cotangent.astype(np.float64).reshape(-1)
        moved = moved_along(probe, direction)
        value, bound, smooth = directional(probe, moved, weights, least_noise(probe))
        tolerance = bound + (ROUNDOFFS * EPS + UNEVEN_SHARE) * np.abs(products).sum()
        zero = ROUNDOFFS * EPS * np.abs(weights) @ np.nan_to_num(np.abs(probe.y0))
        enough = min(SHARE * float(np.sqrt((products[part] ** 2).sum())) for part in probe.parts) + zero
        return bool(smooth and abs(products.sum() - value) <= tolerance <= enough)
