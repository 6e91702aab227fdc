"""An expression of forward as a whole: backward takes it for a constant, or ends there."""

from collections.abc import Callable, Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.steps.claims import same, tells
from scratchcnn.gradcheck.diagnosis.steps.flows import adjoints
from scratchcnn.gradcheck.diagnosis.steps.record import Record
from scratchcnn.gradcheck.diagnosis.steps.sweep import MOST_HELD
from scratchcnn.gradcheck.diagnosis.steps.tape import LEFT, RIGHT, Site, Step
from scratchcnn.gradcheck.diagnosis.steps.words import words

Gradients = Callable[[Record, Array, int], dict[Site, Array]]
"""From a record, a cotangent and the index of an input: by expressions of forward, (entries,) a gradient."""


def of_an_expression(scene: Scene, index: int) -> Iterator[Claim]:
    """What flows back to an expression of forward, and no further."""
    sentence = "what flows back to {}: the way back from there to {} is missing"
    yield from _claims(scene, index, "missing-factor", sentence, _flows)


def without_an_expression(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient, but an operation on two operands is taken for a constant: each operand alone is a step."""
    yield from _claims(scene, index, "missing-term", "the true one with {} taken for a constant", _without)


def _claims(scene: Scene, index: int, kind: str, sentence: str, gradients: Gradients) -> Iterator[Claim]:
    if scene.record is not None and tells(scene, index):
        for site, gradient in reversed(gradients(scene.record, scene.cotangent, index).items()):
            said = words(Step(site, LEFT)) if same(scene, index, gradient) else None
            if said is not None:
                holds = _holds(index, site, gradients)
                yield Claim(kind, sentence.format(said.step, scene.names[index]), holds, inside=True)


def _holds(index: int, site: Site, gradients: Gradients) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        found = {} if s.record is None else gradients(s.record, s.cotangent, index)
        return site in found and bool(same(s, index, found[site]))

    return holds


def _flows(record: Record, cotangent: Array, index: int) -> dict[Site, Array]:
    """What flows back to the expressions that have as many numbers as the input."""
    adjoint, entries = adjoints(record, cotangent), record.inputs[index].size
    return {site: adjoint[nodes] for site, nodes in record.numbers.items() if nodes.size == entries}


def _without(record: Record, cotangent: Array, index: int) -> dict[Site, Array]:
    """The gradients with one expression taken for a constant: none that is the output."""
    layers, tape = record.layers, record.tape
    sides = [{id(step.site) for step in tape.steps if step.operand == side} for side in (LEFT, RIGHT)]
    both = set.intersection(*sides) - {id(site) for site in tape.sums}
    sites = [s for s, nodes in record.numbers.items() if id(s) in both and not np.isin(record.outputs, nodes).any()]
    if len(sites) * len(tape.parts) > MOST_HELD:
        return {}
    column = np.full(len(tape.parts), -1)
    for k, site in enumerate(sites):
        column[record.numbers[site]] = k
    own = column[layers.result]

    def flow(parts: Array, above: Array) -> Array:
        flows: Array = above * layers.factor[parts][:, None]
        rows = np.flatnonzero(own[parts] >= 0)
        flows[rows, own[parts[rows]]] = 0
        return flows

    adjoint = record.adjoints(cotangent, len(sites))
    with np.errstate(all="ignore"):
        layers.carry(adjoint, flow)
    return dict(zip(sites, adjoint[record.inputs[index]].T, strict=True))
