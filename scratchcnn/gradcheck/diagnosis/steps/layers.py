"""The parts of a record in layers: the numbers of a layer do not depend on each other and are carried back at once."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.steps.tape import Part

# Numbers that are carried back at once, at most.
MOST_AT_ONCE = 500_000

Flow = Callable[[Array, Array], Array]
"""From the numbers of some parts and the adjoints of their results, (parts, ...): what flows back to their operands."""


class Layers:
    """The parts of a record as arrays, and the order in which they are carried back.

    Parameters
    ----------
    parts
        Of each number of the record, what it comes from.

    Attributes
    ----------
    columns
        (fields, parts) the fields of `tape.Part`.
    of, result, factor, step
        (parts,) of each part the number that it is of, the number that comes from it, the derivative, and the step.
    """

    def __init__(self, parts: Sequence[Sequence[Part]]) -> None:
        self.columns = np.array([part for some in parts for part in some], float).reshape(-1, len(Part._fields)).T
        self.of, self.step = self.columns[[0, 2]].astype(np.intp)
        self.factor = self.columns[1]
        self.result = np.repeat(np.arange(len(parts)), [len(some) for some in parts])
        layer = np.array(_depths(parts), np.intp)[self.result]
        order = np.lexsort((self.of, -layer))
        ends = np.flatnonzero(np.diff(layer[order])) + 1
        self._layers = np.split(order, ends) if order.size else []

    def carry(self, adjoint: Array, flow: Flow) -> None:
        """Carries the adjoints of the outputs, (numbers, ...), back to all numbers, in place."""
        for parts in self._at_once(adjoint[:1].size):
            above = adjoint[self.result[parts]]
            used = above.reshape(len(parts), -1).any(axis=1)  # zero times an infinite derivative would be NaN
            if not used.all():
                parts, above = parts[used], above[used]
            if parts.size:
                of = self.of[parts]
                first = np.flatnonzero(np.diff(of, prepend=-1))
                adjoint[of[first]] += np.add.reduceat(flow(parts, above), first, axis=0)

    def push(self, tangent: Array, factors: Array) -> None:
        """Carries the tangents of the inputs, (numbers, ...), on to all numbers, by (parts, ...) factors, in place."""
        for parts in reversed(list(self._at_once(tangent[:1].size))):
            below = tangent[self.of[parts]]
            moved = np.zeros_like(below)
            np.multiply(below, factors[parts], out=moved, where=below != 0)  # zero times infinity would be NaN
            np.add.at(tangent, self.result[parts], moved)

    def _at_once(self, width: int) -> Iterator[Array]:
        """Parts that are carried back at once, the last ones first; those of the same number stand side by side."""
        most = max(1, MOST_AT_ONCE // max(width, 1))
        for layer in self._layers:
            yield from (layer[first : first + most] for first in range(0, layer.size, most))


def _depths(parts: Sequence[Sequence[Part]]) -> list[int]:
    """Of each number, how many others stand one after the other between it and the inputs."""
    depths: list[int] = []
    for some in parts:
        depths.append(1 + max([depths[part.of] for part in some], default=-1))
    return depths
