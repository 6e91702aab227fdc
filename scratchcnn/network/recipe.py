"""How a network is trained: the numbers that one chooses."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes
    ----------
    epochs
        How often every digit is seen.
    batch
        How many digits a step looks at; the last of an epoch may look at fewer.
    rate
        The first step per unit of the gradient; from there it falls to 0 along half a cosine.
    momentum
        The share of the velocity that is left after a step, 0 to 1.
    seed
        Draws the parameters and the order of the digits.
    """

    epochs: int = 10
    batch: int = 64
    rate: float = 0.05
    momentum: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name, least in (("epochs", 1), ("batch", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if not 0 < self.rate < inf:
            raise ValueError(f"rate must be a finite number above 0, got {self.rate}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, got {self.momentum}")
