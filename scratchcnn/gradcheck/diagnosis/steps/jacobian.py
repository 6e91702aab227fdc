"""The derivatives of a record: of each output by each entry of an input, and of the checked sum by each entry."""

from collections.abc import Iterator

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
    if not record.jacobians and not _is_long(record):
        record.jacobians.update(_jacobians(record))
    return record.jacobians.get(index)


def gradients(record: Record, cotangent: Array) -> dict[int, tuple[Array, Array]]:
    """By the index of each input, (entries,) its gradient, and the sizes of what that is a sum of."""
    both, factors = record.adjoints(cotangent, 2), _factors(record)
    both[:, 1] = np.abs(both[:, 1])
    with np.errstate(all="ignore"):
        record.layers.carry(both, lambda parts, above: above * factors[parts])
    return {index: (both[nodes, 0], both[nodes, 1]) for index, nodes in record.inputs.items()}


def slopes(record: Record, index: int, direction: Array) -> tuple[Array, Array]:
    """(outputs,) each output's derivative along a direction of an input, and the sizes of what that is a sum of."""
    both = np.zeros((len(record.tape.parts), 2))
    both[record.inputs[index]] = np.stack([direction.reshape(-1), np.abs(direction).reshape(-1)], axis=1)
    with np.errstate(all="ignore"):
        record.layers.push(both, _factors(record))
    value, size = np.where(record.outputs[:, None] >= 0, both[record.outputs], 0.0).T
    return value, size


def _factors(record: Record) -> Array:
    """(parts, 2) the derivatives, and their absolute values."""
    factors: Array = np.stack([record.layers.factor, np.abs(record.layers.factor)], axis=1)
    return factors


def _is_long(record: Record) -> bool:
    return bool(max(record.layers.of.size, len(record.tape.parts)) * record.outputs.size > MOST_PRODUCTS)


def _jacobians(record: Record) -> Iterator[tuple[int, tuple[Array, Array]]]:
    """The Jacobians by all inputs, which take as long as that by a single one."""
    layers, outputs = record.layers, record.outputs
    moves = np.flatnonzero(outputs >= 0)
    both = np.zeros((len(record.tape.parts), 2, outputs.size))
    both[outputs[moves], :, moves] = 1
    factors = _factors(record)[..., None]
    with np.errstate(all="ignore"):
        layers.carry(both, lambda parts, above: above * factors[parts])
    for index, nodes in record.inputs.items():
        value, size = both[nodes].transpose(1, 2, 0)
        yield index, (value, size)
