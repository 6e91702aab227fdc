"""What flows back to the expressions of forward: the derivative of the checked sum by the value of each."""

from collections.abc import Iterator, Mapping

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.steps.record import Record
from scratchcnn.gradcheck.diagnosis.steps.tape import Tape

# As a share: how far the values of a record and those of forward may be apart, and are the same.
SAME = 1e-9


def flows(record: Record, cotangent: Array, values: Mapping[str, Array]) -> dict[str, Array]:
    """By the text of an expression of forward, what flows back to its value.

    Parameters
    ----------
    record
        Of forward.
    cotangent
        Of the output's shape.
    values
        By the text of an expression, its value. One that is computed several times has no entry in what is returned,
        and one whose numbers are not all used has none.
    """
    adjoint = _adjoint(record, cotangent)
    found: dict[str, Array] = {}
    for nodes in _expressions(record):
        results = np.array([record.tape.results[node] for node in nodes])
        for text, value in values.items():
            if value.size == len(nodes) and text not in found:
                order = _order(results, value.reshape(-1))
                if order is not None:
                    found[text] = adjoint[np.array(nodes)[order]].reshape(value.shape)
    return found


def _adjoint(record: Record, cotangent: Array) -> Array:
    """(numbers,) the derivative of the checked sum by each number of the record."""
    tape, adjoint = record.tape, np.zeros(len(record.tape.parts))
    for node, weight in zip(record.outputs, cotangent.reshape(-1), strict=True):
        if node >= 0:
            adjoint[node] += weight
    for node in range(len(tape.parts) - 1, -1, -1):
        for part in tape.parts[node]:
            adjoint[part.of] += adjoint[node] * part.factor
    return adjoint


def _expressions(record: Record) -> Iterator[list[int]]:
    """The numbers of each expression, those that stand between others of the same expression left out."""
    used = set(record.outputs.tolist())
    tape: Tape = record.tape
    for node, parts in enumerate(tape.parts):
        used.update(part.of for part in parts if tape.sites[part.of] != tape.sites[node])
    of_site: dict[object, list[int]] = {}
    for node, site in enumerate(tape.sites):
        if site and node in used:
            of_site.setdefault(site, []).append(node)
    yield from of_site.values()


def _order(results: Array, value: Array) -> Array | None:
    """In which order the results are the value's entries; None where they are others."""
    near = SAME * float(np.abs(value).max(initial=0))
    if (np.abs(results - value) <= near).all():
        return np.arange(value.size)
    order = np.argsort(results)[np.argsort(np.argsort(value))]
    distinct = len(np.unique(value)) == value.size
    return order if distinct and (np.abs(results[order] - value) <= near).all() else None
