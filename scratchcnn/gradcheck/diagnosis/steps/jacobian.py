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
    layers, outputs, count = record.layers, record.outputs, len(record.tape.parts)
    if max(layers.of.size, count) * outputs.size > MOST_PRODUCTS:
        return None
    moves = np.flatnonzero(outputs >= 0)
    both = np.zeros((count, 2, outputs.size))
    both[outputs[moves], :, moves] = 1
    factors = np.stack([layers.factor, np.abs(layers.factor)], axis=1)[..., None]
    with np.errstate(all="ignore"):
        layers.carry(both, lambda parts, above: above * factors[parts])
    value, size = both[record.inputs[index]].transpose(1, 2, 0)
    return value, size
