"""Which entries are looked at one by one, where not all of them can be."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array


def sample(shape: tuple[int, ...], most: int | None, rng: np.random.Generator) -> Array:
    """Flat indices of at most `most` entries, in ascending order; None for all.

    Some lie where a padding, a window or a loop goes wrong: the first and the last entry of the array, and an entry at
    the first and at the last place of each axis. Of these, in this order, as many are taken as `most` has room for. The
    rest is drawn.
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
