"""The Jacobian of a record: the derivative of each output by each entry of an input."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.steps.record import Record

# Products that a Jacobian may take, at most.
MOST_PRODUCTS = 20_000_000


def jacobian(record: Record, index: int) -> tuple[Array, Array] | None:
    """The Jacobian by an input, and the sizes of what its entries are sums of; None where it takes too long.

    Returns
    -------
    two (outputs, entries) arrays
        The derivatives. And the same with every derivative of a step replaced by its absolute value: roundoff is a
        small share of these.
    """
    tape, outputs = record.tape, record.outputs
    if sum(map(len, tape.parts)) * outputs.size > MOST_PRODUCTS or len(tape.parts) * outputs.size > MOST_PRODUCTS:
        return None
    moves = np.flatnonzero(outputs >= 0)
    both = np.zeros((len(tape.parts), 2, outputs.size))
    both[outputs[moves], :, moves] = 1
    with np.errstate(all="ignore"):
        for node in range(len(tape.parts) - 1, -1, -1):
            for part in tape.parts[node]:
                both[part.of] += both[node] * np.array([[part.factor], [abs(part.factor)]])
    value, size = both[record.inputs[index]].transpose(1, 2, 0)
    return value, size
