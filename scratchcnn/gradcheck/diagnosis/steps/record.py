"""The record of a call of forward, once for each depth of the calls in it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.steps.layers import Layers
from scratchcnn.gradcheck.diagnosis.steps.tape import (
    DEEPEST,
    MOST_NUMBERS,
    MOST_OPERATIONS,
    Site,
    Slope,
    Tape,
    TooLarge,
    moving,
)
from scratchcnn.gradcheck.numerical.caller_warnings import undisturbed
from scratchcnn.gradcheck.proof.balls.arrays import Balls, lift
from scratchcnn.gradcheck.proof.balls.ball import Undecidable, constant, precision
from scratchcnn.gradcheck.proof.world.run import NotRun, output
from scratchcnn.gradcheck.proof.world.world import World

# In bits: what a comparison of numbers needs.
BITS = 128


@dataclass(frozen=True)
class Record:
    """A tape, and where on it the entries of the inputs and of the output stand.

    Attributes
    ----------
    tape
        The record.
    inputs
        By the index of each input: the numbers of its entries on the tape.
    outputs
        Of each entry of the output, the number on the tape; -1 where it is a constant.
    jacobians
        By the index of each input, what `jacobian` has found.
    """

    tape: Tape
    inputs: dict[int, Array]
    outputs: Array
    jacobians: dict[int, tuple[Array, Array]] = field(default_factory=dict, init=False)

    @cached_property
    def layers(self) -> Layers:
        """The parts of the tape, in the order in which they are carried back."""
        return Layers(self.tape.parts)

    @cached_property
    def numbers(self) -> dict[Site, Array]:
        """The numbers of each expression, in their order; those that stand between others of the same one left out."""
        tape = self.tape
        used = set(self.outputs.tolist())
        for node, parts in enumerate(tape.parts):
            used.update(part.of for part in parts if tape.sites[part.of] is not tape.sites[node])
        found: dict[int, list[int]] = {}  # by the id: it takes long to hash the code in an expression
        for node, site in enumerate(tape.sites):
            if site and node in used:
                found.setdefault(id(site), []).append(node)
        return {tape.sites[nodes[0]] or (): np.array(nodes) for nodes in found.values()}

    def adjoints(self, cotangent: Array, width: int) -> Array:
        """(numbers, width) a cotangent at the outputs, and zero at all other numbers."""
        adjoint = np.zeros((len(self.tape.parts), width))
        used = self.outputs >= 0
        np.add.at(adjoint, self.outputs[used], cotangent.reshape(-1)[used, None])
        return adjoint


def records(forward: Callable[..., Any], inputs: Sequence[Array], wrt: Sequence[int]) -> Iterator[Record]:
    """The records of forward at a point, the most detailed first; none where it does not run on balls."""
    depth = DEEPEST
    while depth >= 1:
        try:
            record = _record(forward, inputs, wrt, depth)
        except (NotRun, Undecidable, TooLarge):
            return
        yield record
        depth = min(depth, record.tape.deepest) - 1


def _record(forward: Callable[..., Any], inputs: Sequence[Array], wrt: Sequence[int], depth: int) -> Record:
    if sum(inputs[k].size for k in wrt) > MOST_NUMBERS:  # seen before the entries become balls, which takes long
        raise TooLarge
    world = World(np.float64)
    tape = Tape(world.files, depth)
    given, places = list(inputs), {}
    for k in wrt:
        balls = np.asarray(lift(inputs[k])).reshape(-1).tolist()
        slopes = [tape.leaf() for _ in balls]
        made = np.empty(len(balls), object)
        made[:] = [moving(b.value, s) for b, s in zip(balls, slopes, strict=True)]
        given[k], places[k] = made.reshape(inputs[k].shape).view(Balls), np.array([s.node for s in slopes], np.intp)
    with precision(BITS):
        y = undisturbed(partial(output, world, forward, operations=MOST_OPERATIONS), *given)
    tape.end()
    balls = [constant(b) for b in np.asarray(y).reshape(-1).tolist()]
    for ball in balls:
        if isinstance(ball.slope, Slope):
            tape.tell(ball.slope.node, float(ball.value))
    nodes = [b.slope.node if isinstance(b.slope, Slope) else -1 for b in balls]
    return Record(tape, places, np.array(nodes, np.intp))
