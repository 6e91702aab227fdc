"""Small inputs within a domain: each draw takes a generator and gives an array of float64, or of integers."""

from collections.abc import Callable
from typing import Any

import numpy as np

Draw = Callable[[np.random.Generator], np.ndarray]
# A row of a table: the function, and a draw for each of its inputs.
Row = tuple[Any, ...]
Table = dict[str, Row]


def real(*shape: int) -> Draw:
    return lambda rng: rng.normal(size=shape)


def between(low: float, high: float, *shape: int) -> Draw:
    return lambda rng: rng.uniform(low, high, shape)


def whole(below: int, *shape: int) -> Draw:
    return lambda rng: rng.integers(below, size=shape)


def shares(*shape: int) -> Draw:
    """Positive numbers whose sum along the last axis is 1."""
    return lambda rng: rng.dirichlet(np.full(shape[-1], 2.0), shape[:-1])


def dominant(n: int) -> Draw:
    """A well-conditioned matrix: its diagonal outweighs the rest."""
    return lambda rng: rng.uniform(-1, 1, (n, n)) + np.diag(rng.uniform(n, n + 1, n))


def constant(*values: Any) -> Draw:
    return lambda rng: np.array(values)


# The domains that most rows share.
REAL, POSITIVE, INSIDE, SHARE = real(2, 3), between(0.3, 3, 2, 3), between(-0.95, 0.95, 2, 3), between(0.05, 0.95, 2, 3)
ABOVE_ONE, VECTOR, OTHER, LABELS = between(1.2, 4, 2, 3), real(6), real(2, 3), whole(3, 2)
WIDE, SQUARE, SOLVABLE, RIGHT_SIDE = real(3, 4), real(3, 3), dominant(3), real(3, 2)
SERIES, IMAGE, VOLUME = real(1, 2, 6), real(1, 2, 3, 4), real(1, 1, 2, 3, 4)


def each(module: Any, names: str, *draws: Draw) -> Table:
    """A row for each of a module's functions that have the same domain and take no options."""
    return {name: (getattr(module, name), *draws) for name in names.split()}
