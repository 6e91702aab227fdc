"""The numbers that one chooses for a training."""

from dataclasses import dataclass
from math import inf

from scratchcnn.network.validate import MOST, integer, real


@dataclass(frozen=True)
class Recipe:
    """How to train a network.

    Attributes
    ----------
    epochs : int
        How many times the training uses every digit, from 1 to 2³¹ - 1.
    batch : int
        The number of digits in a step, from 1 to 2³¹ - 1; the last step of an epoch may have fewer.
    rate : float
        The first step per unit of the gradient, above 0. Later steps fall to 0 along half a cosine.
    momentum : float
        The factor that a step multiplies the velocity by, from 0 to below 1.
    seed : int
        The seed of the first parameters and of the order of the digits, at least 0.

    Raises
    ------
    TypeError
        If `epochs`, `batch` or `seed` is not an integer, or `rate` or `momentum` not a number.
    ValueError
        If a number is out of its range.
    """

    epochs: int = 10
    batch: int = 64
    rate: float = 0.05
    momentum: float = 0.9
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the type and the range of each number, and make them numbers of Python's, which a file can hold."""
        numbers = {
            "epochs": integer("epochs", self.epochs, 1, MOST),
            "batch": integer("batch", self.batch, 1, MOST),
            "rate": real("rate", self.rate),
            "momentum": real("momentum", self.momentum),
            "seed": integer("seed", self.seed, 0),
        }
        for name, number in numbers.items():
            object.__setattr__(self, name, number)
        if not 0 < self.rate < inf:
            raise ValueError(f"rate must be a finite number above 0, got {self.rate}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, got {self.momentum}")
