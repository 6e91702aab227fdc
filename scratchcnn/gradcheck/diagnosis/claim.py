"""What may be said of a wrong gradient, and whether it holds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.scene import Scene


@dataclass(frozen=True)
class Claim:
    """What a wrong gradient is.

    Attributes
    ----------
    kind
        One of DESIGN's names of mistakes.
    message
        The mistake, as the end of the sentence "the gradient of x is ...".
    holds
        Whether it is so, at a point.
    along
        Whether that is seen along a random direction through all entries, and not entry by entry.
    inside
        Whether it is about a step inside forward: the entries at which it shows may say more.
    places
        Where it says by values which entries are wrong: the values, and the entries.
    """

    kind: str
    message: str
    holds: Callable[[Scene], bool]
    along: bool = False
    inside: bool = False
    places: Callable[[Scene], tuple[Array, Array]] | None = None


Family = Callable[[Scene, int], Iterator[Claim]]
"""From the point of the check and the index of an input: what may be said of its gradient."""
