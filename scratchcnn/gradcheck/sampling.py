"""Which entries are looked at one by one, where not all of them can be."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array


def sample(shape: tuple[int, ...], most: int | None, rng: np.random.Generator) -> Array:
    """Flat indices of at most `most` entries, in order: the corners' and borders' first, the rest drawn.

    The first and the last entry are always among them, and entries on the first and last place of each axis: that is
    where a padding, a window or a loop goes wrong.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if most is None or size <= most:
        return np.arange(size)
    if most == 0:
        return np.empty(0, np.intp)
    chosen = [0, size - 1]
    for axis, length in enumerate(shape):
        for place in (0, length - 1):
            index = [int(rng.integers(n)) for n in shape]
            index[axis] = place
            chosen.append(int(np.ravel_multi_index(index, shape)))
    fixed = np.unique(chosen[:most])
    pool = np.setdiff1d(rng.choice(size, min(size, most + fixed.size), replace=False), fixed)
    return np.sort(np.concatenate([fixed, pool[: most - fixed.size]]))
