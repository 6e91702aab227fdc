"""What flows back to the expressions of forward: the derivative of the checked sum by the value of each."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.steps.record import Record

# As a share: how far the values of a record and those of forward may be apart, and are the same.
SAME = 1e-9
# Numbers that the slopes by an expression may be.
MOST_NUMBERS = 1_000_000


class Flow(NamedTuple):
    """What flows back to an expression, and the numbers of the record that are its entries, both of its value's shape.

    Of an expression in a loop: of the shape (rounds, ...).
    """

    adjoint: Array
    nodes: Array


def flows(record: Record, cotangent: Array, values: Mapping[str, Array]) -> dict[str, Flow]:
    """By the text of an expression of forward, what flows back to its value.

    Parameters
    ----------
    record
        Of forward.
    cotangent
        Of the output's shape.
    values
        By the text of an expression, its value, or those of all rounds of a loop, (rounds, ...). One whose numbers are
        not all used has no entry in what is returned.
    """
    adjoint = adjoints(record, cotangent)
    found: dict[str, Flow] = {}
    for nodes in record.numbers.values():
        results = np.array([record.tape.results[node] for node in nodes])
        for text, value in values.items():
            if value.size == nodes.size and text not in found:
                order = _order(results, value.reshape(-1))
                if order is not None:
                    ordered = nodes[order]
                    found[text] = Flow(adjoint[ordered].reshape(value.shape), ordered)
    return found


def own_parts(record: Record, of: Flow, through: Flow) -> Array | None:
    """What flows back to an expression if each entry of a later one depends on the entry at its own place alone.

    That is the diagonal of the Jacobian of the later one, times what flows back to that. None if it takes too long.
    """
    tape, count = record.tape, of.nodes.size
    first, last = int(of.nodes.min()), int(through.nodes.max())
    if first >= int(through.nodes.min()) or (last - first) * count > MOST_NUMBERS:
        return None
    slopes = np.zeros((last + 1, count))
    slopes[of.nodes, np.arange(count)] = 1
    for node in sorted(set(range(first, last + 1)) - set(of.nodes.tolist())):
        for part in tape.parts[node]:
            if part.of >= first:
                slopes[node] += part.factor * slopes[part.of]
    own: Array = slopes[through.nodes, np.arange(count)].reshape(of.adjoint.shape)
    return own * through.adjoint.reshape(of.adjoint.shape)


def adjoints(record: Record, cotangent: Array, constant: Array | None = None) -> Array:
    """(numbers,) the derivative of the checked sum by each number of the record, some taken for constants."""
    layers, adjoint = record.layers, record.adjoints(cotangent, 1)
    factor = layers.factor if constant is None else np.where(constant[layers.result], 0.0, layers.factor)
    layers.carry(adjoint, lambda parts, above: above * factor[parts][:, None])
    return adjoint[:, 0]


def _order(results: Array, value: Array) -> Array | None:
    """In which order the results are the value's entries; None where they are others."""
    near = SAME * float(np.abs(value).max(initial=0))
    if (np.abs(results - value) <= near).all():
        return np.arange(value.size)
    order = np.argsort(results)[np.argsort(np.argsort(value))]
    distinct = len(np.unique(value)) == value.size
    return order if distinct and (np.abs(results[order] - value) <= near).all() else None
