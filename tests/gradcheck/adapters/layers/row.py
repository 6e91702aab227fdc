"""A row of the tables: what is checked, whether it is right, and the line that checks it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Row:
    """`check` makes the pair and its inputs; `wrong` names the inputs whose gradient is wrong, or the violation."""

    name: str
    check: Callable[[], tuple[Any, ...]]
    wrong: frozenset[str] = frozenset()
    right: bool = True


def right(name, check):
    return Row(name, check)


def wrong(name, check, *where):
    return Row(name, check, frozenset(where), right=False)


def draw(*shape):
    """Values of mixed sign, none of them twice, the same in every run."""
    return np.random.default_rng((7, *shape)).normal(size=shape)
