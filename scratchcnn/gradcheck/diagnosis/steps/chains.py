"""Several steps of forward, one after the other on the same number, whose derivatives are all left out."""

from collections.abc import Callable, Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.steps.claims import own_depth, same, tells
from scratchcnn.gradcheck.diagnosis.steps.record import Record
from scratchcnn.gradcheck.diagnosis.steps.tape import Step
from scratchcnn.gradcheck.diagnosis.steps.words import words

# Steps that a chain has at most: a softplus has three.
LONGEST = 4
# Chains that are tried at most.
MOST = 64

Chain = tuple[Step, ...]


def without_a_chain(scene: Scene, index: int) -> Iterator[Claim]:
    """Functions of functions, taken for what they are applied to: all of their derivatives are missing."""
    yield from _without_chains(scene, index, inner=False)


def without_an_inner_chain(scene: Scene, index: int) -> Iterator[Claim]:
    """The same within a function that forward calls."""
    yield from _without_chains(scene, index, inner=True)


def _without_chains(scene: Scene, index: int, *, inner: bool) -> Iterator[Claim]:
    if scene.record is None or not tells(scene, index):
        return
    own = own_depth(scene.record.tape.steps)
    for chain in chains(scene.record)[:MOST]:
        depths = [len(step.site) for step in chain]
        if (max(depths) > own) is not inner or depths[0] != depths[-1]:
            continue  # where a chain ends in the middle of a function, backward has no name for its end
        first, last = words(chain[0]), words(chain[-1])
        if first is not None and last is not None:
            said = f"the true one without the derivative of {last.step} by {first.operand}"
            yield Claim("missing-factor", said, _without(index, chain), inside=True)


def chains(record: Record) -> list[Chain]:
    """Two steps or more, each applied to the result of the one before alone, and to no other number."""
    parts = record.tape.parts
    steps = list(record.tape.steps)
    alone = {n: some[0] for n, some in enumerate(parts) if len(some) == 1 and some[0].step >= 0}
    found: dict[Chain, None] = {}
    for last in alone.values():
        chain, part = [steps[last.step]], last
        while part.of in alone and len(chain) < LONGEST:
            part = alone[part.of]
            chain.insert(0, steps[part.step])
            found.setdefault(tuple(chain))
    return list(found)


def _without(index: int, chain: Chain) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        gradient = None if s.record is None else _gradient(s.record, s.cotangent, index, chain)
        return gradient is not None and bool(same(s, index, gradient))

    return holds


def _gradient(record: Record, cotangent: Array, index: int, chain: Chain) -> Array | None:
    """(entries,) the gradient with 1 in place of the derivatives of some steps; None where they are 1."""
    layers, steps = record.layers, record.tape.steps
    left_out = np.isin(layers.step, [steps[step] for step in chain if step in steps])
    if (layers.factor[left_out] == 1).all():
        return None
    factor, adjoint = np.where(left_out, 1.0, layers.factor), record.adjoints(cotangent, 1)
    layers.carry(adjoint, lambda parts, above: above * factor[parts][:, None])
    gradient: Array = adjoint[record.inputs[index], 0]
    return gradient
