"""Gradients that are averaged over the batch where forward is not: times the number of samples they are sums again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scratchcnn.gradcheck.adapters.calling.returned import Leaf


@dataclass(frozen=True)
class Averaged:
    """Which gradients are averaged over the samples.

    Parameters
    ----------
    mean
        Their names, a single one, or True for all.
    axis
        The axis of the first input that the samples are along.
    names
        All names; none where they are not known.

    Raises
    ------
    ValueError
        One of them is no name.
    """

    mean: Sequence[str] | str | bool
    axis: int
    names: Sequence[str]

    def __post_init__(self) -> None:
        unknown = [name for name in self._asked() if self.names and name not in self.names]
        if unknown:
            raise ValueError(f"mean names {unknown[0]!r}, which is none of {list(self.names)}")

    def undone(self, gradients: Sequence[Any], leaves: Sequence[Leaf]) -> list[Any]:
        """The gradients, those that are averaged times the number of samples."""
        asked = self._asked()
        if not asked and self.mean is not True:
            return list(gradients)
        samples = leaves[0].shape[self.axis]
        return [
            gradient * samples if gradient is not None and (self.mean is True or leaf.name in asked) else gradient
            for gradient, leaf in zip(gradients, leaves, strict=True)
        ]

    def _asked(self) -> tuple[str, ...]:
        if isinstance(self.mean, bool):
            return ()
        return (self.mean,) if isinstance(self.mean, str) else tuple(self.mean)
