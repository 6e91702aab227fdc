"""Which entries can be moved together: those whose outputs do not overlap (Curtis, Powell and Reid 1974)."""

from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP

# How many of the last groups an entry is tried in before it opens a new one. This bounds the search where all overlap.
MOST_TRIED_GROUPS = 64
# In units: so far that every output that depends on the entry moves, also one that is saturated (a sigmoid at 40).
REACH_DISTANCE = 32 * UNEVEN_STEP


@dataclass(frozen=True)
class Group:
    """Entries that are looked at together.

    With `outputs`, the entries move together, and each owns some of the outputs: `outputs` lists them by owner,
    `starts` says where each owner's share begins (for `np.add.reduceat`), `owners` which of the entries the owners are.
    Without `outputs`, each entry moves alone, and its outputs stand in a row of their own.
    """

    entries: Array
    outputs: Array | None = None
    starts: Array | None = None
    owners: Array | None = None

    def share(self, values: Array) -> Array:
        """(..., entries): sums over the outputs of each entry, from (..., outputs) or (..., entries, outputs)."""
        if self.outputs is None or self.starts is None:
            alone: Array = values.sum(axis=-1)
            return alone
        total = np.zeros((*values.shape[:-1], len(self.entries)), values.dtype)
        if self.outputs.size:
            total[..., self.owners] = np.add.reduceat(values[..., self.outputs], self.starts, axis=-1)
        return total

    def strays(self, moved: Array) -> bool:
        """Whether an output moved that no entry owns: then the entries do not belong together."""
        return self.outputs is not None and int(moved.sum()) != int(moved[self.outputs].sum())

    def apart(self, most: int) -> list["Group"]:
        """The same entries, each moved alone, in groups of at most `most`."""
        return [Group(self.entries[k : k + most]) for k in range(0, len(self.entries), most)]


def grouped(entries: Array, outputs: Array, owner: Array) -> Group:
    """The group in which `outputs[k]` belongs to `entries[owner[k]]`."""
    order = np.argsort(owner, kind="stable")
    owners, starts = np.unique(owner[order], return_index=True)
    return Group(entries, outputs[order], starts, owners)


def depends(probe: Probe, entry: int, unit: float) -> Array:
    """(outputs,) bool: which outputs move when the entry, whose unit is given, moves far.

    A move that leaves forward's domain tells nothing; the entry is then moved by half a unit.
    """
    y = np.empty((2, probe.outputs), probe.dtype)
    x = probe.base[entry]
    for distance in (REACH_DISTANCE * unit, unit / 2):
        probe.move(entry, x - distance, y[0])
        probe.move(entry, x + distance, y[1])
        inside = ~np.isnan(y).all(axis=1)
        if inside.any():
            break
    moved: Array = (y[inside] != probe.y0).any(axis=0)
    return moved


def elementwise(probe: Probe, entries: Array, unit: Array) -> Group | None:
    """One group of all entries, where each output depends on a single one of them; else None.

    Entries are numbered. For each binary digit, the entries with digit 0 move, then those with digit 1. An output that
    moves both times depends on two entries. Otherwise the digits at which it moves are the number of its owner. So
    4 log2(n) evaluations tell what 2 n single moves would.
    """
    if probe.outputs < len(entries) or len(entries) < 2:
        return None
    number = np.arange(len(entries))
    owner = np.zeros(probe.outputs, np.intp)
    known: Array | None = None
    y = np.empty(probe.outputs, probe.dtype)
    points = probe.base[entries] - REACH_DISTANCE * unit[entries], probe.base[entries] + REACH_DISTANCE * unit[entries]
    for digit in range((len(entries) - 1).bit_length()):
        moved = np.zeros((2, probe.outputs), bool)
        for bit in (0, 1):
            chosen = (number >> digit) & 1 == bit
            for point in points:
                probe.move(entries[chosen], point[chosen], y)
                moved[bit] |= y != probe.y0
        either: Array = moved[0] | moved[1]
        if (moved[0] & moved[1]).any() or (known is not None and (known != either).any()):
            return None
        known = either
        owner |= moved[1].astype(np.intp) << digit
    outputs = np.flatnonzero(y if known is None else known)
    return grouped(entries, outputs, owner[outputs])


def disjoint(entries: Array, depend: Array) -> list[Group]:
    """Groups of entries that share no output, by first fit.

    Parameters
    ----------
    entries
        (n,) flat indices.
    depend
        (n, outputs) bool: which outputs depend on each entry.
    """
    taken: list[int] = []  # the outputs of each group, as the bits of an integer
    members: list[list[int]] = []
    for k, row in enumerate(np.packbits(depend, axis=1)):
        pattern = int.from_bytes(row.tobytes(), "big")
        first = max(0, len(taken) - MOST_TRIED_GROUPS)
        home = next((g for g in range(first, len(taken)) if not taken[g] & pattern), None)
        if home is None:
            taken.append(pattern)
            members.append([k])
        else:
            taken[home] |= pattern
            members[home].append(k)
    return [_group(entries, depend, np.array(rows)) for rows in members]


def _group(entries: Array, depend: Array, rows: Array) -> Group:
    owner, outputs = np.nonzero(depend[rows])
    return grouped(entries[rows], outputs, owner)
