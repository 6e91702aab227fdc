"""Outputs that are not finite, and the entries they depend on. The other entries are judged by the other outputs."""

from operator import itemgetter
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.groups import REACH_DISTANCE
from scratchcnn.gradcheck.numerical.probe import Probe

# In units: how far entries are moved. The farthest comes first; nearer ones follow, for a function that is finite only
# nearby (arcsin at 2).
MOVE_DISTANCES = REACH_DISTANCE / 2.0 ** (np.arange(24) / 4)
# How many entries that change outputs which are not finite are looked for. If there are more, all entries are lost.
MOST_CULPRITS = 64


def finite_part(probe: Probe) -> Probe:
    """The same forward pass without the outputs that are not finite at the point."""
    return probe.followed_by(itemgetter(np.isfinite(probe.y0)))


def lost_entries(probe: Probe, entries: Array, unit: Array) -> Array:
    """(entries,) bool: which are not finite, or move an output that is not.

    An entry is seen to move such an output only if that becomes finite, or another infinity. But log(x).sum() at
    [-1, 1] stays NaN wherever the second entry goes. So the entries that are seen to move it are moved to where it is
    finite, and the others are looked at from there. If the output stays as it is, all entries are lost, since nobody
    knows which of them it depends on.
    """
    found: Array = ~np.isfinite(probe.base[entries])
    lost = np.flatnonzero(~np.isfinite(probe.y0))
    if not lost.size:
        return found
    culprits = _Movers(probe, unit, lost, MOST_CULPRITS)
    culprits.search(np.flatnonzero(np.isfinite(probe.base)))
    cured = [a.copy() for a in probe.arrays]
    for entry, value in culprits.found.items():
        cured[probe.index].reshape(-1)[entry] = value
    try:
        there = Probe(probe.forward, cured, probe.index, probe.dtype, fresh=probe.fresh)
    except Exception:  # forward has no value where all of them are moved together
        return np.ones(len(entries), bool)
    if len(culprits.found) > MOST_CULPRITS or not np.isfinite(there.y0[lost]).all():
        return np.ones(len(entries), bool)
    found |= np.isin(entries, list(culprits.found))
    others = _Movers(there, unit, lost, len(entries))
    others.search(entries[~found])
    found |= np.isin(entries, list(others.found))
    return found


class _Movers:
    """Finds the entries that change certain outputs, by bisection, up to about `most`.

    `found` has a value for each entry at which it changes one. Signs and distances of the moves are mixed, since a
    difference of entries stays as it is when all move alike.
    """

    def __init__(self, probe: Probe, unit: Array, outputs: Array, most: int) -> None:
        self.probe, self.unit, self.outputs, self.most = probe, unit, outputs, most
        self.found: dict[int, Any] = {}
        self.rng = np.random.default_rng(0)
        self.y = np.empty(probe.outputs, probe.dtype)

    def search(self, entries: Array) -> None:
        """Looks among some entries."""
        if not entries.size or len(self.found) > self.most:
            return
        moved = self._moved(entries)
        if moved is not None and entries.size == 1:
            self.found[int(entries[0])] = moved[0]
        elif moved is not None:
            half = entries.size // 2
            self.search(entries[:half])
            self.search(entries[half:])

    def _moved(self, entries: Array) -> Array | None:
        """Values of the entries at which an output changes, as many as possible finite; None if none does."""
        probe, here = self.probe, self.probe.y0[self.outputs]
        shape = len(MOVE_DISTANCES), len(entries)
        moves = self.unit[entries] * self.rng.choice([-1.0, 1.0], shape) * self.rng.uniform(0.8, 1, shape)
        moves *= MOVE_DISTANCES[:, None]
        best, most = None, -1
        for move in np.concatenate([-moves, moves]):
            probe.move(entries, probe.base[entries] + move, self.y)
            there = self.y[self.outputs]
            finite = int(np.isfinite(there).sum())
            if finite > most and not ((there == here) | (np.isnan(there) & np.isnan(here))).all():
                best, most = probe.base[entries] + move, finite
            if most == len(here):
                break
        return best
