"""The gradients that backward would give if a step were differentiated wrongly: all of them in one sweep."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.steps.layers import Flow, Layers
from scratchcnn.gradcheck.diagnosis.steps.record import Record
from scratchcnn.gradcheck.diagnosis.steps.slips import SLIPS, Parts
from scratchcnn.gradcheck.diagnosis.steps.tape import ALL, Step, Tape

# Numbers that a sweep may hold, and products that it may take, at most.
MOST_HELD, MOST_PRODUCTS = 8_000_000, 60_000_000


@dataclass(frozen=True)
class Swept:
    """The gradients by an input.

    Attributes
    ----------
    steps
        The steps that the sweep tells apart.
    partly
        Which of them are calls that hand on some of their operands as they are.
    right
        By the index of each input, (entries,) the gradient with every step differentiated rightly.
    wrong
        By the index of each input, (steps, slips, entries) the gradients with one step differentiated wrongly.
    """

    steps: tuple[Step, ...]
    right: dict[int, Array]
    wrong: dict[int, Array]
    partly: frozenset[int] = frozenset()


def nothing(index: int, entries: int) -> Swept:
    """A sweep without steps, in place of one that is not to be had."""
    return Swept((), {index: np.zeros(entries)}, {index: np.zeros((0, len(SLIPS), entries))})


def swept(record: Record, cotangent: Array) -> Swept | None:
    """The gradients of a record for a cotangent; None if there are too many numbers."""
    steps, number_of = steps_of(record.tape)
    width, count = 1 + len(steps) * len(SLIPS), len(record.tape.parts)
    if width * count > MOST_HELD or width * record.layers.of.size > MOST_PRODUCTS:
        return None
    adjoint = record.adjoints(cotangent, width)
    with np.errstate(all="ignore"):
        record.layers.carry(adjoint, _flow(record.layers, number_of))
    right, wrong = {}, {}
    for k, nodes in record.inputs.items():
        right[k] = adjoint[nodes, 0]
        wrong[k] = adjoint[nodes, 1:].T.reshape(len(steps), len(SLIPS), nodes.size)
    return Swept(steps, right, wrong, _partly(record, number_of))


def _partly(record: Record, number_of: Sequence[int]) -> frozenset[int]:
    """The calls that hand on some of their operands: what takes the numbers that they made takes these as well."""
    layers, found = record.layers, set()
    steps = np.array([*number_of, -1])[layers.step]
    for step in {number_of[record.tape.steps[call]] for call in record.tape.calls}:
        own = steps == step
        made = layers.result[own]
        given = np.setdiff1d(layers.of[own], made)
        takes = [layers.step[~own & np.isin(layers.of, numbers)] for numbers in (given, made)]
        as_outputs = all(np.isin(record.outputs, numbers).any() for numbers in (given, made))
        if as_outputs or (np.intersect1d(*takes) >= 0).any():
            found.add(step)
    return frozenset(found)


def steps_of(tape: Tape) -> tuple[tuple[Step, ...], list[int]]:
    """The steps, and which of them each step of the tape is: the operands of a sum are one step."""
    numbers: dict[Step, int] = {}
    number_of = []
    for step in tape.steps:
        one = Step(step.site, ALL) if step.site in tape.sums else step
        number_of.append(numbers.setdefault(one, len(numbers)))
    return tuple(numbers), number_of


def _flow(layers: Layers, number_of: Sequence[int]) -> Flow:
    """What flows back through each part: in the columns of its own step, what does where that is wrong."""
    wrong = Parts.of(layers.columns).slips().T
    columns = 1 + len(SLIPS) * np.array([*number_of, 0])[layers.step][:, None] + np.arange(len(SLIPS))

    def flow(parts: Array, above: Array) -> Array:
        flows: Array = above * layers.factor[parts][:, None]
        rows = np.flatnonzero(layers.step[parts] >= 0)
        own = columns[parts[rows]]
        flows[rows[:, None], own] = above[rows[:, None], own] * wrong[parts[rows]]
        return flows

    return flow
