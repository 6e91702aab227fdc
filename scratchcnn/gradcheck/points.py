"""What a check draws: cotangents, and a second point."""

from collections.abc import Collection, Sequence

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.invariants import redrawn


def draw_cotangent(shape: tuple[int, ...], dtype: np.dtype, rng: np.random.Generator) -> Array:
    """Weights of mixed sign and size 0.5 to 2, no two alike: equal ones would hide a transpose."""
    size = int(np.prod(shape, dtype=np.int64))
    # One from each of `size` strips between 0.5 and 2, in random order.
    strips = rng.permutation(size) + rng.uniform(0.1, 0.9, size)
    return np.asarray(rng.choice([-1.0, 1.0], size) * (0.5 + 1.5 * strips / max(size, 1))).reshape(shape).astype(dtype)


def similar_cotangent(given: Array, rng: np.random.Generator) -> Array:
    """Another cotangent with the zeros and signs of the one that the caller gave, and numbers of its size."""
    drawn = np.abs(draw_cotangent(given.shape, np.dtype(np.float64), rng))
    sizes = np.abs(given[given != 0])
    typical = float(np.sort(sizes)[sizes.size // 2]) if sizes.size else 1.0
    similar: Array = (np.sign(given) * drawn * typical).astype(given.dtype)
    return similar


def elsewhere(inputs: Sequence[Array], wrt: Collection[int], rng: np.random.Generator) -> tuple[Array, ...]:
    """Other values for the inputs that are checked, of which holds what holds of those given; the rest stays.

    What is not checked (labels, masks, tables) may have to be what it is.
    """
    with np.errstate(all="ignore"):  # squares of what is huge
        return tuple(redrawn(a, rng) if k in wrt else a.copy() for k, a in enumerate(inputs))


def between(inputs: Sequence[Array], others: Sequence[Array], share: float) -> tuple[Array, ...]:
    """A point a little way towards another: sums, signs, order and symmetry that both have are there too."""
    pairs = zip(inputs, others, strict=True)
    return tuple(((1 - share) * a + share * b).astype(a.dtype) if a.dtype.kind == "f" else a.copy() for a, b in pairs)
