"""What a report keeps of a check, so that it can be drawn: the entries that were compared, and what was called."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was compared of one input's gradient, entry by entry.

    Attributes
    ----------
    shape
        The input's shape.
    entries
        (entries,) flat indices of those that were looked at.
    analytic, numerical, bound
        (entries,) the two derivatives, and the distance up to which they count as the same.
    right, wrong, kink
        (entries,) bool; an entry that is neither right nor wrong is undecided. At a kink the bound is half the interval
        between the one-sided derivatives.
    where
        The other point that the numbers belong to; empty if it is the caller's own.
    """

    shape: tuple[int, ...]
    entries: Array
    analytic: Array
    numerical: Array
    bound: Array
    right: Array
    wrong: Array
    kink: Array
    where: str = ""

    def whole(self, values: Array) -> Array:
        """Numbers of the entries as an array of the input's shape; NaN where none was looked at."""
        array = np.full(int(np.prod(self.shape, dtype=np.int64)), np.nan)
        array[self.entries] = values
        return array.reshape(self.shape)

    @property
    def closeness(self) -> Array:
        """(entries,) the distance between the two, as a share of the bound; 0 at kinks, where the bound is no error."""
        distance = np.nan_to_num(np.abs(self.analytic - self.numerical), nan=np.inf, posinf=np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(distance > 0, distance / self.bound, 0.0)
        closeness: Array = np.where(self.kink, 0.0, np.nan_to_num(share, nan=np.inf, posinf=np.inf))
        return closeness

    @property
    def closest(self) -> int | None:
        """Which of the entries is closest to its bound, or farthest outside; None where all sit on kinks."""
        return None if self.kink.all() else int(np.where(self.kink, -1.0, self.closeness).argmax())


@dataclass(frozen=True, eq=False)
class Called:
    """What a check called: enough to move an entry once more. It is not pickled.

    Attributes
    ----------
    forward, inputs, cotangent
        The forward pass, its inputs, and the weights of its outputs.
    output, gradients
        What forward and backward answered; a gradient for each input, in whatever form.
    names
        Those of the inputs.
    fresh
        Whether forward writes into its inputs.
    seconds
        How long a call of forward takes.
    """

    forward: Callable[..., Any]
    inputs: tuple[Array, ...]
    cotangent: Array
    output: Array
    gradients: tuple[Any, ...]
    names: tuple[str, ...]
    fresh: bool
    seconds: float

    def gradient(self, name: str) -> Array | None:
        """What backward answered for an input, in float64; None where it is not of the input's shape."""
        index = self.names.index(name)
        given = self.gradients[index] if index < len(self.gradients) else None
        if given is None or np.shape(given) != self.inputs[index].shape:
            return None
        return np.asarray(given, np.float64)
