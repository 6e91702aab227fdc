"""The gradients that backward would give if a step were differentiated wrongly: all of them in one sweep."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
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
    right
        By the index of each input, (entries,) the gradient with every step differentiated rightly.
    wrong
        By the index of each input, (steps, slips, entries) the gradients with one step differentiated wrongly.
    """

    steps: tuple[Step, ...]
    right: dict[int, Array]
    wrong: dict[int, Array]


def nothing(index: int, entries: int) -> Swept:
    """A sweep without steps, in place of one that is not to be had."""
    return Swept((), {index: np.zeros(entries)}, {index: np.zeros((0, len(SLIPS), entries))})


def swept(record: Record, cotangent: Array) -> Swept | None:
    """The gradients of a record for a cotangent; None if there are too many numbers."""
    steps, number_of = steps_of(record.tape)
    width = 1 + len(steps) * len(SLIPS)
    count = sum(map(len, record.tape.parts))
    if width * len(record.tape.parts) > MOST_HELD or width * count > MOST_PRODUCTS:
        return None
    adjoint = np.zeros((len(record.tape.parts), width))
    for node, weight in zip(record.outputs, cotangent.reshape(-1), strict=True):
        if node >= 0:
            adjoint[node] += weight
    with np.errstate(all="ignore"):
        _backward(record.tape, number_of, adjoint)
    right, wrong = {}, {}
    for k, nodes in record.inputs.items():
        right[k] = adjoint[nodes, 0]
        wrong[k] = adjoint[nodes, 1:].T.reshape(len(steps), len(SLIPS), nodes.size)
    return Swept(steps, right, wrong)


def steps_of(tape: Tape) -> tuple[tuple[Step, ...], list[int]]:
    """The steps, and which of them each step of the tape is: the operands of a sum are one step."""
    numbers: dict[Step, int] = {}
    number_of = []
    for step in tape.steps:
        one = Step(step.site, ALL) if step.site in tape.sums else step
        number_of.append(numbers.setdefault(one, len(numbers)))
    return tuple(numbers), number_of


def _backward(tape: Tape, number_of: Sequence[int], adjoint: Array) -> None:
    """Carries the adjoints of the outputs back to the inputs, in place."""
    size, everything = len(SLIPS), [part for parts in tape.parts for part in parts]
    last = len(everything)
    others = Parts.of(everything).slips().T if everything else np.empty((0, size))
    for node in range(len(tape.parts) - 1, -1, -1):
        parts, above = tape.parts[node], adjoint[node]
        first, last = last - len(parts), last - len(parts)
        if not parts or not above.any():
            continue
        for part, wrong in zip(parts, others[first : first + len(parts)], strict=True):
            flow = above * part.factor
            if part.step >= 0:
                start = 1 + size * number_of[part.step]
                flow[start : start + size] = above[start : start + size] * wrong
            adjoint[part.of] += flow
