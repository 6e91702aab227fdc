"""An expression in the caller's source."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from scratchcnn.gradcheck.diagnosis.edits.places import ASSIGNED, AUGMENTED, NAMES, PAIR, Place

numbers: Iterator[int] = count()
"""No two expressions have the same number."""


@dataclass(frozen=True)
class Site:
    """An expression in the caller's source.

    Attributes
    ----------
    number
        No two expressions have the same.
    place
        What it is for.
    text, around
        The expression, and the one that it is a part of.
    file, line
        Where that is.
    counters
        The variables of the loops around it.
    members
        The numbers of the expressions that it stands for: those of a function with the same text, or all that store
        into an array, or all that reduce along the same axes, may be wrong alike; of two, each may belong where the
        other stands. None where it is one itself.
    """

    number: int
    place: Place
    text: str
    around: str
    file: str
    line: int
    counters: tuple[str, ...] = ()
    members: tuple[int, ...] = ()

    @property
    def times(self) -> int:
        """How many expressions it stands for."""
        return len(self.members) or 1

    @property
    def role(self) -> str:
        """What it is for."""
        return self.place.role

    @property
    def assigned(self) -> str:
        """The variable that is assigned anew with it; "" where none is."""
        return self.place.name if self.role == ASSIGNED or self.place.argument == AUGMENTED else ""

    @property
    def updates(self) -> bool:
        """Whether the variable that is assigned anew is a part of it."""
        named = re.search(rf"\b{self.assigned}\b", self.text)
        return self.place.argument == AUGMENTED or named is not None

    @property
    def where(self) -> str:
        """The expression around it and its line, for a reader."""
        more = f", and {self.times - 1} more like it" if self.times > 1 and self.role not in (PAIR, NAMES) else ""
        return f"`{self.around}` ({os.path.basename(self.file)}:{self.line}{more})"
