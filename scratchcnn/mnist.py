"""The 200 handwritten digits that ship with the package: the first of MNIST's training set, those of the article.

Origin and licence (Yann LeCun and Corinna Cortes, CC BY-SA 3.0) stand beside the file, in `data/README.md`.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHIPPED = 200


@dataclass(frozen=True, eq=False)
class Digits:
    """Images of digits with their labels.

    Attributes
    ----------
    images
        Grey levels, (N, 28, 28) uint8: 0 is paper, 255 is ink.
    labels
        The digit that each image shows, (N,) uint8, 0 to 9.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        """Count the digits, N."""
        return len(self.labels)

    def x(self, dtype: Any = np.float64) -> NDArray[Any]:
        """Give the network's input: the images as (N, 1, 28, 28), one channel, scaled to [0, 1]."""
        return self.images[:, np.newaxis].astype(dtype) / 255

    def y(self, dtype: Any = np.float64) -> NDArray[Any]:
        """Give the network's target, (N, 1): 1 where the digit is greater than 4, else 0 (as in the article)."""
        return (self.labels[:, np.newaxis] > 4).astype(dtype)


def load_digits(count: int = SHIPPED) -> Digits:
    """Load the first `count` training digits of MNIST, from inside the package.

    Parameters
    ----------
    count
        How many, 1 to 200.

    Returns
    -------
    `images` (count, 28, 28) and `labels` (count,), both uint8.

    Raises
    ------
    ValueError
        If `count` is not between 1 and 200.
    """
    if not 1 <= count <= SHIPPED:
        raise ValueError(f"count must be between 1 and {SHIPPED}, the digits that ship with the package; got {count}")
    with files("scratchcnn").joinpath("data/digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as data:
        return Digits(images=data["images"][:count], labels=data["labels"][:count])
